//! What our known_hosts say of real servers, against what the real `ssh` was recorded to do with them.

#[path = "../oracle/ssh/host_cases.rs"]
mod host_cases;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use homelabctl::transport::known_hosts::{Appended, Decision, HostName, KeyPlace, KnownHosts, Verdict, append};
use homelabctl::transport::ssh_config::StrictHostKeyChecking;
use russh::keys::{Algorithm, Certificate, EcdsaCurve, HashAlg, PublicKey, PublicKeyOrCertificate};

use crate::ssh_records::record::{HostAnswer, HostRecord, HostRecords};
use crate::ssh_records::{record, records};

/// What a client offers if the user says nothing: OpenSSH's order without security keys.
fn offered() -> Vec<Algorithm> {
    let ecdsa = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
    let mut all = vec![Algorithm::Ed25519];
    all.extend(ecdsa.map(|curve| Algorithm::Ecdsa { curve }));
    all.extend([HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }));
    all
}

/// A recorded case with files of our own.
struct Meeting<'a> {
    dir: tempfile::TempDir,
    records: &'a HostRecords,
    record: &'a HostRecord,
    name: HostName,
    /// The user's files, first the one that is written to.
    user_files: Vec<PathBuf>,
    global_files: Vec<PathBuf>,
}

impl<'a> Meeting<'a> {
    fn new(records: &'a HostRecords, record: &'a HostRecord) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in &record.files {
            fs::write(dir.path().join(name), filled(text, &records.keys)).unwrap();
        }
        let input = &record.input;
        let option = input.options.iter().find_map(|option| option.strip_prefix("UserKnownHostsFile="));
        let user_files = match option {
            Some("none") => vec![],
            Some(path) => vec![path.into()],
            None => vec![dir.path().join("user"), dir.path().join("second")],
        };
        let name = HostName::new(&input.host, input.port, input.alias.as_deref());
        Self { global_files: vec![dir.path().join("global")], dir, records, record, name, user_files }
    }

    fn known(&self) -> KnownHosts {
        KnownHosts::load(&[self.user_files.clone(), self.global_files.clone()].concat()).0
    }

    /// What the server presents to a client that asks in our order.
    fn negotiated(&self) -> PublicKeyOrCertificate {
        let preferred = self.known().preferred(&self.name, &offered());
        let line = |name: &str| self.records.keys[name].as_str();
        let input = &self.record.input;
        let certificates: Vec<Certificate> =
            input.server_certificates.iter().map(|name| Certificate::from_openssh(line(&format!("{name}-cert"))).unwrap()).collect();
        let keys: Vec<PublicKey> = input.server_keys.iter().map(|name| PublicKey::from_openssh(line(name)).unwrap()).collect();
        let serves = |has: &Algorithm, wanted: &Algorithm| has == wanted || (has.clone().is_rsa() && wanted.clone().is_rsa());
        for wanted in &preferred.certificates {
            if let Some(certificate) = certificates.iter().find(|certificate| serves(&certificate.public_key().algorithm(), wanted)) {
                return certificate.clone().into();
            }
        }
        let find = |wanted: &Algorithm| keys.iter().find(|key| serves(&key.algorithm(), wanted));
        preferred.keys.iter().find_map(find).unwrap().clone().into()
    }

    fn outside(&self, place: &KeyPlace) -> String {
        place.to_string().replace(&self.dir.path().display().to_string(), "/home/me")
    }

    fn compare(&self, strict: &str, answer: &HostAnswer) -> Result<(), String> {
        let presented = self.negotiated();
        let key = presented.public_key();
        let plain = answer.offered.replace("-cert-v01@openssh.com", "");
        if key.algorithm().as_str() != plain {
            return Err(format!("ssh was presented {plain}, we {}", key.algorithm()));
        }
        let now = UNIX_EPOCH + Duration::from_secs(self.records.time);
        let verdict = self.known().verdict(&self.name, &presented, now);
        let places = match &verdict {
            Verdict::Known(place) => (Some(self.outside(place)), None),
            Verdict::Changed { recorded, .. } => (None, recorded.last().map(|last| self.outside(&last.place))),
            Verdict::Unknown { .. } | Verdict::Revoked { .. } => (None, None),
        };
        if places != (answer.found.clone(), answer.offending.clone()) {
            return Err(format!("ssh found {:?} or {:?}, we {places:?}", answer.found, answer.offending));
        }
        let strict = match strict {
            "yes" => StrictHostKeyChecking::Yes,
            "ask" => StrictHostKeyChecking::Ask,
            "accept-new" => StrictHostKeyChecking::AcceptNew,
            _ => StrictHostKeyChecking::No,
        };
        let decision = verdict.decide(strict, !self.user_files.is_empty() && self.name.can_be_recorded());
        // The one difference: ssh goes on with a changed or revoked key if it is told `no`, and with a key that is
        // revoked for the host without its port; we never do.
        if answer.offending.is_some() || answer.revoked {
            return if decision == Decision::Refuse { Ok(()) } else { Err(format!("we would {decision:?}")) };
        }
        let theirs = match (answer.accepted, answer.asked, answer.found.is_some()) {
            (false, ..) => Decision::Refuse,
            (true, true, _) => Decision::Ask,
            (true, false, true) => Decision::Accept,
            (true, false, false) => Decision::AcceptAndRecord,
        };
        if decision != theirs {
            return Err(format!("ssh: {theirs:?}, we: {decision:?}"));
        }
        if matches!(decision, Decision::Ask | Decision::AcceptAndRecord) {
            self.compare_appended(&key, answer)?;
        }
        Ok(())
    }

    /// We write what ssh wrote.
    fn compare_appended(&self, key: &PublicKey, answer: &HostAnswer) -> Result<(), String> {
        let hash = self.record.input.options.iter().any(|option| option == "HashKnownHosts=yes");
        let path = &self.user_files[0];
        let before = fs::read_to_string(path).unwrap_or_default();
        let appended = append(path, &self.name, key, hash).unwrap();
        if appended != Appended::Written {
            return Err(format!("{appended:?}"));
        }
        let after = fs::read_to_string(path).unwrap();
        fs::write(path, &before).unwrap();
        let ours = after.strip_prefix(&before).unwrap().to_owned();
        let theirs = filled(&answer.appended, &self.records.keys);
        // ssh 9.2 writes onto a last line that has no end, and so spoils both lines.
        let ours = if before.is_empty() || before.ends_with('\n') { ours } else { ours.strip_prefix('\n').unwrap().to_owned() };
        // The salt is drawn; the rest has to be the same.
        let (ours, theirs) = if hash { (without_name(&ours), without_name(&theirs)) } else { (ours, theirs) };
        if ours == theirs { Ok(()) } else { Err(format!("ssh wrote {theirs:?}, we {ours:?}")) }
    }
}

