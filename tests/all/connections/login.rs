//! Being let in: passwords, keyboard-interactive, certificates, encrypted keys, the agent, many keys.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use homelabctl::transport::Become;
use homelabctl::transport::ssh::{AuthError, ConnectError, LoadKeyError};

use super::{Home, chain, inside, keygen, says, shell};
use crate::testbed::{Bed, Login};

/// An agent that listens there; whoever asks for it ends it.
async fn start_agent(socket: &Path) -> Child {
    let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(socket).stdout(Stdio::null()).spawn().unwrap();
    for _ in 0..100 {
        if socket.exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    agent
}

#[test]
fn passwords_questions_and_certificates() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("password").login(Login::Password("pw".into())),
        bed.machine("questions").login(Login::KeyboardInteractive("pw".into())),
        bed.machine("certificate").login(Login::UserCertificate),
    ];
    let machines = bed.start_all(specs).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    inside(&bed, async || {
        for name in ["password", "questions"] {
            let connection = home.connect(name, Some("pw")).await.unwrap();
            assert_eq!(says(&mut shell(&connection, &Become::No).await, "hostname").await.unwrap(), name);
            assert!(home.person.asked.lock().unwrap().is_empty(), "nobody is asked for what was given");
            home.person.answers.lock().unwrap().push("pw".into());
            home.connect(name, None).await.unwrap();
            assert_eq!(home.person.asked.lock().unwrap().drain(..).count(), 1);
            let wrong = home.connect(name, Some("wrong")).await.unwrap_err();
            assert!(matches!(&wrong, ConnectError::Auth(AuthError::Refused { .. })), "{wrong:?}");
            assert!(!chain(&wrong).contains("wrong"), "{}", chain(&wrong));
            home.person.asked.lock().unwrap().clear();
        }
        home.connect("certificate", None).await.unwrap();
        let bare = machines[2].key_path.parent().unwrap().join("bare");
        std::fs::copy(&machines[2].key_path, &bare).unwrap();
        home.also(&format!("Host certificate\n IdentityFile {}\n IdentitiesOnly yes\n IdentityAgent none", bare.display()));
        let config = std::fs::read_to_string(home.path(".ssh/config")).unwrap();
        let only = config.replace(&format!("IdentityFile {}\n", machines[2].key_path.display()), "\n");
        home.write(".ssh/config", &only);
        let refused = home.connect("certificate", None).await.unwrap_err();
        assert!(matches!(refused, ConnectError::Auth(AuthError::Refused { .. })), "the bare key is not enough: {refused:?}");
        home.also(&format!("Host certificate\n CertificateFile {}-cert.pub", machines[2].key_path.display()));
        home.connect("certificate", None).await.unwrap();
    });
}

