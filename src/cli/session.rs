//! A host's shell, as the commands use it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::targets::Ready;
use crate::inventory::Connect;
use crate::report::{Event, HostAnswer, Outcome, Problem, Reporter, Secrets};
use crate::transport::ssh::{Client, ConnectError};
use crate::transport::{Become, Connection, Output, Shell, ShellError};

/// How long a shell may take to be ready: sudo may ask a slow PAM.
const OPEN_LIMIT: Duration = Duration::from_secs(30);

/// What all hosts of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) reporter: Reporter,
    pub(super) secrets: Secrets,
    pub(super) cancelled: CancellationToken,
}

/// An open shell on a host.
pub(super) struct Session {
    pub(super) host: Arc<str>,
    shared: Arc<Shared>,
    // before the connection, which it needs to end well
    shell: Shell,
    _connection: Connection,
    /// How long it took from nothing to the open shell.
    pub(super) connect_time: Duration,
}

/// Why a script has no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The person pressed Ctrl-C.
    Interrupted,
    /// The shell.
    Shell(ShellError),
}

impl Session {
    /// Connects to a host and opens a shell with the privilege that was asked for.
    ///
    /// # Errors
    /// The host's answer, for the report.
    pub(super) async fn open(ready: Ready, shared: Arc<Shared>) -> Result<Self, HostAnswer> {
        let name = Arc::clone(&ready.host.name);
        let cancelled = shared.cancelled.clone();
        tokio::select! {
            opened = Self::connect(ready, shared) => opened,
            () = cancelled.cancelled() => {
                Err(HostAnswer::bad(name, Outcome::Unreachable, Problem::new("interrupted before anything was done")))
            }
        }
    }

    async fn connect(ready: Ready, shared: Arc<Shared>) -> Result<Self, HostAnswer> {
        let began = Instant::now();
        let Ready { host, target } = ready;
        shared.reporter.tell(Event::HostDoes { host: Arc::clone(&host.name), doing: "connecting".to_owned() });
        let connection = match (target, host.connect) {
            (Some(target), Connect::Ssh { password, .. }) => {
                let connected = shared.client.connect(target, password).await;
                Connection::Ssh(Box::new(connected.map_err(|error| unreachable_host(&host.name, &error))?))
            }
            (None, Connect::Local) => Connection::Local,
            // never a guess: what is meant for a host must not run on this machine
            (None, Connect::Ssh { .. }) | (Some(_), Connect::Local) => {
                let problem = Problem::new("a bug in this program: it does not know whether this host is this machine itself");
                return Err(HostAnswer::bad(host.name, Outcome::Failed, problem));
            }
        };
        let privilege = match host.become_user {
            None => Become::No,
            Some(whom) => Become::Sudo { user: whom.user, password: whom.password },
        };
        let shell = connection.shell(&privilege, OPEN_LIMIT).await.map_err(|error| no_shell(&host.name, &error))?;
        Ok(Self { host: host.name, shared, shell, _connection: connection, connect_time: began.elapsed() })
    }

    /// Runs a script; `doing` is what a person sees meanwhile.
    ///
    /// # Errors
    /// There is no answer. The session is of no further use then.
    pub(super) async fn run(&mut self, doing: &str, script: &str, output: &mut dyn Output, limit: Duration) -> Result<u8, NoAnswer> {
        self.shared.reporter.tell(Event::HostDoes { host: Arc::clone(&self.host), doing: doing.to_owned() });
        tokio::select! {
            ended = self.shell.run(script, output, limit) => ended.map_err(NoAnswer::Shell),
            () = self.shared.cancelled.cancelled() => Err(NoAnswer::Interrupted),
        }
    }

    /// How many messages went there and back since the shell was open.
    pub(super) fn round_trips(&self) -> u32 {
        u32::try_from(self.shell.round_trips()).unwrap_or(u32::MAX)
    }

    /// The host's answer when something that changes nothing had none.
    pub(super) fn not_read(&self, why: NoAnswer) -> HostAnswer {
        // reading again does no harm, so nothing is unknown
        self.without(match why {
            NoAnswer::Interrupted => (Outcome::Unreachable, Problem::new("interrupted while it was read")),
            NoAnswer::Shell(error) => (unread(&error), Problem::from_error(&error)),
        })
    }

