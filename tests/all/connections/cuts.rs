//! Connections that break: what was going on is unknown, never a failure and never a success.

use std::time::{Duration, Instant};

use homelabctl::transport::{Become, Collected, ShellError};

use super::{Home, LIMIT, inside, says, shell};
use crate::testbed::Bed;

#[test]
fn a_cut_is_an_unknown_outcome_and_a_dead_peer_is_noticed() {
    let bed = Bed::new().unwrap();
    let mut machines = bed.start_all(vec![bed.machine("killed"), bed.machine("dead"), bed.machine("sshd")]).unwrap();
    let home = Home::new();
    home.knows(&machines.iter().collect::<Vec<_>>());
    let long = Duration::from_secs(60);
    inside(&bed, async || {
        // sshd's process for this connection is killed
        let connection = home.connect("sshd", None).await.unwrap();
        let mut root = shell(&connection, &Become::root(None)).await;
        let error = root.run("kill -9 $(pgrep -f 'sshd: op@notty|sshd-session: op')", &mut Collected::up_to(99), LIMIT).await.unwrap_err();
        assert!(error.outcome_is_unknown(), "{error:?}");

        // the machine loses its power in the middle of a script
        let connection = home.connect("killed", None).await.unwrap();
        let mut cut = shell(&connection, &Become::root(None)).await;
        let mut output = Collected::up_to(99);
        let started = Instant::now();
        let (error, ()) = tokio::join!(cut.run("sleep 50", &mut output, long), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            machines[0].kill();
        });
        let error = error.unwrap_err();
        assert!(error.outcome_is_unknown() && started.elapsed() < Duration::from_secs(15), "{error:?} after {:?}", started.elapsed());

        // the cable is out: nothing says so but silence
        let connection = home.connect("dead", None).await.unwrap();
        let mut silent = shell(&connection, &Become::root(None)).await;
        says(&mut silent, "true").await.unwrap();
        machines[1].stop_network().unwrap();
        let started = Instant::now();
        let error = silent.run("true", &mut Collected::up_to(99), long).await.unwrap_err();
        assert!(matches!(&error, ShellError::Lost(why) if why.contains("no sign of life")), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    });
}

#[test]
fn a_dropped_shell_leaves_nothing_running() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("m1").start().unwrap();
    let home = Home::new();
    home.knows(&[&machine]);
    inside(&bed, async || {
        let connection = home.connect("m1", None).await.unwrap();
        let mut output = Collected::up_to(99);
        let mut dropped = shell(&connection, &Become::root(None)).await;
        let quick = dropped.run("sleep 0.5", &mut output, Duration::from_millis(100)).await;
        assert_eq!(quick, Err(ShellError::TimedOut(Duration::from_millis(100))));
        drop(dropped);
        // seen from the machine's console
        let loops = || machine.root_says("pgrep -f 'while read -r n k [i]' || true").unwrap();
        for _ in 0..50 {
            if loops().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the dropped shell's loop still runs: {}", loops());
    });
}
