//! Owner, group and mode: the options that every module about files has, and how they are reached
//! (set_fs_attributes_if_different of module_utils/basic.py).
//!
//! A module reads its options with [`Attributes::read`], asks [`Attributes::ask`] together with its own facts, and gets
//! with [`Attributes::resolve`] what is [`Wanted`]: applied to what is there ([`Wanted::reach`]) or to what will be made
//! ([`Wanted::on`]).

mod flags;
mod mode;

use serde_json::{Map, Value};

use super::Args;
use super::spec::{Kind, Opt};
use crate::node::Change;
use crate::node::facts::{Account, FileKind, FileStat, Group, GroupEntry, Login, LoginUser, Mode, Stat, Umask, User};
use crate::node::steps::{ChangeMode, ChangeOwner};
use crate::plan::{Difference, Expect, Facts, Reading, Stop};

pub(crate) use flags::{no_flags, with_flags};
pub use mode::{Clause, ModeChange};

/// `mode`.
pub const MODE: Opt =
    Opt::new("mode", Kind::Raw).about("Permission bits: `'0644'` in quotes, or `u=rwX,g=rX`; `preserve` where a file is copied");
/// `owner`.
pub const OWNER: Opt = Opt::new("owner", Kind::Str).about("The user whom it belongs to");
/// `group`.
pub const GROUP: Opt = Opt::new("group", Kind::Str).about("The group that it belongs to");
/// `seuser`, which means nothing without SELinux.
pub const SEUSER: Opt = Opt::new("seuser", Kind::Str).about("User of its SELinux context; refused where SELinux is on");
/// `serole`.
pub const SEROLE: Opt = Opt::new("serole", Kind::Str).about("Role of its SELinux context; refused where SELinux is on");
/// `selevel`.
pub const SELEVEL: Opt = Opt::new("selevel", Kind::Str).about("Level of its SELinux context; refused where SELinux is on");
/// `setype`.
pub const SETYPE: Opt = Opt::new("setype", Kind::Str).about("Type of its SELinux context; refused where SELinux is on");
/// `attributes`: chattr(1)'s letters.
pub const FLAGS: Opt = Opt::new("attributes", Kind::Str).about("Flags of chattr(1), `+i` or the like").aliases(&["attr"]);
/// `unsafe_writes`: here all writes are whole or not at all.
pub const UNSAFE_WRITES: Opt = Opt::new("unsafe_writes", Kind::Bool)
    .about("Writes into the file itself where it cannot be replaced in one step: a bind mount")
    .default("false");

/// A module's own options, and behind them those that all modules about files have (`add_file_common_args`).
macro_rules! with_file_options {
    ($($option:expr),* $(,)?) => {{
        use $crate::modules::attributes as common;
        &[
            $($option,)*
            common::MODE,
            common::OWNER,
            common::GROUP,
            common::SEUSER,
            common::SEROLE,
            common::SELEVEL,
            common::SETYPE,
            common::FLAGS,
            common::UNSAFE_WRITES,
        ]
    }};
}
pub(crate) use with_file_options;

/// What a task asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes {
    /// `mode`.
    pub mode: Option<ModeChange>,
    /// `owner`: a name or number.
    pub owner: Option<String>,
    /// `group`: a name or number.
    pub group: Option<String>,
}

/// Facts that tell what names mean; ask them together with a module's own.
pub type Names = (Vec<User>, Vec<Group>, Vec<Umask>);
/// What they say.
pub type NamesKnown = (Vec<Option<Account>>, Vec<Option<GroupEntry>>, Vec<Option<Mode>>);

/// What is wanted, in numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// The owner; as it is if there is none.
    pub uid: Option<u32>,
    /// The group; as it is if there is none.
    pub gid: Option<u32>,
    /// The mode; as it is if there is none.
    pub mode: Option<ModeChange>,
    /// For symbolic modes that name nobody.
    pub umask: u32,
}

/// Owner, group and permission bits: all that a step has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The permission bits.
    pub mode: u32,
}

impl From<&FileStat> for Owned {
    fn from(stat: &FileStat) -> Self {
        Self { uid: stat.uid, gid: stat.gid, mode: stat.mode.0 }
    }
}

