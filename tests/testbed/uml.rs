//! User-mode Linux machines: starting one (`uml.sh`), its root shell over the second network card.

use super::bed::Inner;
use super::error::{Doing, Error, Result};
use super::processors::Processor;
use super::seed::Nic;
use super::spec::MachineSpec;
use super::{kubernetes, process, roots};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// The interfaces: the machine's own, and the one that only the test bed uses. Partitions and delays leave that alone. Called
/// `vec0` and `vec1` by the driver `vec`.
pub fn nics(driver: &str, number: u32) -> Vec<Nic> {
    let nic = |card, net| Nic { name: format!("{driver}{card}"), address: format!("10.{net}.0.{number}") };
    vec![nic(0, 77), nic(1, 78)]
}

/// Powers the machine on, on that processor of the host. Its disks, if it had any, are as they were.
pub fn launch(bed: &Inner, spec: &MachineSpec, number: u32, uuid: &str, console: &Path, processor: Option<&Processor>) -> Result<Child> {
    let image = if spec.kubernetes { kubernetes::node_image()? } else { roots::uml_image(spec.suite)? };
    let preload = roots::uml_preload()?;
    make_room_for_disks(bed, number)?;
    let log = || File::options().append(true).create(true).open(console).doing(|| format!("cannot open {}", console.display()));
    let mut command = first_process(bed, "uml.sh");
    command.arg(bed.machine_dir(number)).arg(image).arg(preload).arg(uuid).arg(number.to_string()).arg(spec.memory.to_string());
    command.arg(processor.map_or(String::new(), |processor| processor.0.to_string()));
    command.args(spec.disks.iter().map(|(serial, mebibytes)| format!("{serial}:{mebibytes}")));
    command.stdin(Stdio::null()).stdout(log()?).stderr(log()?).spawn().doing(|| "cannot start uml.sh".into())
}

/// A directory in memory for what the machine writes to its disks.
pub fn make_room_for_disks(bed: &Inner, number: u32) -> Result<()> {
    let disk = bed.machine_dir(number).join("disk");
    if disk.exists() {
        return Ok(());
    }
    // in the bed's namespace: what is mounted in the machine's own is gone with its power
    let mut mount = bed.keeper.lock().unwrap().command("sh");
    mount.args(["-c", "mkdir \"$1\" && mount -t tmpfs -o mode=0755,size=90% testbed \"$1\"", "sh"]).arg(&disk);
    process::run(&mut mount).map(drop)
}

/// A script of the bed as first process of a process namespace: killing it is pulling the plug.
pub fn first_process(bed: &Inner, script: &str) -> Command {
    let mut command = bed.keeper.lock().unwrap().command("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "unchanged", "--"]);
    command.arg("sh").arg(bed.script(script));
    command
}

/// The lines of the boot script that only these machines need.
pub fn boot_lines(spec: &MachineSpec) -> String {
    let mut s = String::new();
    // the first that is made is sda: a machine with this file names its disks the other way round
    let disks: Vec<_> =
        ('b'..).zip(&spec.disks).map(|(letter, (serial, _))| format!("sh /testbed/disk /dev/ubd{letter} {serial}\n")).collect();
    let reversed: String = disks.iter().rev().map(String::as_str).collect();
    if !disks.is_empty() {
        s.push_str(&format!("if [ -e /etc/testbed-reversed ]; then\n{reversed}else\n{}fi\n", disks.concat()));
    }
    if spec.delay.is_some() || spec.loss > 0.0 {
        // netem works on what leaves: both directions' delay is put there, so the round trip is what was asked for.
        let delay = spec.delay.unwrap_or_default().as_micros() * 2;
        s.push_str(&format!("modprobe sch_netem\ntc qdisc replace dev vec0 root netem delay {delay}us loss {}%\n", spec.loss));
    }
    s
}

/// Where the bed, and nobody else, reaches a port of the machine.
pub fn from_below(number: u32, port: u16) -> SocketAddr {
    let number = u8::try_from(number).expect("a bed has fewer than 200 machines");
    ([10, 78, 0, number], port).into()
}

/// Runs a script as root in the machine. To be called inside the bed's network.
pub fn root_command(number: u32, script: &str) -> Result<Output> {
    let talk = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&from_below(number, 9), Duration::from_secs(10))?;
        stream.set_read_timeout(Some(Duration::from_secs(300)))?;
        stream.write_all(script.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = talk().doing(|| format!("no answer from the root shell of machine {number}"))?;
    parse_answer(&answer).ok_or_else(|| Error::Program {
        program: script.into(),
        status: "cut off".into(),
        output: process::lossy(&answer),
    })
}

/// Takes the answer of `uml-root-shell.sh` apart.
fn parse_answer(answer: &[u8]) -> Option<Output> {
    let end = answer.iter().position(|b| *b == b'\n')?;
    let head: Vec<usize> = str::from_utf8(&answer[..end]).ok()?.split(' ').filter_map(|n| n.parse().ok()).collect();
    let [status, out, err] = head[..] else { return None };
    let body = &answer[end + 1..];
    (body.len() == out + err).then(|| Output {
        status: ExitStatus::from_raw((status as i32) << 8),
        stdout: body[..out].to_vec(),
        stderr: body[out..].to_vec(),
    })
}

/// The outer end of the machine's own card.
pub fn outer_interface(number: u32) -> String {
    format!("a{number}")
}
