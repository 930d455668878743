//! Records what the real `ssh` does: `make oracle` writes `tests/records/ssh`.
//!
//! Needs root (namespaces), and the programs ssh, sshd, ssh-keygen, unshare, ip and mount. Everything runs in
//! namespaces of its own with their own /home, /etc/ssh, users, host names and network; nothing outside is touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod config;
mod config_cases;
mod host_cases;
mod hosts;
mod record;
mod sandbox;

use std::path::Path;

use serde::Serialize;

fn write(name: &str, records: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/ssh").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, serde_json::to_string_pretty(records).unwrap() + "\n").unwrap();
    println!("{}", path.display());
}

fn main() {
    write("config.json", &record::ConfigRecords { ssh: sandbox::ssh_version(), cases: config::record() });
    write("known_hosts.json", &hosts::record());
}
