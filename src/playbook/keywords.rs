//! Which keyword may stand where, and what its value is (the attributes of ansible-core's playbook classes).

use crate::yaml::{Node, Value, plain};

/// What a mapping of a playbook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Play,
    Block,
    Task,
    Handler,
    Role,
    Playbook,
    Include,
}

impl On {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// In words: `a task`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Play => "a play",
            Self::Block => "a block",
            Self::Task => "a task",
            Self::Handler => "a handler",
            Self::Role => "a role",
            Self::Playbook => "`import_playbook`",
            Self::Include => "an include",
        }
    }
}

/// What a keyword's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Bool,
    Int,
    Float,
    Percent,
    Text,
    /// A text or a list of texts.
    Texts,
    /// One of these.
    One(&'static [&'static str]),
    /// A list of tasks.
    Tasks,
    /// It is looked at where it is read.
    Other,
}

/// A keyword.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    on: u8,
}

const PLAY: u8 = On::Play.bit();
const BLOCK: u8 = On::Block.bit();
const TASK: u8 = On::Task.bit() | On::Handler.bit();
const HANDLER: u8 = On::Handler.bit();
const ROLE: u8 = On::Role.bit();
const PLAYBOOK: u8 = On::Playbook.bit();
/// `include_tasks` and `include_role`: the others would have no effect, and Ansible refuses them.
const INCLUDE: u8 = On::Include.bit();
const BASE: u8 = PLAY | BLOCK | TASK | ROLE | PLAYBOOK;

const fn keyword(name: &'static str, shape: Shape, on: u8) -> Keyword {
    Keyword { name, shape, on }
}

/// All of them.
#[rustfmt::skip]
pub(super) const KEYWORDS: &[Keyword] = &[
    keyword("name", Shape::Text, BASE | INCLUDE),
    keyword("connection", Shape::Text, BASE),
    keyword("port", Shape::Int, BASE),
    keyword("remote_user", Shape::Text, BASE),
    keyword("vars", Shape::Other, BASE | INCLUDE),
    keyword("module_defaults", Shape::Other, BASE),
    keyword("environment", Shape::Other, BASE),
    keyword("no_log", Shape::Bool, BASE | INCLUDE),
    keyword("run_once", Shape::Bool, BASE | INCLUDE),
    keyword("ignore_errors", Shape::Bool, BASE | INCLUDE),
    keyword("ignore_unreachable", Shape::Bool, BASE),
    keyword("check_mode", Shape::Bool, BASE),
    keyword("diff", Shape::Bool, BASE),
    keyword("any_errors_fatal", Shape::Bool, BASE),
    keyword("throttle", Shape::Int, BASE),
    keyword("timeout", Shape::Int, BASE | INCLUDE),
    keyword("debugger", Shape::One(&["always", "on_failed", "on_unreachable", "on_skipped", "never"]), BASE | INCLUDE),
    keyword("become", Shape::Bool, BASE),
    keyword("become_method", Shape::Text, BASE),
    keyword("become_user", Shape::Text, BASE),
    keyword("become_flags", Shape::Text, BASE),
    keyword("become_exe", Shape::Text, BASE),
    keyword("tags", Shape::Other, BASE | INCLUDE),
    keyword("when", Shape::Other, BLOCK | TASK | ROLE | PLAYBOOK | INCLUDE),
    keyword("collections", Shape::Texts, PLAY | BLOCK | TASK | ROLE | INCLUDE),
    keyword("delegate_to", Shape::Text, BLOCK | TASK | ROLE),
    keyword("delegate_facts", Shape::Bool, BLOCK | TASK | ROLE),
    keyword("notify", Shape::Texts, BLOCK | TASK),
    keyword("hosts", Shape::Other, PLAY),
    keyword("user", Shape::Text, PLAY),
    keyword("gather_facts", Shape::Bool, PLAY),
    keyword("gather_subset", Shape::Texts, PLAY),
    keyword("gather_timeout", Shape::Int, PLAY),
    keyword("fact_path", Shape::Text, PLAY),
    keyword("vars_files", Shape::Other, PLAY),
    keyword("vars_prompt", Shape::Other, PLAY),
    keyword("roles", Shape::Other, PLAY),
    keyword("pre_tasks", Shape::Tasks, PLAY),
    keyword("tasks", Shape::Tasks, PLAY),
    keyword("post_tasks", Shape::Tasks, PLAY),
    keyword("handlers", Shape::Tasks, PLAY),
    keyword("force_handlers", Shape::Bool, PLAY),
    keyword("max_fail_percentage", Shape::Percent, PLAY),
    keyword("serial", Shape::Other, PLAY),
    keyword("strategy", Shape::Text, PLAY),
    keyword("order", Shape::One(&["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"]), PLAY),
    keyword("block", Shape::Tasks, BLOCK),
    keyword("rescue", Shape::Tasks, BLOCK),
    keyword("always", Shape::Tasks, BLOCK),
    keyword("action", Shape::Other, TASK | INCLUDE),
    keyword("local_action", Shape::Other, TASK),
    keyword("args", Shape::Other, TASK | INCLUDE),
    keyword("loop", Shape::Other, TASK | INCLUDE),
    keyword("loop_control", Shape::Other, TASK | INCLUDE),
    keyword("register", Shape::Other, TASK | INCLUDE),
    keyword("changed_when", Shape::Other, TASK),
    keyword("failed_when", Shape::Other, TASK),
    keyword("until", Shape::Other, TASK),
    keyword("retries", Shape::Int, TASK),
    keyword("delay", Shape::Float, TASK),
    keyword("async", Shape::Int, TASK),
    keyword("poll", Shape::Int, TASK),
    keyword("listen", Shape::Texts, HANDLER | INCLUDE),
    keyword("role", Shape::Text, ROLE),
    keyword("import_playbook", Shape::Other, PLAYBOOK),
];

