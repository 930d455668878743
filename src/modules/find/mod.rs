//! `ansible.builtin.find`

mod filter;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value, json};

use super::attributes::ModeChange;
use super::halt::{Halt, settled};
use super::outcome::{all, both};
use super::pattern::Pattern;
use super::remote_file::{LONGEST, bytes_of};
use super::{Decision, Kind, Module, Opt, Spec, Task, paths};
use crate::node::facts::{Checksum, Content, FileKind, FileStat, Listed, Listing, ListingEntry, Stat, Umask};
use crate::plan::{Facts, Stop};
use filter::{Bound, Names, contains};

/// Files below directories that are asked this and that. Changes nothing.
///
/// As in Ansible, which playbooks rely on: without `recurse` only what is directly in a directory counts; files whose names
/// begin with a dot only with `hidden`, but what is in such a directory does count. They come in the order of their names,
/// files before directories, the upper before the lower (Ansible has the disk's order). Files of more than 32 MiB cannot be
/// searched for `contains`.
#[derive(Debug)]
pub struct Find;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("paths", Kind::List(&Kind::Path)).about("The directories").aliases(&["name", "path"]).required(),
        Opt::new("patterns", Kind::List(&Kind::Str)).about("Names, as the shell writes patterns").aliases(&["pattern"]).default("''"),
        Opt::new("excludes", Kind::List(&Kind::Str)).about("Names that are left out").aliases(&["exclude"]),
        Opt::new("contains", Kind::Str).about("A pattern for a line of the file"),
        Opt::new("read_whole_file", Kind::Bool).about("Whether that pattern is for the file as a whole").default("false"),
        Opt::new("file_type", Kind::Str).about("What is looked for").default("file").choices(&["any", "directory", "file", "link"]),
        Opt::new("age", Kind::Str).about("How old at least: `2d`; at most with `-`"),
        Opt::new("age_stamp", Kind::Str).about("Which of its times that is about").default("mtime").choices(&["atime", "ctime", "mtime"]),
        Opt::new("size", Kind::Str).about("How large at least: `10m`; at most with `-`"),
        Opt::new("recurse", Kind::Bool).about("Whether the directories below are looked at, too").default("false"),
        Opt::new("hidden", Kind::Bool).about("Whether names that begin with a dot count").default("false"),
        Opt::new("follow", Kind::Bool).about("Whether links are followed").default("false"),
        Opt::new("get_checksum", Kind::Bool).about("Registers a digest of each").default("false"),
        Opt::new("checksum_algorithm", Kind::Str)
            .about("Which digest")
            .default("sha1")
            .aliases(&["checksum", "checksum_algo"])
            .choices(&["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]),
        Opt::new("use_regex", Kind::Bool).about("Whether names are given as regular expressions").default("false"),
        Opt::new("depth", Kind::Int).about("How many directories deep"),
        Opt::new("mode", Kind::Raw).about("Permission bits that it has"),
        Opt::new("exact_mode", Kind::Bool).about("Whether it has those and no others").default("true"),
        Opt::new("encoding", Kind::Str).about("How the files' text is written"),
        Opt::new("limit", Kind::Int).about("How many at most"),
    ],
    about: "Finds files on a machine",
    ..Spec::new("ansible.builtin", "find")
};

impl Module for Find {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

/// What is asked of each file.
struct Wish<'a> {
    task: &'a Task<'a>,
    names: Names,
    age: Option<Bound>,
    size: Option<Bound>,
    mode: Option<u32>,
    content: Option<Pattern>,
    depth: Option<usize>,
    limit: Option<usize>,
}

/// What came of all paths.
#[derive(Default)]
struct Found {
    files: Vec<Value>,
    examined: usize,
    skipped: Map<String, Value>,
    warned: bool,
    at_limit: bool,
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let wish = Wish::new(task, facts)?;
    // so deep, and one deeper to count what is there
    let deep = match (args.is("recurse"), wish.depth) {
        (false, _) => Some(1),
        (true, None) => None,
        (true, Some(depth)) => Some(u32::try_from(depth + 1).unwrap_or(u32::MAX)),
    };
    let tops = all(args.list("paths").unwrap_or_default().into_iter().map(|path| match paths::path(path, task, facts) {
        Ok(path) => Ok(Ok(path)),
        Err(super::outcome::Ended::Stop(stop)) => Err(stop),
        Err(super::outcome::Ended::Fail(message)) => Ok(Err(message)),
    }))?;
    let tops = tops.into_iter().collect::<Result<Vec<String>, String>>().map_err(Halt::fail)?;
    let listings = all(tops.iter().map(|top| listing(facts, top, deep, args.is("follow"))))?;
    let mut found = Found::default();
    // what needs more than the listing is asked for all paths at once
    let mut needs = Vec::new();
    for (top, listed) in tops.iter().zip(&listings) {
        match listed {
            None => {
                found.skipped.insert(top.clone(), format!("'{top}' is not a directory").into());
                found.warned = true;
            }
            Some(listed) => needs.push(wish.walk(facts, top, listed, &mut found)),
        }
    }
    all(needs.into_iter().map(|need| match need {
        Err(Halt::Stop(stop)) => Err(stop),
        other => Ok(other),
    }))?
    .into_iter()
    .collect::<Result<Vec<()>, Halt>>()?;
    let message = match (found.warned, found.at_limit) {
        (true, _) => "Not all paths examined, check warnings for details",
        (false, true) => "Limit of matches reached",
        (false, false) => "All paths examined",
    };
    let matched = found.files.len();
    Ok(Decision::unchanged()
        .with("files", found.files)
        .with("msg", message)
        .with("matched", matched)
        .with("examined", found.examined)
        .with("skipped_paths", found.skipped))
}

