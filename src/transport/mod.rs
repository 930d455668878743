//! Reaching a machine: over SSH as the OpenSSH client would, or this very machine.
//!
//! A [`Connection`] opens long-lived [`Shell`]s, one per privilege; a shell runs scripts, each in one round trip. This
//! module knows nothing of what the scripts say.
//!
//! What it does not do: forward ports, agents or X11, request terminals, or speak SFTP.

pub mod known_hosts;
mod pattern;
pub mod ssh_config;

