#!/usr/bin/env python3
"""Records what the real ansible-inventory and ansible make of the inventories under tests/records/inventory/cases.

    record.py --ansible-dir VENV [--only NAME ...]     runs the real programs, writes tests/records/inventory/expected
    record.py --table                                  writes docs/inventory-cases.md only, runs nothing

case.json of a case:
    args      arguments of `ansible-inventory --list`, relative to the folder
    what      one line
    features  names of what stands in it; the table in docs/inventory-cases.md is made of them
    cwd       folder in which the programs run, "." when absent
    env       variables added to the clean environment; DIR in a value is the folder
    mkdir     folders to make first, since git keeps no empty ones
    hosts     names asked for with --host
    limits    patterns with which --list is run once more as --limit
    patterns  host patterns asked for with `ansible PATTERN --list-hosts`
    graph     false: no --graph and no --graph --vars

expected/NAME.json:
    list, graph, graph_vars, hosts, limits {pattern: document}, ansible
    patterns  {pattern: [hosts in order]}, {"error": true}, or {"hosts": [...], "order": "unspecified"} where Ansible walks a
              Python set of groups: the hosts are certain then, their order is an accident of addresses in memory
    values    which JSON cannot carry are {"__float__": "inf" | "-inf" | "nan"} and {"__int__": "digits"} outside of 64 bits
    DIR       the folder of the case, ANSIBLE the folder of the installation
"""
import argparse
import concurrent.futures
import fnmatch
import json
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
RECORDS = ROOT / "tests/records/inventory"
TABLE = ROOT / "docs/inventory-cases.md"
# What Ansible says when it could not read a source; it goes on regardless, and a record of that would be worthless.
NOT_READ = re.compile(r"unable to parse|failed to parse|no inventory was parsed|error in vars plugin", re.I)


class Wrong(Exception):
    """A case which is not the good input that it is meant to be."""


def plain(value, folder, ansible_dir):
    """The document with paths replaced and with numbers that every JSON reader takes."""
    if isinstance(value, dict):
        return {replace(k, folder, ansible_dir): plain(v, folder, ansible_dir) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v, folder, ansible_dir) for v in value]
    if isinstance(value, str):
        return replace(value, folder, ansible_dir)
    if isinstance(value, float) and not math.isfinite(value):
        return {"__float__": repr(value)}
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return {"__int__": str(value)}
    return value


def replace(text, folder, ansible_dir):
    return text.replace(str(folder), "DIR").replace(str(ansible_dir), "ANSIBLE")


def unordered_groups(document):
    """Groups whose hosts come in no fixed order.

    Ansible gives the hosts of a group, then those of its children in order, and then walks the groups further down level by
    level as Python sets. So the walk is done here in many orders: where the outcome differs, the order is an accident.
    """
    children = {name: entry.get("children", []) for name, entry in document.items() if name != "_meta"}
    hosts = {name: entry.get("hosts", []) for name, entry in document.items() if name != "_meta"}
    names = set(children) | {child for below in children.values() for child in below}
    chance = random.Random(0)

    def walk(top):
        ordered, seen, level = [top, *children.get(top, [])], set(), sorted(set(children.get(top, [])))
        while level:
            seen.update(level)
            chance.shuffle(level)
            new = [child for group in level for child in children.get(group, []) if child not in seen]
            ordered += new
            level = sorted(set(new))
        return list(dict.fromkeys(host for group in ordered for host in hosts.get(group, [])))

    return {name for name in names if any(walk(name) != walk(name) for _ in range(30))}


def nothing_left(complaint):
    return "leaves us with no hosts to target" in " ".join(complaint.split())


def touches(pattern, group):
    """Whether a part of the pattern can name the group."""
    for part in re.split(r"[,:]", pattern):
        part = re.sub(r"\[-?\d*\]?$", "", part.strip().lstrip("&!"))
        try:
            if part.startswith("~") and re.match(part[1:], group) or fnmatch.fnmatchcase(group, part):
                return True
        except re.error:
            continue
    return "all" == group and all(part.startswith(("!", "&")) for part in re.split(r"[,:]", pattern) if part)


