#!/usr/bin/env python3
"""Runs the recorded cases with homelabctl and says where it differs from what ansible-playbook did. Needs no Ansible.

    cargo run --example nodes -- --count 6 --run -- python3 compare.py --program HOMELABCTL [--only NAME ...] [--list FILE] [--write]

Compared are, of the first and the second run: how each task ended on each host, in their order (`rescued` is `failed` here, and
what is refused has failed; includes and the gathering of facts are left out), each item of its loop and what it registered,
whether the run succeeded, the state of the machines after it, and the files that it left on the controller. Before each run
comes a dry run: it must leave what Ansible's leaves, and what it foretells is what the run then does, or it says that it
cannot know.

A case that differs on purpose has a file `ours.json` (where another release's lines are other, `ours-13.json`): {"why": one sentence, "differences": [every line]}. It is wrong if a
line is missing, if there is one more, or if nothing differs any more. --write writes what was found into those that exist.
--list writes the names of the cases that agree, as Ansible or as their ours.json says.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import queue
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True  # this folder is kept in git

import ours
from differences import Predictions, of_files, of_states, of_tasks
from normal import Normal
from record import Lane, Machines, controller


class Ours(Lane):
    program = kind = None

    def compare(self, source, predictions):
        read = lambda name: (source / name).read_text() if (source / name).exists() else ""
        record = json.loads(self.kind.record(source.name).read_text())
        machines = self.machines[: int(read("hosts") or 1)]
        case, home = self.folder / "case", self.folder / "home"
        normal = Normal([(str(case), "CASE"), (str(home), "HOME"), (str(self.folder), "LANE"),
                         *((machine.address, f"ADDRESS-OF-{machine.name}") for machine in machines)])
        self.write_inventory(machines, read("extra.ini"))
        args, found, said = read("args").splitlines(), [], []

        def fresh():
            for folder in (case, home):
                shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(source, case, symlinks=True)
            (home / ".ssh").mkdir(parents=True)
            for machine in machines:
                machine.begin(read("setup.sh"))

        def run(*more):
            code, tasks, words = ours.run(self.program, self.folder, case, home, [*args, *more], normal)
            said.append(words)
            return code, tasks, {machine.name: machine.state(normal) for machine in machines}

        def state_of(which):
            state = record["begin"] if which == "begin" else record[which]["state"]
            return state_of(state) if isinstance(state, str) else state

        def note(which, lines):
            found.extend(f"{which}: {line}" for line in lines)

        dry = [] if "--check" in args else ["--check"]
        fresh()
        _, foretold, now = run(*dry)
        if now != record["begin"]:
            # tasks that run in check mode, too
            note("check", of_states(now, state_of("check")))
            fresh()
        for which in ("first", "second"):
            theirs = record[which]
            code, tasks, now = run()
            if code == ours.REFUSED and not tasks:
                note(which, [] if theirs["exit"] and not ours.theirs(theirs) else ["refused before the run"])
                note(which, of_states(now, record["begin"]))
                continue
            if (code == 0) != (theirs["exit"] == 0):
                note(which, [f"exit {code}, not {theirs['exit']}"])
            note(which, of_tasks(tasks, ours.theirs(theirs)))
            note(which, of_states(now, state_of(which)))
            note(f"{which}: controller", of_files(controller(case, source, normal), theirs.get("controller", {})))
            if which == "first" or record["check"]["state"] == "begin":
                note(f"before {which}", predictions.differences(foretold, tasks))
            # where tasks are carried out in a dry run too, one in between would change what the second run finds
            if which == "first" and record["check"]["state"] == "begin":
                _, foretold, now = run(*dry)
                note("check", of_states(now, state_of("first")))
        return found, said


def judged(file, found, write):
    """What is wrong with what was found: all of it, or what the case's ours.json does not say."""
    if not file.exists():
        return found
    known = json.loads(file.read_text())
    if write:
        file.write_text(json.dumps({"why": known["why"], "differences": found}, indent=1, ensure_ascii=False) + "\n")
        return []
    if not found:
        return [f"it is as Ansible's now: away with ours.json ({known['why']})"]
    expected = known.get("differences", [])
    return [line for line in found if line not in expected] + [f"no longer: {line}" for line in expected if line not in found]


def main():
    words = argparse.ArgumentParser(description="runs the recorded playbooks with homelabctl and compares")
    words.add_argument("--program", type=pathlib.Path, required=True)
    words.add_argument("--only", action="append", metavar="NAME")
    words.add_argument("--list", type=pathlib.Path)
    words.add_argument("--write", action="store_true", help="write what differs into the ours.json files that exist")
    words = words.parse_args()
    machines = Machines(os.environ["HOMELABCTL_MACHINES"])
    Ours.program, Ours.kind = words.program.resolve(), machines
    folders, predictions = machines.chosen(words.only), Predictions()
    good, free = [], queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="pb-") as top:
        top, lanes = pathlib.Path(top).resolve(), []
        try:
            for number, own in enumerate(machines.lanes()):
                lanes.append(Ours(number, own, top, pathlib.Path("/nonexistent"), os.environ["HOMELABCTL_KNOWN_HOSTS"]))
                free.put(lanes[-1])

            def one(folder):
                lane, said = free.get(), []
                try:
                    found, said = lane.compare(folder, predictions)
                    wrong = judged(machines.ours(folder), found, words.write)
                except Exception as why:  # the other cases are to be compared whatever is wrong with this one
                    wrong = [f"{type(why).__name__}: {why}"]
                finally:
                    free.put(lane)
                if not wrong:
                    good.append(folder.name)
                    return
                text = "".join(f"{folder.name}: {line}\n" for line in wrong) + "".join(f"  said {words}\n" for words in said)
                print(text, end="", flush=True)

            with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
                list(pool.map(one, folders))
        finally:
            for lane in lanes:
                for machine in lane.machines:
                    machine.leave()
    if words.list:
        words.list.write_text("".join(f"{name}\n" for name in sorted(good)))
    print("predictions: " + ", ".join(f"{number} {what}" for what, number in predictions.counts.items()))
    print(f"{len(good)} of {len(folders)} agree")
    return 0 if len(good) == len(folders) else 1


if __name__ == "__main__":
    sys.exit(main())
