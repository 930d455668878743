//! `ansible.builtin.fetch`

use serde_json::{Map, Value};
use sha1::Digest as _;

use super::module::LocalWrite;
use super::outcome::{Ended, decided};
use super::remote_file::{RemoteFile, remote_file};
use super::{Decision, Kind, Module, Opt, Spec, Task, paths};
use crate::node::apply::Carried;
use crate::node::facts::Checksum;
use crate::plan::{Facts, Reading, Stop};

/// A file of the host is copied to this machine, below a directory named for the host unless `flat`. Up to 32 MiB: what is
/// longer is not known.
///
/// In check mode it says whether the file here would be another; Ansible skips the task. The result has the keys of a changed
/// and of an unchanged file in both cases.
#[derive(Debug)]
pub struct Fetch;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("src", Kind::Raw).about("The file there").required(),
        Opt::new("dest", Kind::Raw).about("The directory here; below it a directory for each host").required(),
        Opt::new("fail_on_missing", Kind::Bool).about("Whether it is a failure if the file is not there").default("true"),
        Opt::new("validate_checksum", Kind::Bool).about("Whether what came is compared").default("true"),
        Opt::new("flat", Kind::Bool).about("Whether `dest` is the file itself").default("false"),
    ],
    about: "Copies a file from the machine to this one",
    ..Spec::new("ansible.builtin", "fetch")
};

impl Module for Fetch {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let mut result = Map::new();
        match paths::path(task.args.str("src").unwrap_or_default(), task, facts) {
            Err(Ended::Stop(stop)) => return Err(stop),
            Err(Ended::Fail(_)) => {}
            // what was copied has the same
            Ok(source) => {
                if let Reading::Present(md5) = facts.reading(&Checksum::new(source, "md5"))? {
                    result.insert("md5sum".into(), md5);
                }
            }
        }
        Ok(result)
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    for (name, what) in [("src", "source"), ("dest", "dest")] {
        if args.str(name).is_none() {
            return Err(format!("Invalid type supplied for {what} option, it must be a string").into());
        }
    }
    let source = paths::path(args.str("src").unwrap_or_default(), task, facts)?;
    let content = match remote_file(facts, &source)? {
        RemoteFile::File(content) => content,
        RemoteFile::Unreadable => return Err(format!("File is not readable: {source}").into()),
        other => return Ok(missing(&other, &source, args.is("fail_on_missing"))),
    };
    let dest = destination(args.str("dest").unwrap_or_default(), &source, &facts.scope().host, args.is("flat"));
    let checksum: String = sha1::Sha1::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut decision = Decision::unchanged()
        .with("file", source)
        .with("dest", dest.as_str())
        .with("checksum", checksum.as_str())
        .with("remote_checksum", checksum)
        .with("remote_md5sum", Value::Null);
    let plain = args.is("flat") && args.str("dest").is_some_and(|dest| !dest.ends_with('/'));
    let in_the_way = if plain {
        "dest is an existing directory, use a trailing slash if you want to fetch src into that directory"
    } else {
        "calculated dest '{}' is an existing directory, use another path that does not point to an existing directory"
    };
    decision.local.push(LocalWrite { path: dest, content, mode: None, in_the_way });
    Ok(decision)
}

/// There is nothing to copy; `fail_on_missing` says what that means.
fn missing(what: &RemoteFile, source: &str, fails: bool) -> Decision {
    let message = match what {
        RemoteFile::Directory if fails => "remote file is a directory, fetch cannot work on directories",
        RemoteFile::Directory => "remote file is a directory, fetch cannot work on directories, not transferring, ignored",
        RemoteFile::Odd => "the remote file is not a regular file, fetch cannot work on it",
        _ => "the remote file does not exist, not transferring, ignored",
    };
    let decision = if fails { Decision::fail(message) } else { Decision::unchanged().with("msg", message) };
    decision.with("file", source)
}

/// Where the copy goes: relative to the playbook if `dest` is.
fn destination(dest: &str, source: &str, host: &str, flat: bool) -> String {
    let path = match (flat, dest.ends_with('/')) {
        (false, _) => format!("{dest}/{host}/{source}"),
        (true, true) => format!("{dest}{}", paths::base(source)),
        (true, false) => dest.to_owned(),
    };
    normal(&path)
}

/// `os.path.normpath(path)`
fn normal(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(last)) if *last != ".." => drop(parts.pop()),
            ("..", None) if absolute => {}
            (part, _) => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_copy_goes() {
        for (dest, flat, wanted) in [
            ("/backup", false, "/backup/n1/etc/hosts"),
            ("out/", false, "out/n1/etc/hosts"),
            ("../out", false, "../out/n1/etc/hosts"),
            ("/backup/", true, "/backup/hosts"),
            ("./x/../hosts.txt", true, "hosts.txt"),
            ("/../a", true, "/a"),
        ] {
            assert_eq!(destination(dest, "/etc/hosts", "n1", flat), wanted);
        }
    }
}
