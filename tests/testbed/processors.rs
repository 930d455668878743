//! Which processor a User-mode Linux machine runs on. Such a machine is many processes of the host, of which one runs at a time and
//! hands over to the next some thousand times a second. Left to the scheduler they follow each other from processor to processor:
//! where others are at work, too, the same script took 11 to 44 s, and 3 to 4 s on one processor.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rustix::thread::{CpuSet, sched_getaffinity};

/// How many machines of this process are on each processor.
static TAKEN: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

/// A machine's processor; given back on drop.
pub struct Processor(pub usize);

/// The one that the fewest machines of this process are on; `None` if nobody says which there are.
pub fn least_taken() -> Option<Processor> {
    let ours = sched_getaffinity(None).ok()?;
    let ours: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|number| ours.is_set(*number)).collect();
    let mut taken = TAKEN.lock().unwrap();
    // not all processes with one machine each are to meet on the first
    let first = std::process::id() as usize % ours.len().max(1);
    let in_turn = ours[first..].iter().chain(&ours[..first]);
    let chosen = *in_turn.min_by_key(|number| taken.get(number).copied().unwrap_or(0))?;
    *taken.entry(chosen).or_default() += 1;
    Some(Processor(chosen))
}

impl Drop for Processor {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap().entry(self.0).or_insert(1) -= 1;
    }
}
