//! What every module is.

use serde_json::{Map, Value};

use super::reboot::{Rebooting, Reconnecting};
use super::{Args, Spec};
use crate::node::apply::{Carried, Output};
use crate::node::steps::Step;
use crate::plan::{Facts, Plan, Stop, Touch};
use crate::template::TemplateOptions;

/// A module that looks at a machine and changes it.
pub trait Module: Sync {
    /// Its name and arguments.
    fn spec(&self) -> &'static Spec;

    /// What is wrong with arguments on any machine. Those that are templates yet are not among them.
    fn wrong(&self, _args: &Args) -> Vec<Wrong> {
        Vec::new()
    }

    /// Whether it works by the settings of the cluster, the variable `cluster`: these are then looked at before the first
    /// connection, and what is wrong with them stops the run.
    fn reads_cluster(&self) -> bool {
        false
    }

    /// What is to be done: a pure function of the arguments and of what is known of the machine.
    ///
    /// # Errors
    /// What has to be read first, or what cannot be known.
    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop>;

    /// What is left to be done after what [`Decision::part`] called a first part: planned from what is true by then.
    ///
    /// # Errors
    /// What has to be read first, or what cannot be known.
    fn rest(&self, _task: &Task<'_>, _facts: &Facts<'_>) -> Result<Decision, Stop> {
        Ok(Decision::unchanged())
    }

    /// What is registered, beside what [`Decision::result`] has: from what the steps said (`None` in check mode, and where
    /// nothing was done) and from facts as they are now, or are predicted to be. Called only if somebody reads it.
    ///
    /// `failed: true` and `msg` make the task fail.
    ///
    /// # Errors
    /// What has to be read first, or what cannot be known.
    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(Map::new())
    }

    /// What is registered, beside the message, where a step failed that said this.
    fn failed(&self, _task: &Task<'_>, _output: &Output) -> Map<String, Value> {
        Map::new()
    }

    /// The same, where it matters which step it was.
    fn failed_step(&self, task: &Task<'_>, _step: Option<&Step>, output: &Output) -> Map<String, Value> {
        self.failed(task, output)
    }

    /// Whether it acts every time it runs and nothing can be known before: commands. It is never read ahead over, and in
    /// check mode it is not run, unless [`Module::only_reads`].
    fn is_opaque(&self) -> bool {
        false
    }

    /// Whether what it looks at changes by itself, so that nothing that was read before tells.
    fn looks_afresh(&self, _task: &Task<'_>) -> bool {
        false
    }

    /// Whether this call of an opaque module can only read.
    fn only_reads(&self, _task: &Task<'_>) -> bool {
        false
    }
}

/// What is wrong with the value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The option.
    pub option: &'static str,
    /// What is wrong.
    pub why: String,
    /// What to do about it; empty where that is plain.
    pub hint: String,
}

impl Wrong {
    /// That of this option.
    pub fn new(option: &'static str, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { option, why: why.into(), hint: hint.into() }
    }
}

/// One call of a module on one host.
pub struct Task<'a> {
    /// Its arguments, rendered and of their kinds.
    pub args: &'a Args,
    /// Whether nothing is to be changed.
    pub check: bool,
    /// Whether it is registered what differs.
    pub diff: bool,
    /// The variables that the task sets for its programs.
    pub environment: &'a [(String, String)],
    /// The user that it runs as.
    pub user: &'a str,
    /// Whether somebody reads what it registers: what is only told then need not be read else.
    pub wanted: bool,
    /// What it may see of this machine.
    pub outside: &'a dyn Outside,
    /// The run, in words that no other run has.
    pub run: &'a str,
}

/// What a module may see of the machine that this program runs on, and of the play.
pub trait Outside {
    /// The content of a file that a task names: searched in the role's and the playbook's folders (`files`, `templates`…).
    ///
    /// # Errors
    /// Where was looked, and why it cannot be read.
    fn file(&self, folder: &str, name: &str) -> Result<Vec<u8>, String>;

    /// The same without a vault opened.
    ///
    /// # Errors
    /// As above.
    fn as_it_is(&self, folder: &str, name: &str) -> Result<Vec<u8>, String>;

    /// The file itself, where it is so large that its content is not to be held in memory, and is no vault.
    ///
    /// # Errors
    /// As above.
    fn large(&self, folder: &str, name: &str) -> Result<Option<LocalFile>, String>;

    /// A file's permission bits.
    ///
    /// # Errors
    /// As above.
    fn mode(&self, folder: &str, name: &str) -> Result<u32, String>;

    /// What stands below a directory that a task names: relative path, permission bits, content (`None` for a directory).
    /// Of a file: that file alone, with an empty path.
    ///
    /// With `follow` (the usual), links come as what they lead to, but for those that lead nowhere or in a circle.
    ///
    /// # Errors
    /// As above.
    fn tree(&self, folder: &str, name: &str, follow: bool) -> Result<Vec<LocalEntry>, String>;

