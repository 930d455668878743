//! One process: how long it took, and what it used.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use homelabctl::node::facts::everything;
use homelabctl::node::script::Script;
use homelabctl::transport::Nonce;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// The script that `homelabctl facts` sends.
pub struct FactsScript {
    pub nonce: Nonce,
    pub text: String,
    /// How many facts it reads.
    pub facts: usize,
}

impl FactsScript {
    pub fn new() -> Self {
        let (nonce, queries, mut script) = (Nonce::new(), everything(), Script::new());
        script.set("k", nonce.as_str()).unwrap();
        script.probe(&queries);
        Self { text: script.finish(), nonce, facts: queries.len() }
    }
}

/// What a process cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    /// In user and kernel mode, with the children that it waited for.
    pub processor: Duration,
    /// The most memory that was resident, in bytes.
    pub memory: u64,
    /// How many bytes it has read.
    pub read: u64,
}

/// The program that is measured: it lies beside this one, or above it for an example.
pub fn homelabctl() -> PathBuf {
    let mut dir = std::env::current_exe().unwrap();
    while dir.pop() {
        let program = dir.join("homelabctl");
        if program.is_file() {
            return program;
        }
    }
    panic!("homelabctl is not built")
}

/// Runs a command that must succeed, with its output thrown away; how long it took.
pub fn time(mut command: Command, name: &str) -> Duration {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    let wall = began.elapsed();
    assert!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    wall
}

/// Runs a command that must end with that status; all that it cost.
pub fn cost(mut command: Command, status: i32) -> Cost {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut memory = 0;
    while !has_ended(&child) {
        memory = memory.max(peak(child.id()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let wall = began.elapsed();
    let (processor, read) = (processor_time(child.id()), bytes_read(child.id()));
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(status), "{command:?}");
    Cost { wall, processor, memory, read }
}

/// Whether it has; it can still be looked at until it is waited for.
fn has_ended(child: &Child) -> bool {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    waitid(WaitId::Pid(pid.unwrap()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT).unwrap().is_some()
}

/// proc(5), /proc/PID/status. It only grows, so the last look before the end counts.
fn peak(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).map_or(0, |kilobytes| kilobytes.parse::<u64>().unwrap() * 1024)
}

/// proc(5), /proc/PID/io.
fn bytes_read(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

/// proc(5), /proc/PID/stat, fields 14 to 17.
fn processor_time(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    let ticks: u64 = rest.split_whitespace().skip(11).take(4).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// The middle one.
pub fn median<T: Ord + Copy>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort();
    values[values.len() / 2]
}
