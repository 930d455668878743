//! Why a host could not be reached: never a word about what is on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::transport::known_hosts::{KeyInfo, KeyPlace, RecordedKey};

/// A host could not be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Its name has no address.
    #[error("no address for `{host}`")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the resolver says; `None` if it answered with none of the wanted family.
        #[source]
        source: Option<std::io::Error>,
    },
    /// None of its addresses takes a connection.
    #[error("connecting to {address}")]
    Tcp {
        /// The last address tried.
        address: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The `ProxyCommand` cannot be started.
    #[error("starting the ProxyCommand `{command}`")]
    ProxyCommand {
        /// The command.
        command: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The `ProxyCommand` ended instead of connecting.
    #[error("the ProxyCommand `{command}` did not connect: {said}")]
    ProxyEnded {
        /// The command.
        command: String,
        /// What it said last.
        said: String,
    },
    /// A host on the way there.
    #[error("through the jump host {jump}")]
    Jump {
        /// Its name.
        jump: String,
        /// Why.
        #[source]
        source: Arc<ConnectError>,
    },
    /// The jump host is there, but does not pass us on.
    #[error("the jump host does not connect to {to}")]
    Forward {
        /// Where to.
        to: String,
        /// What it says.
        #[source]
        source: russh::Error,
    },
    /// The far side took the connection and then closed it, or spoke something else than SSH.
    #[error("while {phase}")]
    Protocol {
        /// What was going on.
        phase: &'static str,
        /// What SSH says.
        #[source]
        source: russh::Error,
    },
    /// It did not answer in time.
    #[error("no answer within {} s while {phase}", .after.as_secs_f64())]
    TimedOut {
        /// What was going on.
        phase: &'static str,
        /// How long it had.
        after: Duration,
    },
    /// Its key is not the one we know.
    #[error(transparent)]
    HostKey(#[from] Box<HostKeyError>),
    /// It does not let us in.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl ConnectError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Resolve { .. } => Some("set ansible_host in the inventory, or HostName in ssh_config".into()),
            Self::HostKey(error) => Some(error.hint()),
            Self::Auth(error) => Some(error.hint()),
            Self::Jump { source, .. } => source.hint(),
            _ => None,
        }
    }

    /// Whether another try at once may go better: the server drops connections while too many are starting up
    /// (sshd_config(5), MaxStartups).
    pub(crate) fn is_worth_another_try(&self) -> bool {
        use russh::Error as E;
        match self {
            Self::Protocol { source, .. } => matches!(source, E::HUP | E::Disconnect | E::IO(_) | E::Version),
            _ => false,
        }
    }
}

/// A host's key is not one that we know. Fingerprints are as `ssh-keygen -l` shows them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host key of {name} {problem}")]
pub struct HostKeyError {
    /// The name in known_hosts.
    pub name: String,
    /// What is wrong with it.
    pub problem: HostKeyProblem,
}

/// What is wrong with a host's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyProblem {
    /// It is not recorded, and new ones are not accepted.
    #[error("is not known: {} {}{}", .offered.algorithm, .offered.fingerprint, because(.certificate))]
    Unknown {
        /// The key that was offered.
        offered: KeyInfo,
        /// Why the certificate that was offered does not count.
        certificate: Option<String>,
    },
    /// Another one is recorded. Refused whatever the settings.
    #[error("has changed: it offers {} {}, but {}{}", .offered.algorithm, .offered.fingerprint, recorded_keys(.recorded), because(.certificate))]
    Changed {
        /// The key that was offered.
        offered: KeyInfo,
        /// What is recorded instead.
        recorded: Vec<RecordedKey>,
        /// Why the certificate that was offered does not count.
        certificate: Option<String>,
    },
    /// It is marked as revoked.
    #[error("is revoked in {place}: {} {}", .offered.algorithm, .offered.fingerprint)]
    Revoked {
        /// The key that was offered.
        offered: KeyInfo,
        /// The line that revokes it.
        place: KeyPlace,
    },
}

