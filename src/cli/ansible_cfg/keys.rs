//! Every key of ansible-core 2.19 and its plugins, and what becomes of it here.

use Fate::{Honoured, NoEffect};

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It counts.
    Honoured,
    /// Nothing is lost without it, and why (if there is anything to say).
    NoEffect(&'static str),
    /// Without it something else happens than in Ansible.
    Missed(Missed),
}

/// What is to be said about a setting that is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missed {
    /// The variable that sets it too; empty if there is none.
    pub(super) variable: &'static str,
    /// The value with which nothing is missed: Ansible's own default, if it is a simple one.
    pub(super) default: Option<&'static str>,
    /// What happens instead, or what to do.
    pub(super) why: &'static str,
}

const CACHE: &str = "inventories are not cached";
const ENCRYPT: &str = "nothing is encrypted";
const FACTS: &str = "facts are read where they are needed";
const GALAXY: &str = "nothing is fetched from Galaxy";
const NO_PROGRAM: &str = "the programs ssh, scp, sftp and sshpass are not used";
const NO_RETRY: &str = "a connection that fails is reported, not tried again";
const NOT_FOLLOWED: &str = "this is not followed here";
const ONE_CONNECTION: &str = "there is one connection a host, and one shell";
const OUTPUT: &str = "the output is this program's own: see --output";
const OWN_AGENT: &str = "the agent of your session is asked";
const PLUGINS: &str = "plugins in Python are not loaded";
const PYTHON: &str = "no Python runs on the hosts";
const RETRY: &str = "no such files are written";
const SSH_ONLY: &str = "hosts are reached by ssh";
const SUDO_ONLY: &str = "only sudo is used";

/// Section, fate, keys.
const KEYS: &[(&str, Fate, &str)] = &[
    (
        "defaults",
        Honoured,
        "ask_pass ask_vault_pass become_password_file collections_path connection_password_file error_on_missing_handler forks \
         gathering hash_behaviour home host_key_checking inventory playbook_dir private_key_file remote_port remote_user roles_path \
         timeout transport vault_identity \
         vault_identity_list vault_password_file",
    ),
    ("privilege_escalation", Honoured, "become become_ask_pass become_method become_user"),
    ("ssh_connection", Honoured, "host_key_checking ssh_args ssh_common_args ssh_extra_args timeout"),
    (
        "defaults",
        NoEffect(PYTHON),
        "admin_users allow_world_readable_tmpfiles async_dir common_remote_group executable internal_poll_interval \
         interpreter_python keep_remote_files local_tmp module_compression module_ignore_exts module_strict_utf8_response \
         no_target_syslog python_module_rlimit_nofile remote_tmp syslog_facility system_tmpdirs target_log_info \
         win_async_startup_timeout",
    ),
    (
        "defaults",
        NoEffect(PLUGINS),
        "action_plugins become_plugins bin_ansible_callbacks cache_plugins callback_plugins callbacks_enabled cliconf_plugins \
         collections_on_ansible_version_mismatch collections_scan_sys_path connection_plugins doc_fragment_plugins \
         filter_plugins httpapi_plugins inventory_plugins library lookup_plugins module_utils netconf_plugins \
         network_group_modules old_plugin_cache_clear plugin_filters_cfg strategy_plugins terminal_plugins test_plugins \
         validate_action_group_metadata vars_plugins",
    ),
    (
        "defaults",
        NoEffect(OUTPUT),
        "action_warnings callback_format_pretty callback_result_format check_mode_markers cow_selection cowpath \
         cowsay_enabled_stencils debug deprecation_warnings devel_warning display_args_to_stdout display_failed_stderr \
         display_ok_hosts display_skipped_hosts display_traceback docsite_root_url editor force_color localhost_warning \
         log_filter log_path log_verbosity max_diff_size nocolor nocows pager show_custom_stats show_per_host_start \
         show_task_path_on_failure stdout_callback system_warnings verbose_to_stderr verbosity",
    ),
    ("defaults", NoEffect(ONE_CONNECTION), "pipelining poll_interval use_persistent_connections"),
    ("defaults", NoEffect(FACTS), "fact_caching fact_caching_connection fact_caching_prefix fact_caching_timeout facts_modules"),
    ("defaults", NoEffect(RETRY), "retry_files_enabled retry_files_save_path"),
    ("defaults", NoEffect(ENCRYPT), "vault_encrypt_identity vault_encrypt_salt"),
    ("connection", NoEffect(ONE_CONNECTION), "pipelining"),
    ("connection", NoEffect(NO_RETRY), "retries"),
    ("connection", NoEffect(OWN_AGENT), "ssh_agent_executable ssh_agent_key_lifetime"),
    ("diff", NoEffect(OUTPUT), "always context"),
    (
        "colors",
        NoEffect(OUTPUT),
        "changed console_prompt debug deprecate diff_add diff_lines diff_remove doc_constant doc_deprecated doc_link \
         doc_module doc_plugin doc_reference error highlight included ok skip unreachable verbose warn",
    ),
    ("callback_tree", NoEffect(OUTPUT), "directory"),
    (
        "galaxy",
        NoEffect(GALAXY),
        "cache_dir collection_skeleton collection_skeleton_ignore collections_path_warning disable_gpg_verify \
         display_progress gpg_keyring ignore_certs ignore_signature_status_codes required_valid_signature_count role_skeleton \
         role_skeleton_ignore server server_list server_timeout token_path",
    ),
    ("inventory", NoEffect(CACHE), "cache cache_connection cache_plugin cache_prefix cache_timeout"),
    ("inventory", NoEffect(OUTPUT), "export inventory_unparsed_warning"),
    ("inventory_plugin_script", NoEffect(OUTPUT), "always_show_stderr"),
    ("jinja2", NoEffect(""), "dont_type_filters"),
    ("netconf_connection", NoEffect(SSH_ONLY), "ssh_config"),
    (
        "paramiko_connection",
        NoEffect(SSH_ONLY),
        "banner_timeout host_key_auto_add host_key_checking look_for_keys private_key_file proxy_command pty record_host_keys \
         remote_port remote_user timeout use_rsa_sha2_algorithms",
    ),
    (
        "persistent_connection",
        NoEffect(SSH_ONLY),
        "ansible_connection_path command_timeout connect_retry_timeout connect_timeout control_path_dir",
    ),
    ("powershell", NoEffect(SSH_ONLY), "async_dir remote_tmp"),
    ("winrm", NoEffect(SSH_ONLY), "kinit_env_vars"),
    ("privilege_escalation", NoEffect(""), "agnostic_become_prompt become_allow_same_user"),
    ("runas_become_plugin", NoEffect(SUDO_ONLY), "flags password user"),
    ("su_become_plugin", NoEffect(SUDO_ONLY), "executable flags localized_prompts password user"),
    ("selinux", NoEffect(PYTHON), "libvirt_lxc_noseclabel special_context_filesystems"),
    ("ssh_connection", NoEffect(ONE_CONNECTION), "control_path control_path_dir pipelining usetty"),
    ("ssh_connection", NoEffect(NO_RETRY), "retries"),
    (
        "ssh_connection",
        NoEffect(NO_PROGRAM),
        "password_mechanism scp_executable sftp_batch_mode sftp_executable ssh_executable sshpass_prompt transfer_method \
         verbosity scp_extra_args sftp_extra_args",
    ),
    (
        "url_lookup",
        NoEffect(""),
        "agent ca_path ciphers follow_redirects force force_basic_auth timeout unix_socket unredirected_headers use_gssapi \
         use_netrc",
    ),
];

