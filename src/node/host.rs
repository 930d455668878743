//! A host's shells: one for each user whose eyes or hands are needed, opened when they are first wanted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::AsyncRead;

use super::machine::{Answered, Lost, RunScript, Shells};
use super::stage::{Load, Unstaged};
use super::steps::Source;
use super::upload::{UploadError, upload, upload_slowly};
use super::web::Tunnels;
use crate::plan::{Scope, Touch};
use crate::transport::{Become, Collected, Connection, Shell, ShellError, Tunnel, TunnelError};

/// How long a shell may take to be ready: sudo may ask a slow PAM.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// What one script may answer: contents are read up to a bound that is far below.
const ANSWER_LIMIT: usize = 128 << 20;
/// A change to these is seen by new shells only: groups, sudo's rules, PAM's limits and variables.
const LOGIN_FILES: [&str; 6] = ["/etc/sudoers", "/etc/sudoers.d", "/etc/pam.d", "/etc/pam.conf", "/etc/environment", "/etc/security"];

/// The shells on one host.
#[derive(Debug)]
pub struct Host {
    connection: Arc<Connection>,
    password: Option<SecretString>,
    shells: BTreeMap<Arc<str>, Shell>,
}

impl Host {
    /// A host behind a connection; `password` answers sudo if it asks.
    pub fn new(connection: Arc<Connection>, password: Option<SecretString>) -> Self {
        Self { connection, password, shells: BTreeMap::new() }
    }

    /// How a shell of that user is had: through sudo, or through nothing if the login user is that user.
    pub fn privilege(&self, user: &str) -> Become {
        Become::Sudo { user: user.to_owned(), password: self.password.clone() }
    }

    /// The connection that the shells are on.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Shells for Host {
    type Shell = Shell;

    async fn shell(&mut self, scope: &Scope) -> Result<&mut Shell, Lost> {
        let lost = |error: ShellError| match &error {
            ShellError::Sudo(sudo) => Lost::user(sudo.to_string()),
            _ => Lost::before_sending(error.to_string()),
        };
        // one that was cut in the middle of an answer is of no further use
        self.shells.retain(|_, shell| !shell.is_broken());
        match self.shells.entry(Arc::clone(&scope.user)) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let privilege = Become::Sudo { user: scope.user.to_string(), password: self.password.clone() };
                Ok(entry.insert(self.connection.shell(&privilege, OPEN_LIMIT).await.map_err(lost)?))
            }
        }
    }

    async fn keep(
        &mut self,
        scope: &Scope,
        near: &str,
        content: &mut (dyn AsyncRead + Unpin + Send),
        halt: Duration,
    ) -> Result<Source, UploadError> {
        upload_slowly(self, &scope.user, near, content, None, halt).await
    }

    async fn upload(&mut self, scope: &Scope, load: &Load<'_>) -> Result<(String, String), Unstaged> {
        let refused = |why: String| Unstaged::Refused(format!("uploading {}: {why}", load.near));
        let place = format!("{}/{}", load.directory, load.near);
        let (sent, wanted) = match load.source {
            Source::Bytes(bytes) => (upload(self, &scope.user, &place, bytes.as_slice(), Some(bytes.len() as u64)).await, None),
            Source::Local { path, size, sha256 } => {
                let file = tokio::fs::File::open(path).await.map_err(|error| refused(format!("{path}: {error}")))?;
                (upload(self, &scope.user, &place, file, Some(*size)).await, Some((path, sha256)))
            }
            Source::Staged { path, sha256 } | Source::Copied { path, sha256 } => return Ok((path.clone(), sha256.clone())),
        };
        match sent {
            Ok(Source::Staged { sha256, .. }) if wanted.is_some_and(|(_, wanted)| *wanted != sha256) => {
                Err(refused("the file here was changed while it was read".into()))
            }
            Ok(Source::Staged { path, sha256 }) => Ok((path, sha256)),
            Ok(_) => Err(refused("it was not staged".into())),
            Err(UploadError::Shell { source, .. }) => Err(Unstaged::Lost(source.to_string())),
            Err(error) => Err(Unstaged::Refused(error.to_string())),
        }
    }

    fn leave(&mut self, user: &str) -> bool {
        self.shells.remove(user).is_some()
    }

    fn changed(&mut self, touches: &[Touch]) {
        let login: Vec<Touch> = LOGIN_FILES.iter().map(|path| Touch::Files((*path).to_owned())).chain([Touch::Accounts]).collect();
        if touches.iter().any(|touch| login.iter().any(|file| file.overlaps(touch))) {
            self.shells.clear();
        }
    }
}

impl Tunnels for Host {
    async fn tunnel(&mut self, host: &str, port: u16) -> Result<Tunnel, TunnelError> {
        self.connection.tunnel(host, port).await
    }
}

impl RunScript for Shell {
    async fn run(&mut self, script: &str, limit: Duration) -> Result<Answered, Lost> {
        let mut output = Collected::up_to(ANSWER_LIMIT);
        match Shell::run(self, script, &mut output, limit).await {
            Ok(status) => Ok(Answered { status: status.into(), stdout: output.stdout, stderr: output.stderr }),
            Err(error) => Err(Lost { sent: error.outcome_is_unknown(), why: error.to_string(), user: false }),
        }
    }
}
