#!/usr/bin/env python3
"""Records what the real ansible-playbook does with the cases under tests/records/playbooks/cases, on machines of the test bed.

    cargo run --example nodes -- --count 6 --run -- VENV/bin/python record.py --ansible-dir VENV [--only NAME ...] [--missing] [--check]
    record.py --table      writes docs/playbook-cases.md and tests/records/returns.json only, runs nothing

--check compares with what is there and writes nothing. The machines come from $HOMELABCTL_INVENTORY; what they are says
$HOMELABCTL_MACHINES (`nspawn 12`, `uml 13` …), and only the cases that are for such machines are run.

A case is a folder:
    play.yml    what runs, against `all`; everything else in the folder stands beside it (roles, files, group_vars …)
    setup.sh    makes the state that the case begins with, as root on each machine, after /srv/case was made, empty; a key of
                OpenPGP is there, /usr/local/lib/case-key.asc
    args        more arguments of ansible-playbook, one a line
    hosts       how many machines, 1 without it: m1 in the group `first`, m2 … in the group `rest`; only of nspawn with Debian 12
    extra.ini   more lines of the inventory
    kind        `uml` where it needs a kernel of its own; one machine then
    debian      the releases on which it is recorded, `12` without it
    what        one line about what it is there for
    ours.json   where homelabctl differs on purpose, and why (see compare.py)

tests/records/playbooks/NAME.json (debian-13/NAME.json) says what came of it:
    begin       the state in which each of the first two runs begins
    check       the run with --check --diff
    first       the run without
    second      the same again, in the state that the first one left
A run has `exit`, `recap`, `plays` and `tasks` in their order, `state` ("begin" or "first" where it is like that one) and
`controller`: the files that it left in the folder of the case. How the rest looks stands in `events` and `machines`.
"""
import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # this folder is kept in git

from events import Wrong, told
from machines import Machine
from normal import Normal

ROOT = pathlib.Path(__file__).resolve().parents[3]
RECORDS = ROOT / "tests/records/playbooks"
HERE = pathlib.Path(__file__).resolve().parent
PARTS = {"play.yml", "setup.sh", "args", "hosts", "extra.ini", "kind", "debian", "what"}


