//! What a task may name on a host: variables by Ansible's precedence, and what was named that is not known yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::host::State;
use super::magic;
use crate::playbook::{Dependent, Handler, Level, Play, Role};
use crate::template::Scope;
use crate::yaml::{Node, Value};

/// Variables of a run that are the same for all its hosts and tasks.
pub(super) trait World: Send + Sync {
    /// What is known of a host, by its name.
    fn state(&self, host: &str) -> Option<Arc<dyn Known>>;
    /// A host's variables in the inventory, those of the command line not among them.
    fn inventory(&self, host: &str) -> Option<Arc<BTreeMap<String, Node>>>;
    /// Variables of the command line.
    fn extra(&self) -> &BTreeMap<String, Node>;
    /// Variables that are made, not set.
    fn magic(&self, name: &str, view: &View) -> Option<Value>;
    /// One value of a variable that grows with the inventory.
    fn entry(&self, name: &str, key: &str) -> Option<Node>;
    /// All hosts.
    fn hosts(&self) -> Vec<String>;
    /// The hosts of a pattern; none if it cannot be understood.
    fn matching(&self, pattern: &str) -> Vec<String>;
    /// Whether mappings of several levels are merged.
    fn merges(&self) -> bool;
}

/// A host's own variables.
pub(super) trait Known: Send + Sync {
    /// Looks into its state.
    fn look(&self, see: &mut dyn FnMut(&State));
}

/// With which eyes variables are looked at.
#[derive(Clone, Default)]
pub(super) struct View {
    /// The host.
    pub(super) host: Arc<str>,
    /// The play; none for a look at another host through `hostvars`.
    pub(super) play: Option<Arc<PlayVars>>,
    /// The role of the task.
    pub(super) role: Option<Arc<Role>>,
    /// The levels of keywords around the task, outermost first; the first is the play's.
    pub(super) levels: Vec<Level>,
    /// What `include_tasks` and `include_role` gave, the innermost last.
    pub(super) params: Vec<Arc<BTreeMap<String, Node>>>,
    /// The loop's variables, and others that come before all but the command line's.
    pub(super) top: Arc<BTreeMap<String, Node>>,
    /// Where the task's files are looked for: `ansible_search_path`.
    pub(super) search: Vec<PathBuf>,
    /// In which folder there, by what the task does.
    pub(super) folder: &'static str,
    /// Whether this only finds out what will be needed: nothing is run or written for it.
    pub(super) ahead: bool,
}

/// What a play brings.
pub(super) struct PlayVars {
    /// The play.
    pub(super) play: Arc<Play>,
    /// `vars_prompt`, by the answers.
    pub(super) prompts: BTreeMap<String, Node>,
    /// The hosts of this batch, of the play, and those of it that are still active.
    pub(super) batch: Vec<Arc<str>>,
    pub(super) all: Vec<Arc<str>>,
    /// Roles that were included with `public: true`, after the play's own.
    pub(super) roles: Mutex<Vec<Arc<Role>>>,
    /// The handlers, those that included roles bring at the end.
    pub(super) handlers: Mutex<Vec<Handler>>,
}

/// What was named and is not known yet.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Facts, by host.
    pub(super) facts: BTreeMap<String, BTreeSet<String>>,
    /// Variables that only a real run has: why.
    pub(super) unknown: BTreeSet<String>,
}

/// A scope for templates that notes down what it has not got.
pub(super) struct TaskScope {
    pub(super) world: Arc<dyn World>,
    pub(super) view: View,
    pub(super) wanted: Arc<Mutex<Wanted>>,
}

