//! What the files say about a key that a host offers.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};

use super::certificate;
use super::line::Marker;
use super::load::{Entry, KnownHosts};
use super::name::HostName;
use crate::transport::ssh_config::StrictHostKeyChecking;

/// A line of a file of known hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for KeyPlace {
    /// `file:line`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A key as people compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// `ssh-ed25519` and the like.
    pub algorithm: String,
    /// `SHA256:...`.
    pub fingerprint: String,
}

impl KeyInfo {
    /// Of a key.
    pub fn of(key: &KeyData) -> Self {
        Self { algorithm: key.algorithm().as_str().to_owned(), fingerprint: key.fingerprint(HashAlg::Sha256).to_string() }
    }
}

/// A recorded key and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedKey {
    /// Where it stands.
    pub place: KeyPlace,
    /// Which it is.
    pub key: KeyInfo,
}

/// What the files say about a key that a host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is this host's key, or a certificate by this host's authority.
    Known(KeyPlace),
    /// Nothing is recorded for this host.
    Unknown {
        /// The key that was offered.
        offered: KeyInfo,
        /// Why the certificate that was offered does not count although its authority is known.
        certificate: Option<String>,
    },
    /// Other keys are recorded for this host.
    Changed {
        /// The key that was offered.
        offered: KeyInfo,
        /// All that are recorded, never empty.
        recorded: Vec<RecordedKey>,
        /// Why the certificate that was offered does not count although its authority is known.
        certificate: Option<String>,
    },
    /// The key, or the authority that signed the certificate, is marked as revoked for this host.
    Revoked {
        /// The key that was offered.
        offered: KeyInfo,
        /// The line that revokes it.
        place: KeyPlace,
    },
}

/// What follows from a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Accept,
    /// Write the key down and go on.
    AcceptAndRecord,
    /// Ask the person; if the answer is yes, write the key down and go on.
    Ask,
    /// Do not go on.
    Refuse,
}

impl Verdict {
    /// What follows under `StrictHostKeyChecking`. `can_record`: there is a file to write to and the host's name can
    /// be written; a new host that could not be recorded is refused, as in ssh.
    pub fn decide(&self, strict: StrictHostKeyChecking, can_record: bool) -> Decision {
        match (self, strict) {
            (Self::Known(_), _) => Decision::Accept,
            (Self::Changed { .. } | Self::Revoked { .. }, _) => Decision::Refuse,
            (Self::Unknown { .. }, _) if !can_record => Decision::Refuse,
            (Self::Unknown { .. }, StrictHostKeyChecking::Yes) => Decision::Refuse,
            (Self::Unknown { .. }, StrictHostKeyChecking::Ask) => Decision::Ask,
            (Self::Unknown { .. }, StrictHostKeyChecking::AcceptNew | StrictHostKeyChecking::No) => Decision::AcceptAndRecord,
        }
    }
}

/// The host key algorithms to offer, most wanted first; the two lists of `russh::Preferred`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferredKeys {
    /// For `host_key_certificates`: empty unless an authority is recorded or revoked for the host.
    pub certificates: Vec<Algorithm>,
    /// For `key`: all of them, those with a recorded key first.
    pub keys: Vec<Algorithm>,
}