class Lane:
    """Machines that are a case's own while it runs."""

    def __init__(self, number, lines, top, ansible_dir, known_hosts):
        self.folder, self.ansible_dir = top / f"lane{number}", ansible_dir
        self.folder.mkdir()
        self.machines = [Machine(line, f"m{i}", self.folder) for i, line in enumerate(lines, 1)]
        self.ssh_args = self.machines[0].ssh_options(known_hosts)
        for machine in self.machines:
            machine.connect(known_hosts)
            machine.prepare()

    def write_inventory(self, machines, extra):
        inventory = self.folder / "inventory/hosts.ini"
        inventory.parent.mkdir(exist_ok=True)
        lines = [machine.inventory_line() for machine in machines]
        inventory.write_text("\n".join(["[first]", lines[0], "[rest]", *lines[1:], extra]) + "\n")

    def record(self, source):
        read = lambda name: (source / name).read_text() if (source / name).exists() else ""
        machines = self.machines[: int(read("hosts") or 1)]
        case, home = self.folder / "case", self.folder / "home"
        paths = [(str(case), "CASE"), (str(home), "HOME"), (str(self.ansible_dir), "ANSIBLE"), (str(self.folder), "LANE")]
        normal = Normal([*paths, *((machine.address, f"ADDRESS-OF-{machine.name}") for machine in machines)])
        self.write_inventory(machines, read("extra.ini"))

        def fresh():
            for folder in (case, home):
                shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, case, symlinks=True)
            home.mkdir()
            for machine in machines:
                machine.begin(read("setup.sh"))

        def state():
            return {machine.name: machine.state(normal) for machine in machines}

        args = read("args").splitlines()
        answer = {"ansible": version(self.ansible_dir)}
        fresh()
        answer["begin"] = state()
        answer["check"] = self.run(case, home, normal, [*args, "--check", "--diff"], "check")
        answer["check"]["state"] = same(state(), answer, "begin")
        fresh()
        for run in ("first", "second"):
            answer[run] = self.run(case, home, normal, args, run)
            now = state()
            answer[run]["state"] = same(now, answer, "begin", *(["first"] if run == "second" else []))
            if left := controller(case, source, normal):
                answer[run]["controller"] = left
        return answer

    def run(self, case, home, normal, args, which):
        record_to = self.folder / "events"
        record_to.unlink(missing_ok=True)
        env = {
            "PATH": f"{self.ansible_dir}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home),
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "RECORD_TO": str(record_to), "FROM_CONTROLLER": "yes",
            # one after the other: with more, which host answers first would decide the order of what they include
            "ANSIBLE_FORKS": "1",
            "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"), "ANSIBLE_STDOUT_CALLBACK": "recorder",
            "ANSIBLE_PIPELINING": "1", "ANSIBLE_SSH_ARGS": self.ssh_args, "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [self.ansible_dir / "bin/ansible-playbook", "-i", self.folder / "inventory/hosts.ini", *args, "play.yml"], cwd=case, env=env,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=180,
        )
        lines = record_to.read_text().splitlines() if record_to.exists() else []
        answer = {"exit": done.returncode, **told([json.loads(line) for line in lines], normal, which)}
        if done.returncode and (error := re.search(r"^\[ERROR\]: (.*)", done.stderr, re.M)):
            answer["error"] = normal.text(error[1])
        if "recap" not in answer and "error" not in answer:
            raise Wrong(f"neither a recap nor an error: {done.stderr}{done.stdout}")
        return answer


def controller(case, source, normal):
    """The files that a run left in the folder of the case."""
    return {
        normal.text(str(path.relative_to(case))): "d" if path.is_dir() else path.read_text(errors="replace")
        for path in sorted(case.rglob("*")) if not (source / path.relative_to(case)).exists()
    }


def same(state, answer, *runs):
    for run in runs:
        if state == (answer[run] if run == "begin" else answer[run]["state"]):
            return run
    return state


def version(ansible_dir):
    text = next((ansible_dir / "lib").glob("python3*/site-packages/ansible/release.py")).read_text()
    return re.search(r"__version__ = '([^']+)'", text)[1]


def compact(answer):
    """JSON with a line for each task, so that a change of one is a change of one line."""
    def lines(value, depth):
        pad, short = " " * depth, json.dumps(value, ensure_ascii=False, sort_keys=True)
        if len(short) < 100:
            return short
        if depth < 6 and isinstance(value, dict) and value:
            inner = [f"{pad} {json.dumps(key, ensure_ascii=False)}: {lines(item, depth + 1)}" for key, item in value.items()]
            return "{\n" + ",\n".join(inner) + f"\n{pad}}}"
        if depth < 3 and isinstance(value, list) and value:
            return "[\n" + ",\n".join(f"{pad} {json.dumps(item, ensure_ascii=False, sort_keys=True)}" for item in value) + f"\n{pad}]"
        return short

    # bytes that are no UTF-8 stand as U+FFFD: not every JSON reader takes lone surrogates
    return re.sub("[\ud800-\udfff]", "\ufffd", lines(answer, 0)) + "\n"


