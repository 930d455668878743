//! Playbooks in a directory of their own, and their trees as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Block, Handler, Included, Item, Play, Playbook, Request, Role, Task, load};
use crate::diagnostics::{Diagnostics, Source};
use crate::template::{Engine, Surroundings};
use crate::yaml::{Keys, Node, load as load_yaml, one_line};

/// One that opens nothing and sees an empty environment.
pub(super) fn engine() -> Engine {
    Engine::new(Surroundings {
        env: BTreeMap::new(),
        dir: "/nonexistent".into(),
        home: "/home/pat".into(),
        decrypt: Arc::new(|_: &str| Err(("no vault password was given".to_owned(), "give it".to_owned()))),
        from_yaml: None,
        programs: false,
    })
}

/// A directory with files in it.
pub(super) struct Project {
    pub(super) dir: tempfile::TempDir,
    engine: Engine,
    keys: Keys,
    vars: BTreeMap<String, Node>,
    roles: Vec<PathBuf>,
    collections: Vec<PathBuf>,
}

impl Project {
    /// These files: path and text.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (roles, collections) = (vec![dir.path().join("shared")], vec![dir.path().join("galaxy")]);
        Self { dir, engine: engine(), keys: Keys::default(), vars: BTreeMap::new(), roles, collections }
    }

    /// With extra variables, as YAML.
    pub(super) fn vars(mut self, text: &str) -> Self {
        let node = load_yaml(&Source::new("--extra-vars", text)).unwrap().0.unwrap();
        self.vars = node.as_map().unwrap().iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), value.clone())).collect();
        self
    }

    /// With a vault password.
    pub(super) fn password(mut self, password: &str) -> Self {
        self.keys = Keys::new(vec![("default".to_owned(), password.to_owned().into())]);
        self
    }

    pub(super) fn request(&self) -> Request<'_> {
        Request {
            dir: self.dir.path(),
            roles: &self.roles,
            collections: &self.collections,
            engine: &self.engine,
            vars: &self.vars,
            keys: &self.keys,
            home: Path::new("/home/pat"),
        }
    }

    pub(super) fn load(&self) -> (Playbook, Diagnostics) {
        load(Path::new("site.yml"), &self.request())
    }

    /// The tree of `site.yml`, and what was said.
    pub(super) fn shown(&self) -> String {
        let (playbook, problems) = self.load();
        let mut text = String::new();
        playbook.plays.iter().for_each(|play| self.play(play, &mut text));
        playbook.included.iter().for_each(|included| text += &self.included(included));
        if !problems.0.is_empty() {
            let _ = write!(text, "\n{problems}");
        }
        self.plain(&text)
    }

    /// What was included.
    pub(super) fn included(&self, included: &Included) -> String {
        let mut text = "included\n".to_owned();
        self.items(&included.items, 1, &mut text);
        self.handlers(&included.handlers, &mut text);
        included.roles.iter().for_each(|role| self.role(role, 1, &mut text));
        text
    }

    /// What was said of `site.yml`.
    pub(super) fn problems(&self) -> String {
        self.plain(&self.load().1.to_string())
    }

    /// A text without the directory's name.
    pub(super) fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }

    fn path(&self, path: &Path) -> String {
        path.strip_prefix(self.dir.path()).unwrap_or(path).display().to_string()
    }

    fn play(&self, play: &Play, text: &mut String) {
        let _ = writeln!(text, "play {} on {} in `{}`", name(play.name.as_ref()), one_line(&play.hosts), self.path(&play.dir));
        for (key, value) in [
            ("gather_facts", &play.gather_facts),
            ("strategy", &play.strategy),
            ("order", &play.order),
            ("max_fail_percentage", &play.max_fail_percentage),
            ("force_handlers", &play.force_handlers),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "  {key}: {}", one_line(value));
            }
        }
        for (key, list) in [("vars_files", &play.vars_files), ("serial", &play.serial.iter().map(|serial| serial.0.clone()).collect())] {
            if !list.is_empty() {
                let _ = writeln!(text, "  {key}: {}", nodes(list));
            }
        }
        for prompt in &play.vars_prompt {
            let _ = writeln!(text, "  asks {} {:?} private {} confirm {}", prompt.name, prompt.prompt, prompt.private, prompt.confirm);
        }
        for (section, items) in
            [("pre_tasks", &play.pre_tasks), ("roles", &play.role_tasks), ("tasks", &play.tasks), ("post_tasks", &play.post_tasks)]
        {
            if !items.is_empty() {
                let _ = writeln!(text, "  {section}");
                self.items(items, 2, text);
            }
        }
        self.handlers(&play.handlers, text);
        play.roles.iter().for_each(|role| self.role(role, 1, text));
    }

    fn role(&self, role: &Role, depth: usize, text: &mut String) {
        let pad = "  ".repeat(depth);
        let _ = writeln!(text, "{pad}role {} in `{}`", role.name, self.path(&role.path));
        for (key, vars) in [("defaults", &role.defaults), ("vars", &role.vars), ("params", &role.params)] {
            if !vars.is_empty() {
                let _ = writeln!(text, "{pad}  {key}: {}", pairs(vars));
            }
        }
        if !role.parents.is_empty() {
            let _ = writeln!(text, "{pad}  for {}", role.parents.join(" "));
        }
        if role.allow_duplicates {
            let _ = writeln!(text, "{pad}  several times");
        }
        role.dependencies.iter().for_each(|role| self.role(role, depth + 1, text));
    }

    fn handlers(&self, handlers: &[Handler], text: &mut String) {
        for handler in handlers {
            *text += "  handler";
            if !handler.listen.is_empty() {
                let _ = write!(text, " listening to {}", nodes(&handler.listen));
            }
            *text += "\n";
            self.task(&handler.task, 2, text);
        }
    }

    fn items(&self, items: &[Item], depth: usize, text: &mut String) {
        for item in items {
            match item {
                Item::Task(task) => self.task(task, depth, text),
                Item::Block(block) => self.block(block, depth, text),
            }
        }
    }

    fn block(&self, block: &Block, depth: usize, text: &mut String) {
        for (word, items) in [("block", &block.block), ("rescue", &block.rescue), ("always", &block.always)] {
            if !items.is_empty() || word == "block" {
                let shown = if word == "block" { name(block.name.as_ref()) } else { String::new() };
                let _ = writeln!(text, "{}{}", "  ".repeat(depth), format!("{word} {shown}").trim_end());
                self.items(items, depth + 1, text);
            }
        }
    }

    fn task(&self, task: &Task, depth: usize, text: &mut String) {
        let pad = "  ".repeat(depth);
        let action = &task.action;
        let _ = writeln!(text, "{pad}{} = {} {}", name(task.name.as_ref()), action.name, pairs(&action.options));
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "{pad}  {key}: {value}");
        };
        let mut one = |key: &str, value: &Option<Node>| {
            if let Some(value) = value {
                line(key, one_line(value));
            }
        };
        one("all options", &action.whole);
        one("retries", &task.retries);
        one("delay", &task.delay);
        one("delegate_to", &task.delegate_to);
        one("delegate_facts", &task.delegate_facts);
        one("async", &task.seconds);
        one("poll", &task.poll);
        one("loop_var", &task.loop_control.loop_var);
        one("index_var", &task.loop_control.index_var);
        one("label", &task.loop_control.label);
        if let Some(repeat) = &task.repeat {
            line(&format!("over {}", repeat.kind), one_line(&repeat.values));
        }
        if let Some(register) = &task.register {
            line("register", register.clone());
        }
        if let Some(role) = &task.role {
            line("role", role.name.clone());
        }
        if !task.dirs.is_empty() {
            line("dirs", task.dirs.iter().map(|dir| self.path(dir)).collect::<Vec<_>>().join(" "));
        }
        let conditions =
            [("changed_when", &task.changed_when), ("failed_when", &task.failed_when), ("until", &task.until), ("notify", &task.notify)];
        for (key, list) in conditions.into_iter().filter(|(_, list)| !list.is_empty()) {
            line(key, nodes(list));
        }
        for (number, level) in task.levels.iter().enumerate() {
            let lists = [
                ("when", &level.when),
                ("tags", &level.tags),
                ("environment", &level.environment),
                ("module_defaults", &level.module_defaults),
            ];
            let mut said: Vec<String> =
                lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(key, list)| format!("{key} {}", nodes(list))).collect();
            if !level.vars.is_empty() {
                said.push(format!("vars {}", pairs(&level.vars)));
            }
            said.extend(level.others.iter().map(|(key, value)| format!("{key} {}", one_line(value))));
            if !said.is_empty() {
                line(&format!("level {number}"), said.join(", "));
            }
        }
    }
}

fn name(node: Option<&Node>) -> String {
    node.map_or_else(|| "-".to_owned(), one_line)
}

fn nodes(list: &[Node]) -> String {
    format!("[{}]", list.iter().map(one_line).collect::<Vec<_>>().join(", "))
}

fn pairs(map: &[(Node, Node)]) -> String {
    let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{}: {}", one_line(key), one_line(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}