impl Attributes {
    /// What the options ask for. `mode: preserve` is the caller's to replace before.
    ///
    /// # Errors
    /// Ansible's `msg`: a mode that is none, and options that we do not carry out.
    pub fn read(args: &Args) -> Result<Self, String> {
        Self::with_mode(args, args.get("mode"))
    }

    /// The same with that mode.
    ///
    /// # Errors
    /// As above.
    pub fn with_mode(args: &Args, mode: Option<&Value>) -> Result<Self, String> {
        let text = |name: &str| args.str(name).map(str::to_owned);
        let mode = mode.filter(|mode| !mode.is_null()).map(ModeChange::parse).transpose()?;
        Ok(Self { mode, owner: text("owner"), group: text("group") })
    }

    /// What has to be known to resolve the names.
    pub fn ask(&self) -> Names {
        let named = |name: &&String| name.trim().parse::<u32>().is_err();
        let users = self.owner.iter().filter(named).map(User::new).collect();
        let groups = self.group.iter().filter(named).map(Group::new).collect();
        let umask = self.mode.iter().filter(|mode| mode.needs_umask()).map(|_| Umask).collect();
        (users, groups, umask)
    }

    /// The names as numbers.
    ///
    /// # Errors
    /// Ansible's `msg` about a name that nobody has.
    pub fn resolve(&self, known: NamesKnown) -> Result<Wanted, String> {
        let (users, groups, umask) = known;
        let number = |name: &Option<String>, found: Option<u32>, program: &str, what: &str| match name {
            None => Ok(None),
            Some(name) => match name.trim().parse::<u32>().ok().or(found) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("{program} failed: failed to look up {what} {name}")),
            },
        };
        Ok(Wanted {
            uid: number(&self.owner, users.into_iter().flatten().next().map(|user| user.uid), "chown", "user")?,
            gid: number(&self.group, groups.into_iter().flatten().next().map(|group| group.gid), "chgrp", "group")?,
            mode: self.mode.clone(),
            umask: umask.into_iter().flatten().next().map_or(0o022, |mask| mask.0),
        })
    }
}

/// SELinux options that a machine with SELinux would need us to carry out, which we do not; elsewhere they mean nothing,
/// as in Ansible.
///
/// # Errors
/// What has to be read first.
pub fn selinux_is_asked_for(args: &Args, facts: &Facts<'_>) -> Result<Option<String>, Stop> {
    let given = ["seuser", "serole", "selevel", "setype"].into_iter().find(|name| args.get(name).is_some());
    let Some(name) = given else { return Ok(None) };
    let enabled = facts.get(Stat::new("/sys/fs/selinux/enforce"))?.is_some();
    Ok(enabled.then(|| format!("`{name}` is not carried out here, and SELinux is on; use the command chcon")))
}

/// `mode` as chmod(1) takes it, for a step that makes what nobody can name before.
///
/// # Errors
/// Ansible's `msg`.
pub fn as_chmod_takes_it(args: &Args) -> Result<Option<String>, String> {
    match args.get("mode") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(mode)) => Ok(Some(mode.clone())),
        Some(number) => match number.as_i64() {
            Some(mode) => Ok(Some(format!("{mode:04o}"))),
            None => Err("mode must be in octal or symbolic form".into()),
        },
    }
}

impl Wanted {
    /// What something with `is` will have.
    pub fn on(&self, is: Owned, kind: FileKind) -> Owned {
        let owned = self.owned(is, kind);
        match &self.mode {
            // a link has no mode of its own
            Some(mode) if kind != FileKind::Link => {
                let mode = mode.apply(owned.mode, kind == FileKind::Directory, self.umask);
                Owned { mode, ..owned }
            }
            _ => owned,
        }
    }

    /// The same after its owner was changed, and before its mode is: chown(2) clears set-id bits of files.
    fn owned(&self, is: Owned, kind: FileKind) -> Owned {
        let (uid, gid) = (self.uid.unwrap_or(is.uid), self.gid.unwrap_or(is.gid));
        let mut mode = is.mode;
        if kind == FileKind::File && (uid, gid) != (is.uid, is.gid) {
            mode &= !0o4000;
            if mode & 0o010 != 0 {
                mode &= !0o2000;
            }
        }
        Owned { uid, gid, mode }
    }

