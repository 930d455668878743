//! What a server is told.

use std::time::Duration;

use russh::keys::ssh_key::Algorithm;
use russh::keys::{PrivateKey, PublicKey};

use super::program::{self, Answer, Program};
use super::raw::Raw;
use super::wire::Pace;

pub struct Options {
    pub host_key: PrivateKey,
    pub login: Login,
    /// Shown before the login.
    pub banner: Option<String>,
    pub channels: Channels,
    /// What runs instead of a command.
    pub program: Program,
    pub pace: Pace,
    /// How much the system takes in before the server reads it, in bytes.
    pub receive_buffer: Option<u32>,
    /// How much a client may send on a channel before the server has taken it, in bytes.
    pub window: u32,
    /// No SSH at all.
    pub raw: Option<Raw>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host_key: new_key(),
            login: Login::AnyKey,
            banner: None,
            channels: Channels::Any,
            program: program::simulated(|_| Answer::default()),
            pace: Pace::Usual,
            receive_buffer: None,
            window: 2 << 20,
            raw: None,
        }
    }
}

pub fn new_key() -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap()
}

#[derive(Debug, Clone)]
pub enum Login {
    /// Whoever has a key.
    AnyKey,
    Key(Box<PublicKey>),
    Password(String),
    /// Asks this many questions at a time, for ever.
    Questions(usize),
    /// Never answers.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    Any,
    /// So many at once on a connection.
    AtMost(u64),
    /// Refuses the first so many on each connection.
    RefuseFirst(u64),
    /// Does not answer.
    Never,
}

impl Options {
    pub(super) fn config(&self) -> russh::server::Config {
        russh::server::Config {
            keys: vec![self.host_key.clone()],
            auth_rejection_time: Duration::ZERO,
            max_auth_attempts: 1000,
            window_size: self.window,
            inactivity_timeout: None,
            nodelay: true,
            ..russh::server::Config::default()
        }
    }
}
