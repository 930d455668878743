//! `ansible.builtin.replace`

mod edit;

use serde_json::{Map, Value};

use super::attributes::with_file_options;
use super::edited_file::{EditedFile, backup_result};
use super::halt::{Halt, settled};
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::plan::{Facts, Stop};
use crate::template::encoding::Encoding;

/// All that matches a pattern in a file is replaced.
///
/// As in Ansible, which playbooks rely on: nothing keeps a `regexp` from matching what it wrote. One that comments out
/// `swap` lines and matches commented ones too adds a `#` in each run; write it so that it does not match its own result.
#[derive(Debug)]
pub struct Replace;

static SPEC: Spec = Spec {
    options: with_file_options![
        Opt::new("path", Kind::Path).about("The file").aliases(&["dest", "destfile", "name"]).required(),
        Opt::new("regexp", Kind::Str).about("The pattern, for the text as a whole; `^` and `$` stand for each line's").required(),
        Opt::new("replace", Kind::Str).about("What takes its place; `\\1` stands for the first group").default("''"),
        Opt::new("after", Kind::Str).about("Only behind what this pattern finds"),
        Opt::new("before", Kind::Str).about("Only before what this pattern finds"),
        Opt::new("backup", Kind::Bool)
            .about("Keeps what was there before, in a file beside it whose name ends in the date")
            .default("false"),
        Opt::new("validate", Kind::Str)
            .about("A command that must succeed before the new content takes its place; `%s` stands for a file with it"),
        Opt::new("encoding", Kind::Str).about("How the file's text is written").default("utf-8"),
    ],
    about: "Replaces all that a pattern finds in a file",
    notes: &["What is put in must not be found again, or each run changes something"],
    example: "- name: no X11\n  ansible.builtin.replace:\n    path: /etc/ssh/sshd_config\n    regexp: '^X11Forwarding yes$'\n    replace: X11Forwarding no\n",
    ..Spec::new("ansible.builtin", "replace")
};

impl Module for Replace {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(backup_result("backup_file", carried))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let name = args.str("encoding").unwrap_or("utf-8");
    let encoding = Encoding::of(name).ok_or_else(|| Halt::fail(format!("the encoding {name} is not known here")))?;
    let file = EditedFile::look(task, facts, "Path")?;
    let Some(content) = &file.content else {
        return Err(Decision::fail(format!("Path {} does not exist !", file.path)).with("rc", 257).into());
    };
    let text = encoding.decode(content).ok_or_else(|| Halt::fail(format!("{} is not written in {name}", file.path)))?;
    let wanted = edit::Wanted {
        regexp: args.str("regexp").unwrap_or_default(),
        replace: args.str("replace").unwrap_or_default(),
        after: args.str("after"),
        before: args.str("before"),
    };
    match edit::edit(&text, &wanted).map_err(Halt::fail)? {
        Err(message) => Ok(Decision::unchanged().with("msg", message).with("rc", 0)),
        Ok(mut edited) => {
            let shown = String::from_utf8_lossy(&edited.content).into_owned();
            let bytes = encoding.encode(&shown);
            edited.content = bytes.ok_or_else(|| Halt::fail(format!("the new text cannot be written in {name}")))?;
            Ok(file.write(task, facts, edited, "backup_file")?.with("rc", 0))
        }
    }
}