/// Those that are missed: section, key, variable, default, and what to say.
const MISSED: &[(&str, &str, &str, Option<&str>, &str)] = &[
    ("defaults", "allow_broken_conditionals", "ANSIBLE_ALLOW_BROKEN_CONDITIONALS", Some("False"), "conditions must give true or false"),
    ("defaults", "allow_embedded_templates", "ANSIBLE_ALLOW_EMBEDDED_TEMPLATES", Some("True"), NOT_FOLLOWED),
    ("defaults", "allow_unsafe_lookups", "", Some("False"), "what look-ups give is never a template"),
    ("defaults", "ansible_managed", "", Some("Ansible managed"), "put the text into the templates"),
    ("defaults", "any_errors_fatal", "ANSIBLE_ANY_ERRORS_FATAL", Some("False"), "write it into the plays"),
    ("defaults", "duplicate_dict_key", "ANSIBLE_DUPLICATE_YAML_DICT_KEY", Some("warn"), NOT_FOLLOWED),
    ("defaults", "enable_task_debugger", "ANSIBLE_ENABLE_TASK_DEBUGGER", Some("False"), "there is no debugger"),
    (
        "defaults",
        "error_on_undefined_vars",
        "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
        Some("True"),
        "a variable that is not defined is always an error",
    ),
    ("defaults", "force_handlers", "ANSIBLE_FORCE_HANDLERS", Some("False"), "write it into the plays"),
    (
        "defaults",
        "force_valid_group_names",
        "ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS",
        Some("never"),
        "names of groups stay as they are written",
    ),
    ("defaults", "inject_facts_as_vars", "ANSIBLE_INJECT_FACT_VARS", Some("True"), NOT_FOLLOWED),
    ("defaults", "invalid_task_attribute_failed", "ANSIBLE_INVALID_TASK_ATTRIBUTE_FAILED", Some("True"), NOT_FOLLOWED),
    ("defaults", "inventory_ignore_extensions", "ANSIBLE_INVENTORY_IGNORE", None, NOT_FOLLOWED),
    ("defaults", "inventory_ignore_patterns", "ANSIBLE_INVENTORY_IGNORE_REGEX", Some(""), NOT_FOLLOWED),
    ("defaults", "jinja2_extensions", "ANSIBLE_JINJA2_EXTENSIONS", Some(""), "extensions in Python are not loaded"),
    ("defaults", "jinja2_native", "ANSIBLE_JINJA2_NATIVE", Some("True"), "values always keep their types"),
    ("defaults", "module_args", "ANSIBLE_MODULE_ARGS", Some(""), NOT_FOLLOWED),
    ("defaults", "module_name", "", Some("command"), NOT_FOLLOWED),
    ("defaults", "no_log", "ANSIBLE_NO_LOG", Some("False"), "write it into the plays"),
    ("defaults", "null_representation", "ANSIBLE_NULL_REPRESENTATION", Some(""), NOT_FOLLOWED),
    ("defaults", "playbook_vars_root", "ANSIBLE_PLAYBOOK_VARS_ROOT", Some("top"), NOT_FOLLOWED),
    (
        "defaults",
        "precedence",
        "ANSIBLE_PRECEDENCE",
        Some("all_inventory,groups_inventory,all_plugins_inventory,all_plugins_play,groups_plugins_inventory,groups_plugins_play"),
        "the usual order of variables is kept",
    ),
    ("defaults", "private_role_vars", "ANSIBLE_PRIVATE_ROLE_VARS", Some("False"), NOT_FOLLOWED),
    ("defaults", "run_vars_plugins", "ANSIBLE_RUN_VARS_PLUGINS", Some("demand"), NOT_FOLLOWED),
    ("defaults", "strategy", "ANSIBLE_STRATEGY", Some("linear"), "all hosts do a task before the next one begins"),
    ("defaults", "su", "ANSIBLE_SU", Some("False"), "say `become_method`"),
    ("defaults", "task_debugger_ignore_errors", "ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS", Some("True"), "there is no debugger"),
    ("defaults", "task_timeout", "ANSIBLE_TASK_TIMEOUT", Some("0"), "write `timeout` into the tasks"),
    ("defaults", "vars_plugins_enabled", "ANSIBLE_VARS_ENABLED", Some("host_group_vars"), "only group_vars and host_vars are read"),
    ("defaults", "vault_id_match", "ANSIBLE_VAULT_ID_MATCH", Some("False"), "every password is tried"),
    ("defaults", "yaml_valid_extensions", "ANSIBLE_YAML_FILENAME_EXT", Some(".yml,.yaml,.json"), NOT_FOLLOWED),
    ("connection", "ssh_agent", "ANSIBLE_SSH_AGENT", Some("none"), "the agent of your session is asked"),
    (
        "inventory",
        "any_unparsed_is_failed",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED",
        Some("False"),
        "an inventory with a mistake always ends the run",
    ),
    ("inventory", "enable_plugins", "ANSIBLE_INVENTORY_ENABLED", Some("host_list,script,auto,yaml,ini,toml"), NOT_FOLLOWED),
    ("inventory", "host_pattern_mismatch", "ANSIBLE_HOST_PATTERN_MISMATCH", Some("warning"), "a pattern that matches nothing is an error"),
    ("inventory", "ignore_extensions", "ANSIBLE_INVENTORY_IGNORE", None, NOT_FOLLOWED),
    ("inventory", "ignore_patterns", "ANSIBLE_INVENTORY_IGNORE_REGEX", Some(""), NOT_FOLLOWED),
    (
        "inventory",
        "unparsed_is_failed",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED",
        Some("False"),
        "an inventory with a mistake always ends the run",
    ),
    ("inventory_plugin_yaml", "yaml_valid_extensions", "ANSIBLE_YAML_FILENAME_EXT", Some(".yml,.yaml,.json"), NOT_FOLLOWED),
    ("inventory_plugins", "use_extra_vars", "ANSIBLE_INVENTORY_USE_EXTRA_VARS", Some("False"), NOT_FOLLOWED),
    ("privilege_escalation", "become_exe", "ANSIBLE_BECOME_EXE", Some("sudo"), "only `sudo` is used, found by its name"),
    ("privilege_escalation", "become_flags", "ANSIBLE_BECOME_FLAGS", Some(""), "only `sudo` is used, without further options"),
    ("ssh_connection", "pkcs11_provider", "ANSIBLE_PKCS11_PROVIDER", Some(""), "use an agent for keys on cards"),
    ("sudo_become_plugin", "chdir", "ANSIBLE_SUDO_CHDIR", Some(""), NOT_FOLLOWED),
    ("sudo_become_plugin", "executable", "ANSIBLE_BECOME_EXE", Some("sudo"), "only `sudo` is used, found by its name"),
    ("sudo_become_plugin", "flags", "ANSIBLE_BECOME_FLAGS", Some("-H -S -n"), "only `sudo` is used, without further options"),
    ("sudo_become_plugin", "password", "ANSIBLE_BECOME_PASS", None, "say --ask-become-pass, or `become_password_file` in `[defaults]`"),
    ("sudo_become_plugin", "user", "ANSIBLE_BECOME_USER", Some("root"), "say `become_user` in `[privilege_escalation]`"),
    ("tags", "run", "ANSIBLE_RUN_TAGS", Some(""), "say --tags"),
    ("tags", "skip", "ANSIBLE_SKIP_TAGS", Some(""), "say --skip-tags"),
    ("vars_host_group_vars", "stage", "ANSIBLE_VARS_PLUGIN_STAGE", None, NOT_FOLLOWED),
];

