//! Test keys, made by ssh-keygen: what OpenSSH writes is what our client has to read.

use super::error::{Doing, Result};
use super::process::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A host key's type, in ssh-keygen's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyType {
    Ed25519,
    Ecdsa,
    Rsa,
}

impl HostKeyType {
    /// As `ssh-keygen -t` and the file names in /etc/ssh have it.
    pub fn name(self) -> &'static str {
        match self {
            HostKeyType::Ed25519 => "ed25519",
            HostKeyType::Ecdsa => "ecdsa",
            HostKeyType::Rsa => "rsa",
        }
    }
}

/// Makes a key pair without a passphrase: `path` and `path.pub`.
pub fn generate(kind: HostKeyType, path: &Path, comment: &str) -> Result<()> {
    run(Command::new("ssh-keygen").args(["-q", "-t", kind.name(), "-N", "", "-C", comment, "-f"]).arg(path)).map(drop)
}

/// The public half as one line: type, key, comment.
pub fn public_line(path: &Path) -> Result<String> {
    let path = PathBuf::from(format!("{}.pub", path.display()));
    Ok(fs::read_to_string(&path).doing(|| format!("cannot read {}", path.display()))?.trim_end().to_owned())
}

/// Signs `path.pub` as a user's key (valid for `principal`) or as a host's; writes `path-cert.pub`.
pub fn certify(ca: &Path, path: &Path, principals: &[&str], host: bool) -> Result<()> {
    let mut command = Command::new("ssh-keygen");
    command.arg("-q").arg("-s").arg(ca).args(["-I", "testbed", "-n", &principals.join(",")]);
    if host {
        command.arg("-h");
    }
    run(command.arg(format!("{}.pub", path.display()))).map(drop)
}
