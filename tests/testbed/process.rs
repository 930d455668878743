//! Running the host's programs, and finding processes.

use super::error::{Doing, Error, Result};
use std::fs;
use std::process::{Command, Output};

/// Runs a program to its end; a status other than 0 is an error that carries what it said.
pub fn run(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().doing(|| format!("cannot run {program} (tests/testbed/install.sh installs what is missing)"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    Err(Error::Program { program: format!("{command:?}"), status: output.status.to_string(), output: lossy(&said) })
}

/// Bytes as text, without the line end.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// The processes whose parent is `parent`.
pub fn children(parent: u32) -> Vec<u32> {
    let wanted = format!("PPid:\t{parent}");
    pids().into_iter().filter(|pid| status_lines(*pid).contains(&wanted)).collect()
}

/// The first process of the machine that `nsenter` started: its child is systemd-nspawn or unshare, whose child it is.
pub fn init_below(nsenter: u32) -> Option<u32> {
    let between = children(nsenter).into_iter().next()?;
    children(between).into_iter().find(|pid| is_init_of_a_namespace(*pid))
}

/// Whether a process is the first one of a process namespace below ours.
fn is_init_of_a_namespace(pid: u32) -> bool {
    status_lines(pid).iter().any(|l| {
        l.strip_prefix("NSpid:").is_some_and(|ids| {
            let ids: Vec<&str> = ids.split_whitespace().collect();
            ids.len() > 1 && ids.last() == Some(&"1")
        })
    })
}

/// When a process started, in clock ticks since boot (proc(5), field 22 of stat): with the id it names one process for good.
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may hold spaces and brackets.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect()
}

fn status_lines(pid: u32) -> Vec<String> {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default().lines().map(str::to_owned).collect()
}
