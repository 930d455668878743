//! Being let in: keys from the agent and from files, certificates, password, keyboard-interactive; in ssh's order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::key::PrivateKeyWithHashAlg;
use russh::keys::{Certificate, HashAlg, PublicKey, load_openssh_certificate};
use russh::{MethodKind, MethodSet};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::UnixStream;

use super::host_key::Checker;
use super::keys::KeyRing;
use super::person::Thinking;
use super::{AuthError, Person};
use crate::transport::ssh_config::HostConfig;

/// Rounds of keyboard-interactive questions: a server that asks for ever is not served for ever.
const ROUNDS: usize = 20;
/// Methods that a host may want one after the other (sshd_config(5), AuthenticationMethods).
const STAGES: usize = 4;

/// What logging in to one host needs.
pub(crate) struct Login<'a> {
    pub config: &'a HostConfig,
    pub password: Option<&'a SecretString>,
    pub keys: &'a KeyRing,
    pub person: &'a dyn Person,
    pub thinking: &'a Thinking,
}

/// A key to try.
enum Candidate {
    Agent(AgentIdentity),
    File { path: PathBuf, certificate: Option<Certificate> },
}

/// How far it got.
struct Attempt<'a, 'h> {
    login: &'a Login<'a>,
    handle: &'h mut Handle<Checker>,
    tried: Vec<String>,
    accepts: Option<Vec<MethodKind>>,
    unusable: Option<super::LoadKeyError>,
    /// It asks and asks; russh can do nothing else on this connection now.
    endless: bool,
    /// The host took what was offered last, and wants more.
    partial: bool,
}

/// Tries one method after the other until the host lets us in.
pub(crate) async fn authenticate(handle: &mut Handle<Checker>, login: &Login<'_>) -> Result<(), AuthError> {
    let mut attempt = Attempt { login, handle, tried: Vec::new(), accepts: None, unusable: None, endless: false, partial: false };
    match attempt.run().await {
        Ok(true) => Ok(()),
        Ok(false) if attempt.endless => Err(AuthError::Endless { user: login.config.user.clone(), rounds: ROUNDS }),
        Ok(false) => Err(match attempt.unusable.take() {
            Some(error) if attempt.tried.is_empty() => AuthError::Key(error),
            unusable => AuthError::Refused {
                user: login.config.user.clone(),
                tried: attempt.tried,
                unusable: unusable.map(Box::new),
                accepts: attempt.accepts.unwrap_or_default().iter().map(|method| <&str>::from(method).to_owned()).collect(),
            },
        }),
        Err(source) => Err(AuthError::Closed { user: login.config.user.clone(), tried: attempt.tried, source: Box::new(source) }),
    }
}

impl Attempt<'_, '_> {
    async fn run(&mut self) -> Result<bool, russh::Error> {
        let config = self.login.config;
        let usual = ["publickey", "keyboard-interactive", "password"].map(str::to_owned);
        let order = config.preferred_authentications.clone().unwrap_or_else(|| usual.to_vec());
        for _ in 0..STAGES {
            self.partial = false;
            if self.methods(&order).await? {
                return Ok(true);
            }
            if !self.partial {
                break;
            }
        }
        Ok(false)
    }

    /// Tries the methods in that order, until one lets us in or brings us a stage further.
    async fn methods(&mut self, order: &[String]) -> Result<bool, russh::Error> {
        let config = self.login.config;
        for method in order {
            let done = match method.as_str() {
                "publickey" if config.pubkey_authentication => self.keys().await?,
                "keyboard-interactive" if config.kbd_interactive_authentication && self.may(MethodKind::KeyboardInteractive).await? => {
                    self.keyboard_interactive().await?
                }
                "password" if config.password_authentication && self.may(MethodKind::Password).await? => self.password().await?,
                _ => false,
            };
            if done || self.endless || self.partial {
                return Ok(done);
            }
        }
        // a host that lets everybody in, or whose methods we have not learnt yet
        if self.accepts.is_none() {
            let result = self.handle.authenticate_none(&config.user).await?;
            return Ok(self.note(result));
        }
        Ok(false)
    }

    /// Whether the host takes that method. Asks it, if no attempt has told us yet.
    async fn may(&mut self, method: MethodKind) -> Result<bool, russh::Error> {
        if self.accepts.is_none() {
            let result = self.handle.authenticate_none(&self.login.config.user).await?;
            self.note(result);
        }
        Ok(self.accepts.as_ref().is_some_and(|accepts| accepts.contains(&method)))
    }

