//! Each guard that is taken away, and each confusion of unknown with absent, makes a simulated cluster break.

use super::observe::Confusion;
use super::{case, play};
use crate::cluster::membership::Guard;
use crate::cluster::membership::guard::REMOVED;

/// Within how many clusters it must be seen.
const WITHIN: u64 = 6000;

/// Clusters that are tried first: those that are rare. Any other will do as well, later.
const FIRST: [u64; 9] = [1939, 1495, 718, 506, 431, 417, 382, 338, 300];

/// The first cluster that breaks.
fn first(guard: Option<Guard>, confusion: Option<Confusion>) -> Option<(u64, String)> {
    let breaks = |seed: u64| {
        let mut case = case(seed);
        play(&mut case, confusion);
        case.world.wrong.first().map(|wrong| (seed, wrong.lines().next().unwrap_or_default().to_owned()))
    };
    REMOVED.set(guard);
    let found = FIRST.into_iter().chain(0..WITHIN).find_map(breaks);
    REMOVED.set(None);
    found
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures")]
fn no_guard_is_idle() {
    let mut idle = Vec::new();
    for guard in Guard::ALL {
        match first(Some(guard), None) {
            Some((seed, wrong)) => println!("without {guard:?}, cluster {seed}: {wrong}"),
            None => idle.push(guard),
        }
    }
    assert!(idle.is_empty(), "nobody misses these: {idle:?}");
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures")]
fn no_confusion_is_harmless() {
    let mut harmless = Vec::new();
    for confusion in Confusion::ALL {
        match first(None, Some(confusion)) {
            Some((seed, wrong)) => println!("{confusion:?}, cluster {seed}: {wrong}"),
            None => harmless.push(confusion),
        }
    }
    assert!(harmless.is_empty(), "nobody notices these: {harmless:?}");
}
