//! What the tests of this folder share.

use std::process::{Command, Output, Stdio};

/// The shells that every script must run in.
pub const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "ash"]];

/// Runs a script as the long-lived shell does: in a child shell, with the nonce in `$k` and no standard input.
pub fn run(shell: &[&str], nonce: &str, script: &str) -> Output {
    let (program, arguments) = shell.split_first().unwrap();
    Command::new(program)
        .args(arguments)
        .args(["-c", "k=$1 s=$2; ( eval \"$s\" ) </dev/null", "sh", nonce, script])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
