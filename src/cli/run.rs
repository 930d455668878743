//! One run over hosts: from the arguments to the exit code.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressDrawTarget};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::args::{self, Chosen, ConnectionArgs, OutputArgs, OutputFormat, Unresolved};
use super::conceal::concealed;
use super::environment::Environment;
use super::interrupt::Interrupt;
use super::person::AtTerminal;
use super::session::Shared;
use super::targets::{self, Ready};
use super::{fleet, panics, screen, show};
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::inventory::Inventory;
use crate::report::{self, Event, HostAnswer, JsonLines, Outcome, Problem, Reporter, Secrets};
use crate::transport::ssh::{Client, Settings};

/// How long what is left of a run may take to end after its last answer.
const GOODBYE: Duration = Duration::from_secs(2);

/// From a command's first moment to its exit code, with Ctrl-C listened to: what `prepare` finds wrong is told, and nothing is
/// contacted.
pub(super) fn listening(
    output: &OutputArgs,
    environment: &Environment,
    prepare: impl FnOnce(&Interrupt, &Secrets, Instant) -> Result<ExitCode, Unresolved>,
) -> ExitCode {
    let (began, secrets) = (Instant::now(), Secrets::default());
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(code) => return code,
    };
    match prepare(&interrupt, &secrets, began) {
        Ok(code) => code,
        Err(Unresolved::Interrupted) => ExitCode::Interrupted,
        Err(Unresolved::Wrong(problems)) => show::refuse(output, environment, &problems, &secrets, began),
    }
}

/// What every command that goes to hosts has.
pub(super) struct Run<'a> {
    /// Its name.
    pub(super) command: &'static str,
    /// Which hosts.
    pub(super) pattern: &'a str,
    /// How to get there.
    pub(super) connection: &'a ConnectionArgs,
    /// How to show what comes back.
    pub(super) output: &'a OutputArgs,
    /// Every fact instead of the short table.
    pub(super) all_facts: bool,
    /// Changes of contents line by line.
    pub(super) diff: bool,
    /// The process's surroundings.
    pub(super) environment: &'a Environment,
}

/// A run that can begin.
pub(super) struct Prepared {
    pub(super) hosts: Vec<Ready>,
    pub(super) forks: usize,
    pub(super) warnings: Diagnostics,
}

