//! Asks `ssh -G` and `ssh -v` about the look-ups.

use std::collections::BTreeMap;

use super::config_cases;
use super::record::{ConfigAnswer, ConfigInput, ConfigRecord, DEFAULTS, Settings};
use super::sandbox::{Sandbox, text};

/// The keywords of `ssh -G` that are compared.
const COMPARED: &[&str] = &[
    "addressfamily",
    "batchmode",
    "bindaddress",
    "certificatefile",
    "connectionattempts",
    "connecttimeout",
    "globalknownhostsfile",
    "hashknownhosts",
    "host",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "kbdinteractiveauthentication",
    "numberofpasswordprompts",
    "passwordauthentication",
    "port",
    "preferredauthentications",
    "proxyjump",
    "pubkeyauthentication",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "tcpkeepalive",
    "user",
    "userknownhostsfile",
];

/// Records all look-ups. What is as without any file is left out, but for the case `defaults` itself.
pub fn record() -> Vec<ConfigRecord> {
    let mut records: Vec<ConfigRecord> = config_cases::all().into_iter().map(|input| ConfigRecord { answer: ask(&input), input }).collect();
    let defaults = records.iter().find_map(|record| match &record.answer {
        ConfigAnswer::Settings(settings) if record.input.name == DEFAULTS => Some(settings.clone()),
        _ => None,
    });
    let defaults = defaults.unwrap();
    for record in records.iter_mut().filter(|record| record.input.name != DEFAULTS) {
        if let ConfigAnswer::Settings(settings) = &mut record.answer {
            settings.g.retain(|keyword, value| defaults.g.get(keyword) != Some(value));
            if settings.identity_files == defaults.identity_files {
                settings.identity_files = None;
            }
        }
    }
    records
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn ask(input: &ConfigInput) -> ConfigAnswer {
    let mut files = input.files.clone();
    files.insert("/home/me/.ssh/config".into(), input.config.clone());
    files.insert("/etc/ssh/ssh_config".into(), input.system.clone());
    let sandbox = Sandbox::new(&files);
    let mut args = String::new();
    for file in &input.identity_files {
        args += &format!(" -i {}", quoted(file));
    }
    if let Some(port) = input.port {
        args += &format!(" -p {port}");
    }
    if let Some(user) = &input.user {
        args += &format!(" -l {}", quoted(user));
    }
    for option in &input.options {
        args += &format!(" -o {}", quoted(option));
    }
    let host = quoted(&input.host);
    let shown = sandbox.run(&format!("exec ssh -G {args} -- {host}"), &input.env);
    let refused = |stderr: &[u8]| ConfigAnswer::Refused(text(stderr).lines().map(str::to_owned).collect());
    if !shown.status.success() {
        return refused(&shown.stderr);
    }
    let mut g: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text(&shown.stdout).lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        if COMPARED.contains(&keyword) {
            g.entry(keyword.to_owned()).or_default().push(value.to_owned());
        }
    }
    // The keys are named only once a connection stands, for which any process will do.
    let keys = sandbox.run(&format!("exec ssh -v -o ProxyCommand=true {args} -- {host}"), &input.env);
    let log = text(&keys.stderr);
    // With a proxy of its own, its command is named as it is run; there is no network that it could use.
    let proxied = text(&sandbox.run(&format!("exec ssh -v {args} -- {host}"), &input.env).stderr);
    let command = proxied.lines().find_map(|line| line.strip_prefix("debug1: Executing proxy command: exec "));
    let jumps = g.contains_key("proxyjump");
    let failed = |log: &str| log.contains("expand: unknown key %") || log.contains("invalid environment variable");
    if failed(&log) {
        return refused(&keys.stderr);
    }
    // Behind a jump it would be another ssh that complains.
    if !jumps && failed(&proxied) {
        return refused(proxied.as_bytes());
    }
    assert!(log.contains("Executing proxy command"), "{}: {log}", input.name);
    let mut identity_files: Vec<String> = Vec::new();
    for line in log.lines() {
        let Some(file) = line.strip_prefix("debug1: identity file ").and_then(|rest| rest.rsplit_once(" type ")) else { continue };
        let beside = identity_files.last().is_some_and(|last| format!("{last}-cert") == file.0);
        if !beside {
            identity_files.push(file.0.to_owned());
        }
    }
    ConfigAnswer::Settings(Settings {
        g,
        identity_files: Some(identity_files),
        proxy_command: command.filter(|_| !jumps).map(str::to_owned),
    })
}
