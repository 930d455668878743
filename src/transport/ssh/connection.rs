//! A host over SSH: one connection, and further ones only where the host opens no further channel on it.

use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::error::chain;
use super::link::Link;
use super::{Client, Target};
use crate::transport::process::Process;
use crate::transport::{ShellError, Tunnel, TunnelError};

/// Connections to one host beyond which something else is wrong.
const LINKS: usize = 8;

/// A host over SSH.
#[derive(Debug)]
pub struct SshConnection {
    client: Client,
    target: Target,
    password: Option<SecretString>,
    links: Mutex<Links>,
}

#[derive(Debug)]
struct Links {
    open: Vec<Arc<Link>>,
    made: u64,
}

impl SshConnection {
    pub(super) fn new(client: Client, target: Target, password: Option<SecretString>, link: Link) -> Self {
        let links = Links { open: vec![Arc::new(link)], made: 1 };
        Self { client, target, password, links: Mutex::new(links) }
    }

    /// Where it leads.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How many connections were made to the host: one, unless it allows too few sessions on it.
    pub async fn connections(&self) -> u64 {
        self.links.lock().await.made
    }

    /// A TCP connection from the host to somewhere else, whose name the host looks up.
    pub(crate) async fn tunnel(&self, host: &str, port: u16) -> Result<Tunnel, TunnelError> {
        // sshd_config(5), MaxSessions: these are none
        let link = self.links.lock().await.open.iter().rfind(|link| !link.is_closed()).cloned();
        match link {
            Some(link) => link.tunnel(host, port).await,
            None => Err(TunnelError::Lost("the connection was closed".into())),
        }
    }

    /// Runs a command line on a channel of its own.
    pub(crate) async fn start(&self, command: &str) -> Result<Process, ShellError> {
        let mut links = self.links.lock().await;
        let mut refused = None;
        for link in links.open.iter().rev().filter(|link| !link.is_full()) {
            match link.start(command).await {
                // nothing was run: another connection may do
                Err(error @ (ShellError::NoChannel(_) | ShellError::Lost(_))) => refused = Some(error),
                result => return result,
            }
        }
        links.open.retain(|link| !link.is_closed());
        if links.open.len() >= LINKS {
            return Err(refused.unwrap_or_else(|| ShellError::NoChannel("too many are open".into())));
        }
        // sshd_config(5), MaxSessions: what it refuses on this connection it grants on another
        let link =
            self.client.shared.link(&self.target, self.password.as_ref()).await.map_err(|error| ShellError::NoChannel(chain(&error)))?;
        links.made += 1;
        let link = Arc::new(link);
        links.open.push(Arc::clone(&link));
        link.start(command).await
    }
}
