//! What a playbook says, as types. Values that may be templates are nodes: the engine renders them when it comes to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostics::Place;
use crate::yaml::Node;

/// The plays of a file, with those of imported files in their places.
#[derive(Debug, Clone, Default)]
pub struct Playbook {
    /// In their order.
    pub plays: Vec<Arc<Play>>,
    /// What `include_tasks` and `include_role` with plain names lead to: loaded to be checked, not to be run from here.
    pub included: Vec<Included>,
}

/// What was included.
#[derive(Debug, Clone, Default)]
pub struct Included {
    /// The tasks, those of a role's dependencies first.
    pub items: Vec<Item>,
    /// Handlers that come with it: a role's, and those of roles that are imported within.
    pub handlers: Vec<Handler>,
    /// Roles that come with it: the included one, and those that are imported within.
    pub roles: Vec<Arc<Role>>,
}

/// One play.
#[derive(Debug, Clone)]
pub struct Play {
    /// What a person calls it; a template.
    pub name: Option<Node>,
    /// Its host pattern: a text or a list of texts; a template.
    pub hosts: Node,
    /// Where it begins.
    pub place: Place,
    /// The directory of its file: `playbook_dir`.
    pub dir: PathBuf,
    /// The keywords that its tasks inherit, `vars` with them.
    pub common: Arc<Common>,
    /// `vars_files`: each a name or a list of which the first that is there counts.
    pub vars_files: Vec<Node>,
    /// `vars_prompt`.
    pub vars_prompt: Vec<VarsPrompt>,
    /// `gather_facts`; absent: as the configuration says (true).
    pub gather_facts: Option<Node>,
    /// `gather_subset`: which facts are read when they are named.
    pub gather_subset: Option<Node>,
    /// `gather_timeout`.
    pub gather_timeout: Option<Node>,
    /// `fact_path`.
    pub fact_path: Option<Node>,
    /// `serial`.
    pub serial: Vec<Serial>,
    /// `strategy`.
    pub strategy: Option<Node>,
    /// `order`.
    pub order: Option<Node>,
    /// `max_fail_percentage`.
    pub max_fail_percentage: Option<Node>,
    /// `force_handlers`.
    pub force_handlers: Option<Node>,
    /// `pre_tasks`.
    pub pre_tasks: Vec<Item>,
    /// The roles' tasks in their order, dependencies first.
    pub role_tasks: Vec<Item>,
    /// `tasks`.
    pub tasks: Vec<Item>,
    /// `post_tasks`.
    pub post_tasks: Vec<Item>,
    /// The roles' handlers, the play's and those of imported roles, in the order in which they run. Of two with the same
    /// name the last is meant.
    pub handlers: Vec<Handler>,
    /// The roles and those that are imported, in their order: their defaults and vars count for the whole play, and so do
    /// those of their dependencies.
    pub roles: Vec<Arc<Role>>,
}

/// One entry of `serial`.
#[derive(Debug, Clone)]
pub struct Serial(pub Node);

/// One entry of `vars_prompt`.
#[derive(Debug, Clone)]
pub struct VarsPrompt {
    /// The variable.
    pub name: String,
    /// What is asked.
    pub prompt: String,
    /// What an empty answer means.
    pub default: Option<Node>,
    /// Whether what is typed is not shown.
    pub private: bool,
    /// Whether it is asked twice.
    pub confirm: bool,
    /// `encrypt`: how the answer is hashed.
    pub encrypt: Option<String>,
    /// `salt`, for the hash.
    pub salt: Option<String>,
    /// `salt_size`: how long the salt is if none is given.
    pub salt_size: Option<usize>,
    /// `unsafe`: templates in the answer are none.
    pub is_unsafe: bool,
    /// Where it stands.
    pub place: Place,
}

/// A role that needs another, as that one sees it.
#[derive(Debug, Clone)]
pub struct Dependent {
    /// `vars/main.yml`.
    pub vars: Vec<(Node, Node)>,
    /// `defaults/main.yml`.
    pub defaults: Vec<(Node, Node)>,
    /// What it was given.
    pub params: Vec<(Node, Node)>,
    /// The role that needs it in turn.
    pub dependent: Option<Arc<Dependent>>,
}

