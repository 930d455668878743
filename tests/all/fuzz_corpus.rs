//! The fuzzer's inputs, those that once broke something among them, run again without the fuzzer.

#[path = "../../fuzz/src/extra_vars.rs"]
mod extra_vars;
#[path = "../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../fuzz/src/ini.rs"]
mod ini;
#[path = "../../fuzz/src/known_hosts.rs"]
mod known_hosts;
#[path = "../../fuzz/src/literal.rs"]
mod literal;
#[path = "../../fuzz/src/pattern.rs"]
mod pattern;
#[path = "../../fuzz/src/range.rs"]
mod range;
#[path = "../../fuzz/src/reading.rs"]
mod reading;
#[path = "../../fuzz/src/records.rs"]
mod records;
#[path = "../../fuzz/src/script_output.rs"]
mod script_output;
#[path = "../../fuzz/src/ssh_config.rs"]
mod ssh_config;
#[path = "../../fuzz/src/template.rs"]
mod template;
#[path = "../../fuzz/src/vault.rs"]
mod vault;
#[path = "../../fuzz/src/yaml.rs"]
mod yaml;

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

#[test]
fn ini_corpus() {
    replay("ini", ini::run);
}

#[test]
fn pattern_corpus() {
    replay("pattern", pattern::run);
}

#[test]
fn range_corpus() {
    replay("range", range::run);
}

#[test]
fn yaml_corpus() {
    replay("yaml", yaml::run);
}

#[test]
fn literal_corpus() {
    replay("literal", literal::run);
}

#[test]
fn extra_vars_corpus() {
    replay("extra_vars", extra_vars::run);
}

#[test]
fn vault_corpus() {
    replay("vault", vault::run);
}

#[test]
fn script_output_corpus() {
    replay("script_output", script_output::run);
}

#[test]
fn template_corpus() {
    replay("template", template::run);
}
