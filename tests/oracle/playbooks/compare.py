#!/usr/bin/env python3
"""Runs the recorded cases with homelabctl and says where it differs from what ansible-playbook did.

    cargo run --example nodes -- --count 6 --run -- python3 compare.py --program HOMELABCTL [--only NAME ...] [--list FILE]

Compared are, of the first and the second run: how each task ended on each host, in their order (`rescued` is `failed` here, and what is
refused has failed; includes and the gathering of facts are left out), whether the run succeeded, and the state of the machines
after it. Texts of messages are nobody's promise. --list writes the names of the cases that agree.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # this folder is kept in git

from normal import Normal
from record import PER_LANE, RECORDS, Lane, chosen

OURS = {"unchanged": "ok", "refused": "failed", "pending": "pending"}
LEFT_OUT = ("include_tasks", "include_role", "gather_facts", "meta")


class Ours(Lane):
    program = None

    def compare(self, source):
        read = lambda name: (source / name).read_text() if (source / name).exists() else ""
        record = json.loads((RECORDS / f"{source.name}.json").read_text())
        machines = self.machines[: int(read("hosts") or 1)]
        case, home = self.folder / "case", self.folder / "home"
        paths = [(str(case), "CASE"), (str(home), "HOME"), (str(self.folder), "LANE")]
        normal = Normal([*paths, *((machine.address, f"ADDRESS-OF-{machine.name}") for machine in machines)])
        inventory = self.folder / "inventory/hosts.ini"
        inventory.parent.mkdir(exist_ok=True)
        lines = [machine.inventory_line() for machine in machines]
        inventory.write_text("\n".join(["[first]", lines[0], "[rest]", *lines[1:], read("extra.ini")]) + "\n")
        for folder in (case, home):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, case, symlinks=True)
        (home / ".ssh").mkdir(parents=True)
        shutil.copy(os.environ["HOMELABCTL_KNOWN_HOSTS"], home / ".ssh/known_hosts")
        for machine in machines:
            machine.begin(read("setup.sh"))
        differences = []
        for which in ("first", "second"):
            theirs = record[which]
            code, ended, said = self.run_ours(case, home, read("args").splitlines())
            wanted = outcomes_of(theirs)
            if (code == 0) != (theirs["exit"] == 0):
                differences.append(f"{which}: exit {code}, not {theirs['exit']}: {said[-300:]}")
            for host in sorted(set(wanted) | set(ended)):
                if wanted.get(host, []) != ended.get(host, []):
                    differences.append(f"{which}: {host}: {ended.get(host)} not {wanted.get(host)}")
            states = {"begin": record["begin"], "first": record["first"]["state"]}
            expected = theirs["state"]
            while isinstance(expected, str):
                expected = states[expected]
            now = {machine.name: machine.state(normal) for machine in machines}
            if now != expected:
                differences.append(f"{which}: state {shown(now, expected)}")
        return differences

    def run_ours(self, case, home, args):
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC",
               "FROM_CONTROLLER": "yes"}
        done = subprocess.run(
            [self.program, "provision", "play.yml", "-i", self.folder / "inventory/hosts.ini", "--forks", "1", "--output", "jsonl", *args],
            cwd=case, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=180,
        )
        ended, said = {}, done.stderr
        for line in done.stdout.splitlines():
            event = json.loads(line)
            if event.get("event") == "notice" and event.get("level") == "error":
                said += event["message"] + "\n"
            if event.get("event") != "task_finished" or event["module"].rpartition(".")[2] in LEFT_OUT:
                continue
            outcome = event["outcome"]
            outcome = "ignored" if event.get("ignored") else OURS.get(outcome, outcome)
            ended.setdefault(event["host"], []).append(outcome)
            if outcome == "failed":
                said += f"{event['task']}: {event.get('problem', {}).get('message')}\n"
        return done.returncode, ended, said


def outcomes_of(run):
    found = {}
    for task in run.get("tasks", []):
        action = task.get("action", "").rpartition(".")[2]
        if task["kind"] == "include" or action in LEFT_OUT or (action == "setup" and task["name"] == "Gathering Facts"):
            continue
        for host, answer in task["hosts"].items():
            outcome = answer["outcome"]
            found.setdefault(host, []).append("failed" if outcome == "rescued" else outcome)
    return found


def shown(now, expected):
    parts = []
    for host in expected:
        for part in ("tree", "accounts"):
            a, b = now.get(host, {}).get(part), expected[host].get(part)
            if a == b:
                continue
            if isinstance(a, dict) and isinstance(b, dict):
                parts += [f"{name}: {a.get(name)} not {b.get(name)}" for name in sorted(set(a) | set(b)) if a.get(name) != b.get(name)][:4]
            else:
                parts.append(f"{part}: {a} not {b}")
    return "; ".join(parts)[:600]


def main():
    words = argparse.ArgumentParser(description="runs the recorded playbooks with homelabctl and compares")
    words.add_argument("--program", type=pathlib.Path, required=True)
    words.add_argument("--only", action="append", metavar="NAME")
    words.add_argument("--list", type=pathlib.Path)
    words = words.parse_args()
    Ours.program = words.program.resolve()
    folders = chosen(words.only)
    lines = [line for line in pathlib.Path(os.environ["HOMELABCTL_INVENTORY"]).read_text().splitlines() if "ansible_host=" in line]
    good, free = [], queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="pb-") as top:
        top, lanes = pathlib.Path(top).resolve(), []
        try:
            for number in range(len(lines) // PER_LANE):
                own = lines[number * PER_LANE : (number + 1) * PER_LANE]
                lanes.append(Ours(number, own, top, pathlib.Path("/nonexistent"), os.environ["HOMELABCTL_KNOWN_HOSTS"]))
                free.put(lanes[-1])

            def one(folder):
                lane = free.get()
                try:
                    differences = lane.compare(folder)
                except Exception as why:  # the other cases are to be compared whatever is wrong with this one
                    differences = [f"{type(why).__name__}: {why}"]
                finally:
                    free.put(lane)
                good.extend([] if differences else [folder.name])
                for difference in differences:
                    print(f"{folder.name}: {difference}", flush=True)

            with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
                list(pool.map(one, folders))
        finally:
            for lane in lanes:
                for machine in lane.machines:
                    machine.leave()
    if words.list:
        words.list.write_text("".join(f"{name}\n" for name in sorted(good)))
    print(f"{len(good)} of {len(folders)} agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
