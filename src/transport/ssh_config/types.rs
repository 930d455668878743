//! What goes into a look-up and what comes out of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostics::Place;

/// Which files are read, first to last; the first value of a keyword wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFiles {
    /// `~/.ssh/config`, or what `-F` names. Ignored if it does not exist, unless `must_exist`.
    pub user: Option<PathBuf>,
    /// `/etc/ssh/ssh_config`; `None` with `-F`, as in ssh. Ignored if it does not exist.
    pub system: Option<PathBuf>,
    /// The user named the file (`-F`): it must be there, and its owner and mode are not checked, as in ssh.
    pub must_exist: bool,
}

/// What the caller knows about this machine and its user, captured once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Local {
    /// Home directory of the user, without a slash at the end.
    pub home: String,
    /// Login name.
    pub user: String,
    /// Numeric user id: the owner that configuration files must have, and the token `%i`.
    pub uid: u32,
    /// What gethostname(2) says: the token `%l`.
    pub host_name: String,
    /// The environment, for `${NAME}` and the agent's socket.
    pub env: BTreeMap<String, String>,
}

/// One host, as the person named it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// The name given, without user and port: what `Host` patterns are matched against.
    pub host: &'a str,
    /// The user given (`user@host`, `-u`, `ansible_user`); it wins over the files.
    pub user: Option<&'a str>,
    /// The port given; it wins over the files.
    pub port: Option<u16>,
    /// What would stand after each `-o`: `Key=value` or `Key value`. They win over the files.
    pub options: &'a [String],
    /// What would stand after each `-i`: they are tried before the files' own.
    pub identity_files: &'a [String],
}

/// Everything that is needed to connect to a host. `ssh -G` shows the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// The name that was asked for.
    pub original: String,
    /// Where to connect: `HostName` expanded, in small letters; addresses in their usual form.
    pub host_name: String,
    /// Where to connect.
    pub port: u16,
    /// Who to be there.
    pub user: String,
    /// Private keys, in the order in which they are to be tried; `~` and tokens are expanded.
    pub identity_files: Vec<IdentityFile>,
    /// Only the keys of `identity_files` are to be offered, even if the agent has more.
    pub identities_only: bool,
    /// Certificates beside those that lie next to a key as `KEY-cert.pub`.
    pub certificate_files: Vec<PathBuf>,
    /// Where the agent listens; `None`: there is none, or it is not to be asked.
    pub identity_agent: Option<PathBuf>,
    /// How to get there.
    pub proxy: Proxy,
    /// Files of known hosts; new ones are written to the first.
    pub user_known_hosts_files: Vec<PathBuf>,
    /// Files of known hosts that are only read.
    pub global_known_hosts_files: Vec<PathBuf>,
    /// What to do about a host that is not known.
    pub strict_host_key_checking: StrictHostKeyChecking,
    /// The name under which the host's key is known, in small letters; without the port then.
    pub host_key_alias: Option<String>,
    /// Whether names are hashed when a host is written to known_hosts.
    pub hash_known_hosts: bool,
    /// How long connecting may take; `None`: as long as the system lets it.
    pub connect_timeout: Option<Duration>,
    /// How often connecting is tried, a second apart; at least 1.
    pub connection_attempts: u32,
    /// After how much silence the server is asked for a sign of life; `None`: never.
    pub server_alive_interval: Option<Duration>,
    /// After how many questions without an answer the connection is given up.
    pub server_alive_count_max: u32,
    /// SO_KEEPALIVE on the socket.
    pub tcp_keep_alive: bool,
    /// Methods of authentication in order, if the user has set one.
    pub preferred_authentications: Option<Vec<String>>,
    /// Whether the method `password` may be used.
    pub password_authentication: bool,
    /// Whether the method `publickey` may be used.
    pub pubkey_authentication: bool,
    /// Whether the method `keyboard-interactive` may be used.
    pub kbd_interactive_authentication: bool,
    /// How often a password may be asked for.
    pub number_of_password_prompts: u32,
    /// Never ask the person anything.
    pub batch_mode: bool,
    /// `HostKeyAlgorithms` as it was written (with its `+`, `-` or `^`), if it was.
    pub host_key_algorithms: Option<String>,
    /// Which addresses of the host may be used.
    pub address_family: AddressFamily,
    /// The local address to connect from.
    pub bind_address: Option<String>,
    /// What applies to this host in OpenSSH and has no effect here, with its place; each keyword once.
    pub not_honoured: Vec<NotHonoured>,
}

/// A private key's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFile {
    /// The whole path.
    pub path: PathBuf,
    /// The user named it, so it is worth a warning if it is not there; false for ssh's own list of names.
    pub named: bool,
}

/// How to get to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// Directly.
    #[default]
    None,
    /// Through these, first to last. Each is looked up in the files as a host of its own, without this host's
    /// command-line options; `ProxyJump` and `ProxyCommand` of that look-up count for the first one only.
    Jump(Vec<Hop>),
    /// Over standard input and output of this shell command (tokens expanded; ssh puts `exec ` before it).
    Command(String),
}

/// One jump host, as `ProxyJump` names it: what it leaves out comes from the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// User, if given.
    pub user: Option<String>,
    /// Name or address, without brackets.
    pub host: String,
    /// Port, if given.
    pub port: Option<u16>,
}

/// What to do about a host whose key is not known. A changed or revoked key is refused whatever this says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StrictHostKeyChecking {
    /// Refuse.
    Yes,
    /// Ask the person; refuse if there is nobody to ask.
    #[default]
    Ask,
    /// Write it down and go on.
    AcceptNew,
    /// Write it down and go on. (ssh goes on even if a key has changed; this program does not.)
    No,
}

/// Which addresses may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All.
    #[default]
    Any,
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
}

/// A setting that OpenSSH knows and this program does not act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotHonoured {
    /// The keyword in ssh_config(5)'s spelling, or the criterion as `Match localnetwork`.
    pub keyword: &'static str,
    /// Where it stands.
    pub place: Place,
}
