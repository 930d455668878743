"""Writes what happens in a run of ansible-playbook to the file $RECORD_TO, one JSON document a line; prints nothing."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recorder
type: stdout
short_description: writes what happens as JSON lines
description: Writes what happens as JSON lines to the file that RECORD_TO names.
"""


def has_rescue(task):
    """Whether a failure of the task is caught by the rescue of a block around it."""
    child, parent = task, task._parent
    while parent:
        inside = getattr(parent, "block", None) or []
        # an included file's block hangs below the task that included it
        if getattr(parent, "rescue", None) and any(part._uuid == child._uuid for part in inside):
            return True
        child, parent = parent, parent._parent
    return False


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "recorder"
    def write(self, **event):
        with open(os.environ["RECORD_TO"], "a", encoding="utf-8") as file:
            file.write(json.dumps(plain(event)) + "\n")

    def v2_playbook_on_play_start(self, play):
        self.write(event="play", name=play.get_name(), free=play.strategy.endswith(("free", "host_pinned")))

    def begins(self, task, kind):
        self.write(event="task", uuid=task._uuid, name=task.get_name(), action=task.resolved_action or task.action, kind=kind)

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.begins(task, "task")

    def v2_playbook_on_handler_task_start(self, task):
        self.begins(task, "handler")

    def v2_playbook_on_include(self, included_file):
        self.write(event="include", uuid=included_file._task._uuid, file=included_file._filename, hosts=[h.name for h in included_file._hosts])

    def v2_playbook_on_no_hosts_matched(self):
        self.write(event="no hosts")

    def result(self, result, outcome):
        told = result._result
        loops = result.task.loop is not None or bool(result.task.loop_with)
        self.write(event="result", uuid=result.task._uuid, host=result.host.name, outcome=outcome, result=told, loop=loops,
                   delegated=(told.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host"))

    def v2_runner_on_ok(self, result):
        self.result(result, "changed" if result.is_changed() else "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result(result, "ignored" if ignore_errors else "rescued" if has_rescue(result.task) else "failed")

    def v2_runner_on_skipped(self, result):
        self.result(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self.result(result, "unreachable")

    def v2_playbook_on_stats(self, stats):
        self.write(event="stats", hosts={host: stats.summarize(host) for host in stats.processed}, custom=stats.custom)
