//! `notify` of handlers that are not there.

use super::super::{Handler, Play, Playbook};
use super::walk::Seen;
use super::where_it_is_reached;
use crate::diagnostics::{Diagnostic, Diagnostics, Level, similar};
use crate::modules::FREE_FORM;
use crate::yaml::Node;

/// What a play's handlers answer to.
struct Names<'a> {
    names: Vec<&'a str>,
    /// Whether some are not known before the run.
    unsure: bool,
}

pub(super) fn check(playbook: &Playbook, tasks: &[Seen], may_miss: bool, problems: &mut Diagnostics) {
    for seen in tasks {
        let mut names: Option<Names> = None;
        for wanted in &seen.task.notify {
            let Some(name) = wanted.as_str().filter(|_| !wanted.is_template()) else { continue };
            let names = names.get_or_insert_with(|| Names::of(playbook, seen.play, tasks));
            if !names.has(name) {
                let missing = names.missing(name, wanted);
                problems.push(match may_miss {
                    true => Diagnostic { level: Level::Warning, ..missing }.hint("nothing answers to it"),
                    false => missing,
                });
            }
        }
    }
}

impl<'a> Names<'a> {
    fn of(playbook: &'a Playbook, play: &'a Play, tasks: &[Seen]) -> Self {
        let mut names = Self { names: Vec::new(), unsure: false };
        // what is included may be of another play: better one too many than one too few
        for Handler { task, listen } in play.handlers.iter().chain(playbook.included.iter().flat_map(|included| &included.handlers)) {
            for name in task.name.iter().chain(listen) {
                names.unsure |= name.is_template();
                names.names.extend(name.as_str());
            }
        }
        // what is included by a name that is known is there already
        let of_play = |seen: &&Seen| std::ptr::eq(&raw const **seen.play, &raw const *play);
        let is_open = |seen: &Seen| {
            let included = matches!(seen.module(), "include_role" | "include_tasks");
            included && seen.option(&["file", "name", "role", FREE_FORM]).is_none_or(Node::is_template)
        };
        names.unsure |= tasks.iter().filter(of_play).any(is_open);
        names
    }

    fn has(&self, name: &str) -> bool {
        // `role : handler` names the one of that role
        let short = name.rsplit_once(" : ").map(|(_, short)| short);
        self.names.iter().any(|known| *known == name || Some(*known) == short)
    }

    fn missing(&self, name: &str, wanted: &Node) -> Diagnostic {
        let error = where_it_is_reached(self.unsure, format!("there is no handler `{name}`")).at(wanted.place.clone());
        let near =
            self.names.iter().copied().find(|known| known.eq_ignore_ascii_case(name)).or_else(|| similar(name, self.names.iter().copied()));
        let error = match near {
            Some(near) if near.eq_ignore_ascii_case(name) => error.label(format!("it is called `{near}`: capitals count")),
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None if self.names.is_empty() => error.label("the play has no handlers"),
            None => error.label("neither a handler's `name` nor its `listen`"),
        };
        match (error.level, near) {
            (Level::Warning, _) => {
                error.hint("a handler whose name is known only in the run may answer to it; else the task fails when it notifies")
            }
            (Level::Error, None) => error.hint("add it to the `handlers:` of the play, or to the handlers/main.yml of the role"),
            (Level::Error, Some(_)) => error,
        }
    }
}
