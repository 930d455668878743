//! `ansible.builtin.lineinfile`

mod edit;

use serde_json::{Map, Value};

use super::attributes::with_file_options;
use super::edited_file::{EditedFile, backup_result};
use super::halt::{Halt, settled};
use super::{Args, Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::plan::{Facts, Stop};

/// One line of a file is there, or lines are not.
///
/// As in Ansible, which playbooks rely on: `regexp` replaces the *last* line that matches; where none matches and the line
/// is nowhere, it is added, so a `regexp` that does not match the new line adds it once and changes nothing later. With
/// `backrefs` nothing is added. A `line` of several lines is never found again and is added each time. Behind a last line
/// without an end, `insertafter` with a pattern makes one line of both.
#[derive(Debug)]
pub struct LineInFile;

static SPEC: Spec = Spec {
    options: with_file_options![
        Opt::new("path", Kind::Path).about("The file").aliases(&["dest", "destfile", "name"]).required(),
        Opt::new("state", Kind::Str).about("Whether the line is there").default("present").choices(&["absent", "present"]),
        Opt::new("regexp", Kind::Str).about("Finds the line that is replaced or taken away; of several the last").aliases(&["regex"]),
        Opt::new("search_string", Kind::Str).about("The same with a plain text"),
        Opt::new("line", Kind::Str).about("The line").aliases(&["value"]),
        Opt::new("insertafter", Kind::Str).about("Where a new line goes: after the last that this pattern finds, or EOF"),
        Opt::new("insertbefore", Kind::Str).about("Where a new line goes: before the last that this pattern finds, or BOF"),
        Opt::new("backrefs", Kind::Bool)
            .about("`\\1` in the line stands for what the pattern's first group found; without a find nothing is done")
            .default("false"),
        Opt::new("create", Kind::Bool).about("Makes the file if it is not there").default("false"),
        Opt::new("backup", Kind::Bool)
            .about("Keeps what was there before, in a file beside it whose name ends in the date")
            .default("false"),
        Opt::new("firstmatch", Kind::Bool).about("Takes the first find of `insertafter` and `insertbefore`").default("false"),
        Opt::new("validate", Kind::Str)
            .about("A command that must succeed before the new content takes its place; `%s` stands for a file with it"),
    ],
    exclusive: &[&["insertbefore", "insertafter"], &["regexp", "search_string"], &["backrefs", "search_string"]],
    about: "A line is in a file, or is not",
    notes: &["A `regexp` that does not find the new line appends it once; afterwards the line itself is found"],
    example: "- name: a limit\n  ansible.builtin.lineinfile:\n    path: /etc/homelab.conf\n    regexp: '^limit'\n    line: limit = 524288\n",
    ..Spec::new("ansible.builtin", "lineinfile")
};

impl Module for LineInFile {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let decision = settled(plan(task, facts))?;
        Ok(match warning(task.args) {
            Some(warning) => decision.warns(warning),
            None => decision,
        })
    }

    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(backup_result("backup", carried))
    }
}

/// Ansible's words about a pattern that every line matches, which is seldom meant.
fn warning(args: &Args) -> Option<String> {
    let (what, hint) = match (args.str("regexp"), args.str("search_string")) {
        (Some(""), _) => ("regular expression", " If this is desired, use '^' to match every line in the file and avoid this warning."),
        (_, Some("")) => ("search string", ""),
        _ => return None,
    };
    Some(format!(
        "The {what} is an empty string, which will match every line in the file. This may have unintended consequences, such as \
         replacing the last line in the file rather than appending.{hint}"
    ))
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let (regexp, search_string, line) = (args.str("regexp"), args.str("search_string"), args.str("line"));
    let present = args.str("state") != Some("absent");
    let file = EditedFile::look(task, facts, "Path")?;
    if !present {
        if (regexp, search_string, line) == (None, None, None) {
            return Err(Halt::fail("one of line, search_string, or regexp is required with state=absent"));
        }
        let Some(content) = &file.content else { return Ok(Decision::unchanged().with("msg", "file not present")) };
        let edited = edit::absent(content, regexp, search_string, line).map_err(Halt::fail)?;
        let found = edited.found.unwrap_or_default();
        return Ok(file.write(task, facts, edited, "backup")?.with("found", found));
    }
    if args.is("backrefs") && regexp.is_none() {
        return Err(Halt::fail("regexp is required with backrefs=true"));
    }
    let Some(line) = line else { return Err(Halt::fail("line is required with state=present")) };
    if file.content.is_none() && !args.is("create") {
        return Err(Decision::fail(format!("Destination {} does not exist !", file.path)).with("rc", 257).into());
    }
    let wanted = edit::Wanted {
        regexp,
        search_string,
        line,
        insertafter: args.str("insertafter"),
        insertbefore: args.str("insertbefore"),
        backrefs: args.is("backrefs"),
        firstmatch: args.is("firstmatch"),
    };
    let edited = edit::present(file.content.as_deref().unwrap_or_default(), &wanted).map_err(Halt::fail)?;
    file.write(task, facts, edited, "backup")
}
