//! Users and groups, by the programs of the shadow suite (passwd on Debian, shadow-utils on Fedora).

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check, remove::NOT_MOUNTED};
use crate::node::script::Function;
use crate::plan::Touch;

/// Adds a user. Without a `group` it gets one of its own with its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AddUser {
    /// Its name.
    pub name: String,
    /// Its number; the system chooses one if there is none.
    pub uid: Option<u32>,
    /// Its primary group, which must exist.
    pub group: Option<String>,
    /// Further groups, which must exist.
    pub groups: Vec<String>,
    /// Its home; the system's choice if there is none.
    pub home: Option<String>,
    /// Whether the home is made (from /etc/skel) if it is missing.
    pub create_home: bool,
    /// Its shell; the system's choice if there is none.
    pub shell: Option<String>,
    /// The comment field.
    pub comment: Option<String>,
    /// Whether it is a system user.
    pub system: bool,
    /// Whether its number may be another user's too.
    pub non_unique: bool,
    /// Whether it gets the group that users without one of their own have (`useradd -N`), if no `group` is named.
    pub usual_group: bool,
    /// What a new home is made from, instead of /etc/skel.
    pub skeleton: Option<String>,
    /// The last day of the account, `YYYY-MM-DD`; never if empty.
    pub expires: Option<String>,
    /// Days from the end of the password to the end of the account.
    pub inactive: Option<i64>,
    /// Settings over those of login.defs(5): `UMASK`, `UID_MIN`, `UID_MAX`.
    pub settings: Vec<(String, String)>,
}

/// Changes what is named; the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeUser {
    /// Whose.
    pub name: String,
    /// The number.
    pub uid: Option<u32>,
    /// The primary group.
    pub group: Option<String>,
    /// All further groups: others are left, unless `append`.
    pub groups: Option<Vec<String>>,
    /// Whether it stays in the groups that are not named.
    pub append: bool,
    /// Whether its number may be another user's too.
    pub non_unique: bool,
    /// The home in /etc/passwd.
    pub home: Option<String>,
    /// Whether the files of the old home are moved to the new one, if that is not there.
    pub move_home: bool,
    /// The last day of the account, `YYYY-MM-DD`; never if empty.
    pub expires: Option<String>,
    /// Days from the end of the password to the end of the account.
    pub inactive: Option<i64>,
    /// Whether its password is locked or unlocked.
    pub lock: Option<bool>,
    /// The shell.
    pub shell: Option<String>,
    /// The comment field.
    pub comment: Option<String>,
}

/// Sets a password hash (crypt(5)), which never stands in a process list.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SetPassword {
    /// Whose.
    pub name: String,
    /// The hash, or `!` or `*` for none that matches.
    pub hash: String,
}

impl std::fmt::Debug for SetPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetPassword").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Removes a user, and its own group if nobody else is in it. One that is logged in or runs something is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoveUser {
    /// Whom.
    pub name: String,
    /// Whether its home and mail go too; refused where something is mounted in it.
    pub remove_home: bool,
    /// Whether it goes though it is logged in, `userdel -f`.
    pub force: bool,
}

/// How old a password may get, chage(1); what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeAging {
    /// Whose.
    pub name: String,
    /// Days before it may be changed again.
    pub min: Option<i64>,
    /// Days after which it must be changed.
    pub max: Option<i64>,
    /// Days before that in which the user is told.
    pub warn: Option<i64>,
}

/// Adds a group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AddGroup {
    /// Its name.
    pub name: String,
    /// Its number; the system chooses one if there is none.
    pub gid: Option<u32>,
    /// Whether it is a system group.
    pub system: bool,
    /// Whether its number may be another group's too.
    pub non_unique: bool,
    /// Settings over those of login.defs(5): `GID_MIN`, `GID_MAX`.
    pub settings: Vec<(String, String)>,
}

/// Gives a group another number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeGroup {
    /// Which.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// Whether it may be another group's too.
    pub non_unique: bool,
}

/// Removes a group. A user's primary group is refused, unless `force`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoveGroup {
    /// Which.
    pub name: String,
    /// Whether it goes though it is a user's primary group, `groupdel -f`.
    pub force: bool,
}

/// Puts a user into a group or takes it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// Who.
    pub user: String,
    /// Which group.
    pub group: String,
    /// Whether it is to be in it.
    pub member: bool,
}

/// A program of the shadow suite and its arguments. Other programs for the job (busybox's adduser) are not driven.
const ACCOUNTS: Function = Function {
    name: "s_accounts",
    needs: &[&FAIL],
    text: r#"s_accounts() (
  command -v "$1" >/dev/null || s_fail "there is no $1: install passwd (Debian) or shadow-utils (Fedora)"
  "$@" 9>&-
)"#,
};

