//! `command` and what `shell` has in common with it.

use serde_json::{Map, Value};

use super::expand::{expand, expand_one};
use super::outcome::planned;
use super::spec::{FREE_FORM, Kind, Opt, Spec};
use super::{Decision, Module, Task, guarded, ran, reading_commands};
use crate::disk::guard::{Judgement, of_words};
use crate::node::apply::Carried;
use crate::node::facts::Matches;
use crate::node::steps::{Run, Step};
use crate::plan::{Difference, Facts, Plan, Stop};
use crate::template::words;

/// Runs a program with its arguments, without a shell.
pub struct Command;

pub(super) const CMD: Opt = Opt::new("cmd", Kind::Str).about("The program with its arguments, as one text");
pub(super) const ARGV: Opt = Opt::new("argv", Kind::List(&Kind::Str)).about("The same as a list");
pub(super) const CHDIR: Opt = Opt::new("chdir", Kind::Path).about("The directory that it runs in");
pub(super) const EXECUTABLE: Opt = Opt::new("executable", Kind::Str).about("Another program to run it");
pub(super) const CREATES: Opt = Opt::new("creates", Kind::Path).about("A path on the machine; if it is there, nothing is done");
pub(super) const REMOVES: Opt = Opt::new("removes", Kind::Path).about("A path on the machine; if it is not there, nothing is done");
pub(super) const STDIN: Opt = Opt::new("stdin", Kind::Str).about("What it reads on its standard input");
pub(super) const STDIN_ADD_NEWLINE: Opt =
    Opt::new("stdin_add_newline", Kind::Bool).about("Whether a line end is added to that").default("true");
pub(super) const STRIP_EMPTY_ENDS: Opt =
    Opt::new("strip_empty_ends", Kind::Bool).about("Whether empty lines at the end of what it says are left out").default("true");
pub(super) const ONE_COMMAND: &[&[&str]] = &[&[FREE_FORM, "cmd", "argv"]];

static SPEC: Spec = Spec {
    free_form: true,
    one_of: ONE_COMMAND,
    exclusive: ONE_COMMAND,
    options: &[
        CMD,
        ARGV,
        CHDIR,
        EXECUTABLE,
        Opt::new("expand_argument_vars", Kind::Bool).about("Whether `$VARIABLES` of the machine are filled in").default("true"),
        CREATES,
        REMOVES,
        STDIN,
        STDIN_ADD_NEWLINE,
        STRIP_EMPTY_ENDS,
    ],
    about: "Runs a program, without a shell",
    notes: &[
        "It runs once, in its place, and counts as a change unless `creates`, `removes` or `changed_when` says otherwise",
        "A program that writes to disks (mkfs, parted, wipefs, dd, pvcreate and the like) runs only if what it would write to is blank, or no disk",
        "In check mode it is run only if its program can only read; otherwise what depends on it is not known yet, where Ansible takes an empty answer for it",
    ],
    example: "- name: which version\n  ansible.builtin.command: containerd --version\n  register: version\n  changed_when: false\n",
    ..Spec::new("ansible.builtin", "command")
};

impl Module for Command {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let argv = match words_of(task) {
            Ok(argv) => argv,
            Err(why) => return Ok(Decision::fail(why)),
        };
        let shown = Value::from(argv.clone());
        let decision = decide(task, facts, &shown, || {
            let words: Vec<&str> = argv.iter().map(String::as_str).collect();
            let expands = task.args.bool("expand_argument_vars").unwrap_or(true);
            let argv = if expands { expand(task, facts, &words)? } else { argv.clone() };
            let judgement = of_words(&argv, task.args.str("stdin"));
            Ok((argv, judgement))
        })?;
        Ok(match task.args.str("executable") {
            Some(shell) => {
                let said = "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module";
                decision.warns(format!("{said}. Not using '{shell}'."))
            }
            None => decision,
        })
    }

    fn result(&self, task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(registered(task, carried))
    }

    fn is_opaque(&self) -> bool {
        true
    }

    fn only_reads(&self, task: &Task<'_>) -> bool {
        let is_expanded = task.args.bool("expand_argument_vars").unwrap_or(true);
        words_of(task).is_ok_and(|argv| reading_commands::program_only_reads(&argv, is_expanded))
    }
}