    /// The host's answer when something that may change things had none.
    pub(super) fn not_known(&self, why: NoAnswer) -> HostAnswer {
        self.without(match why {
            NoAnswer::Interrupted => (Outcome::Unknown, Problem::new("interrupted; it may still run there")),
            NoAnswer::Shell(error) if error.outcome_is_unknown() => (Outcome::Unknown, Problem::from_error(&error)),
            NoAnswer::Shell(error) => (Outcome::Unreachable, Problem::from_error(&error)),
        })
    }

    fn without(&self, (outcome, problem): (Outcome, Problem)) -> HostAnswer {
        HostAnswer { round_trips: self.round_trips(), ..HostAnswer::bad(Arc::clone(&self.host), outcome, problem) }
    }
}

/// How a host ended from which nothing could be read, although its shell was open.
fn unread(error: &ShellError) -> Outcome {
    match error {
        // it is there, and what it did not do is to answer well. Also after a time-out: a host that is gone is lost long
        // before that
        ShellError::TooMuch | ShellError::TimedOut(_) | ShellError::Garbled | ShellError::Ended(_) => Outcome::Failed,
        _ => Outcome::Unreachable,
    }
}

fn unreachable_host(host: &Arc<str>, error: &ConnectError) -> HostAnswer {
    let problem = Problem::from_error(error);
    let problem = match error.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    };
    HostAnswer::bad(Arc::clone(host), Outcome::Unreachable, problem)
}

/// Nothing was run: the host is there, but has no shell for us, or it went away again.
fn no_shell(host: &Arc<str>, error: &ShellError) -> HostAnswer {
    let problem = Problem::from_error(error);
    let (outcome, problem) = match error {
        ShellError::Sudo(sudo) => (Outcome::Failed, problem.hint(sudo.hint())),
        ShellError::NotStarted { .. } | ShellError::NoCommands => (Outcome::Failed, problem),
        _ => (Outcome::Unreachable, problem),
    };
    HostAnswer::bad(Arc::clone(host), outcome, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ResolvedHost;
    use crate::report::start;
    use crate::transport::Collected;
    use crate::transport::ssh::{Nobody, Settings};

    fn shared() -> Arc<Shared> {
        let (reporter, desk) = start(Secrets::default(), Vec::new(), None).unwrap();
        desk.close().unwrap();
        let client = Client::new(Settings::default(), Arc::new(Nobody));
        Arc::new(Shared { client, reporter, secrets: Secrets::default(), cancelled: CancellationToken::new() })
    }

    fn without_target(connect: Connect) -> Ready {
        Ready { host: ResolvedHost { name: "m1".into(), connect, become_user: None, become_password: None }, target: None }
    }

    #[tokio::test]
    async fn a_host_elsewhere_is_never_taken_for_this_machine() {
        let (address, none) = ("m1.example".to_owned(), None);
        let elsewhere = Connect::Ssh {
            address,
            port: None,
            user: none,
            private_key: None,
            password: None,
            timeout: None,
            accept_new: false,
            arguments: Box::default(),
        };
        let answer = Session::open(without_target(elsewhere), shared()).await.err().unwrap();
        assert_eq!(answer.outcome, Outcome::Failed);
        assert!(Session::open(without_target(Connect::Local), shared()).await.is_ok());
    }

    async fn reading(script: &str, limit: Duration) -> HostAnswer {
        let mut session = Session::open(without_target(Connect::Local), shared()).await.ok().unwrap();
        let why = session.run("reading", script, &mut Collected::up_to(99), limit).await.unwrap_err();
        session.not_read(why)
    }

    #[tokio::test]
    async fn a_host_that_answers_badly_is_not_unreachable() {
        let long = Duration::from_secs(20);
        for (script, limit) in [("yes", long), ("sleep 5", Duration::from_millis(50)), ("kill -9 $$", long)] {
            assert_eq!(reading(script, limit).await.outcome, Outcome::Failed, "{script}");
        }
        assert_eq!(unread(&ShellError::Lost("gone".into())), Outcome::Unreachable);
    }
}
