#!/usr/bin/env python3
"""Records what Ansible's loader makes of the documents in tests/records/yaml/cases.json.

    record.py --ansible-dir VENV        writes tests/records/yaml/expected.json

cases.json is a list of {"name", "yaml"}. expected.json has, under "answers", for each name one of

    {"t": "error"}
    {"t": "null"}, {"t": "bool", "v": true}, {"t": "int", "v": "digits"}, {"t": "float", "v": as Python writes it}
    {"t": "str", "v": text}, {"t": "unsafe", "v": text}, {"t": "vault", "v": what stands under !vault}
    {"t": "date", "v": isoformat}, {"t": "bytes", "v": base64}
    {"t": "list", "v": [...]}, {"t": "map", "v": [[key, value], ...]} in order, {"t": "set", "v": [...]}

A text is "unsafe" when it is not trusted as a template; keys are not told apart. A file that is JSON is read as JSON and not as YAML, as Ansible does.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
RECORDS = ROOT / "tests/records/yaml"


def inside():
    """Runs in the Python which has Ansible: texts on standard input, answers on standard output."""
    import base64
    import datetime

    from ansible._internal._datatag._tags import TrustedAsTemplate
    from ansible.module_utils.common.yaml import HAS_LIBYAML
    from ansible.parsing.utils.yaml import from_yaml
    from ansible.parsing.vault import EncryptedString
    from ansible.release import __version__

    def typed(value):
        match value:
            case None:
                return {"t": "null"}
            case bool():
                return {"t": "bool", "v": bool(value)}
            case int():
                return {"t": "int", "v": str(int(value))}
            case float():
                return {"t": "float", "v": repr(float(value))}
            case EncryptedString():
                return {"t": "vault", "v": str(value._ciphertext)}
            case str():
                kind = "str" if TrustedAsTemplate.is_tagged_on(value) else "unsafe"
                return {"t": kind, "v": str.__str__(value)}
            case bytes():
                return {"t": "bytes", "v": base64.b64encode(value).decode()}
            case datetime.date():
                return {"t": "date", "v": value.isoformat()}
            case list() | tuple():
                return {"t": "list", "v": [typed(v) for v in value]}
            case set():
                return {"t": "set", "v": sorted((typed(v) for v in value), key=json.dumps)}
            case dict():
                return {"t": "map", "v": [[key(k), typed(v)] for k, v in value.items()]}
        raise TypeError(type(value))

    def key(value):
        # Keys are never templates, so it does not matter whether they are trusted.
        return {"t": "str", "v": str.__str__(value)} if isinstance(value, str) else typed(value)

    answers = {}
    for name, text in json.load(sys.stdin):
        try:
            answers[name] = typed(from_yaml(TrustedAsTemplate().tag(text)))
        except TypeError:
            raise
        except Exception:
            answers[name] = {"t": "error"}
    json.dump({"ansible": __version__, "libyaml": HAS_LIBYAML, "answers": answers}, sys.stdout)


def main():
    words = argparse.ArgumentParser(description="records what Ansible's loader makes of YAML documents")
    words.add_argument("--ansible-dir", type=pathlib.Path)
    words.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    words = words.parse_args()
    if words.inside:
        return inside()
    if not words.ansible_dir:
        sys.exit("--ansible-dir names the virtual environment in which ansible-core is installed")
    cases = json.loads((RECORDS / "cases.json").read_text())
    pairs = [(case["name"], case["yaml"]) for case in cases]
    if len(dict(pairs)) != len(pairs):
        sys.exit("two cases have the same name")
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": "/usr/bin:/bin", "HOME": home, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [words.ansible_dir.resolve() / "bin/python3", __file__, "--inside"], env=env, cwd=home, check=True,
            input=json.dumps(pairs), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
    answer = json.loads(done.stdout)
    lines = [f' {json.dumps(name, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}' for name, v in answer["answers"].items()]
    text = f'{{"ansible": "{answer["ansible"]}", "libyaml": {json.dumps(answer["libyaml"])}, "answers": {{\n'
    (RECORDS / "expected.json").write_text(text + ",\n".join(lines) + "\n}}\n")
    errors = sum(v["t"] == "error" for v in answer["answers"].values())
    print(f"{len(pairs)} recorded, {errors} of them errors")


if __name__ == "__main__":
    main()
