//! A module that is called once for all hosts of a play: what is known of each host, its decision, the carrying out, again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::call::{self, Halt};
use super::condition;
use super::host::{Host, Machines};
use super::items::Position;
use super::person::{Question, Reply};
use super::play::Engine;
use super::scope::{View, World as _};
use super::status::{Done, Status};
use super::task::{Stuck, arguments, conditions};
use crate::modules::{Apart, Came, Course, Doing, Failed, How, PlayFacts, PlayHost, PlayModule, PlayTask, Turn};
use crate::node::apply::Output;
use crate::plan::{FactKey, Facts, Scope, Store, Touch};
use crate::playbook::Task;
use crate::report::Event;
use crate::yaml::plain;

/// A course that goes on for so many turns goes round in a circle.
const TURNS: usize = 10_000;
/// How often a connection that was lost is made anew before the host is given up.
const AGAIN: u8 = 3;

type Hosts<M> = Vec<Arc<Host<M>>>;

/// One call of such a module, carried out.
struct Running<'a, M: Machines> {
    engine: &'a Engine<M>,
    at: &'a Position,
    task: &'a Arc<Task>,
    check: bool,
    began: Instant,
    /// With whose eyes and hands, by host.
    eyes: BTreeMap<String, Scope>,
    /// Hosts that are not reached, and why.
    gone: BTreeMap<String, String>,
    /// How often a host's connection was lost since it last answered.
    lost: BTreeMap<String, u8>,
    /// What a person has said yes to.
    agreed: BTreeSet<String>,
}

impl<M: Machines> Engine<M> {
    /// Does such a task on all these hosts together. Whether something may have changed anywhere.
    pub(super) async fn play_module(
        &self,
        at: &Position,
        task: &Arc<Task>,
        hosts: &[Arc<Host<M::Machine>>],
        module: &'static dyn PlayModule,
    ) -> bool {
        if !self.is_wanted(task).await {
            return false;
        }
        let mut results: Vec<(Arc<Host<M::Machine>>, Done)> = Vec::new();
        let mut here: Hosts<M::Machine> = Vec::new();
        for host in hosts {
            let view = self.view(at, task, &host.name, Arc::default());
            let engine = self.template();
            match self.settle(&view, |scope| condition::first_false(conditions(task), &engine, scope)).await {
                Ok(Ok(None)) => here.push(Arc::clone(host)),
                Ok(Ok(Some(condition))) => results.push((Arc::clone(host), Done::skipped(Some(condition)))),
                Ok(Err(error)) => results.push((Arc::clone(host), Stuck::Wrong(error).done())),
                Err(stuck) => results.push((Arc::clone(host), stuck.done())),
            }
        }
        if !here.is_empty() {
            let came = match self.course(at, task, &here, module).await {
                Ok(came) => came,
                Err(stuck) => {
                    let done = stuck.done();
                    here.iter().map(|host| (host.name.to_string(), done.clone())).collect()
                }
            };
            for host in here {
                let none = || Done::failed(format!("`{}` said nothing of this host", task.action.name));
                let done = came.get(&*host.name).cloned().unwrap_or_else(none);
                results.push((host, done));
            }
        }
        let (mut acted, mut any_failed) = (false, false);
        for (host, done) in results {
            acted |= !matches!(done.status, Status::Ok | Status::Skipped);
            let done = self.noted(at, task, &host, done).await;
            any_failed |= self.conclude(at, task, &host, &done).await;
        }
        if any_failed && let Some(first) = hosts.first() {
            let view = self.view(at, task, &first.name, Arc::default());
            self.after_failure(at, task, &view, hosts, false).await;
        }
        acted
    }

