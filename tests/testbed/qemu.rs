//! QEMU machines without virtualisation (`qemu.sh`), for disks that User-mode Linux cannot have. Their network and root shell
//! are as those of User-mode Linux.

use super::bed::Inner;
use super::error::{Doing, Result};
use super::spec::MachineSpec;
use super::{roots, uml};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Stdio};

/// Powers the machine on. Its disks, if it had any, are as they were.
pub fn launch(bed: &Inner, spec: &MachineSpec, number: u32, uuid: &str, console: &Path) -> Result<Child> {
    let boot = roots::qemu_boot(spec.suite)?;
    let image = roots::qemu_image(spec.suite, &boot)?;
    uml::make_room_for_disks(bed, number)?;
    let log = || File::options().append(true).create(true).open(console).doing(|| format!("cannot open {}", console.display()));
    let mut command = uml::first_process(bed, "qemu.sh");
    command.arg(bed.machine_dir(number)).arg(image).arg(boot).arg(uuid).arg(number.to_string()).arg(spec.memory.to_string());
    command.args(spec.disks.iter().map(|(serial, mebibytes)| format!("{serial}:{mebibytes}")));
    command.stdin(Stdio::null()).stdout(log()?).stderr(log()?).spawn().doing(|| "cannot start qemu.sh".into())
}
