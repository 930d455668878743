//! SSH connections by russh, behaving as the OpenSSH client would with the same files.
//!
//! ```text
//! Target (ssh_config, known before the first connection) -> Client::connect -> SshConnection -> channels
//! ```
//!
//! A [`Client`] holds what all hosts of a run share: keys that were decrypted once, known_hosts that were read once, jump
//! hosts that were reached once, and the person who can be asked.

mod auth;
mod budget;
mod client;
mod connection;
mod error;
mod held;
mod host_key;
mod host_key_algorithms;
mod keys;
mod link;
mod person;
mod stream;
mod target;

pub use client::{Client, Settings};
pub use connection::SshConnection;
pub use error::{AuthError, ConnectError, HostKeyError, HostKeyProblem, LoadKeyError};
pub use person::{Answer, Nobody, Person};
pub use target::Target;
