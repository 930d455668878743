//! The program alone: many hosts, none of which costs anything but its side of the connection.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use homelabctl::transport::{Become, Collected, Connection};
use russh::keys::ssh_key::LineEnding;

use crate::Arguments;
use crate::measure::{Cost, FactsScript, cost, homelabctl, median};
use crate::servers::{NONCE, Servers};
use crate::ssh_server::new_key;

/// All hosts' cost at one number of hosts.
pub struct Row {
    pub hosts: usize,
    pub wall: Duration,
    pub processor: Duration,
    pub memory: u64,
}

pub fn measure(arguments: &Arguments, script: &FactsScript) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let answer = dir.path().join("answer");
    std::fs::write(&answer, recorded(script)).unwrap();
    new_key().write_openssh_file(dir.path().join("key").as_path(), LineEnding::LF).unwrap();
    std::fs::create_dir(dir.path().join(".ssh")).unwrap();
    let most = *arguments.hosts.iter().max().unwrap();
    let servers = Servers::start(most, &answer);
    std::fs::write(dir.path().join(".ssh/known_hosts"), &servers.known_hosts).unwrap();
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); arguments.hosts.len()];
    for round in 0..=arguments.rounds {
        for (costs, &hosts) in costs.iter_mut().zip(&arguments.hosts) {
            let inventory: String = servers.ports[..hosts].iter().enumerate().fold(String::new(), |mut text, (index, port)| {
                writeln!(text, "h{index} ansible_host=127.0.0.1 ansible_port={port} ansible_user=t ansible_ssh_private_key_file=key")
                    .unwrap();
                text
            });
            std::fs::write(dir.path().join("hosts"), inventory).unwrap();
            let mut command = Command::new(homelabctl());
            command.current_dir(dir.path()).env("HOME", dir.path()).env_remove("SSH_AUTH_SOCK").env_remove("XDG_STATE_HOME");
            command.args(["facts", "-i", "hosts", "-f", &hosts.to_string(), "-T", "60", "--output", "json"]);
            let cost = cost(command, 0);
            eprintln!("{hosts} simulated hosts, round {round}: {cost:?}");
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let row = |(costs, &hosts): (&Vec<Cost>, &usize)| Row {
        hosts,
        wall: median(costs.iter().map(|cost| cost.wall)),
        processor: median(costs.iter().map(|cost| cost.processor)),
        memory: median(costs.iter().map(|cost| cost.memory)),
    };
    costs.iter().zip(&arguments.hosts).map(row).collect()
}

/// What this machine answers to the script, so that the simulated hosts' answers are as long as real ones.
fn recorded(script: &FactsScript) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let output = runtime.block_on(async {
        let limit = Duration::from_secs(60);
        let mut shell = Connection::Local.shell(&Become::No, limit).await.unwrap();
        let mut output = Collected::up_to(32 << 20);
        shell.run(&script.text, &mut output, limit).await.unwrap();
        output.stdout
    });
    String::from_utf8_lossy(&output).replace(script.nonce.as_str(), NONCE)
}
