//! Lines of a `known_hosts` file: which of them are a host's, as `ssh-keygen -F` finds them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// A line with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// `@cert-authority` or `@revoked`.
    pub marker: Option<String>,
    /// The names and patterns, or their hash.
    pub hosts: String,
    /// The kind of its key.
    pub kind: String,
    pub key: String,
}

impl Entry {
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace().peekable();
        if words.peek()?.starts_with('#') {
            return None;
        }
        let marker = words.next_if(|word| word.starts_with('@')).map(str::to_owned);
        if marker.as_deref().is_some_and(|marker| !matches!(marker, "@cert-authority" | "@revoked")) {
            return None;
        }
        let (hosts, kind) = (words.next()?.to_owned(), words.next()?.to_owned());
        let key = words.next().filter(|key| !key.starts_with('#'))?.to_owned();
        Some(Self { marker, hosts, kind, key })
    }

    pub fn is_hashed(&self) -> bool {
        self.hosts.starts_with("|1|")
    }

    /// Whether it is a host's.
    pub fn is_of(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        if let Some(rest) = self.hosts.strip_prefix("|1|") {
            let Some((salt, hash)) = rest.split_once('|') else { return false };
            return STANDARD.decode(salt).is_ok_and(|salt| digest(&salt, &host).as_deref() == Some(hash));
        }
        let mut matches = false;
        for pattern in self.hosts.split(',') {
            match pattern.strip_prefix('!') {
                // one that is excluded is excluded whatever else matches
                Some(not) if fits(&host, not) => return false,
                Some(_) => {}
                None => matches |= fits(&host, pattern),
            }
        }
        matches
    }
}

/// Whether a name fits a pattern with `*` and `?`.
fn fits(name: &str, pattern: &str) -> bool {
    let (name, pattern): (Vec<char>, Vec<char>) = (name.chars().collect(), pattern.to_lowercase().chars().collect());
    let (mut at, mut of, mut star) = (0, 0, None);
    while at < name.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((at, of));
                of += 1;
            }
            Some(c) if *c == '?' || Some(c) == name.get(at) => (at, of) = (at + 1, of + 1),
            _ => match star {
                // the last star takes one character more
                Some((from, place)) => {
                    star = Some((from + 1, place));
                    (at, of) = (from + 1, place + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(of..).unwrap_or_default().iter().all(|c| *c == '*')
}

/// The hash of a name, as `ssh-keygen -H` writes it.
pub(super) fn hashed(host: &str, salt: &[u8]) -> String {
    format!("|1|{}|{}", STANDARD.encode(salt), digest(salt, host).unwrap_or_default())
}

fn digest(salt: &[u8], host: &str) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    mac.update(host.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_of(line: &str, host: &str) -> bool {
        Entry::parse(line).is_some_and(|entry| entry.is_of(host))
    }

    #[test]
    fn lines_are_of_whom_ssh_keygen_says() {
        for (hosts, host, wanted) in [
            ("a.example,1.2.3.4", "a.example", true),
            ("a.example,1.2.3.4", "1.2.3.4", true),
            ("A.Example", "a.example", true),
            ("*.org,!no.org", "x.org", true),
            ("*.org,!no.org", "no.org", false),
            ("[h]:2222", "[h]:2222", true),
            ("[h]:2222", "h", false),
            ("a?c*", "abcde", true),
            ("a?c*", "ac", false),
        ] {
            assert_eq!(is_of(&format!("{hosts} ssh-rsa AAAA"), host), wanted, "{hosts} {host}");
        }
        assert!(is_of("@cert-authority *.ca ssh-rsa AAAA c", "y.ca"));
        for nothing in ["", "# a ssh-rsa AAAA", "a", "a ssh-rsa", "a ssh-rsa # x", "@odd a ssh-rsa AAAA"] {
            assert_eq!(Entry::parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_hash_hides_a_name_and_fits_it() {
        // by `ssh-keygen -H`
        let line = "|1|2qj2T0QUTNGO9PFrcsdBQtV0kjI=|TC++QyKRRk30KXG/JXLKQCRVp8Q=";
        let ours = hashed("a.example", b"salt");
        assert!(is_of(&format!("{ours} ssh-rsa AAAA"), "A.example") && !is_of(&format!("{ours} ssh-rsa AAAA"), "b.example"));
        let line = format!("{line} ssh-rsa AAAA");
        assert!(is_of(&line, "a.example") && !is_of(&line, "b.example"));
    }

    proptest! {
        #[test]
        fn patterns_fit_as_globs(name in "[ab.]{0,6}", pattern in "[ab.?*]{0,6}") {
            prop_assert_eq!(fits(&name, &pattern), glob::Pattern::new(&pattern.replace("***", "*").replace("**", "*")).unwrap().matches(&name));
        }
    }
}
