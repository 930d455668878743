//! A way to one machine.

use std::time::Duration;

use tokio::time::timeout;

use super::privilege::{Become, Start};
use super::ssh::SshConnection;
use super::{Shell, ShellError, Tunnel, TunnelError, local};

/// A way to one machine, on which shells can be opened.
#[derive(Debug)]
pub enum Connection {
    /// This machine.
    Local,
    /// Another one.
    Ssh(Box<SshConnection>),
}

impl Connection {
    /// Starts a shell as that user; `limit` bounds the time until it is ready.
    ///
    /// # Errors
    /// Nothing was run then; see [`ShellError`].
    pub async fn shell(&self, become_: &Become, limit: Duration) -> Result<Shell, ShellError> {
        let start = Start::new();
        let command = start.command(become_)?;
        let open = async {
            let process = match self {
                Self::Local => local::start(&command).map_err(|error| ShellError::NotStarted { status: 127, said: error.to_string() })?,
                Self::Ssh(connection) => connection.start(&command).await?,
            };
            Shell::open(process, &start, become_, limit).await
        };
        timeout(limit, open).await.unwrap_or(Err(ShellError::TimedOut(limit)))
    }

    /// A TCP connection that leaves from the machine, which looks the name up.
    ///
    /// # Errors
    /// See [`TunnelError`].
    pub async fn tunnel(&self, host: &str, port: u16) -> Result<Tunnel, TunnelError> {
        match self {
            Self::Local => match tokio::net::TcpStream::connect((host, port)).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(TunnelError::NotConnected { to: format!("{host}:{port}"), why: error.to_string() }),
            },
            Self::Ssh(connection) => connection.tunnel(host, port).await,
        }
    }
}
