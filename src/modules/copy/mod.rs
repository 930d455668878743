//! `copy`: files with a content that is given (modules/copy.py and plugins/action/copy.py).
//!
//! A content is compared by SHA-256 and a file is replaced whole or not at all. In check mode a directory that is missing
//! is a failure, as it will be in earnest.

mod put;
mod remote;
mod tree;

#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value, json};
use sha1::Sha1;
use sha2::Digest as _;

pub(crate) use put::{How, New, put};

use super::attributes::{Attributes, Wanted, look, selinux_is_asked_for, with_file_options, with_flags};
use super::file::{info, make_directory};
use super::outcome::{Ended, decided, planned};
use super::paths;
use super::spec::{Kind, Opt, Spec};
use super::{Args, Decision, Module, Task};
use crate::node::Change;
use crate::node::apply::Carried;
use crate::node::facts::{Checksum, FileKind, RealPath, Stat};
use crate::node::steps::BACKUP_FILE;
use crate::plan::{Facts, Plan, Reading, Stop};

/// The module.
pub struct Copy;

static SPEC: Spec = Spec {
    options: with_file_options![
        Opt::new("src", Kind::Path)
            .about("The file or directory here: in `files` of the role or beside the playbook; on the machine with `remote_src`"),
        Opt::new("content", Kind::Raw).about("What the file holds, in place of `src`"),
        Opt::new("dest", Kind::Path).about("Where it goes; a name that ends in `/` is a directory").required(),
        Opt::new("backup", Kind::Bool)
            .about("Keeps what was there before, in a file beside it whose name ends in the date")
            .default("false"),
        Opt::new("force", Kind::Bool).about("Whether a file that is there and says something else is replaced").default("true"),
        Opt::new("validate", Kind::Str)
            .about("A command that must succeed before the new content takes its place; `%s` stands for a file with it"),
        Opt::new("directory_mode", Kind::Raw).about("Permission bits of new directories"),
        Opt::new("remote_src", Kind::Bool).about("Whether `src` is on the machine already").default("false"),
        Opt::new("local_follow", Kind::Bool).about("Whether links here come as what they lead to"),
        Opt::new("checksum", Kind::Str).about("The SHA-1 that the file must have"),
        Opt::new("follow", Kind::Bool).about("Whether what a link at `dest` leads to is meant").default("false"),
        Opt::new("decrypt", Kind::Bool).about("Opens a source that ansible-vault encrypted").default("true"),
    ],
    exclusive: &[&["src", "content"]],
    one_of: &[&["src", "content"]],
    about: "A file or a directory with what is in it, as it is here",
    notes: &[
        "A file of more than 256 KiB goes ahead on a channel of its own and is never held in memory as a whole",
        "The new content takes its place in one step, with the ACL that was there",
    ],
    example: "- name: settings\n  ansible.builtin.copy:\n    content: |\n      level = 1\n    dest: /etc/homelab.conf\n    mode: '0644'\n",
    ..Spec::new("ansible.builtin", "copy")
};

impl Module for Copy {
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

/// What `copy`, `template` and `assemble` register of the file at the path that they decided on.
///
/// # Errors
/// What has to be read first.
pub(crate) fn registered(task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
    let path = match place(task, facts) {
        Ok(path) => path,
        Err(Ended::Stop(stop)) => {
            // most often it is the path that is named: one round trip for all of it
            let Ok(named) = paths::path(task.args.str("dest").unwrap_or_default(), task, facts) else { return Err(stop) };
            return super::outcome::both(Err::<(), _>(stop), info(&named, facts)).map(|(_, info)| info);
        }
        Err(Ended::Fail(_)) => return Ok(Map::new()),
    };
    let mut result = info(&path, facts)?;
    if let Some(carried) = carried {
        if result.get("state") != Some(&json!("directory"))
            && let Reading::Present(md5) = facts.reading(&Checksum::new(&path, "md5"))?
        {
            result.insert("md5sum".into(), md5);
        }
        // what came from here has its checksum already
        if task.args.is("remote_src")
            && let Reading::Present(sha1) = facts.reading(&Checksum::new(&path, "sha1"))?
        {
            result.insert("checksum".into(), sha1);
        }
        if let Some(backup) = backup_file(carried) {
            result.insert("backup_file".into(), backup.into());
        }
    }
    Ok(result)
}

/// Where the file is in the end: the same way as when it was planned, once it is done.
fn place(task: &Task<'_>, facts: &Facts<'_>) -> Result<String, Ended> {
    let args = task.args;
    let given = args.str("dest").unwrap_or_default();
    let dest = paths::path(given, task, facts)?;
    let source = args.str("src").filter(|source| !source.ends_with('/') && !task.outside.is_directory("files", source));
    if let Some(source) = source
        && look(facts, &dest)?.is_some_and(|stat| stat.kind == FileKind::Directory)
    {
        return Ok(paths::join(&dest, paths::base(source)));
    }
    if args.is("follow") && facts.get(Stat::new(&dest))?.is_some_and(|stat| stat.kind == FileKind::Link) {
        return Ok(facts.get(RealPath::new(&dest))?.unwrap_or(dest));
    }
    Ok(dest)
}

/// The copy that was made before, from what the steps said.
pub(crate) fn backup_file(carried: &Carried) -> Option<String> {
    carried.outputs.iter().find_map(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().find_map(|line| line.strip_prefix(BACKUP_FILE).map(str::to_owned))
    })
}

