#!/usr/bin/env python3
"""Stands in for `ansible-playbook` (and `ansible`, …) on the machine, so that each call of a script is a case of its own.

$CONFORMANCE_MODE is
    theirs   runs the real one, and writes down what was called, what it wrote, how it ended and what its assertions said
    ours     runs homelabctl in its place and writes down the same, but lets the script see what Ansible wrote and how Ansible
             ended in that call: a script that reads Ansible's screen text takes the same way with both

Everything is in the folder $CONFORMANCE_RUN: NUMBER.json for each call, NUMBER.events what was told meanwhile.
"""
import fcntl
import json
import os
import pathlib
import subprocess
import sys

RUN = pathlib.Path(os.environ["CONFORMANCE_RUN"])
HOME = pathlib.Path("/root/conformance")
# what homelabctl has no need of: it keeps no facts from one run to the next
LEFT_OUT = {"--flush-cache"}


def number():
    """Each call's own, in the order of calls."""
    with open(RUN / "count", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        count = int(file.read() or 0) + 1
        file.truncate(0)
        file.write(str(count))
    return count


def run(words, environment, seconds):
    try:
        done = subprocess.run(["timeout", "--kill-after=5", str(seconds), *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        status, out, err = done.returncode, done.stdout, done.stderr
    except OSError as why:
        status, out, err = 127, b"", str(why).encode()
    return status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def theirs(program, words, call, events):
    environment = os.environ | {"CONFORMANCE_EVENTS": str(events), "PYTHONPATH": str(HOME / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    if program == "ansible-playbook":
        plugins, enabled = environment.get("ANSIBLE_CALLBACK_PLUGINS", ""), environment.get("ANSIBLE_CALLBACKS_ENABLED", "")
        environment |= {"ANSIBLE_CALLBACK_PLUGINS": f"{HOME}/callback:{plugins}".rstrip(":"), "ANSIBLE_CALLBACKS_ENABLED": f"conformance,{enabled}".rstrip(",")}
    call["exit"], call["out"], call["err"] = run(["/usr/bin/python3", str(HOME / "site/bin" / program), *words], environment, os.environ["CONFORMANCE_SECONDS"])
    return call["exit"], call["out"], call["err"]


def ours(program, words, call, events):
    recorded = RUN / "theirs" / f"{call['number']}.json"
    recorded = json.loads(recorded.read_text()) if recorded.exists() else {"exit": None, "out": "", "err": ""}
    if program == "ansible-playbook":
        given = [word for word in words if word not in LEFT_OUT]
        status, out, err = run([str(HOME / "homelabctl"), "provision", *given, "--output", "jsonl"], dict(os.environ), os.environ["CONFORMANCE_SECONDS"])
        events.write_text(out)
        call["exit"], call["err"] = status, err
    return recorded["exit"] if recorded["exit"] is not None else call.get("exit", 1), recorded["out"], recorded["err"]


def main():
    program, words, count = pathlib.Path(sys.argv[0]).name, sys.argv[1:], number()
    settings = {name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")}
    call = {"number": count, "program": program, "words": words, "cwd": os.getcwd(), "environment": settings}
    does = theirs if os.environ["CONFORMANCE_MODE"] == "theirs" else ours
    status, out, err = does(program, words, call, RUN / f"{count}.events")
    (RUN / f"{count}.json").write_text(json.dumps(call))
    sys.stdout.write(out)
    sys.stderr.write(err)
    return status


if __name__ == "__main__":
    sys.exit(main())
