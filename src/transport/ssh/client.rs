//! What all hosts of a run share, and connecting one of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::keys::KeyRing;
use super::link::Link;
use super::person::Thinking;
use super::{ConnectError, Nobody, Person, SshConnection, Target};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::transport::known_hosts::KnownHosts;
use crate::transport::ssh_config::HostConfig;

/// What applies where ssh_config says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long connecting may take, to the moment we are let in. A person's thinking does not count.
    pub connect_timeout: Duration,
    /// After how much silence a sign of life is asked for.
    pub alive_interval: Duration,
    /// After how many questions without an answer the host is given up.
    pub alive_count: u32,
}

impl Default for Settings {
    /// 10 s to connect; a dead peer is noticed within 12 s of its last word.
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), alive_interval: Duration::from_secs(4), alive_count: 2 }
    }
}

/// What all hosts of a run share. Cloning it shares it further.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
}

/// A jump host's connection, or why there is none: those that wait for it need not try again, one after the other.
type Reached = Result<Arc<Link>, (Instant, Arc<ConnectError>)>;
/// How long a jump host that could not be reached is not tried again.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// The shared things.
#[derive(Debug)]
pub(super) struct Shared {
    pub settings: Settings,
    pub person: Arc<dyn Person>,
    pub thinking: Arc<Thinking>,
    pub keys: KeyRing,
    known_hosts: Mutex<HashMap<Vec<PathBuf>, Arc<KnownHosts>>>,
    warnings: Mutex<Diagnostics>,
    /// One connection to a jump host carries all that go through it.
    jumps: Mutex<HashMap<String, Arc<OnceCell<Reached>>>>,
    /// One question about an unknown host at a time: the answer to the first may answer the next.
    pub asking: tokio::sync::Mutex<()>,
}

impl Client {
    /// A client that may ask that person.
    pub fn new(settings: Settings, person: Arc<dyn Person>) -> Self {
        let shared = Shared {
            settings,
            person,
            thinking: Arc::default(),
            keys: KeyRing::default(),
            known_hosts: Mutex::default(),
            warnings: Mutex::default(),
            jumps: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What was odd in the files of known hosts that were read since the last call.
    pub fn warnings(&self) -> Diagnostics {
        std::mem::take(&mut *self.shared.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Connects to a host and logs in; `password` answers what the host asks.
    ///
    /// # Errors
    /// See [`ConnectError`]; nothing was run then.
    pub async fn connect(&self, target: Target, password: Option<SecretString>) -> Result<SshConnection, ConnectError> {
        let link = self.shared.link(&target, password.as_ref()).await?;
        Ok(SshConnection::new(self.clone(), target, password, link))
    }
}

impl Shared {
    /// Makes a new connection to a host.
    pub(super) async fn link(self: &Arc<Self>, target: &Target, password: Option<&SecretString>) -> Result<Link, ConnectError> {
        let limit = target.host.connect_timeout.unwrap_or(self.settings.connect_timeout);
        Link::connect(self, target, password, limit).await
    }

    /// The connection to a jump host, made if it is not there. `before`: the one it is reached through.
    pub(super) async fn jump(self: &Arc<Self>, target: &Target, before: Option<Arc<Link>>) -> Result<Arc<Link>, ConnectError> {
        let cell = {
            let mut jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
            let way = before.as_ref().map(|link| link.address.clone()).unwrap_or_default();
            let key = format!("{way} {}", target.address());
            let cell = jumps.entry(key).or_default();
            let is_over = |reached: &Reached| match reached {
                Ok(link) => link.is_closed(),
                Err((when, _)) => when.elapsed() > GIVEN_UP,
            };
            if cell.get().is_some_and(is_over) {
                *cell = Arc::default();
            }
            Arc::clone(cell)
        };
        let limit = target.host.connect_timeout.unwrap_or(self.settings.connect_timeout);
        let reached = cell.get_or_init(|| async move {
            let link = match before {
                None => Link::connect(self, target, None, limit).await,
                Some(before) => Link::connect_through(self, target, &before, limit).await,
            };
            let link = Arc::new(link.map_err(|error| (Instant::now(), Arc::new(error)))?);
            link.wake_tunnels();
            Ok(link)
        });
        match reached.await {
            Ok(link) => Ok(Arc::clone(link)),
            Err((_, source)) => Err(ConnectError::Jump { jump: target.host.original.clone(), source: Arc::clone(source) }),
        }
    }

    /// A host was written down: the files are read again when they are next wanted.
    pub(super) fn forget_known_hosts(&self) {
        self.known_hosts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Notes something that a person should know and that stops nothing.
    pub(super) fn warn(&self, warning: Diagnostic) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
    }

    /// Who can be asked about that host: nobody with `BatchMode`.
    pub(super) fn person(&self, config: &HostConfig) -> Arc<dyn Person> {
        if config.batch_mode { Arc::new(Nobody) } else { Arc::clone(&self.person) }
    }

    /// The hosts recorded in that host's files, each list of files read once.
    pub(super) fn known_hosts(&self, config: &HostConfig) -> Arc<KnownHosts> {
        let files: Vec<PathBuf> = config.user_known_hosts_files.iter().chain(&config.global_known_hosts_files).cloned().collect();
        let mut known = self.known_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let load = |files: &Vec<PathBuf>| {
            let (known, warnings) = KnownHosts::load(files);
            self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
            Arc::new(known)
        };
        Arc::clone(known.entry(files).or_insert_with_key(load))
    }
}