    fn note(&mut self, result: AuthResult) -> bool {
        match result {
            AuthResult::Success => true,
            AuthResult::Failure { remaining_methods, partial_success } => self.refused(&remaining_methods, partial_success),
        }
    }

    fn refused(&mut self, remaining: &MethodSet, partial: bool) -> bool {
        self.accepts = Some(remaining.to_vec());
        self.partial = partial;
        false
    }

    async fn keys(&mut self) -> Result<bool, russh::Error> {
        let config = self.login.config;
        let mut agent = self.agent().await;
        for candidate in candidates(config, agent.as_mut()).await {
            if self.accepts.as_ref().is_some_and(|accepts| !accepts.contains(&MethodKind::PublicKey)) {
                return Ok(false);
            }
            let done = match (candidate, agent.as_mut()) {
                (Candidate::Agent(identity), Some(agent)) => self.agent_key(identity, agent).await?,
                (Candidate::Agent(_), None) => false,
                (Candidate::File { path, certificate }, _) => self.file_key(&path, certificate).await?,
            };
            if done || self.partial {
                return Ok(done);
            }
        }
        Ok(false)
    }

    async fn agent(&self) -> Option<AgentClient<UnixStream>> {
        // an agent that is gone is no agent, as in ssh
        AgentClient::connect_uds(self.login.config.identity_agent.as_ref()?).await.ok()
    }

    async fn agent_key(&mut self, identity: AgentIdentity, agent: &mut AgentClient<UnixStream>) -> Result<bool, russh::Error> {
        let user = &self.login.config.user;
        let result = match identity {
            AgentIdentity::PublicKey { key, comment } => {
                self.tried.push(format!("agent key {comment}"));
                let hash = self.rsa_hash(key.algorithm().is_rsa()).await?;
                self.handle.authenticate_publickey_with(user, key, hash, agent).await
            }
            AgentIdentity::Certificate { certificate, comment } => {
                self.tried.push(format!("agent certificate {comment}"));
                let hash = self.rsa_hash(certificate.algorithm().is_rsa()).await?;
                self.handle.authenticate_certificate_with(user, certificate, hash, agent).await
            }
        };
        match result {
            Ok(result) => Ok(self.note(result)),
            // it would not sign: the next key may do
            Err(_) if !self.handle.is_closed() => Ok(false),
            Err(_) => Err(russh::Error::Disconnect),
        }
    }

    async fn file_key(&mut self, path: &Path, certificate: Option<Certificate>) -> Result<bool, russh::Error> {
        let login = self.login;
        if !self.is_wanted(path).await? {
            return Ok(false);
        }
        let key = match login.keys.load(path, login.person, login.thinking).await {
            Ok(Some(key)) => key,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.unusable.get_or_insert(error);
                return Ok(false);
            }
        };
        let user = &login.config.user;
        if let Some(certificate) = certificate {
            self.tried.push(format!("certificate for {}", path.display()));
            let result = self.handle.authenticate_openssh_cert(user, Arc::clone(&key), certificate).await?;
            if self.note(result) {
                return Ok(true);
            }
        }
        self.tried.push(format!("key {}", path.display()));
        let hash = self.rsa_hash(key.algorithm().is_rsa()).await?;
        let result = self.handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, hash)).await?;
        Ok(self.note(result))
    }

    /// Whether a key is worth a person's passphrase: as ssh does, the host is asked by the public half first.
    async fn is_wanted(&mut self, path: &Path) -> Result<bool, russh::Error> {
        let Some(public) = KeyRing::public(path) else { return Ok(true) };
        if !self.login.keys.needs_passphrase(path).await {
            return Ok(true);
        }
        let hash = self.rsa_hash(public.algorithm().is_rsa()).await?;
        let mut probe = Probe(false);
        match self.handle.authenticate_publickey_with(&self.login.config.user, public, hash, &mut probe).await {
            Ok(result) => {
                self.tried.push(format!("key {}", path.display()));
                Ok(self.note(result))
            }
            Err(_) if probe.0 => Ok(true),
            Err(_) => Err(russh::Error::Disconnect),
        }
    }

    /// SHA-2 for an RSA key, as the server says; SHA-512 if it does not say.
    async fn rsa_hash(&self, is_rsa: bool) -> Result<Option<HashAlg>, russh::Error> {
        if !is_rsa {
            return Ok(None);
        }
        Ok(self.handle.best_supported_rsa_hash().await?.unwrap_or(Some(HashAlg::Sha512)))
    }

    async fn password(&mut self) -> Result<bool, russh::Error> {
        let config = self.login.config;
        let question = format!("{}@{}'s password: ", config.user, config.host_name);
        for round in 0..config.number_of_password_prompts.max(1) {
            let password = match self.login.password {
                Some(password) if round == 0 => password.clone(),
                Some(_) => break,
                None => match self.ask(&question, false).await {
                    Some(password) => password,
                    None => break,
                },
            };
            self.tried.push("password".into());
            let result = self.handle.authenticate_password(&config.user, password.expose_secret()).await?;
            if self.note(result) {
                return Ok(true);
            }
            if self.partial {
                break;
            }
        }
        Ok(false)
    }

    async fn keyboard_interactive(&mut self) -> Result<bool, russh::Error> {
        if self.login.password.is_none() && self.login.config.batch_mode {
            return Ok(false);
        }
        self.tried.push("keyboard-interactive".into());
        let mut given = self.login.password;
        let mut response = self.handle.authenticate_keyboard_interactive_start(&self.login.config.user, None).await?;
        for _ in 0..ROUNDS {
            match response {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                    return Ok(self.refused(&remaining_methods, partial_success));
                }
                KeyboardInteractiveAuthResponse::InfoRequest { instructions, prompts, .. } => {
                    let mut answers = Vec::new();
                    for prompt in prompts {
                        // the password that was given answers the first hidden question, once
                        let given = if prompt.echo { None } else { given.take() };
                        let answer = match given {
                            Some(password) => Some(password.clone()),
                            None => self.ask(&format!("{instructions}{}", prompt.prompt), prompt.echo).await,
                        };
                        // nobody there to answer: an empty one is refused, which ends the method
                        answers.push(answer.map(|a| a.expose_secret().to_owned()).unwrap_or_default());
                    }
                    response = self.handle.authenticate_keyboard_interactive_respond(answers).await?;
                }
            }
        }
        self.endless = true;
        Ok(false)
    }

    async fn ask(&self, question: &str, echo: bool) -> Option<SecretString> {
        if self.login.config.batch_mode {
            return None;
        }
        self.login.thinking.wait(self.login.person.secret(question, echo)).await
    }
}

