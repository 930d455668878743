//! One SSH connection: made, authenticated, and the channels on it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use russh::client::{Config, Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Preferred};
use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::auth::{Login, authenticate};
use super::budget::Budget;
use super::client::Shared;
use super::held::Held;
use super::host_key::{Checker, Findings};
use super::host_key_algorithms::host_key_algorithms;
use super::stream::{command, tcp};
use super::{ConnectError, Target};
use crate::transport::process::{Event, PIECES, Process};
use crate::transport::ssh_config::{HostConfig, Proxy};
use crate::transport::tunnel::With;
use crate::transport::{ShellError, Stream, Tunnel, TunnelError};

/// Channels in flight on one connection. sshd frees a session's slot after it has answered the next open, so with the
/// default MaxSessions of 10 more than 5 are refused now and then (measured).
const CHANNELS: usize = 5;
/// How often a refused open is tried again, 5 ms longer each time: 0.2 s in all.
const TRIES: u64 = 8;
/// How long a far side may take to close a channel that we are done with, before its slot counts as free.
const CLOSING: Duration = Duration::from_secs(5);

/// One SSH connection.
pub(super) struct Link {
    handle: Handle<Checker>,
    slots: Arc<Semaphore>,
    findings: Arc<Findings>,
    /// Held by everything that goes over this connection: when the last one is gone, so is the connection.
    in_use: Arc<DropGuard>,
    /// Where it leads.
    pub address: String,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects by the target's own proxy; tries again while the host has too many connections starting up.
    pub(super) async fn connect(
        shared: &Arc<Shared>,
        target: &Target,
        password: Option<&SecretString>,
        limit: Duration,
    ) -> Result<Self, ConnectError> {
        let mut budget = Budget::new(limit, &shared.thinking);
        let mut pause = Duration::from_millis(100);
        let mut attempts = target.host.connection_attempts;
        loop {
            let result = Self::connect_once(shared, target, password, &mut budget).await;
            attempts = attempts.saturating_sub(1);
            match result {
                Err(error) if error.is_worth_another_try() && budget.pause(pause).await => pause *= 2,
                // ConnectionAttempts, a second apart as in ssh
                Err(ConnectError::Tcp { .. }) if attempts > 0 && budget.pause(Duration::from_secs(1)).await => {}
                result => return result,
            }
        }
    }

    async fn connect_once(
        shared: &Arc<Shared>,
        target: &Target,
        password: Option<&SecretString>,
        budget: &mut Budget<'_>,
    ) -> Result<Self, ConnectError> {
        match &target.host.proxy {
            Proxy::None => {
                let stream = budget.within("connecting", tcp(&target.host)).await?;
                Self::over(shared, target, (stream, None), password, budget).await
            }
            Proxy::Command(line) => {
                let (stream, said) = command(line)?;
                match Self::over(shared, target, (stream, None), password, budget).await {
                    Ok(link) => Ok(link),
                    Err(error) => Err(said.explain(line, error).await),
                }
            }
            Proxy::Jump(_) => {
                let mut last = None;
                for jump in &target.jumps {
                    last = Some(Box::pin(shared.jump(jump, last.take())).await?);
                }
                match last {
                    Some(last) => Self::through(shared, target, &last, password, budget).await,
                    None => Err(ConnectError::Resolve { host: target.host.host_name.clone(), source: None }),
                }
            }
        }
    }

    /// Connects through a jump host.
    pub(super) async fn connect_through(
        shared: &Arc<Shared>,
        target: &Target,
        before: &Link,
        limit: Duration,
    ) -> Result<Self, ConnectError> {
        Self::through(shared, target, before, None, &mut Budget::new(limit, &shared.thinking)).await
    }

    async fn through(
        shared: &Arc<Shared>,
        target: &Target,
        before: &Link,
        password: Option<&SecretString>,
        budget: &mut Budget<'_>,
    ) -> Result<Self, ConnectError> {
        let (host, port) = (target.host.host_name.clone(), u32::from(target.host.port));
        let open = async {
            let channel = before.handle.channel_open_direct_tcpip(host.clone(), port, "127.0.0.1", 0).await;
            channel.map_err(|source| ConnectError::Forward { to: format!("{host}:{port}"), source })
        };
        let channel = budget.within("connecting through the jump host", open).await?;
        Self::over(shared, target, (channel.into_stream(), Some(Arc::clone(&before.in_use))), password, budget).await
    }

