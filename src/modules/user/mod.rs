//! `ansible.builtin.user`

mod add;
mod change;
mod groups;
mod password;
mod ssh_key;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};

use super::expand::expand_one;
use super::halt::{Halt, settled};
use super::outcome::{both, planned};
use super::{Args, Decision, Kind, Module, Opt, Spec, Task, paths};
use crate::node::Change;
use crate::node::apply::Carried;
use crate::node::facts::{self, Shadow, ShadowEntry};
use crate::node::steps::{ChangeAging, RemoveUser};
use crate::plan::{Expect, Facts, Plan, Reading, Stop};

/// A user is there with what is asked for, or is not.
///
/// As in Ansible, which playbooks rely on: `groups` are all further groups and others are left, unless `append`; a home
/// that is missing is made unless `create_home: false`, for users that were there before too; `login_class`, `hidden`,
/// `profile`, `authorization` and `role` mean nothing on Linux.
///
/// Other than Ansible: a `password` in plain text, which would be nobody's password, and an empty one, which lets everybody
/// in, are refused; `password_expire_account_disable` changes nothing where it is so already (Ansible reports a change each
/// time), and neither does `password_lock: false` where there is no password to unlock. `local` (libuser) and
/// `seuser` are not carried out here and are refused.
#[derive(Debug)]
pub struct User;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("state", Kind::Str).about("Whether the user is there").default("present").choices(&["absent", "present"]),
        Opt::new("name", Kind::Str).about("The login name").aliases(&["user"]).required(),
        Opt::new("uid", Kind::Int).about("The number"),
        Opt::new("non_unique", Kind::Bool).about("Whether another may have that number, too").default("false"),
        Opt::new("group", Kind::Str).about("The group that the user's files belong to"),
        Opt::new("groups", Kind::List(&Kind::Str)).about("The other groups; without `append` no others"),
        Opt::new("comment", Kind::Str).about("The full name"),
        Opt::new("home", Kind::Path).about("The home directory"),
        Opt::new("shell", Kind::Path).about("The login shell"),
        Opt::new("password", Kind::Str).about("A hash as crypt(3) makes it; `!` or `*` for none").secret(),
        Opt::new("login_class", Kind::Str).about("Of other systems; without effect on Linux"),
        Opt::new("password_expire_max", Kind::Int).about("Days after which a password must be changed"),
        Opt::new("password_expire_min", Kind::Int).about("Days before it may be changed"),
        Opt::new("password_expire_warn", Kind::Int).about("Days of warning before it must be"),
        Opt::new("hidden", Kind::Bool).about("Of macOS; without effect on Linux"),
        Opt::new("seuser", Kind::Str).about("A user of SELinux; refused"),
        Opt::new("force", Kind::Bool).about("With `state: absent`: even one who is logged in").default("false"),
        Opt::new("remove", Kind::Bool).about("With `state: absent`: the home, too").default("false"),
        Opt::new("create_home", Kind::Bool)
            .about("Whether a new user gets a home, and one without gets it now")
            .aliases(&["createhome"])
            .default("true"),
        Opt::new("skeleton", Kind::Str).about("The directory that a new home is copied from"),
        Opt::new("system", Kind::Bool).about("Whether a new user gets a number of the system's").default("false"),
        Opt::new("move_home", Kind::Bool).about("Whether the home goes along if `home` is another").default("false"),
        Opt::new("append", Kind::Bool).about("Whether the user stays in groups that are not named").default("false"),
        Opt::new("generate_ssh_key", Kind::Bool).about("Makes a key pair for SSH if there is none"),
        Opt::new("ssh_key_bits", Kind::Int).about("How long the key is; 0 leaves it to ssh-keygen").default("0"),
        Opt::new("ssh_key_type", Kind::Str).about("Its kind: rsa, ed25519 …").default("rsa"),
        Opt::new("ssh_key_file", Kind::Path).about("Where it goes, from the home; .ssh/id_KIND"),
        Opt::new("ssh_key_comment", Kind::Str).about("Its comment"),
        Opt::new("ssh_key_passphrase", Kind::Str).about("What opens it").secret(),
        Opt::new("update_password", Kind::Str)
            .about("Whether the password of a user who is there is changed")
            .default("always")
            .choices(&["always", "on_create"]),
        Opt::new("expires", Kind::Float).about("When the account ends, in seconds since 1970; a negative number: never"),
        Opt::new("password_lock", Kind::Bool).about("Whether the password is locked"),
        Opt::new("local", Kind::Bool).about("By the programs of libuser; refused"),
        Opt::new("profile", Kind::Str).about("Of Solaris; without effect on Linux"),
        Opt::new("authorization", Kind::Str).about("Of Solaris; without effect on Linux"),
        Opt::new("role", Kind::Str).about("Of Solaris; without effect on Linux"),
        Opt::new("umask", Kind::Str).about("The mask for a new home"),
        Opt::new("password_expire_account_disable", Kind::Int).about("Days after a password's end until the account ends"),
        Opt::new("uid_min", Kind::Int).about("The lowest number for a new user"),
        Opt::new("uid_max", Kind::Int).about("The highest number for a new user"),
    ],
    about: "A user is there, or is not",
    notes: &[
        "A `password` that is no hash of crypt(3) is refused: Ansible would write it down as it is",
        "Without `append` the user leaves all groups that are not named",
    ],
    example: "- name: an operator\n  ansible.builtin.user:\n    name: ops\n    groups: [sudo]\n    append: true\n    shell: /bin/bash\n",
    ..Spec::new("ansible.builtin", "user")
};

