//! The bytes under SSH: a TCP connection, or a command's standard input and output.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Join, join};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::ConnectError;
use crate::transport::ssh_config::{AddressFamily, HostConfig};

/// How long an address is waited for while there are others.
const NEXT_ADDRESS: Duration = Duration::from_secs(2);
/// How much of a `ProxyCommand`'s last words is kept.
const SAID: usize = 2000;

/// Connects to the first address of the host that takes the connection.
pub(crate) async fn tcp(config: &HostConfig) -> Result<TcpStream, ConnectError> {
    let host = config.host_name.clone();
    let addresses = lookup_host((host.as_str(), config.port)).await;
    let addresses = addresses.map_err(|error| ConnectError::Resolve { host: host.clone(), source: Some(error) })?;
    let mut addresses: Vec<SocketAddr> = addresses.filter(|address| wanted(config.address_family, address)).collect();
    let Some(last) = addresses.pop() else { return Err(ConnectError::Resolve { host: host.clone(), source: None }) };
    for address in addresses {
        // one that swallows packets must not take the time of those after it
        if let Ok(Ok(stream)) = timeout(NEXT_ADDRESS, to(address, config.bind_address.as_deref())).await {
            return Ok(stream);
        }
    }
    to(last, config.bind_address.as_deref()).await.map_err(|source| ConnectError::Tcp { address: last.to_string(), source })
}

fn wanted(family: AddressFamily, address: &SocketAddr) -> bool {
    match family {
        AddressFamily::Any => true,
        AddressFamily::Inet => address.is_ipv4(),
        AddressFamily::Inet6 => address.is_ipv6(),
    }
}

async fn to(address: SocketAddr, from: Option<&str>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = from {
        let from: std::net::IpAddr = from.parse().map_err(|_| std::io::Error::other(format!("BindAddress `{from}` is not an address")))?;
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(address).await?;
    // without this each message waits for the last one's acknowledgement: 48 ms a command instead of 2.4
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A command that was started to carry the connection; it ends with it.
pub(crate) struct Proxied {
    pipes: Join<ChildStdout, ChildStdin>,
    _child: Child,
}

/// What a `ProxyCommand` complained of.
#[derive(Debug, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// The command's own words, where all that SSH can say is that the far side is gone.
    pub(crate) async fn explain(&self, command: &str, error: ConnectError) -> ConnectError {
        // its last words come by another pipe than its end
        sleep(Duration::from_millis(50)).await;
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        match error {
            ConnectError::Protocol { .. } if !said.is_empty() => ConnectError::ProxyEnded { command: command.to_owned(), said },
            error => error,
        }
    }
}

async fn listen(mut stderr: ChildStderr, said: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend(buffer.iter().take(length));
        let too_much = said.len().saturating_sub(SAID);
        said.drain(..too_much);
    }
}

/// Starts a `ProxyCommand` as ssh does: by the shell, which it replaces.
pub(crate) fn command(command: &str) -> Result<(Proxied, Said), ConnectError> {
    let failed = |source| ConnectError::ProxyCommand { command: command.to_owned(), source };
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    match (child.stdout.take(), child.stdin.take()) {
        (Some(stdout), Some(stdin)) => {
            let said = Said::default();
            if let Some(stderr) = child.stderr.take() {
                tokio::spawn(listen(stderr, Arc::clone(&said.0)));
            }
            Ok((Proxied { pipes: join(stdout, stdin), _child: child }, said))
        }
        _ => Err(failed(std::io::Error::other("no pipes"))),
    }
}

impl AsyncRead for Proxied {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.pipes).poll_read(cx, buf)
    }
}

impl AsyncWrite for Proxied {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.pipes).poll_write(cx, buf)
    }

    fn poll_flush(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.pipes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.pipes).poll_shutdown(cx)
    }
}