/// What is below a path; nothing where it is no directory.
fn listing(facts: &Facts<'_>, top: &str, deep: Option<u32>, follow: bool) -> Result<Option<Listed>, Stop> {
    let (stat, listed) = both(facts.get(Stat::followed(top)), facts.reading(&Listing::new(top, deep, follow)))?;
    let directory = |stat: &FileStat| stat.kind == FileKind::Directory;
    if !stat.as_ref().is_some_and(directory) {
        return Ok(None);
    }
    let _ = listed;
    facts.get(Listing::new(top, deep, follow))
}

impl<'a> Wish<'a> {
    fn new(task: &'a Task<'a>, facts: &Facts<'_>) -> Result<Self, Halt> {
        let args = task.args;
        let bound = |name: &str, parse: fn(&str) -> Option<Bound>| match args.str(name) {
            None => Ok(None),
            Some(text) => match parse(text) {
                Some(bound) => Ok(Some(bound)),
                None => Err(Halt::from(Decision::fail(format!("failed to process {name}")).with(name, text))),
            },
        };
        let mode = match args.get("mode") {
            None => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(mode @ Value::String(_)) => {
                let mode = ModeChange::parse(mode).map_err(Halt::fail)?;
                let umask = if mode.needs_umask() { facts.get(Umask)?.map_or(0o022, |umask| umask.0) } else { 0 };
                Some(mode.apply(0, false, umask))
            }
            Some(_) => return Err(Halt::fail("argument 'mode' is not a string and conversion is not allowed: write it in quotes")),
        };
        let limit = match args.int("limit") {
            Some(limit) if limit <= 0 => return Err(Halt::fail(format!("limit cannot be {limit} (use None for unlimited)"))),
            limit => limit.and_then(|limit| usize::try_from(limit).ok()),
        };
        if args.str("encoding").is_some_and(|encoding| !matches!(encoding.to_lowercase().as_str(), "utf-8" | "utf8" | "utf_8" | "ascii")) {
            return Err(Halt::fail("`encoding` of `find` is utf-8 or left out: files are not read in any other here"));
        }
        let list = |name| args.list(name).unwrap_or_default();
        Ok(Self {
            task,
            names: Names::new(&list("patterns"), &list("excludes"), args.is("use_regex")).map_err(Halt::fail)?,
            age: bound("age", Bound::age)?,
            size: bound("size", Bound::size)?,
            mode,
            content: args.str("contains").map(|pattern| Pattern::on_text(pattern, "")).transpose().map_err(Halt::fail)?,
            depth: args.int("depth").and_then(|depth| usize::try_from(depth).ok()).filter(|depth| *depth > 0),
            limit,
        })
    }