/// Keys that older versions had, and what they are called today.
const RENAMED: &[(&str, &str, &str)] = &[
    ("defaults", "ansible_ssh_args", "ssh_args` in `[ssh_connection]"),
    ("defaults", "callback_whitelist", "callbacks_enabled"),
    ("defaults", "collections_paths", "collections_path"),
    ("defaults", "hostfile", "inventory"),
    ("defaults", "sudo_user", "become_user` in `[privilege_escalation]"),
    ("defaults", "ask_sudo_pass", "become_ask_pass` in `[privilege_escalation]"),
    ("ssh_connection", "scp_if_ssh", "transfer_method"),
];

/// What becomes of that key of that section; `None` if Ansible does not know it. In `DEFAULT` each key stands for the
/// same one of any section.
pub(super) fn fate(section: &str, key: &str) -> Option<Fate> {
    let here = |other: &str| other == section || section == "DEFAULT";
    let plain = KEYS.iter().find(|(name, _, keys)| here(name) && keys.split(' ').any(|other| other == key)).map(|(_, fate, _)| *fate);
    plain.or_else(|| {
        let (.., variable, default, why) = MISSED.iter().find(|(name, other, ..)| here(name) && *other == key)?;
        Some(Fate::Missed(Missed { variable, default: *default, why }))
    })
}

