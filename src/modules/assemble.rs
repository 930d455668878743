//! `assemble`: a file from the files of a directory (modules/assemble.py and plugins/action/assemble.py).

use serde_json::{Map, Value};

use super::attributes::{Attributes, look, selinux_is_asked_for, with_file_options, with_flags};
use super::copy::{How, New, put, registered, sha1_of};
use super::outcome::{Ended, all, both, decided, planned};
use super::spec::{Kind, Opt, Spec};
use super::validation::Validation;
use super::{Decision, Module, Task, paths};
use crate::node::Change;
use crate::node::apply::Carried;
use crate::node::facts::{Content, Directory, FileKind, Stat};
use crate::plan::{Facts, Plan, Stop};

/// The module.
pub struct Assemble;

/// How large a fragment on the machine may be, in bytes: it comes here and goes back.
const FRAGMENT: u64 = 1 << 20;

static SPEC: Spec = Spec {
    options: with_file_options![
        Opt::new("src", Kind::Path).about("The directory").required(),
        Opt::new("dest", Kind::Path).about("The file").required(),
        Opt::new("delimiter", Kind::Str).about("What stands between them"),
        Opt::new("backup", Kind::Bool)
            .about("Keeps what was there before, in a file beside it whose name ends in the date")
            .default("false"),
        Opt::new("remote_src", Kind::Bool).about("Whether the directory is on the machine").default("true"),
        Opt::new("regexp", Kind::Str).about("Only files whose names this pattern finds"),
        Opt::new("ignore_hidden", Kind::Bool).about("Leaves out files whose names begin with a dot").default("false"),
        Opt::new("validate", Kind::Str)
            .about("A command that must succeed before the new content takes its place; `%s` stands for a file with it"),
        Opt::new("decrypt", Kind::Bool).about("Opens a source that ansible-vault encrypted").default("true"),
    ],
    about: "A file put together from the files of a directory, in the order of their names",
    ..Spec::new("ansible.builtin", "assemble")
};

impl Module for Assemble {
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
    let attributes = Attributes::read(args)?;
    let dest = paths::path(args.str("dest").unwrap_or_default(), task, facts)?;
    let source = args.str("src").unwrap_or_default();
    let remote = args.bool("remote_src").unwrap_or(true);
    let fragments = if remote { on_the_machine(task, facts, source)? } else { from_here(task, source)? };
    let bytes = joined(&fragments, args.str("delimiter"), remote);
    let (names, is) = both(facts.get(attributes.ask()), look(facts, &dest))?;
    if is.is_some_and(|is| is.kind == FileKind::Directory) {
        return Err(format!("{dest} is a directory").into());
    }
    let how =
        How { wanted: attributes.resolve(names)?, backup: args.is("backup"), validate: Validation::read(task, facts)?, ..How::default() };
    let checksum = sha1_of(&bytes);
    let mut change: Change = Plan::change([]);
    let put = put(&dest, &New::Bytes(bytes), &how, facts, &mut change)?;
    let decision =
        with_flags(planned(change), &put.path, args, facts)?.with("dest", put.path).with("src", source).with("checksum", checksum);
    Ok(if remote { decision.with("msg", "OK") } else { decision })
}

/// Whether a file of that name is one of the fragments.
fn is_wanted(name: &str, task: &Task<'_>) -> Result<bool, Ended> {
    let hidden = task.args.is("ignore_hidden") && name.starts_with('.');
    let fits = match task.args.str("regexp") {
        None => true,
        Some(regexp) => {
            let bad = |why: fancy_regex::Error| format!("Invalid Regexp ({why}) in \"{regexp}\"");
            fancy_regex::Regex::new(regexp).and_then(|regex| regex.is_match(name)).map_err(bad)?
        }
    };
    Ok(fits && !hidden)
}

