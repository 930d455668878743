//! A simulated machine on which modules are tried: planned, carried out, planned again.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::args::node;
use super::{Act, Args, Decision, LocalEntry, LocalFile, Module, Outside, Task};
use crate::diagnostics::{Diagnostics, Source};
use crate::node::Change;
use crate::node::apply::{Applied, Carried};
use crate::node::machine::Machine;
use crate::node::simulated::{Simulated, World};
use crate::plan::{FactKey, Facts, Observation, Plan, Scope, Stop, Store};

/// What a module said, and what came of it.
#[derive(Debug)]
pub(crate) enum Seen {
    Unchanged(Decision),
    Changed(Decision, Change, Box<Carried>),
    Failed(String),
    Refused(String),
    Unknown,
    /// A step failed, which said this.
    StepFailed(String),
}

/// A task as root, of which nothing is known but its arguments, the mode, and what it may see of this machine.
pub(crate) fn task<'a>(args: &'a Args, check: bool, outside: &'a dyn Outside) -> Task<'a> {
    Task { args, check, diff: false, environment: &[], user: "root", wanted: true, outside, run: "a test" }
}

/// The files of the controller.
#[derive(Default, Clone)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<LocalEntry>>);

impl Files {
    pub(crate) fn file(name: &str, content: &[u8], mode: u32) -> (String, Vec<LocalEntry>) {
        (name.into(), vec![LocalEntry { path: String::new(), mode, content: Some(content.to_vec()), link: None }])
    }
}

impl Outside for Files {
    fn file(&self, _folder: &str, name: &str) -> Result<Vec<u8>, String> {
        let entry = self.0.get(name).and_then(|entries| entries.first()).filter(|entry| entry.path.is_empty());
        entry.and_then(|entry| entry.content.clone()).ok_or_else(|| format!("could not find {name}"))
    }

    fn as_it_is(&self, folder: &str, name: &str) -> Result<Vec<u8>, String> {
        self.file(folder, name).map(|bytes| [b"as it is: ".as_slice(), &bytes].concat())
    }

    fn large(&self, _folder: &str, _name: &str) -> Result<Option<LocalFile>, String> {
        Ok(None)
    }

    fn mode(&self, _folder: &str, name: &str) -> Result<u32, String> {
        let entry = self.0.get(name).and_then(|entries| entries.first());
        entry.map(|entry| entry.mode).ok_or_else(|| format!("could not find {name}"))
    }

    fn tree(&self, _folder: &str, name: &str, _follow: bool) -> Result<Vec<LocalEntry>, String> {
        self.0.get(name.trim_end_matches('/')).cloned().ok_or_else(|| format!("could not find {name}"))
    }

    fn found(&self, _folder: &str, name: &str) -> Result<String, String> {
        Ok(format!("/here/{name}"))
    }

    fn is_directory(&self, _folder: &str, name: &str) -> bool {
        self.0.get(name.trim_end_matches('/')).is_some_and(|entries| entries.iter().all(|entry| !entry.path.is_empty()))
    }

    fn render(&self, source: &super::TemplateText<'_>) -> Result<String, String> {
        Ok(source
            .text
            .replace("{{ x }}", "rendered")
            .replace("{{ template_destpath }}", source.variables["template_destpath"].as_str().unwrap()))
    }
}

/// A machine and what is known of it.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) machine: Simulated,
    pub(crate) store: Store,
    pub(crate) outside: Files,
    /// Whether it is a dry run.
    pub(crate) check: bool,
    pub(crate) scope: Scope,
}

impl Bench {
    pub(crate) fn new(world: World) -> Self {
        let scope = Scope::new("node", "root");
        Self { machine: Simulated::new(world), store: Store::default(), outside: Files::default(), check: false, scope }
    }

    pub(crate) fn args(module: &dyn Module, args: &Value) -> Args {
        let place = Source::new("test.yml", "").whole();
        let given: Vec<_> =
            args.as_object().unwrap().iter().map(|(name, value)| (node(&name.as_str().into(), &place), node(value, &place))).collect();
        let mut problems = Diagnostics::new();
        let args = Args::read(module.spec(), &given, &place, &mut problems);
        assert!(problems.0.is_empty(), "{problems}");
        args
    }

    pub(super) fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn read(&mut self, need: std::collections::BTreeSet<FactKey>) {
        let queries: Vec<_> = need.iter().map(|key| key.query.clone()).collect();
        let answers = Self::block(self.machine.read(&self.scope, &queries)).unwrap();
        for (key, (_, observation)) in need.into_iter().zip(answers) {
            self.store.insert(key, observation);
        }
    }

    /// Plans until enough is known; the decision, and the facts that it rests on.
    pub(crate) fn plan(&mut self, module: &dyn Module, args: &Args) -> Result<(Decision, Vec<(FactKey, Observation)>), Stop> {
        for _ in 0..30 {
            let facts = Facts::new(&self.store, self.scope.clone());
            let task = task(args, self.check, &self.outside);
            match module.plan(&task, &facts) {
                Err(Stop::Need(need)) => self.read(need),
                Err(stop) => return Err(stop),
                Ok(decision) => {
                    let known = facts.recorded().into_iter().filter_map(|key| Some((key.clone(), self.store.get(&key)?.clone())));
                    return Ok((decision, known.collect()));
                }
            }
        }
        panic!("it never knows enough: {args:?}");
    }

    /// What is registered.
    pub(crate) fn result(&mut self, module: &dyn Module, args: &Value, carried: Option<&Carried>) -> Map<String, Value> {
        let args = Self::args(module, args);
        for _ in 0..30 {
            let facts = Facts::new(&self.store, self.scope.clone());
            let task = task(&args, self.check, &self.outside);
            match module.result(&task, &facts, carried) {
                Err(Stop::Need(need)) => self.read(need),
                other => return other.unwrap(),
            }
        }
        panic!("it never knows enough: {args:?}");
    }

    /// Plans and carries out.
    pub(crate) fn run(&mut self, module: &dyn Module, args: &Value) -> Seen {
        let read = Self::args(module, args);
        let (decision, preconditions) = match self.plan(module, &read) {
            Ok(planned) => planned,
            Err(_) => return Seen::Unknown,
        };
        match &decision.act {
            Act::Fail(why) => Seen::Failed(why.clone()),
            Act::Reboot(_) | Act::Reconnect(_) => panic!("{args}: the engine does this"),
            Act::Pending(..) => Seen::Unknown,
            Act::Skip(_) | Act::Plan(Plan::Unchanged) => Seen::Unchanged(decision),
            Act::Plan(Plan::Refuse(refusal)) => Seen::Refused(refusal.why.clone()),
            Act::Plan(Plan::Change(change)) => {
                assert!(!change.diff.is_empty() && !change.steps.is_empty() && !change.touches.is_empty(), "{args} {change:?}");
                let change = change.clone();
                let applied = Self::block(self.machine.apply(&self.scope, &change, &preconditions));
                self.store.forget("node", &change.touches);
                match applied {
                    Applied::Done(carried) => Seen::Changed(decision, change, Box::new(carried)),
                    Applied::StepFailed { output, .. } => Seen::StepFailed(String::from_utf8_lossy(&output.stderr).into_owned()),
                    other => panic!("{args}: {other:?}"),
                }
            }
        }
    }
}
