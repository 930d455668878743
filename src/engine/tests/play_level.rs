//! A module of a whole play: what it is told after it did something, and connections that are lost under it.

use std::collections::{BTreeSet, VecDeque};

use super::*;
use crate::engine::items::Position;
use crate::engine::scope::PlayVars;
use crate::modules::{Came, Course, Doing, Failed, How, PlayFacts, PlayModule, PlayTask, Spec, Turn};
use crate::node::Change;
use crate::node::apply::{Applied, Output};
use crate::node::errand::Errand;
use crate::node::facts::Stat;
use crate::node::machine::{Lost, Machine};
use crate::node::simulated::{Fault, Strike};
use crate::node::stage::{Load, Unstaged};
use crate::node::steps::{Had, MakeDirectory};
use crate::plan::{FactKey, Observation, Plan, Query, Scope, Stop};
use crate::playbook::Item;

/// What the course makes on each host, in one go.
const WANTED: [&str; 3] = ["/srv/a", "/srv/a/b", "/srv/a/b/c"];

/// A course that makes directories on all hosts, and what it heard.
struct Makes(Arc<Mutex<Vec<String>>>);

static SPEC: Spec = Spec { ..Spec::new("ansible.builtin", "ping") };

impl PlayModule for Makes {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, task: &PlayTask<'_>) -> Result<Box<dyn Course>, crate::plan::Refusal> {
        let hosts = task.hosts.iter().map(|host| host.name.clone()).collect();
        Ok(Box::new(Making { hosts, heard: Arc::clone(&self.0), did: BTreeSet::new() }))
    }
}

struct Making {
    hosts: Vec<String>,
    heard: Arc<Mutex<Vec<String>>>,
    did: BTreeSet<String>,
}

fn directory(path: &str) -> crate::node::steps::Step {
    MakeDirectory { path: path.to_owned(), owner: "root".to_owned(), group: "root".to_owned(), mode: 0o755, parents: false }.into()
}

impl Course for Making {
    fn hosts(&self) -> Vec<String> {
        self.hosts.clone()
    }

    fn next(&mut self, facts: &PlayFacts<'_>) -> Turn {
        let (mut needs, mut doings, mut came) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        for host in &self.hosts {
            let of = match facts.of(host) {
                Ok(of) => of,
                Err(why) => {
                    came.insert(host.clone(), Came::new(How::Unreachable(why.to_owned())));
                    continue;
                }
            };
            let missing: Vec<&str> = match of.get(WANTED.map(Stat::new).to_vec()) {
                Err(Stop::Need(keys)) => {
                    needs.insert(host.clone(), keys);
                    continue;
                }
                Err(Stop::Unknown(_)) => Vec::new(),
                Ok(there) => WANTED.iter().zip(there).filter(|(_, there)| there.is_none()).map(|(path, _)| *path).collect(),
            };
            if missing.is_empty() {
                let changes =
                    if self.did.contains(host) { Plan::<()>::change([]).differs("directories", None, None).diff } else { Vec::new() };
                came.insert(host.clone(), Came { changes, ..Came::new(How::Good) });
                continue;
            }
            let what = format!("make {}", missing.join(" "));
            let change = Plan::change(missing.iter().map(|path| directory(path)));
            doings.push(Doing { host: host.clone(), about: host.clone(), change, what, irreversible: false });
        }
        match (needs.is_empty(), doings.is_empty()) {
            (false, _) => Turn::Read(needs),
            (true, false) => Turn::Act(doings),
            (true, true) => Turn::Done(came),
        }
    }

    fn came(&mut self, doing: &Doing, came: Result<Vec<Output>, Failed>) {
        self.did.insert(doing.host.clone());
        let how = match came {
            Ok(_) => "done",
            Err(failed) if failed.is_unknown => "unknown",
            Err(_) => "failed",
        };
        self.heard.lock().unwrap().push(format!("{} {}: {how}", doing.host, doing.what));
    }
}

