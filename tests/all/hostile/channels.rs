//! What a run costs a host in connections, channels and messages.

use std::time::Duration;

use futures_util::future::join_all;
use homelabctl::node::facts::everything;
use homelabctl::node::record::Records;
use homelabctl::node::script::Script;
use homelabctl::plan::Reading;
use homelabctl::transport::{Become, Collected, Nonce};

use super::{Controller, LIMIT, block_on};
use crate::ssh_server::{Channels, Options, SshServer, program};

fn real(channels: Channels) -> Options {
    Options { channels, program: program::real_shell(), ..Options::default() }
}

#[test]
fn a_host_that_allows_one_session_gets_a_connection_for_each() {
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(real(Channels::AtMost(1))).await;
        let (connection, mut first) = controller.shell(&server).await;
        let mut second = connection.shell(&Become::No, LIMIT).await.unwrap();
        assert_eq!(server.counts.connections.get(), 2);
        assert_eq!(server.counts.most_channels.get(), 1);
        for shell in [&mut first, &mut second] {
            assert_eq!(shell.run("exit 5", &mut Collected::up_to(9), LIMIT).await, Ok(5));
        }
    });
}

#[test]
fn a_refused_channel_is_asked_for_again() {
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(real(Channels::RefuseFirst(3))).await;
        let (_connection, mut shell) = controller.shell(&server).await;
        assert_eq!(shell.run("exit 5", &mut Collected::up_to(9), LIMIT).await, Ok(5));
        assert_eq!((server.counts.connections.get(), server.counts.channels.get()), (1, 4));
    });
}

#[test]
fn no_connection_carries_more_than_five_channels() {
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(real(Channels::Any)).await;
        let connection = controller.connect(&server).await.unwrap();
        let shells = join_all((0..12).map(|_| connection.shell(&Become::No, LIMIT))).await;
        let mut shells: Vec<_> = shells.into_iter().map(Result::unwrap).collect();
        let runs = shells.iter_mut().enumerate().map(|(index, shell)| async move {
            let mut output = Collected::up_to(99);
            shell.run(&format!("echo {index}; sleep 0.2"), &mut output, LIMIT).await.unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{index}\n"));
        });
        join_all(runs).await;
        assert_eq!(server.counts.most_channels.get(), 5);
        assert_eq!(server.counts.connections.get(), 3);
    });
}

#[test]
fn all_facts_of_a_host_cost_one_connection_one_channel_and_one_round_trip() {
    let queries = everything();
    let nonce = Nonce::new();
    let mut script = Script::new();
    script.set("k", nonce.as_str()).unwrap();
    let probes = script.probe(&queries);
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(real(Channels::Any)).await;
        let (_connection, mut shell) = controller.shell(&server).await;
        let counts = &server.counts;
        assert_eq!(counts.data_messages.get(), 0, "opening a shell sends nothing but the command");
        let mut output = Collected::up_to(1 << 24);
        assert_eq!(shell.run(&script.finish(), &mut output, 10 * LIMIT).await, Ok(0));
        let read = probes.observe(&Records::parse(nonce.as_str(), &output.stdout, &output.stderr));
        assert_eq!(read.len(), queries.len());
        let known = read.iter().filter(|(_, observation)| !matches!(observation.reading, Reading::Unknown { .. })).count();
        assert!(known * 2 > read.len(), "{known} of {} facts are known here", read.len());

        assert_eq!((counts.connections.get(), counts.attempts.get(), counts.logins.get()), (1, 1, 1));
        assert_eq!((counts.channels.get(), counts.execs.get()), (1, 1));
        assert_eq!(counts.data_messages.get(), 1, "header and script go in one message");
        assert_eq!(shell.round_trips(), 1);
        // nothing comes after: no message that nobody asked for
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(counts.data_messages.get(), 1);
    });
}
