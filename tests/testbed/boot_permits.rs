//! How many machines of this process boot at the same time. libtest runs a test a processor, and each may start several
//! machines; booting all at once makes every one slower than its deadline.

use std::sync::{Condvar, Mutex};

/// Weights: User-mode Linux is busy with one processor for its whole boot.
pub const NSPAWN: usize = 1;
pub const UML: usize = 2;
const AT_ONCE: usize = 4;

static FREE: Mutex<usize> = Mutex::new(AT_ONCE);
static FREED: Condvar = Condvar::new();

/// The right to boot; given back on drop.
pub struct Permit(usize);

/// Waits until there is room for a boot of this weight.
pub fn wait(weight: usize) -> Permit {
    let mut free = FREED.wait_while(FREE.lock().unwrap(), |free| *free < weight).unwrap();
    *free -= weight;
    Permit(weight)
}

impl Drop for Permit {
    fn drop(&mut self) {
        *FREE.lock().unwrap() += self.0;
        FREED.notify_all();
    }
}
