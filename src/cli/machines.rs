//! The machines of a run of playbooks: connected to when they are first wanted, locked before the first change.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::args::Chosen;
use super::environment::Environment;
use super::session::Shared;
use super::targets::{self, Ready};
use crate::diagnostics::Diagnostics;
use crate::engine::{Machines, NotReached, Reached, Via};
use crate::inventory::{Connect, Inventory};
use crate::node::apply::Lock;
use crate::node::hold::{self, Held, HoldError};
use crate::node::host::Host;
use crate::node::lock::{Claim, DIRECTORY, Holder, Patience};
use crate::node::long_step::State;
use crate::node::machine::{Real, Shells as _};
use crate::plan::Scope;
use crate::report::{Event, Problem};
use crate::transport::{Connection, ShellError};
use crate::yaml::Node;

/// All machines of a run.
pub(super) struct Fleet {
    shared: Arc<Shared>,
    chosen: Arc<Chosen>,
    environment: Environment,
    claim: Claim,
    ready: Mutex<BTreeMap<Arc<str>, Ready>>,
    inventory: Mutex<Arc<Inventory>>,
    held: Mutex<Vec<Held>>,
    /// Which machine is behind a name that is reached so: its address, empty for this one.
    identities: Mutex<BTreeMap<(String, Via), String>>,
    /// Machines whose lock was taken, or cannot be.
    once: Mutex<BTreeMap<String, Arc<OnceCell<bool>>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// Machines that can be connected to.
    pub(super) fn new(shared: Arc<Shared>, chosen: Arc<Chosen>, environment: &Environment, ready: Vec<Ready>) -> Self {
        let claim = Claim {
            nonce: format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>()),
            who: environment.user.clone(),
            from: environment.host_name.clone(),
            since: Timestamp::now().to_string(),
        };
        let inventory = Mutex::new(Arc::clone(&chosen.loaded().inventory));
        let ready = ready.into_iter().map(|ready| (Arc::clone(&ready.host.name), ready)).collect();
        Self {
            shared,
            chosen,
            environment: environment.clone(),
            claim,
            ready: Mutex::new(ready),
            inventory,
            held: Mutex::default(),
            identities: Mutex::default(),
            once: Mutex::default(),
        }
    }

    /// Gives all machines back.
    pub(super) async fn release(&self) {
        let held = std::mem::take(&mut *locked(&self.held));
        futures_util::future::join_all(held.into_iter().map(Held::release)).await;
    }

    /// A host that was not foreseen: one that a task is delegated to, or that the run added.
    fn look_up(&self, name: &str, via: &Via) -> Result<Ready, NotReached> {
        let wrong = |problems: Diagnostics| {
            let first = problems.0.into_iter().next();
            NotReached {
                why: first.as_ref().map_or_else(String::new, |problem| problem.message.clone()),
                hint: first.and_then(|problem| problem.hint),
            }
        };
        let mut inventory = Arc::clone(&locked(&self.inventory));
        if !via.is_empty() {
            let place = crate::diagnostics::Source::new("a keyword", "").whole();
            let node = |value: &String| Node { literal: true, ..Node::new(value.as_str(), place.clone()) };
            let variables = via.iter().map(|(name, value)| (name.clone(), node(value))).collect();
            Arc::make_mut(&mut inventory).add_at_run_time(name, &[], &variables, &place);
        }
        let host = self.chosen.resolve_one(&inventory, name).map_err(wrong)?;
        let mut problems = Diagnostics::new();
        let ready = targets::ready(vec![host], &self.environment, &mut problems);
        if problems.has_errors() {
            return Err(wrong(problems));
        }
        ready.into_iter().next().ok_or_else(|| NotReached { why: format!("there is no way to `{name}`"), hint: None })
    }

    fn does(&self, host: &str, doing: String) {
        self.shared.reporter.tell(Event::HostDoes { host: host.into(), doing });
    }
}

impl Machines for Fleet {
    type Machine = Real<Host>;

    fn run(&self) -> String {
        let Claim { nonce, who, from, .. } = &self.claim;
        format!("{who} on {from} (run {})", nonce.get(..12).unwrap_or(nonce))
    }

