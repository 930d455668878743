//! A user that is not there yet.

use super::super::halt::Halt;
use super::super::paths;
use super::{Wish, date, differ, ssh_key};
use crate::node::Change;
use crate::node::facts::{Content, FileContent, Group, Shadow, Stat, User};
use crate::node::steps::{AddUser, MakeHome, SetPassword};
use crate::plan::{Expect, Facts, Plan};

/// The settings of useradd(8).
const USERADD: &str = "/etc/default/useradd";
/// How long those may be.
const LONGEST: u64 = 64 << 10;

/// Where homes are.
fn homes(settings: Option<&FileContent>) -> String {
    let text = settings.map(FileContent::bytes).unwrap_or_default();
    let line = |line: &str| line.strip_prefix("HOME=").map(|home| home.trim_end_matches('/').to_owned());
    String::from_utf8_lossy(&text).lines().find_map(line).unwrap_or_else(|| "/home".into())
}

pub(super) fn plan(wish: &Wish<'_>, facts: &Facts<'_>) -> Result<Change, Halt> {
    let (args, name) = (wish.args(), wish.name);
    let settings = Content::itself(USERADD, LONGEST);
    let (own, settings) = facts.get((Group::new(name), settings))?;
    let home = wish.home.clone().unwrap_or_else(|| format!("{}/{name}", homes(settings.as_ref())));
    let looks = if args.is("create_home") { vec![Stat::followed(&home), Stat::followed(paths::above(&home))] } else { Vec::new() };
    let is_there: Vec<bool> = facts.get(looks)?.into_iter().map(|stat| stat.is_some()).collect();
    // useradd(8) makes no directory above a home, and leaves one that is root's if it is cut; but it knows of `umask`
    let missing = match is_there.as_slice() {
        [there, above] => !(*there || *above && args.str("umask").is_some()),
        _ => false,
    };
    let expires = wish.expires()?;
    let setting = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
    let umask = args.str("umask").filter(|_| args.is("create_home")).map(str::to_owned);
    let number = |name: &str| args.int(name).map(|number| number.to_string());
    let step = AddUser {
        name: name.into(),
        uid: wish.uid,
        group: wish.gid.map(|gid| gid.to_string()),
        groups: wish.groups.iter().flatten().map(|group| group.name.clone()).collect(),
        home: wish.home.clone(),
        create_home: is_there.first() == Some(&false) && !missing,
        shell: wish.shell.clone(),
        comment: args.str("comment").map(str::to_owned),
        system: args.is("system"),
        non_unique: args.is("non_unique") && wish.uid.is_some(),
        usual_group: own.is_some(),
        skeleton: args.str("skeleton").map(str::to_owned),
        expires: expires.flatten().and_then(date),
        inactive: args.int("password_expire_account_disable"),
        settings: [setting("UMASK", umask), setting("UID_MIN", number("uid_min")), setting("UID_MAX", number("uid_max"))]
            .into_iter()
            .flatten()
            .collect(),
    };
    let mut change: Change = Plan::change([step.clone().into()]);
    differ(&mut change, &format!("user {name}"), None, Some("present".into()));
    if missing {
        change.steps.push(MakeHome { path: home.clone(), user: name.into(), skeleton: wish.skeleton() }.into());
    }
    if args.is("create_home") {
        change.expect.push(Expect::field(&Stat::followed(&home), "kind", "directory"));
    }
    let mut shadow = Expect::present(&Shadow::new(name));
    if let Some(hash) = wish.hash() {
        shadow = shadow.and("digest", super::password::digest(&hash)).and("locked", hash.starts_with('!'));
        change.steps.push(SetPassword { name: name.into(), hash }.into());
    }
    if let Some(day) = expires.flatten() {
        shadow = shadow.and("expires", day);
    }
    if let Some(days) = step.inactive {
        shadow = shadow.and("inactive", (days >= 0).then_some(days));
    }
    if super::asks_shadow(args) {
        change.expect.push(shadow);
    }
    change.expect.push(promise(wish, &step));
    if args.is("generate_ssh_key") {
        ssh_key::add(wish.task, facts, name, &home, &mut change)?;
    }
    wish.age(&mut change);
    Ok(change)
}

/// What the new account will be, as far as it is said: the system chooses the rest.
fn promise(wish: &Wish<'_>, step: &AddUser) -> Expect {
    let mut promise = Expect::field(&User::new(wish.name), "name", wish.name);
    if let Some(uid) = step.uid {
        promise = promise.and("uid", uid);
    }
    if let Some(gid) = wish.gid {
        promise = promise.and("gid", gid);
    }
    for (field, value) in [("home", &step.home), ("shell", &step.shell), ("comment", &step.comment)] {
        if let Some(value) = value {
            promise = promise.and(field, value.as_str());
        }
    }
    // more than one come in an order that is not known here, and without any the system may have its own
    match wish.groups.as_deref().unwrap_or_default() {
        [one] => promise.and("groups", vec![one.name.clone()]),
        _ => promise,
    }
}
