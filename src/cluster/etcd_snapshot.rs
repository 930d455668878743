//! Whether a file is a whole snapshot of etcd: etcd ends each with the digest of what stands before.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// The digest at a snapshot's end, in bytes.
const TRAILER: usize = 32;
/// The first page of a database of bbolt has this at its 16th byte, in the byte order of all machines that we know.
const MAGIC: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();
const MAGIC_AT: usize = 16;

/// A snapshot that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// In bytes.
    pub size: u64,
    /// The digest of all of it, in hexadecimal digits.
    pub sha256: String,
}

/// Reads a snapshot from its beginning to its end.
///
/// # Errors
/// Why it is none that could be restored.
pub fn verify(mut file: impl Read) -> Result<Snapshot, String> {
    let (mut all, mut content) = (Sha256::new(), Sha256::new());
    let mut size = 0_u64;
    let mut head = Vec::new();
    // what may be the end so far
    let mut held: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        size += count as u64;
        all.update(bytes);
        head.extend(bytes.iter().take((MAGIC_AT + MAGIC.len()).saturating_sub(head.len())));
        held.extend_from_slice(bytes);
        let settled = held.len().saturating_sub(TRAILER);
        content.update(held.get(..settled).unwrap_or_default());
        held.drain(..settled);
    }
    if head.get(MAGIC_AT..) != Some(&MAGIC[..]) {
        return Err("it is no database of etcd's".to_owned());
    }
    if content.finalize().as_slice() != held.as_slice() {
        return Err("it is damaged, or was cut off: the digest at its end is another than that of what stands before".to_owned());
    }
    let sha256 = all.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Snapshot { size, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        bytes[MAGIC_AT..MAGIC_AT + 4].copy_from_slice(&MAGIC);
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn a_whole_one_is_told_from_one_that_lacks_or_changed_a_byte() {
        for length in [21, 40, 64, 70_000] {
            let bytes = whole(length);
            for step in [1, 31, 32, 33, 65_536] {
                let snapshot = verify(Slow(&bytes, step)).unwrap();
                assert_eq!(snapshot.size, bytes.len() as u64);
                assert_eq!(snapshot.sha256, Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            }
            assert!(verify(&bytes[..bytes.len() - 1]).is_err());
            for at in [0, length - 1, length, length + 31] {
                let mut broken = bytes.clone();
                broken[at] ^= 1;
                assert!(verify(&broken[..]).unwrap_err().contains("damaged"), "byte {at} of {length}");
            }
        }
        assert!(verify(&b""[..]).is_err() && verify(&[0; 200][..]).unwrap_err().contains("no database"));
    }
}
