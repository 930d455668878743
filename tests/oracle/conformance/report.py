"""docs/conformance.md, and what is said on the screen meanwhile."""
import json
import pathlib

from fetch import VERSION
from targets import ROLES

# kept by hand: why a target fails where it does. {"target": [{"says": part of what homelabctl said, "reason": …, "python": true}]}
REASONS = pathlib.Path(__file__).resolve().parent / "reasons.json"
WANTED_ROLES, WANTED_SHARE = 22, 0.9

HEAD = f"""# Ansible's own tests

`make conformance` writes this page. It takes the source package of ansible-core {VERSION} from the Python package registry and runs
its integration targets, unmodified, on throwaway machines: as `ansible-test` runs them, first with `ansible-playbook` and then
with homelabctl. A role is one case; of a script each call of `ansible-playbook` is one. A case is right if it ends as it did with
Ansible and every assertion that Ansible reached ends alike, for each host and item; an assertion that is not reached has failed.

What a script looks for in Ansible's screen text (`grep`), what `ANSIBLE_*` settings ask for, and the programs beside
`ansible-playbook` are counted apart: the script sees there what Ansible wrote. Cases that Ansible itself fails on these
machines do not count, but for the assertions that a role reaches before.
"""


def reasons():
    return json.loads(REASONS.read_text())


def reason_of(name, failure):
    for known in reasons().get(name, []):
        if known["says"] in failure["where"] + "\n" + failure["why"]:
            return known
    return None


def green(judgement):
    """`green`, `green but for Python`, or nothing."""
    if not judgement["calls"] or (judgement["not_counted"] and not judgement["script"]):
        return ""
    if not judgement["failures"]:
        return "green"
    known = [reason_of(judgement["name"], failure) for failure in judgement["failures"]]
    return "green but for Python" if all(one and one.get("python") for one in known) else ""


def numbers(ordered):
    roles = [one for one in ordered if one["name"] in ROLES]
    return {
        "roles": sum(bool(green(one)) for one in roles), "of": len(roles),
        "held": sum(one["held"] for one in ordered), "reached": sum(one["reached"] for one in ordered),
        "good": sum(one["good"] for one in ordered), "calls": sum(one["calls"] for one in ordered),
    }


def summary(ordered):
    n = numbers(ordered)
    share = 100 * n["held"] / n["reached"] if n["reached"] else 0.0
    return f"{n['roles']} of {n['of']} roles are green; {n['held']} of {n['reached']} assertions hold ({share:.1f} %); {n['good']} of {n['calls']} calls are right"


def line(judgement):
    return f"{judgement['name']}: {judgement['good']}/{judgement['calls']} calls, {judgement['held']}/{judgement['reached']} assertions {green(judgement)}"


def verdict(ordered):
    """The exit status: 0 if it is as good as was promised."""
    n = numbers(ordered)
    print(summary(ordered))
    return 0 if n["roles"] >= min(WANTED_ROLES, n["of"]) and n["held"] >= WANTED_SHARE * n["reached"] else 1


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def table(ordered):
    rows = ["| target | calls right | assertions held | | grep lines | other programs | settings |", "|---|---|---|---|---|---|---|"]
    for one in ordered:
        settings = " ".join(f"`{name}`" for name in sorted(one["settings"]))
        rows.append(f"| {one['name']} | {one['good']} of {one['calls']} | {one['held']} of {one['reached']} | {green(one)} "
                    f"| {one['screen'] or ''} | {one['other_calls'] or ''} | {settings} |")
    return "\n".join(rows)


def document(ordered):
    parts = [HEAD, summary(ordered) + ".\n"]
    parts.append("## Roles\n\n" + table([one for one in ordered if one["name"] in ROLES]) + "\n")
    parts.append("## Scripts\n\n" + table([one for one in ordered if one["name"] not in ROLES]) + "\n")
    failures = ["## What fails, and why\n", "Indented: what homelabctl said. `-N`: so many assertions are lost by it.\n"]
    for one in ordered:
        if one["failures"]:
            failures.append(f"### {one['name']}\n")
            for failure in one["failures"]:
                known = reason_of(one["name"], failure)
                lost = f" (-{failure['missing']})" if failure["missing"] else ""
                failures.append(f"* `{failure['where']}`{lost}: {cell(known['reason']) if known else 'not looked into yet'}\n\n      {cell(failure['why'])[:600]}\n")
    parts.append("\n".join(failures))
    left = [f"* {one['name']}: `{text}`" for one in ordered for text in one["not_counted"]]
    parts.append("## What Ansible itself fails on these machines\n\n" + ("\n".join(left) or "Nothing.") + "\n")
    return "\n".join(parts)


OTHERS = f"""# Others of Ansible's own tests

`make conformance ARGS=--others` writes this page: integration targets of ansible-core {VERSION} beyond those of
[conformance.md](conformance.md), run and judged in the same way. `make conformance ARGS="--only NAME"` runs any single one.
"""


def others(ordered):
    """The page about the targets beyond the list: a line for each, and why it is not wholly green."""
    n = numbers(ordered)
    parts = [OTHERS, f"{sum(bool(green(one)) for one in ordered)} of {len(ordered)} are green; {n['held']} of {n['reached']} assertions hold; "
                     f"{n['good']} of {n['calls']} calls are right.\n", "| target | calls right | assertions held | |", "|---|---|---|---|"]
    for one in ordered:
        whys = [(reason_of(one["name"], failure) or {}).get("reason") or failure["why"][:160] for failure in one["failures"]]
        why = green(one) or "; ".join(dict.fromkeys(cell(why) for why in whys))
        parts.append(f"| {one['name']} | {one['good']} of {one['calls']} | {one['held']} of {one['reached']} | {why[:700]} |")
    return "\n".join(parts) + "\n"