    /// Where a task's file or directory is; with a slash behind it if the name has one.
    ///
    /// # Errors
    /// Where was looked.
    fn found(&self, folder: &str, name: &str) -> Result<String, String>;

    /// Whether a task's file is a directory.
    fn is_directory(&self, folder: &str, name: &str) -> bool;

    /// A template's text, rendered with the task's variables and its own.
    ///
    /// # Errors
    /// What is wrong with it.
    fn render(&self, template: &TemplateText<'_>) -> Result<String, String>;
}

/// A large file here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Its absolute path.
    pub path: String,
    /// How long it is, in bytes.
    pub size: u64,
    /// Its SHA-1 in lower-case hex.
    pub sha1: String,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
}

/// The text of a template file.
#[derive(Debug)]
pub struct TemplateText<'a> {
    /// The file's name as the task has it: where `include` starts, and for messages.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Variables beside the task's own: `template_path` and the like. `ansible_managed` gives way to a variable of that
    /// name. What tells of this machine (`template_fullpath`, `template_host`, …) is added by who renders.
    pub variables: &'a Map<String, Value>,
    /// How its statements are written, and what becomes of line ends.
    pub options: &'a TemplateOptions,
}

/// A file or directory here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalEntry {
    /// Its path below the directory that was named.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// Its content; `None` for a directory and a link.
    pub content: Option<Vec<u8>>,
    /// Where it points to, if it is to be a link there too.
    pub link: Option<String>,
}

/// What a module decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What is to be done on the host.
    pub act: Act,
    /// What is registered whatever happens.
    pub result: Map<String, Value>,
    /// What is to be written on this machine.
    pub local: Vec<LocalWrite>,
    /// Whether what is done counts as no change: the service manager that reads its files again.
    pub quiet: bool,
    /// Whether this is only a first part, after which the rest is planned: package lists have to be new before it can be
    /// said what is to be installed from them.
    pub part: bool,
    /// A disk that is formatted by it: a person's word comes first.
    pub formatting: Option<Formatting>,
}

/// A disk that is to be formatted, in a person's words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Formatting {
    /// Its name that stays.
    pub disk: String,
    /// Its model; empty where it says none.
    pub model: String,
    /// Its serial number; empty where it says none.
    pub serial: String,
    /// How large it is.
    pub size: String,
    /// What is on it now.
    pub holds: String,
    /// What it becomes, and where.
    pub becomes: String,
}

/// A file that is to be on the machine that this program runs on.
///
/// Who carries it out makes missing directories, compares first and writes only what differs: then the task is changed.
/// `dest` in the result, if it is there, becomes the absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalWrite {
    /// Where; a relative path is below the playbook's directory.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Its permission bits; if there are none, as any new file has them.
    pub mode: Option<u32>,
    /// What is said where a directory is in the way: Ansible's `msg`, `{}` in it stands for the absolute path.
    pub in_the_way: &'static str,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// What a plan says.
    Plan(Plan<Step>),
    /// The task is not for this host: `creates` is there already and the like; why.
    Skip(String),
    /// It cannot be done; Ansible's `msg`.
    Fail(String),
    /// In check mode: only a real run says what comes of it, why; and what it may touch.
    Pending(String, Vec<Touch>),
    /// The machine is rebooted; in check mode it is only said to be.
    Reboot(Rebooting),
    /// The connection is given up, and the machine is reached anew.
    Reconnect(Reconnecting),
}

impl Decision {
    /// All is as it should be.
    pub fn unchanged() -> Self {
        Self::from(Plan::Unchanged)
    }

    /// The task fails.
    pub fn fail(message: impl Into<String>) -> Self {
        Self { act: Act::Fail(message.into()), result: Map::new(), local: Vec::new(), quiet: false, part: false, formatting: None }
    }

    /// What is done counts as no change.
    #[must_use]
    pub fn quietly(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// It is only a first part.
    #[must_use]
    pub fn in_part(mut self) -> Self {
        self.part = true;
        self
    }

    /// And this is registered.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// And this warning is registered, and told.
    #[must_use]
    pub fn warns(mut self, message: impl Into<String>) -> Self {
        match self.result.entry("warnings").or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(warnings) => warnings.push(message.into().into()),
            other => *other = Value::Array(vec![message.into().into()]),
        }
        self
    }
}

impl From<Plan<Step>> for Decision {
    fn from(plan: Plan<Step>) -> Self {
        Self { act: Act::Plan(plan), result: Map::new(), local: Vec::new(), quiet: false, part: false, formatting: None }
    }
}
