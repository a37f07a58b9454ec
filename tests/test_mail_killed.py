"""kill -9 at random moments of whoever delivers, of the mail server, or of both: no mail is lost, none comes twice.

The server notes all that it takes and dedupes nothing. By default about twenty kills for each way out;
FINOPS_MAIL_KILLS=200 is the long form (`make soak`).
"""

# ruff: noqa: F401 - fixtures are imported, and asked for by their names
from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import postgresql, server
from forking import Worker, worker_of
from mail_histories import KILLS, KILLS_A_HISTORY, Capture, History, settled, statuses
from mailing import Taken, by_smtp, imap, message_id

from finops.config.mailing import MailSettings


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_mail.py") as found:
        yield found


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    started = Capture(tmp_path_factory.mktemp("taken"))
    started.start()
    yield started
    started.kill()


def fell_where_it_matters(tally: Counter[str]) -> bool:
    return tally["left open, handed over"] > 0 and tally["server died with a mail in its hands"] > 0


@pytest.fixture
def states(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], str]:
    if request.param == "sqlite":
        return lambda number: str(tmp_path / f"{number}.db")
    import psycopg

    url = request.getfixturevalue("server")

    def fresh(number: int) -> str:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(f"CREATE DATABASE mailed{number}")
        return str(url).replace("/postgres?", f"/mailed{number}?")

    return fresh


@pytest.mark.parametrize("states", ["sqlite", "postgresql"], indirect=True)
def test_killed_at_any_moment_no_mail_is_lost_and_none_comes_twice(
    worker: Worker, capture: Capture, states: Callable[[int], str]
):
    tally: Counter[str] = Counter()
    wrong = {}
    seed = 0
    with imap(Taken(capture.folder)) as box:
        settings = by_smtp(capture.port, box, smtp_more={"timeout_seconds": 1.5})
        while seed * KILLS_A_HISTORY < KILLS or (
            not fell_where_it_matters(tally) and seed * KILLS_A_HISTORY < 4 * KILLS
        ):
            seed += 1
            for file in capture.folder.glob("*.json"):
                file.unlink()
            history = History(worker, capture, settings, states(seed), f"h{seed}", random.Random(seed), tally)
            history.begin()
            history.run(KILLS_A_HISTORY)
            lost, twice = settled(history.owed, Taken(capture.folder).pairs())
            found = statuses(history.state)
            bad = {key: count for key, count in found.items() if key[1] != ("failed" if key[0] == "gone" else "sent")}
            if lost or twice or bad:
                wrong[seed] = (lost, twice, bad)
                sys.stderr.write(f"{seed}: {wrong[seed]}\n")
            tally["mails"] += len(history.owed)
    sys.stderr.write(f"{seed} histories: {dict(tally)}\n")

    assert wrong == {}
    assert fell_where_it_matters(tally)


@pytest.mark.parametrize("states", ["sqlite"], indirect=True)
@pytest.mark.parametrize("rule", ["hold", "send"])
def test_where_nobody_can_be_asked_what_the_setting_gives_up_is_all_that_is_given_up(
    worker: Worker, capture: Capture, states: Callable[[int], str], rule: str
):
    """hold: none comes twice, and what did not arrive is held for a person. send: none is lost, and what comes twice
    has one Message-ID."""
    tally: Counter[str] = Counter()
    settings = by_smtp(capture.port, smtp_more={"timeout_seconds": 1.5}, when_unsure=rule)
    lost, twice, ids, held = [], [], Counter(), 0
    for seed in range(max(2, KILLS // (2 * KILLS_A_HISTORY))):
        for file in capture.folder.glob("*.json"):
            file.unlink()
        name = f"{rule}{seed}"
        history = History(worker, capture, settings, states(seed), name, random.Random(seed), tally)
        history.begin()
        history.run(KILLS_A_HISTORY)
        one = settled(history.owed, Taken(capture.folder).pairs())
        lost += one[0]
        twice += one[1]
        held += sum(count for (_, status), count in statuses(history.state).items() if status == "unsure")
        ids.update(message_id(content) for to, content in Taken(capture.folder).all() for pair in [to] if pair)
    sys.stderr.write(f"{rule}: {dict(tally)}, lost {len(lost)}, twice {len(twice)}, held {held}\n")

    if rule == "hold":
        assert twice == []
        assert len(lost) <= held
    else:
        assert lost == []
        assert sum(count - 1 for count in ids.values()) >= (len(twice) + 1) // 2  # two recipients share one mail


def test_killed_at_any_moment_each_file_is_there_once_also_where_they_are_collected(worker: Worker, tmp_path: Path):
    """Whatever takes the files away between two rounds must not make a second one appear."""
    tally: Counter[str] = Counter()
    collected: list[str] = []
    owed: list[str] = []
    for seed in range(max(2, KILLS // KILLS_A_HISTORY)):
        folder = tmp_path / f"outbox{seed}"
        settings = MailSettings(sender="finops@contoso.com", outbox=folder)
        history = History(worker, None, settings, str(tmp_path / f"{seed}.db"), f"f{seed}", random.Random(seed), tally)
        history.begin()
        for kill in range(KILLS_A_HISTORY):
            for number in range(3):
                history.put(f"f{seed}-{kill}-{number}", "ann@example.com")

            def soon(child: int, history: History = history) -> None:
                time.sleep(history.chance.uniform(0, history.longest))
                os.kill(child, signal.SIGKILL)
                tally["killed"] += 1

            history.round(soon)
            for file in folder.glob("*.eml"):
                collected.append(message_id(file.read_bytes()))
                file.unlink()
        while history.round() or statuses(history.state)["ann@example.com", "waiting"]:
            pass
        collected += [message_id(file.read_bytes()) for file in folder.glob("*.eml")]
        owed += [subject for _, subject in history.owed]
    sys.stderr.write(f"files: {dict(tally)}, {len(owed)} owed\n")

    assert max(Counter(collected).values()) == 1
    assert len(collected) == len(owed)