    /// Exchanges keys, checks the host's, and logs in. Beside the stream: what must stay in use for it.
    async fn over(
        shared: &Arc<Shared>,
        target: &Target,
        (stream, below): (impl Stream + 'static, Option<Arc<DropGuard>>),
        password: Option<&SecretString>,
        budget: &mut Budget<'_>,
    ) -> Result<Self, ConnectError> {
        let config = Arc::new(target.host.clone());
        let findings = Arc::new(Findings::default());
        let client = Arc::new(client_config(shared, &config));
        let unused = CancellationToken::new();
        let (interval, count) = alive(shared, &config);
        let silence = interval * (count + 1);
        let stream = Held::new(stream, unused.clone(), silence, below);
        let in_use = Arc::new(unused.drop_guard());
        let checker = Checker { shared: Arc::clone(shared), config: Arc::clone(&config), findings: Arc::clone(&findings) };
        let person = shared.person(&config);
        let phase = "exchanging keys";
        let exchange = async {
            russh::client::connect_stream(client, stream, checker).await.map_err(|source| match findings.host_key() {
                Some(error) => ConnectError::HostKey(Box::new(error)),
                None => ConnectError::Protocol { phase, source },
            })
        };
        let mut handle = budget.within(phase, exchange).await?;
        let login = Login { config: &config, password, keys: &shared.keys, person: &*person, thinking: &shared.thinking };
        let authenticated = async { authenticate(&mut handle, &login).await.map_err(ConnectError::Auth) };
        budget.within("authenticating", authenticated).await?;
        Ok(Self { handle, slots: Arc::new(Semaphore::new(CHANNELS)), findings, in_use, address: target.address() })
    }

    /// Whether it is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Whether all its channels are in use.
    pub(super) fn is_full(&self) -> bool {
        self.slots.available_permits() == 0
    }

    /// sshd sets TCP_NODELAY only once a session runs; without one, tunnels take 44 ms a message instead of 4 (measured).
    /// A host that runs no command for us is slow, not broken: the answer does not matter.
    pub(super) fn wake_tunnels(self: &Arc<Self>) {
        let link = Arc::clone(self);
        tokio::spawn(async move {
            let wake = async {
                if let Ok(mut process) = link.start("true").await {
                    while process.events.recv().await.is_some() {}
                }
            };
            let _ = timeout(CLOSING, wake).await;
        });
    }

    /// A TCP connection from the host to somewhere else, whose name the host looks up.
    pub(super) async fn tunnel(&self, host: &str, port: u16) -> Result<Tunnel, TunnelError> {
        match self.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0).await {
            Ok(channel) => {
                let findings = Arc::clone(&self.findings);
                Ok(Box::new(With::new(channel.into_stream(), Arc::clone(&self.in_use), move || findings.end())))
            }
            Err(russh::Error::ChannelOpenFailure(reason)) => Err(match reason {
                ChannelOpenFailure::ConnectFailed => TunnelError::NotConnected {
                    to: format!("{host}:{port}"),
                    why: "the machine cannot connect, or does not know the name".into(),
                },
                ChannelOpenFailure::AdministrativelyProhibited | ChannelOpenFailure::UnknownChannelType => TunnelError::Forbidden,
                reason => TunnelError::NotConnected { to: format!("{host}:{port}"), why: format!("{reason:?}") },
            }),
            Err(error) => Err(TunnelError::Lost(self.findings.end().unwrap_or_else(|| error.to_string()))),
        }
    }

