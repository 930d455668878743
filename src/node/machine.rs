//! A machine that can be asked and changed: a real one over shells, or one in memory ([`super::simulated`]).

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::io::AsyncRead;

use crate::plan::{FactKey, Observation, Query, Scope, Touch};

use super::Change;
use super::apply::{self, Applied, Carried, Heard, Lock, Parts};
use super::errand::Errand;
use super::leave;
use super::long_step::{self, Id, State};
use super::record::{Records, to_reason};
use super::stage::{Load, Unstaged};
use super::steps::{Had, Source, Step};
use super::upload::UploadError;
use super::web::Tunnels;

/// How long a script without long steps may take: a person's own command may take its time.
const STEPS_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// How long reading may take: a probe that asks others ends by itself, after a minute at most, and a few of them may be late at once.
/// That a connection is dead is seen earlier, by its own means.
const READ_LIMIT: Duration = Duration::from_secs(300);

/// A machine, as the engine sees it.
pub trait Machine: Send {
    /// Answers `queries` in their order, all by one script.
    ///
    /// # Errors
    /// The connection was lost.
    fn read(&mut self, scope: &Scope, queries: &[Query]) -> impl Future<Output = Result<Vec<(Query, Observation)>, Lost>> + Send;

    /// Carries out a change if `preconditions` still hold, and reads what it promised.
    fn apply(&mut self, scope: &Scope, change: &Change, preconditions: &[(FactKey, Observation)]) -> impl Future<Output = Applied> + Send;

    /// Brings a large content to the machine, on a channel of its own; where it stands now, and its digest.
    ///
    /// # Errors
    /// It did not arrive whole.
    fn upload(&mut self, scope: &Scope, load: &Load<'_>) -> impl Future<Output = Result<(String, String), Unstaged>> + Send;

    /// Asks a server for the machine, over a connection that leaves from it; a large answer is put on it.
    ///
    /// # Errors
    /// It cannot be asked from there.
    fn ask_server(&mut self, scope: &Scope, errand: &Errand<'_>) -> impl Future<Output = Result<Had, Unstaged>> + Send;

    /// Removes what was uploaded and is not wanted any more, as far as the machine is reached.
    fn discard(&mut self, scope: &Scope, uploaded: &[String]) -> impl Future<Output = ()> + Send;
}

/// There is no answer: the connection was lost, or there was none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Lost {
    /// Why.
    pub why: String,
    /// Whether anything was sent: if so, what it did is unknown; if not, it did nothing.
    pub sent: bool,
    /// Whether it is only that user who cannot be had: another one still can.
    pub user: bool,
}

impl Lost {
    /// Something was sent, and its outcome is unknown.
    pub fn after_sending(why: impl Into<String>) -> Self {
        Self { why: why.into(), sent: true, user: false }
    }

    /// Nothing was sent.
    pub fn before_sending(why: impl Into<String>) -> Self {
        Self { why: why.into(), sent: false, user: false }
    }

    /// That user cannot be had; nothing was sent.
    pub fn user(why: impl Into<String>) -> Self {
        Self { why: why.into(), sent: false, user: true }
    }
}

/// What a script answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// Its last status.
    pub status: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A shell on a machine that takes scripts, at one privilege.
pub trait RunScript: Send {
    /// Runs a script in a child shell, without standard input.
    ///
    /// # Errors
    /// The connection was lost, or the script took longer than `limit`.
    fn run(&mut self, script: &str, limit: Duration) -> impl Future<Output = Result<Answered, Lost>> + Send;
}

/// The shells of one machine, one for each privilege.
pub trait Shells: Tunnels {
    /// What a shell is.
    type Shell: RunScript;

    /// The shell with those eyes; opened if it is not yet.
    ///
    /// # Errors
    /// It cannot be had.
    fn shell(&mut self, scope: &Scope) -> impl Future<Output = Result<&mut Self::Shell, Lost>> + Send;

