//! The values collected so far: the first one of a keyword wins.

use super::file::Setting;
use super::types::{AddressFamily, Hop, NotHonoured, StrictHostKeyChecking};
use crate::diagnostics::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set<T> {
    /// The value as written.
    pub value: T,
    /// Where; for the messages of what is expanded later.
    pub place: Place,
}

/// A file in a list of files, and whether the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// As written.
    pub path: String,
    /// It stands in the user's file or on the command line, not in the system's file.
    pub by_user: bool,
    /// Where it stands, if in a file.
    pub place: Option<Place>,
}

/// Values not yet expanded; `None` for those that no line has set.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Options {
    pub address_family: Option<AddressFamily>,
    pub batch_mode: Option<bool>,
    pub bind_address: Option<String>,
    pub certificate_files: Vec<ListedFile>,
    pub connect_timeout: Option<u32>,
    pub connection_attempts: Option<u32>,
    pub global_known_hosts_files: Option<Set<Vec<String>>>,
    pub hash_known_hosts: Option<bool>,
    pub host_key_algorithms: Option<String>,
    pub host_key_alias: Option<String>,
    pub host_name: Option<Set<String>>,
    pub identities_only: Option<bool>,
    pub identity_agent: Option<Set<String>>,
    pub identity_files: Vec<ListedFile>,
    pub ignore_unknown: Option<String>,
    pub kbd_interactive_authentication: Option<bool>,
    pub not_honoured: Vec<NotHonoured>,
    pub number_of_password_prompts: Option<u32>,
    pub password_authentication: Option<bool>,
    pub port: Option<u16>,
    pub preferred_authentications: Option<String>,
    pub proxy_command: Option<Set<String>>,
    pub proxy_jump: Option<Set<Vec<Hop>>>,
    pub pubkey_authentication: Option<bool>,
    pub server_alive_count_max: Option<u32>,
    pub server_alive_interval: Option<u32>,
    pub strict_host_key_checking: Option<StrictHostKeyChecking>,
    pub tcp_keep_alive: Option<bool>,
    pub user: Option<String>,
    pub user_known_hosts_files: Option<Set<Vec<String>>>,
}

impl Options {
    /// Takes a value in, unless the keyword has one already; lists of keys grow instead.
    pub fn set(&mut self, setting: &Setting, place: &Place, by_user: bool) {
        use Setting as S;
        let placed = |value: &String| Set { value: value.clone(), place: place.clone() };
        match setting {
            S::AddressFamily(value) => first(&mut self.address_family, *value),
            S::BatchMode(value) => first(&mut self.batch_mode, *value),
            S::BindAddress(value) => first(&mut self.bind_address, value.clone()),
            S::CertificateFile(path) => list(&mut self.certificate_files, path, by_user, Some(place)),
            // As in OpenSSH, `none` leaves a time unset, so that a later line may set it.
            S::ConnectTimeout(value) => value.iter().for_each(|&value| first(&mut self.connect_timeout, value)),
            S::ConnectionAttempts(value) => first(&mut self.connection_attempts, *value),
            S::GlobalKnownHostsFile(value) => {
                first(&mut self.global_known_hosts_files, Set { value: value.clone(), place: place.clone() });
            }
            S::HashKnownHosts(value) => first(&mut self.hash_known_hosts, *value),
            S::HostKeyAlgorithms(value) => first(&mut self.host_key_algorithms, value.clone()),
            S::HostKeyAlias(value) => first(&mut self.host_key_alias, value.to_ascii_lowercase()),
            S::HostName(value) => first(&mut self.host_name, placed(value)),
            S::IdentitiesOnly(value) => first(&mut self.identities_only, *value),
            S::IdentityAgent(value) => first(&mut self.identity_agent, placed(value)),
            S::IdentityFile(path) => list(&mut self.identity_files, path, by_user, Some(place)),
            S::IgnoreUnknown(value) => first(&mut self.ignore_unknown, value.clone()),
            S::KbdInteractiveAuthentication(value) => first(&mut self.kbd_interactive_authentication, *value),
            S::NumberOfPasswordPrompts(value) => first(&mut self.number_of_password_prompts, *value),
            S::PasswordAuthentication(value) => first(&mut self.password_authentication, *value),
            S::Port(value) => first(&mut self.port, *value),
            S::PreferredAuthentications(value) => first(&mut self.preferred_authentications, value.clone()),
            // Whichever comes first wins, except that `ProxyJump none` leaves a later `ProxyCommand` alone.
            S::ProxyCommand(value) if self.jumps().is_empty() => first(&mut self.proxy_command, placed(value)),
            S::ProxyJump(value) if self.proxy_command.is_none() => {
                first(&mut self.proxy_jump, Set { value: value.clone(), place: place.clone() });
            }
            S::ProxyCommand(_) | S::ProxyJump(_) => {}
            S::PubkeyAuthentication(value) => first(&mut self.pubkey_authentication, *value),
            S::ServerAliveCountMax(value) => first(&mut self.server_alive_count_max, *value),
            S::ServerAliveInterval(value) => value.iter().for_each(|&value| first(&mut self.server_alive_interval, value)),
            S::StrictHostKeyChecking(value) => first(&mut self.strict_host_key_checking, *value),
            S::TcpKeepAlive(value) => first(&mut self.tcp_keep_alive, *value),
            S::User(value) => first(&mut self.user, value.clone()),
            S::UserKnownHostsFile(value) => {
                first(&mut self.user_known_hosts_files, Set { value: value.clone(), place: place.clone() });
            }
        }
    }

    /// The hops so far; none after `ProxyJump none`.
    pub fn jumps(&self) -> &[Hop] {
        self.proxy_jump.as_ref().map_or(&[], |set| &set.value)
    }

    /// The files named on the command line (`-i`) come before all others.
    pub fn add_identity_file(&mut self, path: &str) {
        list(&mut self.identity_files, path, true, None);
    }

    /// Notes a keyword without effect, once.
    pub fn note_not_honoured(&mut self, keyword: &'static str, place: &Place) {
        if !self.not_honoured.iter().any(|noted| noted.keyword == keyword) {
            self.not_honoured.push(NotHonoured { keyword, place: place.clone() });
        }
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    if slot.is_none() {
        *slot = Some(value);
    }
}

fn list(files: &mut Vec<ListedFile>, path: &str, by_user: bool, place: Option<&Place>) {
    if !files.iter().any(|file| file.path == path && file.by_user == by_user) {
        files.push(ListedFile { path: path.to_owned(), by_user, place: place.cloned() });
    }
}
