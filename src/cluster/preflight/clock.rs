//! Clocks, against the median of all: this machine's own may be the one that is wrong.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;

/// Milliseconds. kubeadm dates certificates back by five minutes, and etcd and leases suffer long before.
const MOST: u64 = 30_000;
const NOTED: u64 = 1_000;
/// Seconds that the hardware's clock may be off: after a boot it counts until the network is there.
const HARDWARE: u64 = 120;

pub(super) fn check(nodes: &[Evidence], found: &mut Findings) {
    let mut all: Vec<i64> = nodes.iter().filter_map(|node| node.clock.ahead.is().copied()).collect();
    all.sort_unstable();
    let median = all.get(all.len() / 2).copied().unwrap_or(0);
    for node in nodes {
        let clock = &node.clock;
        if let Some(ahead) = seen(&clock.ahead, "Clock", node, "the clock", found) {
            let (off, which) = (ahead.abs_diff(median), if *ahead > median { "ahead of" } else { "behind" });
            // what the network's delay explains is nobody's fault
            let sure = off.saturating_sub(clock.give_or_take);
            let seen = || format!("the clock is {} s {which} the others", seconds(off));
            let todo = "homelabctl provision base";
            if sure > MOST {
                let why = "certificates are not valid yet, or not any more";
                found.error("Clock", &[node], seen(), why, todo);
            } else if sure > NOTED {
                found.warning("Clock", &[node], seen(), "logs and leases of different nodes do not fit together", todo);
            }
        }
        if seen(&clock.kept, "Clock", node, "who keeps the clock", found) == Some(&false) {
            let why = "it drifts away from the others, some seconds a day";
            found.planned("Clock", &[node], "nothing keeps the clock", why, "base");
        }
        if let Some(off) =
            seen(&clock.hardware_ahead, "Clock", node, "the hardware's clock", found).filter(|off| off.unsigned_abs() > HARDWARE)
        {
            let which = if *off > 0 { "ahead of" } else { "behind" };
            let seen = format!("the hardware's clock is {} s {which} the system's", off.unsigned_abs());
            found.warning("Clock", &[node], seen, "after a boot that time holds until the network is there", "hwclock --systohc");
        }
    }
}

/// With a tenth, as a person says it.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{}", milliseconds / 1000, milliseconds % 1000 / 100)
}
