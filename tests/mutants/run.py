#!/usr/bin/env python3
"""Deliberate wrong edits: each must turn its test red.

Applies the edits of edits.json to a copy of the project, those of one round at a time (they are about different tests),
and runs their tests there: first without any edit, where all must be green, then with each round's, where each must be
red. Prints one line for each edit; ends with 1 if one survived. With numbers as arguments: only those rounds.
"""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutants"


def copy() -> None:
    """A fresh copy of what git knows; unchanged files keep their times, so that little is compiled again."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in names.stdout.splitlines():
        source, target = ROOT / name, COPY / name
        if not source.is_file() or target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def run(tests: list[str]) -> dict[str, str]:
    """How each of the tests ended."""
    command = ["cargo", "test", "--lib", "--target-dir", str(COPY / "target"), "--", "--exact", *tests]
    ran = subprocess.run(command, cwd=COPY, capture_output=True, text=True)
    ended = dict(re.findall(r"^test (\S+) \.\.\. (ok|FAILED)$", ran.stdout, re.M))
    if set(ended) != set(tests):
        sys.exit(f"not all tests were run: {sorted(set(tests) - set(ended))}\n{ran.stdout[-3000:]}{ran.stderr[-5000:]}")
    return ended


def main() -> None:
    edits = json.loads((ROOT / "tests/mutants/edits.json").read_text())
    rounds = collections.defaultdict(list)
    for edit in edits:
        if not sys.argv[1:] or str(edit["round"]) in sys.argv[1:]:
            rounds[edit["round"]].append(edit)
    edits = [edit for part in rounds.values() for edit in part]
    copy()
    green = run(sorted({edit["test"] for edit in edits}))
    if red := [test for test, end in green.items() if end != "ok"]:
        sys.exit(f"red without any edit: {red}")
    survived = 0
    for _, part in sorted(rounds.items()):
        copy()
        for edit in part:
            path = COPY / edit["file"]
            text = path.read_text()
            if text.count(edit["old"]) != 1:
                sys.exit(f"{edit['file']}: the old text is there {text.count(edit['old'])} times: {edit['old']}")
            path.write_text(text.replace(edit["old"], edit["new"]))
        ended = run([edit["test"] for edit in part])
        for edit in part:
            red = ended[edit["test"]] == "FAILED"
            survived += not red
            print(f"{'red' if red else 'SURVIVED':9}{edit['file']}: {edit['old']} -> {edit['new']} ({edit['test']})", flush=True)
    print(f"{len(edits) - survived} of {len(edits)} wrong edits turned their test red")
    sys.exit(survived > 0)


main()
