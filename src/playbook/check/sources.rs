//! Everything that may give a variable a value.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::super::{Playbook, Role, find_vars, load_vars};
use super::Known;
use super::files::{find, is_literal};
use super::names::found;
use super::walk::Seen;
use crate::diagnostics::Diagnostics;
use crate::modules::{FREE_FORM, Found};
use crate::yaml::Node;

/// The names that something defines.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) names: BTreeSet<String>,
    /// Whether there may be others: a file whose name is a template, a module that is not here.
    pub(super) open: bool,
    read: HashSet<PathBuf>,
}

/// Looks at all of them. What is wrong with files of variables is added to `problems`.
pub(super) fn of(playbook: &Playbook, tasks: &[Seen], known: &Known, problems: &mut Diagnostics) -> Sources {
    let mut sources = Sources { names: known.variables.clone(), ..Sources::default() };
    for play in &playbook.plays {
        sources.pairs(&play.common.vars);
        sources.names.extend(play.vars_prompt.iter().map(|prompt| prompt.name.clone()));
        play.roles.iter().for_each(|role| sources.role(role));
        for file in play.vars_files.iter().flat_map(|file| file.as_list().unwrap_or(std::slice::from_ref(file))) {
            match file.as_str().filter(|name| is_literal(file, name)) {
                Some(name) => {
                    let search = find_vars(name, &play.dir, known.request);
                    search.found.into_iter().for_each(|path| sources.file(&path, known, problems));
                }
                None => sources.guess(&[play.dir.clone(), play.dir.join("vars")], known, problems),
            }
        }
    }
    playbook.included.iter().flat_map(|included| &included.roles).for_each(|role| sources.role(role));
    for seen in tasks {
        sources.task(seen, known, problems);
    }
    sources
}

impl Sources {
    fn pairs(&mut self, pairs: &[(Node, Node)]) {
        for (name, _) in pairs {
            self.open |= name.is_template();
            self.names.extend(name.as_str().map(str::to_owned));
        }
    }

    fn role(&mut self, role: &Role) {
        [&role.defaults, &role.vars, &role.params].into_iter().for_each(|pairs| self.pairs(pairs));
        role.dependencies.iter().for_each(|role| self.role(role));
    }

    fn task(&mut self, seen: &Seen, known: &Known, problems: &mut Diagnostics) {
        let task = seen.task;
        task.levels.iter().for_each(|level| self.pairs(&level.vars));
        task.role.iter().for_each(|role| self.role(role));
        self.names.extend(task.register.clone());
        let control = &task.loop_control;
        self.names
            .extend([&control.loop_var, &control.index_var].into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned));
        match seen.module() {
            "set_fact" | "add_host" => {
                // `set_fact: "{{ name }}=…"`
                let text = seen.option(&[FREE_FORM]);
                self.open |= task.action.whole.is_some() || text.is_some_and(Node::is_template);
                let options: Vec<_> = task.action.options.iter().filter(|(key, _)| key.as_str() != Some(FREE_FORM)).cloned().collect();
                self.pairs(&options);
            }
            "include_vars" => self.included(seen, known, problems),
            "service_facts" => self.names.extend(["services".to_owned()]),
            "package_facts" => self.names.extend(["packages".to_owned()]),
            "mount_facts" => self.names.extend(["mount_points".to_owned()]),
            // its result is called after the database
            "getent" => self.open = true,
            "include_tasks" | "include_role" => {
                let name = seen.option(&["file", "name", "role", FREE_FORM]);
                self.open |= name.is_none_or(|name| name.is_template());
            }
            name => self.open |= matches!(found(seen), Found::NotHere) || (matches!(found(seen), Found::Unknown) && name.contains('.')),
        }
    }

    /// `include_vars`
    fn included(&mut self, seen: &Seen, known: &Known, problems: &mut Diagnostics) {
        self.names.extend(seen.option(&["name"]).and_then(Node::as_str).map(str::to_owned));
        let file = seen.option(&["file", "dir", FREE_FORM]);
        let path = file
            .and_then(|file| file.as_str().filter(|name| is_literal(file, name)))
            .map(|name| find(seen.play, seen.task, "vars", name.trim()));
        match path {
            Some(Ok(path)) if path.is_dir() => self.directory(&path, known, problems),
            Some(Ok(path)) => self.file(&path, known, problems),
            // that it is not there has been told
            Some(Err(_)) => {}
            None => {
                let role = seen.task.role.as_ref().map_or(&seen.play.dir, |role| &role.path);
                self.guess(&[role.join("vars"), seen.play.dir.join("vars")], known, problems);
            }
        }
    }

    /// Which file it is, is not known: one of those that stand there, probably.
    fn guess(&mut self, directories: &[PathBuf], known: &Known, problems: &mut Diagnostics) {
        self.open = true;
        directories.iter().filter(|directory| directory.ends_with("vars")).for_each(|directory| self.directory(directory, known, problems));
    }

    fn directory(&mut self, directory: &Path, known: &Known, problems: &mut Diagnostics) {
        let Ok(entries) = std::fs::read_dir(directory) else { return };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let ending = path.extension().and_then(|ending| ending.to_str());
            if path.is_file() && matches!(ending, Some("yml" | "yaml" | "json")) {
                self.file(&path, known, problems);
            }
        }
    }

    /// The variables of a file; one that cannot be read may define any.
    fn file(&mut self, path: &Path, known: &Known, problems: &mut Diagnostics) {
        if !self.read.insert(path.to_owned()) {
            return;
        }
        match load_vars(path, known.request) {
            Ok((pairs, _)) => {
                self.pairs(&pairs);
                pairs.iter().for_each(|(_, value)| known.request.engine.check(value, problems));
            }
            Err(wrong) => {
                self.open = true;
                problems.extend(wrong);
            }
        }
    }
}
