//! nspawn machines: starting one (`nspawn.sh`), finding its first process, running commands inside without SSH.

use super::bed::Inner;
use super::error::{Doing, Result};
use super::roots;
use super::seed::Nic;
use super::spec::MachineSpec;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The interfaces of a machine with this number: one for each bridge it is on, 10.77.BRIDGE.NUMBER.
pub fn nics(spec: &MachineSpec, number: u32) -> Vec<Nic> {
    let name = |i: usize, bridge: &u8| if i == 0 { "host0".into() } else { format!("link{bridge}") };
    spec.links.iter().enumerate().map(|(i, b)| Nic { name: name(i, b), address: format!("10.77.{b}.{number}") }).collect()
}

/// Powers the machine on. Its disk, if it had one, is as it was.
pub fn launch(bed: &Inner, spec: &MachineSpec, number: u32, uuid: &str, console: &Path) -> Result<Child> {
    let root = roots::debian(spec.suite)?;
    let bridges: Vec<String> = spec.links.iter().map(u8::to_string).collect();
    let log = || File::options().append(true).create(true).open(console).doing(|| format!("cannot open {}", console.display()));
    let mut command = bed.keeper.lock().unwrap().command("sh");
    command.arg(bed.script("nspawn.sh"));
    command.arg(bed.machine_dir(number)).arg(root).arg(&bed.cgroup).arg(uuid).arg(&spec.name).arg(number.to_string());
    command.arg(bridges.join(" ")).arg(if spec.full_disk { "64M" } else { "50%" });
    command.stdin(Stdio::null()).stdout(log()?).stderr(log()?).spawn().doing(|| "cannot start nspawn.sh".into())
}

/// The machine's own network namespace.
pub fn network(init: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{init}/ns/net"))
}

/// A command inside the machine, as root, in all of its namespaces.
pub fn command(init: u32, script: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &init.to_string(), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/", "--"]);
    command.args(["/usr/bin/env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]);
    command.args(["/bin/sh", "-c", script]).stdin(Stdio::null());
    command
}

/// The outer end of the machine's first link.
pub fn outer_interface(number: u32) -> String {
    format!("vb-n{number}")
}
