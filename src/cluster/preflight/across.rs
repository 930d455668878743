//! What no two machines may share: clones of one installation share all of it.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::known::Known;
use crate::cluster::settings::Role;

/// Something that tells machines apart.
struct Mark {
    check: &'static str,
    /// What it is, for a person.
    what: &'static str,
    of: fn(&Evidence) -> Known<Vec<String>>,
    why: &'static str,
    todo: &'static str,
    /// The part of `site` that tells workers apart by it.
    by: Option<&'static str>,
}

const MARKS: [Mark; 7] = [
    Mark {
        check: "DuplicateHostname",
        what: "the host name",
        of: |node| one(&node.identity.hostname),
        why: "the second one to join takes the first one's Node",
        todo: "give each its own: ansible.builtin.hostname",
        by: None,
    },
    Mark {
        check: "DuplicateMachineId",
        what: "/etc/machine-id",
        of: |node| one(&node.identity.machine_id),
        why: "Nodes are told apart by it, and addresses by DHCP are given by it",
        todo: "rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot",
        by: None,
    },
    Mark {
        check: "DuplicateProductUuid",
        what: "product_uuid",
        of: |node| one(&node.identity.product_uuid.clone().map(|uuid| uuid.to_ascii_lowercase())),
        why: "Nodes and their volumes are told apart by it",
        todo: "let the hypervisor give each clone its own UUID",
        by: None,
    },
    Mark {
        check: "DuplicateMac",
        what: "the hardware address",
        of: |node| node.identity.macs.clone().map(|macs| macs.iter().map(|(_, mac)| mac.to_ascii_lowercase()).collect()),
        why: "the switch sends packets now to the one, now to the other",
        todo: "let the hypervisor give each clone its own address",
        by: None,
    },
    Mark {
        check: "DuplicateInitiatorName",
        what: "the iSCSI InitiatorName",
        of: |node| one(&node.identity.initiator_name),
        why: "a volume of Longhorn's that one of them attaches is taken from the other",
        todo: "iscsi-iname makes a new one for /etc/iscsi/initiatorname.iscsi; then restart iscsid",
        by: Some("longhorn-disks"),
    },
    Mark {
        check: "DuplicateSshHostKey",
        what: "an SSH host key",
        of: |node| node.identity.ssh_host_keys.clone(),
        why: "one can pass for the other, also to homelabctl",
        todo: "rm /etc/ssh/ssh_host_*; dpkg-reconfigure openssh-server",
        by: None,
    },
    Mark {
        check: "DuplicateAddress",
        what: "the address",
        of: |node| one(&node.network.address),
        why: "two entries of the inventory are one machine, or two machines have one address",
        todo: "correct `ansible_host`, or the machine's address",
        by: None,
    },
];

pub(super) fn check(nodes: &[Evidence], found: &mut Findings) {
    for mark in &MARKS {
        let mut who: BTreeMap<String, Vec<&Evidence>> = BTreeMap::new();
        for node in nodes {
            let known = (mark.of)(node);
            for value in seen(&known, mark.check, node, mark.what, found).into_iter().flatten() {
                let same = who.entry(value.clone()).or_default();
                // an interface on top of another has its address
                if !same.iter().any(|other| other.name == node.name) {
                    same.push(node);
                }
            }
        }
        let mut told: Vec<Vec<&str>> = Vec::new();
        for (value, same) in who.into_iter().filter(|(_, same)| same.len() > 1) {
            let names: Vec<&str> = same.iter().map(|node| node.name.as_str()).collect();
            // a clone has all of several host keys
            if !told.contains(&names) {
                let seen = format!("{} is the same: {value}", mark.what);
                match mark.by.filter(|_| same.iter().all(|node| node.role == Role::Worker)) {
                    Some(by) => found.planned(mark.check, &same, seen, mark.why, by),
                    None => found.error(mark.check, &same, seen, mark.why, mark.todo),
                }
                told.push(names);
            }
        }
    }
}

fn one<T: ToString + Clone>(known: &Known<T>) -> Known<Vec<String>> {
    known.clone().map(|value| vec![value.to_string()])
}
