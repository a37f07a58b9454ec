"""kill -9 at every boundary, then a new start: the simulator says whether anything was done twice or unasked."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from databases import postgresql, server
from estates import AS_OF, cluster, workspace_id, write_estate
from forking import Worker, worker_of

from finops.simulator import Served, serving
from finops.state import State

WORKSPACE = workspace_id("ml-prod")
KINDS = ("shrink", "tag", "delete", "make")
ALL = "FINOPS_KILLS" in os.environ
KILLS = int(os.environ.get("FINOPS_KILLS", "8"))


def run(
    worker: Worker, served: Served, state: str, names: dict[str, str], die: int = 0, after: float = 0
) -> tuple[int, str]:
    """The exit status of `dying.py` (-9: killed) and the boundaries it met."""
    order = {"url": served.url, "state": state, "names": names, "die": die, "after": after}
    return worker.run(order | {"now": AS_OF.isoformat(), "say": os.environ.get("FINOPS_SAY")})


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying.py") as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(write_estate(tmp_path_factory.mktemp("killed") / "estate"), retry_after=0) as started:
        yield started


def stage(served: Served, name: str) -> dict[str, str]:
    """Clusters of their own for one history."""
    names = {kind: f"{WORKSPACE}/computes/{name}-{kind}" for kind in KINDS}
    for kind in KINDS[:3]:
        served.world.resources.put(cluster(WORKSPACE, f"{name}-{kind}", high=3))
    return names


@contextmanager
def witnessed(served: Served, state: str, unasked: list[str]) -> Iterator[None]:
    """While the block runs, the server itself looks for an open intent on the disk before it carries out a change."""

    def admits(world: Any, request: Any, change: Any) -> None:
        if state.startswith("postgresql"):
            import psycopg

            with psycopg.connect(state) as db:
                rows = db.execute("SELECT resource_id FROM intents WHERE outcome IS NULL").fetchall()
        else:
            db = sqlite3.connect(f"file:{state}?mode=ro", uri=True)
            rows = db.execute("SELECT resource_id FROM intents WHERE outcome IS NULL").fetchall()
            db.close()
        if change.resource_id.lower() not in {str(row[0]).lower() for row in rows}:
            unasked.append(f"{change.verb} {change.resource_id}")

    served.app._inner.state.admission.append(admits)
    try:
        yield
    finally:
        served.app._inner.state.admission.remove(admits)


def judge(served: Served, state: str, names: dict[str, str]) -> list[str]:
    """What is wrong at the end of a history."""
    wrong = []
    for kind, resource in names.items():
        changes = [
            one for one in served.requests
            if one["method"] != "GET" and one["path"].lower().startswith(resource.lower()) and one["status"] < 300
        ]  # fmt: skip
        if len(changes) != 1:
            wrong.append(f"{kind} was done {len(changes)} times")
    with State.open(state) as opened:
        wrong += [f"intent {one.number} is open" for one in opened.pending_intents()]
        wrong += [fault] if (fault := opened.verify_audit().fault) else []
        done = [one.action for one in opened.intents_since(AS_OF) if one.outcome == "done"]
        if sorted(done) != sorted(KINDS):
            wrong.append(f"recorded as done: {done}")
    return wrong


def history(worker: Worker, served: Served, state: str, name: str, **dies: Any) -> tuple[int, str, list[str]]:
    """Killed once as told, then started until it lives: the first exit status, the boundaries met, what is wrong."""
    served.requests.clear()
    names = stage(served, name)
    unasked: list[str] = []
    State.open(state).close()
    with witnessed(served, state, unasked):
        status, met = run(worker, served, state, names, **dies)
        for _ in range(3):
            if run(worker, served, state, names)[0] == 0 and not judge(served, state, names):
                break
            served.world.clock.advance(minutes=20)  # what Azure was still at comes to its end
    return status, met, [*(f"unasked: {one}" for one in unasked), *judge(served, state, names)]


def enumerated(worker: Worker, served: Served, states: Callable[[int], str], letter: str) -> dict[int, list[str]]:
    """What is wrong after a death at the k-th boundary. By default all that could leave something behind, and some of
    the others; with FINOPS_KILLS set, all."""
    status, boundaries, wrong = history(worker, served, states(0), f"{letter}0")
    assert (status, wrong) == (0, [])
    assert boundaries.count("w") > 15
    failed = {}
    for k, kind in enumerate(boundaries, 1):
        if kind == "r" and k % 8 and not ALL:
            continue
        status, _, wrong = history(worker, served, states(k), f"{letter}{k}", die=k)
        if status != -9 or wrong:
            failed[k] = [f"status {status}", *wrong]
    return failed


def test_killed_at_every_boundary_nothing_is_done_twice_or_unasked_or_left_open(
    worker: Worker, served: Served, tmp_path: Path
):
    assert enumerated(worker, served, lambda k: str(tmp_path / f"{k}.db"), "k") == {}


def test_killed_at_any_moment_nothing_is_done_twice_or_unasked_or_left_open(
    worker: Worker, served: Served, tmp_path: Path
):
    chance = random.Random(7)
    failed = {}
    for number in range(KILLS):
        served.faults.add({"fault": "slow", "seconds": 0.1, "probability": 0.2, "seed": number})
        moment = chance.uniform(0.05, 0.9)
        _, _, wrong = history(worker, served, str(tmp_path / f"m{number}.db"), f"m{number}", after=moment)
        served.faults.clear()
        if wrong:
            failed[moment] = wrong

    assert failed == {}


def test_killed_with_its_state_in_postgresql_nothing_is_done_twice_or_unasked_or_left_open(
    worker: Worker, served: Served, server: str
):  # fmt: skip
    import psycopg

    def fresh(k: int) -> str:
        with psycopg.connect(server, autocommit=True) as db:
            db.execute(f"CREATE DATABASE killed{k}")
        return server.replace("/postgres?", f"/killed{k}?")

    assert enumerated(worker, served, fresh, "p") == {}