    async fn connect(&self, name: &str, via: &Via) -> Result<Reached<Self::Machine>, NotReached> {
        let known = if via.is_empty() { locked(&self.ready).remove(name) } else { None };
        let Ready { host, target } = match known {
            Some(ready) => ready,
            None => self.look_up(name, via)?,
        };
        let identity = match &target {
            Some(target) => {
                let ways = target.jumps.iter().map(|jump| &jump.host).chain([&target.host]);
                ways.map(|way| format!("{}:{}", way.host_name, way.port)).collect::<Vec<_>>().join(" ")
            }
            None => String::new(),
        };
        locked(&self.identities).insert((name.to_owned(), via.clone()), identity);
        self.does(name, "connecting".to_owned());
        let cancelled = self.shared.cancelled.cancelled();
        let (connection, user) = match (target, host.connect) {
            (Some(target), Connect::Ssh { password, .. }) => {
                let user = target.host.user.clone();
                let connected = tokio::select! {
                    connected = self.shared.client.connect(target, password) => connected,
                    () = cancelled => return Err(NotReached { why: "interrupted before anything was done".to_owned(), hint: None }),
                };
                let connection = connected.map_err(|error| NotReached { why: Problem::from_error(&error).message, hint: error.hint() })?;
                (Connection::Ssh(Box::new(connection)), user)
            }
            (None, Connect::Local) => (Connection::Local, self.environment.user.clone()),
            // never a guess: what is meant for a host must not run on this machine
            (None, Connect::Ssh { .. }) | (Some(_), Connect::Local) => {
                let why = "a bug in this program: it does not know whether this host is this machine itself".to_owned();
                return Err(NotReached { why, hint: None });
            }
        };
        let (become_user, password) = match host.become_user {
            Some(whom) => (Some(whom.user), whom.password.or(host.become_password)),
            None => (None, host.become_password),
        };
        let (shared, whose) = (Arc::clone(&self.shared), Arc::<str>::from(name));
        let told = move |doing| shared.reporter.tell(Event::HostDoes { host: Arc::clone(&whose), doing });
        let mut machine = Real::new(Host::new(Arc::new(connection), password), None).told(Box::new(told));
        self.does(name, "waiting for a shell".to_owned());
        let first = Scope::new(name, become_user.as_deref().unwrap_or(&user));
        machine.shells().shell(&first).await.map_err(|lost| NotReached { why: lost.why, hint: None })?;
        self.does(name, "at work".to_owned());
        Ok(Reached { machine, user, become_user })
    }

    /// The same machine under two names, or reached in two ways, is locked once.
    async fn lock(&self, name: &str, via: &Via, machine: &mut Self::Machine) -> Result<(), NotReached> {
        let identity = locked(&self.identities).get(&(name.to_owned(), via.clone())).cloned().unwrap_or_else(|| name.to_owned());
        let once = Arc::clone(locked(&self.once).entry(identity).or_default());
        let is_locked = once.get_or_try_init(|| self.take(name, machine)).await?;
        if *is_locked {
            machine.set_lock(Lock { directory: DIRECTORY.to_owned(), nonce: self.claim.nonce.clone() });
        }
        Ok(())
    }

    fn grown(&self, inventory: &Arc<Inventory>) {
        *locked(&self.inventory) = Arc::clone(inventory);
    }
}

impl Fleet {
    /// Takes a machine's lock; false: there can be none.
    async fn take(&self, name: &str, machine: &mut Real<Host>) -> Result<bool, NotReached> {
        let host = machine.shells();
        let root = host.privilege("root");
        let shell = match host.connection().shell(&root, std::time::Duration::from_secs(30)).await {
            Ok(shell) => shell,
            // a host that does not answer says nothing about who may be root there
            Err(error) if error.outcome_is_unknown() || matches!(error, ShellError::NoChannel(_)) => {
                let why = format!("the machine cannot be locked for this run: {}", error);
                return Err(NotReached { why, hint: Some("run it again: nothing was changed by this task".to_owned()) });
            }
            // without root there is no lock; what runs there without it is the user's own
            Err(_) => {
                self.shared.reporter.tell(Event::warning(format!("{name}: there is no root here, so the machine is not locked")));
                return Ok(false);
            }
        };
        let waited = AtomicBool::new(false);
        let told = |holder: &Holder| match holder {
            Holder::Contended(Some(claim)) => self.does(name, format!("waits for {} from {}", claim.who, claim.from)),
            Holder::Contended(None) => self.does(name, "waits for another run".to_owned()),
            Holder::Waiting(_) => {
                waited.store(true, Ordering::Relaxed);
                self.does(name, "waits for a step of an earlier run".to_owned());
            }
            _ => {}
        };
        match hold::take(shell, DIRECTORY, &self.claim, Patience::default(), told).await {
            Ok(held) => {
                locked(&self.held).push(held);
                if waited.load(Ordering::Relaxed) {
                    self.tell_left(name, machine).await;
                }
            }
            // the machine has two names in the inventory
            Err(HoldError::Locked(claim)) if claim.nonce == self.claim.nonce => {}
            Err(error) => {
                let hint = Some("wait until that run has ended, and run this again".to_owned());
                return Err(NotReached { why: error.to_string(), hint });
            }
        }
        Ok(true)
    }

    /// Says what an earlier run had begun and this one has waited for, and how it ended.
    async fn tell_left(&self, name: &str, machine: &mut Real<Host>) {
        let scope = Scope::new(name, "root");
        // what cannot be asked is found by the next run
        for left in machine.left(&scope, DIRECTORY).await.unwrap_or_default() {
            let how = match machine.wait(&scope, DIRECTORY, &left.id, &left.title).await {
                Ok(State::Finished(ended)) if ended.status == 0 => "ended well".to_owned(),
                Ok(State::Finished(ended)) => format!("ended with status {}", ended.status),
                Ok(State::Vanished) => "was killed".to_owned(),
                _ => continue,
            };
            let message = format!("{name}: a step that an earlier run had begun was waited for: {}: it {how}", left.title);
            self.shared.reporter.tell(Event::warning(message));
        }
    }
}