/// user, hash. printf is a builtin, so the hash stands in no process list.
const PASSWORD: Function = Function {
    name: "s_password",
    needs: &[&FAIL],
    text: r#"s_password() (
  command -v chpasswd >/dev/null || s_fail "there is no chpasswd: install passwd (Debian) or shadow-utils (Fedora)"
  printf '%s:%s\n' "$1" "$2" | chpasswd -e 9>&-
)"#,
};

/// user, `remove_home`|``, `-f`|``. userdel(8) itself would walk into what is mounted in the home, and ends with 12 where it
/// could not remove it (Debian: also where there is no mail spool, which is no failure).
const REMOVE_USER: Function = Function {
    name: "s_remove_user",
    needs: &[&FAIL, &NOT_MOUNTED],
    text: r#"s_remove_user() (
  command -v userdel >/dev/null || s_fail "there is no userdel: install passwd (Debian) or shadow-utils (Fedora)"
  if [ -z "$2" ]; then
    userdel ${3:+"$3"} -- "$1" 9>&-
    exit
  fi
  entry=$(getent passwd "$1") || s_fail "there is no user $1"
  home=${entry%:*} home=${home##*:}
  case $home in
    / | "") s_fail "the home of $1 is ${home:-empty}: not removed" ;;
  esac
  if [ -d "$home" ]; then s_not_mounted "$home" || exit 1; fi
  userdel ${3:+"$3"} -r -- "$1" 9>&-
)"#,
};

/// What the shadow suite writes, beside a home.
fn accounts(more: impl IntoIterator<Item = Touch>) -> Vec<Touch> {
    let files = [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/gshadow",
        "/etc/subuid",
        "/etc/subgid",
        "/var/mail",
        "/var/spool/mail",
        "/var/log",
    ];
    // beside each file also its backup and lock (`/etc/passwd-`, `/etc/passwd.lock`)
    let files = files.into_iter().flat_map(|file| {
        let beside = if file.starts_with("/etc/") { &["", "-", ".lock"][..] } else { &[""][..] };
        beside.iter().map(move |end| Touch::Files(format!("{file}{end}")))
    });
    [Touch::Accounts].into_iter().chain(files).chain(more).collect()
}

impl Action for AddUser {
    fn call(&self) -> Call {
        let mut words = vec!["useradd".to_owned()];
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), value]);
            }
        };
        option("-u", self.uid.map(|uid| uid.to_string()));
        option("-g", self.group.clone());
        option("-G", (!self.groups.is_empty()).then(|| self.groups.join(",")));
        option("-d", self.home.clone());
        option("-s", self.shell.clone());
        option("-c", self.comment.clone());
        option("-e", self.expires.clone());
        option("-f", self.inactive.map(|days| days.to_string()));
        option("-k", self.skeleton.clone().filter(|_| self.create_home));
        for (name, value) in &self.settings {
            words.extend(["-K".to_owned(), format!("{name}={value}")]);
        }
        if self.non_unique {
            words.push("-o".into());
        }
        words.push(if self.create_home { "-m" } else { "-M" }.into());
        words.push(if self.group.is_some() || self.usual_group { "-N" } else { "-U" }.into());
        if self.system {
            words.push("-r".into());
        }
        words.extend(["--".into(), self.name.clone()]);
        Call::new(&ACCOUNTS, words)
    }

    fn touches(&self) -> Vec<Touch> {
        let home = self.home.clone().unwrap_or_else(|| format!("/home/{}", self.name));
        accounts([Touch::Files(home)])
    }

    fn describe(&self) -> String {
        format!("add the user {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("user", &self.name)?;
        check::field("comment", self.comment.as_deref().unwrap_or_default())?;
        check::field("shell", self.shell.as_deref().unwrap_or_default())?;
        check::field("home", self.home.as_deref().unwrap_or_default())?;
        self.home.iter().try_for_each(|home| check::path(home))?;
        self.skeleton.iter().try_for_each(|skeleton| check::path(skeleton))?;
        self.group.iter().chain(&self.groups).try_for_each(|group| check::account("group", group))
    }
}

