//! A run's dealings with a simulated machine: the lock, reading, changing, long steps.

use super::world::{RunLock, SimulatedLong, Stop, World};
use crate::node::Change;
use crate::node::apply::{Applied, Carried, Moved, Output, judge};
use crate::node::errand::Errand;
use crate::node::lock::{Claim, LockLost, SILENCE};
use crate::node::long_step::Id;
use crate::node::machine::{Lost, Machine};
use crate::node::stage::{Load, Unstaged};
use crate::node::steps::{Had, Source, Step};
use crate::plan::{FactKey, Observation, Query, Reading, Scope};

/// How long a script waits for step.lock.
const LOCK_PATIENCE: u64 = 20_000;
/// How long a long step is waited for.
const LONG_LIMIT: u64 = 3_600_000;

/// A simulated machine as one run sees it.
#[derive(Debug, Clone)]
pub struct Simulated {
    world: World,
    nonce: Option<String>,
}

impl Simulated {
    /// A run that has not locked the machine yet.
    pub fn new(world: World) -> Self {
        Self { world, nonce: None }
    }

    /// The machine.
    pub fn world(&mut self) -> &mut World {
        &mut self.world
    }

    /// A new run begins: it connects, takes `run.lock`, then waits for whatever of an earlier run still runs. The
    /// virtual milliseconds that took.
    ///
    /// # Errors
    /// Another run has the machine, or a step of one does not end.
    pub fn begin_run(&mut self, nonce: &str, patience: u64) -> Result<u64, LockLost> {
        let world = &mut self.world;
        let began = world.clock();
        world.connected = true;
        world.notices = true;
        world.lying = false;
        while let Some(holder) = &world.run_lock {
            if world.clock() - began >= patience {
                let nonce = holder.nonce.clone();
                return Err(LockLost::Taken(Claim { nonce, who: "another".into(), from: String::new(), since: String::new() }));
            }
            world.pass(1000);
        }
        let until = world.clock() + u64::try_from(SILENCE.as_millis()).unwrap_or(u64::MAX);
        world.run_lock = Some(RunLock { nonce: nonce.into(), until, beating: true });
        while world.is_busy() {
            if world.clock() - began >= patience + LONG_LIMIT {
                return Err(LockLost::Busy);
            }
            world.pass(1000);
        }
        self.nonce = Some(nonce.into());
        Ok(world.clock() - began)
    }

    /// The run ends well and gives the machine back.
    pub fn end_run(&mut self) {
        self.world.run_lock = None;
        self.nonce = None;
    }

    /// What earlier runs left: taken, each with its title and how it ended.
    pub fn take_left(&mut self) -> Vec<(String, Result<(), String>)> {
        let ids: Vec<String> = self.world.long.keys().cloned().collect();
        ids.iter().filter_map(|id| self.take(id)).collect()
    }

    fn take(&mut self, id: &str) -> Option<(String, Result<(), String>)> {
        let outcome = self.world.long.get(id)?.ended.clone()?;
        let long = self.world.long.remove(id)?;
        self.world.taken.push(long.serial);
        Some((long.title, outcome))
    }

    fn locked(&mut self) -> Result<(), Applied> {
        let Some(nonce) = &self.nonce else { return Ok(()) };
        if self.world.is_busy() {
            self.world.pass(LOCK_PATIENCE);
            if self.world.is_busy() {
                return Err(Applied::Locked(LockLost::Busy));
            }
        }
        match &self.world.run_lock {
            Some(lock) if lock.nonce == *nonce => Ok(()),
            Some(lock) => {
                let nonce = lock.nonce.clone();
                Err(Applied::Locked(LockLost::Taken(Claim { nonce, who: "another".into(), from: String::new(), since: String::new() })))
            }
            None => Err(Applied::Locked(LockLost::Free)),
        }
    }

    fn moved(&mut self, preconditions: &[(FactKey, Observation)]) -> Vec<Moved> {
        let queries: Vec<&Query> = preconditions.iter().map(|(key, _)| &key.query).collect();
        let now = self.world.answers(&queries);
        let moved = |((key, was), is): (&(FactKey, Observation), Reading)| {
            (is != was.reading).then(|| Moved { query: key.query.clone(), was: was.clone(), is: is.into() })
        };
        preconditions.iter().zip(now).filter_map(moved).collect()
    }