/// Asks whether a key would be taken, and signs nothing.
struct Probe(bool);

/// What a [`Probe`] answers instead of a signature.
#[derive(Debug)]
struct Unsigned;

impl From<russh::SendError> for Unsigned {
    fn from(_: russh::SendError) -> Self {
        Self
    }
}

impl russh::Signer for Probe {
    type Error = Unsigned;

    async fn auth_sign(&mut self, _: &AgentIdentity, _: Option<HashAlg>, _: Vec<u8>) -> Result<Vec<u8>, Unsigned> {
        self.0 = true;
        Err(Unsigned)
    }
}

/// The keys to try, in the order of pubkey_prepare in OpenSSH's sshconnect2.c: those of the agent that the user named,
/// the agent's others, then files.
async fn candidates(config: &HostConfig, agent: Option<&mut AgentClient<UnixStream>>) -> Vec<Candidate> {
    let named: Vec<(PathBuf, Option<PublicKey>)> =
        config.identity_files.iter().map(|file| (file.path.clone(), KeyRing::public(&file.path))).collect();
    let given: Vec<Certificate> = config.certificate_files.iter().filter_map(|path| load_openssh_certificate(path).ok()).collect();
    let held = match agent {
        Some(agent) => agent.request_identities().await.unwrap_or_default(),
        None => Vec::new(),
    };
    let key_of = |identity: &AgentIdentity| match identity {
        AgentIdentity::PublicKey { key, .. } => key.key_data().clone(),
        AgentIdentity::Certificate { certificate, .. } => certificate.public_key().clone(),
    };
    let is_named = |identity: &AgentIdentity| {
        let key = key_of(identity);
        named.iter().any(|(_, public)| public.as_ref().is_some_and(|public| *public.key_data() == key))
            || given.iter().any(|certificate| *certificate.public_key() == key)
    };
    let (preferred, others): (Vec<_>, Vec<_>) = held.into_iter().partition(is_named);
    let in_agent: Vec<_> = preferred.iter().map(key_of).collect();
    let others = if config.identities_only { Vec::new() } else { others };
    let mut all: Vec<Candidate> = preferred.into_iter().chain(others).map(Candidate::Agent).collect();
    for (path, public) in named {
        let public = public.as_ref().map(PublicKey::key_data);
        let certificate = given.iter().find(|c| Some(c.public_key()) == public).cloned().or_else(|| KeyRing::certificate_beside(&path));
        // the agent has tried it already, unless there is a certificate that it may not hold
        if certificate.is_none() && public.is_some_and(|public| in_agent.contains(public)) {
            continue;
        }
        all.push(Candidate::File { path, certificate });
    }
    all
}
