//! `file`: files, directories and links, and what they have beside their content (modules/file.py).
//!
//! Unlike in Ansible, `state: absent` never removes what a machine cannot start without, nor anything below which
//! something is mounted; in check mode an owner that nobody has is a failure as it will be in earnest.

mod directory;
mod link;
mod names;
mod times;

#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};

pub(crate) use directory::{make as make_directory, parent, stat_of};

use super::attributes::{
    Attributes, Wanted, born, look, maker, no_flags, path_info, promise, selinux_is_asked_for, with_file_options, with_flags,
};
use super::expand::expand_one;
use super::outcome::{Ended, decided, planned};
use super::paths;
use super::spec::{Kind, Opt, Spec};
use super::{Act, Decision, Module, Task};
use crate::node::Change;
use crate::node::apply::Carried;
use crate::node::facts::{FileKind, FileStat, HardLinks, RealPath, Stat, Status, Tree};
use crate::node::steps::{Remove, RemoveWhat, Source, WriteFile};
use crate::plan::{Difference, Expect, Facts, Plan, Reading, Stop};
use link::word;
use times::Times;

/// The module.
pub struct File;

const STATES: &[&str] = &["absent", "directory", "file", "hard", "link", "touch"];

static SPEC: Spec = Spec {
    options: with_file_options![
        // a name that Ansible's own actions use, and its module takes
        Opt::new("_diff_peek", Kind::Bool).about("Used by other modules"),
        Opt::new("path", Kind::Path).about("Which").aliases(&["dest", "name"]).required(),
        Opt::new("state", Kind::Str)
            .about("What is to be there; `touch` acts every time. Without it: what is there already")
            .choices(STATES),
        Opt::new("recurse", Kind::Bool).about("For a directory: mode and owner of all that is below it, too").default("false"),
        Opt::new("force", Kind::Bool).about("Whether a link may lead to nothing, or take the place of something else").default("false"),
        Opt::new("follow", Kind::Bool).about("Whether what a link leads to is meant").default("true"),
        Opt::new("src", Kind::Path).about("What a link leads to"),
        Opt::new("modification_time", Kind::Str).about("`preserve`, `now`, or a time"),
        Opt::new("modification_time_format", Kind::Str).about("How that time is written, as in strftime(3)").default("%Y%m%d%H%M.%S"),
        Opt::new("access_time", Kind::Str).about("`preserve`, `now`, or a time"),
        Opt::new("access_time_format", Kind::Str).about("How that time is written, as in strftime(3)").default("%Y%m%d%H%M.%S"),
    ],
    about: "Files, directories and links: there or not, with their mode and owner",
    notes: &[
        "`mode: 644` without a zero and without quotes is refused: Ansible would make 01204 of it",
        "`recurse` gives files the same mode as directories, as in Ansible; `u=rwX` is what is usually meant",
    ],
    example: "- name: a directory\n  ansible.builtin.file:\n    path: /opt/homelab\n    state: directory\n    mode: '0755'\n",
    ..Spec::new("ansible.builtin", "file")
};

/// A task in the terms of its state.
struct Wish<'a> {
    state: &'a str,
    path: String,
    source: Option<String>,
    follow: bool,
    force: bool,
    recurse: bool,
    wanted: Wanted,
    /// Whether owner, group, mode or a time is given.
    gives_attributes: bool,
    times: Times,
}

impl Module for File {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let mut decision = decided(plan(task, facts))?;
        if let (Act::Fail(_), Some(path)) = (&decision.act, task.args.get("path")) {
            decision.result.entry("path").or_insert_with(|| path.clone());
        }
        if !task.check || task.args.str("state") == Some("absent") {
            return Ok(decision);
        }
        let nobody = names::not_there(task.args, facts)?;
        Ok(nobody.into_iter().fold(decision, |decision, (what, which)| {
            let kind = if what == "user" { "uid" } else { "gid" };
            let with = if which.parse::<u32>().is_ok() { format!(" with {kind}") } else { String::new() };
            decision.warns(format!("failed to look up {what}{with} {which}. Create {what} up to this point in real play"))
        }))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        match subject(task, facts) {
            Ok(path) => info(&path, facts),
            Err(Ended::Stop(stop)) => Err(stop),
            Err(Ended::Fail(_)) => Ok(Map::new()),
        }
    }
}

