//! The LVM volume group that a physical volume is part of: pvs(8), lvs(8).

use serde::{Deserialize, Serialize};

use super::parse::number;
use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The group of the physical volume at that path, and what hangs on it elsewhere.
///
/// Absent where LVM is not installed, or the volume is in no group. Unknown where LVM does not know it as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LvmGroup(String);

impl LvmGroup {
    /// Of the volume at that path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for LvmGroup {
    type Value = GroupState;

    fn query(&self) -> Query {
        let program = Touch::Files("/sbin/pvs".into());
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice(self.0.clone()), Touch::Modules, program])
    }
}

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupState {
    /// Its name.
    pub name: String,
    /// How many physical volumes it has.
    pub physical: u32,
    /// How many of them are not there.
    pub missing: u32,
    /// Logical volumes that cache or are cached.
    pub caches: Vec<String>,
}

pub(super) const KIND: Kind =
    Kind { name: "lvm_group", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_lvm_group",
    text: r#"
probe_lvm_group() {
  id=$1
  command -v pvs >/dev/null || { r=; answer "$id" 44; return; }
  take pvs --readonly --noheadings --separator / -o vg_name,pv_count,vg_missing_pv_count -- "$2" || { r=$err; answer "$id" 1; return; }
  of=${r#"${r%%[! ]*}"}
  case $of in
  /*) r=; answer "$id" 44; return ;;
  esac
  take lvs --readonly --noheadings --all --separator / -o lv_name,segtype -- "${of%%/*}" || { r=$err; answer "$id" 1; return; }
  r="$of$nl$r"
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<GroupState, String> {
    let mut lines = text.lines().map(str::trim);
    let mut words = lines.next().unwrap_or_default().split('/');
    let name = words.next().filter(|name| !name.is_empty()).ok_or("no group")?.to_owned();
    let (physical, missing) = (number(words.next(), "count")?, number(words.next(), "count")?);
    let caches = lines.filter_map(|line| line.split_once('/')).filter(|(_, kind)| kind.contains("cache"));
    Ok(GroupState { name, physical, missing, caches: caches.map(|(name, _)| name.trim_matches(['[', ']']).to_owned()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_and_what_is_cached() {
        let state = read("nas/2/0\n  photos/linear\n  films/cache\n  [pool]/cache-pool\n  w/writecache").unwrap();
        assert_eq!((state.name.as_str(), state.physical, state.missing), ("nas", 2, 0));
        assert_eq!(state.caches, ["films", "pool", "w"]);
        assert_eq!(read("nas/1/1").map(|state| (state.missing, state.caches.len())), Ok((1, 0)));
        assert!(read("").is_err() && read("/0/0").is_err() && read("nas").is_err());
    }
}
