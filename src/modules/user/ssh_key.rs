//! `generate_ssh_key`

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value};
use sha2::Digest;

use super::super::halt::Halt;
use super::super::paths;
use super::super::{Args, Task};
use crate::node::Change;
use crate::node::facts::{Content, FileContent, Hostname, Stat};
use crate::node::steps::MakeSshKey;
use crate::plan::{Expect, Facts, Reading, Stop};

/// How long a public key may be, in bytes.
const LONGEST: u64 = 64 << 10;

/// Where the key of someone with that home is.
pub(super) fn path(args: &Args, home: &str) -> String {
    let kind = args.str("ssh_key_type").unwrap_or("rsa");
    let file = args.str("ssh_key_file").map_or_else(|| format!(".ssh/id_{kind}"), str::to_owned);
    if file.starts_with('/') { file } else { paths::join(home, &file) }
}

/// Adds to a change what makes the keys, if they are to be made: others are left, unless `force`.
pub(super) fn add(task: &Task<'_>, facts: &Facts<'_>, name: &str, home: &str, change: &mut Change) -> Result<(), Halt> {
    let args = task.args;
    let path = path(args, home);
    let public = format!("{path}.pub");
    let (private_stat, public_stat, host) = facts.get((Stat::followed(&path), Stat::followed(&public), Hostname))?;
    let (is_there, overwrite) = (private_stat.is_some() || public_stat.is_some(), args.is("force"));
    if is_there && !overwrite {
        return Ok(());
    }
    let comment = args.str("ssh_key_comment").map_or_else(|| format!("ansible-generated on {}", host.unwrap_or_default()), str::to_owned);
    let kind = args.str("ssh_key_type").unwrap_or("rsa").to_owned();
    let bits = args.int("ssh_key_bits").filter(|bits| *bits > 0);
    let before = is_there.then(|| "present".to_owned());
    *change = std::mem::replace(change, crate::node::Plan::change([])).differs(
        format!("SSH key {path}"),
        before,
        Some(format!("new {kind} key")),
    );
    change.expect.extend([&path, &public].map(|path| Expect::field(&Stat::new(path), "kind", "file")));
    change.expect.push(Expect::field(&Stat::new(paths::above(&path)), "kind", "directory"));
    let passphrase = args.str("ssh_key_passphrase").unwrap_or_default().to_owned();
    change.steps.push(MakeSshKey { path, user: name.into(), kind, bits, comment, overwrite, passphrase }.into());
    Ok(())
}

/// What is registered of the key.
pub(super) fn result(args: &Args, facts: &Facts<'_>, home: &str) -> Result<Map<String, Value>, Stop> {
    let path = path(args, home);
    let mut result = Map::new();
    if let Reading::Present(content) = facts.reading(&Content::new(format!("{path}.pub"), LONGEST))?
        && let Ok(FileContent::Text(key)) = serde_json::from_value(content)
    {
        let key = key.trim();
        result.insert("ssh_public_key".into(), key.into());
        if let Some(fingerprint) = fingerprint(key) {
            result.insert("ssh_fingerprint".into(), fingerprint.into());
        }
    }
    result.insert("ssh_key_file".into(), path.into());
    Ok(result)
}

/// As `ssh-keygen -l` prints it.
fn fingerprint(key: &str) -> Option<String> {
    let mut words = key.splitn(3, ' ');
    let (kind, blob) = (words.next()?, STANDARD.decode(words.next()?).ok()?);
    let comment = words.next().filter(|comment| !comment.is_empty()).unwrap_or("no comment");
    let (bits, name) = match kind {
        "ssh-rsa" => {
            let (_, rest) = field(&blob)?;
            let (_, rest) = field(rest)?;
            let modulus = field(rest)?.0;
            let start = modulus.iter().position(|byte| *byte != 0)?;
            let number = modulus.get(start..)?;
            (number.len() * 8 - number.first()?.leading_zeros() as usize, "RSA")
        }
        "ssh-ed25519" => (256, "ED25519"),
        "ecdsa-sha2-nistp256" => (256, "ECDSA"),
        "ecdsa-sha2-nistp384" => (384, "ECDSA"),
        "ecdsa-sha2-nistp521" => (521, "ECDSA"),
        _ => return None,
    };
    Some(format!("{bits} SHA256:{} {comment} ({name})", STANDARD_NO_PAD.encode(sha2::Sha256::digest(&blob))))
}

/// A length and as many bytes; what is behind them.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    // ssh-keygen's own words
    #[test]
    fn fingerprints_as_ssh_keygen_prints_them() {
        let dir = tempfile::tempdir().unwrap();
        for (kind, bits) in [("ed25519", "256"), ("rsa", "2048"), ("ecdsa", "384")] {
            let path = dir.path().join(kind);
            let keygen = |arguments: &[&str]| std::process::Command::new("ssh-keygen").args(arguments).arg("-f").arg(&path).output();
            let Ok(made) = keygen(&["-q", "-t", kind, "-b", bits, "-N", "", "-C", "a b"]) else { return };
            assert!(made.status.success());
            let said = String::from_utf8(keygen(&["-l"]).unwrap().stdout).unwrap();
            let key = std::fs::read_to_string(path.with_extension("pub")).unwrap();
            assert_eq!(fingerprint(key.trim()).unwrap(), said.trim());
        }
        assert_eq!(fingerprint("ssh-rsa AAAA"), None);
        assert_eq!(fingerprint("x"), None);
    }
}
