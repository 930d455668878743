//! `shell`: a text that a shell runs.

use serde_json::{Map, Value};

use super::command::{
    ARGV, CHDIR, CMD, CREATES, EXECUTABLE, ONE_COMMAND, REMOVES, STDIN, STDIN_ADD_NEWLINE, STRIP_EMPTY_ENDS, decide, registered, text_of,
};
use super::spec::Spec;
use super::{Decision, Module, Task, reading_commands};
use crate::disk::guard::{Setting, of_text_for};
use crate::node::apply::Carried;
use crate::plan::{Facts, Stop};

/// Runs a text by a shell.
pub struct Shell;

static SPEC: Spec = Spec {
    free_form: true,
    one_of: ONE_COMMAND,
    exclusive: ONE_COMMAND,
    options: &[CMD, ARGV, CHDIR, EXECUTABLE, CREATES, REMOVES, STDIN, STDIN_ADD_NEWLINE, STRIP_EMPTY_ENDS],
    about: "Runs a command in a shell",
    notes: &[
        "It runs once, in its place, and counts as a change unless `creates`, `removes` or `changed_when` says otherwise",
        "A program that writes to disks (mkfs, parted, wipefs, dd, pvcreate and the like) runs only if what it would write to is blank, or no disk; where that cannot be seen (a variable of the shell, a loop, `xargs`) the task is refused",
        "In check mode it is run only if all its programs can only read; otherwise what depends on it is not known yet",
    ],
    example: "- name: the newest kernel\n  ansible.builtin.shell: ls /lib/modules | sort -V | tail -n 1\n  register: newest\n  changed_when: false\n",
    ..Spec::new("ansible.builtin", "shell")
};

impl Module for Shell {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let (text, shown) = match (text_of(task), task.args.list("argv")) {
            (Some(text), _) if !text.is_empty() => (text.clone(), Value::from(text)),
            (_, Some(argv)) if !argv.is_empty() => (argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "), argv.into()),
            _ => return Ok(Decision::fail("no command given")),
        };
        decide(task, facts, &shown, || {
            let judgement = of_text_for(
                shell(task),
                &text,
                Setting { input: task.args.str("stdin"), directory: task.args.str("chdir"), environment: task.environment },
            );
            Ok((vec![shell(task).to_owned(), "-c".into(), text], judgement))
        })
    }

    fn result(&self, task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(registered(task, carried))
    }

    fn is_opaque(&self) -> bool {
        true
    }

    fn only_reads(&self, task: &Task<'_>) -> bool {
        only_reads(task)
    }
}

/// Whether the text is one that can only read, for a shell that reads it as we do.
pub(super) fn only_reads(task: &Task<'_>) -> bool {
    let is_known = matches!(shell(task).rsplit('/').next(), Some("sh" | "bash" | "dash"));
    is_known && text_of(task).is_some_and(|text| reading_commands::shell_only_reads(&text))
}

/// The shell that runs the text.
pub(super) fn shell<'a>(task: &Task<'a>) -> &'a str {
    task.args.str("executable").filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh")
}

/// As Python's `shlex.quote`.
pub(super) fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%_-+=:,./".contains(c);
    if !word.is_empty() && word.chars().all(safe) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\"'\"'")) }
}
