//! Reaching a machine: over SSH as the OpenSSH client would, or this very machine.
//!
//! A [`Connection`] opens long-lived [`Shell`]s, one per privilege; a shell runs scripts, each in one round trip. This
//! module knows nothing of what the scripts say.
//!
//! What it does not do: forward ports, agents or X11, request terminals, or speak SFTP.

mod connection;
mod frame;
pub mod known_hosts;
mod local;
mod nonce;
mod output;
mod pattern;
mod privilege;
mod process;
mod shell;
pub mod ssh;
pub mod ssh_config;
mod tunnel;

pub use connection::Connection;
pub use frame::{Frame, FrameReader};
pub use nonce::Nonce;
pub use output::{Collected, Flow, Output};
pub use privilege::{Become, SudoError};
pub use shell::{Shell, ShellError};
pub use tunnel::{Stream, Tunnel, TunnelError};
