//! What is recorded: inputs and ssh's answers, as they stand under `tests/records/ssh`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The file of look-ups.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfigRecords {
    /// What `ssh -V` said.
    pub ssh: String,
    /// The cases with their answers.
    pub cases: Vec<ConfigRecord>,
}

/// The file of servers and known hosts.
#[derive(Debug, Serialize, Deserialize)]
pub struct HostRecords {
    /// What `ssh -V` said.
    pub ssh: String,
    /// Seconds since 1970 when it was recorded.
    pub time: u64,
    /// Public keys and certificates (`NAME-cert`) by name, as lines.
    pub keys: BTreeMap<String, String>,
    /// The cases with their answers.
    pub cases: Vec<HostRecord>,
}

/// The user, the home directory and the machine's name that ssh saw while it was recorded.
pub const USER: &str = "me";
pub const HOME: &str = "/home/me";
pub const HOST_NAME: &str = "control.example.lan";

/// The case with empty files, which holds all settings.
pub const DEFAULTS: &str = "defaults";

/// One look-up: what stands in the files and on the command line.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigInput {
    pub name: String,
    pub host: String,
    /// `~/.ssh/config`.
    pub config: String,
    /// `/etc/ssh/ssh_config`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub system: String,
    /// Other files, by whole path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Environment beside PATH and HOME.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// After `-o`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// After `-i`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identity_files: Vec<String>,
}

/// What ssh made of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfigRecord {
    #[serde(flatten)]
    pub input: ConfigInput,
    pub answer: ConfigAnswer,
}

/// What ssh made of a look-up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigAnswer {
    /// It went on with these settings.
    Settings(Settings),
    /// It stopped, saying this.
    Refused(Vec<String>),
}

/// What `ssh -G` and `ssh -v` showed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// Lines of `ssh -G` by keyword: those that this program honours, and that differ from the case [`DEFAULTS`].
    pub g: BTreeMap<String, Vec<String>>,
    /// Private key files with everything expanded, in order; left out if they are those of [`DEFAULTS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_files: Option<Vec<String>>,
    /// The shell command that was run as a proxy, if one was, without its `exec `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_command: Option<String>,
}

/// A server and files of known hosts. In the files `{ed25519}`, `{rsa}`, `{ecdsa}` stand for the server's keys,
/// `{other-ed25519}`, `{other-rsa}` for keys that it has not, `{ca}` and `{other-ca}` for authorities, and
/// `{hash:NAME}` for a hashed name.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct HostInput {
    pub name: String,
    /// As given to ssh; all names lead to 127.0.0.1.
    pub host: String,
    pub port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The server's key types, of `ed25519`, `ecdsa`, `rsa`.
    pub server_keys: Vec<String>,
    /// Names of the certificates that the server has too (see the recorder).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_certificates: Vec<String>,
    /// The user's file; `None`: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_file: Option<String>,
    /// A second user's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_file: Option<String>,
    /// The system's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_file: Option<String>,
    /// Other options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// What ssh did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostRecord {
    #[serde(flatten)]
    pub input: HostInput,
    /// The files as they were, by name: `user`, `second`, `global`; hashes filled in, keys not.
    pub files: BTreeMap<String, String>,
    /// By the value of StrictHostKeyChecking.
    pub answers: BTreeMap<String, HostAnswer>,
}

/// What ssh did under one value of StrictHostKeyChecking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAnswer {
    /// It went on to authentication.
    pub accepted: bool,
    /// It asked the person first (who said yes).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// The algorithm of the key that the server presented, `-cert-v01@openssh.com` included.
    pub offered: String,
    /// `file:line` of the key that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// `file:line` of the key that does not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offending: Option<String>,
    /// It called the key revoked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
    /// What it added to the user's file, with the key's name for the key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub appended: String,
}