/// The text of the command, whichever option it stands in.
pub(super) fn text_of(task: &Task<'_>) -> Option<String> {
    let value = task.args.get(FREE_FORM).or_else(|| task.args.get("cmd"))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// The program and its arguments.
fn words_of(task: &Task<'_>) -> Result<Vec<String>, String> {
    let argv = match text_of(task) {
        Some(text) => words::split_all(&text)
            .map_err(|error| format!("the command cannot be split into words: {}", error.why))?
            .into_iter()
            .map(|word| word.text)
            .collect(),
        None => task.args.list("argv").unwrap_or_default().into_iter().map(str::to_owned).collect::<Vec<_>>(),
    };
    if argv.is_empty() { Err("no command given".into()) } else { Ok(argv) }
}

/// Runs what `argv` gives if what it does to disks may be done, unless `creates` or `removes` says otherwise; `shown` is what is registered as `cmd`.
pub(super) fn decide(
    task: &Task<'_>,
    facts: &Facts<'_>,
    shown: &Value,
    argv: impl FnOnce() -> Result<(Vec<String>, Judgement), Stop>,
) -> Result<Decision, Stop> {
    let path = |name: &str| task.args.str(name).filter(|path| !path.is_empty()).map(|path| expand_one(task, facts, path)).transpose();
    let directory = path("chdir")?.map(|directory| in_login_directory(&directory));
    let matches = |pattern: &str| {
        let pattern = match &directory {
            Some(directory) if !pattern.starts_with('/') => format!("{}/{pattern}", directory.trim_end_matches('/')),
            _ => pattern.to_owned(),
        };
        Ok(facts.get(Matches::new(pattern))?.is_some())
    };
    let did = if task.check { "Would" } else { "Did" };
    let not_run = |path: &str, how: &str| {
        let text = format!("skipped, since {path} {how}");
        Decision::unchanged()
            .with("cmd", shown.clone())
            .with("rc", 0)
            .with("msg", format!("{did} not run command since '{path}' {how}"))
            .with("stdout_lines", vec![text.clone()])
            .with("stdout", text)
            .with("stderr", "")
            .with("stderr_lines", Vec::<Value>::new())
            .with("start", Value::Null)
            .with("end", Value::Null)
            .with("delta", Value::Null)
    };
    if let Some(path) = path("creates")?
        && matches(&path)?
    {
        return Ok(not_run(&path, "exists"));
    }
    if let Some(path) = path("removes")?
        && !matches(&path)?
    {
        return Ok(not_run(&path, "does not exist"));
    }
    let (argv, judgement) = argv()?;
    if let Some(refused) = guarded::refused(&judgement, task.args.str("chdir"), task, facts)? {
        return Ok(refused.with("cmd", shown.clone()));
    }
    let run = Run { argv, cwd: directory, env: task.environment.to_vec(), stdin: stdin(task), any_status: true, timed: true, limit: None };
    let mut change = Plan::change([Step::from(run)]);
    let text = shown.as_str().map_or_else(|| readable(shown), str::to_owned);
    change.diff.push(Difference { what: "run".into(), before: None, after: Some(text) });
    Ok(planned(change).with("cmd", shown.clone()))
}

/// Words as a person would write them.
fn readable(words: &Value) -> String {
    let words = words.as_array().into_iter().flatten().filter_map(Value::as_str);
    let safe = |c: char| c.is_alphanumeric() || "_-+=./:,@%".contains(c);
    let quoted = |word: &str| {
        if !word.is_empty() && word.chars().all(safe) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// As cd(1) takes it: what neither a slash nor a dot begins would be looked for in CDPATH.
pub(super) fn in_login_directory(directory: &str) -> String {
    if directory.starts_with('/') || directory == "." || directory.starts_with("./") || directory.starts_with("../") {
        directory.to_owned()
    } else {
        format!("./{directory}")
    }
}

fn stdin(task: &Task<'_>) -> Option<String> {
    let text = task.args.str("stdin").filter(|text| !text.is_empty())?;
    Some(if task.args.bool("stdin_add_newline").unwrap_or(true) { format!("{text}\n") } else { text.to_owned() })
}

/// What is registered of what ran.
pub(super) fn registered(task: &Task<'_>, carried: Option<&Carried>) -> Map<String, Value> {
    let strip = task.args.bool("strip_empty_ends").unwrap_or(true);
    let mut result = carried.and_then(|carried| carried.outputs.first()).map(|output| ran::timed(output, strip)).unwrap_or_default();
    if result.get("msg").is_some_and(|msg| msg == ran::NOT_STARTED)
        && let Ok(words) = words_of(task)
    {
        result.insert("cmd".into(), readable(&words.into()).into());
    }
    result
}