fn recorded_keys(all: &[RecordedKey]) -> String {
    let each = |r: &RecordedKey| format!("{} {} is recorded in {}", r.key.algorithm, r.key.fingerprint, r.place);
    all.iter().map(each).collect::<Vec<_>>().join(" and ")
}

fn because(certificate: &Option<String>) -> String {
    certificate.as_ref().map(|why| format!(" (its certificate does not count: {why})")).unwrap_or_default()
}

impl HostKeyError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        let name = &self.name;
        match &self.problem {
            HostKeyProblem::Unknown { .. } => {
                "compare the fingerprint on the host's console (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then connect once with ssh, \
                 or set StrictHostKeyChecking accept-new in ssh_config"
                    .into()
            }
            HostKeyProblem::Changed { recorded, .. } => {
                let file = recorded.first().map(|r| r.place.file.display().to_string()).unwrap_or_default();
                format!("somebody may be in between; if the host was reinstalled: ssh-keygen -f '{file}' -R '{name}'")
            }
            HostKeyProblem::Revoked { .. } => "this key must not be trusted any more; the host needs a new one".into(),
        }
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// The host does not let us in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// All that was tried was refused.
    #[error("{user} is not let in: tried {}; the host takes {}{}", list(.tried), list(.accepts), remark(.unusable))]
    Refused {
        /// The login name.
        user: String,
        /// What was tried, in order.
        tried: Vec<String>,
        /// The methods that the host takes.
        accepts: Vec<String>,
        /// A key that could not be tried.
        unusable: Option<Box<LoadKeyError>>,
    },
    /// It asks one question after the other.
    #[error("{user} is not let in: the host still asks after {rounds} rounds of questions")]
    Endless {
        /// The login name.
        user: String,
        /// How many were answered.
        rounds: usize,
    },
    /// A key that was named cannot be used.
    #[error(transparent)]
    Key(#[from] LoadKeyError),
    /// The connection broke while authenticating.
    #[error("the connection was closed while authenticating {user} (tried {})", list(.tried))]
    Closed {
        /// The login name.
        user: String,
        /// What was tried, in order.
        tried: Vec<String>,
        /// What SSH says.
        #[source]
        source: Box<russh::Error>,
    },
}

fn remark(unusable: &Option<Box<LoadKeyError>>) -> String {
    unusable.as_ref().map(|why| format!("; not tried: {why}")).unwrap_or_default()
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "nothing".into() } else { words.join(", ") }
}

impl AuthError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Refused { accepts, tried, .. } => {
                let takes = |method: &str| accepts.iter().any(|m| m == method);
                let password = takes("password") || takes("keyboard-interactive");
                if password && !tried.iter().any(|t| t.starts_with("password") || t.starts_with("keyboard")) {
                    "give a password with -k, or a key with --private-key".into()
                } else if takes("publickey") {
                    "name the user with -u and the key with --private-key, or in ssh_config".into()
                } else {
                    "check the user name and the password".into()
                }
            }
            Self::Endless { .. } => "set PreferredAuthentications without keyboard-interactive, and see what the host is".into(),
            Self::Key(_) => "name another key with --private-key, or start an agent that holds it".into(),
            Self::Closed { .. } => {
                "the host may have had enough of our keys (MaxAuthTries): set IdentitiesOnly and one IdentityFile".into()
            }
        }
    }
}

/// A private key's file cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadKeyError {
    /// It cannot be read.
    #[error("reading the key {}: {why}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Others can read it.
    #[error("the key {} can be read by others (mode {mode:03o}); ssh would not use it either", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not a key we can read.
    #[error("the key {} cannot be read: {why}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is encrypted, and there was nobody to ask, or the answer was wrong.
    #[error("the key {} is encrypted and its passphrase was not given", .path.display())]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
}
