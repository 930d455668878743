//! Becoming root by whatever sudo there is, from whatever login shell.

use homelabctl::transport::{Become, ShellError, SudoError};

use super::{Home, LIMIT, inside, says, shell};
use crate::testbed::{Bed, Noise, Shell, Sudo, Suite};

#[test]
fn a_shell_of_roots_from_every_login_shell_and_through_every_noise() {
    let bed = Bed::new().unwrap();
    let specs = vec![
        bed.machine("fish").shell(Shell::Fish).noise(Noise::Banner),
        bed.machine("csh").shell(Shell::Csh).without_python().without_downloaders(),
        bed.machine("sh").shell(Shell::Sh).without_home(),
        bed.machine("noisy").noise(Noise::Bashrc).noise(Noise::Banner).noise(Noise::SlowPam(std::time::Duration::from_secs(2))),
        bed.machine("full").full_disk(),
        bed.machine("frozen").read_only_tmp_and_var(),
        bed.machine("trixie").suite(Suite::Trixie),
    ];
    let machines = bed.start_all(specs).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    inside(&bed, async || {
        for m in &machines {
            let connection = home.connect(&m.name, None).await.unwrap();
            let mut user = shell(&connection, &Become::No).await;
            assert_eq!(says(&mut user, "id -un").await.unwrap(), m.user, "{}", m.name);
            let mut root = shell(&connection, &Become::root(None)).await;
            assert_eq!(says(&mut root, "id -u; hostname; cat").await.unwrap(), format!("0\n{}", m.name));
            let mut other = shell(&connection, &Become::Sudo { user: "daemon".into(), password: None }).await;
            assert_eq!(says(&mut other, "id -un").await.unwrap(), "daemon");
            // becoming who one is needs no sudo
            let mut same = shell(&connection, &Become::Sudo { user: m.user.into(), password: None }).await;
            assert_eq!(says(&mut same, "id -un; echo ${SUDO_USER-none}").await.unwrap(), format!("{}\nnone", m.user));
        }
    });
}

#[test]
fn a_password_goes_to_sudo_and_to_nobody_else() {
    let bed = Bed::new().unwrap();
    let secret = "it's a \"secret\" $HOME\\";
    let specs = vec![
        bed.machine("pw12").sudo(Sudo::Password(secret.into())),
        bed.machine("pw13").sudo(Sudo::Password(secret.into())).suite(Suite::Trixie).noise(Noise::Bashrc),
        bed.machine("free").sudo(Sudo::Free),
        bed.machine("absent").sudo(Sudo::Absent),
    ];
    let machines = bed.start_all(specs).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    inside(&bed, async || {
        let root = Become::root(Some(secret.to_owned().into()));
        for name in ["pw12", "pw13"] {
            let connection = home.connect(name, None).await.unwrap();
            let mut opened = shell(&connection, &root).await;
            let seen = says(
                &mut opened,
                "id -u; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c 'a [\"]secret'",
            )
            .await
            .unwrap();
            assert_eq!(seen, "0\n0", "{name}: the password is in no process's arguments or environment");
            let wrong = Become::root(Some("wrong".to_owned().into()));
            assert_eq!(connection.shell(&wrong, LIMIT).await.unwrap_err(), SudoError::WrongPassword.into(), "{name}");
            let none = connection.shell(&Become::root(None), LIMIT).await.unwrap_err();
            assert_eq!(none, SudoError::PasswordNeeded.into(), "{name}");
        }
        // where sudo does not ask, the password stays here: a shell that reads a line would show it
        let connection = home.connect("free", None).await.unwrap();
        let mut opened = shell(&connection, &root).await;
        assert_eq!(says(&mut opened, "cat; id -u").await.unwrap(), "0");
        let connection = home.connect("absent", None).await.unwrap();
        for become_ in [&root, &Become::root(None)] {
            let error = connection.shell(become_, LIMIT).await.unwrap_err();
            assert!(matches!(error, ShellError::Sudo(SudoError::Missing { .. })), "{error:?}");
        }
    });
    for m in &machines {
        let log = m.root_says("cat /var/log/auth.log /var/log/syslog 2>/dev/null; journalctl -o cat 2>/dev/null || true").unwrap();
        let told: Vec<&str> = log.lines().filter(|line| line.contains("a \"secret\"")).collect();
        assert_eq!(told, Vec::<&str>::new(), "{}: the password is in the node's log", m.name);
    }
}

#[test]
fn sudo_that_will_not_says_why_within_the_limit() {
    let bed = Bed::new().unwrap();
    let specs = vec![bed.machine("tty").sudo(Sudo::RequiresTty), bed.machine("refused").sudo(Sudo::Refused("pw".into()))];
    let machines = bed.start_all(specs).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    inside(&bed, async || {
        let connection = home.connect("tty", None).await.unwrap();
        let error = connection.shell(&Become::root(None), LIMIT).await.unwrap_err();
        assert!(matches!(error, ShellError::Sudo(SudoError::TerminalNeeded { .. })), "{error:?}");
        let connection = home.connect("refused", None).await.unwrap();
        let error = connection.shell(&Become::root(Some("pw".to_owned().into())), LIMIT).await.unwrap_err();
        assert!(matches!(error, ShellError::Sudo(SudoError::Refused { .. })), "{error:?}");
    });
}
