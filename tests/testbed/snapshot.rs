//! Snapshots of machines with disks of their own: what is on them after a shutdown in good order, to start from again and again.

use super::error::{Doing, Result};
use super::machine::{Machine, fresh_uuid};
use super::process::run;
use std::fs;
use std::path::{Path, PathBuf};

/// The disks of a machine at one moment; of a copy-on-write disk only what was written to it. Good for every machine of that number in a
/// bed, whenever: it has the same address, and the keys of its own bed.
pub struct Snapshot {
    dir: PathBuf,
}

/// In a snapshot, the machine-id.
const ID: &str = "machine-id";

impl Snapshot {
    /// Shuts the machine down and copies its disks into a directory; the machine stays off.
    pub fn take(machine: &mut Machine, dir: &Path) -> Result<Snapshot> {
        machine.shut_down()?;
        fs::create_dir_all(dir.join("disk")).doing(|| format!("cannot make {}", dir.display()))?;
        copy(machine, &machine.bed.machine_dir(machine.number).join("disk"), &dir.join("disk"))?;
        fs::write(dir.join(ID), &machine.uuid).doing(|| format!("cannot write into {}", dir.display()))?;
        Ok(Snapshot { dir: dir.to_owned() })
    }

    /// One that was taken before.
    pub fn taken(dir: &Path) -> Option<Snapshot> {
        dir.join(ID).exists().then(|| Snapshot { dir: dir.to_owned() })
    }

    /// The machine, which loses its power if it is on, starts from it.
    pub fn start(&self, machine: &mut Machine) -> Result<()> {
        let id = self.dir.join(ID);
        machine.uuid = fs::read_to_string(&id).doing(|| format!("cannot read {}", id.display()))?;
        self.start_as_it_is(machine)
    }

    /// The same with a machine-id that no machine has had: it is another machine, of the same name, address and host keys.
    pub fn start_another(&self, machine: &mut Machine) -> Result<()> {
        machine.uuid = fresh_uuid(machine.number);
        self.start_as_it_is(machine)
    }

    fn start_as_it_is(&self, machine: &mut Machine) -> Result<()> {
        machine.kill();
        copy(machine, &self.dir.join("disk"), &machine.bed.machine_dir(machine.number).join("disk"))?;
        machine.power_on()?;
        // keys, which are of the bed that the snapshot was taken in
        machine.root_says("cp -r --preserve=mode /testbed/files/. / && systemctl restart ssh").map(drop)
    }
}

/// What is in a directory, with its holes, takes the place of what is in another. The disks are in a file system of the bed's.
fn copy(machine: &Machine, from: &Path, to: &Path) -> Result<()> {
    let mut command = machine.bed.keeper.lock().unwrap_or_else(|e| e.into_inner()).command("sh");
    command.args(["-c", "rm -f -- \"$2\"/* && cp -a --sparse=auto -- \"$1\"/. \"$2\"", "sh"]).arg(from).arg(to);
    run(&mut command).map(drop)
}
