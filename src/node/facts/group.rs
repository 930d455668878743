//! A group: group(5).

use serde::{Deserialize, Serialize};

use super::user::{ACCOUNTS, name};
use super::{Kind, json, parse};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The group of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group(String);

impl Group {
    /// By its name (not by its number).
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for Group {
    type Value = GroupEntry;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Accounts, Touch::Files("/etc/group".into())])
    }
}

/// The first group of that number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNumbered(u32);

impl GroupNumbered {
    /// By its number.
    pub fn new(gid: u32) -> Self {
        Self(gid)
    }
}

impl Fact for GroupNumbered {
    type Value = GroupEntry;

    fn query(&self) -> Query {
        Query::new(NUMBERED.name, [self.0.to_string()], vec![Touch::Accounts, Touch::Files("/etc/group".into())])
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEntry {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// The users that it lists; those whose primary group it is need not be among them.
    pub members: Vec<String>,
}

pub(super) const KIND: Kind = Kind { name: "group", function: &PROBE, merged: true, words: name, parse: |_, text| json(read(text)?) };

pub(super) const NUMBERED: Kind = Kind {
    name: "group_numbered",
    function: &PROBE_NUMBERED,
    merged: true,
    words: |args| match args {
        [gid] if gid.parse::<u32>().is_ok() => Ok(vec![gid.clone()]),
        _ => Err("a number is wanted".into()),
    },
    parse: |_, text| json(read(text)?),
};

static PROBE_NUMBERED: Function = Function {
    name: "probe_group_numbered",
    text: r#"
group_numbered_one() {
  IFS=$nl
  for l in $found; do
    g=${l%:*}
    if [ "${g##*:}" = "$1" ]; then r=${l%%:*}:$1:${l##*:}; break; fi
  done
  IFS=$ifs
  [ -n "$r" ] || return 44
}
probe_group_numbered() {
  ids=$1; shift
  each_account group group_numbered_one "$ids" "$@"
}
"#,
    needs: &[&ACCOUNTS],
};

static PROBE: Function = Function {
    name: "probe_group",
    text: r#"
group_one() {
  account_of "$1" "$found" || return 44
  r=${line#*:}; r=$1:${r#*:}
}
probe_group() {
  ids=$1; shift
  each_account group group_one "$ids" "$@"
}
"#,
    needs: &[&ACCOUNTS],
};

/// `name:gid:member,member`
fn read(text: &str) -> Result<GroupEntry, String> {
    let mut fields = text.splitn(3, ':');
    let name = fields.next().unwrap_or_default().to_owned();
    let gid = parse::number(fields.next(), "gid")?;
    let members = fields.next().ok_or("no members")?.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Ok(GroupEntry { name, gid, members })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    #[test]
    fn a_number_finds_its_group_in_every_shell() {
        for shell in SHELLS {
            let mut script = Script::new();
            let probes = script.probe(&[GroupNumbered::new(0).query(), GroupNumbered::new(4_294_900_000).query()]);
            let output = run(shell, "n1", &script.finish());
            let read = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr));
            let Reading::Present(root) = &read[0].1.reading else { panic!("{shell:?} {read:?}") };
            assert_eq!((root["name"].as_str(), root["gid"].as_u64()), (Some("root"), Some(0)));
            assert_eq!(read[1].1.reading, Reading::Absent);
        }
    }

    #[test]
    fn a_group_has_its_members() {
        assert_eq!(
            read("sudo:27:pat,kim").unwrap(),
            GroupEntry { name: "sudo".into(), gid: 27, members: vec!["pat".into(), "kim".into()] }
        );
        assert_eq!(read("daemon:1:").unwrap().members, Vec::<String>::new());
        assert!(read("").is_err() && read("a:b:c").is_err() && read("a:1").is_err());
    }
}