/// What was found under one name.
enum Found<'a> {
    Known(&'a Entry),
    New,
    Changed(Vec<&'a Entry>),
    Revoked(&'a Entry),
}

impl KnownHosts {
    /// What the files say about a key or certificate that a host offers at the time `now`.
    pub fn verdict(&self, name: &HostName, offered: &PublicKeyOrCertificate, now: SystemTime) -> Verdict {
        let key = offered.public_key();
        let mut problem = None;
        let mut found = self.found_under(&name.name, name, offered, now, &mut problem);
        if let (Found::New, Some(bare)) = (&found, &name.without_port) {
            // Without its port a host may be known; that it is not, or by another key, says nothing. ssh warns of a
            // key that is revoked without the port and then takes it for new; here it is refused.
            let bare = self.found_under(bare, name, offered, now, &mut problem);
            if matches!(bare, Found::Known(_) | Found::Revoked(_)) {
                found = bare;
            }
        }
        let offered = KeyInfo::of(key.key_data());
        match found {
            Found::Known(entry) => Verdict::Known(entry.place.clone()),
            Found::New => Verdict::Unknown { offered, certificate: problem },
            Found::Revoked(entry) => Verdict::Revoked { offered, place: entry.place.clone() },
            Found::Changed(entries) => {
                let recorded =
                    entries.into_iter().map(|entry| RecordedKey { place: entry.place.clone(), key: KeyInfo::of(&entry.line.key) });
                Verdict::Changed { offered, recorded: recorded.collect(), certificate: problem }
            }
        }
    }

    fn found_under<'a>(
        &'a self,
        searched: &str,
        name: &HostName,
        offered: &PublicKeyOrCertificate,
        now: SystemTime,
        problem: &mut Option<String>,
    ) -> Found<'a> {
        let entries: Vec<&Entry> = self.entries.iter().filter(|entry| entry.line.names.match_name(searched)).collect();
        if let Some(certificate) = offered.certificate() {
            let authority = certificate.signature_key();
            let revoked = |entry: &&&Entry| {
                entry.line.marker == Marker::Revoked && (entry.line.key == *authority || entry.line.key == *certificate.public_key())
            };
            if let Some(entry) = entries.iter().find(revoked) {
                return Found::Revoked(entry);
            }
            let trusted = entries.iter().find(|entry| entry.line.marker == Marker::Authority && entry.line.key == *authority);
            if let Some(entry) = trusted {
                match certificate::check(certificate, &name.principal, now) {
                    Ok(()) => return Found::Known(entry),
                    Err(why) => *problem = Some(why),
                }
            }
        }
        plain(&entries, offered.public_key().key_data())
    }

    /// The order in which host keys are to be asked for, out of `offered`: as it is if a key of its first type is
    /// recorded, else the recorded types first (order_hostkeyalgs of OpenSSH).
    pub fn preferred(&self, name: &HostName, offered: &[Algorithm]) -> PreferredKeys {
        let entries: Vec<&Entry> = self.entries.iter().filter(|entry| entry.line.names.match_name(&name.name)).collect();
        // An authority counts for the host without its port too, as in `verdict`.
        let concerned = |entry: &Entry| {
            let mut names = std::iter::once(&name.name).chain(&name.without_port);
            entry.line.marker != Marker::None && names.any(|name| entry.line.names.match_name(name))
        };
        let marked = self.entries.iter().any(concerned);
        let recorded = |wanted: &&Algorithm| {
            entries.iter().any(|entry| entry.line.marker == Marker::None && same_type(&entry.line.key.algorithm(), wanted))
        };
        let keys = if offered.first().is_some_and(|best| recorded(&best)) {
            offered.to_vec()
        } else {
            let (first, last): (Vec<&Algorithm>, Vec<&Algorithm>) = offered.iter().partition(recorded);
            first.into_iter().chain(last).cloned().collect()
        };
        PreferredKeys { certificates: if marked { keys.clone() } else { Vec::new() }, keys }
    }
}

/// An RSA key serves for all three names of RSA.
fn same_type(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || (a.clone().is_rsa() && b.clone().is_rsa())
}

fn plain<'a>(entries: &[&'a Entry], key: &KeyData) -> Found<'a> {
    if let Some(entry) = entries.iter().find(|entry| entry.line.marker == Marker::Revoked && entry.line.key == *key) {
        return Found::Revoked(entry);
    }
    let recorded: Vec<&Entry> = entries.iter().copied().filter(|entry| entry.line.marker == Marker::None).collect();
    match recorded.iter().find(|entry| entry.line.key == *key) {
        Some(entry) => Found::Known(entry),
        None if recorded.is_empty() => Found::New,
        None => Found::Changed(recorded),
    }
}

#[cfg(test)]
mod tests {
    use russh::keys::PublicKey;

    use super::super::line::tests::ED25519;
    use super::*;

    #[test]
    fn a_changed_key_shows_both_fingerprints_the_file_and_the_line() {
        let other = ED25519.replace("AAAAIAEC", "AAAAIAED");
        let (known, _) = KnownHosts::parse(Path::new("/k"), &format!("# x\nnode {ED25519}\n"));
        let key = PublicKey::from_openssh(&other).unwrap();
        let Verdict::Changed { offered, recorded, .. } = known.verdict(&HostName::new("node", 22, None), &key.into(), SystemTime::now())
        else {
            panic!("it has changed");
        };
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0].place.to_string(), "/k:2");
        assert_eq!(recorded[0].key.algorithm, "ssh-ed25519");
        assert!(recorded[0].key.fingerprint.starts_with("SHA256:") && recorded[0].key.fingerprint != offered.fingerprint);
    }

    #[test]
    fn a_changed_key_is_refused_always_and_a_new_one_only_if_asked_for_or_not_recordable() {
        use StrictHostKeyChecking as S;
        let key = KeyInfo { algorithm: String::new(), fingerprint: String::new() };
        let changed = Verdict::Changed { offered: key.clone(), recorded: vec![], certificate: None };
        let new = Verdict::Unknown { offered: key, certificate: None };
        for strict in [S::Yes, S::Ask, S::AcceptNew, S::No] {
            assert_eq!(changed.decide(strict, true), Decision::Refuse);
            assert_eq!(new.decide(strict, false), Decision::Refuse);
        }
        assert_eq!(new.decide(S::AcceptNew, true), Decision::AcceptAndRecord);
        assert_eq!(new.decide(S::Ask, true), Decision::Ask);
    }
}
