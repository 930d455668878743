//! Playbooks on one simulated machine, again and again: the files are prepared once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::inventory::{Given, Inventory};
use crate::node::Change;
use crate::node::apply::Applied;
use crate::node::errand::Errand;
use crate::node::machine::{Lost, Machine};
use crate::node::simulated::{Simulated, World};
use crate::node::stage::{Load, Unstaged};
use crate::node::steps::Had;
use crate::plan::{FactKey, Observation, Query, Scope};
use crate::playbook::{self, Playbook, Request};
use crate::report::{Event, Outcome, TaskAnswer};
use crate::template::{Engine as Template, Surroundings};
use crate::yaml::Keys;

/// What a run asked of its machine, and what came of it.
#[derive(Clone)]
pub(super) enum Asked {
    Read(Scope, Vec<Query>, Result<Vec<(Query, Observation)>, Lost>),
    Apply(Scope, Change, Vec<(FactKey, Observation)>, Applied),
}

/// How a run that was asked for again went.
pub(super) enum Replayed {
    /// As the first one, to its end.
    Whole,
    /// As the first one, until this came.
    Ended(Outcome),
    /// Something came that the first one had not seen: nobody knows what would have been asked then.
    Astray,
}

/// Does the same to another machine, which answers the same until it is cut: only then is it asked nothing.
pub(super) fn replay_unasked(asked: &[Asked], machine: &mut Simulated) -> Replayed {
    for asked in asked {
        match asked {
            Asked::Read(scope, ..) => {
                if machine.read(scope, &[]).now_or_never().unwrap().is_err() {
                    return Replayed::Ended(Outcome::Unreachable);
                }
            }
            Asked::Apply(scope, change, ..) => {
                let unasked = Change { expect: Vec::new(), ..change.clone() };
                match machine.apply(scope, &unasked, &[]).now_or_never().unwrap() {
                    Applied::Unknown(_) | Applied::NotBegun(_) => return Replayed::Ended(Outcome::Unknown),
                    Applied::Done(_) => {}
                    _ => return Replayed::Astray,
                }
            }
        }
    }
    Replayed::Whole
}

/// Asks the same of another machine, as long as the answers are the same.
pub(super) fn replay(asked: &[Asked], machine: &mut Simulated) -> Replayed {
    for asked in asked {
        match asked {
            Asked::Read(scope, queries, answer) => match machine.read(scope, queries).now_or_never().unwrap() {
                Err(_) => return Replayed::Ended(Outcome::Unreachable),
                now if now == *answer => {}
                Ok(_) => return Replayed::Astray,
            },
            Asked::Apply(scope, change, preconditions, applied) => {
                match machine.apply(scope, change, preconditions).now_or_never().unwrap() {
                    Applied::Unknown(_) | Applied::NotBegun(_) => return Replayed::Ended(Outcome::Unknown),
                    Applied::Unmet { .. } => return Replayed::Ended(Outcome::Failed),
                    now if now == *applied => {}
                    _ => return Replayed::Astray,
                }
            }
        }
    }
    Replayed::Whole
}

/// A machine that outlives the run, and what was asked of it.
#[derive(Clone)]
pub(super) struct Shared(Arc<tokio::sync::Mutex<(Simulated, Vec<Asked>)>>);

impl Machine for Shared {
    async fn read(&mut self, scope: &Scope, queries: &[Query]) -> Result<Vec<(Query, Observation)>, Lost> {
        let (machine, asked) = &mut *self.0.lock().await;
        let answer = machine.read(scope, queries).await;
        asked.push(Asked::Read(scope.clone(), queries.to_vec(), answer.clone()));
        answer
    }

    async fn apply(&mut self, scope: &Scope, change: &Change, preconditions: &[(FactKey, Observation)]) -> Applied {
        let (machine, asked) = &mut *self.0.lock().await;
        let applied = machine.apply(scope, change, preconditions).await;
        asked.push(Asked::Apply(scope.clone(), change.clone(), preconditions.to_vec(), applied.clone()));
        applied
    }

    async fn upload(&mut self, scope: &Scope, load: &Load<'_>) -> Result<(String, String), Unstaged> {
        self.0.lock().await.0.upload(scope, load).await
    }