    /// Goes through what is below a path.
    fn walk(&self, facts: &Facts<'_>, top: &str, listed: &Listed, found: &mut Found) -> Result<(), Halt> {
        let depth_of = |entry: &ListingEntry| entry.path.matches('/').count() - top.trim_end_matches('/').matches('/').count();
        let is_wanted = |entry: &&ListingEntry| self.is_wanted(entry, listed.now, depth_of(entry));
        found.skipped.extend(listed.unread.iter().map(|(path, why)| (path.clone(), as_python_says(path, why).into())));
        // the upper before the lower, and in each directory files before directories
        let mut entries: Vec<&ListingEntry> = listed.entries.iter().collect();
        entries.sort_by_key(|entry| (depth_of(entry), paths::above(&entry.path).to_owned(), entry.kind == FileKind::Directory));
        let mut wanted = Vec::new();
        for entry in &entries {
            if is_wanted(entry)? {
                wanted.push(*entry);
            }
        }
        let contents = match &self.content {
            Some(pattern) if self.is("file") => all(wanted.iter().map(|entry| self.searched(facts, entry, pattern)))?,
            _ => wanted.iter().map(|_| Ok(true)).collect(),
        };
        let mut matches = Vec::new();
        for (entry, content) in wanted.into_iter().zip(contents) {
            match content {
                Ok(true) => matches.push(entry),
                Ok(false) => {}
                Err(why) => {
                    found.skipped.insert(top.to_owned(), why.into());
                    found.warned = true;
                    break;
                }
            }
        }
        let room = self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(found.files.len()));
        // Ansible stops at the limit in the directory that it is in
        let examined = |entry: &&&ListingEntry| match matches.get(room.wrapping_sub(1)) {
            Some(last) => (depth_of(entry), paths::above(&entry.path)) <= (depth_of(last), paths::above(&last.path)),
            None => true,
        };
        found.examined += entries.iter().filter(examined).count();
        found.at_limit |= matches.len() >= room;
        matches.truncate(room);
        let checksums = all(matches.iter().map(|entry| self.checksum(facts, entry)))?;
        found.files.extend(matches.into_iter().zip(checksums).map(|(entry, checksum)| described(entry, checksum)));
        Ok(())
    }

    fn is(&self, kind: &str) -> bool {
        self.task.args.str("file_type") == Some(kind)
    }

    fn is_wanted(&self, entry: &ListingEntry, now: f64, depth: usize) -> Result<bool, Halt> {
        let args = self.task.args;
        let name = paths::base(&entry.path);
        let kind = match args.str("file_type") {
            Some("directory") => entry.kind == FileKind::Directory,
            Some("link") => entry.kind == FileKind::Link,
            Some("any") => true,
            _ => entry.kind == FileKind::File,
        };
        let stamp = match args.str("age_stamp") {
            Some("atime") => entry.accessed,
            Some("ctime") => entry.changed,
            _ => entry.modified,
        };
        let mode = |mode: u32| if args.is("exact_mode") { entry.mode.0 == mode } else { entry.mode.0 & mode != 0 };
        #[allow(clippy::cast_precision_loss)] // a size
        let size = entry.size as f64;
        Ok(kind
            && self.depth.is_none_or(|most| depth <= most)
            && (args.is("hidden") || !name.starts_with('.'))
            && self.age.is_none_or(|age| age.holds(now - stamp))
            && (entry.kind != FileKind::File || self.size.is_none_or(|bound| bound.holds(size)))
            && self.mode.is_none_or(mode)
            && self.names.count(name).map_err(Halt::fail)?)
    }

    /// Whether a file holds what is searched; or why the whole path is left then, as Ansible does.
    fn searched(&self, facts: &Facts<'_>, entry: &ListingEntry, pattern: &Pattern) -> Result<Result<bool, String>, Stop> {
        if entry.size > LONGEST {
            return Ok(Err(format!("{} is too long to be searched", entry.path)));
        }
        let content = facts.reading(&Content::itself(&entry.path, LONGEST))?;
        // what cannot be read does not match
        let Ok(Some(bytes)) = bytes_of(facts, &entry.path, content) else { return Ok(Ok(false)) };
        Ok(match String::from_utf8(bytes) {
            Ok(text) => contains(&text, pattern, self.task.args.is("read_whole_file")),
            Err(_) => Err(format!(
                "Failed to read the file {} due to an encoding error. current encoding: {}",
                entry.path,
                self.task.args.str("encoding").unwrap_or("None (default determined by the Python built-in function \"open\")")
            )),
        })
    }

    fn checksum(&self, facts: &Facts<'_>, entry: &ListingEntry) -> Result<Option<String>, Stop> {
        let args = self.task.args;
        if !args.is("get_checksum") || entry.kind != FileKind::File {
            return Ok(None);
        }
        let fact = Checksum::new(&entry.path, args.str("checksum_algorithm").unwrap_or("sha1"));
        Ok(facts.get(fact)?.map(|digest| digest.0))
    }
}

/// The text of an OSError.
fn as_python_says(path: &str, why: &str) -> String {
    let number = match why {
        "Operation not permitted" => "[Errno 1] ",
        "No such file or directory" => "[Errno 2] ",
        "Permission denied" => "[Errno 13] ",
        _ => "",
    };
    format!("{number}{why}: '{path}'")
}

/// A file as the module registers it.
fn described(entry: &ListingEntry, checksum: Option<String>) -> Value {
    let bit = |bit: u32| entry.mode.0 & bit != 0;
    let is = |kind: FileKind| entry.kind == kind;
    let mut file = json!({
        "path": entry.path,
        "mode": entry.mode,
        "isdir": is(FileKind::Directory),
        "ischr": is(FileKind::CharacterDevice),
        "isblk": is(FileKind::BlockDevice),
        "isreg": is(FileKind::File),
        "isfifo": is(FileKind::Fifo),
        "islnk": is(FileKind::Link),
        "issock": is(FileKind::Socket),
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "inode": entry.inode,
        "dev": entry.device,
        "nlink": entry.links,
        "atime": entry.accessed,
        "mtime": entry.modified,
        "ctime": entry.changed,
        "gr_name": entry.group.as_deref().unwrap_or_default(),
        "pw_name": entry.owner.as_deref().unwrap_or_default(),
        "wusr": bit(0o200),
        "rusr": bit(0o400),
        "xusr": bit(0o100),
        "wgrp": bit(0o020),
        "rgrp": bit(0o040),
        "xgrp": bit(0o010),
        "woth": bit(0o002),
        "roth": bit(0o004),
        "xoth": bit(0o001),
        "isuid": bit(0o4000),
        "isgid": bit(0o2000),
    });
    if let (Some(checksum), Some(file)) = (checksum, file.as_object_mut()) {
        file.insert("checksum".into(), checksum.into());
    }
    file
}
