//! The variables that Ansible itself gives a meaning.

use Known::{NoEffect, NotRead, Used};

/// What we do with one of Ansible's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It says how to connect, and we do.
    Used,
    /// It tunes something that we do not have; without it nothing is lost. Said once.
    NoEffect(&'static str),
    /// It would change how we connect, but is not read: an error, with what to do instead.
    NotRead(&'static str),
}

const NO_PYTHON: Known = NoEffect("no Python is needed on the hosts");
const ONE_SHELL: Known = NoEffect("everything goes through one shell that is always `sh`");
const SSH_CONFIG: Known = NotRead("put it into ~/.ssh/config, which is read");

/// Each variable, in Ansible's spelling. Where two mean the same, the one that Ansible prefers comes later.
const VARIABLES: &[(&str, Known)] = &[
    ("ansible_become", Used),
    ("ansible_become_exe", NotRead("only `sudo` is used, found by its name")),
    ("ansible_become_flags", NotRead("only `sudo` is used, without further options")),
    ("ansible_become_method", Used),
    ("ansible_become_pass", Used),
    ("ansible_become_password", Used),
    ("ansible_become_user", Used),
    ("ansible_connection", Used),
    ("ansible_control_path", NoEffect("there is one connection a host, without a control socket")),
    ("ansible_host", Used),
    ("ansible_host_key_checking", NotRead("put StrictHostKeyChecking into ~/.ssh/config, which is read")),
    ("ansible_password", Used),
    ("ansible_pipelining", ONE_SHELL),
    ("ansible_port", Used),
    ("ansible_private_key_file", Used),
    ("ansible_python_interpreter", NO_PYTHON),
    ("ansible_remote_tmp", NoEffect("no module files are copied to the hosts")),
    ("ansible_scp_if_ssh", NoEffect("neither scp nor sftp is used")),
    ("ansible_sftp_extra_args", SSH_CONFIG),
    ("ansible_shell_executable", ONE_SHELL),
    ("ansible_shell_type", ONE_SHELL),
    ("ansible_ssh_args", SSH_CONFIG),
    ("ansible_ssh_common_args", SSH_CONFIG),
    ("ansible_ssh_executable", NoEffect("the ssh program is not used")),
    ("ansible_ssh_extra_args", SSH_CONFIG),
    ("ansible_ssh_host", Used),
    ("ansible_ssh_host_key_checking", NotRead("put StrictHostKeyChecking into ~/.ssh/config, which is read")),
    ("ansible_ssh_pass", Used),
    ("ansible_ssh_password", Used),
    ("ansible_ssh_pipelining", ONE_SHELL),
    ("ansible_ssh_port", Used),
    ("ansible_ssh_private_key_file", Used),
    ("ansible_ssh_retries", NoEffect("a connection that fails is reported, not tried again")),
    ("ansible_ssh_timeout", Used),
    ("ansible_ssh_transfer_method", NoEffect("neither scp nor sftp is used")),
    ("ansible_ssh_user", Used),
    ("ansible_user", Used),
];

/// What we do with the variable of that name, if Ansible gives it a meaning.
pub fn known(name: &str) -> Option<Known> {
    VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, known)| *known)
}

/// All their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name)
}

/// Whether the value of a variable of that name must not be shown, even if the name is misspelt.
pub fn is_secret(name: &str) -> bool {
    // the names that are known are not compared with each other: with a thousand hosts that is a second
    let meant = if known(name).is_some() { name } else { super::similar(name, names()).unwrap_or(name) };
    let lower = [name, meant].join(" ").to_ascii_lowercase();
    ["pass", "pwd", "secret", "token"].iter().any(|part| lower.contains(part))
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
}
