//! What LVM says of a physical volume: pvs(8).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::absolute;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The group of the LVM physical volume at that path.
///
/// Absent where LVM is not installed. Unknown where it does not know the device as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhysicalVolume(String);

impl PhysicalVolume {
    /// The one at that path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for PhysicalVolume {
    type Value = LvmState;

    fn query(&self) -> Query {
        let program = Touch::Files("/sbin/pvs".into());
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice(self.0.clone()), Touch::Modules, program])
    }
}

/// What LVM says of a physical volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LvmState {
    /// Its group, if it is in one.
    pub group: Option<String>,
    /// How many logical volumes the group has.
    pub volumes: u32,
}

pub(super) const KIND: Kind =
    Kind { name: "physical_volume", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

static PROBE: Function = Function {
    name: "probe_physical_volume",
    text: r#"
probe_physical_volume() {
  id=$1
  command -v pvs >/dev/null || { r=; answer "$id" 44; return; }
  take pvs --readonly --reportformat json -o pv_name,vg_name,lv_count,pv_in_use -- "$2" || { r=$err; answer "$id" 1; return; }
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<LvmState, String> {
    let report: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let volumes = report.pointer("/report/0/pv").and_then(Value::as_array).ok_or("no list of physical volumes")?;
    let [volume] = volumes.as_slice() else { return Err(format!("{} physical volumes", volumes.len())) };
    let field = |name: &str| volume.get(name).and_then(Value::as_str).map(str::trim).ok_or_else(|| format!("no {name}"));
    let (group, count) = (field("vg_name")?, field("lv_count")?);
    let group = Some(group.to_owned()).filter(|group| !group.is_empty());
    // a volume without metadata of its own whose group's other disks are missing
    if group.is_none() && !field("pv_in_use")?.is_empty() {
        return Err("it belongs to a group whose other disks are missing".into());
    }
    let volumes = match (&group, count) {
        (None, "" | "0") => 0,
        (_, count) => count.parse().map_err(|_| format!("{count:?} logical volumes"))?,
    };
    Ok(LvmState { group, volumes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_group_and_in_none() {
        let report = |volumes: &str| read(&format!(r#"{{"report": [{{"pv": [{volumes}]}}]}}"#));
        let volume = |group: &str, count: &str| {
            let used = if group.is_empty() { "" } else { "used" };
            report(&format!(r#"{{"pv_name":"/dev/sdb", "vg_name":"{group}", "lv_count":"{count}", "pv_in_use":"{used}"}}"#))
        };
        assert_eq!(volume("", "0"), Ok(LvmState { group: None, volumes: 0 }));
        assert_eq!(volume("", ""), Ok(LvmState { group: None, volumes: 0 }));
        assert_eq!(volume("nas", "2"), Ok(LvmState { group: Some("nas".into()), volumes: 2 }));
        assert!(report(r#"{"pv_name":"/dev/sdb", "vg_name":"", "lv_count":"0", "pv_in_use":"used"}"#).is_err());
        // a group whose volumes were not counted is not an empty one
        assert!(volume("nas", "").is_err() && report("").is_err() && read("").is_err());
    }
}
