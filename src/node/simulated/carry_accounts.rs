//! Steps on users and groups, failing where the shadow suite fails.

use std::collections::BTreeMap;

use super::accounts::{Accounts, Aging, SimulatedGroup, SimulatedUser};
use super::files::Kind;
use super::world::{Stop, World};
use crate::node::steps::{
    AddGroup, AddUser, ChangeAging, ChangeGroup, ChangeUser, MakeHome, MakeSshKey, Membership, RemoveGroup, RemoveUser, SetPassword,
};

/// Fails with that message unless `good`.
fn ensure(good: bool, why: impl FnOnce() -> String) -> Result<(), Stop> {
    if good { Ok(()) } else { Err(Stop::Failed(why())) }
}

/// The group of users that get none of their own, useradd(8).
const USUAL_GROUP: u32 = 100;

/// `YYYY-MM-DD` as days since 1970-01-01; nothing for an empty text.
fn days(date: &str) -> Option<i64> {
    let date: jiff::civil::Date = date.parse().ok()?;
    Some(i64::from(date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days()))
}

impl World {
    pub(super) fn add_user(&mut self, step: &AddUser) -> Result<(), Stop> {
        let (name, accounts) = (&step.name, &self.accounts);
        ensure(accounts.user(name).is_none(), || format!("useradd: user '{name}' already exists"))?;
        let own_group = step.group.is_none() && !step.usual_group;
        ensure(!own_group || accounts.group(name).is_none(), || format!("useradd: group {name} exists"))?;
        for group in &step.groups {
            accounts.existing_gid(group)?;
        }
        let given = match &step.group {
            Some(group) => Some(accounts.existing_gid(group)?),
            None => step.usual_group.then_some(USUAL_GROUP),
        };
        let setting = |wanted: &str| step.settings.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.parse().ok());
        let uids = accounts.users.iter().map(|user| user.uid);
        let lowest = setting("UID_MIN").into_iter().chain(setting("SYS_UID_MIN"));
        let free = || match lowest.clone().next() {
            Some(lowest) => (lowest..).find(|id| !uids.clone().any(|used| used == *id)).unwrap_or(lowest),
            None => Accounts::free(uids.clone(), step.system),
        };
        let uid = step.uid.unwrap_or_else(free);
        ensure(step.non_unique || !uids.clone().any(|used| used == uid), || format!("useradd: UID {uid} is not unique"))?;
        let gids = accounts.groups.iter().map(|group| group.gid);
        // the same number, if it is free and among those for such a group
        let range = if step.system { 100..=999 } else { 1000..=60000 };
        let same = range.contains(&uid) && !gids.clone().any(|gid| gid == uid);
        let own = if same { uid } else { Accounts::free(gids, step.system) };
        let home = step.home.clone().unwrap_or_else(|| format!("/home/{name}"));
        let supplementary: Vec<String> = step.groups.iter().filter_map(|group| self.group_name(group)).collect();
        if self.tick()? {
            if given.is_none() {
                self.accounts.groups.push(SimulatedGroup { name: name.clone(), gid: own, members: Vec::new() });
            }
            for group in supplementary {
                self.accounts.set_member(&group, name, true);
            }
            self.accounts.users.push(SimulatedUser {
                name: name.clone(),
                uid,
                gid: given.unwrap_or(own),
                comment: step.comment.clone().unwrap_or_default(),
                home: home.clone(),
                shell: step.shell.clone().unwrap_or_else(|| "/bin/sh".into()),
                hash: "!".into(),
                aging: Aging {
                    expires: step.expires.as_deref().and_then(days),
                    inactive: step.inactive.filter(|days| *days >= 0),
                    ..Aging::default()
                },
            });
        }
        if step.create_home && self.files.find(&home, true).is_err() && self.tick()? {
            let ino = self.files.create(&home, Kind::Directory(BTreeMap::new()), 0o755)?;
            let gid = given.unwrap_or(own);
            self.files.change(ino, |inode| (inode.uid, inode.gid) = (uid, gid))?;
        }
        Ok(())
    }

    /// The name of an existing group given by name or number.
    fn group_name(&self, word: &str) -> Option<String> {
        let gid = self.accounts.existing_gid(word).ok()?;
        self.accounts.group(word).map(|group| group.name.clone()).or_else(|| self.accounts.name_of_gid(gid))
    }

    pub(super) fn change_user(&mut self, step: &ChangeUser) -> Result<(), Stop> {
        let name = &step.name;
        let Some(user) = self.accounts.user(name).cloned() else { return Err(format!("usermod: user '{name}' does not exist").into()) };
        let gid = step.group.as_ref().map(|group| self.accounts.existing_gid(group)).transpose()?;
        for group in step.groups.iter().flatten() {
            self.accounts.existing_gid(group)?;
        }
        if let Some(uid) = step.uid.filter(|uid| *uid != user.uid && !step.non_unique) {
            ensure(self.accounts.name_of_uid(uid).is_none(), || format!("usermod: UID '{uid}' already exists"))?;
        }
        if self.tick()? {
            if let Some(groups) = &step.groups {
                let wanted: Vec<String> = groups.iter().filter_map(|group| self.group_name(group)).collect();
                let all: Vec<String> = self.accounts.groups.iter().map(|group| group.name.clone()).collect();
                for group in all.iter().filter(|group| !step.append || wanted.contains(group)) {
                    self.accounts.set_member(group, name, wanted.contains(group));
                }
            }
            if let Some(user) = self.accounts.user_mut(name) {
                user.uid = step.uid.unwrap_or(user.uid);
                user.gid = gid.unwrap_or(user.gid);
                user.home = step.home.clone().unwrap_or_else(|| user.home.clone());
                user.shell = step.shell.clone().unwrap_or_else(|| user.shell.clone());
                user.comment = step.comment.clone().unwrap_or_else(|| user.comment.clone());
                if let Some(expires) = &step.expires {
                    user.aging.expires = days(expires);
                }
                if let Some(inactive) = step.inactive {
                    user.aging.inactive = (inactive >= 0).then_some(inactive);
                }
                let bare = user.hash.trim_start_matches('!').to_owned();
                match step.lock {
                    Some(true) if !user.hash.starts_with('!') => user.hash = format!("!{bare}"),
                    // a password of nothing is not unlocked
                    Some(false) if !bare.is_empty() => user.hash = bare,
                    _ => {}
                }
            }
        }
        let moved = step.home.as_ref().filter(|home| step.move_home && **home != user.home && self.files.find(home, false).is_err());
        if let Some(home) = moved
            && self.files.find(&user.home, false).is_ok()
            && self.tick()?
        {
            self.files.rename(&user.home, home)?;
        }
        Ok(())
    }

    pub(super) fn change_aging(&mut self, step: &ChangeAging) -> Result<(), Stop> {
        let Some(mut aging) = self.accounts.user(&step.name).map(|user| user.aging) else {
            return Err(format!("chage: user '{}' does not exist in /etc/passwd", step.name).into());
        };
        for (is, wanted) in [(&mut aging.min, step.min), (&mut aging.max, step.max), (&mut aging.warn, step.warn)] {
            if let Some(wanted) = wanted {
                *is = (wanted >= 0).then_some(wanted);
            }
        }
        if self.tick()?
            && let Some(user) = self.accounts.user_mut(&step.name)
        {
            user.aging = aging;
        }
        Ok(())
    }

    pub(super) fn make_home(&mut self, step: &MakeHome) -> Result<(), Stop> {
        let Some(user) = self.accounts.user(&step.user).cloned() else { return Err(format!("there is no user {}", step.user).into()) };
        ensure(self.files.find(&step.path, false).is_err(), || format!("{} is there already", step.path))?;
        let ends = step.path.match_indices('/').map(|(at, _)| at).skip(1).collect::<Vec<_>>();
        for above in ends.iter().filter_map(|end| step.path.get(..*end)) {
            if self.files.find(above, true).is_err() && self.tick()? {
                self.files.create(above, Kind::Directory(BTreeMap::new()), 0o755)?;
            }
        }
        self.whole_directory(&step.path, 0o755, Some(&user.uid.to_string()), Some(&user.gid.to_string()))
    }

    pub(super) fn make_ssh_key(&mut self, step: &MakeSshKey) -> Result<(), Stop> {
        let Some(user) = self.accounts.user(&step.user).cloned() else { return Err(format!("there is no user {}", step.user).into()) };
        let public = format!("{}.pub", step.path);
        for path in [&step.path, &public] {
            ensure(step.overwrite || self.files.find(path, true).is_err(), || format!("{path} is there already"))?;
        }
        let directory = step.path.rsplit_once('/').map_or("/", |(directory, _)| directory).to_owned();
        if self.files.find(&directory, true).is_err() && self.tick()? {
            let ino = self.files.create(&directory, Kind::Directory(BTreeMap::new()), 0o700)?;
            self.files.change(ino, |inode| (inode.uid, inode.gid) = (user.uid, user.gid))?;
        }
        let serial = self.random.number();
        let text = format!("ssh-{} {serial} {}\n", step.kind, step.comment);
        for (path, content, mode) in [(&public, text, 0o644), (&step.path, format!("private {serial}\n"), 0o600)] {
            if self.tick()? {
                if self.files.find(path, false).is_ok() {
                    self.files.unlink(path)?;
                }
                let ino = self.files.create(path, Kind::File(content.into_bytes()), mode)?;
                self.files.change(ino, |inode| (inode.uid, inode.gid) = (user.uid, user.gid))?;
            }
        }
        Ok(())
    }

    pub(super) fn set_password(&mut self, step: &SetPassword) -> Result<(), Stop> {
        ensure(self.accounts.user(&step.name).is_some(), || format!("chpasswd: (user {}) does not exist", step.name))?;
        if self.tick()?
            && let Some(user) = self.accounts.user_mut(&step.name)
        {
            user.hash.clone_from(&step.hash);
        }
        Ok(())
    }

    pub(super) fn remove_user(&mut self, step: &RemoveUser) -> Result<(), Stop> {
        let name = &step.name;
        let Some(user) = self.accounts.user(name).cloned() else { return Err(format!("userdel: user '{name}' does not exist").into()) };
        ensure(user.uid != 0, || "userdel: user root is currently used by process 1".into())?;
        if step.remove_home {
            ensure(user.home != "/" && !user.home.is_empty(), || format!("the home of {name} is {}: not removed", user.home))?;
            ensure(!self.files.is_mounted_at_or_below(&user.home), || "something is mounted there".into())?;
        }
        if self.tick()? {
            self.accounts.users.retain(|other| other.name != *name);
            for group in &mut self.accounts.groups {
                group.members.retain(|member| member != name);
            }
            let used = self.accounts.users.iter().any(|other| other.gid == user.gid);
            self.accounts.groups.retain(|group| group.name != *name || group.gid != user.gid || !group.members.is_empty() || used);
        }
        if step.remove_home && self.files.find(&user.home, false).is_ok() {
            self.remove_tree(&user.home)?;
        }
        Ok(())
    }

    pub(super) fn add_group_step(&mut self, step: &AddGroup) -> Result<(), Stop> {
        let name = &step.name;
        ensure(self.accounts.group(name).is_none(), || format!("groupadd: group '{name}' already exists"))?;
        let gids = self.accounts.groups.iter().map(|group| group.gid);
        let lowest = step.settings.iter().find(|(name, _)| name == "GID_MIN").and_then(|(_, value)| value.parse().ok());
        let free = || match lowest {
            Some(lowest) => (lowest..).find(|id| !gids.clone().any(|used| used == *id)).unwrap_or(lowest),
            None => Accounts::free(gids.clone(), step.system),
        };
        let gid = step.gid.unwrap_or_else(free);
        ensure(step.non_unique || !gids.clone().any(|used| used == gid), || format!("groupadd: GID '{gid}' already exists"))?;
        if self.tick()? {
            self.accounts.groups.push(SimulatedGroup { name: name.clone(), gid, members: Vec::new() });
        }
        Ok(())
    }

    pub(super) fn change_group(&mut self, step: &ChangeGroup) -> Result<(), Stop> {
        let (name, gid) = (&step.name, step.gid);
        let Some(old) = self.accounts.group(name).map(|group| group.gid) else {
            return Err(format!("groupmod: group '{name}' does not exist").into());
        };
        ensure(old == gid || step.non_unique || self.accounts.name_of_gid(gid).is_none(), || {
            format!("groupmod: GID '{gid}' already exists")
        })?;
        if self.tick()? {
            if let Some(group) = self.accounts.group_mut(name) {
                group.gid = gid;
            }
            for user in self.accounts.users.iter_mut().filter(|user| user.gid == old) {
                user.gid = gid;
            }
        }
        Ok(())
    }

    pub(super) fn remove_group(&mut self, step: &RemoveGroup) -> Result<(), Stop> {
        let name = &step.name;
        let Some(gid) = self.accounts.group(name).map(|group| group.gid) else {
            return Err(format!("groupdel: group '{name}' does not exist").into());
        };
        let used = self.accounts.users.iter().any(|user| user.gid == gid);
        ensure(!used || step.force, || "groupdel: cannot remove the primary group of a user".to_owned())?;
        if self.tick()? {
            self.accounts.groups.retain(|group| group.name != *name);
        }
        Ok(())
    }

    pub(super) fn membership(&mut self, step: &Membership) -> Result<(), Stop> {
        ensure(self.accounts.user(&step.user).is_some(), || format!("gpasswd: user '{}' does not exist", step.user))?;
        let Some(group) = self.accounts.group(&step.group) else {
            return Err(format!("gpasswd: group '{}' does not exist", step.group).into());
        };
        let is = group.members.contains(&step.user);
        ensure(step.member || is, || format!("gpasswd: user '{}' is not a member of '{}'", step.user, step.group))?;
        if self.tick()? {
            self.accounts.set_member(&step.group, &step.user, step.member);
        }
        Ok(())
    }
}
