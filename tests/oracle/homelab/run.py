#!/usr/bin/env python3
"""Runs the playbooks of a homelab on three fresh machines, twice, and keeps or compares what came of it.

    nodes --kind uml --count 3 --run -- python3 run.py --ansible-dir VENV     records what ansible-playbook makes of them
    nodes --kind uml --count 3 --run -- python3 run.py --program HOMELABCTL   compares what homelabctl makes of others

The record, tests/records/homelab/debian-12.json, has of each machine how many tasks ended how in both runs, and what state.sh
shows afterwards. The project is tests/records/homelab/project; only the inventory is written here, the rest is unmodified.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # this folder is kept in git
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "playbooks"))

from machines import Machine  # noqa: E402 (the same machines as those of the cases)

RECORDS = HERE.parents[1] / "records/homelab"


def machines(top):
    lines = [line for line in pathlib.Path(os.environ["HOMELABCTL_INVENTORY"]).read_text().splitlines() if "ansible_host=" in line]
    all_of_them = [Machine(line, line.split()[0], top) for line in lines]
    for machine in all_of_them:
        machine.connect(os.environ["HOMELABCTL_KNOWN_HOSTS"])
    return all_of_them


def inventory(all_of_them):
    text = ""
    for group, letter in (("masters", "m"), ("workers", "w")):
        text += f"[{group}]\n" + "".join(machine.inventory_line() + "\n" for machine in all_of_them if machine.name.startswith(letter))
    return text + "[cluster:children]\nmasters\nworkers\n"


def state(machine):
    return machine.root((HERE / "state.sh").read_text()).splitlines()


def by_ansible(ansible_dir, project, home, known_hosts):
    env = {
        "PATH": f"{ansible_dir}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1", "ANSIBLE_SSH_ARGS": f"-F none -o ControlMaster=auto -o ControlPersist=120 -o UserKnownHostsFile={known_hosts}",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(home), "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run([f"{ansible_dir}/bin/ansible-playbook", "site.yml"], cwd=project, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=3000)
    sys.stderr.write(done.stdout[-3000:] + done.stderr[-3000:] if done.returncode else "")
    found = re.findall(r"^(\w+)\s+: (ok=.*)$", done.stdout, re.M)
    return {"exit": done.returncode, **{host: {key: int(n) for key, n in re.findall(r"(\w+)=(\d+)", rest)} for host, rest in found}}


def by_homelabctl(program, project, home, known_hosts):
    (home / ".ssh").mkdir(exist_ok=True)
    shutil.copy(known_hosts, home / ".ssh/known_hosts")
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([program, "provision", "site.yml", "--output", "jsonl"], cwd=project, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=1200)
    counts, problems = {}, []
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event.get("event") == "host_finished":
            counts[event["host"]] = event
        elif event.get("outcome") in ("failed", "refused", "unknown", "unreachable"):
            problems.append(line[:2000])
    return {"exit": done.returncode, "problems": problems, "said": done.stderr[-3000:], **counts}


def main():
    words = argparse.ArgumentParser(description="runs the homelab's playbooks on three machines, twice")
    words.add_argument("--ansible-dir", type=pathlib.Path)
    words.add_argument("--program", type=pathlib.Path)
    words.add_argument("--list", type=pathlib.Path, help="write what was found there")
    words = words.parse_args()
    known_hosts, found = os.environ["HOMELABCTL_KNOWN_HOSTS"], {}
    with tempfile.TemporaryDirectory(prefix="hl-") as top:
        top = pathlib.Path(top).resolve()
        project, home = top / "project", top / "home"
        shutil.copytree(RECORDS / "project", project)
        home.mkdir()
        every = machines(top)
        (project / "hosts.ini").write_text(inventory(every))
        for which in ("first", "second"):
            if words.ansible_dir:
                found[which] = by_ansible(words.ansible_dir.resolve(), project, home, known_hosts)
            else:
                found[which] = by_homelabctl(words.program.resolve(), project, home, known_hosts)
            print(which, json.dumps({key: value for key, value in found[which].items() if key != "said"}), flush=True)
            if found[which]["exit"]:
                print(found[which].get("said", ""))
                return 1
            found[which]["state"] = {machine.name: state(machine) for machine in every}
        for machine in every:
            machine.leave()
    if words.list:
        words.list.write_text(json.dumps(found, indent=1))
    file = RECORDS / "debian-12.json"
    if words.ansible_dir:
        if found["first"]["state"] == found["second"]["state"]:
            found["second"]["state"] = "first"
        file.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    return compare(found, json.loads(file.read_text()))


def compare(found, record):
    wrong = []
    for which in ("first", "second"):
        theirs = record[which]["state"]
        theirs = record[theirs]["state"] if isinstance(theirs, str) else theirs
        for host, lines in theirs.items():
            ours = found[which]["state"][host]
            wrong += [f"{which}: {host}: only after ansible-playbook: {line}" for line in lines if line not in ours]
            wrong += [f"{which}: {host}: only after homelabctl: {line}" for line in ours if line not in lines]
    print("\n".join(wrong) or "the same on all machines after both runs")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