class Machines:
    """What the machines are, that the cases run on."""

    def __init__(self, words):
        self.kind, self.debian = words.split()
        # those with several machines are recorded there alone
        self.per_lane = 3 if (self.kind, self.debian) == ("nspawn", "12") else 1

    def fit(self, folder):
        read = lambda name, else_: (folder / name).read_text().split() if (folder / name).exists() else [else_]
        return self.kind in read("kind", "nspawn") and self.debian in read("debian", "12")

    def record(self, name):
        """Where it stands what a case does on them."""
        return (RECORDS if self.debian == "12" else RECORDS / f"debian-{self.debian}") / f"{name}.json"

    def ours(self, folder):
        """Where it stands what homelabctl does otherwise on them."""
        own = folder / f"ours-{self.debian}.json"
        return own if own.exists() else folder / "ours.json"

    def chosen(self, only):
        folders = sorted(f.parent for f in (RECORDS / "cases").glob("*/play.yml"))
        return [f for f in folders if self.fit(f) and (not only or any(fnmatch.fnmatch(f.name, pattern) for pattern in only))]

    def lanes(self):
        """The lines of the inventory, as many as a case may need together."""
        lines = [line for line in pathlib.Path(os.environ["HOMELABCTL_INVENTORY"]).read_text().splitlines() if "ansible_host=" in line]
        return [lines[at : at + self.per_lane] for at in range(0, len(lines) - self.per_lane + 1, self.per_lane)]


def record_all(folders, machines, lanes, check):
    """Records each case in a lane that is free; returns the names of those that went wrong or differ."""
    free, wrong = queue.SimpleQueue(), []
    for lane in lanes:
        free.put(lane)

    def one(folder):
        lane, file = free.get(), machines.record(folder.name)
        try:
            text = compact(lane.record(folder))
            if not check:
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            elif not file.exists() or file.read_text() != text:
                if keep := os.environ.get("RECORD_DIFFERENT"):
                    (pathlib.Path(keep) / file.name).write_text(text)
                raise Wrong("differs from its record")
        except Exception as why:  # the other cases are to be recorded whatever is wrong with this one
            wrong.append(folder.name)
            print(f"{folder.name}: {type(why).__name__} {why}", file=sys.stderr, flush=True)
        finally:
            free.put(lane)

    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(one, folders))
    return wrong


def main():
    words = argparse.ArgumentParser(description="records what the real Ansible makes of the playbooks of the tests")
    words.add_argument("--ansible-dir", type=pathlib.Path)
    words.add_argument("--only", action="append", metavar="NAME")
    words.add_argument("--check", action="store_true", help="compare with the records, write nothing")
    words.add_argument("--missing", action="store_true", help="only the cases that have no record yet")
    words.add_argument("--table", action="store_true", help="write the tables, run nothing")
    words = words.parse_args()
    if not words.check:
        import table  # needs ansible-core, which those who only compare have not

        table.write(RECORDS / "cases", ROOT / "docs/playbook-cases.md")
        table.returns(RECORDS.parent / "returns.json")
    if words.table:
        return 0
    if not words.ansible_dir or "HOMELABCTL_INVENTORY" not in os.environ:
        sys.exit("--ansible-dir names the virtual environment of ansible-core, $HOMELABCTL_INVENTORY the machines")
    machines = Machines(os.environ["HOMELABCTL_MACHINES"])
    folders = [f for f in machines.chosen(words.only) if not (words.missing and machines.record(f.name).exists())]
    if not folders or not machines.lanes():
        sys.exit(f"{len(folders)} cases, {len(machines.lanes())} times {machines.per_lane} machines")
    with tempfile.TemporaryDirectory(prefix="pb-") as top:
        top, lanes = pathlib.Path(top).resolve(), []
        try:
            for number, own in enumerate(machines.lanes()):
                lanes.append(Lane(number, own, top, words.ansible_dir.resolve(), os.environ["HOMELABCTL_KNOWN_HOSTS"]))
            wrong = record_all(folders, machines, lanes, words.check)
        finally:
            for lane in lanes:
                for machine in lane.machines:
                    machine.leave()
    if not words.only and not words.check and not words.missing:
        for stale in [*RECORDS.glob("*.json"), *RECORDS.glob("debian-*/*.json")]:
            if not (RECORDS / "cases" / stale.stem).is_dir():
                stale.unlink()
    print(f"{len(folders) - len(wrong)} good, {len(wrong)} wrong {' '.join(sorted(wrong))}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
