"""Records what ansible-core finds wrong with values by a role's argument specs: tests/records/arg_spec.json.

Run by `make oracle` with the Python of the Ansible that it is to be recorded from.
"""

import json
import pathlib

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader

RECORDS = pathlib.Path(__file__).resolve().parents[2] / "records/arg_spec.json"

NAMES = {name: {} for name in "abcdef"}
RULES = {
    "mutually_exclusive": [["a", "b"], ["a", "c"]], "required_together": [["a", "d"]], "required_one_of": [["d", "e"]],
    "required_by": {"a": ["e"]}, "required_if": [["f", "x", ["d", "e"]], ["f", "y", ["d", "e"], True]],
}
NEEDED = {"required": True}

CASES = [
    ({"a": {"type": "str"} | NEEDED, "b": {"type": "int"} | NEEDED}, {}),
    ({name: {"type": "int"} for name in "ijkl"}, {"i": "x", "j": 1.5, "k": "2.0", "l": {"a": 1}}),
    ({"i": {"type": "int"}, "j": {"type": "int"} | NEEDED}, {"i": None, "j": None}),
    ({"l": {"type": "list"}, "m": {"type": "list"}, "n": {"type": "list", "elements": "int"}},
     {"l": {"a": 1}, "m": "a,b", "n": ["1", "x", 2, {"a": "b"}]}),
    ({"l": {"type": "list", "elements": "dict"}}, {"l": ["a=b", 1, "x"]}),
    ({name: {"type": "dict"} for name in "defh"}, {"d": "a=b, c=d", "e": "x", "f": [1], "h": "a=b, c"}),
    ({name: {"type": "float"} for name in "fgh"}, {"f": "x", "g": "1e3", "h": [1]}),
    ({"b": {"type": "bytes"}, "c": {"type": "bytes"}, "d": {"type": "bits"}, "e": {"type": "bits"}}, {"b": "10 GB", "c": "ten", "d": "1Mb", "e": "1MB"}),
    ({"j": {"type": "json"}, "k": {"type": "jsonarg"}, "r": {"type": "raw"}, "p": {"type": "path"}}, {"j": 5, "k": {"a": 1}, "r": [1], "p": None}),
    ({"c": {"choices": ["a", "b"]}, "d": {"type": "list", "choices": ["a", "b"]}, "e": {"type": "int", "choices": [1, 2]}},
     {"c": "z", "d": ["a", "q", 3], "e": "2"}),
    ({"c": {"choices": ["yes", "no"]}, "d": {"choices": ["on", "yes"]}}, {"c": True, "d": True}),
    ({"a": {"aliases": ["b", "c"]}}, {"b": "x", "d": 1}),
    ({"o": {"type": "dict", "options": {"x": NEEDED, "y": {"type": "int"}}}}, {"o": {"y": "q", "z": 1}}),
    ({"o": {"type": "list", "elements": "dict", "options": {"x": {"type": "int"} | NEEDED, "k": {"choices": ["u", "v"]}}}},
     {"o": [{"x": 1}, {"x": "bad", "k": "w"}, {}]}),
    ({"o": {"type": "dict", "options": {"p": {"type": "dict", "options": {"q": {"type": "list", "elements": "int"}}}}}}, {"o": {"p": {"q": ["a"], "r": 2}}}),
    ({"o": {"type": "dict", "options": NAMES} | RULES}, {"o": {"a": 1, "b": 2, "c": 3, "f": "x"}}),
    ({"o": {"type": "dict", "options": NAMES} | RULES}, {"o": {"f": "y"}}),
    ({"o": {"type": "dict", "options": NAMES} | RULES}, {"o": {"d": 1, "a": 2, "e": 3, "f": "y"}}),
    ({"o": {"type": "dict", "apply_defaults": True, "options": {"x": NEEDED, "y": {"default": 3, "type": "int"}}}}, {}),
    ({"a": {"type": "int", "default": 5}, "b": {"type": "nonsense"}}, {"b": 1}),
    ({name: {"type": "bool"} for name in "abc"}, {"a": "Yes", "b": 0, "c": [1]}),
]


def told(spec, values):
    """What is wrong, of values as they come from a playbook."""
    load = DataLoader().load
    found = ArgumentSpecValidator(load(json.dumps(spec))).validate(load(json.dumps(values)))
    return [str(message) for message in found.error_messages]


lines = [json.dumps({"spec": spec, "values": values, "errors": told(spec, values)}) for spec, values in CASES]
RECORDS.write_text("[\n" + ",\n".join(lines) + "\n]\n")