/// All that are missed, with their keys.
pub(super) fn missed() -> impl Iterator<Item = (&'static str, Missed)> {
    MISSED.iter().map(|&(_, key, variable, default, why)| (key, Missed { variable, default, why }))
}

/// What the key is called today.
pub(super) fn renamed(section: &str, key: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(name, old, _)| *name == section && *old == key).map(|(.., new)| *new)
}

/// The names of all sections.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(section, ..)| *section).chain(MISSED.iter().map(|(section, ..)| *section))
}

/// The keys of a section.
pub(super) fn of(section: &str) -> impl Iterator<Item = &'static str> {
    let plain = KEYS.iter().filter(move |(name, ..)| *name == section).flat_map(|(.., keys)| keys.split(' '));
    plain.chain(MISSED.iter().filter(move |(name, ..)| *name == section).map(|(_, key, ..)| *key))
}

/// The section that has such a key.
pub(super) fn section_of(key: &str) -> Option<&'static str> {
    sections().find(|section| of(section).any(|other| other == key))
}

/// Whether the value of such a key may be a password.
pub(super) fn is_secret(key: &str) -> bool {
    let file_or_switch = key.ends_with("_file") || key.contains("ask") || key.contains("path") || key.contains("mechanism");
    !file_or_switch && ["pass", "token", "secret"].iter().any(|part| key.contains(part))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_listed_once() {
        let all: Vec<(&str, &str)> = sections().collect::<BTreeSet<_>>().into_iter().flat_map(|s| of(s).map(move |key| (s, key))).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.len() > 280, "{}", all.len());
        assert!(all.iter().all(|(section, key)| fate(section, key).is_some() && *key == key.to_lowercase() && !key.is_empty()));
        assert!(RENAMED.iter().all(|(section, old, _)| fate(section, old).is_none()));
    }

    #[test]
    fn secrets() {
        assert!(is_secret("password") && is_secret("token") && is_secret("become_pass"));
        assert!(!["become_password_file", "ask_pass", "ask_vault_pass", "token_path", "password_mechanism"].into_iter().any(is_secret));
    }
}