impl Module for User {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let decision = settled(plan(task, facts))?;
        if task.args.is("append") && task.args.list("groups").is_none() {
            return Ok(decision.warns("'append' is set, but no 'groups' are specified. Use 'groups' for appending new groups."));
        }
        Ok(decision)
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let args = task.args;
        let mut result = Map::new();
        let account = match facts.reading(&facts::User::new(name_of(args)))? {
            Reading::Present(account) if args.str("state") != Some("absent") => account,
            _ => return Ok(result),
        };
        for (name, field) in [("uid", "uid"), ("group", "gid"), ("comment", "comment"), ("home", "home"), ("shell", "shell")] {
            if let Some(value) = account.get(field) {
                result.insert(name.into(), value.clone());
            }
        }
        if let Some(groups) = args.list("groups") {
            result.insert("groups".into(), groups.join(",").into());
        }
        if let (true, Some(home)) = (args.is("generate_ssh_key"), account.get("home").and_then(Value::as_str)) {
            result.extend(ssh_key::result(args, facts, home)?);
        }
        Ok(result)
    }
}

fn name_of(args: &Args) -> &str {
    args.str("name").unwrap_or_default()
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let name = name_of(args);
    refused(args)?;
    let state = args.str("state").unwrap_or("present");
    let fact = facts::User::new(name);
    if state == "absent" {
        let decision = match facts.get(fact)? {
            None => Decision::unchanged(),
            Some(_) => planned(removal(args, name)).with("force", args.is("force")).with("remove", args.is("remove")),
        };
        return Ok(decision.with("name", name).with("state", state));
    }
    let (account, shadow) = if asks_shadow(args) { both(facts.get(fact), facts.get(Shadow::new(name)))? } else { (facts.get(fact)?, None) };
    let wish = Wish::new(task, facts, shadow)?;
    let decision = match &account {
        None => planned(add::plan(&wish, facts)?).with("system", args.is("system")).with("create_home", args.is("create_home")),
        Some(account) => {
            planned(change::plan(&wish, account, facts)?).with("append", args.is("append")).with("move_home", args.is("move_home"))
        }
    };
    let decision = if args.get("password").is_some() { decision.with("password", "NOT_LOGGING_PASSWORD") } else { decision };
    Ok(decision.with("name", name).with("state", state))
}

/// What is not carried out here, and what makes no sense.
fn refused(args: &Args) -> Result<(), Halt> {
    if args.is("local") {
        return Err(Halt::fail("`local` of `user` is not carried out here: leave it out, and useradd(8) and its kin are used"));
    }
    if args.get("seuser").is_some() {
        return Err(Halt::fail("`seuser` of `user` is not carried out here: use the command semanage"));
    }
    match args.str("password") {
        Some(hash) if args.str("state") != Some("absent") => password::check(hash).map_err(Halt::fail),
        _ => Ok(()),
    }
}

/// Whether anything asked for is in shadow(5).
fn asks_shadow(args: &Args) -> bool {
    let options = [
        "password",
        "password_lock",
        "expires",
        "password_expire_account_disable",
        "password_expire_min",
        "password_expire_max",
        "password_expire_warn",
    ];
    options.iter().any(|option| args.get(option).is_some())
}