    async fn course(
        &self,
        at: &Position,
        task: &Arc<Task>,
        here: &[Arc<Host<M::Machine>>],
        module: &'static dyn PlayModule,
    ) -> Result<BTreeMap<String, Done>, Stuck> {
        let Some(first) = here.first() else { return Ok(BTreeMap::new()) };
        let view = self.view(at, task, &first.name, Arc::default());
        let manner = self.manner(&view, task).await?;
        let mut own = BTreeMap::new();
        for host in here {
            let view = self.view(at, task, &host.name, Arc::default());
            let options = self.options(&view, task, module.spec()).await?;
            own.insert(host.name.to_string(), arguments(module.spec(), &options, task)?);
        }
        let Some(args) = own.get(&*first.name) else { return Ok(BTreeMap::new()) };
        let names: Vec<&str> = here.iter().map(|host| &*host.name).collect();
        let crew = self.crew(&view, &names).await;
        let same = |done: Done| names.iter().map(|name| ((*name).to_owned(), done.clone())).collect();
        let run = self.machines.run();
        let called = PlayTask { args, own: &own, check: manner.check, hosts: &crew, place: &task.action.place, run: &run };
        let mut course = match module.begin(&called) {
            Ok(course) => course,
            Err(refusal) => return Ok(same(Done { why: Some(refusal.why), hint: refusal.hint, ..Done::new(Status::Refused) })),
        };
        let (eyes, gone, lost, agreed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let mut running = Running { engine: self, at, task, check: manner.check, began: Instant::now(), eyes, gone, lost, agreed };
        running.reach(&course.hosts(), &crew).await;
        if !self.core.options.check {
            running.forget().await;
        }
        Ok(match running.turns(&mut *course).await {
            Ok(came) => came.into_iter().map(|(host, came)| (host, ended(came))).collect(),
            Err(why) => same(why),
        })
    }

    /// All hosts of the inventory.
    async fn crew(&self, view: &View, here: &[&str]) -> Vec<PlayHost> {
        let inventory = self.core.inventory_now();
        let mut crew = Vec::new();
        for host in inventory.all_hosts() {
            let known = self.host(&host.name);
            let apart = if here.contains(&&*host.name) {
                None
            } else if known.is_active() {
                Some(Apart::LeftOut)
            } else {
                Some(Apart::Unreached("it failed, or was not reached, before".to_owned()))
            };
            let variable = self.core.inventory(&host.name).and_then(|variables| variables.get("ansible_host").cloned());
            let of_host = View { host: host.name.clone(), ..view.clone() };
            let address = match variable {
                Some(node) => self.rendered(&of_host, &node).await.ok().and_then(|node| plain(&node.value).parse().ok()),
                None => None,
            };
            crew.push(PlayHost {
                name: host.name.to_string(),
                groups: inventory.group_names(host).into_iter().map(str::to_owned).collect(),
                address: address.or_else(|| host.name.parse().ok()),
                apart,
            });
        }
        crew
    }
}

impl<M: Machines> Running<'_, M> {
    /// Connects to them all, and learns as whom one works there.
    async fn reach(&mut self, names: &[String], crew: &[PlayHost]) {
        let (engine, at, task) = (self.engine, self.at, self.task);
        for host in crew {
            if let Some(Apart::Unreached(why)) = &host.apart {
                self.gone.insert(host.name.clone(), why.clone());
            }
        }
        let work: Vec<_> = names
            .iter()
            .filter(|name| !self.gone.contains_key(*name))
            .map(|name| async move {
                let host = engine.host(name);
                let view = engine.view(at, task, &host.name, Arc::default());
                let user = match engine.user(&view, task, &host).await {
                    Ok(Ok(user)) => Ok(Scope::new(&host.machine_name(), &user)),
                    Ok(Err(gone)) => Err(gone.why),
                    Err(stuck) => Err(stuck.done().why.unwrap_or_default()),
                };
                (name.clone(), user)
            })
            .collect();
        let reached: Vec<_> = stream::iter(work).buffer_unordered(engine.core.options.forks.max(1)).collect().await;
        for (name, user) in reached {
            match user {
                Ok(eyes) => drop(self.eyes.insert(name, eyes)),
                Err(why) => drop(self.gone.insert(name, why)),
            }
        }
    }