class Case:
    def __init__(self, folder, ansible_dir):
        self.source, self.ansible_dir = folder, ansible_dir
        self.told = json.loads((folder / "case.json").read_text())

    def run(self, folder, home, program, *args):
        env = {
            "PATH": "/usr/bin:/bin", "HOME": home, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0",
            "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DEPRECATION_WARNINGS": "0",
        }
        env |= {k: v.replace("DIR", str(folder)) for k, v in self.told.get("env", {}).items()}
        # An absolute path would make what is recorded depend on the machine; the cases write DIR/ where they need one.
        args = [a.replace("DIR/", f"{folder}/") for a in args]
        return subprocess.run(
            [self.ansible_dir / "bin" / program, *args], cwd=folder / self.told.get("cwd", "."), env=env,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=120,
        )

    def inventory(self, folder, home, *args):
        done = self.run(folder, home, "ansible-inventory", *self.told["args"], *args)
        if done.returncode != 0 or NOT_READ.search(done.stderr):
            raise Wrong(f"{' '.join(args)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def pattern(self, folder, home, pattern, unordered):
        done = self.run(folder, home, "ansible", *self.told["args"], pattern, "--list-hosts")
        if NOT_READ.search(done.stderr):
            raise Wrong(f"{pattern}: {done.stderr}")
        if nothing_left(done.stderr):
            return []
        if done.returncode != 0:
            if "Traceback" in done.stderr or "usage:" in done.stderr:
                raise Wrong(f"{pattern}: {done.stderr}")
            return {"error": True}
        head, *names = done.stdout.splitlines()
        if not (count := re.fullmatch(r"  hosts \((\d+)\):", head)) or int(count[1]) != len(names):
            raise Wrong(f"{pattern}: {done.stdout}")
        names = [name[4:] for name in names]
        if not names and not pattern.startswith("@"):
            # `ansible PATTERN` hides an error in the pattern behind "no hosts"; as a limit the same pattern tells.
            why = self.run(folder, home, "ansible", *self.told["args"], "all", "--limit", pattern, "--list-hosts")
            if why.returncode != 0 and not nothing_left(why.stderr):
                return {"error": True}
        if len(names) > 1 and any(touches(pattern, group) for group in unordered):
            if re.search(r"\[-?\d+[:\]]", pattern):
                raise Wrong(f"{pattern}: takes one of hosts that come in no fixed order")
            return {"hosts": sorted(names), "order": "unspecified"}
        return names

    def record(self):
        told = self.told
        unknown = told.keys() - {"args", "what", "features", "cwd", "env", "mkdir", "hosts", "limits", "patterns", "graph"}
        if unknown:
            raise Wrong(f"case.json has {', '.join(sorted(unknown))}")
        with tempfile.TemporaryDirectory(prefix="inventory-") as top:
            folder, home = pathlib.Path(top).resolve() / "case", str(pathlib.Path(top) / "home")
            shutil.copytree(self.source, folder, symlinks=True)
            (folder / "case.json").unlink()
            for name in told.get("mkdir", []):
                (folder / name).mkdir(parents=True, exist_ok=True)
            os.mkdir(home)

            def document(text):
                return plain(json.loads(text), folder, self.ansible_dir)

            listed = document(self.inventory(folder, home, "--list"))
            answer = {"ansible": version(self.ansible_dir), "list": listed}
            if told.get("graph", True):
                answer["graph"] = replace(self.inventory(folder, home, "--graph"), folder, self.ansible_dir)
                answer["graph_vars"] = replace(self.inventory(folder, home, "--graph", "--vars"), folder, self.ansible_dir)
            answer["hosts"] = {
                name: document(self.inventory(folder, home, "--host", name)) for name in told.get("hosts", [])
            }
            answer["limits"] = {
                limit: document(self.inventory(folder, home, "--list", "--limit", limit)) for limit in told.get("limits", [])
            }
            unordered = unordered_groups(listed)
            answer["patterns"] = {
                pattern: self.pattern(folder, home, pattern, unordered) for pattern in told.get("patterns", [])
            }
        return answer


def version(ansible_dir, found={}):
    if ansible_dir not in found:
        text = next((ansible_dir / "lib").glob("python3*/site-packages/ansible/release.py")).read_text()
        found[ansible_dir] = re.search(r"__version__ = '([^']+)'", text)[1]
    return found[ansible_dir]


def table():
    cases = {f.parent.name: json.loads(f.read_text()) for f in sorted((RECORDS / "cases").glob("*/case.json"))}
    features = {}
    for name, told in cases.items():
        for feature in told["features"]:
            features.setdefault(feature, []).append(name)
    lines = [
        "<!-- Generated by tests/oracle/inventory/record.py from the case.json files; changes made here are lost. -->",
        "# Inventories that are compared with Ansible",
        "",
        f"{len(cases)} inventories under `tests/records/inventory/cases`, {len(features)} features. What the real program says of",
        "each is under `tests/records/inventory/expected`.",
        "",
        "## Which feature stands where",
        "",
        "| feature | cases |",
        "|---|---|",
        *(f"| {cell(f)} | {', '.join(features[f])} |" for f in sorted(features, key=str.lower)),
        "",
        "## The cases",
        "",
        "| case | what |",
        "|---|---|",
        *(f"| {name} | {cell(told['what'])} |" for name, told in cases.items()),
    ]
    TABLE.write_text("\n".join(lines) + "\n")


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def main():
    words = argparse.ArgumentParser(description="records what the real Ansible makes of the inventories of the tests")
    words.add_argument("--ansible-dir", type=pathlib.Path)
    words.add_argument("--only", action="append", metavar="NAME")
    words.add_argument("--table", action="store_true")
    words = words.parse_args()
    table()
    if words.table:
        return 0
    if not words.ansible_dir:
        sys.exit("--ansible-dir names the virtual environment in which ansible-core is installed")
    ansible_dir = words.ansible_dir.resolve()
    folders = sorted(f.parent for f in (RECORDS / "cases").glob("*/case.json"))
    if words.only:
        folders = [f for f in folders if any(fnmatch.fnmatch(f.name, only) for only in words.only)]
        if not folders:
            sys.exit("no such case")
    (RECORDS / "expected").mkdir(exist_ok=True)
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {folder: pool.submit(Case(folder, ansible_dir).record) for folder in folders}
        for folder, run in runs.items():
            try:
                answer = run.result()
            except (Wrong, ValueError, OSError, subprocess.SubprocessError) as why:
                wrong.append(folder.name)
                print(f"{folder.name}: {why}", file=sys.stderr)
                continue
            text = json.dumps(answer, indent=1, sort_keys=True, ensure_ascii=False)
            (RECORDS / "expected" / f"{folder.name}.json").write_text(text + "\n")
    if not words.only:
        for stale in (RECORDS / "expected").glob("*.json"):
            if not (RECORDS / "cases" / stale.stem).is_dir():
                stale.unlink()
    print(f"{len(folders) - len(wrong)} recorded, {len(wrong)} wrong {' '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
