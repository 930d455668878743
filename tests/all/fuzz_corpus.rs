//! The fuzzer's inputs, those that once broke something among them, run again without the fuzzer.

#[path = "../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../fuzz/src/known_hosts.rs"]
mod known_hosts;
#[path = "../../fuzz/src/records.rs"]
mod records;
#[path = "../../fuzz/src/ssh_config.rs"]
mod ssh_config;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        if let Err(panic) = std::panic::catch_unwind(|| run(&data)) {
            eprintln!("it was {}", path.display());
            std::panic::resume_unwind(panic);
        }
        count += 1;
    }
    assert!(count >= 10, "{} has only {count} files", dir.display());
}

#[test]
fn frames_corpus() {
    replay("frames", frames::run);
}

#[test]
fn records_corpus() {
    replay("records", records::run);
}

#[test]
fn known_hosts_corpus() {
    replay("known_hosts", known_hosts::run);
}

#[test]
fn ssh_config_corpus() {
    replay("ssh_config", ssh_config::run);
}
