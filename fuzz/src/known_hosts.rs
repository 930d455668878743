//! Any bytes as a file of known hosts. Run by the fuzzer and, over the corpus, by `tests/all/fuzz_corpus.rs`.

use std::path::Path;
use std::time::UNIX_EPOCH;

use homelabctl::transport::known_hosts::{HostName, KnownHosts, Verdict};
use russh::keys::{Algorithm, PublicKey};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

/// Reads the bytes and asks about some hosts.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let path = Path::new("known_hosts");
    let (known, warnings) = KnownHosts::parse(path, &text);
    let lines = text.lines().count();
    assert!(warnings.0.len() <= lines);
    if let Some(warning) = warnings.0.first() {
        assert!(!warning.render(false).is_empty());
    }
    let key = PublicKey::from_openssh(KEY).expect("the key is written above");
    let offered = [Algorithm::Ed25519, Algorithm::Rsa { hash: None }];
    for name in [
        HostName::new("node1.lan", 22, None),
        HostName::new("node1.lan", 2222, None),
        HostName::new("::1", 22, None),
        HostName::new("x", 1, Some("")),
    ] {
        match known.verdict(&name, &key.clone().into(), UNIX_EPOCH) {
            Verdict::Known(place) | Verdict::Revoked { place, .. } => assert!((1..=lines).contains(&place.line)),
            Verdict::Changed { recorded, .. } => assert!(recorded.iter().all(|key| (1..=lines).contains(&key.place.line))),
            Verdict::Unknown { .. } => {}
        }
        let preferred = known.preferred(&name, &offered);
        assert!(offered.iter().all(|algorithm| preferred.keys.contains(algorithm)) && preferred.keys.len() == offered.len());
    }
    // A line for all hosts that is put before the rest makes every host known, unless something revokes the key.
    let (known, _) = KnownHosts::parse(path, &format!("* {KEY}\n{text}"));
    let verdict = known.verdict(&HostName::new("node1.lan", 22, None), &key.into(), UNIX_EPOCH);
    assert!(matches!(verdict, Verdict::Known(_) | Verdict::Revoked { .. }), "{verdict:?}");
}