    /// Brings a large content to the machine, as [`Machine::upload`].
    ///
    /// # Errors
    /// It did not arrive whole.
    fn upload(&mut self, scope: &Scope, load: &Load<'_>) -> impl Future<Output = Result<(String, String), Unstaged>> + Send;

    /// Streams a content to the machine, all that comes; it may come to a halt for that long.
    ///
    /// # Errors
    /// It did not arrive whole.
    fn keep(
        &mut self,
        scope: &Scope,
        near: &str,
        content: &mut (dyn AsyncRead + Unpin + Send),
        halt: Duration,
    ) -> impl Future<Output = Result<Source, UploadError>> + Send;

    /// Closes that user's shell. Whether there was one.
    fn leave(&mut self, user: &str) -> bool;

    /// A change touched this: shells that would not see it are opened anew when next wanted.
    fn changed(&mut self, touches: &[Touch]);
}

/// Hears what a machine does that takes long.
pub type Hears = Box<dyn Fn(String) + Send + Sync>;

/// A real machine.
pub struct Real<S> {
    shells: S,
    /// Who hears what a long step says while it runs.
    hears: Option<Hears>,
    /// The run's lock here; `None` where there is no root, so no lock.
    lock: Option<Lock>,
    /// How long a long step may take.
    long_limit: Duration,
}

impl<S: std::fmt::Debug> std::fmt::Debug for Real<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Real").field("shells", &self.shells).field("lock", &self.lock).finish_non_exhaustive()
    }
}

impl<S: Shells> Real<S> {
    /// A machine behind those shells, locked or not.
    pub fn new(shells: S, lock: Option<Lock>) -> Self {
        Self { shells, hears: None, lock, long_limit: Duration::from_secs(3600) }
    }

    /// Whoever wants to hear which long step runs, and what it says meanwhile, a line at a time.
    #[must_use]
    pub fn told(mut self, hears: Hears) -> Self {
        self.hears = Some(hears);
        self
    }

    /// How long a long step may take before we stop waiting; it goes on, and its status is there for the next run.
    #[must_use]
    pub fn long_limit(mut self, limit: Duration) -> Self {
        self.long_limit = limit;
        self
    }

    /// From now on changes as root hold to this lock.
    pub fn set_lock(&mut self, lock: Lock) {
        self.lock = Some(lock);
    }

    /// The shells.
    pub fn shells(&mut self) -> &mut S {
        &mut self.shells
    }

    async fn ask(&mut self, scope: &Scope, nonce: &str, script: &str, limit: Duration) -> Result<(Records, String), Lost> {
        let answered = self.shells.shell(scope).await?.run(script, limit).await?;
        let records = Records::parse(nonce, &answered.stdout, &answered.stderr);
        // for a script that died: its last words
        let tail = answered.stderr.len().saturating_sub(500);
        Ok((records, to_reason(answered.stderr.get(tail..).unwrap_or_default())))
    }

    /// Waits for a long step of ours, called `title`, and takes its status.
    ///
    /// # Errors
    /// The connection was lost, or it took too long: it goes on.
    pub async fn wait(&mut self, scope: &Scope, locks: &str, id: &Id, title: &str) -> Result<State, Lost> {
        let began = Instant::now();
        let at_most = if self.hears.is_some() { long_step::WATCHED } else { long_step::WAIT };
        self.tell(title.to_owned());
        let mut heard = String::new();
        loop {
            let nonce = nonce();
            let mut script = apply::begin(&nonce, &[]).map_err(|nul| Lost::before_sending(nul.to_string()))?;
            long_step::wait(&mut script, locks, id, at_most).map_err(|nul| Lost::before_sending(nul.to_string()))?;
            let (records, said) = self.ask(scope, &nonce, &script.finish(), READ_LIMIT).await?;
            match long_step::read_wait(&records) {
                Some(State::Running(line)) if began.elapsed() < self.long_limit => {
                    if !line.is_empty() && line != heard {
                        self.tell(format!("{title}: {line}"));
                        heard = line;
                    }
                }
                Some(State::Running(_)) => {
                    return Err(Lost::after_sending(format!("it still runs after {} s", self.long_limit.as_secs())));
                }
                Some(state) => {
                    self.take(scope, locks, id).await?;
                    self.tell(format!("{title}: it has ended"));
                    return Ok(state);
                }
                None => return Err(Lost::after_sending(format!("no answer about a long step: {said}"))),
            }
        }
    }

