//! The simulated servers, in a process of their own, so that what they cost is not counted.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::ssh_server::{Answer, Options, SshServer, new_key, program};

/// Stands for the nonce in a recorded answer.
pub const NONCE: &str = "@@nonce@@";

/// That process, seen from this one; dropping it ends it.
pub struct Servers {
    /// The lines of known_hosts for all of them.
    pub known_hosts: String,
    pub ports: Vec<u16>,
    child: Child,
    input: Option<ChildStdin>,
}

impl Servers {
    pub fn start(count: usize, answer: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("servers").arg(count.to_string()).arg(answer).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().take(count).map(Result::unwrap).collect();
        let port = |line: &String| line.split_once("]:").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        let ports = lines.iter().map(port).collect();
        Self { known_hosts: lines.join("\n") + "\n", ports, input: child.stdin.take(), child }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Is that process: prints each server's line of known_hosts and waits.
pub fn serve(count: usize, answer: &Path) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let answer = std::fs::read_to_string(answer).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _servers = runtime.block_on(async {
        let (key, mut servers) = (new_key(), Vec::new());
        for _ in 0..count {
            let answer = answer.clone();
            let play = program::simulated(move |script| Answer::text(answer.replace(NONCE, nonce(&script.text))));
            let server = SshServer::start(Options { host_key: key.clone(), program: play, ..Options::default() }).await;
            print!("{}", server.known_hosts_line());
            servers.push(server);
        }
        servers
    });
    // until the other side is gone
    let _ = std::io::stdin().read(&mut [0]);
    runtime.shutdown_background();
}

/// What the script sets `k` to.
fn nonce(script: &str) -> &str {
    let (_, rest) = script.split_once("\nk=").expect("the script sets its nonce");
    let rest = rest.trim_start_matches('\'');
    &rest[..rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len())]
}
