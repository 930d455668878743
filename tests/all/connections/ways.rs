//! The ways there: jump hosts, commands, a slow wire.

use std::time::{Duration, Instant};

use homelabctl::transport::Become;
use homelabctl::transport::ssh::ConnectError;

use super::{Home, chain, inside, says, shell};
use crate::testbed::Bed;

#[test]
fn through_a_chain_of_jump_hosts() {
    let bed = Bed::new().unwrap();
    let hops = bed.jump_chain().unwrap();
    let (j1, j2, target) = (&hops.first, &hops.second, &hops.target);
    let home = Home::new();
    home.knows(&[j1, j2, target]);
    inside(&bed, async || {
        let direct = home.also("ConnectTimeout 2").connect(&target.name, None).await;
        assert!(direct.is_err(), "only the jump hosts lead there");
        home.also(&format!("Host {}\n ProxyJump {},{}", target.name, j1.name, j2.name));
        let (a, b) = tokio::join!(home.connect(&target.name, None), home.connect(&target.name, None));
        for connection in [a.unwrap(), b.unwrap()] {
            assert_eq!(says(&mut shell(&connection, &Become::root(None)).await, "hostname").await.unwrap(), target.name);
        }
        let open = j1.root_says("ss -Htn state established '( sport = :22 )' | wc -l").unwrap();
        assert_eq!(open.trim(), "1", "one connection to the jump host carries both");
        // the same way written as each host's own jump
        let home = Home::new();
        home.knows(&[j1, j2, target]);
        home.also(&format!("Host {}\n ProxyJump {}\nHost {}\n ProxyJump {}", target.name, j2.name, j2.name, j1.name));
        home.connect(&target.name, None).await.unwrap();
        home.write(".ssh/known_hosts", &target.known_hosts_lines());
        let home = home.next_run();
        let error = home.connect(&target.name, None).await.unwrap_err();
        assert!(matches!(error, ConnectError::Jump { .. }), "{error:?}");
        assert!(chain(&error).contains("is not known"), "{}", chain(&error));
    });
}

#[test]
fn a_jump_host_that_is_down_is_tried_once_for_all() {
    let bed = Bed::new().unwrap();
    let m = bed.machine("behind").start().unwrap();
    let home = Home::new();
    home.knows(&[&m]);
    inside(&bed, async || {
        // nothing has that address: what is sent there is swallowed
        home.also("Host gone\n HostName 10.77.200.200\n ConnectTimeout 3\nHost behind\n ProxyJump gone");
        let started = Instant::now();
        let tries = futures_util::future::join_all((0..8).map(|_| home.connect("behind", None))).await;
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        for error in tries.into_iter().map(Result::unwrap_err) {
            assert!(matches!(error, ConnectError::Jump { .. }), "{error:?}");
        }
    });
}

#[test]
fn through_a_command_and_over_a_slow_wire() {
    let bed = Bed::new().unwrap();
    let slow = Duration::from_millis(50);
    let machines = bed.start_all(vec![bed.machine("near"), bed.machine("far").delay(slow)]).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    inside(&bed, async || {
        home.also("Host near\n ProxyCommand exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3");
        let error = home.connect("near", None).await.unwrap_err();
        assert!(matches!(&error, ConnectError::ProxyEnded { said, .. } if said.contains("/dev/tcp")), "dash has none: {error:?}");
        home.knows(&machines.iter().collect::<Vec<_>>());
        home.also("Host near\n ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3'");
        let connection = home.connect("near", None).await.unwrap();
        assert_eq!(says(&mut shell(&connection, &Become::No).await, "hostname").await.unwrap(), "near");

        let connection = home.connect("far", None).await.unwrap();
        let mut far = shell(&connection, &Become::No).await;
        says(&mut far, "true").await.unwrap();
        let started = Instant::now();
        says(&mut far, "true").await.unwrap();
        assert!(started.elapsed() >= 2 * slow, "the wire is slow: {:?}", started.elapsed());
    });
}
