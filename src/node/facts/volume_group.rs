//! What an LVM volume group holds: vgs(8).

use super::parse::number;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// How many logical volumes the LVM volume group of that name has.
///
/// Absent where there is no such group, or no LVM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeGroup(String);

impl VolumeGroup {
    /// The one of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl Fact for VolumeGroup {
    type Value = u32;

    fn query(&self) -> Query {
        let program = Touch::Files("/sbin/vgs".into());
        Query::new(KIND.name, [&self.0], vec![Touch::BlockDevice("/dev/".into()), Touch::Modules, program])
    }
}

pub(super) const KIND: Kind = Kind {
    name: "volume_group",
    function: &PROBE,
    merged: false,
    words,
    parse: |_, text| json(number::<u32>(Some(text.trim()), "count")?),
};

fn words(args: &[String]) -> Result<Vec<String>, String> {
    let [name] = args else { return Err("the name of a group is wanted".into()) };
    let is_name = !name.is_empty() && !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || "+_.-".contains(c));
    if is_name { Ok(args.to_vec()) } else { Err(format!("{name:?} is no name of a volume group")) }
}

static PROBE: Function = Function {
    name: "probe_volume_group",
    text: r#"
probe_volume_group() {
  command -v vgs >/dev/null || { r=; answer "$1" 44; return; }
  if take vgs --readonly --noheadings -o lv_count -- "$2"; then answer "$1" 0; return; fi
  case $err in
  *'Volume group "'*'" not found'*) r=; answer "$1" 44 ;;
  *) r=$err; answer "$1" 1 ;;
  esac
}
"#,
    needs: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups() {
        assert!(words(&["data-1".to_owned()]).is_ok());
        for bad in ["", "-x", "a b", "a/b"] {
            assert!(words(&[bad.to_owned()]).is_err(), "{bad}");
        }
        assert_eq!((KIND.parse)(&[], "  2").unwrap(), 2);
        assert!((KIND.parse)(&[], "two").is_err());
    }
}