fn removal(args: &Args, name: &str) -> Change {
    let (remove_home, force) = (args.is("remove"), args.is("force"));
    let what = if remove_home { "user and home" } else { "user" };
    Plan::change([RemoveUser { name: name.into(), remove_home, force }.into()])
        .differs(format!("{what} {name}"), Some("present".into()), None)
        .expect(Expect::absent(&facts::User::new(name)))
}

/// What is asked for, with what it means on the host.
struct Wish<'a> {
    task: &'a Task<'a>,
    name: &'a str,
    uid: Option<u32>,
    /// The primary group's number.
    gid: Option<u32>,
    /// The further groups.
    groups: Option<Vec<facts::GroupEntry>>,
    home: Option<String>,
    shell: Option<String>,
    shadow: ShadowEntry,
}

impl<'a> Wish<'a> {
    fn new(task: &'a Task<'a>, facts: &Facts<'_>, shadow: Option<ShadowEntry>) -> Result<Self, Halt> {
        let args = task.args;
        let path = |name: &str| args.str(name).filter(|path| !path.is_empty()).map(|path| paths::path(path, task, facts)).transpose();
        let (gid, groups) = groups::known(args, facts)?;
        // a user of a directory has no line there
        let none =
            ShadowEntry { digest: password::digest(""), locked: false, min: None, max: None, warn: None, inactive: None, expires: None };
        Ok(Self {
            task,
            name: name_of(args),
            uid: super::group::number(args.int("uid"), "uid")?,
            gid,
            groups,
            home: path("home")?,
            shell: args.str("shell").filter(|shell| !shell.is_empty()).map(|shell| expand_one(task, facts, shell)).transpose()?,
            shadow: shadow.unwrap_or(none),
        })
    }

    fn args(&self) -> &'a Args {
        self.task.args
    }

    fn skeleton(&self) -> String {
        self.args().str("skeleton").unwrap_or("/etc/skel").to_owned()
    }

    /// The hash that is to be set, locked or not; what is to be unlocked need not be locked first.
    fn hash(&self) -> Option<String> {
        let hash = self.args().str("password")?;
        let bare = hash.trim_start_matches('!');
        Some(match self.args().bool("password_lock") {
            Some(true) => format!("!{hash}"),
            Some(false) if !bare.is_empty() => bare.to_owned(),
            _ => hash.to_owned(),
        })
    }

    /// The day on which the account ends, since 1970-01-01; none for never. Nothing if it is not asked for.
    fn expires(&self) -> Result<Option<Option<i64>>, Halt> {
        let Some(seconds) = self.args().float("expires") else { return Ok(None) };
        if seconds < 0.0 {
            return Ok(Some(None));
        }
        #[expect(clippy::cast_possible_truncation, reason = "what is too large is refused as no day")]
        let day = (seconds / 86_400.0).floor() as i64;
        if date(day).is_some() { Ok(Some(Some(day))) } else { Err(Halt::fail(format!("Invalid value for 'expires' {seconds}"))) }
    }

    /// Adds what chage(1) does, where it is not so already.
    fn age(&self, change: &mut Change) {
        let wanted = |option: &str, is: Option<i64>| self.args().int(option).filter(|days| Some(*days).filter(|days| *days >= 0) != is);
        let step = ChangeAging {
            name: self.name.into(),
            min: wanted("password_expire_min", self.shadow.min),
            max: wanted("password_expire_max", self.shadow.max),
            warn: wanted("password_expire_warn", self.shadow.warn),
        };
        let fact = Shadow::new(self.name);
        let days = |days: Option<i64>| days.map(|days| days.to_string());
        for (field, wanted, is) in
            [("min", step.min, self.shadow.min), ("max", step.max, self.shadow.max), ("warn", step.warn, self.shadow.warn)]
        {
            let Some(wanted) = wanted else { continue };
            differ(change, &format!("password {field} days of {}", self.name), days(is), days(Some(wanted)));
            change.expect.push(Expect::field(&fact, field, (wanted >= 0).then_some(wanted)));
        }
        if step.min.is_some() || step.max.is_some() || step.warn.is_some() {
            change.steps.push(step.into());
        }
    }
}

/// As usermod(8) takes it; days since 1970-01-01.
fn date(day: i64) -> Option<String> {
    let date = jiff::Timestamp::from_second(day.checked_mul(86_400)?).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date();
    Some(date.to_string())
}

fn differ(change: &mut Change, what: &str, before: Option<String>, after: Option<String>) {
    change.diff.push(crate::plan::Difference { what: what.to_owned(), before, after });
}
