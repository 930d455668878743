"""Writes how each `assert` ended, for each host and item, to the file $CONFORMANCE_EVENTS; prints nothing."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: conformance
type: notification
short_description: writes how assertions ended
description: Writes how assertions ended as JSON lines to the file that CONFORMANCE_EVENTS names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "conformance"

    def write(self, **event):
        with open(os.environ["CONFORMANCE_EVENTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def ended(self, result, outcome):
        task, told = result.task, result._result
        if (task.resolved_action or task.action).rpartition(".")[2] != "assert":
            return
        loops = (task.loop is not None or bool(task.loop_with)) and isinstance(told.get("results"), list)
        for item in told["results"] if loops else [told]:
            how = "skipped" if item.get("skipped") else "failed" if item.get("failed") else "ok"
            self.write(place=str(task.get_path()), host=str(result.host.name), task=str(task.get_name()), outcome=how if loops else outcome)

    def v2_runner_on_ok(self, result):
        self.ended(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.ended(result, "failed")

    def v2_runner_on_skipped(self, result):
        self.ended(result, "skipped")
