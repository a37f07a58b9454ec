"""SIGTERM in the middle of an act: the act in hand is finished and written down, and no other is begun."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from forking import worker_of
from meanwhile import meanwhile
from year import Plan, lived

from finops.state import State

PATIENCE = 90.0  # seconds that it may take to end


def test_stopped_in_mid_act_it_ends_that_act_and_begins_no_other(tmp_path: Path):
    only = {"guard": "every 15 minutes"}
    off = ("watch", "ingest", "anomalies", "budgets", "compliance", "sweep", "tell", "apply", "tier", "report", "close",
           "deliver", "housekeeping")  # fmt: skip
    plan = Plan(1, 0, 7, only | dict.fromkeys(off, "off"), share=0)
    with lived(tmp_path, plan) as year, worker_of("dying_daemon.py") as worker:
        children: list[int] = []
        at: list[float] = []

        def stop() -> None:
            at.append(time.monotonic())
            os.kill(children[0], signal.SIGTERM)

        meanwhile(year.served, lambda asked: asked["method"] in {"PATCH", "PUT", "DELETE"}, stop)
        status, _ = worker.run(year.order(), children.append)
        took = time.monotonic() - at[0]

        changes = [one["path"] for one in year.served.requests]
        with State.open(year.state) as state:
            assert status == 0
            assert took < PATIENCE
            assert len(changes) == 1
            assert state.pending_intents() == []
            assert [one.outcome for one in state.intents_since(year.begins - timedelta(days=1))] == ["done"]
            assert state.daybook.open_runs() == []
            assert [one.outcome for one in state.daybook.runs(year.begins - timedelta(days=1))][-1] in {
                "held",
                "partial",
            }