    fn tell(&self, doing: String) {
        if let Some(hears) = &self.hears {
            hears(doing);
        }
    }

    async fn long(&mut self, scope: &Scope, lock: Option<&Lock>, id: &Id, step: Option<&Step>) -> Result<State, Lost> {
        let title = step.map(Step::describe).unwrap_or_default();
        self.wait(scope, lock.map_or("", |lock| &lock.directory), id, &title).await
    }

    /// Forgets a long step whose status has arrived: what is only sent may be lost with the connection, and then the next
    /// run has to find it.
    async fn take(&mut self, scope: &Scope, locks: &str, id: &Id) -> Result<(), Lost> {
        let nonce = nonce();
        let mut script = apply::begin(&nonce, &[]).map_err(|nul| Lost::before_sending(nul.to_string()))?;
        long_step::take(&mut script, locks, id).map_err(|nul| Lost::before_sending(nul.to_string()))?;
        self.ask(scope, &nonce, &script.finish(), READ_LIMIT).await.map(|_| ())
    }

    /// The long steps that earlier runs left here.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn left(&mut self, scope: &Scope, locks: &str) -> Result<Vec<long_step::Left>, Lost> {
        let nonce = nonce();
        let mut script = apply::begin(&nonce, &[]).map_err(|nul| Lost::before_sending(nul.to_string()))?;
        long_step::list(&mut script, locks).map_err(|nul| Lost::before_sending(nul.to_string()))?;
        let (records, said) = self.ask(scope, &nonce, &script.finish(), READ_LIMIT).await?;
        long_step::read_list(&records).ok_or_else(|| Lost::after_sending(format!("no list of long steps: {said}")))
    }

    /// Leaves users alone that a change wants idle.
    async fn let_go(&mut self, scope: &Scope, change: &Change) -> Result<(), Lost> {
        for user in leave::idle(change).filter(|user| **user != *scope.user) {
            if self.shells.leave(user) {
                let nonce = nonce();
                let mut script = apply::begin(&nonce, &[]).map_err(|nul| Lost::before_sending(nul.to_string()))?;
                script.call(&leave::IDLE, [user]).map_err(|nul| Lost::before_sending(nul.to_string()))?;
                // what it waits for changes nothing: the change itself says what is wrong
                let waited = self.ask(scope, &nonce, &script.finish(), READ_LIMIT).await;
                waited.map_err(|lost| Lost { sent: false, ..lost })?;
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self, scope: &Scope, change: &Change, preconditions: &[(Query, Observation)]) -> Result<Applied, Lost> {
        let lock = if &*scope.user == "root" { self.lock.clone() } else { None };
        if let Err(lost) = self.let_go(scope, change).await {
            return Ok(if lost.user { Applied::Unusable(lost.why) } else { Applied::NotBegun(lost.why) });
        }
        let parts = Parts::new(&change.steps, &change.expect, lock.as_ref(), &scope.environment);
        let mut carried = Carried { ran_directly: parts.directly(), ..Carried::default() };
        for number in 0..parts.len() {
            let nonce = nonce();
            let part = match parts.script(number, &nonce, preconditions) {
                Ok(part) => part,
                Err(unusable) if number == 0 => return Ok(Applied::Unusable(unusable.to_string())),
                Err(unusable) => return Ok(Applied::Unknown(unusable.to_string())),
            };
            if let Some(title) = parts.title(number) {
                self.tell(title);
            }
            let (records, said) = match self.ask(scope, &nonce, &part.text, STEPS_LIMIT).await {
                Err(lost) if lost.user => return Ok(Applied::Unusable(lost.why)),
                Err(lost) if number == 0 && !lost.sent => return Ok(Applied::NotBegun(lost.why)),
                answer => answer?,
            };
            match part.hear(&records, &said) {
                Heard::Well(outputs, readings) => {
                    carried.outputs.extend(outputs);
                    carried.readings.extend(readings.into_iter().flatten());
                }
                Heard::End(Applied::StepFailed { index, output, before }) => {
                    let before = carried.outputs.into_iter().chain(before).collect();
                    return Ok(Applied::StepFailed { index, output, before });
                }
                // not the first script: some of the change was done
                Heard::End(Applied::Locked(lost)) if number > 0 => return Ok(Applied::Unknown(lost.to_string())),
                Heard::End(applied) => return Ok(applied),
                Heard::Long(index, id) => match self.long(scope, lock.as_ref(), &id, change.steps.get(index)).await? {
                    State::Finished(ended) if ended.status == 0 => carried.outputs.push(ended.into()),
                    State::Finished(ended) => {
                        return Ok(Applied::StepFailed { index, output: ended.into(), before: carried.outputs });
                    }
                    State::Running(_) => return Ok(Applied::Unknown(format!("step {} still runs", index + 1))),
                    State::Cancelled => return Ok(Applied::Unknown(format!("step {} was not begun: the machine was not ours", index + 1))),
                    State::Vanished => return Ok(Applied::Unknown(format!("step {} was killed, or the machine restarted", index + 1))),
                    State::Nothing => return Ok(Applied::Unknown(format!("nothing is left of step {}: the machine restarted", index + 1))),
                },
            }
        }
        Ok(apply::judge(&change.expect, carried))
    }
}

impl<S: Shells> Machine for Real<S> {
    async fn read(&mut self, scope: &Scope, queries: &[Query]) -> Result<Vec<(Query, Observation)>, Lost> {
        let nonce = nonce();
        let mut script = apply::begin(&nonce, &scope.environment).map_err(|nul| Lost::before_sending(nul.to_string()))?;
        let probes = script.probe(queries);
        let (records, _) = self.ask(scope, &nonce, &script.finish(), READ_LIMIT).await?;
        Ok(probes.observe(&records))
    }

    async fn apply(&mut self, scope: &Scope, change: &Change, preconditions: &[(FactKey, Observation)]) -> Applied {
        // what another privilege read is compared by its own shell, before
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            preconditions.iter().filter(|(key, _)| key.scope.host == scope.host).partition(|(key, _)| key.scope == *scope);
        let pairs =
            |keys: Vec<&(FactKey, Observation)>| keys.into_iter().map(|(key, o)| (key.query.clone(), o.clone())).collect::<Vec<_>>();
        for (key, was) in elsewhere {
            match self.read(&key.scope, std::slice::from_ref(&key.query)).await {
                // reading changes nothing
                Err(lost) if lost.user => return Applied::Unusable(lost.why),
                Err(lost) => return Applied::NotBegun(lost.why),
                Ok(now) => {
                    let moved = now.into_iter().find(|(_, is)| is.reading != was.reading);
                    if let Some((query, is)) = moved {
                        return Applied::Moved(vec![apply::Moved { query, was: was.clone(), is }]);
                    }
                }
            }
        }
        let applied = self.carry_out(scope, change, &pairs(here)).await;
        let touches = super::touched(change);
        self.shells.changed(&touches);
        applied.unwrap_or_else(|lost| Applied::Unknown(lost.why))
    }

    async fn upload(&mut self, scope: &Scope, load: &Load<'_>) -> Result<(String, String), Unstaged> {
        self.shells.upload(scope, load).await
    }

    async fn ask_server(&mut self, scope: &Scope, errand: &Errand<'_>) -> Result<Had, Unstaged> {
        super::errand::ask(self, scope, errand).await
    }

    async fn discard(&mut self, scope: &Scope, uploaded: &[String]) {
        let nonce = nonce();
        let Ok(mut script) = apply::begin(&nonce, &[]) else { return };
        // an upload that stays all the same is removed by the next to the same place
        if script.call(&super::upload::DISCARD, uploaded).is_ok() {
            let _ = self.ask(scope, &nonce, &script.finish(), READ_LIMIT).await;
        }
    }
}

/// A name for one script's answers, which nothing on the machine can foresee.
fn nonce() -> String {
    format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>())
}
