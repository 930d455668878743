"""Records what ansible-core's lineinfile, blockinfile and replace make of files: tests/records/edits.json.

Run by `make oracle` with the Python of the Ansible that it is to be recorded from. The cases are random, from a fixed
seed. Each module runs in this process, on a file in a temporary directory, twice: its second answer tells whether it
settles.
"""

import contextlib
import importlib
import io
import json
import os
import random
import tempfile
import warnings

import ansible.release
from ansible.module_utils import basic

HERE = os.path.dirname(os.path.abspath(__file__))
RECORDS = os.path.join(HERE, "..", "..", "records", "edits.json")
EACH = 260


class Done(Exception):
    """What a module answers with, instead of the end of the process."""


def answer(self, **result):
    raise Done(dict(result, failed=False))


def fail(self, msg, **result):
    raise Done({"failed": True, "msg": msg})


def content(r):
    """A few short lines, with the ends that files have."""
    lines = ["a", "b", "x=1", "x=2", "#x=1", "  y", "", "[s]", "a b", "ü=1", "# BEGIN ANSIBLE MANAGED BLOCK", "# END ANSIBLE MANAGED BLOCK"]
    text = ""
    for _ in range(r.randrange(6)):
        text += r.choice(lines) + r.choice(["\n", "\n", "\n", "\n", "\r\n", "\r"])
    if r.random() < 0.25:
        text += r.choice(lines)
    return text


def maybe(r, args, name, values, chance=0.4):
    if r.random() < chance:
        args[name] = r.choice(values)


PLACES = ["^a", "b$", "EOF", "BOF", r"\[s\]", "^x=", "", "(?m)^a\nb"]


def lineinfile(r):
    args = {}
    maybe(r, args, "line", ["a", "x=3", r"\1=9", "#x=1", "new line", "ü=1", "b\n", ""], 0.9)
    maybe(r, args, r.choice(["regexp", "regexp", "search_string"]), ["^x=", r"^#?(x)=(\d)", "x=", r"\s+y", "^$", "b", r"^(\w)$", "ü", "("], 0.6)
    if "search_string" not in args:
        maybe(r, args, "backrefs", [True, False], 0.3)
    maybe(r, args, r.choice(["insertafter", "insertbefore"]), PLACES)
    maybe(r, args, "firstmatch", [True])
    maybe(r, args, "state", ["absent", "present"])
    return args


def blockinfile(r):
    args = {}
    maybe(r, args, "block", ["x\ny", "one\n", "", "p\r\nq", "ü"], 0.9)
    maybe(r, args, "marker", ["# {mark} X", "a", "{mark}"], 0.2)
    maybe(r, args, "marker_begin", ["a", "START"], 0.15)
    maybe(r, args, r.choice(["insertafter", "insertbefore"]), PLACES)
    maybe(r, args, "append_newline", [True])
    maybe(r, args, "prepend_newline", [True])
    maybe(r, args, "state", ["absent", "present"])
    return args


def replace(r):
    args = {"regexp": r.choice(["^x=(.)$", "a", r"(?P<n>\w)=(\d)", "^", "$", r"\n", r"^(?!#)(.*)$", "x*", "ü", "(a)|b", "["])}
    maybe(r, args, "replace", ["z", r"\1", r"#\g<0>", r"\g<n>", r"\\\n", "", r"[\2]", r"\q", r"\101\0"], 0.9)
    maybe(r, args, "after", ["^a", r"\[s\]", "x=1\n", ""], 0.25)
    maybe(r, args, "before", ["b", r"\[s\]", "$"], 0.25)
    return args


def run(module, args, path):
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": dict(args, path=path)}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            module.main()
    except Done as done:
        return done.args[0]
    except Exception as error:
        return {"failed": True, "msg": "%s: %s" % (type(error).__name__, error)}


def case(name, module, args, text, directory):
    path = os.path.join(directory, "file")
    with open(path, "w", newline="") as file:
        file.write(text)
    first = run(module, args, path)
    with open(path, newline="") as file:
        after = file.read() if not first["failed"] else text
    record = {"module": name, "args": args, "before": text, "failed": first["failed"]}
    if not first["failed"]:
        record.update(after=after, changed=first["changed"], msg=first["msg"])
        record["settles"] = not run(module, args, path).get("changed", False)
        if "found" in first:
            record["found"] = first["found"]
    return record


def main():
    warnings.simplefilter("ignore")
    basic.AnsibleModule.exit_json = answer
    basic.AnsibleModule.fail_json = fail
    r = random.Random(2026)
    cases = []
    with tempfile.TemporaryDirectory() as directory:
        for make in (lineinfile, blockinfile, replace):
            module = importlib.import_module("ansible.modules." + make.__name__)
            for _ in range(EACH):
                cases.append(case(make.__name__, module, make(r), content(r), directory))
    with open(RECORDS, "w") as file:
        file.write('{"ansible-core": %s, "cases": [\n' % json.dumps(ansible.release.__version__))
        file.write(",\n".join(json.dumps(case, ensure_ascii=False, sort_keys=True) for case in cases))
        file.write("\n]}\n")


main()
