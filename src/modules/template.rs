//! `template`: a file made from a template (plugins/action/template.py).
//!
//! `ansible_managed` is what it is by default.

use serde_json::{Map, Value};

use super::attributes::{selinux_is_asked_for, with_file_options};
use super::copy::{New, Origin, a_file, registered};
use super::outcome::{Ended, decided};
use super::paths;
use super::spec::{Kind, Opt, Spec};
use super::{Args, Decision, Module, Task, TemplateText};
use crate::node::apply::Carried;
use crate::plan::{Facts, Stop};
use crate::template::encoding::Encoding;
use crate::template::{Newline, TemplateOptions};

/// The module.
pub struct Template;

static SPEC: Spec = Spec {
    options: with_file_options![
        Opt::new("src", Kind::Path).about("The template: in `templates` of the role or beside the playbook").required(),
        Opt::new("dest", Kind::Path).about("The file, or a directory that it goes into").required(),
        Opt::new("backup", Kind::Bool)
            .about("Keeps what was there before, in a file beside it whose name ends in the date")
            .default("false"),
        Opt::new("force", Kind::Bool).about("Whether a file that is there and says something else is replaced").default("true"),
        Opt::new("follow", Kind::Bool).about("Whether what a link leads to is meant").default("false"),
        Opt::new("validate", Kind::Str)
            .about("A command that must succeed before the new content takes its place; `%s` stands for a file with it"),
        Opt::new("newline_sequence", Kind::Str)
            .about("How lines end")
            .default("\\n")
            .choices(&["\\n", "\\r", "\\r\\n", "\n", "\r", "\r\n"]),
        Opt::new("variable_start_string", Kind::Str).about("What stands before an expression").default("{{"),
        Opt::new("variable_end_string", Kind::Str).about("What stands behind one").default("}}"),
        Opt::new("block_start_string", Kind::Str).about("What stands before a statement").default("{%"),
        Opt::new("block_end_string", Kind::Str).about("What stands behind one").default("%}"),
        Opt::new("comment_start_string", Kind::Str).about("What stands before a comment").default("{#"),
        Opt::new("comment_end_string", Kind::Str).about("What stands behind one").default("#}"),
        Opt::new("trim_blocks", Kind::Bool).about("Whether the line end behind a statement is left out").default("true"),
        Opt::new("lstrip_blocks", Kind::Bool).about("Whether spaces before a statement are left out").default("false"),
        Opt::new("output_encoding", Kind::Str).about("How the file's text is written").default("utf-8"),
    ],
    about: "A file made from a template",
    notes: &["As in Ansible the line end behind a statement is left out and the spaces before it are not"],
    example: "- name: settings\n  ansible.builtin.template:\n    src: settings.j2\n    dest: /etc/homelab.conf\n    mode: '0644'\n  notify: restart homelab\n",
    ..Spec::new("ansible.builtin", "template")
};

impl Module for Template {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        registered(task, facts, carried)
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    if let Some(why) = selinux_is_asked_for(args, facts)? {
        return Err(why.into());
    }
    let source = args.str("src").unwrap_or_default();
    let text = String::from_utf8(task.outside.file("templates", source)?).map_err(|_| format!("the template {source} is no UTF-8 text"))?;
    let variables: Map<String, Value> =
        [("template_path", source), ("template_destpath", args.str("dest").unwrap_or_default()), ("ansible_managed", "Ansible managed")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
    let options = options(args);
    let rendered = task.outside.render(&TemplateText { name: source, text: &text, variables: &variables, options: &options })?;
    let mode = || task.outside.mode("templates", source);
    let bytes = encoded(&rendered, args.str("output_encoding").filter(|name| !name.is_empty()).unwrap_or("utf-8"))?;
    a_file(task, facts, &Origin { content: New::Bytes(bytes), name: Some(paths::base(source)), mode: Box::new(mode) })
}

fn options(args: &Args) -> TemplateOptions {
    let usual = TemplateOptions::default();
    let text = |name: &str, usual: String| args.str(name).map_or(usual, str::to_owned);
    TemplateOptions {
        variable_start: text("variable_start_string", usual.variable_start),
        variable_end: text("variable_end_string", usual.variable_end),
        block_start: text("block_start_string", usual.block_start),
        block_end: text("block_end_string", usual.block_end),
        comment_start: text("comment_start_string", usual.comment_start),
        comment_end: text("comment_end_string", usual.comment_end),
        line_statement: usual.line_statement,
        line_comment: usual.line_comment,
        trim_blocks: args.bool("trim_blocks").unwrap_or(true),
        lstrip_blocks: args.bool("lstrip_blocks").unwrap_or(false),
        newline: match args.str("newline_sequence") {
            Some("\\r" | "\r") => Newline::Mac,
            Some("\\r\\n" | "\r\n") => Newline::Dos,
            _ => Newline::Unix,
        },
    }
}

/// A text in the encoding of that name.
fn encoded(text: &str, name: &str) -> Result<Vec<u8>, String> {
    let encoding = Encoding::of(name).ok_or_else(|| format!("output_encoding {name} is not known here"))?;
    encoding.encode(text).ok_or_else(|| format!("the rendered template has characters that are not in {name}"))
}

#[cfg(test)]
pub(super) mod tests;
