//! A thousand hosts, none of which is one: what the program itself takes.

use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use russh::keys::ssh_key::LineEnding;

use crate::program::Program;
use crate::ssh_server::{Answer, Options, SshServer, new_key, program};

const HOSTS: usize = 1000;
const MOST: u64 = 512 << 20;

#[test]
fn a_thousand_hosts_fit_into_512_mib() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rlimit();
    let home = Program::new();
    let (key, host_key) = (new_key(), new_key());
    key.write_openssh_file(home.path("key").as_path(), LineEnding::LF).unwrap();
    // no answer holds a record, so every fact is unknown; it is as long as a real one
    let servers: Vec<SshServer> = runtime.block_on(async {
        let mut servers = Vec::new();
        for _ in 0..HOSTS {
            let play = program::simulated(|_| Answer::text("x".repeat(31_000)));
            servers.push(SshServer::start(Options { host_key: host_key.clone(), program: play, ..Options::default() }).await);
        }
        servers
    });
    let (mut hosts, mut known) = (String::new(), String::new());
    for (index, server) in servers.iter().enumerate() {
        let (port, key) = (server.address.port(), home.path("key"));
        writeln!(
            hosts,
            "h{index} ansible_host=127.0.0.1 ansible_port={port} ansible_user=t ansible_ssh_private_key_file={}",
            key.display()
        )
        .unwrap();
        known += &server.known_hosts_line();
    }
    std::fs::create_dir(home.path("home/.ssh")).unwrap();
    home.file("hosts", &hosts).file("home/.ssh/known_hosts", &known);
    // with the limits of an ordinary login, and all at the same time
    let line = format!("ulimit -Sn 1024; exec {} facts -i hosts -f {HOSTS} -T 300 --output jsonl", env!("CARGO_BIN_EXE_homelabctl"));
    let mut child = home.command("/bin/sh").arg("-c").arg(line).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let out = child.stdout.take().unwrap();
    let lines = std::thread::spawn(move || std::io::read_to_string(out).unwrap());
    while child.try_wait().unwrap().is_none() {
        most = most.max(peak(Path::new(&status)));
        std::thread::sleep(Duration::from_millis(20));
    }
    let lines = lines.join().unwrap();
    let answered: u64 = servers.iter().map(|server| server.counts.scripts.get()).sum();
    eprintln!("{} MB for {HOSTS} hosts", most >> 20);
    assert_eq!(answered, HOSTS as u64, "{}", lines.chars().take(2000).collect::<String>());
    assert!(most < MOST, "{} MB", most >> 20);
}

/// The most memory that was ever resident, in bytes; 0 once the process has ended.
fn peak(status: &Path) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).map_or(0, |kilobytes| kilobytes.parse::<u64>().unwrap() * 1024)
}

/// Sockets for both ends.
fn rlimit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}
