//! Removes what is left of beds whose owner and keeper were both killed. The kernel has ended their machines then; their
//! directories and empty cgroups are left.

use super::process::start_time;
use std::path::Path;
use std::time::Duration;
use std::{fs, io, thread};

/// The name of a bed's directory and cgroup: owner's process, its start time (process ids are used again), a counter.
pub fn bed_name(pid: u32, started: u64, counter: u32) -> String {
    format!("homelabctl-bed-{pid}-{started}-{counter}")
}

/// Removes the beds below `beds`, and the beds' cgroups, whose owner is gone. A keeper that is at it at the same moment does
/// no harm: whoever comes second finds nothing.
pub fn sweep(beds: &Path) {
    for name in names(beds).into_iter().filter(|n| owner_is_gone(n)) {
        if let Err(e) = fs::remove_dir_all(beds.join(&name)).or_else(ignore_missing) {
            eprintln!("test bed: cannot remove {name}, which a killed run left: {e}");
        }
    }
    for hierarchy in ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"].map(Path::new) {
        for name in names(hierarchy).into_iter().filter(|n| owner_is_gone(n)) {
            let dir = hierarchy.join(name);
            // the kernel takes a moment to end the last of a killed keeper's processes
            for _ in 0..100 {
                remove_cgroup(&dir);
                if !dir.exists() {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect()
}

/// Whether `name` is a bed's and its owner has ended.
fn owner_is_gone(name: &str) -> bool {
    let Some(ids) = name.strip_prefix("homelabctl-bed-") else { return false };
    let mut ids = ids.split('-').map_while(|id| id.parse::<u64>().ok());
    let (Some(pid), Some(started)) = (ids.next().and_then(|pid| u32::try_from(pid).ok()), ids.next()) else { return false };
    start_time(pid) != Some(started)
}

/// Cgroups are removed from the leaves up, by rmdir; one that still has processes stays.
fn remove_cgroup(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten().filter(|e| e.path().is_dir()) {
        remove_cgroup(&entry.path());
    }
    let _ = fs::remove_dir(dir);
}

fn ignore_missing(e: io::Error) -> io::Result<()> {
    if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) }
}