fn filled(text: &str, keys: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (name, line) in keys {
        text = text.replace(&format!("{{{name}}}"), line);
        text = text.replace(&format!("{{{name}:blob}}"), line.split(' ').nth(1).unwrap());
    }
    text
}

fn without_name(line: &str) -> String {
    let (name, rest) = line.split_once(' ').unwrap();
    assert!(name.starts_with("|1|"), "{line}");
    rest.to_owned()
}

#[test]
fn known_hosts_judge_as_ssh_was_recorded_to_do() {
    let records: HostRecords = records("known_hosts.json");
    let mut wrong = Vec::new();
    for case in &records.cases {
        for (strict, answer) in &case.answers {
            if let Err(why) = Meeting::new(&records, case).compare(strict, answer) {
                wrong.push(format!("## {} under {strict}: {why}", case.input.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ ({}):\n{}", wrong.len(), records.ssh, wrong.join("\n"));
}

#[test]
fn every_case_of_known_hosts_has_been_recorded() {
    let records: HostRecords = records("known_hosts.json");
    let recorded: Vec<String> = records.cases.iter().map(|case| serde_json::to_string(&case.input).unwrap()).collect();
    let cases: Vec<String> = host_cases::all().iter().map(|case| serde_json::to_string(case).unwrap()).collect();
    assert!(recorded == cases, "the cases have changed: run `make oracle`");
    assert!(records.cases.iter().all(|case| case.answers.len() == 4));
}
