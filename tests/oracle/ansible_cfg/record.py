#!/usr/bin/env python3
"""Records what `ansible-config dump` makes of configurations: tests/records/ansible_cfg.json.

    tests/oracle/ansible_cfg/record.py --ansible-dir DIRECTORY

DIRECTORY holds bin/ansible-config. Only the standard library is used. In files, variables and answers `{ROOT}` stands
for a directory made for each case: `{ROOT}/project` is where the program is started, `{ROOT}/home` is the home.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

OUT = pathlib.Path(__file__).resolve().parents[2] / "records" / "ansible_cfg.json"
CFG = "project/ansible.cfg"

BASE = """CONFIG_FILE ANSIBLE_HOME DEFAULT_HOST_LIST DEFAULT_ROLES_PATH COLLECTIONS_PATHS DEFAULT_REMOTE_USER DEFAULT_REMOTE_PORT
DEFAULT_PRIVATE_KEY_FILE DEFAULT_FORKS DEFAULT_VAULT_PASSWORD_FILE DEFAULT_VAULT_IDENTITY_LIST DEFAULT_VAULT_IDENTITY
DEFAULT_ASK_VAULT_PASS DEFAULT_ASK_PASS CONNECTION_PASSWORD_FILE DEFAULT_HASH_BEHAVIOUR DEFAULT_TRANSPORT DEFAULT_BECOME
DEFAULT_BECOME_METHOD DEFAULT_BECOME_USER DEFAULT_BECOME_ASK_PASS BECOME_PASSWORD_FILE""".split()
# from the connection's own dump: it knows two names for some of them
SSH = "host_key_checking timeout ssh_args ssh_common_args ssh_extra_args".split()

# name, files, variables, and what differs on purpose: we refuse what Ansible takes without a word
CASES = [
    ("nothing at all", {}, {}, ""),
    ("an empty file", {CFG: ""}, {}, ""),
    ("a usual one", {CFG: """[defaults]
inventory = inventory/hosts.yml
roles_path = roles:~/.ansible/roles:/usr/share/ansible/roles
collections_path = ./collections
remote_user = deploy
host_key_checking = False
forks = 20
vault_password_file = ~/.vault_pass
retry_files_enabled = False
interpreter_python = auto_silent

[privilege_escalation]
become = True
become_method = sudo
become_user = root
become_ask_pass = no