impl TaskScope {
    fn note(&self, note: impl FnOnce(&mut Wanted)) {
        note(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// `set_fact` and `register`; noted down if only a real run has it.
    fn set(&self, name: &str) -> Option<Node> {
        let (mut found, mut unknown) = (None, None);
        self.world.state(&self.view.host)?.look(&mut |state| {
            found = state.set.get(name).cloned();
            unknown = state.unknown.get(name).cloned();
        });
        if let Some(why) = unknown {
            self.note(|wanted| {
                wanted.unknown.insert(why);
            });
        }
        found
    }

    /// Why only a real run tells this part of what was registered.
    fn lacks(&self, name: &str, key: &str) -> Option<String> {
        let mut why = None;
        self.world.state(&self.view.host)?.look(&mut |state| {
            let mut known = state.set.get(name).and_then(Node::as_map).into_iter().flatten();
            let always = matches!(key, "changed" | "failed" | "skipped" | "unreachable");
            if !always && !known.any(|(known, _)| known.as_str() == Some(key)) {
                why = state.foreseen.get(name).cloned();
            }
        });
        why
    }

    fn included(&self, name: &str) -> Option<Node> {
        let mut found = None;
        self.world.state(&self.view.host)?.look(&mut |state| found = state.included.get(name).cloned());
        found
    }

    /// `vars_files`.
    fn file(&self, name: &str) -> Option<Node> {
        let mut found = None;
        self.world.state(&self.view.host)?.look(&mut |state| found = state.files.get(name).cloned());
        found
    }

    /// A fact by Ansible's name; noted down if it could be read.
    fn fact(&self, name: &str) -> Option<Node> {
        let Some(short) = name.strip_prefix("ansible_") else {
            let mut found = None;
            self.world.state(&self.view.host)?.look(&mut |state| {
                found = state.bare.contains(name).then(|| state.facts.get(name).cloned()).flatten();
            });
            return found;
        };
        let (mut found, mut read) = (None, false);
        self.world.state(&self.view.host)?.look(&mut |state| {
            if short == "facts" {
                read = state.gathers && !state.looked_for.contains("all");
                let map = state.facts.iter().map(|(name, value)| (magic::made(Value::from(name.as_str())), value.clone()));
                found = Some(magic::made(Value::Map(map.collect())));
            } else {
                found = state.facts.get(short).cloned();
                read = found.is_none() && state.gathers && !state.looked_for.contains(short) && !state.looked_for.contains("all");
            }
        });
        if read && (short == "facts" || super::gather::knows(short)) {
            let name = if short == "facts" { "all" } else { short };
            self.note(|wanted| {
                wanted.facts.entry(self.view.host.to_string()).or_default().insert(name.to_owned());
            });
        }
        found
    }

    fn roles(&self) -> Vec<Arc<Role>> {
        let Some(play) = &self.view.play else { return Vec::new() };
        let later = play.roles.lock().unwrap_or_else(PoisonError::into_inner).clone();
        play.play.roles.iter().cloned().chain(later).collect()
    }

    /// How the host is reached, where no variable says it.
    fn connection(&self, name: &str) -> Option<Node> {
        self.view.play.as_ref()?;
        let keyword = match name {
            "ansible_connection" => "connection",
            "ansible_user" => "remote_user",
            "ansible_host" => return Some(magic::made(Value::Str(Arc::clone(&self.view.host)))),
            _ => return None,
        };
        let said = self.view.levels.iter().rev().find_map(|level| level.others.get(keyword)).cloned();
        said.or_else(|| (keyword == "connection").then(|| magic::made(Value::from("ssh"))))
    }

    fn of_roles(&self, name: &str, which: Which) -> Option<Node> {
        let own = self.view.role.as_ref().and_then(|role| in_role(role, name, which));
        own.or_else(|| self.roles().iter().rev().find_map(|role| within(role, name, which)))
    }

    /// The value that counts; with `hash_behaviour = merge` mappings of several levels lie over each other.
    fn find(&self, name: &str) -> Option<Node> {
        let mut found: Option<Node> = None;
        let merges = self.world.merges();
        self.each(name, &mut |value| {
            let merged = match found.take() {
                None => value,
                Some(above) => super::include_vars::over(&value, above),
            };
            let goes_on = merges && matches!(merged.value, Value::Map(_));
            found = Some(merged);
            goes_on
        });
        found
    }

    /// The values that a name has, the one that counts first, until `see` has enough.
    fn each(&self, name: &str, see: &mut dyn FnMut(Node) -> bool) {
        let view = &self.view;
        let pairs = |pairs: &[(Node, Node)]| pair(pairs, name);
        let levels = || view.levels.iter().skip(1).rev().filter_map(|level| pairs(&level.vars));
        let of_play = |which: &dyn Fn(&PlayVars) -> Option<Node>| view.play.as_deref().and_then(which);
        let includes = || view.params.iter().rev().filter_map(|params| params.get(name).cloned());
        let mut goes_on = true;
        let mut next = |value: Option<Node>| {
            if let Some(value) = value.filter(|_| goes_on) {
                goes_on = see(value);
            }
            goes_on
        };
        // each is looked for only if those before it do not tell
        let _ = next(self.world.extra().get(name).cloned())
            && next(view.top.get(name).cloned())
            && includes().all(|value| next(Some(value)))
            && next(view.role.as_ref().and_then(|role| given(role, name)))
            && next(self.set(name))
            && next(self.included(name))
            && levels().all(|value| next(Some(value)))
            && next(self.of_roles(name, Which::Vars))
            && next(of_play(&|_| self.file(name)))
            && next(of_play(&|play| play.prompts.get(name).cloned()))
            && next(of_play(&|play| pairs(&play.play.common.vars)))
            && next(self.fact(name))
            && next(self.world.inventory(&view.host).and_then(|variables| variables.get(name).cloned()))
            && next(self.of_roles(name, Which::Defaults));
    }
}

fn pair(pairs: &[(Node, Node)], name: &str) -> Option<Node> {
    pairs.iter().rev().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone())
}

/// Which of a role's variables.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    Vars,
    Defaults,
}

impl Which {
    fn of<'v, T>(self, vars: &'v [T], defaults: &'v [T]) -> &'v [T] {
        if self == Self::Vars { vars } else { defaults }
    }
}

