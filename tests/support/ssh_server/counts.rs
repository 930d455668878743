//! What clients did.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub struct Counts {
    /// Accepted so far.
    pub connections: Count,
    /// Of these, not yet closed.
    pub open: Count,
    /// Clients let in.
    pub logins: Count,
    /// Attempts to log in, of any method.
    pub attempts: Count,
    /// Session channels asked for, granted or not.
    pub channels: Count,
    /// Commands.
    pub execs: Count,
    /// Data messages on channels.
    pub data_messages: Count,
    /// Bytes in them.
    pub data_bytes: Count,
    /// Scripts that came whole.
    pub scripts: Count,
    /// The most channels that were open at once on one connection.
    pub most_channels: Count,
}

#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::SeqCst);
    }

    pub fn sub(&self, number: u64) {
        self.0.fetch_sub(number, Ordering::SeqCst);
    }

    pub fn at_least(&self, number: u64) {
        self.0.fetch_max(number, Ordering::SeqCst);
    }
}
