"""What a target's run with homelabctl is worth, held against the same with ansible-playbook.

A case is a call of ansible-playbook: of a role there is one, of a script as many as it makes. A call is right if homelabctl ends
well where Ansible did and badly where Ansible did, and if every assertion that Ansible reached is reached and ends alike: for each
`assert` task, host and item. A call that the script did not expect to end as it did with Ansible does not count, but for what a
role had asserted by then.
"""
import collections
import os.path
import re

TIMED_OUT = (124, 137)


def place(text, cwd):
    """`FILE:LINE` as both say it: the file from the folder of the targets on."""
    file, _, line = text.rpartition(":")
    path = os.path.normpath(os.path.join(cwd, re.sub(r"^~(?=/)", "/root", file)))
    return f"{path.rpartition('/integration/')[2].removeprefix('targets/')}:{line}"


def their_asserts(call):
    return collections.Counter(
        (place(event["place"], call["cwd"]), event["host"], event["outcome"]) for event in call["events"] if event["outcome"] != "skipped"
    )


def our_asserts(call):
    found = collections.Counter()
    for event in call["events"]:
        if event.get("event") != "task_finished" or event["module"].rpartition(".")[2] != "assert":
            continue
        outcome = {"unchanged": "ok", "changed": "ok"}.get(event["outcome"], event["outcome"])
        results = (event.get("result") or {}).get("results")
        if isinstance(results, list):
            outcomes = ["skipped" if item.get("skipped") else "failed" if item.get("failed") else "ok" for item in results]
        else:
            outcomes = [outcome]
        found.update((place(event["place"], call["cwd"]), event["host"], how) for how in outcomes if how != "skipped")
    return found


def said(call):
    """What homelabctl said was wrong: what it refused before the run, else what failed last."""
    errors, failed = [], []
    for event in call["events"]:
        if event.get("event") == "notice" and event.get("level") == "error":
            stands = re.search(r"--> (\S+:\d+)", event.get("drawing") or "")
            errors.append((f"{place(stands[1], call['cwd'])}: " if stands else "") + event["message"])
        elif event.get("event") == "task_finished" and event["outcome"] in ("failed", "refused", "unknown", "unreachable") and not event.get("ignored"):
            message = (event.get("problem") or {}).get("message", "")
            failed.append(f"{place(event['place'], call['cwd'])}: {event['module']}: {message}")
    if call["exit"] in TIMED_OUT:
        failed.append("it did not end in time")
    found = errors or failed[-1:] or [line for line in call.get("err", "").splitlines() if line.startswith("error")][:1]
    return found or [f"it ended with {call['exit']}"]


def same_words(call, other):
    """Whether both were called alike, but for the names that mktemp gave."""
    bare = [[re.sub(r"(?<=/ansible_test\.)\w{9}", "*", word) for word in each["words"]] for each in (call, other)]
    return bare[0] == bare[1]


def shown(call):
    return " ".join(["ansible-playbook", *call["words"]])


def judged(target, theirs, ours):
    """What is to be told of a target."""
    answer = {"name": target.name, "script": target.is_script, "calls": 0, "good": 0, "reached": 0, "held": 0, "not_counted": [], "failures": [],
              "screen": target.screen_lines(), "settings": set()}
    counted = [call for call in theirs["calls"] if call["program"] == "ansible-playbook"]
    answer["other_calls"] = len(theirs["calls"]) - len(counted)
    own = {call["number"]: call for call in ours["calls"]}
    # a script may also end because of another program than Ansible
    if theirs["exit"] != 0 and counted and counted[-1]["exit"] != 0:
        last = counted[-1]
        how = f"Ansible ended with {last['exit']} here"
        # what a role reached before can be compared
        if target.is_script or not their_asserts(last):
            counted.pop()
        else:
            how += f" after {their_asserts(last).total()} assertions, which count"
        answer["not_counted"].append(f"{shown(last)}: {how}")
    for call in counted:
        answer["calls"] += 1
        answer["settings"] |= set(settings(call))
        wanted, mine = their_asserts(call), own.get(call["number"])
        answer["reached"] += wanted.total()
        if mine is None or not same_words(mine, call) or "exit" not in mine:
            answer["failures"].append({"where": shown(call), "missing": wanted.total(), "why": "homelabctl was not called there"})
            continue
        got = our_asserts(mine)
        held = (wanted & got).total()
        answer["held"] += held
        right = (mine["exit"] == 0) == (call["exit"] == 0)
        if right and held == wanted.total():
            answer["good"] += 1
            continue
        why = said(mine) if mine["exit"] != 0 else []
        if right or mine["exit"] == 0:
            why += [f"{where}: on {host} not {how}" for (where, host, how), _ in sorted((wanted - got).items())][:3]
        if not right and mine["exit"] == 0:
            why.append("it ended well, which Ansible did not")
        answer["failures"].append({"where": shown(call), "missing": wanted.total() - held, "why": "; ".join(why[:12])})
    return answer


def settings(call):
    from targets import settings_of
    return settings_of(call["environment"])


def broken(target, why):
    """A target that could not be run at all."""
    failure = {"where": target.name, "missing": 0, "why": why}
    return {"name": target.name, "script": target.is_script, "calls": 1, "good": 0, "reached": 0, "held": 0, "not_counted": [], "failures": [failure],
            "screen": 0, "settings": set(), "other_calls": 0}
