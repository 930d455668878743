//! `-i host1,host2,`: hosts without a file. The comma is what tells a list from a file's name.

use super::data::{Inventory, UNGROUPED};
use super::{address, set};
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// Adds the hosts of a list to an inventory. Ranges are read too, as by Ansible's plugin `advanced_host_list`: without it
/// Ansible takes `m[1:3]` for the name of one host.
pub(super) fn read(source: &Source, inventory: &mut Inventory, problems: &mut Diagnostics) {
    let mut start = 0;
    for part in source.text.split(',') {
        let begin = start + (part.len() - part.trim_start().len());
        start += part.len() + 1;
        let text = part.trim();
        if text.is_empty() || set::is_full(inventory) {
            continue;
        }
        let place = source.at(begin..begin + text.len());
        match address::expand(text) {
            Err(bad) => {
                let error = Diagnostic::error(bad.why).at(source.at(begin + bad.span.start..begin + bad.span.end));
                problems.push(Diagnostic { hint: bad.hint, ..error });
            }
            Ok((names, _)) if !set::has_room(inventory, names.len(), [], &place, problems) => {}
            Ok((names, port)) => {
                for name in names {
                    // one that is known keeps its groups
                    if inventory.host(&name).is_none() {
                        inventory.add_host(&name, Some(UNGROUPED), port, &place, None);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        let (mut inventory, mut problems) = (Inventory::default(), Diagnostics::new());
        read(&Source::new("-i", "m1, m2:2222,[fd00::1]:22,,m1,w[1:2]"), &mut inventory, &mut problems);
        assert_eq!(problems, Diagnostics::new());
        let hosts: Vec<String> = inventory
            .all_hosts()
            .iter()
            .map(|host| format!("{}{:?}", host.name, host.variable("ansible_port").map(|port| crate::yaml::one_line(&port.value))))
            .collect();
        assert_eq!(hosts, ["m1None", "m2Some(\"2222\")", "fd00::1Some(\"22\")", "w1None", "w2None"]);
    }

    #[test]
    fn every_wrong_one_is_named() {
        let mut problems = Diagnostics::new();
        read(&Source::new("-i", "m[3:1], m2:x,ok,"), &mut Inventory::default(), &mut problems);
        insta::assert_snapshot!(problems);
    }
}
