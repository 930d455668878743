//! Hosts that die without a word.

use std::time::{Duration, Instant};

use homelabctl::transport::{Become, Collected, ShellError};
use tokio::time::sleep;

use super::{Controller, LIMIT, block_on, let_go};
use crate::ssh_server::{Options, SshServer, program};

const LONG: Duration = Duration::from_secs(120);
const NOTICED: Duration = Duration::from_secs(15);

/// Input without end.
struct Zeros;

impl tokio::io::AsyncRead for Zeros {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        buf.initialize_unfilled().fill(0);
        buf.advance(buf.remaining());
        std::task::Poll::Ready(Ok(()))
    }
}

fn real() -> Options {
    Options { program: program::real_shell(), ..Options::default() }
}

#[test]
fn a_dead_host_is_noticed_within_15_s() {
    block_on(async {
        let controller = Controller::patient();
        let waiting = async {
            let server = SshServer::start(real()).await;
            let (connection, mut shell) = controller.shell(&server).await;
            server.freeze();
            let frozen = Instant::now();
            let error = shell.run("sleep 100", &mut Collected::up_to(9), LONG).await.unwrap_err();
            assert!(frozen.elapsed() < NOTICED, "{:?}", frozen.elapsed());
            assert!(matches!(&error, ShellError::Lost(why) if why.contains("no sign of life")) && error.outcome_is_unknown(), "{error:?}");
            drop((connection, shell));
        };
        let sending = async {
            // the network's buffers are full before the channel's window is: the client cannot even send a question
            let server = SshServer::start(Options { receive_buffer: Some(4096), window: 1 << 30, ..real() }).await;
            let (connection, shell) = controller.shell(&server).await;
            let mut output = Collected::up_to(9);
            let mut zeros = Zeros;
            let upload = shell.run_with_input("cat >/dev/null", &mut zeros, &mut output, LONG);
            let freeze = async {
                sleep(Duration::from_millis(500)).await;
                server.freeze();
                Instant::now()
            };
            let (result, frozen) = tokio::join!(upload, freeze);
            let error = result.unwrap_err();
            assert!(frozen.elapsed() < NOTICED, "in the middle of an upload: {:?}", frozen.elapsed());
            assert!(matches!(&error, ShellError::Lost(why) if why.contains("takes nothing")) && error.outcome_is_unknown(), "{error:?}");
            drop(connection);
        };
        let quiet = async {
            // the same silence from a script on a living host is no sign of death
            let server = SshServer::start(real()).await;
            let (_connection, mut shell) = controller.shell(&server).await;
            assert_eq!(shell.run("sleep 18", &mut Collected::up_to(9), LONG).await, Ok(0));
        };
        tokio::join!(waiting, sending, quiet);
    });
}

#[test]
fn a_connection_that_breaks_is_an_unknown_outcome_for_every_shell_on_it() {
    block_on(async {
        let controller = Controller::new();
        let server = SshServer::start(real()).await;
        let (connection, mut first) = controller.shell(&server).await;
        let mut second = connection.shell(&Become::No, LIMIT).await.unwrap();
        let (mut one, mut two) = (Collected::up_to(9), Collected::up_to(9));
        let cut = async {
            sleep(Duration::from_millis(300)).await;
            server.cut();
        };
        let (first, second, ()) = tokio::join!(first.run("sleep 100", &mut one, LONG), second.run("sleep 100", &mut two, LONG), cut);
        for error in [first.unwrap_err(), second.unwrap_err()] {
            assert!(matches!(error, ShellError::Lost(_)) && error.outcome_is_unknown(), "{error:?}");
        }
        let_go(&server).await.unwrap();
        // what comes next gets a connection that works
        let mut third = connection.shell(&Become::No, LIMIT).await.unwrap();
        assert_eq!(third.run("exit 4", &mut Collected::up_to(9), LIMIT).await, Ok(4));
        assert_eq!(server.counts.connections.get(), 2);
    });
}
