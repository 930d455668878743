//! git's own plumbing, by process.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs git in a repository; its answer without the last line end, or its words.
pub fn git(dir: &Path, args: &[&str], input: &[u8]) -> Result<String, String> {
    git_as(dir, args, input, ("Somebody", "somebody@example.org"))
}

/// As [`git`], every byte of its answer.
pub fn git_bytes(dir: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    run(dir, args, b"", ("Somebody", "somebody@example.org"))
}

/// As somebody.
pub fn git_as(dir: &Path, args: &[&str], input: &[u8], who: (&str, &str)) -> Result<String, String> {
    run(dir, args, input, who).map(text)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim_end_matches('\n').to_owned()
}

fn run(dir: &Path, args: &[&str], input: &[u8], (name, email): (&str, &str)) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(dir).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), name).env(format!("GIT_{who}_EMAIL"), email);
    }
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let ran = child.wait_with_output().unwrap();
    if ran.status.success() { Ok(ran.stdout) } else { Err(text(ran.stderr)) }
}