/// SHA-1 in hexadecimal digits: what Ansible calls `checksum`.
pub(crate) fn sha1_of(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    if let Some(why) = selinux_is_asked_for(args, facts)? {
        return Err(why.into());
    }
    let dest = args.str("dest").unwrap_or_default();
    if dest.is_empty() {
        return Err("dest is required".into());
    }
    if let Some(content) = args.get("content") {
        if dest.ends_with('/') {
            return Err("can not use content with a dir as dest".into());
        }
        // as in Ansible, which writes the content into a file of its own first
        let mode = || Ok(0o600);
        return a_file(task, facts, &Origin { content: New::Bytes(text_of(content).into_bytes()), name: None, mode: Box::new(mode) });
    }
    let source = args.str("src").filter(|source| !source.is_empty()).ok_or("src (or content) is required")?;
    if args.is("remote_src") {
        return remote::plan(task, facts, source);
    }
    if task.outside.is_directory("files", source) {
        return tree::plan(task, facts, source);
    }
    let content = match task.outside.large("files", source)? {
        Some(large) => New::Local(large),
        None if args.bool("decrypt") == Some(false) => New::Bytes(task.outside.as_it_is("files", source)?),
        None => New::Bytes(task.outside.file("files", source)?),
    };
    let mode = || task.outside.mode("files", source);
    a_file(task, facts, &Origin { content, name: Some(paths::base(source)), mode: Box::new(mode) })
}

/// A content and where it comes from.
pub(crate) struct Origin<'a> {
    pub(crate) content: New,
    /// What it is called in a directory; none: it cannot be put into one.
    pub(crate) name: Option<&'a str>,
    /// For `mode: preserve`.
    pub(crate) mode: Box<dyn Fn() -> Result<u32, String> + 'a>,
}

/// One file (`_copy_file` of the action).
pub(crate) fn a_file(task: &Task<'_>, facts: &Facts<'_>, origin: &Origin<'_>) -> Result<Decision, Ended> {
    match put_file(task, facts, origin) {
        Err(Ended::Fail(why)) => Ok(Decision::fail(why).with("checksum", origin.content.sha1())),
        outcome => outcome,
    }
}

fn put_file(task: &Task<'_>, facts: &Facts<'_>, origin: &Origin<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    let attributes = attributes(args, &*origin.mode)?;
    let (given, mut change): (&str, Change) = (args.str("dest").unwrap_or_default(), Plan::change([]));
    let mut dest = paths::path(given, task, facts)?;
    // what is there, its digest and what names mean: one round trip
    let (_, names) = super::outcome::both(put::seen(&dest, facts), facts.get(attributes.ask()))?;
    let wanted = attributes.resolve(names)?;
    let directory = look(facts, &dest)?.is_some_and(|stat| stat.kind == FileKind::Directory);
    let mut new_parent = None;
    if given.ends_with('/') || directory {
        let Some(name) = origin.name else { return Err("can not use content with a dir as dest".into()) };
        if !directory {
            new_parent = Some(make_directory(&dest, &directories(args, &wanted)?, facts, &mut change)?);
        }
        dest = paths::join(&dest, name);
    }
    let checksum = origin.content.sha1();
    if let Some(wrong) = args.str("checksum").filter(|wanted| *wanted != checksum) {
        let fail = Decision::fail("Copied file does not match the expected checksum. Transfer failed.");
        return Ok(fail.with("checksum", checksum).with("expected_checksum", wrong));
    }
    let how = How::read(task, facts, wanted, new_parent)?;
    let put = put(&dest, &origin.content, &how, facts, &mut change)?;
    let decision = with_flags(planned(change), &put.path, args, facts)?.with("dest", put.path.as_str());
    Ok(match args.str("src") {
        Some(source) if put.left || put.replaced => decision.with("src", source),
        _ if !put.left && !put.replaced => decision.with("path", put.path),
        _ => decision,
    }
    .with("checksum", checksum))
}

/// The attributes of a file, with `mode: preserve` replaced.
fn attributes(args: &Args, mode: &dyn Fn() -> Result<u32, String>) -> Result<Attributes, Ended> {
    let given = args.get("mode");
    let preserved = match given.and_then(Value::as_str) {
        Some("preserve") => Some(Value::from(format!("{:04o}", mode()? & 0o7777))),
        _ => None,
    };
    Ok(Attributes::with_mode(args, preserved.as_ref().or(given))?)
}

/// What a new directory gets: owner and group as the files, and `directory_mode`.
fn directories(args: &Args, wanted: &Wanted) -> Result<Wanted, Ended> {
    let mode = args.get("directory_mode").map(super::attributes::ModeChange::parse).transpose()?;
    Ok(Wanted { mode, ..wanted.clone() })
}

/// A content as text: mappings and lists as Python's `json.dumps` writes them.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Array(_) | Value::Object(_) => dumped(content),
        other => other.to_string(),
    }
}

/// `json.dumps`: blanks behind commas and colons, nothing but ASCII.
fn dumped(value: &Value) -> String {
    let text = |text: &str| {
        let quoted = Value::from(text).to_string();
        let mut ascii = String::with_capacity(quoted.len());
        for c in quoted.chars() {
            if c.is_ascii() && c != '\u{7f}' {
                ascii.push(c);
            } else {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
            }
        }
        ascii.replace("\\u007f", "\u{7f}")
    };
    match value {
        Value::String(string) => text(string),
        Value::Array(items) => format!("[{}]", items.iter().map(dumped).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{}: {}", text(key), dumped(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}