/// A role that is used.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name as the play says it; of a collection's role the full name.
    pub name: String,
    /// The collection that it belongs to.
    pub collection: Option<String>,
    /// Two roles with the same identity are the same with the same parameters: name, path, parameters, `when`, `tags` and
    /// the files it was asked for. Unless `allow_duplicates`, the second does not run on a host where the first has run.
    pub identity: u64,
    /// Its directory: `role_path`.
    pub path: PathBuf,
    /// `defaults/main.yml`.
    pub defaults: Vec<(Node, Node)>,
    /// `vars/main.yml`.
    pub vars: Vec<(Node, Node)>,
    /// What the play or `include_role` gives it: parameters, and `vars` over them.
    pub params: Vec<(Node, Node)>,
    /// `meta/argument_specs.yml`: entry point to options.
    pub argument_specs: Option<Node>,
    /// Those that need it, the nearest first: their names stand in `ansible_parent_role_names`.
    pub parents: Vec<String>,
    /// Their directories.
    pub above: Vec<PathBuf>,
    /// The role whose task includes or imports it: what that role's defaults, vars and parameters say counts too, if
    /// this one's own do not say it.
    pub inside: Option<Arc<Role>>,
    /// Its dependencies.
    pub dependencies: Vec<Arc<Role>>,
    /// The role that needs it, if it is a dependency: what that one was given and says counts here too.
    pub dependent: Option<Arc<Dependent>>,
    /// Whether it may run more than once with the same parameters.
    pub allow_duplicates: bool,
}

/// A task, a block, or what is included when the engine comes to it.
#[derive(Debug, Clone)]
pub enum Item {
    /// One task. `include_tasks`, `include_role` and `meta` are tasks too.
    Task(Arc<Task>),
    /// Several with what happens if one fails.
    Block(Arc<Block>),
}

/// `block`, `rescue` and `always`.
#[derive(Debug, Clone)]
pub struct Block {
    /// What a person calls it.
    pub name: Option<Node>,
    /// Where it stands.
    pub place: Place,
    /// What is tried.
    pub block: Vec<Item>,
    /// What is done if it fails.
    pub rescue: Vec<Item>,
    /// What is done in any case.
    pub always: Vec<Item>,
    /// The keywords of the play, the blocks around and this one, outermost first.
    pub levels: Vec<Level>,
}

/// One level of inherited keywords.
pub type Level = Arc<Common>;

/// A handler.
#[derive(Debug, Clone)]
pub struct Handler {
    /// The task.
    pub task: Arc<Task>,
    /// What else it answers to.
    pub listen: Vec<Node>,
}

/// One task.
#[derive(Debug, Clone)]
pub struct Task {
    /// What a person calls it; a template.
    pub name: Option<Node>,
    /// Where it begins.
    pub place: Place,
    /// What it does.
    pub action: Action,
    /// The keywords of the play, the role, the blocks around and the task itself, outermost first. Of most of them the
    /// innermost counts; `when` and `tags` add up, `vars` and `environment` lie over each other.
    pub levels: Vec<Level>,
    /// The role it belongs to.
    pub role: Option<Arc<Role>>,
    /// The file it stands in.
    pub file: PathBuf,
    /// The directories of the files through which it was included, its own file's first: what it includes is looked for
    /// there. Empty for what stands in the playbook itself or in a role's main file.
    pub dirs: Vec<PathBuf>,
    /// `loop` and `with_…`.
    pub repeat: Option<Loop>,
    /// `loop_control`.
    pub loop_control: LoopControl,
    /// `register`.
    pub register: Option<String>,
    /// `changed_when`, all of which must hold.
    pub changed_when: Vec<Node>,
    /// `failed_when`, all of which must hold.
    pub failed_when: Vec<Node>,
    /// `until`, all of which must hold.
    pub until: Vec<Node>,
    /// `retries`.
    pub retries: Option<Node>,
    /// `delay`.
    pub delay: Option<Node>,
    /// `notify`, its own or that of the innermost block or import around it.
    pub notify: Vec<Node>,
    /// `delegate_to`, its own or that of the innermost block, import or role around it.
    pub delegate_to: Option<Node>,
    /// `delegate_facts`, likewise.
    pub delegate_facts: Option<Node>,
    /// `async`.
    pub seconds: Option<Node>,
    /// `poll`.
    pub poll: Option<Node>,
}

