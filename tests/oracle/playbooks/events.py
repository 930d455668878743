"""What the callback wrote, as the record has it.

A run has
    plays    names, a batch of `serial` each
    tasks    in the order in which they began: {play: number in plays, name, action, kind: task | handler, hosts: {NAME: HOST}},
             and {play, kind: "include", file, hosts: [NAME …]} where a file was included
    recap    {NAME: {ok, changed, failures, skipped, unreachable, rescued, ignored}}, numbers that are not 0
    stats    what set_stats set, if anything
HOST is
    outcome  ok, changed, failed, ignored (failed, and ignore_errors), rescued (failed within a block with a rescue), skipped,
             unreachable
    items    outcomes of a loop's items
    result   what `register` would keep, normalised; its `results` are those of the items. Of check and second runs: only msg
    diff     of check runs: what --diff shows
    delegated  the host to which it was delegated
"""


class Wrong(Exception):
    """A case which is not what it is meant to be, or a run that went wrong in itself."""


GATHERS = ("setup", "gather_facts")


def outcome(result):
    if not isinstance(result, dict):
        return "ok"
    for key in ("unreachable", "failed", "skipped"):
        if result.get(key):
            return key
    return "changed" if result.get("changed") else "ok"


def diffs(result, normal):
    """What --diff shows: the items' where there are any."""
    items = result.get("results")
    if isinstance(items, list) and items and all(isinstance(item, dict) for item in items):
        found = [normal.value(item.get("diff")) for item in items]
        return found if any(found) else None
    return normal.value(result.get("diff")) or None


def host(event, action, normal, which):
    result = event["result"]
    answer = {"outcome": event["outcome"]}
    if event["loop"] and isinstance(result.get("results"), list):
        answer["items"] = [outcome(item) for item in result["results"]]
    if event.get("delegated"):
        answer["delegated"] = event["delegated"]
    if which == "first":
        answer["result"] = normal.result(result, action.rpartition(".")[2] in GATHERS)
    elif isinstance(result.get("msg"), str) and event["outcome"] not in ("ok", "changed", "skipped"):
        answer["msg"] = normal.text(result["msg"])
    if which == "check" and (diff := diffs(result, normal)):
        answer["diff"] = diff
    return answer


def told(events, normal, which):
    """which: check, first or second."""
    plays, tasks, known, answer, free = [], [], {}, {}, False
    for event in events:
        what = event["event"]
        if what == "play":
            plays.append(event["name"])
            known, free = {}, event["free"]
        elif what == "task":
            # with the free strategy each host comes to the task in its own time
            if not (free and event["uuid"] in known):
                entry = {"play": len(plays) - 1, "kind": event["kind"], "name": normal.text(event["name"]), "action": event["action"], "hosts": {}}
                known[event["uuid"]] = entry
                tasks.append(entry)
        elif what == "result":
            entry = known[event["uuid"]]
            entry["hosts"][event["host"]] = host(event, entry["action"], normal, which)
        elif what == "include":
            tasks.append({"play": len(plays) - 1, "kind": "include", "file": normal.text(event["file"]), "hosts": sorted(event["hosts"])})
        elif what == "no hosts":
            answer["no_hosts_matched"] = True
        elif what == "stats":
            answer["recap"] = {
                name: {key: number for key, number in counts.items() if number} for name, counts in sorted(event["hosts"].items())
            }
            if event["custom"]:
                answer["stats"] = dict(sorted(normal.value(event["custom"]).items()))
    for task in tasks:
        if isinstance(task["hosts"], dict):
            task["hosts"] = dict(sorted(task["hosts"].items()))
    for name, counts in answer.get("recap", {}).items():
        # the recap does not count an include that could not be read
        counted = [task for task in tasks if task["kind"] != "include" and not task["action"].endswith(("include_tasks", "include_role"))]
        rescued = sum(task["hosts"][name]["outcome"] == "rescued" for task in counted if name in task["hosts"])
        if rescued != counts.get("rescued", 0):
            raise Wrong(f"{name}: {rescued} tasks seem to be rescued, the recap says {counts.get('rescued', 0)}")
    return {"plays": plays, "tasks": tasks, **answer}
