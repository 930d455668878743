//! Reading ahead: what all tasks in sight need to know of a machine is asked for in one script.
//!
//! It changes nothing and decides nothing: a task plans again when its turn comes, from the same answers if they still
//! stand. It never looks beyond something that acts, but for the facts by Ansible's names that a play names: those are of
//! its beginning. As long as the next task has all that it needs, nothing further is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::foresee::{Delegated, Walk};
use super::host::{Host, Machines, Reached, Seat};
use super::items::Position;
use super::manner::whose;
use super::play::Engine;
use super::{call, gather};
use crate::plan::{FactKey, Facts, Scope as Eyes, Stop};
use crate::playbook::Item;

/// So often what was read may lead to further questions.
const ROUNDS: usize = 8;
/// So often other hosts' facts may lead to the wish for further ones.
const OTHERS: usize = 3;

/// How far was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sight {
    /// All that is to come, or as far as something that acts.
    Clear,
    /// Some of it depends on what a task is going to give.
    Misty,
    /// The next task alone, as it needs nothing; or some tasks of many.
    Near,
}

/// What was seen of a host's tasks.
struct Seen {
    sight: Sight,
    /// Facts of other hosts that its templates name.
    others: BTreeMap<String, BTreeSet<String>>,
    delegated: Vec<(String, Delegated)>,
}

impl<M: Machines> Engine<M> {
    /// Reads what the next tasks need, on each of these hosts.
    ///
    /// `begins`: whether they are the first of a list.
    pub(super) async fn ahead(&self, at: &Position, items: &[Item], hosts: &[Arc<Host<M::Machine>>], begins: bool) -> Sight {
        let forks = self.core.options.forks.max(1);
        for _ in 0..OTHERS {
            let work: Vec<_> = hosts.iter().enumerate().map(|(index, host)| self.ahead_on(at, items, host, (index == 0, begins))).collect();
            let seen: Vec<(Arc<Host<M::Machine>>, Seen)> = stream::iter(work).buffer_unordered(forks).collect().await;
            let sight = seen.iter().map(|(_, seen)| seen.sight).max().unwrap_or(Sight::Clear);
            let (mut others, mut delegated) = (BTreeMap::<String, BTreeSet<String>>::new(), BTreeMap::<String, Vec<_>>::new());
            for (host, seen) in seen {
                for (other, names) in seen.others {
                    let other_host = self.host(&other);
                    let state = other_host.state();
                    let new = names.into_iter().filter(|name| !state.looked_for.contains(name) && !state.looked_for.contains("all"));
                    others.entry(other).or_default().extend(new);
                }
                seen.delegated.into_iter().for_each(|(target, task)| delegated.entry(target).or_default().push((Arc::clone(&host), task)));
            }
            others.retain(|_, names| !names.is_empty());
            if others.is_empty() {
                let work: Vec<_> = delegated.into_iter().map(|(target, tasks)| self.ahead_for_others(target, tasks)).collect();
                stream::iter(work).buffer_unordered(forks).collect::<Vec<()>>().await;
                return sight;
            }
            let work: Vec<_> = others.into_iter().map(|(host, names)| async move { self.gather(&host, names).await }).collect();
            // who is not reached is told by the task that wants it
            stream::iter(work).buffer_unordered(forks).collect::<Vec<_>>().await;
        }
        Sight::Misty
    }

    async fn ahead_on(
        &self,
        at: &Position,
        items: &[Item],
        host: &Arc<Host<M::Machine>>,
        (first, begins): (bool, bool),
    ) -> (Arc<Host<M::Machine>>, Seen) {
        let mut seat = host.machine().await;
        let mut seen = Seen { sight: Sight::Clear, others: BTreeMap::new(), delegated: Vec::new() };
        let machine = host.machine_name();
        // the task itself will say that it is not reached
        let Ok(user) = self.users(&mut seat, &machine).await else { return (Arc::clone(host), seen) };
        // those behind something that acts are noted in the first round alone
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for round in 0..ROUNDS {
            let mut walk = Walk::new(&seat.store, host, &machine, &user, first, (begins || round > 0, begins && round == 0, begins));
            self.walk(at, items, &mut walk);
            let Walk { mut need, names, sight, others, delegated, .. } = walk;
            seen = Seen { sight, others, delegated };
            // facts by Ansible's names: asked for together with the rest
            wanted.extend(names);
            if !wanted.is_empty() {
                let gathers = host.state().gathering.clone();
                let (becomes, whom) = gathers.becomes.clone();
                let eyes = Eyes::new(&machine, &whose(becomes, whom, user.1.as_deref(), &user.0));
                match gather::read(&wanted, &gathers, &Facts::new(&seat.store, eyes)) {
                    Ok(found) => {
                        self.learn(host, &wanted, found);
                        wanted.clear();
                        continue;
                    }
                    Err(Stop::Need(keys)) => need.extend(keys),
                    Err(Stop::Unknown(_)) => {}
                }
            }
            if self.take(&mut seat, &machine, &user, need).await.is_none() {
                break;
            }
        }
        (Arc::clone(host), seen)
    }

    /// What the tasks need that others delegate to a host.
    async fn ahead_for_others(&self, target: String, tasks: Vec<(Arc<Host<M::Machine>>, Delegated)>) {
        let target = self.host(&target);
        let mut seat = target.machine().await;
        let machine = target.machine_name();
        let Ok(user) = self.users(&mut seat, &machine).await else { return };
        for _ in 0..ROUNDS {
            let mut need = BTreeSet::new();
            for (host, delegated) in &tasks {
                let mut walk = Walk::new(&seat.store, host, &machine, &user, true, (true, false, true));
                self.foresee(&delegated.at, &delegated.task, &mut walk);
                need.extend(walk.need);
            }
            if self.take(&mut seat, &machine, &user, need).await.is_none() {
                return;
            }
        }
    }

    /// Who logs in there, and as whom tasks are usually done.
    async fn users(&self, seat: &mut Seat<M::Machine>, host: &str) -> Result<(String, Option<String>), ()> {
        let reached: Result<&mut Reached<M::Machine>, _> = call::reach(seat, &self.machines, host).await;
        reached.map(|reached| (reached.user.clone(), reached.become_user.clone())).map_err(drop)
    }

    /// Reads what is missing; nothing if nothing is, or if it cannot be read.
    async fn take(
        &self,
        seat: &mut Seat<M::Machine>,
        host: &str,
        users: &(String, Option<String>),
        mut need: BTreeSet<FactKey>,
    ) -> Option<()> {
        // a user may be made by a task before the one that becomes it
        let known = |user: &str| user == "root" || user == users.0 || users.1.as_deref() == Some(user);
        need.retain(|key| seat.store.get(key).is_none() && known(&key.scope.user));
        if need.is_empty() {
            return None;
        }
        call::read(seat, &self.machines, host, need).await.ok()
    }
}
