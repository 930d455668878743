//! The swap units that systemd knows, wherever they come from: systemctl(1).

use serde::{Deserialize, Serialize};

use super::unit::ground;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// All swap units that have a file: from fstab, discovered by the type of a partition, made by hand, of zram. None where
/// systemd does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapUnits;

impl Fact for SwapUnits {
    type Value = Vec<SwapUnit>;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["all"], [ground(), vec![Touch::Mounts]].concat())
    }
}

/// A swap unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapUnit {
    /// Its name.
    pub name: String,
    /// `loaded`, `masked`…
    pub load_state: String,
    /// `active`, `inactive`…
    pub active_state: String,
    /// `enabled`, `generated`, `static`…; none for one that has no file.
    pub unit_file_state: Option<String>,
    /// Its file.
    pub fragment_path: Option<String>,
    /// What its file was made of.
    pub source_path: Option<String>,
}

pub(super) const KIND: Kind = Kind {
    name: "swap_units",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

// not `list-unit-files`: for that systemd reads all unit files that there are, which takes a small machine seconds
static PROBE: Function = Function {
    name: "probe_swap_units",
    text: r#"
probe_swap_units() {
  r=
  [ -d /run/systemd/system ] || { answer "$1" 0; return; }
  id=$1
  take systemctl list-units --no-pager --no-legend --plain --type swap --all || { r=$err; answer "$id" 1; return; }
  listed=$r
  take systemctl show --no-pager -p UnitPath --value || { r=$err; answer "$id" 1; return; }
  paths=$r
  IFS=$nl; set -- $listed; IFS=$ifs
  for place in $paths; do
    set +f
    for l in "$place"/*.swap; do
      # a template is no unit
      case $l in *"@.swap") continue ;; esac
      if [ -e "$l" ] || [ -L "$l" ]; then set -- "$@" "${l##*/}"; fi
    done
    set -f
  done
  names=
  for l do
    l=${l%%" "*}
    case " $names " in *" $l "*) ;; *) names="$names $l" ;; esac
  done
  set -- $names
  r=
  [ $# = 0 ] || take systemctl show --no-pager -p Id,LoadState,ActiveState,UnitFileState,FragmentPath,SourcePath -- "$@" ||
    { r=$err; answer "$id" 1; return; }
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<Vec<SwapUnit>, String> {
    let block = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
        let needed = |name: &str| field(name).ok_or_else(|| format!("no {name}"));
        let filled = |name: &str| field(name).filter(|value| !value.is_empty());
        Ok(SwapUnit {
            name: needed("Id")?,
            load_state: needed("LoadState")?,
            active_state: needed("ActiveState")?,
            unit_file_state: filled("UnitFileState"),
            fragment_path: filled("FragmentPath"),
            source_path: filled("SourcePath"),
        })
    };
    let mut units: Vec<SwapUnit> = text.split("\n\n").filter(|text| !text.trim().is_empty()).map(block).collect::<Result<_, String>>()?;
    // names of the same device that no file stands for come and go
    units.retain(|unit| unit.fragment_path.is_some() || unit.load_state == "masked");
    units.dedup_by(|one, other| one.name == other.name);
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_without_a_file_are_left_out() {
        let units = read(
            "Id=dev-sda2.swap\nLoadState=loaded\nActiveState=active\nFragmentPath=/run/systemd/generator.late/dev-sda2.swap\nUnitFileState=generated\nSourcePath=\n\n\
             Id=dev-disk-by\\x2duuid-1.swap\nLoadState=loaded\nActiveState=active\nFragmentPath=\nUnitFileState=\nSourcePath=",
        )
        .unwrap();
        assert_eq!((units.len(), units[0].unit_file_state.as_deref(), units[0].source_path.clone()), (1, Some("generated"), None));
        assert!(read("").unwrap().is_empty() && read("Id=a").is_err());
    }
}
