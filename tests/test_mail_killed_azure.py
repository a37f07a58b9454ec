"""kill -9 at random moments of whoever delivers through Graph or ACS: no mail is lost, and none comes twice.

The simulator keeps all that it takes, dedupes nothing, answers one request in ten with a fault, and goes on with a mail
whose sender is gone. About twenty kills for each; FINOPS_MAIL_KILLS=200 is the long form.
"""

# ruff: noqa: F401 - fixtures are imported, and asked for by their names
from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import postgresql, server
from estates import write_estate
from forking import Worker, worker_of
from mail_histories import KILLS, KILLS_A_HISTORY, History, settled, statuses

from finops.config.mailing import AcsSettings, GraphSettings, MailSettings
from finops.simulator import Served, serving

SEND = "sendMail|emails:send"
FAULTS = ("reset-after", "reset-before", "502-after", "429-bare")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(write_estate(tmp_path_factory.mktemp("killed") / "estate"), retry_after=0) as started:
        yield started


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_mail.py") as found:
        yield found


def asked(served: Served, told: dict[str, Any] | None = None) -> Any:
    body = None if told is None else json.dumps(told).encode()
    with urllib.request.urlopen(f"{served.url}/simulator/mail", body) as answer:
        return json.load(answer)


def arrived(served: Served, name: str) -> list[tuple[str, str]]:
    mails = [one for one in asked(served)["value"] if one["subject"].startswith(f"About {name}-")]
    return sorted((who, one["subject"]) for one in mails for who in one["to"])


@pytest.mark.parametrize("kept", ["sqlite", "postgresql"])
@pytest.mark.parametrize("transport", ["graph", "acs"])
def test_killed_at_any_moment_no_mail_is_lost_and_none_comes_twice(
    worker: Worker, served: Served, tmp_path: Path, request: pytest.FixtureRequest, transport: str, kept: str
):
    settings = MailSettings(
        sender="finops@contoso.com",
        transport=transport,  # type: ignore[arg-type]
        graph=GraphSettings(user="finops@contoso.com"),
        acs=AcsSettings(endpoint="https://finops.europe.communication.azure.com"),
    )
    asked(served, {"refused": [f"gone-{number}@example.com" for number in range(9)]})
    tally: Counter[str] = Counter()
    wrong = {}
    seed = 0
    while seed * KILLS_A_HISTORY < KILLS or (
        not tally["left open, handed over"] and seed * KILLS_A_HISTORY < 4 * KILLS
    ):
        seed += 1
        name = f"{transport}{kept}{seed}"
        state = str(tmp_path / f"{seed}.db") if kept == "sqlite" else request.getfixturevalue("server")
        if kept == "postgresql":
            state = fresh(state, name)
        history = History(worker, None, settings, state, name, random.Random(seed), tally, endpoint=served.url)
        history.begin()

        def kill(child: int, history: History = history) -> None:
            time.sleep(history.chance.uniform(0, history.longest))
            os.kill(child, signal.SIGKILL)
            tally["killed"] += 1
            time.sleep(0.15)  # what the server has in its hands comes to its end

        history.kill_somebody = kill  # type: ignore[method-assign]
        served.faults.add(
            [{"fault": "slow", "path": SEND, "seconds": 0.1, "probability": 0.5, "seed": seed, "times": 10_000}]
        )
        served.faults.add([
            {"fault": kind, "path": SEND, "probability": 0.025, "seed": seed, "times": 10_000} for kind in FAULTS
        ])  # fmt: skip
        history.run(KILLS_A_HISTORY)
        served.faults.clear()
        lost, twice = settled(history.owed, arrived(served, name))
        found = statuses(state)
        bad = {key: count for key, count in found.items() if key[1] != ("failed" if key[0] == "gone" else "sent")}
        if lost or twice or bad:
            wrong[seed] = (lost, twice, bad)
        tally["mails"] += len(history.owed)
    sys.stderr.write(f"{transport}, {kept}: {dict(tally)}\n")

    assert wrong == {}
    assert tally["left open, handed over"] > 0


def fresh(url: str, name: str) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return url.replace("/postgres?", f"/{name}?")
