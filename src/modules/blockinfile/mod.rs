//! `ansible.builtin.blockinfile`

mod edit;

use serde_json::{Map, Value};

use super::attributes::with_file_options;
use super::edited_file::{EditedFile, backup_result};
use super::halt::{Halt, settled};
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::plan::{Facts, Stop};

/// A block of lines between two marker lines is there, or is not.
///
/// As in Ansible, which playbooks rely on: two tasks, or the turns of a loop, with the same `marker` in the same file are
/// one block, and each replaces what the one before wrote; a `marker` without `{mark}` makes both markers alike and adds
/// a block each time. A `state: absent` ends the file's last line even where there is no block.
#[derive(Debug)]
pub struct BlockInFile;

static SPEC: Spec = Spec {
    options: with_file_options![
        Opt::new("path", Kind::Path).about("The file").aliases(&["dest", "destfile", "name"]).required(),
        Opt::new("state", Kind::Str).about("Whether the block is there").default("present").choices(&["absent", "present"]),
        Opt::new("marker", Kind::Str)
            .about("The marker lines; `{mark}` stands for the words of `marker_begin` and `marker_end`")
            .default("# {mark} ANSIBLE MANAGED BLOCK"),
        Opt::new("block", Kind::Str)
            .about("The lines between the markers; none of them takes the block away")
            .aliases(&["content"])
            .default("''"),
        Opt::new("insertafter", Kind::Str).about("Where a new block goes: after the last line that this pattern finds, or EOF"),
        Opt::new("insertbefore", Kind::Str).about("Where a new block goes: before the last line that this pattern finds, or BOF"),
        Opt::new("create", Kind::Bool).about("Makes the file if it is not there").default("false"),
        Opt::new("backup", Kind::Bool)
            .about("Keeps what was there before, in a file beside it whose name ends in the date")
            .default("false"),
        Opt::new("validate", Kind::Str)
            .about("A command that must succeed before the new content takes its place; `%s` stands for a file with it"),
        Opt::new("marker_begin", Kind::Str).about("The word for `{mark}` before the block").default("BEGIN"),
        Opt::new("marker_end", Kind::Str).about("The word for `{mark}` behind it").default("END"),
        Opt::new("append_newline", Kind::Bool).about("An empty line behind the block").default("false"),
        Opt::new("prepend_newline", Kind::Bool).about("An empty line before the block").default("false"),
    ],
    exclusive: &[&["insertbefore", "insertafter"]],
    about: "Keeps some lines between two marker lines of a file",
    notes: &["Two blocks in one file need two `marker`s: in a loop with one marker each item replaces the one before, every time"],
    example: "- name: names of the nodes\n  ansible.builtin.blockinfile:\n    path: /etc/hosts\n    block: |\n      192.168.2.11 m1\n      192.168.2.12 m2\n",
    ..Spec::new("ansible.builtin", "blockinfile")
};

impl Module for BlockInFile {
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
    let present = args.str("state") != Some("absent");
    let file = EditedFile::look(task, facts, "Path")?;
    if file.content.is_none() {
        if !args.is("create") {
            return Err(Decision::fail(format!("Path {} does not exist !", file.path)).with("rc", 257).into());
        }
        if !present {
            return Ok(Decision::unchanged().with("msg", format!("File {} not present", file.path)));
        }
    }
    let text = |name| args.str(name).unwrap_or_default();
    let wanted = edit::Wanted {
        present,
        block: text("block"),
        marker: text("marker"),
        marker_begin: text("marker_begin"),
        marker_end: text("marker_end"),
        insertafter: args.str("insertafter"),
        insertbefore: args.str("insertbefore"),
        append_newline: args.is("append_newline"),
        prepend_newline: args.is("prepend_newline"),
    };
    let edited = edit::edit(file.content.as_deref(), &wanted).map_err(Halt::fail)?;
    file.write(task, facts, edited, "backup_file")
}
