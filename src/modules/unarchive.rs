//! `unarchive`: unpacks an archive, of ours or of the host's.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::attributes::{Attributes, as_chmod_takes_it, look, maker, no_flags, selinux_is_asked_for, with_file_options};
use super::http::{self, request_to};
use super::outcome::{Ended, decided, planned};
use super::paths::path;
use super::spec::{Kind, Opt, Spec};
use super::{Act, Decision, Module, Task};
use crate::node::apply::Carried;
use crate::node::facts::{FileKind, Stat};
use crate::node::steps::{Fetch, Source, Step, Unarchive as Unpack, Unpacked, WriteFile};
use crate::plan::{Difference, Facts, Plan, Stop, Touch};

/// Unpacks an archive unless all of it is there already.
pub struct Unarchive;

const STRS: Kind = Kind::List(&Kind::Str);

static SPEC: Spec = Spec {
    exclusive: &[&["include", "exclude"], &["copy", "remote_src"]],
    options: with_file_options![
        Opt::new("src", Kind::Path).about("The archive: a file here, on the machine with `remote_src`, or an address").required(),
        Opt::new("dest", Kind::Path).about("The directory that it goes into; it must be there").required(),
        Opt::new("remote_src", Kind::Bool).about("Whether the archive is on the machine already").default("false"),
        Opt::new("creates", Kind::Path).about("A path on the machine; if it is there, nothing is done"),
        Opt::new("list_files", Kind::Bool).about("Registers what the archive holds").default("false"),
        Opt::new("keep_newer", Kind::Bool).about("Leaves files alone that are newer than those in the archive").default("false"),
        Opt::new("exclude", STRS).about("What of it is left out"),
        Opt::new("include", STRS).about("What of it is taken; nothing else is"),
        Opt::new("extra_opts", STRS).about("More arguments for tar or unzip"),
        Opt::new("validate_certs", Kind::Bool).about("Whether the server's certificate must be good").default("true"),
        Opt::new("io_buffer_size", Kind::Int).about("Has no effect here").default("65536"),
        // the opposite of `remote_src`, and older
        Opt::new("copy", Kind::Bool).about("The older way to say `remote_src: false`").default("true"),
        Opt::new("decrypt", Kind::Bool).about("Opens a source that ansible-vault encrypted").default("true"),
    ],
    about: "Unpacks an archive: tar in its kinds, and zip",
    notes: &["What the archive holds is compared with what is there: nothing is unpacked twice"],
    example: "- name: an exporter\n  ansible.builtin.unarchive:\n    src: exporter.tar.gz\n    dest: /opt\n",
    ..Spec::new("ansible.builtin", "unarchive")
};

impl Module for Unarchive {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let Some(output) = carried.and_then(|carried| carried.outputs.last()) else { return Ok(Map::new()) };
        let unpacked = Unpacked::read(&output.stdout);
        let mut result = match path(task.args.str("dest").unwrap_or_default(), task, facts) {
            Ok(directory) => super::file::info(&directory, facts)?,
            Err(Ended::Stop(stop)) => return Err(stop),
            Err(Ended::Fail(_)) => Map::new(),
        };
        result.insert("handler".into(), unpacked.handler.into());
        result.insert("changed".into(), unpacked.changed.into());
        if !unpacked.command.is_empty() {
            let results = serde_json::json!({"cmd": unpacked.command, "err": unpacked.complaint, "out": "", "rc": 0});
            result.insert("extract_results".into(), results);
        }
        if !unpacked.names.is_empty() {
            result.insert("files".into(), unpacked.names.into());
        }
        Ok(result)
    }

    /// What is in an archive is known once it is looked into, on the host.
    fn is_opaque(&self) -> bool {
        true
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    let source = args.str("src").unwrap_or_default();
    let skip = |why: String| Decision { act: Act::Skip(why), ..Decision::unchanged() };
    if let Some(text) = args.str("creates").filter(|text| !text.is_empty()) {
        let creates = path(text, task, facts)?;
        if facts.get(Stat::followed(&creates))?.is_some() {
            return Ok(skip(format!("skipped, since {creates} exists")));
        }
    }
    if let Some(why) = selinux_is_asked_for(args, facts)? {
        return Err(why.into());
    }
    // the options that nobody gave have defaults too
    let is_remote = if args.is_given("copy") { !args.is("copy") } else { args.is("remote_src") };
    let directory = path(args.str("dest").unwrap_or_default(), task, facts)?;
    match look(facts, &directory)? {
        Some(stat) if stat.kind == FileKind::Directory => {}
        _ => return Err(format!("dest '{directory}' must be an existing dir").into()),
    }
    // checks the mode and the names
    no_flags(args, "an archive")?;
    let attributes = Attributes::read(args)?;
    attributes.resolve(facts.get(attributes.ask())?)?;
    let mode = as_chmod_takes_it(args)?;
    let mut steps: Vec<Step> = Vec::new();
    let mut is_temporary = false;
    let archive = if is_remote {
        if source.contains("://") {
            let archive = beside(&directory, source.as_bytes());
            let mut fetch = fetched(source, archive.clone(), task, facts)?;
            if let Some(refusal) = http::asker(&mut fetch.request, None, facts)? {
                return Ok(refusal.into());
            }
            steps.push(fetch.into());
            is_temporary = true;
            archive
        } else {
            let archive = path(source, task, facts)?;
            if facts.get(Stat::followed(&archive))?.is_none() {
                return Err(format!("Source '{archive}' does not exist").into());
            }
            archive
        }
    } else {
        let (named, content) = match task.outside.large("files", source)? {
            Some(file) => (file.sha256.clone().into_bytes(), Source::Local { path: file.path, size: file.size, sha256: file.sha256 }),
            None => {
                let decrypts = args.bool("decrypt").unwrap_or(true);
                let bytes = if decrypts { task.outside.file("files", source) } else { task.outside.as_it_is("files", source) }?;
                (bytes.clone(), Source::Bytes(bytes))
            }
        };
        let (login, _) = maker(facts)?;
        let archive = beside(&directory, &named);
        is_temporary = true;
        let (owner, group) = (login.uid.to_string(), login.gid.to_string());
        steps.push(WriteFile { path: archive.clone(), source: content, owner, group, mode: 0o600 }.into());
        archive
    };
    let list = |name: &str| args.list(name).unwrap_or_default().into_iter().map(str::to_owned).collect::<Vec<_>>();
    steps.push(
        Unpack {
            archive: archive.clone(),
            is_temporary,
            directory: directory.clone(),
            owner: attributes.owner.clone(),
            group: attributes.group.clone(),
            mode,
            keep_newer: args.is("keep_newer"),
            list: args.is("list_files"),
            exclude: list("exclude"),
            include: list("include"),
            options: list("extra_opts"),
        }
        .into(),
    );
    if task.check {
        let why = "only a real run looks into the archive".to_owned();
        return Ok(Decision { act: Act::Pending(why, vec![Touch::Files(directory)]), ..Decision::unchanged() });
    }
    let mut change = Plan::change(steps);
    change.diff.push(Difference { what: format!("unpack into {directory}"), before: None, after: Some(source.to_owned()) });
    Ok(planned(change).with("dest", directory).with("src", archive))
}

