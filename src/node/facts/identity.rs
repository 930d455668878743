//! What tells this machine from all others: machine-id(5), the firmware's UUID.

use super::parse::no_words;
use super::small_file::SLURP;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The machine's id, 32 hexadecimal digits. Absent before the first boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineId;

impl Fact for MachineId {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(MACHINE_ID.name, [""; 0], vec![Touch::Files("/etc/machine-id".into())])
    }
}

/// The UUID that the firmware gives the machine, in lower case. Only root may read it; many boards have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductUuid;

impl Fact for ProductUuid {
    type Value = String;

    fn query(&self) -> Query {
        Query::new(PRODUCT_UUID.name, [""; 0], Vec::new())
    }
}

pub(super) const MACHINE_ID: Kind =
    Kind { name: "machine_id", function: &PROBE_MACHINE_ID, merged: false, words: no_words, parse: |_, text| json(read_machine_id(text)?) };
pub(super) const PRODUCT_UUID: Kind = Kind {
    name: "product_uuid",
    function: &PROBE_PRODUCT_UUID,
    merged: false,
    words: no_words,
    parse: |_, text| json(text.trim().to_lowercase()),
};

static PROBE_MACHINE_ID: Function = Function {
    name: "probe_machine_id",
    text: r#"
probe_machine_id() {
  if slurp /etc/machine-id; then
    case $r in
    ""|uninitialized) r=; answer "$1" 44 ;;
    *) answer "$1" 0 ;;
    esac
  else
    answer_file "$1" /etc/machine-id
  fi
}
"#,
    needs: &[&SLURP],
};
static PROBE_PRODUCT_UUID: Function = Function {
    name: "probe_product_uuid",
    text: r#"
probe_product_uuid() {
  if [ -d /sys/class ]; then answer_file "$1" /sys/class/dmi/id/product_uuid; else r="there is no /sys"; answer "$1" 1; fi
}
"#,
    needs: &[&SLURP],
};

fn read_machine_id(text: &str) -> Result<&str, String> {
    let id = text.trim();
    if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) { Ok(id) } else { Err(format!("a machine id as {text:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_32_digits() {
        assert!(read_machine_id("b08dfa6083e7567a1921a715000001fb").is_ok());
        assert!(read_machine_id("b08dfa60").is_err() && read_machine_id("").is_err());
    }
}
