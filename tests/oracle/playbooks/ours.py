"""A run of homelabctl, as `events` has one of ansible-playbook."""
import collections
import json
import os
import shutil
import subprocess

from events import outcome

# our words for how a task ended, and Ansible's; a rescued failure is a failure here
ENDED = {"unchanged": "ok", "refused": "failed", "rescued": "failed"}
# what no task is told of, here or there
LEFT_OUT = ("include_tasks", "include_role", "gather_facts", "meta")
REFUSED = 64

Task = collections.namedtuple("Task", "place name module outcome items result")


def run(program, lane, case, home, args, normal):
    """(exit status, the tasks of each host in their order, what was said)"""
    shutil.copy(os.environ["HOMELABCTL_KNOWN_HOSTS"], home / ".ssh/known_hosts")
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC",
           "FROM_CONTROLLER": "yes"}
    done = subprocess.run(
        [program, "provision", "play.yml", "-i", lane / "inventory/hosts.ini", "--forks", "1", "--output", "jsonl", *args],
        cwd=case, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=180,
    )
    tasks, said = collections.defaultdict(list), ["exit", str(done.returncode), done.stderr.strip()]
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event.get("event") == "notice" and event.get("level") == "error":
            said.append(event["message"])
        if event.get("event") != "task_finished" or event["module"].rpartition(".")[2] in LEFT_OUT:
            continue
        module = event["module"].rpartition(".")[2]
        result = normal.result(event.get("result") or {}, module == "setup")
        ended = "ignored" if event.get("ignored") and event["outcome"] != "unreachable" else ENDED.get(event["outcome"], event["outcome"])
        if problem := event.get("problem"):
            said.append(f"{event['host']}: {event['task']}: {problem['message']}")
        tasks[event["host"]].append(Task(event["place"], event["task"], module, ended, items(result), result))
    return done.returncode, tasks, "\n    ".join(filter(None, said))


def items(result):
    """How the items of a loop ended."""
    found = result.get("results")
    return [outcome(item) for item in found] if isinstance(found, list) and found and "item" not in result else None


def theirs(run):
    """The tasks of each host in a record, in their order."""
    tasks = collections.defaultdict(list)
    for task in run.get("tasks", []):
        module = task.get("action", "").rpartition(".")[2]
        if task["kind"] == "include" or module in LEFT_OUT or (module == "setup" and task["name"] == "Gathering Facts"):
            continue
        for host, answer in task["hosts"].items():
            ended = ENDED.get(answer["outcome"], answer["outcome"])
            tasks[host].append(Task("", task["name"], module, ended, answer.get("items"), answer.get("result")))
    return tasks
