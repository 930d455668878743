//! Runs that are cut at a random moment, on real machines: the connection is dropped, the controller's side goes away
//! in the middle of a step, or the machine loses its power.

use std::sync::Arc;
use std::time::{Duration, Instant};

use homelabctl::node::apply::Lock;
use homelabctl::node::hold::{self, Held};
use homelabctl::node::host::Host;
use homelabctl::node::lock::{Claim, DIRECTORY, Patience};
use homelabctl::node::long_step;
use homelabctl::node::machine::{Real, RunScript, Shells};
use homelabctl::node::simulated::Random;
use homelabctl::node::steps::{Run, Step};
use homelabctl::plan::{Scope, Store};
use homelabctl::transport::Become;

use super::plans::{Settled, Want, settle, sha256};
use crate::connections::{Home, LIMIT, inside};
use crate::testbed::{Bed, Machine};

const CUTS: u64 = 50;

/// A run: connected, with the machine locked.
struct Session {
    real: Real<Host>,
    held: Held,
}

fn claim(nonce: &str) -> Claim {
    Claim { nonce: nonce.into(), who: "tester".into(), from: "controller".into(), since: "2026-01-01T00:00:00Z".into() }
}

async fn session(home: &Home, name: &str, nonce: &str) -> Session {
    let connection = home.connect(name, None).await.unwrap();
    let root = connection.shell(&Become::root(None), LIMIT).await.unwrap();
    let held = hold::take(root, DIRECTORY, &claim(nonce), Patience::default(), |_| ()).await.unwrap();
    let shells = Host::new(Arc::new(connection), None);
    Session { real: Real::new(shells, Some(Lock { directory: DIRECTORY.into(), nonce: nonce.into() })), held }
}

fn wants(round: u64) -> Vec<Want> {
    // a few megabytes: half of it would be seen
    let file = |name: &str, size: usize| {
        let content = format!("{round} {name}\n").into_bytes().repeat(size);
        Want::File { path: format!("/srv/{name}"), content, mode: 0o640 }
    };
    let directory = Want::Directory { path: format!("/srv/d{round}/e"), mode: 0o2750 };
    vec![file("a", 1), file("b", 60_000), directory, file("c", 200_000), file("a", 1)]
}

/// What is under the final names: one of the wanted contents whole, or nothing.
fn look(machine: &Machine, round: u64) {
    for want in wants(round) {
        let Want::File { path, content, .. } = want else { continue };
        let is = machine.root_says(&format!("if [ -e {path} ]; then sha256sum <{path}; fi")).unwrap();
        let previous = wants(round.wrapping_sub(1)).into_iter().find_map(|want| match want {
            Want::File { path: p, content, .. } if p == path => Some(sha256(&content)),
            _ => None,
        });
        let is = is.split_whitespace().next().unwrap_or_default();
        assert!(is.is_empty() || is == sha256(&content) || Some(is) == previous.as_deref(), "round {round}: half of {path} is seen");
    }
}

