//! `unarchive`: unpacks an archive, of ours or of the host's.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::attributes::{
    Attributes, FLAGS, GROUP, MODE, OWNER, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES, look, maker, selinux_is_asked_for,
};
use super::outcome::{Ended, decided, planned};
use super::paths::path;
use super::spec::{Kind, Opt, Spec};
use super::{Act, Decision, Module, Task};
use crate::node::apply::Carried;
use crate::node::facts::{FileKind, Stat};
use crate::node::steps::{Source, Step, Unarchive as Unpack, Unpacked, WriteFile};
use crate::plan::{Difference, Facts, Plan, Stop};

/// Unpacks an archive unless all of it is there already.
pub struct Unarchive;

const STRS: Kind = Kind::List(&Kind::Str);

static SPEC: Spec = Spec {
    exclusive: &[&["include", "exclude"], &["copy", "remote_src"]],
    options: &[
        Opt::new("src", Kind::Path).required(),
        Opt::new("dest", Kind::Path).required(),
        Opt::new("remote_src", Kind::Bool).default("false"),
        Opt::new("creates", Kind::Path),
        Opt::new("list_files", Kind::Bool).default("false"),
        Opt::new("keep_newer", Kind::Bool).default("false"),
        Opt::new("exclude", STRS),
        Opt::new("include", STRS),
        Opt::new("extra_opts", STRS),
        Opt::new("validate_certs", Kind::Bool).default("true"),
        Opt::new("io_buffer_size", Kind::Int).default("65536"),
        // the opposite of `remote_src`, and older
        Opt::new("copy", Kind::Bool).default("true"),
        Opt::new("decrypt", Kind::Bool).default("true"),
        MODE,
        OWNER,
        GROUP,
        SEUSER,
        SEROLE,
        SELEVEL,
        SETYPE,
        FLAGS,
        UNSAFE_WRITES,
    ],
    ..Spec::new("ansible.builtin", "unarchive")
};

impl Module for Unarchive {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(plan(task, facts))
    }

    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let Some(output) = carried.and_then(|carried| carried.outputs.last()) else { return Ok(Map::new()) };
        let unpacked = Unpacked::read(&output.stdout);
        let mut result = Map::new();
        result.insert("handler".into(), unpacked.handler.into());
        result.insert("changed".into(), unpacked.changed.into());
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
    let skip = |why: String| Decision { act: Act::Skip(why), result: Map::new(), local: Vec::new() };
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
    let attributes = Attributes::read(args)?;
    attributes.resolve(facts.get(attributes.ask())?)?;
    let mode = match args.get("mode") {
        None => None,
        Some(Value::String(mode)) => Some(mode.clone()),
        Some(number) => Some(number.as_i64().map(|mode| format!("{mode:04o}")).ok_or("mode must be in octal or symbolic form")?),
    };
    if task.check {
        return Ok(skip("remote module (ansible.builtin.unarchive) does not support check mode when using gtar".into()));
    }
    let mut steps: Vec<Step> = Vec::new();
    let archive = if is_remote {
        if source.contains("://") {
            return Err("an address as `src` is not carried out here; fetch it by `get_url` and unpack what is there".into());
        }
        let archive = path(source, task, facts)?;
        if facts.get(Stat::followed(&archive))?.is_none() {
            return Err(format!("Source '{archive}' does not exist").into());
        }
        archive
    } else {
        let content = task.outside.file("files", source)?;
        let (login, _) = maker(facts)?;
        let digest: String = Sha256::digest(&content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        // beside what it is unpacked to: there is place for it, and nobody else may write there
        let archive = super::paths::join(&directory, &format!(".homelabctl-{digest}"));
        let (owner, group) = (login.uid.to_string(), login.gid.to_string());
        steps.push(WriteFile { path: archive.clone(), source: Source::Bytes(content), owner, group, mode: 0o600 }.into());
        archive
    };
    let list = |name: &str| args.list(name).unwrap_or_default().into_iter().map(str::to_owned).collect::<Vec<_>>();
    steps.push(
        Unpack {
            archive: archive.clone(),
            is_temporary: !is_remote,
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
    let mut change = Plan::change(steps);
    change.diff.push(Difference { what: format!("unpack into {directory}"), before: None, after: Some(source.to_owned()) });
    Ok(planned(change).with("dest", directory).with("src", archive))
}
