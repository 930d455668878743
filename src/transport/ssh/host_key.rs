//! Is this the host we know? Asked by russh in the middle of the key exchange.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use russh::client::DisconnectReason;
use russh::keys::{PublicKey, PublicKeyOrCertificate};

use super::client::Shared;
use super::error::{HostKeyError, HostKeyProblem, chain};
use crate::diagnostics::Diagnostic;
use crate::transport::known_hosts::{self, Appended, Decision, HostName, KeyInfo, Verdict};
use crate::transport::ssh_config::HostConfig;

/// What came to light inside russh's own task.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    host_key: Mutex<Option<HostKeyError>>,
    end: Mutex<Option<String>>,
}

impl Findings {
    /// Why the host's key was not accepted.
    pub(crate) fn host_key(&self) -> Option<HostKeyError> {
        lock(&self.host_key).take()
    }

    /// Why the connection ended, if it has.
    pub(crate) fn end(&self) -> Option<String> {
        lock(&self.end).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // a panic elsewhere leaves a whole value: it is only ever replaced
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Answers russh's questions about one host.
pub(crate) struct Checker {
    pub shared: Arc<Shared>,
    pub config: Arc<HostConfig>,
    pub findings: Arc<Findings>,
}

/// The name under which a host's key is recorded.
pub(crate) fn recorded_as(config: &HostConfig) -> HostName {
    HostName::new(&config.host_name, config.port, config.host_key_alias.as_deref())
}

impl Checker {
    async fn check(&self, offered: &PublicKeyOrCertificate) -> Result<(), HostKeyError> {
        let name = recorded_as(&self.config);
        let file = self.config.user_known_hosts_files.first();
        let can_record = file.is_some() && name.can_be_recorded();
        let judge = || self.shared.known_hosts(&self.config).verdict(&name, offered, SystemTime::now());
        let (mut verdict, mut turn) = (judge(), None);
        if verdict.decide(self.config.strict_host_key_checking, can_record) == Decision::Ask {
            // whoever is asked about first may be this very host by another name
            turn = Some(self.shared.thinking.wait(self.shared.asking.lock()).await);
            verdict = judge();
        }
        let mut asked = false;
        let accept = match verdict.decide(self.config.strict_host_key_checking, can_record) {
            Decision::Accept => return Ok(()),
            Decision::Refuse => false,
            Decision::AcceptAndRecord => true,
            Decision::Ask => {
                let key = KeyInfo::of(offered.public_key().key_data());
                let question = format!("{name} is not known; its key is {} {}: go on connecting?", key.algorithm, key.fingerprint);
                let person = self.shared.person(&self.config);
                asked = true;
                self.shared.thinking.wait(person.confirm(&question)).await.unwrap_or(false)
            }
        };
        let checked = match file {
            Some(file) if accept => self.record(file.clone(), name, offered.public_key(), asked).await,
            _ => refused(name.to_string(), verdict),
        };
        drop(turn);
        checked
    }

    /// Writes the key down, and says so to a person who was not asked; off the runtime's threads, because it may wait for another program's lock.
    async fn record(&self, file: PathBuf, name: HostName, key: PublicKey, asked: bool) -> Result<(), HostKeyError> {
        let info = KeyInfo::of(key.key_data());
        let (hash, shown) = (self.config.hash_known_hosts, name.to_string());
        let written = tokio::task::spawn_blocking(move || known_hosts::append(&file, &name, &key, hash)).await;
        let why = match written {
            Ok(Ok(written @ (Appended::Written | Appended::AlreadyThere))) => {
                self.shared.forget_known_hosts();
                if matches!(written, Appended::Written) && !asked {
                    let text = format!("the new host key of {shown} is recorded: {} {}", info.algorithm, info.fingerprint);
                    self.shared.warn(Diagnostic::warning(text));
                }
                return Ok(());
            }
            Ok(Ok(Appended::Contradicted(verdict))) => return refused(shown, verdict),
            Ok(Err(error)) => chain(&error),
            Err(error) => error.to_string(),
        };
        // as ssh: it was accepted, and will be asked about again
        let warning = Diagnostic::warning(format!("the new host key of {shown} is not written down: {why}"));
        self.shared.warn(warning.hint("check that ~/.ssh can be written"));
        Ok(())
    }
}

/// What is wrong with a key that is not to be accepted.
fn refused(name: String, verdict: Verdict) -> Result<(), HostKeyError> {
    let problem = match verdict {
        Verdict::Known(_) => return Ok(()),
        Verdict::Unknown { offered, certificate } => HostKeyProblem::Unknown { offered, certificate },
        Verdict::Changed { offered, recorded, certificate } => HostKeyProblem::Changed { offered, recorded, certificate },
        Verdict::Revoked { offered, place } => HostKeyProblem::Revoked { offered, place },
    };
    Err(HostKeyError { name, problem })
}

impl russh::client::Handler for Checker {
    type Error = russh::Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        match self.check(offered).await {
            Ok(()) => Ok(true),
            Err(error) => {
                *lock(&self.findings.host_key) = Some(error);
                Ok(false)
            }
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        let (text, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (format!("the host says: {}", info.message), Ok(())),
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => {
                ("it gives no sign of life".into(), Err(russh::Error::KeepaliveTimeout))
            }
            DisconnectReason::Error(error) => (error.to_string(), Err(error)),
        };
        *lock(&self.findings.end) = Some(text);
        result
    }
}