impl Run<'_> {
    /// Checks everything that can be checked here, then does `work` on every host. `check` is about the command's own
    /// arguments.
    pub(super) fn on_each_host<F>(&self, check: Diagnostics, work: impl Fn(Arc<Shared>, Ready) -> F) -> ExitCode
    where
        F: Future<Output = HostAnswer> + Send + 'static,
    {
        self.on_each_host_of(check, |_| work)
    }

    /// The same; what is done is made of the inventory.
    pub(super) fn on_each_host_of<W, F>(&self, check: Diagnostics, work: impl FnOnce(&Arc<Inventory>) -> W) -> ExitCode
    where
        W: Fn(Arc<Shared>, Ready) -> F,
        F: Future<Output = HostAnswer> + Send + 'static,
    {
        let began = Instant::now();
        let secrets = Secrets::default();
        let interrupt = match Interrupt::listen() {
            Ok(interrupt) => interrupt,
            Err(code) => return code,
        };
        match self.prepare(check, &interrupt, &secrets) {
            Err(Unresolved::Interrupted) => ExitCode::Interrupted,
            Err(Unresolved::Wrong(problems)) => show::refuse(self.output, self.environment, &problems, &secrets, began),
            Ok((prepared, inventory)) => {
                let work = work(&inventory);
                let conduct = async |shared: Arc<Shared>, hosts: Vec<Ready>, forks: usize| {
                    let hosts = hosts.into_iter().map(|ready| (Arc::clone(&ready.host.name), ready)).collect();
                    let (reporter, cancelled) = (shared.reporter.clone(), shared.cancelled.clone());
                    fleet::each(hosts, forks, &reporter, &cancelled, |ready| work(Arc::clone(&shared), ready)).await
                };
                self.go(prepared, &interrupt, secrets, began, conduct, |_| None)
            }
        }
    }

    /// Everything that can be wrong is found before a password is asked for.
    fn prepare(&self, check: Diagnostics, interrupt: &Interrupt, secrets: &Secrets) -> Result<(Prepared, Arc<Inventory>), Unresolved> {
        let mut problems = check;
        let terminal = &interrupt.terminal;
        let mut chosen = args::choose(self.connection, self.pattern, self.environment, terminal, secrets, &mut problems)?;
        let prepared = self.prepare_chosen(&mut chosen, problems, interrupt, secrets)?;
        Ok((prepared, Arc::clone(&chosen.loaded().inventory)))
    }

    /// The same for hosts that were chosen.
    pub(super) fn prepare_chosen(
        &self,
        chosen: &mut Chosen,
        mut problems: Diagnostics,
        interrupt: &Interrupt,
        secrets: &Secrets,
    ) -> Result<Prepared, Unresolved> {
        let terminal = &interrupt.terminal;
        let hosts = chosen.resolve(secrets, &mut problems);
        if !problems.has_errors() {
            args::without_effect(self.connection, &hosts, &mut problems);
        }
        let mut hosts = targets::ready(hosts, self.environment, &mut problems);
        let ((), mut warnings) = problems.or(())?;
        chosen.ask(self.connection, terminal, secrets, &mut warnings)?;
        // the same hosts, now with the passwords; were one missing, the others would be taken for their neighbours
        let resolved = chosen.resolve(secrets, &mut warnings);
        let (resolved, warnings) = warnings.or(resolved)?;
        for (ready, host) in hosts.iter_mut().zip(resolved) {
            ready.host = host;
        }
        Ok(Prepared { hosts, forks: chosen.forks, warnings })
    }

    /// Does `conduct` with all hosts; `code` may say another exit code than the worst outcome.
    pub(super) fn go(
        &self,
        prepared: Prepared,
        interrupt: &Interrupt,
        secrets: Secrets,
        began: Instant,
        conduct: impl AsyncFnOnce(Arc<Shared>, Vec<Ready>, usize) -> Vec<Outcome>,
        code: impl FnOnce(&[Outcome]) -> Option<ExitCode>,
    ) -> ExitCode {
        fleet::allow_sockets(prepared.forks.min(prepared.hosts.len()));
        let log = report::log::create(&self.environment.state_dir, Timestamp::now(), self.environment.pid);
        let progress = self.progress();
        let path = log.as_ref().ok().map(|(path, _)| path.clone());
        let shown = path.as_ref().map(|path| self.environment.shorten(path));
        let mut renderers =
            vec![show::renderer(self.output, self.environment, (self.all_facts, self.diff), shown.clone(), progress.clone())];
        let mut unlogged = None;
        match log {
            // first, so that even an event that ends the program is in it
            Ok((_, file)) => renderers.insert(0, Box::new(JsonLines::log(file))),
            Err(error) => unlogged = Some(Problem::from_error(&error)),
        }
        let (reporter, desk) = match report::start(secrets.clone(), renderers, progress) {
            Ok(started) => started,
            Err(error) => {
                screen::complain(&format!("error: starting the report: {error}"));
                return ExitCode::Failed;
            }
        };
        reporter.tell(self.started(&prepared.hosts));
        for warning in concealed(&prepared.warnings, &secrets) {
            reporter.tell(Event::from(&warning));
        }
        if let Some(problem) = unlogged {
            reporter.tell(Event::warning(format!("there is no log of this run: {}", problem.message)));
        }
        let ended = self.all_hosts(prepared, interrupt, &secrets, &reporter, conduct);
        let (outcomes, code) = match ended {
            Ok((outcomes, interrupted)) => {
                let code = if interrupted { Some(ExitCode::Interrupted) } else { code(&outcomes) };
                (outcomes, code)
            }
            Err(error) => {
                reporter.tell(Event::error(Problem::new(format!("starting the run: {error}"))));
                (Vec::new(), Some(ExitCode::Failed))
            }
        };
        let (event, code) = report::end_of_run(&outcomes, code, show::millis(began), path.map(|path| path.display().to_string()));
        reporter.tell(event);
        let code = show::close(desk, code);
        // people have read it in the last line
        if let Some(log) = shown.filter(|_| code != ExitCode::Done && self.output.output != OutputFormat::Human) {
            screen::complain(&format!("log: {log}"));
        }
        code
    }

    fn all_hosts(
        &self,
        prepared: Prepared,
        interrupt: &Interrupt,
        secrets: &Secrets,
        reporter: &Reporter,
        conduct: impl AsyncFnOnce(Arc<Shared>, Vec<Ready>, usize) -> Vec<Outcome>,
    ) -> io::Result<(Vec<Outcome>, bool)> {
        let runtime = tokio::runtime::Builder::new_multi_thread().thread_name(panics::WORKER).enable_all().build()?;
        let cancelled = &interrupt.cancelled;
        let person = AtTerminal::new(reporter.clone(), secrets.clone(), interrupt.clone());
        let client = Client::new(Settings::default(), Arc::new(person));
        let shared = Shared { client, reporter: reporter.clone(), secrets: secrets.clone(), cancelled: cancelled.clone() };
        let shared = Arc::new(shared);
        interrupt.run_begins();
        let outcomes = runtime.block_on(async {
            let work = conduct(Arc::clone(&shared), prepared.hosts, prepared.forks);
            tokio::select! {
                // looked at first, so that it stands before what the interrupt does to the hosts
                biased;
                never = say_when_interrupted(cancelled, reporter) => match never {},
                outcomes = work => outcomes,
            }
        });
        for warning in shared.client.warnings().shown() {
            reporter.tell(Event::from(&*warning));
        }
        let interrupted = cancelled.is_cancelled();
        runtime.shutdown_timeout(GOODBYE);
        interrupt.run_ended();
        Ok((outcomes, interrupted))
    }

    fn started(&self, hosts: &[Ready]) -> Event {
        Event::RunStarted {
            command: self.command.to_owned(),
            arguments: self.environment.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            hosts: hosts.iter().map(|ready| Arc::clone(&ready.host.name)).collect(),
        }
    }

    fn progress(&self) -> Option<MultiProgress> {
        let wanted = self.environment.stderr_terminal && !self.environment.dumb_terminal;
        wanted.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
    }
}

async fn say_when_interrupted(cancelled: &CancellationToken, reporter: &Reporter) -> Infallible {
    cancelled.cancelled().await;
    reporter.tell(Event::warning("interrupted: ending what is under way (again to end at once)"));
    std::future::pending().await
}
