//! One run: look, decide, do, and look again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::carry::{Carrying, Minted};
use super::lease::{First, Lease};
use super::observe::{Observed, observe};
use super::told::{Did, at_end, foretold, refused};
use super::wanted::Crew;
use crate::cluster::kubeadm_config::Secret;
use crate::cluster::live;
use crate::cluster::membership::{Act, Action, For, Memory, Next, Waits, next};
use crate::cluster::settings::Settings;
use crate::modules::{Apart, Came, Course, Doing, Failed, How, PlayFacts, Turn};
use crate::node::apply::Output;
use crate::node::steps::Step;
use crate::plan::Refusal;

/// How long it is between two looks at something that is waited for.
const LOOK: Duration = Duration::from_secs(3);
/// For how long a token joins further machines: it lives for half an hour.
const JOINS: Duration = Duration::from_secs(15 * 60);

/// A run of `homelab.kubeadm`.
pub(super) struct Kubeadm {
    settings: Settings,
    crew: Crew,
    check: bool,
    memory: Memory,
    /// Since when something is waited for.
    waiting: BTreeMap<(String, For), Duration>,
    did: BTreeMap<String, Did>,
    /// The joins that were decided, and by which look: it counts until there is something to join with.
    joins: Option<(Observed, Vec<Action>)>,
    /// The key of the certificates, while the token is being minted.
    key: Option<Secret>,
    /// What is joined with, and since when it is there.
    minted: Option<(Minted, Duration)>,
    /// What was decided last.
    decided: Vec<Action>,
    /// A person's no, or the lease that is not to be had: the run ends with it.
    declined: Option<Failed>,
    lease: Lease,
    /// What is told of the settings, once.
    warnings: Vec<String>,
    /// What was seen and judged, while the last things are done: if all of them succeed, nobody has to look again.
    last: Option<(Observed, Next)>,
    /// What came of the hosts, while the lease is given back.
    over: Option<Turn>,
    /// The clock at the last turn.
    now: Duration,
}

impl Kubeadm {
    pub(super) fn new(settings: Settings, crew: Crew, check: bool, run: String) -> Self {
        Self {
            settings,
            crew,
            check,
            memory: Memory::default(),
            waiting: BTreeMap::new(),
            did: BTreeMap::new(),
            joins: None,
            key: None,
            minted: None,
            decided: Vec::new(),
            declined: None,
            lease: Lease::new(run),
            warnings: Vec::new(),
            last: None,
            over: None,
            now: Duration::ZERO,
        }
    }

    /// Those of the play that are nodes.
    fn names(&self) -> Vec<String> {
        let nodes = self.crew.nodes(&self.settings).filter(|(host, _)| host.apart.is_none());
        nodes.map(|(host, _)| host.name.clone()).collect()
    }

    /// With those of the play that are none.
    fn done(&self, mut came: BTreeMap<String, Came>) -> Turn {
        for host in self.crew.hosts.iter().filter(|host| host.apart.is_none()) {
            if self.crew.role(&self.settings, host).is_none() {
                came.insert(host.name.clone(), Came::new(How::Skipped("it is no node of the cluster".to_owned())));
            }
        }
        // of the whole cluster, so it is told with one of them
        if let Some(came) = self.names().first().filter(|_| !self.warnings.is_empty()).and_then(|first| came.get_mut(first)) {
            came.result.insert("warnings".to_owned(), self.warnings.clone().into());
        }
        Turn::Done(came)
    }

    /// The end, after the lease was given back.
    fn end(&mut self, observed: &Observed, end: Turn) -> Turn {
        let through = self.carrying(observed).speaker(None).map(str::to_owned);
        match self.lease.last(through.as_deref()) {
            Some(doing) => {
                self.over = Some(end);
                Turn::Act(vec![doing])
            }
            None => end,
        }
    }

    /// What is done on hosts that take no part: nothing.
    fn takes_part(&self, host: &str) -> bool {
        self.crew.hosts.iter().any(|one| one.name == host && one.apart.is_none())
    }

