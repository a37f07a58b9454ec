"""kill -9 at random moments of whoever delivers, of the mail server, or of both: no mail is lost, none comes twice.

The server notes all that it takes and dedupes nothing. By default about twenty kills for each way out;
FINOPS_MAIL_KILLS=200 is the long form (`make soak`).
"""

# ruff: noqa: F401 - fixtures are imported, and asked for by their names
from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import postgresql, server
from mailing import NOW, Taken, by_smtp, imap, letter, message_id

from finops.config.mailing import MailSettings
from finops.mail import Post
from finops.state import State

KILLS = int(os.environ.get("FINOPS_MAIL_KILLS", "20"))
KILLS_A_HISTORY = 5
LETTERS = 4
SLOW = 0.03  # seconds that the server takes at most to keep a mail, and again to say so

Json = dict[str, Any]


@dataclass
class Worker:
    """The process of `dying_mail.py`."""

    process: subprocess.Popen[str]

    def run(self, settings: MailSettings, state: str, now: datetime, until: Callable[[int], None] | None = None) -> int:
        """Its exit status; -9: killed. until: gets its process id, and may kill it."""
        shown = json.loads(settings.model_dump_json())
        if settings.sent.password:
            shown["sent"]["password"] = settings.sent.password.get_secret_value()
        self._write(json.dumps({"settings": shown, "state": state, "now": now.isoformat()}))
        child = int(self._read())
        if until is not None:
            until(child)
        self._write("")
        return int(self._read())

    def _write(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def _read(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    script = Path(__file__).parent / "dying_mail.py"
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout
        assert started.stdout.readline() == "ready\n"
        yield Worker(started)
        assert started.stdin
        started.stdin.close()


@dataclass
class Capture:
    """The process of `capture_server.py`, always on the same port."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        if self.process:
            return
        script = Path(__file__).parent / "capture_server.py"
        command = [sys.executable, script, str(self.port), str(self.folder), str(SLOW)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def kill(self) -> bool:
        """Whether it died with a mail in its hands that it had not kept yet."""
        if not self.process:
            return False
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None
        held = self.busy
        for mark in [*self.folder.glob(".conn-*"), *self.folder.glob(".busy-*")]:
            mark.unlink()
        return held

    @property
    def busy(self) -> bool:
        return any(self.folder.glob(".busy-*"))

    def settle(self) -> None:
        """Wait until nothing is under way: in the test ten minutes pass in no time, and what was handed over must
        have come to its end by then."""
        while self.process and (self.busy or any(self.folder.glob(".conn-*"))):
            time.sleep(0.005)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    started = Capture(tmp_path_factory.mktemp("taken"))
    started.start()
    yield started
    started.kill()


@dataclass
class History:
    """Some letters, the kills while they are delivered, and what came of it."""

    worker: Worker
    capture: Capture | None
    settings: MailSettings
    state: str
    name: str
    chance: random.Random
    tally: Counter[str]
    now: datetime = NOW
    owed: list[tuple[str, str]] = field(default_factory=list)

    def put(self, about: str, *to: str) -> None:
        with State.open(self.state) as state:
            Post(state, self.settings).put(letter(about, list(to), kind="report", settings=self.settings), self.now)
        self.owed += [(who, f"About {about}") for who in to if not who.startswith("gone")]

    def round(self, until: Callable[[int], None] | None = None) -> int:
        """One round, and then what time it is when the next may begin."""
        status = self.worker.run(self.settings, self.state, self.now, until)
        if self.capture:
            self.capture.settle()
        self.now += timedelta(minutes=self.chance.choice((11, 61, 61)))
        return status

    def kill_somebody(self, child: int) -> None:
        """Half of the kills fall anywhere, half while the server has a mail in its hands."""
        aimed = self.chance.random() < 0.5
        if not aimed:
            time.sleep(self.chance.uniform(0, 0.15))
        else:
            for _ in range(200):
                if self.capture and self.capture.busy:
                    break
                time.sleep(0.002)
            time.sleep(self.chance.choice((0, 0, self.chance.uniform(0, 2 * SLOW))))
        whom = (
            self.chance.choices(("daemon", "server", "both"), (4, 5, 1) if aimed else (8, 1, 1))[0]
            if self.capture
            else "daemon"
        )
        self.tally[f"killed: {whom}"] += 1
        if whom != "server":
            os.kill(child, signal.SIGKILL)
        if whom != "daemon" and self.capture:
            self.tally["server died with a mail in its hands"] += self.capture.kill()

    def run(self, kills: int) -> None:
        for number in range(LETTERS):
            extra = [f"grey-{self.name}-{number}@example.com"] if number % 2 else [f"gone-{number}@example.com"]
            self.put(f"{self.name}-{number}", f"ann-{self.name}@example.com", *extra)
        for number in range(kills):
            if self.capture:
                self.capture.start()
            self.round(self.kill_somebody)
            with State.open(self.state) as state:
                left_open = state.letters.open_attempts()
            self.tally["left open"] += bool(left_open)
            self.tally["left open, handed over"] += any(one.handed_at for one in left_open)
            self.put(f"{self.name}-more-{number}", f"ben-{self.name}@example.com")
        if self.capture:
            self.capture.start()
        for _ in range(12):
            assert self.round() == 0
            with State.open(self.state) as state:
                if not state.letters.due(self.now + timedelta(days=1)) and not state.letters.open_attempts():
                    break


def statuses(state: str) -> Counter[tuple[str, str]]:
    with State.open(state) as opened:
        found = opened.letters.newest(limit=1000)
    return Counter((one.address.partition("-")[0], one.status) for letter in found for one in letter.recipients)


def settled(owed: list[tuple[str, str]], arrived: list[tuple[str, str]]) -> tuple[list[Any], list[Any]]:
    """What is lost, and what came more than once."""
    wanted, got = Counter(owed), Counter(arrived)
    assert set(got) <= set(wanted)
    return sorted(wanted - got), sorted(got - wanted)


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
            capture.start()
            history.put(f"h{seed}-first", "ann@example.com")  # is found among the copies, so that those can be trusted
            history.round()
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
        for kill in range(KILLS_A_HISTORY):
            for number in range(3):
                history.put(f"f{seed}-{kill}-{number}", "ann@example.com")

            def soon(child: int, history: History = history) -> None:
                time.sleep(history.chance.uniform(0, 0.06))
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