/// What a task does.
#[derive(Debug, Clone)]
pub struct Action {
    /// The module as the playbook names it; behind `action:` it may be a template.
    pub name: String,
    /// Where its name stands.
    pub place: Place,
    /// Its options, in their order: those behind the module's name, over those of `args:`. A free-form text is the value
    /// of `_raw_params`.
    pub options: Vec<(Node, Node)>,
    /// `args:` or the options as a whole, if they are one template.
    pub whole: Option<Node>,
}

/// What a task goes through.
#[derive(Debug, Clone)]
pub struct Loop {
    /// `loop`, or the name behind `with_`.
    pub kind: String,
    /// Where it stands.
    pub place: Place,
    /// Its values.
    pub values: Node,
}

/// `loop_control`.
#[derive(Debug, Clone, Default)]
pub struct LoopControl {
    /// `loop_var`.
    pub loop_var: Option<Node>,
    /// `index_var`.
    pub index_var: Option<Node>,
    /// `label`.
    pub label: Option<Node>,
    /// `pause`, in seconds.
    pub pause: Option<Node>,
    /// `extended`.
    pub extended: Option<Node>,
    /// `extended_allitems`.
    pub extended_allitems: Option<Node>,
    /// `break_when`, all of which must hold.
    pub break_when: Vec<Node>,
}

/// The keywords that plays, blocks, roles and tasks have in common.
#[derive(Debug, Clone, Default)]
pub struct Common {
    /// `when`, all of which must hold.
    pub when: Vec<Node>,
    /// `tags`.
    pub tags: Vec<Node>,
    /// `vars`.
    pub vars: Vec<(Node, Node)>,
    /// `environment`: mappings, or templates that give one.
    pub environment: Vec<Node>,
    /// `module_defaults`: mappings from names of modules to options.
    pub module_defaults: Vec<Node>,
    /// The action groups among them, by their whole names, with the whole names of their modules.
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// All the others, by name: `become`, `become_user`, `become_method`, `become_flags`, `become_exe`, `remote_user`,
    /// `connection`, `port`, `check_mode`, `diff`, `no_log`, `ignore_errors`, `ignore_unreachable`, `run_once`,
    /// `any_errors_fatal`, `throttle`, `timeout`, `debugger`, `collections`, `delegate_to`, `delegate_facts`, `notify`,
    /// `listen`.
    pub others: BTreeMap<String, Node>,
}

impl Task {
    /// What `module_defaults` says of a module, as it is written, the weakest first: what its groups are given, then what it is
    /// given itself. Of several levels that name the same, only the innermost counts. `service` hands its options on to
    /// `systemd`, and `package` to `apt`, whose defaults they have too.
    pub fn module_defaults(&self, collection: &str, name: &str) -> Vec<&Node> {
        let behind = match (collection, name) {
            ("ansible.builtin", "service") => self.defaults_of(collection, "systemd"),
            ("ansible.builtin", "package") => self.defaults_of(collection, "apt"),
            _ => Vec::new(),
        };
        behind.into_iter().chain(self.defaults_of(collection, name)).collect()
    }

    fn defaults_of(&self, collection: &str, name: &str) -> Vec<&Node> {
        let full = format!("{collection}.{name}");
        let legacy = format!("ansible.legacy.{name}");
        let mut own = None;
        let mut groups: Vec<(String, &Node)> = Vec::new();
        for level in &self.levels {
            for (key, value) in level.module_defaults.iter().filter_map(Node::as_map).flatten() {
                let Some(key) = key.as_str() else { continue };
                if key == name || key == full || key == legacy {
                    own = Some(value);
                }
                let Some(group) = key.strip_prefix("group/").map(super::groups::whole) else { continue };
                if !level.groups.get(&group).is_some_and(|modules| modules.contains(&full)) {
                    continue;
                }
                match groups.iter_mut().find(|(known, _)| *known == group) {
                    Some(known) => known.1 = value,
                    None => groups.push((group, value)),
                }
            }
        }
        groups.into_iter().map(|(_, value)| value).chain(own).collect()
    }

    /// A keyword of which the innermost counts.
    pub fn keyword(&self, name: &str) -> Option<&Node> {
        self.inherited(name).next()
    }

    /// All values of such a keyword, from the innermost on: one that turns out to be `omit` leaves it to the next.
    pub fn inherited(&self, name: &str) -> impl Iterator<Item = &Node> {
        self.levels.iter().rev().filter_map(move |level| level.others.get(name))
    }
}