    /// The steps; what they said, or how it ended.
    fn steps(&mut self, steps: &[Step]) -> Result<Vec<Output>, Applied> {
        let unknown = || Applied::Unknown("the connection was lost".into());
        let mut outputs = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            if let Err(invalid) = step.call() {
                return Err(Applied::Unusable(invalid.to_string()));
            }
            let outcome = if step.is_long() && self.nonce.is_some() { self.long(step)? } else { self.world.carry_out(step) };
            let failed = match outcome {
                Err(Stop::Cut) => return Err(unknown()),
                Err(Stop::Failed(why)) => Some(why),
                Ok(()) => None,
            };
            self.world.say().map_err(|_| unknown())?;
            match failed {
                Some(_) if !self.world.connected => return Err(unknown()),
                Some(why) => {
                    let output = Output { status: 1, stderr: why.into_bytes(), ..Output::default() };
                    return Err(Applied::StepFailed { index, output, before: outputs });
                }
                None => outputs.push(Output { stdout: std::mem::take(&mut self.world.said), ..Output::default() }),
            }
        }
        Ok(outputs)
    }

    /// Begins a long step or finds it, and waits for it.
    fn long(&mut self, step: &Step) -> Result<Result<(), Stop>, Applied> {
        let unknown = |why: &str| Applied::Unknown(why.into());
        let id = Id::of(step).as_str().to_owned();
        let cut = |_| unknown("the connection was lost");
        self.world.tick().map_err(cut)?;
        if !self.world.long.contains_key(&id) {
            self.world.begun += 1;
            let long = SimulatedLong {
                serial: self.world.begun,
                title: step.describe(),
                actions: World::long_actions(step),
                next_at: self.world.clock() + 100,
                ended: None,
            };
            self.world.long.insert(id.clone(), long);
        }
        self.world.tick().map_err(cut)?;
        let began = self.world.clock();
        loop {
            // each wait is a script of its own, and says how it stands
            if !self.world.connected {
                return Err(unknown("the connection was lost"));
            }
            if let Some((_, outcome)) = self.take(&id) {
                return Ok(outcome.map_err(Stop::Failed));
            }
            if !self.world.long.contains_key(&id) {
                return Err(unknown("the machine restarted"));
            }
            if self.world.clock() - began > LONG_LIMIT {
                return Err(unknown("it still runs"));
            }
            self.world.pass(500);
            self.world.tick().map_err(cut)?;
        }
    }

    fn change(&mut self, change: &Change, preconditions: &[(FactKey, Observation)]) -> Result<Applied, Applied> {
        let unknown = |_| Applied::Unknown("the connection was lost".into());
        if !self.world.connected {
            return Err(unknown(Stop::Cut));
        }
        self.locked()?;
        self.world.tick().map_err(unknown)?;
        self.world.say().map_err(unknown)?;
        let moved = self.moved(preconditions);
        if !moved.is_empty() {
            return Err(Applied::Moved(moved));
        }
        let outputs = self.steps(&change.steps)?;
        let asked: Vec<&Query> = change.expect.iter().map(|expect| &expect.query).collect();
        let readings = asked.iter().map(|query| (*query).clone()).zip(self.world.answers(&asked).into_iter().map(Into::into)).collect();
        self.world.tick().map_err(unknown)?;
        self.world.lying = false;
        if !self.world.connected {
            return Err(unknown(Stop::Cut));
        }
        Ok(judge(&change.expect, Carried { outputs, readings, ran_directly: Vec::new() }))
    }
}

impl Machine for Simulated {
    async fn read(&mut self, _scope: &Scope, queries: &[Query]) -> Result<Vec<(Query, Observation)>, Lost> {
        let lost = || Lost::after_sending("the connection was lost");
        self.world.tick().map_err(|_| lost())?;
        self.world.lying = false;
        if !self.world.connected {
            return Err(lost());
        }
        let answers = self.world.answers(&queries.iter().collect::<Vec<_>>());
        Ok(queries.iter().cloned().zip(answers.into_iter().map(Into::into)).collect())
    }

    async fn apply(&mut self, _scope: &Scope, change: &Change, preconditions: &[(FactKey, Observation)]) -> Applied {
        let applied = self.change(change, preconditions).unwrap_or_else(|applied| applied);
        self.world.lying = false;
        applied
    }

    async fn upload(&mut self, _scope: &Scope, load: &Load<'_>) -> Result<(String, String), Unstaged> {
        let content = match load.source {
            Source::Bytes(bytes) => bytes.clone(),
            Source::Local { path, .. } => std::fs::read(path).map_err(|error| Unstaged::Refused(format!("{path}: {error}")))?,
            Source::Staged { path, sha256 } | Source::Copied { path, sha256 } => return Ok((path.clone(), sha256.clone())),
        };
        if !self.world.connected {
            return Err(Unstaged::Lost("the connection was lost".into()));
        }
        self.world.upload(load.directory, load.near, content).map_err(|stop| match stop {
            Stop::Cut => Unstaged::Lost("the connection was lost".into()),
            Stop::Failed(why) => Unstaged::Refused(why),
        })
    }

    /// A server of the world's answers with what it has, at once.
    async fn ask_server(&mut self, _scope: &Scope, errand: &Errand<'_>) -> Result<Had, Unstaged> {
        if !self.world.connected {
            return Err(Unstaged::Lost("the connection was lost".into()));
        }
        let (status, body) = match self.world.servers.get(&errand.http.url) {
            Some(content) => (200, content.clone()),
            None => (404, Vec::new()),
        };
        let head = format!("HTTP/1.1 {status} \r\n\r\n").into_bytes();
        Ok(Had::Answer { status, url: errand.http.url.clone(), head, is_packed: false, body: Source::Bytes(body) })
    }

    async fn discard(&mut self, _scope: &Scope, uploaded: &[String]) {
        for path in uploaded {
            let _ = self.world.remove_temporary(path);
        }
    }
}
