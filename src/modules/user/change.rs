//! A user that is there already.

use super::super::halt::Halt;
use super::super::outcome::{all, both};
use super::{Wish, date, differ, password, ssh_key};
use crate::node::Change;
use crate::node::facts::{Account, Group, Shadow, Stat, User};
use crate::node::steps::{ChangeUser, MakeHome, SetPassword};
use crate::plan::{Expect, Facts, Plan};

pub(super) fn plan(wish: &Wish<'_>, is: &Account, facts: &Facts<'_>) -> Result<Change, Halt> {
    let (args, name) = (wish.args(), wish.name);
    let mut change: Change = Plan::change([]);
    let mut step = ChangeUser { name: name.into(), ..ChangeUser::default() };
    let mut promise = Expect::present(&User::new(name));
    if let Some(uid) = wish.uid.filter(|uid| *uid != is.uid) {
        step.uid = Some(uid);
        step.non_unique = args.is("non_unique");
        promise = promise.and("uid", uid);
        differ(&mut change, &format!("uid of {name}"), Some(is.uid.to_string()), Some(uid.to_string()));
    }
    if let Some(gid) = wish.gid.filter(|gid| *gid != is.gid) {
        step.group = Some(gid.to_string());
        promise = promise.and("gid", gid).follows("group", "gid");
        differ(&mut change, &format!("primary group of {name}"), Some(is.gid.to_string()), Some(gid.to_string()));
    }
    let home = wish.home.clone().filter(|home| *home != is.home);
    for (field, now, wanted, to) in [
        ("comment", &is.comment, args.str("comment").map(str::to_owned), &mut step.comment),
        ("home", &is.home, home.clone(), &mut step.home),
        ("shell", &is.shell, wish.shell.clone(), &mut step.shell),
    ] {
        if let Some(wanted) = wanted.filter(|wanted| wanted != now) {
            promise = promise.and(field, wanted.as_str());
            differ(&mut change, &format!("{field} of {name}"), Some(now.clone()), Some(wanted.clone()));
            *to = Some(wanted);
        }
    }
    step.move_home = step.home.is_some() && args.is("move_home");
    let mut known = Some(promise);
    groups(wish, is, facts, &mut step, &mut known, &mut change)?;
    let hash = shadow(wish, &mut step, &mut change)?;
    if hash.is_some() || step.lock.is_some() {
        known = known.map(|promise| promise.moves("password"));
    }
    if step != (ChangeUser { name: name.into(), ..ChangeUser::default() }) {
        change.expect.extend(known);
        change.steps.push(step.clone().into());
    }
    if let Some(hash) = hash {
        change.steps.push(SetPassword { name: name.into(), hash }.into());
    }
    let home = home.unwrap_or_else(|| is.home.clone());
    if args.is("create_home") {
        let (there, old) = both(facts.get(Stat::followed(&home)), facts.get(Stat::followed(&is.home)))?;
        if there.is_none() && !(step.move_home && old.is_some()) {
            differ(&mut change, &format!("home {home}"), None, Some("directory".into()));
            change.expect.push(Expect::field(&Stat::followed(&home), "kind", "directory"));
            change.steps.push(MakeHome { path: home.clone(), user: name.into(), skeleton: wish.skeleton() }.into());
        }
    }
    if args.is("generate_ssh_key") {
        ssh_key::add(wish.task, facts, name, &home, &mut change)?;
    }
    wish.age(&mut change);
    Ok(change)
}

/// The further groups. What the account will be is not known where several come in: they have an order of their own.
fn groups(
    wish: &Wish<'_>,
    is: &Account,
    facts: &Facts<'_>,
    step: &mut ChangeUser,
    promise: &mut Option<Expect>,
    change: &mut Change,
) -> Result<(), Halt> {
    let Some(wanted) = &wish.groups else { return Ok(()) };
    let append = wish.args().is("append");
    let names: Vec<String> = wanted.iter().map(|group| group.name.clone()).collect();
    let new: Vec<_> = wanted.iter().filter(|group| !is.groups.contains(&group.name)).collect();
    let left: Vec<&String> = is.groups.iter().filter(|name| !append && !names.contains(name)).collect();
    if new.is_empty() && left.is_empty() {
        return Ok(());
    }
    step.groups = Some(names);
    step.append = append;
    let kept: Vec<&String> = is.groups.iter().filter(|name| !left.contains(name)).collect();
    let after: Vec<String> = kept.iter().map(|name| (*name).clone()).chain(new.iter().map(|group| group.name.clone())).collect();
    differ(change, &format!("groups of {}", wish.name), Some(is.groups.join(",")), Some(after.join(",")));
    let left = all(left.iter().map(|name| facts.get(Group::new(*name))))?;
    let member = |group: &crate::node::facts::GroupEntry, members: Vec<String>| Expect::field(&Group::new(&group.name), "members", members);
    for group in &new {
        let members = group.members.iter().cloned().chain([wish.name.to_owned()]).collect();
        change.expect.push(member(group, members));
    }
    for group in left.iter().flatten() {
        let members = group.members.iter().filter(|member| *member != wish.name).cloned().collect();
        change.expect.push(member(group, members));
    }
    *promise = if new.is_empty() || after.len() == 1 { promise.take().map(|promise| promise.and("groups", after)) } else { None };
    Ok(())
}

/// The password and the account's end; the hash that is to be set.
fn shadow(wish: &Wish<'_>, step: &mut ChangeUser, change: &mut Change) -> Result<Option<String>, Halt> {
    let (args, name, is) = (wish.args(), wish.name, &wish.shadow);
    let mut promise = Expect::present(&Shadow::new(name));
    let before = change.diff.len();
    if let Some(day) = wish.expires()?.filter(|day| *day != is.expires) {
        step.expires = Some(day.and_then(date).unwrap_or_default());
        promise = promise.and("expires", day);
        differ(change, &format!("end of the account {name}"), is.expires.and_then(date), day.and_then(date));
    }
    let inactive = args.int("password_expire_account_disable").map(|days| (days, (days >= 0).then_some(days)));
    if let Some((days, wanted)) = inactive.filter(|(_, wanted)| *wanted != is.inactive) {
        step.inactive = Some(days);
        promise = promise.and("inactive", wanted);
        let shown = |days: Option<i64>| days.map(|days| days.to_string());
        differ(change, &format!("days until {name} is disabled"), shown(is.inactive), shown(wanted));
    }
    let hash = wish.hash().filter(|hash| args.str("update_password") == Some("always") && password::digest(hash) != is.digest);
    if let Some(hash) = &hash {
        promise = promise.and("digest", password::digest(hash)).and("locked", hash.starts_with('!'));
        differ(change, &format!("password of {name}"), Some("(hidden)".into()), Some("(another)".into()));
    } else if let Some(lock) = args.bool("password_lock").filter(|lock| *lock != is.locked) {
        // without a password there is nothing to unlock
        if lock || is.digest != password::digest("") {
            step.lock = Some(lock);
            promise = promise.and("locked", lock);
            let word = |lock: bool| Some(if lock { "locked" } else { "unlocked" }.to_owned());
            differ(change, &format!("password of {name}"), word(is.locked), word(lock));
        }
    }
    if change.diff.len() > before {
        change.expect.push(promise);
    }
    Ok(hash)
}