#[test]
fn cut_runs_leave_nothing_half_done() {
    let bed = Bed::new().unwrap();
    let mut machine = bed.machine("cut").start().unwrap();
    let home = Home::new();
    home.knows(&[&machine]);
    let scope = Scope::new("cut", "root");
    let mut random = Random::new(4711);
    let (mut cut, mut rounds, mut slowest) = (0, 0, Duration::ZERO);
    // how long a run takes here; the first one shows it
    let mut usual = Duration::from_secs(3);
    while cut < CUTS {
        rounds += 1;
        let round = rounds;
        assert!(round < 3 * CUTS, "only {cut} of {round} runs were cut in the middle");
        let how = random.below(3);
        let after = if round == 1 { usual } else { usual.mul_f64(random.below(1000) as f64 / 1000.0) };
        inside(&bed, async || {
            let mut first = session(&home, "cut", &format!("a{round}")).await;
            let mut store = Store::default();
            let began = Instant::now();
            let work = async {
                for want in wants(round) {
                    if let end @ (Settled::Cut { .. } | Settled::Other(_)) = settle(&mut first.real, &scope, &mut store, &want).await {
                        return format!("{end:?}");
                    }
                }
                "done".into()
            };
            tokio::select! {
                end = work => {
                    assert_eq!(end, "done", "round {round}");
                    usual = began.elapsed();
                }
                () = tokio::time::sleep(after) => {
                    cut += 1;
                    match how {
                        // the machine loses its power, with its disk as it is
                        0 => machine.kill(),
                        // the cable is out: the machine believes in the connection
                        1 => machine.stop_network().unwrap(),
                        // the controller is gone: its sockets are closed
                        _ => {}
                    }
                }
            }
            // nothing says goodbye: the sockets are dropped
            drop(first);
        });
        let since = Instant::now();
        match how {
            0 => {
                machine.kill();
                machine.power_on().unwrap();
            }
            1 => machine.resume_network().unwrap(),
            _ => {}
        }
        look(&machine, round);
        inside(&bed, async || {
            let mut next = session(&home, "cut", &format!("b{round}")).await;
            slowest = slowest.max(since.elapsed());
            assert!(since.elapsed() < Duration::from_secs(45), "round {round}: locked for {:?} after the cut", since.elapsed());
            let mut store = Store::default();
            for want in wants(round) {
                let end = settle(&mut next.real, &scope, &mut store, &want).await;
                assert!(matches!(end, Settled::Unchanged | Settled::Changed), "round {round}: {end:?}");
            }
            next.held.release().await;
        });
        look(&machine, round);
        let left = machine.root_says("find /srv -name '*homelabctl*'").unwrap();
        assert_eq!(left, "", "round {round}");
    }
    println!("{cut} of {rounds} runs were cut in the middle; the slowest next run had the machine after {slowest:?}");
}

#[test]
fn a_long_step_survives_its_connection_and_its_status_is_taken() {
    let bed = Bed::new().unwrap();
    let mut machine = bed.machine("long").start().unwrap();
    let home = Home::new();
    home.knows(&[&machine]);
    let scope = Scope::new("long", "root");
    let text = "sleep 4; echo out; echo x >>/srv/ran; exit 3";
    let step: Step = Run { argv: ["sh", "-c", text].map(Into::into).to_vec(), ..Run::default() }.into();
    let id = long_step::Id::of(&step);
    inside(&bed, async || {
        let mut first = session(&home, "long", "n1").await;
        let script = long_step::start_script(DIRECTORY, "n1", &step, &[]).unwrap();
        let answered = RunScript::run(first.real.shells().shell(&scope).await.unwrap(), &script, LIMIT).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answered.stdout), "started\n", "{}", String::from_utf8_lossy(&answered.stderr));
        drop(first);
        // the next run has the machine once the step has ended
        let mut next = session(&home, "long", "n2").await;
        assert_eq!(machine.root_says("cat /srv/ran").unwrap(), "x");
        let left = next.real.left(&scope, DIRECTORY).await.unwrap();
        assert_eq!(left.iter().map(|left| (left.title.as_str(), left.state.as_str())).collect::<Vec<_>>(), [("run sh", "finished")]);
        let state = next.real.wait(&scope, DIRECTORY, &id, "it").await.unwrap();
        let ended = long_step::Ended { status: 3, stdout: b"out\n".to_vec(), stderr: Vec::new() };
        assert_eq!(state, long_step::State::Finished(ended));
        assert_eq!(next.real.wait(&scope, DIRECTORY, &id, "it").await.unwrap(), long_step::State::Nothing);
        // the machine loses its power in the middle of it
        let script = long_step::start_script(DIRECTORY, "n2", &step, &[]).unwrap();
        RunScript::run(next.real.shells().shell(&scope).await.unwrap(), &script, LIMIT).await.unwrap();
    });
    machine.kill();
    machine.power_on().unwrap();
    inside(&bed, async || {
        let mut after = session(&home, "long", "n3").await;
        assert_eq!(after.real.wait(&scope, DIRECTORY, &id, "it").await.unwrap(), long_step::State::Nothing, "never a success");
    });
    assert_eq!(machine.root_says("cat /srv/ran").unwrap(), "x", "it was cut, and ran once");
}
