//! The variables that Ansible itself gives a meaning.

use std::collections::HashMap;

use Known::{Accepted, NoEffect, NotRead, Used};

use super::data::Inventory;
use crate::diagnostics::{Diagnostic, Diagnostics, Place, within};

/// What we do with one of Ansible's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It says how to connect, and we do.
    Used,
    /// It is about what we do without, and stands in half of all inventories: nothing is said about it.
    Accepted,
    /// It tunes something that we do not have; without it nothing is lost. Said once.
    NoEffect(&'static str),
    /// It would change how we connect, but is not read: an error, with what to do instead.
    NotRead(&'static str),
}

const ONE_SHELL: Known = NoEffect("everything goes through one shell that is always `sh`");

/// Each variable, in Ansible's spelling. Where two mean the same, the one that Ansible prefers comes later.
const VARIABLES: &[(&str, Known)] = &[
    ("ansible_become", Used),
    ("ansible_become_exe", Used),
    ("ansible_become_flags", Used),
    ("ansible_become_method", Used),
    ("ansible_become_pass", Used),
    ("ansible_become_password", Used),
    ("ansible_become_user", Used),
    ("ansible_connection", Used),
    ("ansible_control_path", NoEffect("there is one connection a host, without a control socket")),
    ("ansible_group_priority", Used),
    ("ansible_host", Used),
    ("ansible_host_key_checking", Used),
    ("ansible_password", Used),
    ("ansible_pipelining", ONE_SHELL),
    ("ansible_port", Used),
    ("ansible_private_key_file", Used),
    ("ansible_python_interpreter", Accepted),
    ("ansible_remote_tmp", NoEffect("no module files are copied to the hosts")),
    ("ansible_scp_extra_args", NoEffect("neither scp nor sftp is used")),
    ("ansible_scp_if_ssh", NoEffect("neither scp nor sftp is used")),
    ("ansible_sftp_batch_mode", NoEffect("neither scp nor sftp is used")),
    ("ansible_sftp_extra_args", NoEffect("neither scp nor sftp is used")),
    ("ansible_shell_executable", ONE_SHELL),
    ("ansible_shell_type", ONE_SHELL),
    ("ansible_ssh_args", Used),
    ("ansible_ssh_common_args", Used),
    ("ansible_ssh_executable", NoEffect("the ssh program is not used")),
    ("ansible_ssh_extra_args", Used),
    ("ansible_ssh_host", Used),
    ("ansible_ssh_host_key_checking", Used),
    ("ansible_ssh_pass", Used),
    ("ansible_ssh_password", Used),
    ("ansible_ssh_pipelining", ONE_SHELL),
    ("ansible_ssh_port", Used),
    ("ansible_ssh_private_key", NotRead("write the key into a file, and its name as `ansible_ssh_private_key_file`")),
    ("ansible_ssh_private_key_file", Used),
    ("ansible_ssh_private_key_passphrase", NotRead("put the key into the agent: ssh-add")),
    ("ansible_ssh_retries", NoEffect("a connection that fails is reported, not tried again")),
    ("ansible_ssh_timeout", Used),
    ("ansible_ssh_transfer_method", NoEffect("neither scp nor sftp is used")),
    ("ansible_ssh_user", Used),
    ("ansible_sudo_pass", NotRead("it is called `ansible_become_password` now")),
    ("ansible_timeout", Used),
    ("ansible_user", Used),
];

/// What we do with the variable of that name, if Ansible gives it a meaning.
pub fn known(name: &str) -> Option<Known> {
    VARIABLES.binary_search_by(|(known, _)| (*known).cmp(name)).ok().and_then(|at| VARIABLES.get(at)).map(|(_, known)| *known)
}

/// All their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name)
}

/// Whether the value of a variable of that name must not be shown, even if the name is misspelt.
pub fn is_secret(name: &str) -> bool {
    // the names that are known are not compared with each other: with a thousand hosts that is a second
    let meant = if known(name).is_some() { name } else { meant(name).unwrap_or(name) };
    let lower = [name, meant].join(" ").to_ascii_lowercase();
    ["pass", "pwd", "secret", "token"].iter().any(|part| lower.contains(part))
}

/// What a name that nearly is one of these was meant to be. Names with another beginning are the person's own.
fn meant(name: &str) -> Option<&'static str> {
    if !name.starts_with(['a', 'A']) || known(name).is_some() {
        return None;
    }
    // facts have such names too: `ansible_hostname`, `ansible_user_id`
    within(name, 2, names())
}

/// Says which variables are misspelt, and once of each that it has no effect.
pub(super) fn check(inventory: &Inventory, problems: &mut Diagnostics) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for variable in inventory.all_variables() {
        let place = seen.entry(&variable.name).or_insert(&variable.place);
        // the first in the order of the files' names and lines, whichever is met first
        if (&place.source.name, place.span.start) > (&variable.place.source.name, variable.place.span.start) {
            *place = &variable.place;
        }
    }
    let mut seen: Vec<(&str, &Place)> = seen.into_iter().filter(|(name, _)| name.starts_with(['a', 'A'])).collect();
    seen.sort_by_key(|(name, place)| (place.source.name.clone(), place.span.start, *name));
    for (name, place) in seen {
        match known(name) {
            Some(NoEffect(why)) => {
                problems.push(Diagnostic::warning(format!("`{name}` has no effect")).at(place.clone()).label(why));
            }
            Some(Used | Accepted | NotRead(_)) => {}
            None => {
                if let Some(meant) = meant(name) {
                    let error = Diagnostic::error(format!("unknown variable `{name}`")).at(place.clone());
                    problems.push(error.label(format!("did you mean `{meant}`?")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_passwords_are_still_secret() {
        for name in ["ansible_password", "ansible_pasword", "ansible_ssh_pas", "db_password", "vault_token", "ANSIBLE_PASSWORD"] {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("ansible_host") && !is_secret("rack"));
    }

    #[test]
    fn the_table_is_sorted_and_facts_are_no_mistakes() {
        assert!(names().is_sorted());
        for name in ["ansible_hostname", "ansible_user_id", "ansible_hosts_of_mine", "ansible_distribution", "answer", "ansible_facts"] {
            assert_eq!(meant(name), None, "{name}");
        }
        for (name, right) in [("ansible_hots", "ansible_host"), ("ansible_usr", "ansible_user"), ("asnible_port", "ansible_port")] {
            assert_eq!(meant(name), Some(right), "{name}");
        }
    }
}
