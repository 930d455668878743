//! A user: passwd(5), with the groups that list it and whether it has a password.

use serde::{Deserialize, Serialize};

use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The user of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(String);

impl User {
    /// By its name (not by its number).
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for User {
    type Value = Account;

    fn query(&self) -> Query {
        let files = ["/etc/passwd", "/etc/group", "/etc/shadow"].map(|path| Touch::Files(path.into()));
        Query::new(KIND.name, [&self.0], [vec![Touch::Accounts], files.into()].concat())
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its primary group.
    pub gid: u32,
    /// The name of its primary group, if that exists.
    pub group: Option<String>,
    /// The groups that list it as a member, in the database's order.
    pub groups: Vec<String>,
    /// The comment (GECOS) field.
    pub comment: String,
    /// Its home directory.
    pub home: String,
    /// Its login shell; empty means /bin/sh.
    pub shell: String,
    /// Whether it can log in by password; the hash itself is never read out.
    pub password: Password,
}

/// What is known of a user's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// There is one.
    Set,
    /// No password fits.
    Locked,
    /// None is asked for.
    Empty,
    /// Only root may see that.
    Unknown,
}

pub(super) const KIND: Kind = Kind { name: "user", function: &PROBE, merged: true, words: name, parse: |_, text| json(read(text)?) };

/// The one argument of a fact about a user or a group. getent(1) takes digits for a number.
pub(super) fn name(args: &[String]) -> Result<Vec<String>, String> {
    match args {
        [name]
            if name.is_empty() || name.starts_with('-') || name.contains([':', '\n', ',']) || name.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Err(format!("{name:?} is not a name of a user or group"))
        }
        [name] => Ok(vec![name.clone()]),
        _ => Err("one name is wanted".into()),
    }
}

/// `accounts DATABASE [NAME…]`: lines of passwd, group or shadow in `$r`, at least those of the names. Through NSS where
/// there is getent(1), else from the file. True if what is not in `$r` is not there: getent ends with 2 both for that and
/// for a file it may not read, so that is looked at first. `account_of NAME LINES`: that name's line in `$line`.
/// `each_account DATABASE ONE IDS [NAME…]`: answers for each name with what `ONE NAME` sets `$r` to of `$found`, the lines of
/// all of them: 0, 44 for absent, or 1 with the reason.
pub(super) static ACCOUNTS: Function = Function {
    name: "accounts",
    text: r#"
accounts() {
  if ! [ -r "/etc/$1" ]; then
    err="/etc/$1 cannot be read"; r=; return 1
  elif command -v getent >/dev/null; then
    take getent "$@" || [ "$st" = 2 ]
  else
    take cat "/etc/$1"
  fi
}
account_of() {
  line=
  IFS=$nl
  for l in $2; do
    case $l in "$1:"*) line=$l; break ;; esac
  done
  IFS=$ifs
  [ -n "$line" ]
}
each_account() {
  database=$1 one=$2 ids=$3; shift 3
  if accounts "$database" "$@"; then
    found=$r
    for id in $ids; do
      r=
      if "$one" "$1"; then answer "$id" 0; else answer "$id" "$?"; fi
      shift
    done
  else
    r=$err
    for id in $ids; do answer "$id" 1; done
  fi
}
"#,
    needs: &[],
};

static PROBE: Function = Function {
    name: "probe_user",
    text: r#"
user_one() {
  account_of "$1" "$found" || return 44
  r=${line#*:}; hash=${r%%:*}; r="$1:${r#*:}"
  gid=${r#*:*:}; gid=${gid%%:*}
  group= groups=
  IFS=$nl
  for l in $all_groups; do
    n=${l%%:*} m=${l##*:} g=${l%:*}
    [ "${g##*:}" != "$gid" ] || group=${group:-$n}
    case ",$m," in *",$1,"*) groups="$groups,$n" ;; esac
  done
  IFS=$ifs
  if [ "$hash" = x ]; then
    if account_of "$1" "$shadows"; then hash=${line#*:}; hash=${hash%%:*}; else hash=x; fi
  fi
  case $hash in
  x) hash=unknown ;;
  "") hash=empty ;;
  '!'*|'*'*) hash=locked ;;
  *) hash=set ;;
  esac
  r="$r$nl$group$nl${groups#,}$nl$hash"
}
probe_user() {
  ids=$1; shift
  shadows=
  accounts group; all_groups=$r
  ! [ -r /etc/shadow ] || { accounts shadow "$@"; shadows=$r; }
  each_account passwd user_one "$ids" "$@"
}
"#,
    needs: &[&ACCOUNTS],
};

/// `name:uid:gid:gecos:home:shell`, the primary group, the other groups, the password's state: a line each.
fn read(text: &str) -> Result<Account, String> {
    let mut lines = text.split('\n');
    let mut fields = lines.next().unwrap_or_default().splitn(6, ':');
    let mut field = |what: &str| fields.next().map(str::to_owned).ok_or_else(|| format!("no {what}"));
    let (name, uid, gid) = (field("name")?, field("uid")?, field("gid")?);
    let (comment, home, shell) = (field("comment")?, field("home")?, field("shell")?);
    let group = lines.next().filter(|group| !group.is_empty()).map(str::to_owned);
    let groups = lines.next().ok_or("no groups")?;
    let password = match lines.next() {
        Some("set") => Password::Set,
        Some("locked") => Password::Locked,
        Some("empty") => Password::Empty,
        Some("unknown") => Password::Unknown,
        other => return Err(format!("a password as {other:?}")),
    };
    Ok(Account {
        name,
        uid: parse::number(Some(&uid), "uid")?,
        gid: parse::number(Some(&gid), "gid")?,
        group,
        groups: groups.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect(),
        comment,
        home,
        shell,
        password,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_its_fields() {
        let pat = read("pat:1000:1000:Pat Müller,,,:/home/pat:/bin/bash\npat\nsudo,adm\nset").unwrap();
        assert_eq!((pat.name.as_str(), pat.uid, pat.gid, pat.group.as_deref()), ("pat", 1000, 1000, Some("pat")));
        assert_eq!((pat.groups, pat.comment.as_str(), pat.password), (vec!["sudo".into(), "adm".into()], "Pat Müller,,,", Password::Set));
        let nobody = read("nobody:65534:65534::/nonexistent:\n\n\nlocked").unwrap();
        assert_eq!((nobody.group, nobody.groups, nobody.shell.as_str()), (None, vec![], ""));
        for text in ["", "pat", "pat:x:1000::/home:/bin/sh\n\n\nset", "pat:1:1::/:/bin/sh", "pat:1:1::/:/bin/sh\n\n\nmaybe"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_not_asked() {
        for bad in ["", "-x", "a:b", "a\nb", "1000"] {
            assert!(name(&[bad.into()]).is_err(), "{bad:?}");
        }
        assert!(name(&["systemd-network".into()]).is_ok());
    }
}
