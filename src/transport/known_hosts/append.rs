//! Writing a new host down, from many connections at once.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russh::keys::PublicKey;
use rustix::fs::{FlockOperation, flock};

use super::line::{HASH_LENGTH, Names};
use super::load::KnownHosts;
use super::name::HostName;
use super::verdict::Verdict;

/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a new host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It stands in the file now.
    Written,
    /// Another connection has written the same before.
    AlreadyThere,
    /// Another connection has written another key for this host, or the key is revoked: do not go on.
    Contradicted(Verdict),
}

/// Why a host was not written down.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The file or its directory could not be read or written.
    #[error("cannot write {path} of known hosts")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody else holds the file.
    #[error("{path} of known hosts is locked by another program")]
    Locked {
        /// The file.
        path: String,
    },
    /// The name means something else in the file, or the key cannot be encoded.
    #[error("{0} cannot be written into a file of known hosts")]
    Unwritable(String),
}

/// Writes a host down at the end of `path`, unless it stands there by now; blocks up to ten seconds for the lock.
///
/// The directory (0700) and the file (0600) are made if they are missing. `hash` hides the name (`HashKnownHosts`).
///
/// # Errors
/// The file cannot be written, or the host's name cannot stand in it.
pub fn append(path: &Path, name: &HostName, key: &PublicKey, hash: bool) -> Result<Appended, AppendError> {
    let io = |source| AppendError::Io { path: path.display().to_string(), source };
    let unwritable = || AppendError::Unwritable(name.to_string());
    if !name.can_be_recorded() {
        return Err(unwritable());
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(io)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(io)?;
    lock(&file, path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(io)?;
    let (known, _) = KnownHosts::parse(path, &String::from_utf8_lossy(&bytes));
    match known.verdict(&HostName { without_port: None, ..name.clone() }, &key.clone().into(), SystemTime::now()) {
        Verdict::Unknown { .. } => {}
        Verdict::Known(_) => return Ok(Appended::AlreadyThere),
        contradiction => return Ok(Appended::Contradicted(contradiction)),
    }
    let written = if hash { Names::hashed(&name.name, rand::random::<[u8; HASH_LENGTH]>()) } else { Some(name.name.clone()) };
    let encoded = STANDARD.encode(key.to_bytes().map_err(|_| unwritable())?);
    let newline = if bytes.last().is_some_and(|&last| last != b'\n') { "\n" } else { "" };
    let line = format!("{newline}{} {} {encoded}\n", written.ok_or_else(unwritable)?, key.algorithm().as_str());
    // One write: a reader sees the whole line or nothing of it.
    file.write_all(line.as_bytes()).map_err(io)?;
    file.flush().map_err(io)?;
    Ok(Appended::Written)
    // The lock goes with the file.
}

fn lock(file: &File, path: &Path) -> Result<(), AppendError> {
    let start = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(AppendError::Locked { path: path.display().to_string() }),
            Err(error) => return Err(AppendError::Io { path: path.display().to_string(), source: error.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::line::tests::ED25519;
    use super::*;

    fn key() -> PublicKey {
        PublicKey::from_openssh(ED25519).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_directory_and_the_file_are_made_for_the_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".ssh/known_hosts");
        let name = HostName::new("Node", 2222, None);
        assert_eq!(append(&path, &name, &key(), false).unwrap(), Appended::Written);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("[node]:2222 {ED25519}\n"));
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_missing_last_newline_is_put_in_and_hashed_names_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        fs::write(&path, "# no newline").unwrap();
        let name = HostName::new("node", 22, None);
        assert_eq!(append(&path, &name, &key(), true).unwrap(), Appended::Written);
        assert_eq!(append(&path, &name, &key(), true).unwrap(), Appended::AlreadyThere);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# no newline\n|1|") && text.lines().count() == 2, "{text}");
    }

    #[test]
    fn fifty_connections_to_ten_hosts_write_ten_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        std::thread::scope(|scope| {
            for at in 0..50 {
                let path = &path;
                scope.spawn(move || append(path, &HostName::new(&format!("node{}", at % 10), 22, None), &key(), at % 2 == 0).unwrap());
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 10);
    }

    #[test]
    fn another_key_for_the_same_host_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let name = HostName::new("node", 22, None);
        append(&path, &name, &key(), false).unwrap();
        let other = PublicKey::from_openssh(&ED25519.replace("AAAAIAEC", "AAAAIAED")).unwrap();
        assert!(matches!(append(&path, &name, &other, false).unwrap(), Appended::Contradicted(Verdict::Changed { .. })));
        assert!(append(&path, &HostName::new("*", 22, None), &key(), false).is_err());
    }
}
