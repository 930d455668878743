//! Is this the host we know?

use homelabctl::transport::ssh::{ConnectError, HostKeyProblem};

use super::{Home, inside, keygen};
use crate::testbed::{Bed, HostKeyType};

fn problem(error: ConnectError) -> HostKeyProblem {
    match error {
        ConnectError::HostKey(error) => error.problem,
        other => panic!("not about the host's key: {other:?}"),
    }
}

#[test]
fn recorded_keys_are_preferred_and_changed_ones_refused() {
    let bed = Bed::new().unwrap();
    let specs = vec![bed.machine("both"), bed.machine("rsa").host_keys(&[HostKeyType::Rsa]), bed.machine("signed").host_certificate()];
    let machines = bed.start_all(specs).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    inside(&bed, async || {
        home.connect("both", None).await.unwrap();
        home.connect("rsa", None).await.unwrap();
        // only the key that the host would show second is recorded
        let ecdsa = machines[0].known_hosts_lines().lines().find(|line| line.contains("ecdsa")).unwrap().to_owned();
        let home = home.next_run();
        home.write(".ssh/known_hosts", &format!("{ecdsa}\n{}\n", bed.cert_authority_line().unwrap()));
        home.connect("both", None).await.unwrap();
        home.connect("signed", None).await.unwrap();

        let wrong = home.path("wrong");
        keygen(&["-t", "ed25519", "-N", ""], &wrong);
        let key = std::fs::read_to_string(home.path("wrong.pub")).unwrap();
        home.write(".ssh/known_hosts", &format!("# mine\n{} {key}", machines[0].address));
        for strict in ["yes", "no", "accept-new", "ask"] {
            let mut home = Home::new();
            home.knows(&[&machines[0]]);
            home.write(".ssh/known_hosts", &format!("# mine\n{} {key}", machines[0].address));
            home.options = vec![format!("StrictHostKeyChecking={strict}")];
            home.person.answers.lock().unwrap().push("yes".into());
            let HostKeyProblem::Changed { recorded, offered, .. } = problem(home.connect("both", None).await.unwrap_err()) else {
                panic!("{strict}: not a changed key")
            };
            assert!(
                offered.fingerprint.starts_with("SHA256:")
                    && recorded[0].key.fingerprint.starts_with("SHA256:")
                    && offered != recorded[0].key
            );
            assert_eq!((recorded[0].place.line, recorded[0].place.file.to_path_buf()), (2, home.path(".ssh/known_hosts")));
        }
    });
}

#[test]
fn unknown_hosts_are_refused_asked_about_or_written_down() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all((0..4).map(|i| bed.machine(&format!("m{i}"))).collect()).unwrap();
    let all: Vec<_> = machines.iter().collect();
    inside(&bed, async || {
        let home = || {
            let home = Home::new();
            home.knows(&all);
            std::fs::remove_file(home.path(".ssh/known_hosts")).unwrap();
            home
        };
        let written = |home: &Home| std::fs::read_to_string(home.path(".ssh/known_hosts")).unwrap_or_default();

        let asked = home();
        assert!(matches!(problem(asked.connect("m0", None).await.unwrap_err()), HostKeyProblem::Unknown { .. }));
        assert_eq!(asked.person.asked.lock().unwrap().len(), 1);
        asked.person.answers.lock().unwrap().push("yes".into());
        asked.connect("m0", None).await.unwrap();
        assert_eq!(written(&asked).lines().count(), 1);

        let strict = Home { options: vec!["StrictHostKeyChecking=yes".into()], ..home() };
        assert!(matches!(problem(strict.connect("m0", None).await.unwrap_err()), HostKeyProblem::Unknown { .. }));
        assert!(strict.person.asked.lock().unwrap().is_empty() && written(&strict).is_empty());

        // all at once, several times each: every line whole, none twice
        let new = Home { options: vec!["StrictHostKeyChecking=accept-new".into()], ..home() };
        let tries = (0..12).map(|i| new.connect(all[i % 4].name.as_str(), None));
        for result in futures_util::future::join_all(tries).await {
            result.unwrap();
        }
        let text = written(&new);
        assert_eq!(text.lines().count(), 4, "{text}");
        for m in &machines {
            assert!(text.lines().any(|line| line.starts_with(&m.address) && m.host_keys.iter().any(|key| line.contains(key))), "{text}");
        }
        let again = Home { options: vec!["StrictHostKeyChecking=yes".into()], ..new };
        let again = again.next_run();
        again.connect("m3", None).await.unwrap();
    });
}
