"""The integration targets that are run, and how ansible-test would run each."""
import json
import pathlib

# as the issue of conformance counts them: these are roles whose tasks are the test …
ROLES = ("copy file stat lineinfile blockinfile command_shell script assemble tempfile loops until changed_when include_vars group_by "
         "wait_for lookup_first_found lookup_dict lookup_subelements ping "
         "apt apt_repository package systemd group hostname known_hosts service_facts dpkg_selections").split()
# … and these are scripts that call ansible-playbook
SCRIPTS = ("template conditionals blocks handlers register omit set_fact raw fetch slurp filter_core test_core include_import "
           "delegate_to check_mode").split()
# beyond those (--others): what else exercises what is here and runs on these machines
OTHERS = ("add_host any_errors_fatal assert async become become_sudo connection_local connection_ssh dataloader debug environment facts_d failed_when "
          "filter_encryption filter_mathstuff filter_urls filter_urlsplit find gathering gathering_facts handler_race hash hosts_field ignore_errors "
          "ignore_unreachable import-role-tasks import_tasks include_import_tasks_nested include_when_parent_is_dynamic include_when_parent_is_static "
          "include_with_templating includes includes_race inventory inventory-invalid-group inventory_advanced_host_list inventory_ini "
          "jinja2_native_types keyword_inheritance lookup_config lookup_csvfile lookup_env lookup_file lookup_fileglob lookup_indexed_items lookup_ini "
          "lookup_inventory_hostnames lookup_items lookup_lines lookup_list lookup_nested lookup_pipe lookup_random_choice lookup_sequence "
          "lookup_template lookup_together lookup_unvault lookup_varnames lookup_vars loop-until loop_control meta_tasks module_defaults no_log order "
          "parsing path_lookups play_iterator playbook remote_tmp replace roles roles_arg_spec roles_var_inheritance set_stats special_vars "
          "special_vars_hosts split strategy_free strategy_host_pinned strategy_linear task-args task-esoterica task-timeout task_ordering tasks "
          "template_jinja2_non_native templating test_files test_mathstuff test_uri throttle undefined unicode unsafe_writes unvault var_blending "
          "var_inheritance var_precedence var_reserved var_templating vars_files wait_for_connection yaml_parsing").split()
# ansible-test runs them before the targets that name them: their passlib is installed already
SETUP_DONE = {"setup_passlib_controller"}


class Target:
    """One folder of test/integration/targets."""

    def __init__(self, name, source):
        self.name, self.folder = name, source / "test/integration/targets" / name
        aliases = (self.folder / "aliases").read_text() if (self.folder / "aliases").exists() else ""
        self.aliases = {line.partition("#")[0].strip() for line in aliases.splitlines()} - {""}
        self.script = self.folder / "runme.sh"

    @property
    def is_script(self):
        return self.script.exists()

    @property
    def setup(self):
        """Targets that run before it."""
        named = [alias.rpartition("/")[2] for alias in self.aliases if alias.startswith(("needs/target/setup_", "setup/"))]
        return sorted(set(named) - SETUP_DONE)

    @property
    def beside(self):
        """Targets whose files it takes from their folders."""
        return sorted(alias.rpartition("/")[2] for alias in self.aliases if alias.startswith("needs/target/"))

    def playbook(self, output_dir):
        """The playbook that ansible-test generates for a role."""
        gather = "gather_facts/no" not in self.aliases
        return json.dumps([{"hosts": "testhost", "gather_facts": gather, "vars": {"output_dir": output_dir}, "vars_files": [], "roles": [self.name]}],
                          indent=4, sort_keys=True)

    def inventory(self):
        """The inventory that ansible-test generates: the machine itself, or by ssh to itself."""
        how = {"ansible_connection": "local", "ansible_pipelining": "yes", "ansible_python_interpreter": "/usr/bin/python3"}
        if "needs/ssh" in self.aliases:
            how |= {"ansible_connection": "ssh", "ansible_host": "localhost", "ansible_user": "root",
                    "ansible_ssh_private_key_file": "/root/.ssh/id_ed25519"}
        return "[testgroup]\ntesthost " + " ".join(f'{key}="{value}"' for key, value in sorted(how.items())) + "\n"

    def screen_lines(self):
        """How many lines of the script look at the text that Ansible writes on the screen."""
        if not self.is_script:
            return 0
        lines = [line.strip() for line in self.script.read_text().splitlines()]
        return sum("grep" in line for line in lines if not line.startswith("#"))


def all_targets(source, only):
    """Those that the issue names, or those that are asked for, whichever they are."""
    return [Target(name, source) for name in only or ROLES + SCRIPTS]


def settings_of(environment):
    """The `ANSIBLE_*` settings in which a call differs from what every call has."""
    return {name: value for name, value in sorted(environment.items()) if name.startswith("ANSIBLE_") and STANDING.get(name) != value}


# what ansible-test sets for every call; what is about the screen, coverage and Python plugins alone is left out
STANDING = {
    "ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_FORCE_HANDLERS": "true", "ANSIBLE_HOST_PATTERN_MISMATCH": "error", "ANSIBLE_INVENTORY": "/dev/null",
    "ANSIBLE_DEPRECATION_WARNINGS": "false", "ANSIBLE_HOST_KEY_CHECKING": "false", "ANSIBLE_RETRY_FILES_ENABLED": "false",
    "ANSIBLE_CONFIG": "/root/conformance/ansible.cfg", "ANSIBLE_LIBRARY": "/dev/null", "ANSIBLE_DEVEL_WARNING": "false",
    "ANSIBLE_TEST_PYTHON_VERSION": "3.11", "ANSIBLE_TEST_PYTHON_INTERPRETER": "/usr/bin/python3",
    "ANSIBLE_COLLECTIONS_PATH": "/root/ansible/test/support/integration/collections",
}