/// What is registered of a path, with the size of a directory and whether a file has more names than one.
pub(crate) fn info(path: &str, facts: &Facts<'_>) -> Result<Map<String, Value>, Stop> {
    // one round trip for both
    if let (Err(Stop::Need(stat)), Err(Stop::Need(links))) = (facts.reading(&Stat::new(path)), facts.reading(&HardLinks::new(path))) {
        return Err(Stop::Need(stat.into_iter().chain(links).collect()));
    }
    let mut result = path_info(path, facts)?;
    if result.is_empty() {
        return Ok(result);
    }
    if result.get("state") == Some(&Value::from("directory"))
        && let Reading::Present(status) = facts.reading(&Status::new(path, false))?
        && let Some(size) = status.get("size")
    {
        result.insert("size".into(), size.clone());
    }
    if result.get("state") == Some(&Value::from("file"))
        && let Reading::Present(inode) = facts.reading(&HardLinks::new(path))?
        && inode.get("links").and_then(Value::as_u64).is_some_and(|links| links > 1)
    {
        result.insert("state".into(), "hard".into());
    }
    Ok(result)
}

/// Ansible's `msg` about a path.
fn fail_at(path: &str, message: impl Into<String>) -> Decision {
    Decision::fail(message).with("path", path)
}

/// The path that is meant, and what is there: of a directory, the file in it that is called as the source is.
fn place(task: &Task<'_>, facts: &Facts<'_>) -> Result<(String, Option<FileStat>), Ended> {
    let args = task.args;
    let path = paths::path(args.str("path").unwrap_or_default(), task, facts)?;
    let stat = facts.get(Stat::new(&path))?;
    let source = args.str("src").filter(|_| !matches!(args.str("state"), Some("link" | "absent")));
    if let Some(source) = source
        && look(facts, &path)?.is_some_and(|stat| stat.kind == FileKind::Directory)
    {
        let path = paths::join(&path, paths::base(source));
        let stat = facts.get(Stat::new(&path))?;
        return Ok((path, stat));
    }
    Ok((path, stat))
}

/// The path that the result is about.
fn subject(task: &Task<'_>, facts: &Facts<'_>) -> Result<String, Ended> {
    let (path, stat) = place(task, facts)?;
    let follow = task.args.bool("follow").unwrap_or(true) && matches!(task.args.str("state"), Some("file" | "directory"));
    if follow && stat.is_some_and(|stat| stat.kind == FileKind::Link) {
        return Ok(facts.get(RealPath::new(&path))?.unwrap_or(path));
    }
    Ok(path)
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    let attributes = Attributes::read(args)?;
    if let Some(why) = selinux_is_asked_for(args, facts)? {
        return Err(why.into());
    }
    // one round trip for both
    let ((path, is), names) = match (place(task, facts), facts.get(attributes.ask())) {
        (Err(Ended::Stop(place)), names) => {
            return Err(super::outcome::both(Err::<(), _>(place), names).map_or_else(Ended::from, |_| "".into()));
        }
        (place, names) => (place?, names?),
    };
    let wanted = attributes.resolve(names)?;
    let recurse = args.is("recurse");
    let state = match (args.str("state"), is.as_ref().map(|is| is.kind)) {
        (Some(state), _) => state,
        (None, Some(kind)) => word(kind),
        (None, None) if recurse => "directory",
        (None, None) => "file",
    };
    if recurse && state != "directory" {
        return Ok(fail_at(&path, "recurse option requires state to be 'directory'"));
    }
    if args.str("src").is_some() && !matches!(state, "link" | "hard") {
        return Ok(fail_at(&path, "src option requires state to be 'link' or 'hard'"));
    }
    let source = args.str("src").map(|source| expand_one(task, facts, source)).transpose()?;
    let file = source.as_ref().filter(|_| state == "hard").map(|source| paths::path(source, task, facts)).transpose()?;
    let given = ["mode", "owner", "group", "access_time", "modification_time"];
    let wish = Wish {
        state,
        path,
        source,
        follow: args.bool("follow").unwrap_or(true),
        force: args.is("force"),
        recurse,
        wanted,
        gives_attributes: given.iter().any(|name| args.get(name).is_some()),
        times: if state == "absent" { Times::default() } else { Times::read(args, state == "touch", facts)? },
    };
    if recurse {
        no_flags(args, "`recurse`")?;
    }
    let decision = match state {
        "absent" => return absent(&wish, is.as_ref(), task.diff, facts),
        "directory" => a_directory(wish, is, facts)?,
        "link" => link::symbolic(&wish, is.as_ref(), facts)?,
        "hard" => link::hard(&wish, file, is.as_ref(), facts)?,
        "touch" => touch(wish, is, facts)?,
        _ => a_file(wish, is, facts)?,
    };
    let path = ["path", "dest"].into_iter().find_map(|name| decision.result.get(name).and_then(Value::as_str)).map(str::to_owned);
    match path {
        Some(path) => with_flags(decision, &path, args, facts),
        None => Ok(decision),
    }
}