#[test]
fn encrypted_keys_are_asked_for_once_and_the_agent_is_used() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    let (encrypted, rsa, ecdsa, other) = (home.path("encrypted"), home.path("rsa"), home.path("ecdsa"), home.path("other"));
    keygen(&["-t", "ed25519", "-N", "open sesame"], &encrypted);
    keygen(&["-t", "rsa", "-b", "2048", "-N", ""], &rsa);
    keygen(&["-t", "ecdsa", "-N", "", "-m", "PEM"], &ecdsa);
    keygen(&["-t", "ed25519", "-N", ""], &other);
    let allow = |key: &std::path::Path| {
        let line = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        m.root_says(&format!("echo '{}' >/etc/ssh/authorized_keys.{}", line.trim(), m.user)).unwrap();
    };
    let only = |home: &Home, key: &std::path::Path| {
        let config = format!("Host m1\n HostName {}\n User {}\n IdentitiesOnly yes\n IdentityFile {}\n", m.address, m.user, key.display());
        home.write(".ssh/config", &config);
    };
    inside(&bed, async || {
        allow(&encrypted);
        only(&home, &encrypted);
        let error = home.connect("m1", None).await.unwrap_err();
        assert!(matches!(error, ConnectError::Auth(AuthError::Key(LoadKeyError::Encrypted { .. }))), "{error:?}");
        let home = home.next_run();
        home.person.asked.lock().unwrap().clear();
        home.person.answers.lock().unwrap().extend(["open sesame".to_owned(), "wrong".to_owned()]);
        let (a, b, c) = tokio::join!(home.connect("m1", None), home.connect("m1", None), home.connect("m1", None));
        assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
        assert_eq!(home.person.asked.lock().unwrap().len(), 2, "once wrong, once right, for three hosts");

        for key in [&rsa, &ecdsa] {
            allow(key);
            only(&home, key);
            home.connect("m1", None).await.unwrap();
        }
        // readable by others: ssh would not use it either
        std::fs::set_permissions(&rsa, std::fs::Permissions::from_mode(0o644)).unwrap();
        only(&home, &rsa);
        let home = home.next_run();
        let error = home.connect("m1", None).await.unwrap_err();
        assert!(matches!(error, ConnectError::Auth(AuthError::Key(LoadKeyError::Open { mode: 0o644, .. }))), "{error:?}");

        let socket = home.path("agent");
        let mut agent = start_agent(&socket).await;
        for key in [&other, &ecdsa] {
            let added = Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket).status().unwrap();
            assert!(added.success());
        }
        allow(&ecdsa);
        home.write(".ssh/config", &format!("Host m1\n HostName {}\n User {}\n", m.address, m.user));
        let home = Home { agent: Some(socket.clone()), ..home };
        let with_agent = home.connect("m1", None).await;
        home.also("IdentityAgent none");
        let without = home.connect("m1", None).await;
        agent.kill().unwrap();
        agent.wait().unwrap();
        assert!(with_agent.is_ok(), "{with_agent:?}");
        assert!(matches!(without, Err(ConnectError::Auth(AuthError::Refused { .. }))), "{without:?}");
    });
}

#[test]
fn passphrases_are_asked_only_for_keys_that_are_wanted_and_methods_follow_each_other() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("m1").login(Login::Key).sudo(crate::testbed::Sudo::Password("pw".into())).start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    let (encrypted, held) = (home.path("encrypted"), home.path("held"));
    keygen(&["-t", "ed25519", "-N", "open sesame"], &encrypted);
    keygen(&["-t", "ed25519", "-N", ""], &held);
    inside(&bed, async || {
        // tried first, but the host does not know it
        home.also(&format!("Host m1\n IdentityFile {}", encrypted.display()));
        home.connect("m1", None).await.unwrap();
        assert!(home.person.asked.lock().unwrap().is_empty(), "ssh would not have asked either");

        // a public half names a key that only the agent has
        let line = std::fs::read_to_string(home.path("held.pub")).unwrap();
        m.root_says(&format!("echo '{}' >/etc/ssh/authorized_keys.{}", line.trim(), m.user)).unwrap();
        let socket = home.path("agent");
        let mut agent = start_agent(&socket).await;
        assert!(Command::new("ssh-add").arg("-q").arg(&held).env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
        std::fs::remove_file(&held).unwrap();
        let config =
            format!("Host m1\n HostName {}\n User {}\n IdentitiesOnly yes\n IdentityFile {}.pub\n", m.address, m.user, held.display());
        home.write(".ssh/config", &config);
        let home = Home { agent: Some(socket.clone()), ..home };
        let by_agent = home.connect("m1", None).await;

        // a key and then a password
        m.root_says("printf 'PasswordAuthentication yes\\nAuthenticationMethods publickey,password\\n' >/tmp/methods").unwrap();
        m.root_says(
            "cat /tmp/methods /etc/ssh/sshd_config >/tmp/new && cp /tmp/new /etc/ssh/sshd_config && systemctl reload ssh && sleep 1",
        )
        .unwrap();
        let both = home.connect("m1", Some("pw")).await;
        let key_only = home.also("BatchMode yes").connect("m1", None).await;
        agent.kill().unwrap();
        agent.wait().unwrap();
        assert!(by_agent.is_ok(), "{by_agent:?}");
        assert!(both.is_ok(), "{both:?}");
        assert!(matches!(key_only, Err(ConnectError::Auth(AuthError::Refused { .. }))), "{key_only:?}");
        assert!(home.person.asked.lock().unwrap().is_empty(), "{:?}", home.person.asked.lock().unwrap());
    });
}
