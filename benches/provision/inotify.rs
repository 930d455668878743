//! The kernel's limit of inotify instances: containers share it with this host, and a systemd of many asks for several each.

use std::fs;
use std::path::Path;

const LIMIT: &str = "/proc/sys/fs/inotify/max_user_instances";
/// Of one machine.
const EACH: usize = 32;

/// Puts the limit back as it was when it goes away.
pub struct Raised(Option<String>);

/// Raises the limit for so many machines, where it is lower.
pub fn enough_for(machines: usize) -> Raised {
    let is = fs::read_to_string(Path::new(LIMIT)).unwrap();
    let wanted = 128 + machines * EACH;
    if is.trim().parse::<usize>().unwrap() >= wanted {
        return Raised(None);
    }
    fs::write(LIMIT, wanted.to_string()).unwrap();
    Raised(Some(is))
}

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some(was) = &self.0 {
            let _ = fs::write(LIMIT, was);
        }
    }
}
