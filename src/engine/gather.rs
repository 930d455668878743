//! Facts by Ansible's names, read when a play names them.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::plan::{Facts, Stop};

/// Whether there is such a fact, without `ansible_` before its name.
pub(super) fn knows(name: &str) -> bool {
    crate::modules::setup::knows(name)
}

/// These facts; `fact_path` says where the local ones are. Or all with `all` among them; those that could not be read are not there.
pub(super) fn read(names: &BTreeSet<String>, fact_path: Option<&str>, facts: &Facts<'_>) -> Result<Map<String, Json>, Stop> {
    crate::modules::setup::facts_for((!names.contains("all")).then_some(names), fact_path, facts)
}
