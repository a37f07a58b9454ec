"""Histories of an outbox whose sender, mail server, or both are killed at random moments, and what came of it all."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from forking import Worker
from mailing import NOW, letter

from finops.config.mailing import MailSettings
from finops.mail import Post
from finops.state import State

KILLS = int(os.environ.get("FINOPS_MAIL_KILLS", "20"))
KILLS_A_HISTORY = 5
LETTERS = 4
SLOW = 0.03  # seconds that the server takes at most to keep a mail, and again to say so


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
    endpoint: str = ""  # of the simulator, where mail leaves through it
    longest: float = 0.0  # seconds within which a round is killed
    owed: list[tuple[str, str]] = field(default_factory=list)

    def put(self, about: str, *to: str) -> None:
        with State.open(self.state) as state:
            Post(state, self.settings).put(letter(about, list(to), kind="report", settings=self.settings), self.now)
        self.owed += [(who, f"About {about}") for who in to if not who.startswith("gone")]

    def begin(self) -> None:
        """A letter that nobody keeps from leaving: it is found among the sent ones, so that those can be trusted, and
        how long its round takes here and now says how long the others last that are to be killed."""
        if self.capture:
            self.capture.start()
        self.put(f"{self.name}-first", "ann@example.com")
        began = time.monotonic()
        self.round()
        self.longest = 2 * (time.monotonic() - began)

    def round(self, until: Callable[[int], None] | None = None) -> int:
        """One round, and then what time it is when the next may begin."""
        shown = json.loads(self.settings.model_dump_json())
        if self.settings.sent.password:
            shown["sent"]["password"] = self.settings.sent.password.get_secret_value()
        order = {"settings": shown, "state": self.state, "now": self.now.isoformat(), "endpoint": self.endpoint}
        status, said = self.worker.run(order, until)
        if os.environ.get("FINOPS_SAY"):
            sys.stderr.write(f"{said}\n")
        if self.capture:
            self.capture.settle()
        self.now += timedelta(minutes=self.chance.choice((11, 61, 61)))
        return status

    def kill_somebody(self, child: int) -> None:
        """Half of the kills fall anywhere, half while the server has a mail in its hands."""
        aimed = self.chance.random() < 0.5
        if not aimed:
            time.sleep(self.chance.uniform(0, self.longest))
        else:
            ends = time.monotonic() + self.longest
            while time.monotonic() < ends and not (self.capture and self.capture.busy):
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
