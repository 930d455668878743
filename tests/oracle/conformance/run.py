#!/usr/bin/env python3
"""Runs integration targets of ansible-core with ansible-playbook and with homelabctl, and writes docs/conformance.md.

    cargo run --example nodes -- --count 2 --run -- python3 run.py --program HOMELABCTL [--only NAME ...] [--others] [--again] [--calls FOLDER]

What ansible-playbook did is recorded once, in the cache of the test bed; --again records it anew. A run of some targets alone
(--only) says what it found and writes no document.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # this folder is kept in git

import fetch
import judge
import report
from box import Box
from targets import OTHERS, Target, all_targets

ROOT = pathlib.Path(__file__).resolve().parents[3]
# seconds that a call and that a whole target may take: Ansible starts a Python for each task
THEIRS, OURS, OURS_ROLE = (1500, 3000), (90, 900), (300, 400)


def record_of(target):
    return fetch.cache() / f"{fetch.VERSION}-conformance" / f"{target.name}.json"


def needed(target, source):
    """The targets that it takes roles from: whatever its files name of them."""
    names, todo = set(), [target.name, *target.setup, "prepare_tests", "setup_remote_tmp_dir"]
    known = {folder.name for folder in (source / "test/integration/targets").glob("setup_*")}
    while todo:
        name = todo.pop()
        if name in names:
            continue
        names.add(name)
        todo += Target(name, source).beside
        for file in Target(name, source).folder.rglob("*.y*ml"):
            text = file.read_text(errors="replace")
            todo += [other for other in known if other in text]
    return sorted(names)


def run(box, target, source, mode, theirs):
    box.fresh(source, needed(target, source), target.inventory())
    for name in target.setup:
        box.run("theirs", Target(name, source), *THEIRS)
        box.root("rm -rf /root/run/* /root/output/*")
    if theirs:
        box.show_theirs(theirs["calls"])
    limits = THEIRS if mode == "theirs" else OURS if target.is_script else OURS_ROLE
    return box.run(mode, target, *limits, theirs["calls"] if theirs else ())


def both(box, target, source, again):
    """What the target gave with Ansible, and with homelabctl."""
    record = record_of(target)
    if again or not record.exists():
        theirs = run(box, target, source, "theirs", None)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(theirs))
    theirs = json.loads(record.read_text())
    return theirs, run(box, target, source, "ours", theirs)


def main():
    words = argparse.ArgumentParser(description="runs Ansible's own integration targets with homelabctl")
    words.add_argument("--program", type=pathlib.Path, required=True)
    words.add_argument("--only", action="append", metavar="NAME")
    words.add_argument("--others", action="store_true", help="the targets beyond those of docs/conformance.md; writes docs/conformance-others.md")
    words.add_argument("--again", action="store_true", help="record anew what Ansible does")
    words.add_argument("--calls", type=pathlib.Path, help="write what homelabctl told in each call into this folder")
    words = words.parse_args()
    source, packages, programs = fetch.source(), fetch.for_machine(), fetch.programs()
    known_hosts, lines = os.environ["HOMELABCTL_KNOWN_HOSTS"], pathlib.Path(os.environ["HOMELABCTL_INVENTORY"]).read_text().splitlines()
    lines = [line for line in lines if "ansible_host=" in line]
    targets, free, found = all_targets(source, words.only or (OTHERS if words.others else ())), queue.SimpleQueue(), {}
    with tempfile.TemporaryDirectory(prefix="cf-") as top:
        program = pathlib.Path(top) / "homelabctl"
        subprocess.run(["strip", "-o", program, words.program], check=True)  # what is for debuggers alone is most of it
        boxes = [Box(line, f"m{i}", pathlib.Path(top)) for i, line in enumerate(lines, 1)]
        try:
            for box in boxes:
                box.connect(known_hosts)
                box.bring(source, packages, programs, program)
                free.put(box)

            def one(target):
                box = free.get()
                try:
                    theirs, ours = both(box, target, source, words.again)
                    found[target.name] = judge.judged(target, theirs, ours)
                    if words.calls:
                        words.calls.mkdir(parents=True, exist_ok=True)
                        (words.calls / f"{target.name}.json").write_text(json.dumps(ours, indent=1))
                except Exception as why:  # the other targets are to run whatever is wrong with this one
                    found[target.name] = judge.broken(target, f"{type(why).__name__}: {why}")
                finally:
                    free.put(box)
                print(report.line(found[target.name]), flush=True)

            with concurrent.futures.ThreadPoolExecutor(len(boxes)) as pool:
                list(pool.map(one, targets))
        finally:
            for box in boxes:
                box.leave()
    ordered = [found[target.name] for target in targets]
    if words.only:
        for judgement in ordered:
            for failure in judgement["failures"]:
                print(f"{judgement['name']}: {failure['where']}: {failure['why']}")
    elif words.others:
        (ROOT / "docs/conformance-others.md").write_text(report.others(ordered))
    else:
        (ROOT / "docs/conformance.md").write_text(report.document(ordered))
    return report.verdict(ordered)


if __name__ == "__main__":
    sys.exit(main())