    async fn turns(&mut self, course: &mut dyn Course) -> Result<BTreeMap<String, Came>, Done> {
        for _ in 0..TURNS {
            let turn = {
                let stores = self.stores().await;
                let mut hosts: BTreeMap<&str, Result<Facts<'_>, &str>> = BTreeMap::new();
                for (name, store) in &stores {
                    if let Some(eyes) = self.eyes.get(name) {
                        hosts.insert(name, Ok(Facts::new(store, eyes.clone())));
                    }
                }
                for (name, why) in &self.gone {
                    hosts.insert(name, Err(why));
                }
                course.next(&PlayFacts { hosts, elapsed: self.began.elapsed() })
            };
            match turn {
                Turn::Done(came) => return Ok(came),
                Turn::Read(needs) => self.read(needs).await,
                Turn::Forget => self.forget().await,
                Turn::Wait(time, doing) => {
                    for (host, doing) in doing {
                        self.tell(&host, doing);
                    }
                    tokio::select! {
                        () = tokio::time::sleep(time) => {}
                        () = self.engine.cancelled.cancelled() => {}
                    }
                    self.forget().await;
                }
                Turn::Act(_) if self.check => return Err(Done::failed("in check mode nothing is done, and this wants to do something")),
                Turn::Act(doings) => {
                    self.act(course, doings).await;
                    // what one host did, another one may tell: a list of members that is older than a join is a lie
                    self.forget().await;
                }
            }
            if self.engine.cancelled.is_cancelled() {
                if let Some(doing) = course.cut() {
                    self.act(course, vec![doing]).await;
                }
                return Err(Done::failed("interrupted"));
            }
        }
        Err(Done::failed(format!("after {TURNS} turns it is not done")))
    }

    fn tell(&self, host: &str, doing: String) {
        (self.engine.core.setting.tell)(Event::HostDoes { host: host.into(), doing });
    }

    /// What is known of each host that is reached, as it is now.
    async fn stores(&self) -> BTreeMap<String, Store> {
        let mut stores = BTreeMap::new();
        for name in self.eyes.keys().filter(|name| !self.gone.contains_key(*name)) {
            let host = self.engine.host(name);
            stores.insert(name.clone(), host.machine().await.store.clone());
        }
        stores
    }

    async fn forget(&self) {
        for name in self.eyes.keys() {
            let host = self.engine.host(name);
            let machine = host.machine_name();
            host.machine().await.store.forget(&machine, &[Touch::Everything]);
        }
    }

    /// Reads from all of them at the same time.
    async fn read(&mut self, needs: BTreeMap<String, BTreeSet<FactKey>>) {
        let engine = self.engine;
        let work: Vec<_> = needs
            .into_iter()
            .filter(|(name, _)| !self.gone.contains_key(name))
            .map(|(name, keys)| async move {
                let host = engine.host(&name);
                let machine = host.machine_name();
                let mut seat = host.machine().await;
                (name, call::read(&mut seat, &engine.machines, &machine, keys).await)
            })
            .collect();
        let read: Vec<_> = stream::iter(work).buffer_unordered(engine.core.options.forks.max(1)).collect().await;
        let mut is_lost = false;
        for (name, read) in read {
            let why = match read {
                Ok(()) => {
                    self.lost.remove(&name);
                    continue;
                }
                Err(Halt::Gone(gone)) => {
                    is_lost = true;
                    self.lose(&name, gone.why).await;
                    continue;
                }
                Err(Halt::NoUser(why)) => why,
                Err(Halt::Unknown(_)) => "nothing is known of it".to_owned(),
            };
            self.gone.insert(name, why);
        }
        if is_lost {
            // by the time that it is back, what the others said may be old
            self.forget().await;
        }
    }

    /// A host's connection was lost: it is made anew, and all that was read is read again. One that does not come back is gone.
    async fn lose(&mut self, name: &str, why: String) {
        let times = self.lost.entry(name.to_owned()).or_default();
        *times += 1;
        if *times > AGAIN {
            self.gone.insert(name.to_owned(), why);
            return;
        }
        let host = self.engine.host(name);
        super::reboot::let_go(&mut *host.machine().await);
    }