/// The keyword of that name, wherever it may stand.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The names of those that may stand there.
pub(super) fn names(on: On) -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().filter(move |keyword| keyword.may_stand(on)).map(|keyword| keyword.name)
}

/// What a mapping with that key is, if only one thing has it.
pub(super) fn home(name: &str) -> Option<On> {
    let keyword = find(name)?;
    [On::Play, On::Block, On::Task, On::Handler, On::Role].into_iter().find(|on| keyword.may_stand(*on))
}

impl Keyword {
    /// Whether it may stand there.
    pub(super) fn may_stand(&self, on: On) -> bool {
        self.on & on.bit() != 0
    }

    /// What is wrong with a value, in words that follow the keyword's name.
    pub(super) fn wrong(&self, node: &Node) -> Option<String> {
        if self.shape != Shape::Tasks && (node.is_template() || matches!(node.value, Value::Vault(_))) {
            return None;
        }
        let told = |what: &str| Some(format!("is {what}, and this is {}", described(node)));
        let text = plain(&node.value);
        let single = !matches!(node.value, Value::List(_) | Value::Map(_));
        match self.shape {
            Shape::Bool if boolean(node).is_none() => told("true or false"),
            Shape::Int if !single || whole(&text).is_none() => told("a whole number"),
            Shape::Float if !single || text.trim().parse::<f64>().is_err() => told("a number"),
            Shape::Percent if !single || text.replace('%', "").trim().parse::<f64>().is_err() => told("a number, or a percentage"),
            Shape::Text if !single => told("a text"),
            Shape::Texts => {
                let items = node.as_list().unwrap_or(std::slice::from_ref(node));
                let other = items.iter().find(|item| !matches!(item.value, Value::Str(_) | Value::Vault(_)))?;
                Some(format!("is a text or a list of texts, and this is {}", described(other)))
            }
            Shape::One(choices) if !choices.contains(&text.as_str()) => told(&format!("one of {}", choices.join(", "))),
            Shape::Tasks if !matches!(node.value, Value::List(_)) => told("a list of tasks"),
            _ => None,
        }
    }
}

/// What a person called it.
pub(super) fn described(node: &Node) -> String {
    match &node.value {
        Value::List(_) | Value::Map(_) | Value::Null => node.value.kind().to_owned(),
        _ if node.secret => "something else".to_owned(),
        Value::Str(text) if text.len() > 40 => "a text".to_owned(),
        value => format!("`{}`", plain(value)),
    }
}

/// Truth in all of Ansible's spellings (module_utils/parsing/convert_bool.py).
pub(super) fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Bool(truth) => Some(*truth),
        Value::List(_) | Value::Map(_) | Value::Null => None,
        value => match plain(value).trim().to_lowercase().as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
            "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Some(false),
            _ => None,
        },
    }
}

/// A number with nothing behind its point is whole.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.split_once('.').filter(|(_, rest)| rest.bytes().all(|b| b == b'0'))?.0.parse().ok())
}