    /// Adds to a change what gives them to what is at a path: steps, what differs, what is promised. Whether there is
    /// anything to do.
    pub fn reach(&self, path: &str, stat: &FileStat, change: &mut Change) -> bool {
        let is = Owned::from(stat);
        let owned = self.owned(is, stat.kind);
        let will = self.on(is, stat.kind);
        let number = |was: u32, will: u32| (was != will).then(|| will.to_string());
        let (owner, group) = (number(is.uid, will.uid), number(is.gid, will.gid));
        if owner.is_some() || group.is_some() {
            change.steps.push(ChangeOwner { path: path.into(), owner, group }.into());
        }
        if owned.mode != will.mode {
            change.steps.push(ChangeMode { path: path.into(), mode: will.mode }.into());
        }
        if is == will {
            return false;
        }
        self.differs(path, is, will, change);
        change.expect.push(promise(path, stat.kind, will));
        true
    }

    /// Says what differs between them.
    pub fn differs(&self, path: &str, is: Owned, will: Owned, change: &mut Change) {
        let mut differ = |what: &str, before: String, after: String| {
            if before != after {
                change.diff.push(Difference { what: format!("{what} of {path}"), before: Some(before), after: Some(after) });
            }
        };
        differ("owner", is.uid.to_string(), will.uid.to_string());
        differ("group", is.gid.to_string(), will.gid.to_string());
        differ("mode", Mode(is.mode).to_string(), Mode(will.mode).to_string());
    }
}

/// The promise that something of that kind has these at a path.
pub fn promise(path: &str, kind: FileKind, will: Owned) -> Expect {
    promise_of(&Stat::new(path), kind, will)
}

/// The same of what a fact is about.
pub fn promise_of(stat: &Stat, kind: FileKind, will: Owned) -> Expect {
    let kind = serde_json::to_value(kind).unwrap_or_default();
    let promise = Expect::field(stat, "kind", kind).and("mode", Mode(will.mode)).and("uid", will.uid).and("gid", will.gid);
    promise.follows("owner", "uid").follows("group", "gid").follows("target", "kind").follows("size", "kind")
}

/// What a new file, made with those permission bits in a directory, has before its attributes are set: the login's user,
/// group and umask, or the group of a directory with the set-group-id bit.
pub fn born(login: &LoginUser, umask: Mode, bits: u32, above: &FileStat, kind: FileKind) -> Owned {
    let inherit = above.mode.0 & 0o2000 != 0;
    let bit = if inherit && kind == FileKind::Directory { 0o2000 } else { 0 };
    Owned { uid: login.uid, gid: if inherit { above.gid } else { login.gid }, mode: bits & !umask.0 | bit }
}

/// What a file has that replaces this one, before its attributes are set: who may not give files away keeps it
/// (`atomic_move` of module_utils/basic.py goes on where it may not chown).
///
/// # Errors
/// What has to be read first.
pub fn heir(there: &FileStat, facts: &Facts<'_>) -> Result<Owned, Stop> {
    let is = Owned::from(there);
    if &*facts.scope().user == "root" {
        return Ok(is);
    }
    let Some(login) = facts.get(Login)?.filter(|login| login.uid != 0) else { return Ok(is) };
    let has = |group: &String| *group == login.group || login.groups.contains(group);
    let may_keep = login.uid == is.uid && (login.gid == is.gid || there.group.as_ref().is_some_and(has));
    Ok(if may_keep { is } else { Owned { uid: login.uid, gid: login.gid, ..is } })
}

/// As whom new files are made.
///
/// # Errors
/// What has to be read first.
pub fn maker(facts: &Facts<'_>) -> Result<(LoginUser, Mode), Stop> {
    match facts.get((Login, Umask))? {
        (Some(login), Some(umask)) => Ok((login, umask)),
        _ => Err(Stop::Unknown([(facts_key(facts), "the login has no user".to_owned())].into())),
    }
}

fn facts_key(facts: &Facts<'_>) -> crate::plan::FactKey {
    use crate::plan::Fact;
    crate::plan::FactKey { scope: facts.scope().clone(), query: Login.query() }
}