[ssh_connection]
ssh_args = -C -o ControlMaster=auto -o ControlPersist=60s
pipelining = True
"""}, {}, ""),
    ("colons, spaces, capitals and blank lines", {CFG: "\n\n[defaults]\n\n  FORKS:   7 \nRemote_User=pat\n\nTIMEOUT : 30\n"}, {}, ""),
    ("comments", {CFG: "# one\n; two\n[defaults] ; three\nforks = 9 ; four\nremote_user = pat;five\n  # six\nprivate_key_file = /k # seven\n"}, {}, ""),
    ("a value over several lines", {CFG: "[defaults]\ninventory =\n  a.yml,\n  # why\n\n  b.yml\nforks = 3\n[ssh_connection]\nssh_args = -o A=b\n   -o C=d ; why\n\n   -o E=f\n"}, {}, ""),
    ("a key that is indented further belongs to the value", {CFG: "[ssh_connection]\nssh_args = -C\n  ssh_extra_args = -4\n"}, {}, ""),
    ("all keys indented alike", {CFG: "[defaults]\n    forks = 3\n    timeout = 4\n  remote_user = x\n"}, {}, ""),
    ("quotes", {CFG: "[defaults]\nremote_user = \"pat\"\nvault_identity = 'dev'\nvault_identity_list = 'dev@a', \"prod@b\" , c\n[ssh_connection]\nssh_args = '-o \"A b\"'\nssh_common_args = \"\"\n"}, {}, ""),
    ("truth", {CFG: "[defaults]\nask_pass = Y\nask_vault_pass = oN\nhost_key_checking = 0\n[privilege_escalation]\nbecome = T\nbecome_ask_pass = FALSE\n"}, {}, ""),
    ("no word for truth", {CFG: "[privilege_escalation]\nbecome = maybe\n"}, {}, "stricter"),
    ("truth in quotes", {CFG: "[privilege_escalation]\nbecome = \"yes\"\n"}, {}, "stricter"),
    ("numbers", {CFG: "[defaults]\nforks = 5.0\nremote_port = +2222\ntimeout = 007\n"}, {}, ""),
    ("no number", {CFG: "[defaults]\nforks = many\n"}, {}, ""),
    ("half a number", {CFG: "[defaults]\nforks = 5.5\n"}, {}, ""),
    ("a number with a comment that is none", {CFG: "[defaults]\nforks = 5 # five\n"}, {}, ""),
    ("an empty number", {CFG: "[defaults]\nforks =\n"}, {}, ""),
    ("a number and an indented key", {CFG: "[defaults]\nforks = 5\n  timeout = 3\n"}, {}, ""),
    ("no forks at all", {CFG: "[defaults]\nforks = 0\n"}, {}, "stricter"),
    ("paths", {CFG: "[defaults]\ninventory = a/../b, ./c/, ~/d, $HOME/e, ${HOME}/f, $NOT_SET/g, {{CWD}}/h, /abs//i\nprivate_key_file = keys/id\nbecome_password_file = $DIR/pw\nconnection_password_file = ~\n"}, {"DIR": "some"}, ""),
    ("a comma at the end", {CFG: "[defaults]\ninventory = hosts,\n"}, {}, ""),
    ("a path in quotes", {CFG: "[defaults]\nprivate_key_file = \"~/k\"\n"}, {}, "stricter"),
    ("another home", {CFG: "[defaults]\nhome = .ansible\n"}, {}, ""),
    ("values for every section", {CFG: "[DEFAULT]\nforks = 6\nbecome = yes\nssh_args = -4\n[defaults]\ntimeout = 5\n[ssh_connection]\nssh_args = -6\n"}, {}, ""),
    ("two names, the later one counts", {CFG: "[defaults]\ntimeout = 5\nhost_key_checking = True\n[ssh_connection]\ntimeout = 6\nhost_key_checking = no\n"}, {}, ""),
    ("variables win", {CFG: "[defaults]\nforks = 6\ninventory = a\nremote_user = file\ntimeout = 5\n[ssh_connection]\nssh_args = -C\n"},
     {"ANSIBLE_FORKS": "8", "ANSIBLE_INVENTORY": "b,{ROOT}/c", "ANSIBLE_REMOTE_USER": "\"env\"", "ANSIBLE_SSH_ARGS": "", "ANSIBLE_TIMEOUT": "1", "ANSIBLE_SSH_TIMEOUT": "2"}, ""),
    ("variables without a file", {}, {"ANSIBLE_BECOME": "yes", "ANSIBLE_BECOME_USER": "app", "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_ROLES_PATH": "r:~/s", "ANSIBLE_VAULT_IDENTITY_LIST": "a@b,c@d", "ANSIBLE_HASH_BEHAVIOUR": "merge"}, ""),
    ("a variable that is no number", {}, {"ANSIBLE_FORKS": "many"}, ""),
    ("an empty variable that should be a number", {CFG: "[defaults]\nforks = 6\n"}, {"ANSIBLE_FORKS": ""}, ""),
    ("a choice", {CFG: "[defaults]\nhash_behaviour = merge\ntransport = local\n"}, {}, ""),
    ("no choice", {CFG: "[defaults]\nhash_behaviour = mrege\n"}, {}, ""),
    ("before the first section", {CFG: "forks = 5\n[defaults]\ntimeout = 3\n"}, {}, ""),
    ("a section twice", {CFG: "[defaults]\nforks = 5\n[ssh_connection]\n[defaults]\ntimeout = 3\n"}, {}, ""),
    ("a key twice", {CFG: "[defaults]\nforks = 5\nFORKS = 6\n"}, {}, ""),
    ("no setting", {CFG: "[defaults]\nforks\n"}, {}, ""),
    ("a value without a key", {CFG: "[defaults]\n= 5\n"}, {}, ""),
    ("a byte order mark", {CFG: "\ufeff[defaults]\nforks = 5\n"}, {}, ""),
    ("line ends of Windows", {CFG: "[defaults]\r\nforks = 5\r\nremote_user = pat\r\n"}, {}, ""),
    ("odd headers", {CFG: "[defaults]]\nforks = 5\n[ssh_connection] # x\nssh_args = -4\n[ defaults ]\ntimeout = 3\n"}, {}, ""),
    ("unknown keys and sections", {CFG: "[defaults]\nfroks = 5\n[ssh]\nssh_args = -4\n"}, {}, ""),
    ("the home's file", {"home/.ansible.cfg": "[defaults]\nforks = 4\ninventory = hosts\n"}, {}, ""),
    ("the project's before the home's", {CFG: "[defaults]\ntimeout = 3\n", "home/.ansible.cfg": "[defaults]\nforks = 4\n"}, {}, ""),
    ("a file that is named", {"other/my.cfg": "[defaults]\nforks = 4\ninventory = hosts\n", CFG: "[defaults]\nforks = 5\n"}, {"ANSIBLE_CONFIG": "../other/my.cfg"}, ""),
    ("a directory that is named", {"other/ansible.cfg": "[defaults]\nforks = 4\n"}, {"ANSIBLE_CONFIG": "$HOME/../other"}, ""),
    ("a file that is named and not there", {CFG: "[defaults]\nforks = 5\n"}, {"ANSIBLE_CONFIG": "/nonexistent/ansible.cfg"}, ""),
    ("a file of another kind", {"other/my.conf": "[defaults]\nforks = 4\n"}, {"ANSIBLE_CONFIG": "../other/my.conf"}, ""),
    ("a directory open to all", {CFG: "[defaults]\nforks = 5\n", "home/.ansible.cfg": "[defaults]\nforks = 4\n"}, {}, "open"),
    ("a directory open to all, but named", {CFG: "[defaults]\nforks = 5\n"}, {"ANSIBLE_CONFIG": "./ansible.cfg"}, "open"),
]


def dump(program, root, variables, arguments):
    environment = {"PATH": os.environ["PATH"], "HOME": f"{root}/home", "LANG": "C.UTF-8"}
    environment |= {name: value.replace("{ROOT}", root) for name, value in variables.items()}
    command = [program, "dump", "--format", "json", *arguments]
    done = subprocess.run(command, cwd=f"{root}/project", env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line]
        return None, " ".join(lines).replace(root, "{ROOT}")
    return json.loads(done.stdout.replace(root, "{ROOT}")), None


def answer(program, root, variables):
    base, error = dump(program, root, variables, ["-t", "base"])
    ssh, error_ssh = dump(program, root, variables, ["-t", "connection", "ssh"])
    if error is not None or error_ssh is not None:
        return {"error": error or error_ssh}
    entries = [entry for entry in base if entry.get("name") in BASE] + [entry for entry in ssh[0]["ssh"] if entry["name"] in SSH]
    return {"values": {entry["name"]: entry["value"] for entry in entries if entry["origin"] != "default"}}


def record(program, name, files, variables, note):
    root = os.path.realpath(tempfile.mkdtemp())
    try:
        for directory in ("project", "home"):
            os.makedirs(f"{root}/{directory}")
        for path, text in files.items():
            path = pathlib.Path(root, path)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.replace("{ROOT}", root).encode())
        os.chmod(f"{root}/project", 0o777 if note == "open" else 0o755)
        return {"name": name, "files": files, "variables": variables, "note": note, **answer(program, root, variables)}
    finally:
        shutil.rmtree(root)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ansible-dir", required=True, help="where bin/ansible-config is")
    directory = pathlib.Path(parser.parse_args().ansible_dir)
    if os.path.exists("/etc/ansible/ansible.cfg"):
        sys.exit("/etc/ansible/ansible.cfg is there, so the answers would be of this machine")
    program = str(directory / "bin" / "ansible-config")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    cases = [record(program, *case) for case in CASES]
    OUT.write_text(json.dumps({"program": version, "cases": cases}, indent=1) + "\n")
    print(f"{len(cases)} cases in {OUT.name}")


if __name__ == "__main__":
    main()