    async fn ask_server(&mut self, scope: &Scope, errand: &Errand<'_>) -> Result<Had, Unstaged> {
        self.0.lock().await.0.ask_server(scope, errand).await
    }

    async fn discard(&mut self, scope: &Scope, uploaded: &[String]) {
        self.0.lock().await.0.discard(scope, uploaded).await;
    }
}

struct One(Shared);

impl Machines for One {
    type Machine = Shared;

    fn run(&self) -> String {
        "a simulated run".to_owned()
    }

    async fn connect(&self, _: &str, _: &Via) -> Result<Reached<Shared>, NotReached> {
        Ok(Reached { machine: self.0.clone(), user: "root".to_owned(), become_user: None })
    }

    fn grown(&self, _: &Arc<Inventory>) {}

    async fn lock(&self, _: &str, _: &Via, _: &mut Shared) -> Result<(), NotReached> {
        Ok(())
    }
}

/// What a run told, and the machine that it left.
pub(super) struct Ran {
    pub(super) tasks: Vec<TaskAnswer>,
    pub(super) end: HostEnd,
    pub(super) machine: Simulated,
    pub(super) asked: Vec<Asked>,
}

/// A folder with playbooks and the files that they name.
pub(super) struct Folder {
    dir: tempfile::TempDir,
    keys: Arc<Keys>,
    template: Arc<Template>,
    inventory: Arc<Inventory>,
}

impl Folder {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let template = Arc::new(Template::new(Surroundings {
            env: BTreeMap::new(),
            dir: dir.path().to_owned(),
            home: Path::new("/root").to_owned(),
            decrypt: Arc::new(|_| Err((String::new(), String::new()))),
            from_yaml: None,
            programs: false,
        }));
        let inventory = Arc::new(crate::inventory::testing::read_all(&[Given::Argument("node,".to_owned())]).unwrap().0);
        Self { dir, keys: Arc::new(Keys::default()), template, inventory }
    }

    /// Reads a playbook.
    pub(super) fn book(&self, text: &str) -> Playbook {
        let path = self.dir.path().join("site.yml");
        std::fs::write(&path, text).unwrap();
        let vars = self.inventory.extra_variables();
        let dir = self.dir.path();
        let request = Request { dir, roles: &[], collections: &[], engine: &self.template, vars: &vars, keys: &self.keys, home: dir };
        let (book, problems) = playbook::load(&path, &request);
        assert!(!problems.has_errors(), "{problems}\n{text}");
        book
    }

    /// Runs a playbook on a machine that this run has.
    pub(super) fn run(&self, book: &Playbook, machine: Simulated, check: bool) -> Ran {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        let setting = Setting {
            inventory: Arc::clone(&self.inventory),
            inventory_sources: Vec::new(),
            limit: None,
            keys: Arc::clone(&self.keys),
            template: Arc::clone(&self.template),
            config_file: None,
            roles: Vec::new(),
            collections: Vec::new(),
            dir: self.dir.path().to_owned(),
            reread: Box::new(|| Err(crate::diagnostics::Diagnostics::new())),
            select: Box::new(|inventory, _| Ok(inventory.all_hosts().into_iter().map(|host| Arc::clone(&host.name)).collect())),
            ask: Box::new(|_| None),
            person: Arc::new(|_| Reply::Nobody),
            tell: Box::new(move |event| {
                if let Event::TaskFinished(answer) = event {
                    hears.lock().unwrap().push(answer);
                }
            }),
        };
        let shared = Shared(Arc::new(tokio::sync::Mutex::new((machine, Vec::new()))));
        let options = Options { check, forks: 1, yes: true, ..Options::default() };
        let engine = Engine::new(One(shared.clone()), setting, options, CancellationToken::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut ends = runtime.block_on(engine.run(std::slice::from_ref(book)));
        drop(engine);
        let (machine, asked) = Arc::into_inner(shared.0).expect("nobody else has it").into_inner();
        let tasks = std::mem::take(&mut *told.lock().unwrap());
        Ran { tasks, end: ends.remove(0), machine, asked }
    }
}

/// A machine that a new run has locked; as long as it takes until another one gives it up.
pub(super) fn locked(world: World, nonce: &str) -> Simulated {
    let mut machine = Simulated::new(world);
    machine.begin_run(nonce, 3_600_000).unwrap();
    machine
}