    /// Runs a command line on a channel of its own.
    ///
    /// # Errors
    /// [`ShellError::NoChannel`] if the host opens none, [`ShellError::Lost`] if the connection is gone; nothing was run.
    pub(super) async fn start(&self, command: &str) -> Result<Process, ShellError> {
        let lost = |error: &dyn std::fmt::Display| ShellError::Lost(self.findings.end().unwrap_or_else(|| error.to_string()));
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|error| lost(&error))?;
        let mut tries = 0;
        let channel = loop {
            match self.handle.channel_open_session().await {
                Ok(channel) => break channel,
                Err(russh::Error::ChannelOpenFailure(_)) if tries < TRIES => {
                    tries += 1;
                    sleep(Duration::from_millis(5 * tries)).await;
                }
                Err(russh::Error::ChannelOpenFailure(reason)) => return Err(ShellError::NoChannel(format!("{reason:?}"))),
                Err(error) => return Err(lost(&error)),
            }
        };
        channel.exec(true, command).await.map_err(|error| lost(&error))?;
        Ok(drive(channel, slot, Arc::clone(&self.findings), Arc::clone(&self.in_use)))
    }
}

/// After how much silence a sign of life is asked for, and how often: what ssh_config says where that is sooner than our
/// own, so that a dead peer is noticed in time whatever it says.
fn alive(shared: &Shared, config: &HostConfig) -> (Duration, u32) {
    let ours = &shared.settings;
    let interval = config.server_alive_interval.unwrap_or(ours.alive_interval).min(ours.alive_interval);
    (interval, config.server_alive_count_max.clamp(1, ours.alive_count))
}

fn client_config(shared: &Shared, config: &HostConfig) -> Config {
    let preferred = host_key_algorithms(&shared.known_hosts(config), config);
    let (interval, count) = alive(shared, config);
    Config {
        preferred: Preferred {
            key: Cow::Owned(preferred.keys),
            host_key_certificates: Cow::Owned(preferred.certificates),
            ..Preferred::default()
        },
        keepalive_interval: Some(interval),
        keepalive_max: usize::try_from(count).unwrap_or(usize::MAX),
        nodelay: true,
        ..Config::default()
    }
}

/// Moves a channel's messages to and from a [`Process`] until either side is done, and closes it.
fn drive(channel: Channel<Msg>, slot: OwnedSemaphorePermit, findings: Arc<Findings>, in_use: Arc<DropGuard>) -> Process {
    let (input, to_write) = mpsc::channel(PIECES);
    let (events, received) = mpsc::channel(PIECES);
    let (reader, writer) = channel.split();
    let listening = Arc::new(AtomicBool::new(true));
    let heard = Arc::clone(&listening);
    let writer = Arc::new(writer);
    let mut write = tokio::spawn(write(Arc::clone(&writer), to_write));
    tokio::spawn(async move {
        let closed = read(reader, &events, &findings, &heard).await;
        drop((events, in_use));
        if !closed {
            // what was handed over is sent first; dropping a channel would tell the far side nothing
            let _ = timeout(CLOSING, &mut write).await;
            let _ = writer.close().await;
        }
        write.abort();
        drop(slot);
    });
    Process { input: Some(input), events: received, listening }
}

/// Sends what is to be written, and its end.
async fn write(channel: Arc<ChannelWriteHalf<Msg>>, mut to_write: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = to_write.recv().await {
        if channel.data_bytes(bytes).await.is_err() {
            return;
        }
    }
    let _ = channel.eof().await;
}

/// Hands on what the far side does. True once it has closed the channel.
async fn read(mut channel: ChannelReadHalf, events: &mpsc::Sender<Event>, findings: &Findings, listening: &AtomicBool) -> bool {
    let mut ended = false;
    loop {
        let message = tokio::select! {
            message = channel.wait() => message,
            () = events.closed() => return false,
        };
        let event = match message {
            Some(ChannelMsg::Data { data }) => Event::Stdout(data.to_vec()),
            Some(ChannelMsg::ExtendedData { data, .. }) => Event::Stderr(data.to_vec()),
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                ended = true;
                Event::Exit(exit_status)
            }
            Some(ChannelMsg::ExitSignal { .. }) => {
                ended = true;
                Event::Exit(255)
            }
            Some(ChannelMsg::Failure) => Event::NotStarted,
            Some(ChannelMsg::Close) => return true,
            Some(_) => continue,
            None => {
                if !ended {
                    // russh's own task knows why, a moment later
                    sleep(Duration::from_millis(10)).await;
                    let why = findings.end().unwrap_or_else(|| "the channel was closed".into());
                    let _ = events.send(Event::Lost(why)).await;
                }
                return true;
            }
        };
        if !event.is_unheard(listening) && events.send(event).await.is_err() {
            return false;
        }
    }
}