/// A machine that outlives its connections.
struct Wire(Arc<tokio::sync::Mutex<Simulated>>);

impl Machine for Wire {
    async fn read(&mut self, scope: &Scope, queries: &[Query]) -> Result<Vec<(Query, Observation)>, Lost> {
        self.0.lock().await.read(scope, queries).await
    }

    async fn apply(&mut self, scope: &Scope, change: &Change, preconditions: &[(FactKey, Observation)]) -> Applied {
        self.0.lock().await.apply(scope, change, preconditions).await
    }

    async fn upload(&mut self, scope: &Scope, load: &Load<'_>) -> Result<(String, String), Unstaged> {
        self.0.lock().await.upload(scope, load).await
    }

    async fn ask_server(&mut self, scope: &Scope, errand: &Errand<'_>) -> Result<Had, Unstaged> {
        self.0.lock().await.ask_server(scope, errand).await
    }

    async fn discard(&mut self, scope: &Scope, uploaded: &[String]) {
        self.0.lock().await.discard(scope, uploaded).await;
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy)]
enum Fate {
    /// It is refused.
    Refused,
    /// It is lost after so many moments of the machine: the first question is one, and each step has some.
    LostAfter(u64),
    /// It lasts.
    Lasts,
}

/// Machines whose connections end as is said of each; later ones last.
#[derive(Clone, Default)]
struct Cut {
    machines: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Simulated>>>>>,
    fates: Arc<Mutex<BTreeMap<String, VecDeque<Fate>>>>,
    connected: Arc<Mutex<BTreeMap<String, usize>>>,
    locked: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Machines for Cut {
    type Machine = Wire;

    async fn connect(&self, host: &str, _: &Via) -> Result<Reached<Wire>, NotReached> {
        *self.connected.lock().unwrap().entry(host.to_owned()).or_default() += 1;
        let fate = self.fates.lock().unwrap().get_mut(host).and_then(VecDeque::pop_front).unwrap_or(Fate::Lasts);
        if matches!(fate, Fate::Refused) {
            return Err(NotReached { why: "connection refused".to_owned(), hint: None });
        }
        let new = || Arc::new(tokio::sync::Mutex::new(Simulated::new(World::new(1))));
        let machine = Arc::clone(self.machines.lock().unwrap().entry(host.to_owned()).or_insert_with(new));
        let mut held = machine.lock().await;
        held.begin_run("nonce", 3_600_000).unwrap();
        if let Fate::LostAfter(after) = fate {
            held.world().will_strike(Strike { fault: Fault::ConnectionLost { noticed: true }, after });
        }
        drop(held);
        Ok(Reached { machine: Wire(machine), user: "root".to_owned(), become_user: None })
    }

    fn grown(&self, _: &Arc<Inventory>) {}

    fn run(&self) -> String {
        "nonce".to_owned()
    }

    async fn lock(&self, host: &str, _: &Via, _: &mut Wire) -> Result<(), NotReached> {
        *self.locked.lock().unwrap().entry(host.to_owned()).or_default() += 1;
        Ok(())
    }
}

/// Has the module do such a task on m1 and m2, and tells what was told of it.
fn carried_out(cut: &Cut, module: &'static dyn PlayModule) -> Vec<Event> {
    let book = "- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: makes, ping: }\n";
    let (_dir, book, setting, told) = prepared(&[("site.yml", book)], "m1,m2,", Arc::new(|_| Reply::Nobody));
    let engine = Engine::new(cut.clone(), setting, Options { forks: 10, ..Options::default() }, CancellationToken::new());
    let play = &book.plays[0];
    let task = play.tasks.iter().find_map(|item| if let Item::Task(task) = item { Some(task) } else { None }).unwrap();
    let names: Vec<Arc<str>> = vec!["m1".into(), "m2".into()];
    let vars = PlayVars {
        play: Arc::clone(play),
        prompts: BTreeMap::new(),
        batch: names.clone(),
        all: names.clone(),
        roles: Mutex::default(),
        handlers: Mutex::default(),
    };
    let at = Position { play: Arc::new(vars), params: Vec::new(), depth: 0, handlers: false };
    let hosts: Vec<_> = names.iter().map(|name| engine.host(name)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(engine.play_module(&at, task, &hosts, module));
    told.lock().unwrap().drain(..).collect()
}

/// What came of such a task on m1, whose connections end so, and on m2, whose last.
struct Seen {
    outcomes: BTreeMap<String, TaskOutcome>,
    why: String,
    heard: Vec<String>,
    connected: usize,
    locked: usize,
    /// What of [`WANTED`] is there.
    there: Vec<&'static str>,
}

fn seen(fates: &[Fate]) -> Seen {
    let cut = Cut::default();
    cut.fates.lock().unwrap().insert("m1".to_owned(), fates.iter().copied().collect());
    let heard = Arc::new(Mutex::new(Vec::new()));
    // modules are there as long as the program
    let module: &'static Makes = Box::leak(Box::new(Makes(Arc::clone(&heard))));
    let told = carried_out(&cut, module);
    let mut seen = Seen {
        outcomes: BTreeMap::new(),
        why: String::new(),
        heard: heard.lock().unwrap().iter().filter(|heard| heard.starts_with("m1")).cloned().collect(),
        connected: cut.connected.lock().unwrap()["m1"],
        locked: cut.locked.lock().unwrap().get("m1").copied().unwrap_or_default(),
        there: Vec::new(),
    };
    for event in told {
        if let Event::TaskFinished(answer) = event {
            seen.outcomes.insert(answer.host.to_string(), answer.outcome);
            if let Some(problem) = answer.problem.filter(|_| &*answer.host == "m1") {
                seen.why = problem.message;
            }
        }
    }
    if let Some(machine) = cut.machines.lock().unwrap().get("m1") {
        let everything = machine.try_lock().unwrap().world().everything().join("\n");
        seen.there =
            WANTED.into_iter().filter(|path| everything.lines().any(|line| line.split_whitespace().any(|word| word == *path))).collect();
    }
    assert_eq!(seen.outcomes["m2"], TaskOutcome::Changed, "the others go on");
    seen
}

#[test]
fn a_step_that_was_cut_off_is_unknown_and_what_became_of_it_is_looked_at() {
    let all = "m1 make /srv/a /srv/a/b /srv/a/b/c";
    let (mut in_the_middle, mut at_the_end) = (0, 0);
    for after in 1..60 {
        let seen = seen(&[Fate::LostAfter(after)]);
        assert_eq!((seen.outcomes["m1"], &*seen.there), (TaskOutcome::Changed, &WANTED[..]), "after {after}: {:?}", seen.heard);
        if seen.connected == 1 {
            assert_eq!(seen.heard, [format!("{all}: done")]);
            continue;
        }
        if seen.heard == [format!("{all}: done")] {
            // it was lost when the machine was looked at once more
            assert_eq!((seen.connected, seen.locked), (2, 1));
            continue;
        }
        // the machine is locked anew, unless nothing is left to be done
        assert_eq!((seen.connected, &seen.heard[0]), (2, &format!("{all}: unknown")), "after {after}");
        match &seen.heard[1..] {
            [] => at_the_end += 1,
            // what is there by then is not made again
            [then] => {
                assert!(then.ends_with(": done"), "{then}");
                in_the_middle += usize::from(!then.starts_with(all));
            }
            more => panic!("after {after}: {more:?}"),
        }
        assert_eq!(seen.locked, seen.heard.len());
    }
    assert!(in_the_middle > 0, "{at_the_end} at the end");
}

#[test]
fn what_was_asked_is_asked_again_over_another_connection() {
    let seen = seen(&[Fate::LostAfter(0)]);
    assert_eq!((seen.outcomes["m1"], seen.connected, seen.locked), (TaskOutcome::Changed, 2, 1), "{:?}", seen.heard);
    assert_eq!(seen.heard, ["m1 make /srv/a /srv/a/b /srv/a/b/c: done"]);
}

#[test]
fn a_host_whose_connection_is_lost_again_and_again_is_given_up() {
    let three = seen_with(3, Fate::LostAfter(0));
    assert_eq!((three.outcomes["m1"], three.connected), (TaskOutcome::Changed, 4));
    let four = seen_with(4, Fate::LostAfter(0));
    assert_eq!((four.outcomes["m1"], four.connected, four.there.len()), (TaskOutcome::Unreachable, 4, 0));
    assert!(four.why.contains("the connection was lost"), "{}", four.why);
}

#[test]
fn a_host_that_does_not_come_back_is_given_up() {
    let mut fates = vec![Fate::LostAfter(0)];
    fates.extend([Fate::Refused; 2]);
    let back = seen(&fates);
    assert_eq!((back.outcomes["m1"], back.connected), (TaskOutcome::Changed, 4));
    fates.push(Fate::Refused);
    let gone = seen(&fates);
    assert_eq!((gone.outcomes["m1"], gone.connected), (TaskOutcome::Unreachable, 4));
    assert!(gone.why.contains("connection refused"), "{}", gone.why);
}

#[test]
fn one_that_answers_in_between_is_not_given_up() {
    // each connection lives as long as the first question
    let alive = seen_with(6, Fate::LostAfter(1));
    assert_eq!((alive.outcomes["m1"], alive.connected), (TaskOutcome::Changed, 7), "{:?}", alive.heard);
    assert!(alive.heard.last().unwrap().ends_with(": done"));
}

fn seen_with(times: usize, fate: Fate) -> Seen {
    seen(&vec![fate; times])
}

/// Does something on m1, and hears whether what was read of m2 counts after it.
struct Elsewhere(Arc<Mutex<Vec<bool>>>);

impl PlayModule for Elsewhere {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn begin(&self, _: &PlayTask<'_>) -> Result<Box<dyn Course>, crate::plan::Refusal> {
        Ok(Box::new(OnOneOnly { asked_again: Arc::clone(&self.0), did: false }))
    }
}

struct OnOneOnly {
    asked_again: Arc<Mutex<Vec<bool>>>,
    did: bool,
}

impl Course for OnOneOnly {
    fn hosts(&self) -> Vec<String> {
        vec!["m1".to_owned(), "m2".to_owned()]
    }

    fn next(&mut self, facts: &PlayFacts<'_>) -> Turn {
        let of = facts.of("m2").unwrap().get(Stat::new("/srv"));
        if self.did {
            self.asked_again.lock().unwrap().push(matches!(of, Err(Stop::Need(_))));
            return Turn::Done(BTreeMap::new());
        }
        match of {
            Err(Stop::Need(keys)) => Turn::Read(BTreeMap::from([("m2".to_owned(), keys)])),
            _ => {
                let change = Plan::change([directory("/srv/a")]);
                let what = "make it".to_owned();
                Turn::Act(vec![Doing { host: "m1".to_owned(), about: "m1".to_owned(), change, what, irreversible: false }])
            }
        }
    }

    fn came(&mut self, _: &Doing, _: Result<Vec<Output>, Failed>) {
        self.did = true;
    }
}

#[test]
fn after_something_was_done_on_one_host_all_hosts_are_asked_again() {
    let asked_again = Arc::new(Mutex::new(Vec::new()));
    carried_out(&Cut::default(), Box::leak(Box::new(Elsewhere(Arc::clone(&asked_again)))));
    // a list of etcd's members that is older than a join has cost a cluster its quorum
    assert_eq!(*asked_again.lock().unwrap(), [true]);
}
