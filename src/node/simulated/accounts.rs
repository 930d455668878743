//! Users and groups as the shadow suite keeps them.

/// A user.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SimulatedUser {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) comment: String,
    pub(super) home: String,
    pub(super) shell: String,
    pub(super) hash: String,
    pub(super) aging: Aging,
}

/// What shadow(5) says in days.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Aging {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) warn: Option<i64>,
    pub(super) inactive: Option<i64>,
    pub(super) expires: Option<i64>,
}

/// A group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SimulatedGroup {
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
}

/// The databases, in the order of their lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Accounts {
    pub(super) users: Vec<SimulatedUser>,
    pub(super) groups: Vec<SimulatedGroup>,
}

impl Accounts {
    pub(super) fn user(&self, name: &str) -> Option<&SimulatedUser> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(super) fn user_mut(&mut self, name: &str) -> Option<&mut SimulatedUser> {
        self.users.iter_mut().find(|user| user.name == name)
    }

    pub(super) fn group(&self, name: &str) -> Option<&SimulatedGroup> {
        self.groups.iter().find(|group| group.name == name)
    }

    pub(super) fn group_mut(&mut self, name: &str) -> Option<&mut SimulatedGroup> {
        self.groups.iter_mut().find(|group| group.name == name)
    }

    /// The number of a user given by name or number, as chown(1) reads it.
    pub(super) fn uid_of(&self, word: &str) -> Result<u32, String> {
        match self.user(word) {
            Some(user) => Ok(user.uid),
            None => word.parse().map_err(|_| format!("invalid user: {word}")),
        }
    }

    /// The number of a group given by name or number, as chown(1) reads it.
    pub(super) fn gid_of(&self, word: &str) -> Result<u32, String> {
        match self.group(word) {
            Some(group) => Ok(group.gid),
            None => word.parse().map_err(|_| format!("invalid group: {word}")),
        }
    }

    /// The number of an existing group given by name or number, as useradd(8) reads it.
    pub(super) fn existing_gid(&self, word: &str) -> Result<u32, String> {
        let by_number = || self.groups.iter().find(|group| group.gid.to_string() == word);
        self.group(word).or_else(by_number).map(|group| group.gid).ok_or_else(|| format!("group '{word}' does not exist"))
    }

    pub(super) fn name_of_uid(&self, uid: u32) -> Option<String> {
        self.users.iter().find(|user| user.uid == uid).map(|user| user.name.clone())
    }

    pub(super) fn name_of_gid(&self, gid: u32) -> Option<String> {
        self.groups.iter().find(|group| group.gid == gid).map(|group| group.name.clone())
    }

    /// The number after the highest one that is used (login.defs(5): from 1000; below 1000 downwards for the system).
    pub(super) fn free(used: impl Iterator<Item = u32> + Clone, system: bool) -> u32 {
        if system {
            (100..=999).rev().find(|id| !used.clone().any(|u| u == *id)).unwrap_or(100)
        } else {
            used.filter(|id| (1000..60000).contains(id)).max().map_or(1000, |highest| highest + 1)
        }
    }

    /// Puts a user into a group, or takes it out.
    pub(super) fn set_member(&mut self, group: &str, user: &str, member: bool) {
        if let Some(group) = self.group_mut(group) {
            let is = group.members.iter().any(|name| name == user);
            if member && !is {
                group.members.push(user.into());
            } else if !member {
                group.members.retain(|name| name != user);
            }
        }
    }
}
