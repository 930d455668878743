//! Several shells on one connection, and more connections where a host allows no more.

use homelabctl::transport::{Become, Connection};

use super::{Home, inside, says, shell};
use crate::testbed::Bed;

async fn connections(connection: &Connection) -> u64 {
    match connection {
        Connection::Ssh(ssh) => ssh.connections().await,
        Connection::Local => 0,
    }
}

#[test]
fn five_shells_share_a_connection_and_refused_ones_get_their_own() {
    let bed = Bed::new().unwrap();
    let machines =
        bed.start_all(vec![bed.machine("plain"), bed.machine("single").max_sessions(1), bed.machine("startups").max_startups(1)]).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    inside(&bed, async || {
        let connection = home.connect("plain", None).await.unwrap();
        let mut shells = Vec::new();
        for _ in 0..5 {
            shells.push(shell(&connection, &Become::root(None)).await);
        }
        assert_eq!(connections(&connection).await, 1);
        shells.push(shell(&connection, &Become::No).await);
        assert_eq!(connections(&connection).await, 2, "the sixth channel gets a connection of its own");
        for (index, shell) in shells.iter_mut().enumerate() {
            assert_eq!(says(shell, &format!("echo {index}")).await.unwrap(), index.to_string());
        }
        drop(shells);

        // opened and closed in turn, the slots come back
        for round in 0..40 {
            let mut one = shell(&connection, &Become::No).await;
            assert_eq!(says(&mut one, "echo hi").await.unwrap(), "hi", "round {round}");
        }
        assert_eq!(connections(&connection).await, 2);

        let connection = home.connect("single", None).await.unwrap();
        let (mut a, mut b, mut c) =
            (shell(&connection, &Become::No).await, shell(&connection, &Become::root(None)).await, shell(&connection, &Become::No).await);
        for shell in [&mut a, &mut b, &mut c] {
            assert_eq!(says(shell, "hostname").await.unwrap(), "single");
        }
        assert_eq!(connections(&connection).await, 3);

        // sshd drops all but one of those that are starting up: each tries again
        let tries = (0..6).map(|_| home.connect("startups", None));
        for result in futures_util::future::join_all(tries).await {
            result.unwrap();
        }
    });
}
