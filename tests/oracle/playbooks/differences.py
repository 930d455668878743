"""Where what homelabctl did differs from what ansible-playbook did: a line of text for each difference."""
import json

from record import RECORDS

# Keys that are compared nowhere, and why.
KEYS = {
    "msg",  # texts of messages are nobody's promise; what the playbook itself says is compared (TEXTS)
    "censored", "failed_when_suppressed_exception", "changed_when_result", "message", "response",  # messages under other names
    "fact_names",  # which facts there are says docs/playbooks.md
}
TEXTS = {"debug", "fail"}
# Of a failed task only what a module documents to return always is compared: what else it knew by then is an accident.
ALWAYS = json.loads((RECORDS.parent / "returns.json").read_text())
COMMON = {"changed", "failed", "skipped", "rc", "cmd", "stdout", "stderr", "results", "attempts", "item", "backup_file", "ansible_facts", "msg"}
FAILED = ("failed", "ignored", "unreachable")
NOTHING = (None, False, "", [], {})
# Where a temporary file of Ansible's was, which is gone.
GONE = "TMP"


def promised(task):
    """What is compared of a task's result."""
    result = task.result
    if task.outcome in FAILED:
        keys = COMMON.union(ALWAYS.get(task.module, ())) - ({"msg"} if task.module == "debug" else set())
        result = {key: value for key, value in result.items() if key in keys}
        if isinstance(items := result.get("results"), list):
            result["results"] = [{k: v for k, v in item.items() if k in keys} if isinstance(item, dict) and item.get("failed") else item
                                 for item in items]
    return result


def of_tasks(ours, theirs):
    """How each task ended on each host, and what it registered."""
    for host in sorted({*ours, *theirs}):
        own, other = ours.get(host, []), theirs.get(host, [])
        outcomes = [[task.outcome for task in tasks] for tasks in (own, other)]
        if outcomes[0] != outcomes[1]:
            yield f"{host}: {' '.join(outcomes[0]) or 'nothing'}, not {' '.join(outcomes[1]) or 'nothing'}"
        for number, (mine, one) in enumerate(zip(own, other), 1):
            if mine.outcome != one.outcome or mine.module != one.module:
                break  # what comes after it is another task
            at = f"{host}: task {number}, {one.name}:"
            if one.items and mine.items != one.items:
                yield f"{at} items {' '.join(mine.items or ['none'])}, not {' '.join(one.items)}"
            elif one.result is not None:
                yield from (f"{at} {line}" for line in of_results(mine.result, promised(one), one.module))


def of_results(ours, theirs, module, path=""):
    """What only we give is an addition, not a difference."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, value in theirs.items():
            at = f"{path}.{key}" if path else key
            if value == GONE or key in KEYS and not (key == "msg" and module in TEXTS):
                continue
            if key in ours:
                yield from of_results(ours[key], value, module, at)
            elif path or value not in NOTHING:
                yield f"{at} absent, not {short(value)}"
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (own, value) in enumerate(zip(ours, theirs)):
            yield from of_results(own, value, module, f"{path}[{index}]")
    elif type(theirs) is not type(ours) or theirs != ours:
        yield f"{path} {short(ours)}, not {short(theirs)}"


def short(value):
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) < 160 else text[:160] + "…"


def of_states(ours, theirs):
    for host in theirs:
        own, other = ours.get(host, {}), theirs[host]
        yield from (f"{host}: {line}" for line in of_files(own.get("tree", {}), other.get("tree", {})))
        for part in ("accounts", "system", "packages"):
            for line in sorted({*own.get(part, ())} ^ {*other.get(part, ())}):
                yield f"{host}: {line} {'too much' if line in own.get(part, ()) else 'absent'}"


def of_files(ours, theirs):
    for path in sorted({*ours, *theirs}):
        if ours.get(path) != theirs.get(path):
            yield f"{path} {ours.get(path, 'absent')}, not {theirs.get(path, 'absent')}"


class Predictions:
    """What a dry run foretold, beside what the run then did."""

    def __init__(self):
        self.counts = {"definite": 0, "open": 0, "not reached": 0}

    def differences(self, foretold, done):
        for host in sorted(done):
            waiting = {}
            for task in foretold.get(host, []):
                waiting.setdefault(task[:3], []).append(task)
            for number, task in enumerate(done[host], 1):
                same = waiting.get(task[:3])
                if not same:
                    self.counts["not reached"] += 1
                    continue
                before = same.pop(0)
                if before.outcome in ("pending", "unknown"):
                    self.counts["open"] += 1
                    continue
                self.counts["definite"] += 1
                if before.outcome != task.outcome:
                    yield f"{host}: task {number}, {task.name}: {before.outcome} foretold, {task.outcome} done"
