//! What is shared while the files of a playbook are read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::context::Context;
use super::file::Document;
use super::play::Import;
use super::tree::{Handler, Included, Playbook, Role};
use crate::diagnostics::{Diagnostic, Diagnostics, Level, Place};
use crate::template::Engine;
use crate::yaml::{Keys, Node, Value};

/// More tasks are nobody's playbook: imports of imports multiply.
const MOST_TASKS: usize = if cfg!(test) { 5_000 } else { 100_000 };
/// Deeper nesting of blocks and imports is nobody's playbook.
const DEEPEST: usize = 64;

/// What reading a playbook needs to know.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The directory in which the program was called, absolute: relative names start there.
    pub dir: &'a Path,
    /// Where roles are looked for, beside `roles` at the playbook.
    pub roles: &'a [PathBuf],
    /// Where `ansible_collections` is looked for, beside `collections` at the playbook.
    pub collections: &'a [PathBuf],
    /// Renders the names of imported files and roles.
    pub engine: &'a Engine,
    /// The extra variables.
    pub vars: &'a BTreeMap<String, Node>,
    /// Opens encrypted files.
    pub keys: &'a Keys,
    /// What `~` is.
    pub home: &'a Path,
}

pub(super) struct Loader<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) problems: Diagnostics,
    pub(super) documents: HashMap<PathBuf, Document>,
    /// Handlers and roles that imports bring with them.
    pub(super) handlers: Vec<Handler>,
    pub(super) roles: Vec<Arc<Role>>,
    /// What the play's `vars_files` hold, as far as they are there.
    pub(super) file_vars: Vec<(Node, Node)>,
    /// Plain names that tasks include, to be looked at in the end.
    pub(super) ahead: Vec<Ahead>,
    /// Whether what is read may be written before its turn comes: what is missing is a warning then.
    is_ahead: bool,
    tasks: usize,
    /// The directory of the playbook: collections may stand there.
    pub(super) playbook_dir: PathBuf,
}

/// What a task includes.
pub(super) struct Ahead {
    pub(super) name: Node,
    pub(super) from: Option<super::RoleFrom>,
    pub(super) context: Context,
}

impl<'a> Loader<'a> {
    pub(super) fn new(request: &'a Request<'a>) -> Self {
        Self {
            request,
            problems: Diagnostics::new(),
            documents: HashMap::new(),
            handlers: Vec::new(),
            roles: Vec::new(),
            file_vars: Vec::new(),
            ahead: Vec::new(),
            is_ahead: false,
            tasks: 0,
            playbook_dir: PathBuf::new(),
        }
    }

    /// For a playbook in that directory.
    pub(super) fn at(mut self, playbook_dir: &Path) -> Self {
        self.playbook_dir = playbook_dir.to_owned();
        self
    }