    /// Does that, after what is to be done about the lease or beside it.
    fn act(&mut self, observed: Observed, actions: Vec<Action>, lease: First) -> Turn {
        let is_join = |action: &Action| matches!(action.act, Act::Join(_) | Act::FinishJoin);
        let (joins, others): (Vec<Action>, Vec<Action>) = actions.into_iter().partition(is_join);
        let now = self.now;
        let is_fresh = |since: Duration| now.saturating_sub(since) < JOINS;
        let minted = self.minted.take().filter(|(minted, since)| is_fresh(*since) && minted.serves(&joins, &observed.evidence));
        let carrying = self.carrying(&observed);
        let (mut doings, mut missing) = self.doings(&carrying, &others, None);
        let mut key = None;
        let mut waits = None;
        if let Some((minted, _)) = &minted {
            let (joins, lacking) = self.doings(&carrying, &joins, Some(minted));
            doings.extend(joins);
            missing.extend(lacking);
        } else if !joins.is_empty() {
            match carrying.mint(&joins) {
                Some((doing, minted_key)) => {
                    doings.push(doing);
                    key = minted_key;
                    waits = Some(joins);
                }
                None => missing.extend(joins),
            }
        }
        match lease {
            First::Beside(doing) if !doings.is_empty() => doings.push(*doing),
            // all that is done is done where the lease is taken: it is taken first, and another look in between shows nothing new
            First::Do(first) => match doings.as_mut_slice() {
                [one] if one.host == first.host && !one.irreversible => one.change.steps.splice(..0, first.change.steps).for_each(drop),
                [] => {}
                _ => {
                    self.minted = minted;
                    self.put_off();
                    return Turn::Act(vec![*first]);
                }
            },
            _ => {}
        }
        (self.joins, self.key, self.minted) = (waits.map(|joins| (observed, joins)), key, minted);
        self.lack(&missing);
        if doings.is_empty() { Turn::Forget } else { Turn::Act(doings) }
    }

    /// What is done for these, and those for which something is missing.
    fn doings(&self, carrying: &Carrying<'_>, actions: &[Action], minted: Option<&Minted>) -> (Vec<Doing>, Vec<Action>) {
        let (mut doings, mut missing) = (Vec::new(), Vec::new());
        for action in actions {
            match carrying.doing_of(action, self.memory.attempt(action), minted) {
                Some(doing) => doings.push(doing),
                None => missing.push(action.clone()),
            }
        }
        (doings, missing)
    }

    /// The joins, once there is something to join with.
    fn join(&mut self) -> Option<Turn> {
        let (observed, joins) = self.joins.take()?;
        let (minted, _) = self.minted.as_ref()?;
        let (doings, missing) = self.doings(&self.carrying(&observed), &joins, Some(minted));
        self.lack(&missing);
        (!doings.is_empty()).then_some(Turn::Act(doings))
    }

    fn lack(&mut self, missing: &[Action]) {
        for action in missing {
            self.last = None;
            let why = format!("{action}: no control plane that was reached can speak for the cluster, or its own address is not known");
            self.did.entry(action.host.clone()).or_default().failed = Some(Failed::new(why));
        }
    }

    fn carrying<'a>(&'a self, observed: &'a Observed) -> Carrying<'a> {
        Carrying {
            settings: &self.settings,
            crew: &self.crew,
            called: &observed.called,
            wanted: &observed.wanted,
            evidence: &observed.evidence,
        }
    }

    /// Waits on; what was waited for long enough is noted down. Nothing: something was.
    fn wait(&mut self, waits: &[Waits], elapsed: Duration) -> Option<Turn> {
        let key = |waits: &Waits| (waits.host.clone(), waits.what);
        self.waiting.retain(|held, _| waits.iter().any(|waits| key(waits) == *held));
        let mut is_over = false;
        for one in waits {
            let since = *self.waiting.entry(key(one)).or_insert(elapsed);
            if elapsed.saturating_sub(since) >= one.what.at_most() {
                self.memory.waited_out(one);
                is_over = true;
            }
        }
        // what all wait for is told with one that takes part
        let told_with = |waits: &Waits| {
            let first = self.names().into_iter().next().filter(|_| !self.takes_part(&waits.host));
            first.unwrap_or_else(|| waits.host.clone())
        };
        let doing = |waits: &Waits| (told_with(waits), format!("waiting {}: {}", waits.what.word(), waits.which));
        (!is_over).then(|| Turn::Wait(LOOK, waits.iter().map(doing).collect()))
    }

    /// What is to be done about the lease for these actions.
    fn leased(&mut self, observed: &Observed, actions: &[Action]) -> First {
        let Some(objects) = observed.evidence.objects() else { return First::Nothing };
        if objects.lease.is_present() {
            self.lease.is_others();
        }
        let through = self.carrying(observed).speaker(None);
        self.lease.first(actions, through, live::lease(&self.settings, &observed.told), self.now)
    }

