//! Which keys are in an OpenPGP key file (RFC 4880, RFC 9580): enough to tell their ids.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

const BEGIN: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// The ids of its public keys and subkeys, in 16 upper-case hexadecimal digits, in their order; none where it is no such file.
pub fn key_ids(bytes: &[u8]) -> Vec<String> {
    match memchr::memmem::find(bytes, BEGIN) {
        Some(at) => without_armour(bytes.get(at..).unwrap_or_default()).map(|bytes| ids(&bytes)).unwrap_or_default(),
        None => ids(bytes),
    }
}

/// What an armoured text holds: base64 behind headers and an empty line, up to the checksum or the end.
fn without_armour(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    let body = text.lines().skip(1).skip_while(|line| !line.trim().is_empty());
    let lines = body.map(str::trim).skip_while(|line| line.is_empty());
    let data: String = lines.take_while(|line| !line.starts_with(['=', '-'])).collect();
    STANDARD.decode(data).ok()
}

/// One packet after the other, until something is none.
fn ids(mut bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((tag, body, rest)) = packet(bytes) {
        // public keys and public subkeys of version 4; older and newer ones are told apart otherwise
        if matches!(tag, 6 | 14) && body.first() == Some(&4) {
            found.push(id(body));
        }
        bytes = rest;
    }
    found
}

fn id(body: &[u8]) -> String {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    let fingerprint = Sha1::new().chain_update([0x99]).chain_update(length).chain_update(body).finalize();
    fingerprint.iter().skip(12).map(|byte| format!("{byte:02X}")).collect()
}

/// The kind of a packet, what is in it, and what comes after it.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().try_fold(0usize, |n, byte| n.checked_mul(256)?.checked_add(usize::from(*byte)));
    let (tag, length, rest) = if first & 0x40 != 0 {
        let (one, rest) = rest.split_first()?;
        let (length, rest) = match one {
            0..=191 => (usize::from(*one), rest),
            192..=223 => {
                let (two, rest) = rest.split_first()?;
                ((usize::from(*one) - 192) * 256 + usize::from(*two) + 192, rest)
            }
            255 => {
                let (long, rest) = rest.split_at_checked(4)?;
                (number(long)?, rest)
            }
            // keys never come in parts
            224..=254 => return None,
        };
        (first & 0x3f, length, rest)
    } else {
        let (long, rest) = rest.split_at_checked(*[1usize, 2, 4].get(usize::from(first & 3))?)?;
        ((first >> 2) & 0x0f, number(long)?, rest)
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some((tag, body, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `gpg --export`, and what `gpg --with-colons` says of it.
    const KEY: &str = include_str!("openpgp_key.asc");
    const IDS: [&str; 2] = ["308503F771D4BD66", "ACD8F003BEFCC83C"];

    #[test]
    fn ids_are_as_gpg_has_them() {
        assert_eq!(key_ids(KEY.as_bytes()), IDS);
        assert_eq!(key_ids(&without_armour(KEY.as_bytes()).unwrap()), IDS);
        assert!(key_ids(b"").is_empty() && key_ids(b"no key at all").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_have_keys_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            key_ids(&bytes);
        }
    }
}
