//! As whom the script runs: id(1).

use serde::{Deserialize, Serialize};

use super::parse::no_words;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The user that the script runs as, with the groups that this very process has: changes to the account show only in a
/// new login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login;

impl Fact for Login {
    type Value = LoginUser;

    fn query(&self) -> Query {
        Query::new(KIND.name, [""; 0], vec![Touch::Accounts])
    }
}

/// A process's user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginUser {
    /// Its name; its number where it has none.
    pub user: String,
    /// Its number.
    pub uid: u32,
    /// The primary group's name; its number where it has none.
    pub group: String,
    /// The primary group's number.
    pub gid: u32,
    /// All groups, by name.
    pub groups: Vec<String>,
}

pub(super) const KIND: Kind = Kind { name: "login", function: &PROBE, merged: false, words: no_words, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_login",
    text: r#"
probe_login() {
  if take id; then answer "$1" 0; else r=$err; answer "$1" 1; fi
}
"#,
    needs: &[],
};

/// `uid=0(root) gid=0(root) groups=0(root),27(sudo)`, perhaps with a security context behind.
fn read(text: &str) -> Result<LoginUser, String> {
    let bad = || format!("an identity as {text:?}");
    let rest = text.strip_prefix("uid=").ok_or_else(bad)?;
    // names may hold spaces
    let (user, rest) = rest.split_once(" gid=").ok_or_else(bad)?;
    let (group, rest) = rest.split_once(" groups=").unwrap_or((rest, ""));
    let groups = rest.split_once(" context=").map_or(rest, |(groups, _)| groups);
    let pair = |text: &str| {
        let (number, name) = text.strip_suffix(')').and_then(|text| text.split_once('(')).unwrap_or((text, text));
        number.parse::<u32>().map(|number| (number, name.to_owned())).map_err(|_| bad())
    };
    let ((uid, user), (gid, group)) = (pair(user)?, pair(group)?);
    let groups =
        groups.split(',').filter(|group| !group.is_empty()).map(|group| pair(group).map(|(_, name)| name)).collect::<Result<_, _>>()?;
    Ok(LoginUser { user, uid, group, gid, groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read() {
        let pat =
            read("uid=1000(pat) gid=1000(pat) groups=1000(pat),27(sudo),999(domain users) context=unconfined_u:unconfined_r").unwrap();
        assert_eq!((pat.user.as_str(), pat.uid, pat.groups), ("pat", 1000, vec!["pat".into(), "sudo".into(), "domain users".into()]));
        assert_eq!(read("uid=12345 gid=0(root)").unwrap().user, "12345");
        assert!(read("").is_err() && read("uid=x gid=0").is_err());
    }
}
