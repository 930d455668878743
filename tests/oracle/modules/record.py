#!/usr/bin/env python3
"""Records the names of all modules of Ansible and the collections that come with it, in src/modules/names.txt.

    record.py --ansible-dir VENV        downloads ansible with the pip of VENV, which holds the ansible-core

Each line is a collection and its modules: `community.crypto acme_ari_info +acme_certificate ...`. A `+` stands before those that
ansible-core also finds by the short name alone (config/ansible_builtin_runtime.yml).
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
ANSIBLE = "ansible==12.3.0"
MODULE = re.compile(r"ansible_collections/([^/]+)/([^/]+)/plugins/modules/(?:.*/)?([^/]+)\.(?:py|ps1|yml|yaml)$")
RUNTIME = re.compile(r"ansible_collections/([^/]+)/([^/]+)/meta/runtime\.yml$")

# runs in the Python that has ansible-core, which has a YAML reader: its own modules, and what runtime.yml files redirect
INSIDE = """
import json, pathlib, sys, yaml, ansible
from yaml import CSafeLoader
root = pathlib.Path(ansible.__file__).parent
runtime = yaml.load((root / "config/ansible_builtin_runtime.yml").read_text(), CSafeLoader)
routing = runtime["plugin_routing"]
short = {name: entry["redirect"] for kind in ("modules", "action") for name, entry in (routing.get(kind) or {}).items() if "redirect" in entry}
own = sorted(path.stem for path in (root / "modules").glob("*.py") if path.stem != "__init__")
others = {}
for name, text in json.load(sys.stdin).items():
    modules = ((yaml.load(text, CSafeLoader) or {}).get("plugin_routing") or {}).get("modules") or {}
    others[name] = sorted(module for module, entry in modules.items() if "tombstone" not in entry)
print(json.dumps({"own": own, "short": short, "others": others}))
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ansible-dir", required=True, type=pathlib.Path)
    venv = parser.parse_args().ansible_dir
    names = collections.defaultdict(set)
    runtimes = {}
    with tempfile.TemporaryDirectory() as directory:
        command = [venv / "bin/pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", directory, ANSIBLE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(pathlib.Path(directory).glob("*.whl"))) as wheel:
            for path in wheel.namelist():
                if match := MODULE.match(path):
                    namespace, collection, module = match.groups()
                    if module != "__init__":
                        names[f"{namespace}.{collection}"].add(module)
                if match := RUNTIME.match(path):
                    runtimes[".".join(match.groups())] = wheel.read(path).decode()
    answer = subprocess.run([venv / "bin/python", "-c", INSIDE], input=json.dumps(runtimes), text=True, check=True, capture_output=True)
    inside = json.loads(answer.stdout)
    names["ansible.builtin"].update(inside["own"])
    for collection, modules in inside["others"].items():
        names[collection].update(modules)
    short = set()
    for name, target in inside["short"].items():
        collection = target.rpartition(".")[0]
        # what Ansible's own tests use
        if collection != "testns.testcoll" and name != "uses_redirected_action":
            names[collection].add(name)
            if collection != "ansible.builtin":
                short.add((collection, name))
    lines = []
    for collection, found in sorted(names.items()):
        found = sorted(name for name in found if re.fullmatch(r"[A-Za-z0-9_]+", name))
        if found:
            lines.append(" ".join([collection, *(f"+{name}" if (collection, name) in short else name for name in found)]))
    (ROOT / "src/modules/names.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
