//! ssh_config(5), read as the OpenSSH client reads it, so that a host is reached the way `ssh host` reaches it.
//!
//! [`SshConfig::load`] reads the files once, for any number of hosts; [`SshConfig::resolve`] says what holds for
//! one. The way is that of OpenSSH's readconf.c: lines in order, the first value of a keyword wins, blocks are
//! switched on and off by `Host` and `Match`, and `Match final` has the files read a second time. What `ssh -G`
//! answers for many such files is recorded in `tests/records/ssh` and compared with in `tests/all/ssh_records.rs`.
//!
//! What differs, on purpose: names are not canonicalised by DNS (`CanonicalizeHostname`), other users' home
//! directories are not looked up (`~you/`), and what cannot be honoured is listed in [`HostConfig::not_honoured`].

mod expand;
mod file;
mod keyword;
mod line;
mod load;
mod options;
mod resolve;
mod tokens;
mod types;
mod values;

pub use load::SshConfig;
pub use types::{AddressFamily, ConfigFiles, Hop, HostConfig, IdentityFile, Local, Lookup, NotHonoured, Proxy, StrictHostKeyChecking};