fn on_the_machine(task: &Task<'_>, facts: &Facts<'_>, source: &str) -> Result<Vec<Vec<u8>>, Ended> {
    let from = paths::path(source, task, facts)?;
    match look(facts, &from)? {
        None => return Err(format!("Source ({source}) does not exist").into()),
        Some(stat) if stat.kind != FileKind::Directory => return Err(format!("Source ({source}) is not a directory").into()),
        Some(_) => {}
    }
    let mut wanted = Vec::new();
    let entries = facts.get(Directory::new(&from))?.unwrap_or_default();
    let links = entries.iter().filter(|entry| entry.kind == FileKind::Link).map(|entry| {
        let path = paths::join(&from, &entry.name);
        facts.get(Stat::followed(path)).map(|stat| (entry.name.clone(), stat.is_some_and(|stat| stat.kind == FileKind::File)))
    });
    let links = all(links)?;
    for entry in &entries {
        let is_file = entry.kind == FileKind::File || links.iter().any(|(name, file)| *name == entry.name && *file);
        if is_file && is_wanted(&entry.name, task)? {
            wanted.push(paths::join(&from, &entry.name));
        }
    }
    let contents = facts.get(wanted.into_iter().map(|path| Content::new(path, FRAGMENT)).collect::<Vec<_>>())?;
    Ok(contents.into_iter().flatten().map(|content| content.bytes()).collect())
}

fn from_here(task: &Task<'_>, source: &str) -> Result<Vec<Vec<u8>>, Ended> {
    if !task.outside.is_directory("files", source) {
        return Err(format!("Source ({source}) is not a directory").into());
    }
    let mut entries = task.outside.tree("files", source, true)?;
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut fragments = Vec::new();
    for entry in entries {
        if let Some(content) = entry.content
            && !entry.path.contains('/')
            && is_wanted(&entry.path, task)?
        {
            fragments.push(content);
        }
    }
    Ok(fragments)
}

/// The fragments one behind the other, each on lines of its own, the delimiter between them.
fn joined(fragments: &[Vec<u8>], delimiter: Option<&str>, remote: bool) -> Vec<u8> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty()).map(unescaped);
    let mut out: Vec<u8> = Vec::new();
    for (at, fragment) in fragments.iter().enumerate() {
        if at > 0 {
            if fragments.get(at - 1).is_some_and(|before| !before.ends_with(b"\n")) {
                out.push(b'\n');
            }
            if let Some(delimiter) = &delimiter {
                out.extend(delimiter);
                // of fragments from here the action adds a line end even behind one
                if !remote || !delimiter.ends_with(b"\n") {
                    out.push(b'\n');
                }
            }
        }
        out.extend(fragment);
    }
    out
}

/// As Python's `codecs.escape_decode`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let mut digits = |most: usize, radix: u32| {
            let mut value = None;
            for _ in 0..most {
                let Some(digit) = rest.peek().and_then(|byte| char::from(*byte).to_digit(radix)) else { break };
                value = Some(value.unwrap_or(0) * radix + digit);
                rest.next();
            }
            value.and_then(|value| u8::try_from(value & 0xff).ok())
        };
        if let Some(byte) = digits(3, 8) {
            out.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'a') => out.push(7),
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'v') => out.push(11),
            Some(byte @ (b'\\' | b'\'' | b'"')) => out.push(byte),
            Some(b'x') => {
                let hex: Vec<u8> = rest.clone().take(2).collect();
                match std::str::from_utf8(&hex).ok().filter(|hex| hex.len() == 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    Some(byte) => {
                        out.push(byte);
                        rest.next();
                        rest.next();
                    }
                    None => out.extend(b"\\x"),
                }
            }
            Some(other) => out.extend([b'\\', other]),
            None => out.push(b'\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_come_one_behind_the_other() {
        let fragments = [b"a".to_vec(), b"b\n".to_vec(), b"c".to_vec()];
        let text = |delimiter, remote| String::from_utf8(joined(&fragments, delimiter, remote)).unwrap();
        assert_eq!(text(None, true), "a\nb\nc");
        assert_eq!(text(Some("# --"), true), "a\n# --\nb\n# --\nc");
        assert_eq!(text(Some(r"#\n"), true), "a\n#\nb\n#\nc");
        assert_eq!(text(Some(r"#\n"), false), "a\n#\n\nb\n#\n\nc");
        assert_eq!(unescaped(r"\x41\101\q\\\n\"), b"AA\\q\\\n\\");
    }
}
