//! Hosts that cannot even be connected to: each is unreachable within the limit, and its socket is let go.

use std::time::Duration;

use homelabctl::transport::ssh::{AuthError, ConnectError, HostKeyProblem};

use super::{Controller, all_of_them, block_on, check, in_time, let_go};
use crate::ssh_server::{Login, Options, Pace, Raw, SshServer, Then, ignored_packet, known_hosts_line, new_key};

const VERSION: &[u8] = b"SSH-2.0-OpenSSH_9.2p1\r\n";

fn raw(first: &[u8], then: Then) -> Options {
    Options { raw: Some(Raw::new(first, then)), ..Options::default() }
}

fn paced(pace: Pace) -> Options {
    Options { pace, ..Options::default() }
}

fn login(login: Login) -> Options {
    Options { login, ..Options::default() }
}

fn late(error: &ConnectError) -> bool {
    matches!(error, ConnectError::TimedOut { .. })
}

fn not_ssh(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Protocol { .. })
}

fn endless(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Auth(AuthError::Endless { .. }))
}

fn problem(error: ConnectError) -> HostKeyProblem {
    match error {
        ConnectError::HostKey(error) => error.problem,
        other => panic!("not about the host's key: {other:?}"),
    }
}

type Row = (&'static str, Options, fn(&ConnectError) -> bool);

fn rows() -> Vec<Row> {
    let second = Duration::from_secs(1);
    vec![
        ("says nothing", raw(b"", Then::Hang), late),
        ("hangs in its version", raw(b"SSH-2.0-Op", Then::Hang), late),
        ("hangs after its version", raw(VERSION, Then::Hang), late),
        ("closes at once", raw(b"", Then::Close), not_ssh),
        ("closes after its version", raw(VERSION, Then::Close), not_ssh),
        ("speaks HTTP", raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", Then::Hang), |e| late(e) || not_ssh(e)),
        ("sends bytes without a line", raw(b"", Then::Repeat(vec![0x80; 4096])), not_ssh),
        ("sends lines without end", raw(b"", Then::Repeat(b"hello\r\n".repeat(1000))), not_ssh),
        ("announces a packet of 4 GB", raw(&[VERSION, &[0xff; 64]].concat(), Then::Hang), not_ssh),
        ("sends packets to be ignored without end", raw(VERSION, Then::Repeat(ignored_packet(1000))), |e| late(e) || not_ssh(e)),
        ("sends empty packets without end", raw(VERSION, Then::Repeat(ignored_packet(0))), |e| late(e) || not_ssh(e)),
        ("hangs in its proposal", paced(Pace::StopsAfter(300)), late),
        ("hangs in its key exchange", paced(Pace::StopsAfter(1100)), late),
        ("one byte a second", paced(Pace::DripsAfter(0, second)), late),
        ("one byte a second after its version", paced(Pace::DripsAfter(40, second)), late),
        ("one byte a second in the key exchange", paced(Pace::DripsAfter(1100, second)), late),
        ("does not answer a login", login(Login::Never), late),
        ("asks questions without end", login(Login::Questions(1)), endless),
        ("asks a thousand questions at a time", login(Login::Questions(1000)), endless),
    ]
}

#[test]
fn whoever_cannot_be_connected_to_is_unreachable_in_time() {
    block_on(async {
        let controller = Controller::new();
        let (controller, mut tries) = (&controller, Vec::new());
        for (name, options, expected) in rows() {
            let server = SshServer::start(options).await;
            let row = async move {
                match in_time(controller.connect_to(controller.target(&server), Some("guess"))).await? {
                    Ok(_) => return Err("it was connected to".to_owned()),
                    Err(error) => check(expected(&error), || format!("{error:?}"))?,
                }
                let_go(&server).await
            };
            tries.push((name, row));
        }
        all_of_them(controller, tries).await;
    });
}

#[test]
fn a_false_host_key_ends_it_before_anything_of_ours_is_shown() {
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(Options::default()).await;
        let port = server.address.port();

        let other = known_hosts_line(port, new_key().public_key());
        let false_key = controller.connect_to(controller.target_with(&server, &other), Some("secret"));
        let error = controller.among_good_hosts(in_time(false_key)).await.unwrap().unwrap_err();
        let HostKeyProblem::Changed { offered, recorded, .. } = problem(error) else { panic!("not taken for a changed key") };
        assert!(recorded.len() == 1 && recorded[0].key != offered, "{recorded:?} {offered:?}");

        let unknown = controller.connect_to(controller.target_with(&server, "# nobody\n"), Some("secret")).await.unwrap_err();
        assert!(matches!(problem(unknown), HostKeyProblem::Unknown { .. }));

        assert_eq!(server.counts.attempts.get(), 0, "neither key nor password was shown");
        let_go(&server).await.unwrap();
    });
}

#[test]
fn a_huge_banner_is_only_a_banner() {
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(Options { banner: Some("\x1b[2J".repeat(50_000)), ..Options::default() }).await;
        controller.connect(&server).await.unwrap();
        assert_eq!(server.counts.logins.get(), 1);
    });
}
