"""docs/playbook-cases.md: which module × option × value and which keyword × value stands in which case.

Read from the cases themselves. What options there are is read from the documentation in ansible-core's modules, and what
keywords there are from its classes, so that what stands in no case is seen too. Needs the Python of an ansible-core.
"""
import json

import yaml
from ansible.parsing.splitter import parse_kv
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler
from ansible.playbook.play import Play
from ansible.playbook.role.include import RoleInclude
from ansible.playbook.task import Task
from ansible.plugins.loader import fragment_loader, init_plugin_loader, module_loader
from ansible.utils.plugin_docs import get_docstring

MODULES = """add_host assemble assert async_status blockinfile command copy debug fail fetch file find get_url group group_by
import_playbook import_role import_tasks include_role include_tasks include_vars lineinfile meta pause ping raw replace script
set_fact set_stats setup shell slurp stat tempfile template unarchive uri user wait_for wait_for_connection
apt apt_key apt_repository authorized_key deb822_repository dpkg_selections hostname known_hosts modprobe package package_facts
service service_facts sysctl systemd systemd_service timezone""".split()
COLLECTIONS = {"authorized_key": "ansible.posix", "sysctl": "ansible.posix", "modprobe": "community.general", "timezone": "community.general"}
FREE = {"command", "shell", "raw", "script", "meta", "include_vars", "include_tasks", "import_tasks", "import_playbook"}
KEYWORDS = {
    "play": set(Play.fattributes), "block": set(Block.fattributes), "task": set(Task.fattributes) | {"local_action"},
    "handler": set(Handler.fattributes), "role": set(RoleInclude.fattributes),
}
# Keywords whose values are names or texts of the case: only their shape is of interest.
NOT_KEYWORDS = {"async_val", "name", "hosts", "action", "args", "loop_with", "attributes", "block", "rescue", "always"}
SHOWN = {"strategy", "order", "connection", "become_method", "serial", "gather_subset", "max_fail_percentage", "throttle", "poll"}
MANY = 8


init_plugin_loader([])


class Loader(yaml.SafeLoader):
    """Reads the tags of playbooks as text."""


Loader.add_multi_constructor("!", lambda loader, tag, node: loader.construct_scalar(node))