/// What is at a path once a link there is followed. A path that is no link costs one fact.
///
/// # Errors
/// What has to be read first, or cannot be known.
pub fn look(facts: &Facts<'_>, path: &str) -> Result<Option<FileStat>, Stop> {
    match facts.get(Stat::new(path))? {
        Some(stat) if stat.kind == FileKind::Link => facts.get(Stat::followed(path)),
        stat => Ok(stat),
    }
}

/// What Ansible adds to the result of every module about files (add_path_info), as far as it is known.
///
/// # Errors
/// What has to be read first.
pub fn path_info(path: &str, facts: &Facts<'_>) -> Result<Map<String, Value>, Stop> {
    let mut result = Map::new();
    let Reading::Present(Value::Object(stat)) = facts.reading(&Stat::new(path))? else { return Ok(result) };
    for name in ["uid", "gid", "size"] {
        if let Some(value) = stat.get(name) {
            result.insert(name.into(), value.clone());
        }
    }
    if let Some(mode) = stat.get("mode").and_then(Value::as_str) {
        // Python's `0%03o`
        result.insert("mode".into(), if mode.starts_with('0') { mode.into() } else { format!("0{mode}").into() });
    }
    for (name, id) in [("owner", "uid"), ("group", "gid")] {
        // a number without a name is its own; in a dry run the name of a new owner may not be known
        match (stat.get(name), stat.get(id)) {
            (Some(Value::Null), Some(id)) => drop(result.insert(name.into(), id.to_string().into())),
            (Some(known), _) => drop(result.insert(name.into(), known.clone())),
            (None, _) => {}
        }
    }
    if let Some(kind) = stat.get("kind").and_then(Value::as_str) {
        let state = if matches!(kind, "directory" | "link") { kind } else { "file" };
        result.insert("state".into(), state.into());
    }
    if let Some(target) = stat.get("target").and_then(Value::as_str) {
        result.insert("size".into(), target.len().into());
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::Plan;

    fn stat(kind: FileKind, mode: u32) -> FileStat {
        let (owner, group) = (Some("root".into()), Some("root".into()));
        FileStat { kind, mode: Mode(mode), uid: 0, gid: 0, owner, group, size: None, target: None, device: None }
    }

    fn wanted(uid: Option<u32>, mode: &str) -> Wanted {
        Wanted { uid, gid: None, mode: Some(ModeChange::parse(&json!(mode)).unwrap()), umask: 0o022 }
    }

    #[test]
    fn a_new_owner_costs_a_file_its_set_id_bits() {
        let mut change = Plan::change([]);
        assert!(wanted(Some(5), "4755").reach("/x", &stat(FileKind::File, 0o4755), &mut change));
        let steps: Vec<String> = change.steps.iter().map(crate::node::steps::Step::describe).collect();
        assert_eq!(steps, ["give /x to 5", "set the mode of /x to 04755"]);
        assert_eq!(wanted(Some(5), "u+x").on(Owned::from(&stat(FileKind::File, 0o6644)), FileKind::File).mode, 0o2744);
        assert_eq!(wanted(Some(5), "u+x").on(Owned::from(&stat(FileKind::Directory, 0o6644)), FileKind::Directory).mode, 0o6744);
    }

    #[test]
    fn a_link_keeps_its_mode() {
        let mut change = Plan::change([]);
        assert!(!wanted(Some(0), "0600").reach("/x", &stat(FileKind::Link, 0o777), &mut change));
        assert!(change.steps.is_empty() && change.diff.is_empty());
    }

    #[test]
    fn names_are_looked_up_and_numbers_are_not() {
        let attributes = Attributes { owner: Some("pat".into()), group: Some("12".into()), mode: None };
        let (users, groups, umask) = attributes.ask();
        assert_eq!((users.len(), groups.len(), umask.len()), (1, 0, 0));
        assert_eq!(attributes.resolve((vec![None], vec![], vec![])).unwrap_err(), "chown failed: failed to look up user pat");
        let nobody = Attributes { owner: None, group: Some("ops".into()), mode: None };
        assert_eq!(nobody.resolve((vec![], vec![None], vec![])).unwrap_err(), "chgrp failed: failed to look up group ops");
    }
}