    /// Does all of it: side by side on different hosts, one after the other on one.
    async fn act(&mut self, course: &mut dyn Course, doings: Vec<Doing>) {
        let asked: Vec<String> = doings.iter().filter(|doing| doing.irreversible).map(|doing| doing.what.clone()).collect();
        let is_new = asked.iter().any(|what| !self.agreed.contains(what));
        let refused = if is_new && !self.engine.core.options.yes {
            match self.engine.consents(asked.clone()).await {
                Ok(()) => {
                    // a question may stand for an hour: what is done is what is decided once more, by a look from after the answer
                    self.agreed.extend(asked);
                    course.put_off();
                    return;
                }
                Err(failed) => Some(failed),
            }
        } else {
            None
        };
        let mut by_host: BTreeMap<String, Vec<Doing>> = BTreeMap::new();
        for doing in doings {
            match refused.clone().filter(|_| doing.irreversible) {
                Some(failed) => course.came(&doing, Err(failed)),
                None => by_host.entry(doing.host.clone()).or_default().push(doing),
            }
        }
        let this = &*self;
        let work: Vec<_> = by_host.into_values().map(|doings| this.one_by_one(doings)).collect();
        let came: Vec<_> = stream::iter(work).buffer_unordered(self.engine.core.options.forks.max(1)).collect().await;
        for (doing, came) in came.into_iter().flatten() {
            if let Err(failed) = &came
                && failed.is_unknown
            {
                // what became of it is seen over another connection
                self.lose(&doing.host, failed.why.clone()).await;
            }
            course.came(&doing, came);
        }
    }

    async fn one_by_one(&self, doings: Vec<Doing>) -> Vec<(Doing, Result<Vec<Output>, Failed>)> {
        let mut came = Vec::new();
        for doing in doings {
            let done = match (self.eyes.get(&doing.host), self.gone.get(&doing.host)) {
                (_, Some(why)) => Err(Failed::new(why.clone())),
                (None, None) => Err(Failed::new("the run knows no such host")),
                (Some(eyes), None) => self.one(&doing, eyes).await,
            };
            let failed = done.is_err();
            came.push((doing, done));
            if failed {
                break;
            }
        }
        came
    }

    async fn one(&self, doing: &Doing, eyes: &Scope) -> Result<Vec<Output>, Failed> {
        self.tell(&doing.about, doing.what.clone());
        let host = self.engine.host(&doing.host);
        let mut seat = host.machine().await;
        let carried = call::carried_out(&mut seat, &self.engine.machines, eyes, &doing.change, Vec::new()).await;
        match carried {
            Ok(carried) => Ok(carried.outputs),
            Err(None) => Err(Failed::new("the machine changed while it was being changed")),
            Err(Some(call::Stopped { done, .. })) => Err(Failed {
                why: done.why.unwrap_or_default(),
                hint: done.hint,
                is_unknown: matches!(done.status, Status::Unknown | Status::Unreachable),
                is_refused: done.status == Status::Refused,
            }),
        }
    }
}

impl<M: Machines> Engine<M> {
    /// A person's word for what cannot be taken back.
    async fn consents(&self, what: Vec<String>) -> Result<(), Failed> {
        let all = what.join("; ");
        let why = match self.ask(Question::Irreversible { what }).await {
            Reply::Yes => return Ok(()),
            Reply::Nobody => "and there is nobody to ask",
            _ => "and the answer was not yes",
        };
        let hint = "`--yes` says that it may be done; `--check` shows what would be".to_owned();
        Err(Failed { hint: Some(hint), is_refused: true, ..Failed::new(format!("it cannot be taken back, {why}: {all}")) })
    }
}

fn ended(came: Came) -> Done {
    let Came { how, changes, result } = came;
    let with = |status, refusal: crate::plan::Refusal| Done { why: Some(refusal.why), hint: refusal.hint, ..Done::new(status) };
    let done = match how {
        How::Good if changes.is_empty() => Done::new(Status::Ok),
        How::Good => Done::new(Status::Changed),
        How::Pending(why) => Done::pending(why),
        How::Refused(refusal) => with(Status::Refused, refusal),
        How::Failed(refusal) => {
            let done = with(Status::Failed, refusal);
            let message = done.why.clone().unwrap_or_default();
            let changed = !changes.is_empty();
            let done = done.with("msg", message);
            if changed { done.with("changed", true) } else { done }
        }
        How::Unreachable(why) => Done { why: Some(why), ..Done::new(Status::Unreachable) },
        How::Unknown(why) => Done { why: Some(why), ..Done::new(Status::Unknown) },
        How::Skipped(why) => Done::new(Status::Skipped).with("msg", why),
    };
    let mut result = result;
    result.extend(done.result.clone());
    Done { changes, result, ..done }
}