/// What a role was given, or those that need or include it.
fn given(role: &Role, name: &str) -> Option<Node> {
    let own = pair(&role.params, name).or_else(|| dependents(role).find_map(|dependent| pair(&dependent.params, name)));
    own.or_else(|| given(role.inside.as_ref()?, name))
}

/// The roles that need it, the nearest first.
fn dependents(role: &Role) -> impl Iterator<Item = &Dependent> {
    std::iter::successors(role.dependent.as_deref(), |dependent| dependent.dependent.as_deref())
}

/// A variable as a role's own tasks see it.
fn in_role(role: &Role, name: &str, which: Which) -> Option<Node> {
    let above = || dependents(role).find_map(|dependent| pair(which.of(&dependent.vars, &dependent.defaults), name));
    let around = || in_role(role.inside.as_ref()?, name, which);
    let own = pair(which.of(&role.vars, &role.defaults), name);
    let below = || role.dependencies.iter().rev().find_map(|role| within(role, name, which));
    match which {
        Which::Vars => own.or_else(below).or_else(above).or_else(around),
        Which::Defaults => own.or_else(above).or_else(around).or_else(below),
    }
}

/// What a role and its dependencies say.
fn within(role: &Role, name: &str, which: Which) -> Option<Node> {
    let own = pair(which.of(&role.vars, &role.defaults), name);
    own.or_else(|| role.dependencies.iter().rev().find_map(|role| within(role, name, which)))
}

impl Scope for TaskScope {
    fn get(&self, name: &str) -> Option<Node> {
        self.world.magic(name, &self.view).map(magic::made).or_else(|| self.find(name)).or_else(|| self.connection(name))
    }

    fn entry(&self, name: &str, key: &str) -> Option<Node> {
        if name == "ansible_facts" {
            let found = self.fact(&format!("ansible_{key}"));
            let (mut waits, mut set, mut unknown) = (false, false, None);
            self.world.state(&self.view.host)?.look(&mut |state| {
                unknown = state.unknown.get(&super::unknown_facts::fact_key(key)).cloned();
                waits = state.gathers && !state.looked_for.contains(key) && !state.looked_for.contains("all") && super::gather::knows(key);
                set = state.set.contains_key(name);
            });
            if let Some(why) = unknown {
                self.note(|wanted| {
                    wanted.unknown.insert(why);
                });
                return Some(magic::made(Value::Null));
            }
            // the answer is asked for again once it has been read
            return if set { None } else { found.or_else(|| waits.then(|| magic::made(Value::Null))) };
        }
        // all variables by their names
        if name == "vars" && self.get(name).is_none() {
            return self.get(key);
        }
        self.world.entry(name, key)
    }

    fn missed(&self, name: &str, key: &str) {
        if let Some(why) = self.lacks(name, key) {
            self.note(|wanted| {
                wanted.unknown.insert(why);
            });
        }
    }

    fn names(&self) -> Vec<String> {
        // nobody sees what is wrong with a task that is only looked at ahead of time
        if self.view.ahead {
            return Vec::new();
        }
        let mut names: BTreeSet<String> = magic::names().map(str::to_owned).collect();
        let of = |pairs: &[(Node, Node)]| pairs.iter().filter_map(|(key, _)| key.as_str().map(str::to_owned)).collect::<Vec<_>>();
        names.extend(self.world.extra().keys().cloned());
        names.extend(self.view.top.keys().cloned());
        names.extend(self.view.params.iter().flat_map(|params| params.keys().cloned()));
        names.extend(self.view.play.iter().flat_map(|play| play.prompts.keys().cloned()));
        names.extend(self.view.levels.iter().flat_map(|level| of(&level.vars)));
        for role in self.view.role.iter().cloned().chain(self.roles()) {
            names.extend([of(&role.params), of(&role.vars), of(&role.defaults)].concat());
            names.extend(dependents(&role).flat_map(|one| [of(&one.params), of(&one.vars), of(&one.defaults)].concat()));
        }
        if let Some(state) = self.world.state(&self.view.host) {
            state.look(&mut |state| {
                names.extend(state.set.keys().chain(state.included.keys()).chain(state.files.keys()).cloned());
                names.extend(state.bare.iter().cloned());
                names.extend(state.facts.keys().map(|name| format!("ansible_{name}")));
            });
        }
        names.extend(self.world.inventory(&self.view.host).iter().flat_map(|variables| variables.keys().cloned()));
        names.into_iter().collect()
    }

    fn hosts(&self) -> Vec<String> {
        self.world.hosts()
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        self.world.matching(pattern)
    }

    fn acts(&self) -> bool {
        !self.view.ahead
    }

    fn host(&self, name: &str) -> Option<Arc<dyn Scope>> {
        self.world.inventory(name)?;
        let view = View { host: name.into(), ..View::default() };
        Some(Arc::new(Self { world: Arc::clone(&self.world), view, wanted: Arc::clone(&self.wanted) }))
    }
}