fn absent(wish: &Wish<'_>, is: Option<&FileStat>, shows: bool, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let path = wish.path.as_str();
    let tree = match is {
        Some(is) if shows && is.kind == FileKind::Directory => facts.get(Tree::new(path))?,
        _ => None,
    };
    let decision = match is {
        None => Decision::unchanged(),
        Some(is) => {
            let what = if is.kind == FileKind::Directory { RemoveWhat::Tree } else { RemoveWhat::File };
            let change: Change = Plan::change([Remove { path: path.into(), what }.into()]);
            planned(change.differs(path, Some(word(is.kind).to_owned()), None).expect(Expect::absent(&Stat::new(path))))
        }
    };
    let decision = decision.with("path", path).with("state", "absent");
    let Some(tree) = tree else { return Ok(decision) };
    // as in Ansible: what goes with a directory is told where it is asked for
    let below = |directories: bool| {
        let those = tree.iter().filter(|entry| (entry.kind == FileKind::Directory) == directories);
        those.map(|entry| format!("{path}/{}", entry.path)).collect::<Vec<_>>()
    };
    let content = serde_json::json!({ "directories": below(true), "files": below(false) });
    let before = serde_json::json!({ "path": path, "state": "directory", "path_content": content });
    Ok(decision.with("diff", serde_json::json!({ "before": before, "after": { "path": path, "state": "absent" } })))
}

impl Wish<'_> {
    /// Goes on with what a link leads to, if links are followed.
    fn followed(&mut self, is: Option<FileStat>, facts: &Facts<'_>) -> Result<Option<FileStat>, Stop> {
        if !self.follow || is.as_ref().is_none_or(|is| is.kind != FileKind::Link) {
            return Ok(is);
        }
        let (stat, real) = facts.get((Stat::followed(&self.path), RealPath::new(&self.path)))?;
        self.path = real.unwrap_or_else(|| self.path.clone());
        Ok(stat)
    }

    /// Owner, group, mode and times of what is there.
    fn reach(&self, is: &FileStat, mut change: Change, facts: &Facts<'_>) -> Result<Change, Ended> {
        if is.kind == FileKind::Link && self.times != Times::default() && facts.get(Stat::followed(&self.path))?.is_none() {
            return Err(format!("Error while updating modification or access time: {} leads nowhere", self.path).into());
        }
        self.wanted.reach(&self.path, is, &mut change);
        self.times.reach(&self.path, facts, &mut change)?;
        Ok(change)
    }
}

/// `state: file` (ensure_file_attributes): it never makes one.
fn a_file(mut wish: Wish<'_>, is: Option<FileStat>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let is = wish.followed(is, facts)?;
    let path = wish.path.clone();
    match is {
        Some(is) if word(is.kind) == "file" => Ok(planned(wish.reach(&is, Plan::change([]), facts)?).with("path", path)),
        other => {
            let state = other.map_or("absent", |is| word(is.kind));
            Ok(fail_at(&path, format!("file ({path}) is {state}, cannot continue")).with("state", state))
        }
    }
}

fn a_directory(mut wish: Wish<'_>, is: Option<FileStat>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let is = wish.followed(is, facts)?;
    let path = wish.path.clone();
    let mut change: Change = Plan::change([]);
    match is {
        None => {
            directory::make(&path, &wish.wanted, facts, &mut change)?;
            wish.times.reach(&path, facts, &mut change)?;
        }
        Some(is) if is.kind == FileKind::Directory => {
            change = wish.reach(&is, change, facts)?;
            if wish.recurse {
                directory::below(&path, wish.follow, &wish.wanted, &wish.times, facts, &mut change)?;
            }
        }
        Some(is) => return Ok(fail_at(&path, format!("{path} already exists as a {}", word(is.kind)))),
    }
    Ok(planned(change).with("path", path))
}

/// `state: touch` (execute_touch).
fn touch(mut wish: Wish<'_>, is: Option<FileStat>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let path = wish.path.clone();
    let was_there = is.is_some();
    let is = wish.followed(is, facts)?;
    let mut change: Change = Plan::change([]);
    match is {
        Some(is) => change = wish.reach(&is, change, facts)?,
        None if was_there => return Ok(fail_at(&path, "Error, could not touch target: the link leads nowhere")),
        None => {
            let parent = parent(&path, facts)?;
            let (login, umask) = maker(facts)?;
            let will = wish.wanted.on(born(&login, umask, 0o666, &parent, FileKind::File), FileKind::File);
            let (owner, group) = (will.uid.to_string(), will.gid.to_string());
            let content = Source::Bytes(Vec::new());
            change.steps.push(WriteFile { path: path.clone(), source: content, owner, group, mode: will.mode }.into());
            change.expect.push(promise(&path, FileKind::File, will).and("size", 0));
            change.diff.push(Difference { what: path.clone(), before: None, after: Some(String::new()) });
            wish.times.reach(&path, facts, &mut change)?;
        }
    }
    debug_assert_eq!(wish.state, "touch");
    Ok(planned(change).with("dest", path))
}