class Found:
    def __init__(self):
        self.options, self.keywords, self.documented = {}, {}, {module: documented(module) for module in MODULES}

    def option(self, case, module, option, value):
        spec = self.documented.get(module, {}).get(option)
        row = (option, spec["called"]) if spec else (option, option)
        self.options.setdefault((module, row[1], "" if row[0] == row[1] else row[0], shown(value, spec)), set()).add(case)

    def keyword(self, case, level, keyword, value):
        self.keywords.setdefault((keyword, level, kind(keyword, value)), set()).add(case)

    def play(self, case, play):
        if "hosts" not in play:
            key = next((key for key in play if key.rpartition(".")[2] == "import_playbook"), None)
            if key:
                self.option(case, "import_playbook", "free form", "")
                for word in set(play) & {"vars", "when", "tags"}:
                    self.keyword(case, "import_playbook", word, play[word])
            return
        for key, value in play.items():
            if key in KEYWORDS["play"] - NOT_KEYWORDS and key not in ("tasks", "handlers"):
                self.keyword(case, "play", key, value)
        for section in ("pre_tasks", "tasks", "post_tasks"):
            self.tasks(case, play.get(section), "task")
        self.tasks(case, play.get("handlers"), "handler")
        for role in play.get("roles") or []:
            if isinstance(role, dict):
                for key, value in role.items():
                    self.keyword(case, "role", key if key in KEYWORDS["role"] else "parameters", value)

    def tasks(self, case, tasks, level):
        for task in tasks or []:
            if isinstance(task, dict):
                self.task(case, task, level)

    def task(self, case, task, level):
        if "block" in task:
            for part in ("block", "rescue", "always"):
                if part in task:
                    self.keyword(case, level, part, task[part])
                    self.tasks(case, task[part], level)
            level = "block"
        for key, value in task.items():
            short = key.rpartition(".")[2]
            if key in ("action", "local_action"):
                self.action(case, key, value)
            elif key.startswith("with_"):
                self.keyword(case, level, key, value)
            elif key == "loop_control" and isinstance(value, dict):
                for word in value:
                    self.keyword(case, level, f"loop_control.{word}", value[word])
            elif key in KEYWORDS[level]:
                if key not in NOT_KEYWORDS:
                    self.keyword(case, level, key, value)
            elif short in MODULES and level != "block":
                self.module(case, short, value, task.get("args"))
                if key != short:
                    self.keyword(case, level, "full module names", key.rpartition(".")[0])

    def action(self, case, key, value):
        self.keyword(case, "task", key, value)
        if isinstance(value, dict) and str(value.get("module", "")).rpartition(".")[2] in MODULES:
            self.module(case, value["module"].rpartition(".")[2], {k: v for k, v in value.items() if k != "module"}, None)
        elif isinstance(value, str):
            module, _, rest = value.partition(" ")
            if module in MODULES:
                self.module(case, module, rest, None)

    def module(self, case, module, value, args):
        given = dict(args) if isinstance(args, dict) else {}
        if isinstance(value, dict):
            given |= value
        elif isinstance(value, str):
            words = parse_kv(value, check_raw=module in FREE)
            if "_raw_params" in words and module in FREE:
                self.option(case, module, "free form", words.pop("_raw_params") if module == "meta" else "")
            given |= words
        if not given:
            self.option(case, module, "nothing", "")
        if module in ("set_fact",):
            given = {key if key == "cacheable" else "key_value": value for key, value in given.items()}
        for option, one in given.items():
            self.option(case, module, str(option), one)


def docstring(module):
    """A module's documentation and what it says of its results."""
    path = module_loader.find_plugin(f"{COLLECTIONS[module]}.{module}" if module in COLLECTIONS else module, ignore_deprecated=True)
    doc = get_docstring(path, fragment_loader) if path else (None, None, None)
    return doc[0], doc[2]


def documented(module):
    """The options of a module by all their names: {name: {called, choices, type}}."""
    doc = docstring(module)[0]
    options = {}
    for name, spec in ((doc or {}).get("options") or {}).items():
        if name in ("free_form", "free-form"):
            continue
        choices = spec.get("choices") or ()
        entry = {"called": name, "choices": [str(c) for c in choices], "type": spec.get("type", "str")}
        for alias in [name, *spec.get("aliases", [])]:
            options[alias] = entry
    return options


def returns(out):
    """Writes which keys each module documents to return always, so where it fails, too: {module: [key …]}."""
    found = {}
    for module in MODULES:
        keys = docstring(module)[1] or {}
        keys = yaml.safe_load(keys) if isinstance(keys, str) else keys
        found[module] = sorted(key for key, spec in keys.items() if spec.get("returned") == "always")
    out.write_text("{\n" + ",\n".join(f" {json.dumps(module)}: {json.dumps(keys)}" for module, keys in found.items()) + "\n}\n")


def shown(value, spec):
    """What of a value is of interest: booleans and choices as they are."""
    if spec is None or isinstance(value, str) and "{{" in value:
        return "template" if isinstance(value, str) and "{{" in value else value if isinstance(value, str) and len(value) < 25 else ""
    if spec["type"] == "bool":
        return str(value).lower().replace("yes", "true").replace("no", "false")
    if spec["choices"]:
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return ""


def kind(keyword, value):
    if keyword in SHOWN:
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "list" if value else "empty list"
    if isinstance(value, dict):
        return "mapping" if value else "empty mapping"
    if isinstance(value, str):
        if keyword in ("when", "changed_when", "failed_when", "until"):
            return "expression with braces" if "{{" in value else "expression"
        return "template" if "{{" in value else "text"
    return "nothing" if value is None else "number"