impl Action for ChangeUser {
    fn call(&self) -> Call {
        let mut words = vec!["usermod".to_owned()];
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), value]);
            }
        };
        option("-u", self.uid.map(|uid| uid.to_string()));
        option("-g", self.group.clone());
        option("-G", self.groups.as_ref().map(|groups| groups.join(",")));
        option("-d", self.home.clone());
        option("-s", self.shell.clone());
        option("-c", self.comment.clone());
        option("-e", self.expires.clone());
        option("-f", self.inactive.map(|days| days.to_string()));
        for (is, word) in [
            (self.append && self.groups.is_some(), "-a"),
            (self.non_unique && self.uid.is_some(), "-o"),
            (self.move_home && self.home.is_some(), "-m"),
            (self.lock == Some(true), "-L"),
            (self.lock == Some(false), "-U"),
        ] {
            if is {
                words.push(word.into());
            }
        }
        words.extend(["--".into(), self.name.clone()]);
        Call::new(&ACCOUNTS, words)
    }

    fn touches(&self) -> Vec<Touch> {
        // another number is given to all files in the home, and only this program knows where that is
        let home = if self.uid.is_some() || self.group.is_some() || self.move_home { Some(Touch::FilesOutside(Vec::new())) } else { None };
        accounts(home)
    }

    fn describe(&self) -> String {
        format!("change the user {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("user", &self.name)?;
        check::field("comment", self.comment.as_deref().unwrap_or_default())?;
        check::field("shell", self.shell.as_deref().unwrap_or_default())?;
        check::field("home", self.home.as_deref().unwrap_or_default())?;
        self.home.iter().try_for_each(|home| check::path(home))?;
        self.group.iter().chain(self.groups.iter().flatten()).try_for_each(|group| check::account("group", group))
    }
}

impl Action for SetPassword {
    fn call(&self) -> Call {
        Call::new(&PASSWORD, [&self.name, &self.hash])
    }

    fn touches(&self) -> Vec<Touch> {
        accounts([])
    }

    fn describe(&self) -> String {
        format!("set the password of {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("user", &self.name)?;
        // the value itself is a secret
        check::field("password hash", &self.hash).map_err(|invalid| Invalid { value: "(hidden)".into(), ..invalid })
    }
}

impl Action for RemoveUser {
    fn call(&self) -> Call {
        let (home, force) = (if self.remove_home { "remove_home" } else { "" }, if self.force { "-f" } else { "" });
        Call::new(&REMOVE_USER, [self.name.as_str(), home, force])
    }

    fn touches(&self) -> Vec<Touch> {
        // where its home is, only the machine knows
        accounts(self.remove_home.then(|| Touch::FilesOutside(Vec::new())))
    }

    fn describe(&self) -> String {
        let home = if self.remove_home { " and its home" } else { "" };
        format!("remove the user {}{home}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("user", &self.name)
    }
}

impl Action for ChangeAging {
    fn call(&self) -> Call {
        let mut words = vec!["chage".to_owned()];
        for (option, days) in [("-m", self.min), ("-M", self.max), ("-W", self.warn)] {
            if let Some(days) = days {
                words.extend([option.to_owned(), days.to_string()]);
            }
        }
        words.extend(["--".into(), self.name.clone()]);
        Call::new(&ACCOUNTS, words)
    }

    fn touches(&self) -> Vec<Touch> {
        accounts([])
    }

    fn describe(&self) -> String {
        format!("set how old the password of {} may get", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("user", &self.name)
    }
}

impl Action for AddGroup {
    fn call(&self) -> Call {
        let mut words = vec!["groupadd".to_owned()];
        if let Some(gid) = self.gid {
            words.extend(["-g".into(), gid.to_string()]);
        }
        for (name, value) in &self.settings {
            words.extend(["-K".to_owned(), format!("{name}={value}")]);
        }
        if self.non_unique {
            words.push("-o".into());
        }
        if self.system {
            words.push("-r".into());
        }
        words.extend(["--".into(), self.name.clone()]);
        Call::new(&ACCOUNTS, words)
    }

    fn touches(&self) -> Vec<Touch> {
        accounts([])
    }

    fn describe(&self) -> String {
        format!("add the group {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("group", &self.name)
    }
}

impl Action for ChangeGroup {
    fn call(&self) -> Call {
        let gid = self.gid.to_string();
        let words = ["groupmod", "-g", &gid].into_iter().chain(self.non_unique.then_some("-o")).chain(["--", &self.name]);
        Call::new(&ACCOUNTS, words)
    }

    fn touches(&self) -> Vec<Touch> {
        accounts([])
    }

    fn describe(&self) -> String {
        format!("change the group {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("group", &self.name)
    }
}

impl Action for RemoveGroup {
    fn call(&self) -> Call {
        Call::new(&ACCOUNTS, ["groupdel"].into_iter().chain(self.force.then_some("-f")).chain(["--", &self.name]))
    }

    fn touches(&self) -> Vec<Touch> {
        accounts([])
    }

    fn describe(&self) -> String {
        format!("remove the group {}", self.name)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("group", &self.name)
    }
}

impl Action for Membership {
    fn call(&self) -> Call {
        Call::new(&ACCOUNTS, ["gpasswd", if self.member { "-a" } else { "-d" }, &self.user, "--", &self.group])
    }

    fn touches(&self) -> Vec<Touch> {
        accounts([])
    }

    fn describe(&self) -> String {
        let how = if self.member { "put" } else { "take" };
        let where_to = if self.member { "into" } else { "out of" };
        format!("{how} {} {where_to} {}", self.user, self.group)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::account("user", &self.user)?;
        check::account("group", &self.group)
    }
}
