//! One line of known_hosts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use russh::keys::PublicKey;
use russh::keys::ssh_key::public::KeyData;
use sha1::Sha1;

use crate::transport::pattern::{self, ListMatch};

/// What stands before the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// Nothing: the host's own key.
    None,
    /// `@cert-authority`: the key signs the host's certificates.
    Authority,
    /// `@revoked`: the key must not be used.
    Revoked,
}

/// The names a line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// A comma list of patterns.
    Patterns(String),
    /// One name, hidden: HMAC-SHA1 of it, keyed by the salt.
    Hashed {
        /// 20 bytes.
        salt: Vec<u8>,
        /// 20 bytes.
        hash: Vec<u8>,
    },
}

impl Names {
    /// Whether the line is for `name`, which is in small letters.
    pub fn match_name(&self, name: &str) -> bool {
        match self {
            Self::Patterns(list) => pattern::matches_host_list(name, list) == ListMatch::Yes,
            Self::Hashed { salt, hash } => hmac(salt).is_some_and(|mac| mac.chain_update(name).verify_slice(hash).is_ok()),
        }
    }

    /// `name` hidden under a salt, as it is written.
    pub fn hashed(name: &str, salt: [u8; HASH_LENGTH]) -> Option<String> {
        let hash = hmac(&salt)?.chain_update(name).finalize().into_bytes();
        Some(format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash)))
    }
}

/// Bytes of a salt and of a hash.
pub const HASH_LENGTH: usize = 20;

fn hmac(salt: &[u8]) -> Option<Hmac<Sha1>> {
    Hmac::<Sha1>::new_from_slice(salt).ok()
}

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What stands before the names.
    pub marker: Marker,
    /// The names.
    pub names: Names,
    /// The key.
    pub key: KeyData,
}

/// Reads a line. `Ok(None)`: it is empty or a comment.
///
/// # Errors
/// What is wrong with it, for a message.
pub fn parse(text: &str) -> Result<Option<Line>, &'static str> {
    let blank = [' ', '\t'];
    let mut rest = text.trim_end_matches(['\r', '\n']).trim_start_matches(blank);
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(None);
    }
    let mut marker = Marker::None;
    if rest.starts_with('@') {
        let (word, after) = rest.split_once(blank).ok_or("a marker and nothing after it")?;
        marker = match word {
            "@cert-authority" => Marker::Authority,
            "@revoked" => Marker::Revoked,
            _ => return Err("a marker that is neither @cert-authority nor @revoked"),
        };
        rest = after.trim_start_matches(blank);
        if rest.starts_with('@') {
            return Err("two markers");
        }
    }
    let (names, rest) = rest.split_once(blank).ok_or("a name and no key")?;
    let names = if names.starts_with('|') { hashed_names(names)? } else { Names::Patterns(names.to_owned()) };
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let kind = words.next().filter(|word| !word.starts_with('#')).ok_or("a name and no key")?;
    let encoded = words.next().ok_or("a type of key and no key")?;
    let bytes = STANDARD.decode(encoded).map_err(|_| "a key that is not base64")?;
    let key = PublicKey::from_bytes(&bytes).map_err(|_| "a key that cannot be read")?;
    if key.algorithm().as_str() != kind {
        return Err("a key that is not of the type before it");
    }
    Ok(Some(Line { marker, names, key: key.key_data().clone() }))
}

fn hashed_names(text: &str) -> Result<Names, &'static str> {
    let bad = "a hashed name that cannot be read";
    let (salt, hash) = text.strip_prefix("|1|").and_then(|rest| rest.split_once('|')).ok_or(bad)?;
    let decode = |text: &str| STANDARD.decode(text).ok().filter(|bytes| bytes.len() == HASH_LENGTH).ok_or(bad);
    Ok(Names::Hashed { salt: decode(salt)?, hash: decode(hash)? })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

    #[test]
    fn names_markers_and_comments() {
        let line = parse(&format!("\t@revoked  *.lan,!a.lan {ED25519} a comment\r\n")).unwrap().unwrap();
        assert_eq!(line.marker, Marker::Revoked);
        assert!(line.names.match_name("b.lan") && !line.names.match_name("a.lan"));
        assert_eq!(parse("# x"), Ok(None));
        assert_eq!(parse("  \n"), Ok(None));
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        for (text, why) in [
            ("host", "a name and no key"),
            ("host # x", "a name and no key"),
            ("host ssh-ed25519", "a type of key and no key"),
            ("host ssh-ed25519 !", "a key that is not base64"),
            ("host ssh-ed25519 AAAA", "a key that cannot be read"),
            ("host 1024 35 123456", "a key that is not base64"),
            ("@other host x y", "a marker that is neither @cert-authority nor @revoked"),
            ("@revoked @revoked host x y", "two markers"),
            ("@revoked", "a marker and nothing after it"),
            ("|1|a|b x y", "a hashed name that cannot be read"),
        ] {
            assert_eq!(parse(text), Err(why), "{text}");
        }
        assert_eq!(parse(&format!("host {}", ED25519.replace("ssh-ed25519", "ssh-rsa"))), Err("a key that is not of the type before it"));
    }

    #[test]
    fn a_hash_that_ssh_keygen_made_is_recognised() {
        let names = hashed_names("|1|2kasQcNip1UhaedbFwgswu93vEI=|uvXrIvM97lYkCK1z6bLw7ZtZSik=").unwrap();
        assert!(names.match_name("node1.lan"));
        assert!(!names.match_name("node2.lan"));
    }

    proptest! {
        #[test]
        fn a_hashed_name_matches_itself_only(name in "[a-z.]{1,20}", other in "[a-z.]{1,20}", salt in any::<[u8; HASH_LENGTH]>()) {
            let names = hashed_names(&Names::hashed(&name, salt).unwrap()).unwrap();
            prop_assert!(names.match_name(&name));
            prop_assert_eq!(names.match_name(&other), name == other);
        }

        #[test]
        fn any_line_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
