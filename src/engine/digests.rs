//! Digests of large files of this machine, each read once for as long as it stays the same.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::Digest as _;

use super::core::locked;
use crate::modules::LocalFile;
use crate::node::stage::LARGE;

/// A file, its length and when it was changed.
type Same = (PathBuf, u64, i64, i64);

/// What was digested so far.
#[derive(Debug, Default)]
pub(super) struct Digests(Mutex<BTreeMap<Same, LocalFile>>);

impl Digests {
    /// The file, if it is so large that it is not to be held in memory, and no vault.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn large(&self, path: &Path) -> Result<Option<LocalFile>, String> {
        let failed = |error: std::io::Error| format!("cannot read `{}`: {}", path.display(), crate::diagnostics::reason(&error));
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() || metadata.len() <= LARGE {
            return Ok(None);
        }
        let key = (path.to_owned(), metadata.len(), metadata.ctime(), metadata.ctime_nsec());
        if let Some(known) = locked(&self.0).get(&key) {
            return Ok(Some(known.clone()));
        }
        let Some(name) = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned)) else { return Ok(None) };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let (mut sha1, mut sha256, mut size) = (sha1::Sha1::new(), sha2::Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer).map_err(failed)?;
            let bytes = buffer.get(..count).unwrap_or_default();
            if count == 0 {
                break;
            }
            if size == 0 && bytes.starts_with(b"$ANSIBLE_VAULT") {
                return Ok(None);
            }
            sha1.update(bytes);
            sha256.update(bytes);
            size += count as u64;
        }
        let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let large = LocalFile { path: name, size, sha1: hex(&sha1.finalize()), sha256: hex(&sha256.finalize()) };
        locked(&self.0).insert(key, large.clone());
        Ok(Some(large))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_and_no_vault_stays_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let digests = Digests::default();
        let large = |content: Vec<u8>| {
            std::fs::write(&path, content).unwrap();
            digests.large(&path).unwrap()
        };
        assert_eq!(large(vec![b'x'; 256 << 10]), None);
        let one = large(vec![b'x'; 300_000]).unwrap();
        assert_eq!((one.size, one.sha1.as_str()), (300_000, "9fcc3bd0c4872c1739fcb8c7a47da338fa7b8109"));
        assert_ne!(large(vec![b'y'; 300_000]).unwrap().sha256, one.sha256);
        assert_eq!(large([b"$ANSIBLE_VAULT;1.1;AES256\n".to_vec(), vec![b'0'; 300_000]].concat()), None);
        assert!(digests.large(&dir.path().join("none")).is_err());
    }
}
