//! Steps on users and groups, failing where the shadow suite fails.

use std::collections::BTreeMap;

use super::accounts::{Accounts, SimulatedGroup, SimulatedUser};
use super::files::Kind;
use super::world::{Stop, World};
use crate::node::steps::{AddGroup, AddUser, ChangeGroup, ChangeUser, Membership, RemoveGroup, RemoveUser, SetPassword};

/// Fails with that message unless `good`.
fn ensure(good: bool, why: impl FnOnce() -> String) -> Result<(), Stop> {
    if good { Ok(()) } else { Err(Stop::Failed(why())) }
}

impl World {
    pub(super) fn add_user(&mut self, step: &AddUser) -> Result<(), Stop> {
        let (name, accounts) = (&step.name, &self.accounts);
        ensure(accounts.user(name).is_none(), || format!("useradd: user '{name}' already exists"))?;
        ensure(step.group.is_some() || accounts.group(name).is_none(), || format!("useradd: group {name} exists"))?;
        for group in &step.groups {
            accounts.existing_gid(group)?;
        }
        let given = step.group.as_ref().map(|group| accounts.existing_gid(group)).transpose()?;
        let uids = accounts.users.iter().map(|user| user.uid);
        let uid = step.uid.unwrap_or_else(|| Accounts::free(uids.clone(), step.system));
        ensure(!uids.clone().any(|used| used == uid), || format!("useradd: UID {uid} is not unique"))?;
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
        if let Some(uid) = step.uid.filter(|uid| *uid != user.uid) {
            ensure(self.accounts.name_of_uid(uid).is_none(), || format!("usermod: UID '{uid}' already exists"))?;
        }
        if self.tick()? {
            if let Some(groups) = &step.groups {
                let wanted: Vec<String> = groups.iter().filter_map(|group| self.group_name(group)).collect();
                let all: Vec<String> = self.accounts.groups.iter().map(|group| group.name.clone()).collect();
                for group in all {
                    self.accounts.set_member(&group, name, wanted.contains(&group));
                }
            }
            if let Some(user) = self.accounts.user_mut(name) {
                user.uid = step.uid.unwrap_or(user.uid);
                user.gid = gid.unwrap_or(user.gid);
                user.home = step.home.clone().unwrap_or_else(|| user.home.clone());
                user.shell = step.shell.clone().unwrap_or_else(|| user.shell.clone());
                user.comment = step.comment.clone().unwrap_or_else(|| user.comment.clone());
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
        let gid = step.gid.unwrap_or_else(|| Accounts::free(gids.clone(), step.system));
        ensure(!gids.clone().any(|used| used == gid), || format!("groupadd: GID '{gid}' already exists"))?;
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
        ensure(old == gid || self.accounts.name_of_gid(gid).is_none(), || format!("groupmod: GID '{gid}' already exists"))?;
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
        ensure(!used, || "groupdel: cannot remove the primary group of a user".to_owned())?;
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