def write(cases, out):
    found, folders = Found(), sorted(f.parent for f in cases.glob("*/play.yml"))
    for folder in folders:
        for file in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
            inside = file.relative_to(folder).parts
            if "vars" in inside or "defaults" in inside or "meta" in inside or "group_vars" in inside or "host_vars" in inside:
                continue
            try:
                document = yaml.load(file.read_text(), Loader)
            except yaml.YAMLError:
                continue
            for entry in document if isinstance(document, list) else []:
                if isinstance(entry, dict) and ("hosts" in entry or any(k.rpartition(".")[2] == "import_playbook" for k in entry)):
                    found.play(folder.name, entry)
                elif isinstance(entry, dict):
                    found.task(folder.name, entry, "handler" if "handlers" in inside else "task")
    out.write_text("\n".join(lines(found, folders)) + "\n")


def lines(found, folders):
    yield from [
        "<!-- Generated by tests/oracle/playbooks/table.py from the cases; changes made here are lost. -->",
        "# Playbooks that are compared with Ansible",
        "",
        f"{len(folders)} playbooks under `tests/records/playbooks/cases`. What the real program does with each, in check mode, the first",
        "and the second time, is in the JSON files beside that folder; on Debian 13 in `debian-13`.",
        "",
        "## Modules",
        "",
        "An option, or a value of one, that Ansible documents and that stands in no case has `none`.",
        "",
        "| module | option | value | cases |",
        "|---|---|---|---|",
    ]
    for module in MODULES:
        options = {key[1:]: cases for key, cases in found.options.items() if key[0] == module}
        missing = set()
        for spec in found.documented[module].values():
            wanted = ["true", "false"] if spec["type"] == "bool" else spec["choices"]
            there = {value for option, _, values in options for value in values.split(", ") if option == spec["called"]}
            if not wanted and not there:
                missing.add((spec["called"], "", ""))
            missing |= {(spec["called"], "", choice) for choice in wanted if choice not in there}
        for key in sorted({*options, *missing}, key=lambda key: tuple(map(str, key))):
            option, alias, value = key
            name = f"{option} (as {alias})" if alias else option
            yield f"| {module} | {cell(name)} | {cell(value)} | {names(options.get(key, ()))} |"
    yield from ["", "## Keywords", "", "| keyword | of a | value | cases |", "|---|---|---|---|"]
    standing = {key[0] for key in found.keywords}
    known = set().union(*KEYWORDS.values()) - NOT_KEYWORDS - {"tasks", "handlers", "loop_control", "role"}
    missing = {(keyword, "", "") for keyword in known - standing}
    for key in sorted({*found.keywords, *missing}):
        yield f"| {cell(key[0])} | {cell(key[1])} | {cell(key[2])} | {names(found.keywords.get(key, ()))} |"
    yield from ["", "## The cases", "", "| case | machines | Debian | what |", "|---|---|---|---|"]
    for folder in folders:
        read = lambda name, else_: (folder / name).read_text().strip() if (folder / name).exists() else else_
        yield f"| {folder.name} | {read('kind', 'nspawn')} | {read('debian', '12')} | {cell(read('what', ''))} |"
    yield from ["", "## Where homelabctl differs on purpose", "", "What is not named is as Ansible's.", "", "| case | why | differs in |", "|---|---|---|"]
    for folder in folders:
        if (file := folder / "ours.json").exists():
            ours = json.loads(file.read_text())
            yield f"| {folder.name} | {cell(ours['why'])} | {'<br>'.join(map(cell, ours['differences']))} |"


def names(cases):
    cases = sorted(cases)
    more = f" and {len(cases) - MANY} more" if len(cases) > MANY else ""
    return ", ".join(cases[:MANY]) + more or "none"


def cell(text):
    return str(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
