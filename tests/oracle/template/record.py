"""Records what ansible-core's templating makes of the cases beside this file, into tests/records/template.json.

Run it with the Python of an ansible-core installation; the record says which version it was.
"""

import json
import os
import pathlib

os.environ["TEMPLATE_ORACLE"] = "from the environment"
os.environ.pop("NOPE_X", None)

from ansible import __version__
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent.parent / "records" / "template.json"


def trusted(value):
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(item) for item in value]
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return value


def plain(value):
    """What JSON can hold, without the types that say where a value came from. Keys that are no texts become pairs."""
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {str(key): plain(item) for key, item in value.items()}
        return {"pairs": [[plain(key), plain(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return {"other": type(value).__name__}


def answer(make):
    try:
        return {"value": plain(make())}
    except Exception:  # whatever it is, it is an error to the person
        return {"error": True}


def main():
    init_plugin_loader()
    records = []
    for group in json.loads((HERE / "cases.json").read_text()):
        templar = Templar(DataLoader(), variables=trusted(group["vars"]))
        records.append({
            "vars": group["vars"],
            "templates": [{"text": text, **answer(lambda: templar.template(trusted(text)))} for text in group["templates"]],
            # as `when:` has them: backslashes count as in Jinja2
            "expressions": [
                {"text": text, **answer(lambda: templar._engine.evaluate_expression(trusted(text), escape_backslashes=False))}
                for text in group.get("expressions", [])
            ],
        })
    record = {"ansible-core": __version__, "groups": records}
    OUT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


main()