/// An archive's place beside what it is unpacked to: there is room for it, and nobody else may write there.
fn beside(directory: &str, what: &[u8]) -> String {
    let digest: String = Sha256::digest(what).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    super::paths::join(directory, &format!(".homelabctl-{digest}"))
}

/// The archive that a server has.
fn fetched(url: &str, archive: String, task: &Task<'_>, facts: &Facts<'_>) -> Result<Fetch, Ended> {
    let (login, _) = maker(facts)?;
    Ok(Fetch {
        request: Box::new(request_to(url, task, facts, "GET")?),
        path: archive,
        only_newer: false,
        checksum: None,
        checksum_list: None,
        backup: false,
        owner: login.uid.to_string(),
        group: login.gid.to_string(),
        mode: 0o600,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Files, Seen};
    use crate::node::simulated::World;

    fn steps_of(args: &Value) -> Vec<Step> {
        let mut world = World::new(1);
        world.add_directory("/srv/to", 0o755);
        world.add_file("/srv/a.tar", b"x", 0o644);
        world.add_directory("/usr/bin", 0o755);
        world.add_file("/usr/bin/wget", b"", 0o755);
        world.serve("http://server/a.tgz", b"x".to_vec());
        let mut bench = Bench::new(world);
        bench.outside = Files([Files::file("a.tar", b"here", 0o644)].into());
        match bench.run(&Unarchive, args) {
            Seen::Changed(_, change, _) => change.steps,
            seen => panic!("{args}: {seen:?}"),
        }
    }

    #[test]
    fn an_archive_comes_from_here_from_there_or_from_a_server() {
        let steps = steps_of(&json!({"src": "a.tar", "dest": "/srv/to", "mode": "u=rwX"}));
        assert!(matches!(steps.as_slice(), [Step::WriteFile(write), Step::Unarchive(unpack)]
            if write.path == unpack.archive && unpack.is_temporary && unpack.mode.as_deref() == Some("u=rwX")));
        let steps = steps_of(&json!({"src": "/srv/a.tar", "dest": "/srv/to", "remote_src": true, "exclude": ["x"], "list_files": true}));
        assert!(matches!(steps.as_slice(), [Step::Unarchive(unpack)]
            if unpack.archive == "/srv/a.tar" && !unpack.is_temporary && unpack.list && unpack.exclude == ["x"]));
        let steps = steps_of(&json!({"src": "http://server/a.tgz", "dest": "/srv/to", "remote_src": true, "validate_certs": false}));
        assert!(matches!(steps.as_slice(), [Step::Fetch(fetch), Step::Unarchive(unpack)]
            if fetch.path == unpack.archive && unpack.is_temporary && fetch.request.insecure && fetch.request.url.ends_with("a.tgz")));
    }
}
