//! `-i host1,host2,`: hosts without a file. The comma is what tells a list from a file's name.

use std::collections::BTreeMap;

use super::address;
use super::host::{Inventory, Variable};
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// Adds the hosts of a list to an inventory.
pub(super) fn read(source: &Source, inventory: &mut Inventory, problems: &mut Diagnostics) {
    let mut start = 0;
    for part in source.text.split(',') {
        let begin = start + (part.len() - part.trim_start().len());
        start += part.len() + 1;
        let text = part.trim();
        if text.is_empty() {
            continue;
        }
        let place = source.at(begin..begin + text.len());
        if address::has_range(text) {
            problems.push(Diagnostic::error(format!("the range in `{text}` is not read")).at(place).hint("name the hosts one by one"));
            continue;
        }
        match address::parse(text) {
            Err(why) => problems.push(Diagnostic::error(why).at(place)),
            Ok((name, port)) => {
                let port = port.map(|port| ("ansible_port".to_owned(), Variable { value: port.to_string(), place: place.clone() }));
                inventory.add(None, name, place, BTreeMap::from_iter(port));
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
        read(&Source::new("-i", "m1, m2:2222,[fd00::1]:22,,m1,"), &mut inventory, &mut problems);
        assert_eq!(problems, Diagnostics::new());
        let hosts: Vec<(&str, Option<&str>)> =
            inventory.hosts.iter().map(|host| (&*host.name, host.variables.get("ansible_port").map(|port| port.value.as_str()))).collect();
        assert_eq!(hosts, [("m1", None), ("m2", Some("2222")), ("fd00::1", Some("22"))]);
    }

    #[test]
    fn every_wrong_one_is_named() {
        let mut problems = Diagnostics::new();
        read(&Source::new("-i", "m[1:3], m2:x,ok,"), &mut Inventory::default(), &mut problems);
        insta::assert_snapshot!(problems);
    }
}