    fn decided(&mut self, observed: Observed, elapsed: Duration) -> Turn {
        let verdict = live::verdict(&self.settings, &observed.told);
        self.warnings = verdict.warnings();
        if let Some(refusal) = verdict.refusal() {
            let end = self.done(refused(&self.names(), &observed.evidence, &refusal));
            return self.end(&observed, end);
        }
        // each time that a wait is over, it is decided anew; every wait is over only once
        loop {
            let mut next = next(&observed.wanted, &observed.evidence, &self.memory);
            for (host, state) in &next.states {
                self.did.entry(host.clone()).or_default().first.get_or_insert_with(|| state.clone());
            }
            next.actions.retain(|action| self.takes_part(&action.host));
            next.waits.retain(|waits| waits.of_all || self.takes_part(&waits.host));
            if self.check {
                return self.done(foretold(&self.names(), &next));
            }
            if self.declined.is_some() {
                let end = self.ended(&next);
                return self.end(&observed, end);
            }
            if !next.actions.is_empty() {
                let lease = match self.leased(&observed, &next.actions) {
                    First::Not(failed) => {
                        self.declined = Some(failed);
                        return Turn::Forget;
                    }
                    lease => lease,
                };
                for action in &next.actions {
                    self.memory.tried(action);
                }
                self.decided = next.actions.clone();
                let is_last = next.waits.is_empty() && next.actions.iter().all(|action| action.act.is_settled());
                let actions = std::mem::take(&mut next.actions);
                self.last = is_last.then(|| (observed.clone(), next));
                return self.act(observed, actions, lease);
            }
            if next.waits.is_empty() {
                let end = self.ended(&next);
                return self.end(&observed, end);
            }
            if let Some(turn) = self.wait(&next.waits, elapsed) {
                let through = self.carrying(&observed).speaker(None);
                return self.lease.renewal(through, elapsed).map_or(turn, |doing| Turn::Act(vec![doing]));
            }
        }
    }

    fn ended(&self, next: &Next) -> Turn {
        let mut came = at_end(&self.names(), next, &self.did);
        if let Some(declined) = &self.declined {
            let has_more = |host: &String| next.actions.iter().any(|action| action.host == *host);
            for (_, came) in came.iter_mut().filter(|(host, came)| came.how != How::Good || has_more(host)) {
                came.how = How::Refused(Refusal { why: declined.why.clone(), hint: declined.hint.clone() });
            }
        }
        self.done(came)
    }
}

impl Course for Kubeadm {
    fn hosts(&self) -> Vec<String> {
        use crate::cluster::membership::Role;
        // control planes are looked at whatever `--limit` says: they speak for the cluster, and none is made without all of them
        let wanted = self.crew.nodes(&self.settings).filter(|(host, role)| match &host.apart {
            None => true,
            Some(Apart::LeftOut) => *role == Role::ControlPlane,
            Some(Apart::Unreached(_)) => false,
        });
        wanted.map(|(host, _)| host.name.clone()).collect()
    }

    fn next(&mut self, hosts: &PlayFacts<'_>) -> Turn {
        self.now = hosts.elapsed;
        if let Some(end) = self.over.take() {
            return end;
        }
        if let Some((observed, next)) = self.last.take() {
            let end = self.ended(&next);
            return self.end(&observed, end);
        }
        if let Some(turn) = self.join() {
            return turn;
        }
        match observe(&self.settings, &self.crew, hosts, self.lease.holder()) {
            Ok(observed) => self.decided(observed, hosts.elapsed),
            Err(needs) => Turn::Read(needs),
        }
    }

    fn put_off(&mut self) {
        for action in std::mem::take(&mut self.decided) {
            self.memory.not_tried(&action);
        }
        (self.joins, self.key, self.last) = (None, None, None);
    }

    fn cut(&mut self) -> Option<Doing> {
        self.lease.last(None)
    }

    fn came(&mut self, doing: &Doing, came: Result<Vec<Output>, Failed>) {
        if self.lease.came(doing, came.as_ref().err(), self.now) {
            return;
        }
        let mints = matches!(doing.change.steps.last(), Some(Step::MintJoin(_)));
        match came {
            Ok(outputs) if mints => {
                let said = outputs.last().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
                let token = said.filter(|said| said.len() == 23 && said.as_bytes().get(6) == Some(&b'.'));
                match token {
                    Some(token) => {
                        let id = token.split('.').next().unwrap_or_default().to_owned();
                        self.minted = Some((Minted { id, token: Secret::new(token), key: self.key.take() }, self.now));
                    }
                    None => self.fail_joins(&Failed::new(format!("{}: kubeadm printed no token", doing.what))),
                }
            }
            Err(failed) if mints => self.fail_joins(&failed),
            // tokens that are taken back are no change to the machine that is asked for it
            Ok(_) if matches!(doing.change.steps.last(), Some(Step::RevokeJoins(_))) => {}
            Ok(_) => {
                let did = self.did.entry(doing.about.clone()).or_default();
                did.done.push(doing.what.clone());
                did.failed = None;
            }
            Err(failed) => {
                self.last = None;
                if failed.is_refused {
                    self.declined = Some(failed.clone());
                }
                // whatever it was that it failed of, it is not tried again with the same
                let is_join =
                    |step: &Step| matches!(step, Step::Kubeadm(kubeadm) if kubeadm.words.first().is_some_and(|word| word == "join"));
                if doing.change.steps.iter().any(is_join) {
                    self.minted = None;
                }
                self.did.entry(doing.about.clone()).or_default().failed = Some(failed);
            }
        }
    }
}

impl Kubeadm {
    fn fail_joins(&mut self, failed: &Failed) {
        for action in self.joins.take().into_iter().flat_map(|(_, joins)| joins) {
            self.did.entry(action.host).or_default().failed = Some(failed.clone());
        }
    }
}