    pub(super) fn error(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Diagnostic::error(message).at(place.clone()).hint(hint));
    }

    pub(super) fn warning(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Diagnostic::warning(message).at(place.clone()).hint(hint));
    }

    /// Something that is named is not there.
    pub(super) fn missing(&mut self, problem: Diagnostic) {
        let level = if self.is_ahead { Level::Warning } else { problem.level };
        self.problems.push(Diagnostic { level, ..problem });
    }

    /// Counts a task; false if there are too many, or too many blocks and imports around it. It has been said then.
    pub(super) fn fits(&mut self, place: &Place, context: &Context) -> bool {
        self.tasks += 1;
        if self.tasks > MOST_TASKS {
            // told once
            if self.tasks == MOST_TASKS + 1 {
                self.error(place, format!("the playbook holds more than {MOST_TASKS} tasks"), "imports of imports multiply; import less");
            }
            return false;
        }
        if context.depth > DEEPEST {
            let message = format!("more than {DEEPEST} blocks and imports stand in each other here");
            self.error(place, message, "use fewer of them");
            return false;
        }
        true
    }

    /// A name with its templates rendered, with what is known before anything runs. `None`: it has been said why not.
    pub(super) fn rendered(&mut self, node: &Node, context: &Context, what: &str) -> Option<String> {
        let rendered = if node.is_template() || matches!(node.value, Value::Vault(_)) {
            match self.request.engine.render(node, Arc::new(self.variables(context))) {
                Ok(rendered) => rendered,
                Err(problem) => {
                    let hint =
                        "it is needed before the play begins: only extra variables, and those of the play and its roles are known then";
                    let hint = problem.hint.as_ref().map_or(hint.to_owned(), |first| format!("{first}; {hint}"));
                    self.problems.push(problem.hint(hint));
                    return None;
                }
            }
        } else {
            node.clone()
        };
        match &rendered.value {
            Value::Str(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Int(number) => Some(number.to_string()),
            _ => {
                self.error(&node.place, format!("{what} is a name, and this is {}", rendered.value.kind()), "write the name as a text");
                None
            }
        }
    }

    /// The variables that are known before anything runs, the weakest first.
    fn variables(&self, context: &Context) -> BTreeMap<String, Node> {
        let mut all = BTreeMap::new();
        let mut take = |vars: &[(Node, Node)]| {
            all.extend(vars.iter().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.clone()))));
        };
        let (play, inner) = context.levels.split_first().map_or((None, &[][..]), |(play, inner)| (Some(play), inner));
        let role = context.role.as_deref();
        role.into_iter().for_each(|role| take(&role.defaults));
        play.into_iter().for_each(|play| take(&play.vars));
        take(&self.file_vars);
        role.into_iter().for_each(|role| take(&role.vars));
        inner.iter().for_each(|level| take(&level.vars));
        role.into_iter().for_each(|role| take(&role.params));
        all.extend(self.request.vars.iter().map(|(name, value)| (name.clone(), value.clone())));
        let place = || crate::diagnostics::Source::new("", "").whole();
        let mut own = |name: &str, value: String| {
            all.insert(name.to_owned(), Node { literal: true, ..Node::new(value, place()) });
        };
        own("playbook_dir", context.playbook_dir.display().to_string());
        if let Some(role) = role {
            own("role_path", role.path.display().to_string());
            own("role_name", role.name.rsplit('.').next().unwrap_or_default().to_owned());
            own("ansible_role_name", role.name.clone());
        }
        all
    }

    /// Looks at what is included by a plain name, each file once: an include may include itself, with a condition.
    pub(super) fn look_ahead(&mut self) -> Vec<Included> {
        self.is_ahead = true;
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        while let Some(Ahead { name, from, context }) = self.ahead.pop() {
            let context = Context { chain: Vec::new(), depth: 0, ..context };
            let role = context.role.as_ref().map(|role| role.path.clone());
            let files = from.as_ref().map(|from| [&from.tasks, &from.vars, &from.defaults, &from.handlers]);
            let files = files.map(|files| files.map(|file| file.as_ref().map(crate::yaml::python_str)));
            let text = name.as_str().unwrap_or_default().trim();
            let path = if from.is_none() { self.find_tasks(text, &context, true).found } else { None };
            let what = path.unwrap_or_else(|| PathBuf::from(text));
            if !seen.insert((what, files, role, context.handlers, context.playbook_dir.clone())) {
                continue;
            }
            let mut items = Vec::new();
            match &from {
                None => self.include(&name, &context, &mut items),
                Some(from) => self.role_of_task(&name, from, &context, &mut items),
            }
            all.push(self.included(items));
        }
        self.is_ahead = false;
        all
    }

    /// All problems, each once: a file may be imported several times.
    pub(super) fn told(&mut self) -> Diagnostics {
        let mut seen = HashSet::new();
        let mut problems = std::mem::take(&mut self.problems);
        problems.0.retain(|problem| {
            let place = problem.place.as_ref().map(|place| (Arc::clone(&place.source.name), place.span.clone()));
            seen.insert((problem.message.clone(), place))
        });
        // file after file, each from its beginning
        let mut order: HashMap<Arc<str>, usize> = HashMap::new();
        for problem in &problems.0 {
            let next = order.len() + 1;
            problem.place.iter().for_each(|place| _ = order.entry(Arc::clone(&place.source.name)).or_insert(next));
        }
        problems.0.sort_by_key(|problem| {
            problem.place.as_ref().map(|place| (order.get(&place.source.name).copied().unwrap_or(0), place.span.start))
        });
        problems
    }

    /// What has come together beside the tasks.
    pub(super) fn included(&mut self, items: Vec<super::Item>) -> Included {
        Included { items, handlers: std::mem::take(&mut self.handlers), roles: std::mem::take(&mut self.roles) }
    }
}

/// Reads a playbook and all that it imports, and looks at what it includes. `path` is as the person typed it.
///
/// All problems are told at once; with errors among them the playbook is not whole.
pub fn load(path: &Path, request: &Request<'_>) -> (Playbook, Diagnostics) {
    let mut loader = Loader::new(request);
    let mut playbook = Playbook::default();
    let path = loader.absolute(Path::new(""), &path.display().to_string());
    loader.playbook(&path, None, &Import::default(), &mut playbook);
    playbook.included = loader.look_ahead();
    (playbook, loader.told())
}

/// Reads what `include_tasks` names; `name` is rendered.
pub fn load_tasks(name: &Node, context: &Context, request: &Request<'_>) -> (Included, Diagnostics) {
    let mut loader = Loader::new(request).at(&context.playbook_dir);
    let mut items = Vec::new();
    let mut context = context.clone();
    context.handlers = false;
    loader.include(name, &context, &mut items);
    (loader.included(items), loader.told())
}

/// The same for an include among handlers.
pub fn load_handlers(name: &Node, context: &Context, request: &Request<'_>) -> (Included, Diagnostics) {
    let mut loader = Loader::new(request).at(&context.playbook_dir);
    let mut items = Vec::new();
    let mut context = context.clone();
    context.handlers = true;
    loader.include(name, &context, &mut items);
    (loader.included(items), loader.told())
}

/// Reads what `include_role` names; `name` and `from` are rendered.
pub fn load_role(name: &Node, from: &super::RoleFrom, context: &Context, request: &Request<'_>) -> (Included, Diagnostics) {
    let mut loader = Loader::new(request).at(&context.playbook_dir);
    let mut items = Vec::new();
    loader.role_of_task(name, from, context, &mut items);
    (loader.included(items), loader.told())
}

/// Whether a path is among those that are being read.
pub(super) fn is_open(context: &Context, path: &Path) -> bool {
    context.chain.iter().any(|open| open == path)
}
