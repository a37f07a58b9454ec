"""What the daemon does beside its duties, with real sockets and a database; only the loop is the test's."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from outside_daemon import GUARD, HOUR, NOW, ran, settings
from test_daemon_ping import watching

from finops.daemon import logs
from finops.daemon.beside import Beside
from finops.daemon.deadman import GRACE
from finops.daemon.notify import Notifier
from finops.daemon.ping import Ping
from finops.daemon.pulse import Pulse
from finops.daemon.working import Ended
from finops.state import State


class Systemd:
    """What it hears."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(self.address)
        self._channel.settimeout(0.2)

    def heard(self) -> list[str]:
        found = []
        try:
            while True:
                found.append(self._channel.recv(4096).decode())
        except TimeoutError:
            return found

    def close(self) -> None:
        self._channel.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(tmp_path)
    yield made
    made.close()


class Made:
    """One beside, whose time the test moves."""

    def __init__(self, folder: Path, state: State, notifier: Notifier, ping: Ping, **mail: object) -> None:
        self.settings = settings(folder, {"operators": ["ops@contoso.example"]}, mail=mail)
        self.state, self.pulse = state, Pulse()
        self.now, self.seconds = NOW, 0.0
        self.beside = Beside(
            lambda: self.settings, state, (GUARD,), self.pulse, notifier, ping,
            now=lambda: self.now, monotonic=lambda: self.seconds,
        )  # fmt: skip
        self.pulse.leads = True
        self.pulse.beat()


@contextmanager
def made(folder: Path, notifier: Notifier | None = None, ping: Ping | None = None, **mail: object) -> Iterator[Made]:
    with State.open(folder / "state.db") as state:
        yield Made(folder, state, notifier or Notifier(), ping or Ping(None), **mail)


def pinged(ping: Ping) -> int:
    """How many pings there were, once those under way are over."""
    assert not ping.under_way(10)
    return ping.counts["sent"]


def test_systemd_hears_of_the_loop_only_from_the_loop(tmp_path: Path, systemd: Systemd):
    with made(tmp_path, Notifier(systemd.address, watchdog_seconds=30)) as one:
        one.beside.ready()
        for seconds in (0, 5, 10, 15, 20):
            one.seconds = seconds
            one.beside.beat()
        heard = systemd.heard()
        one.seconds = 1000
        silent = systemd.heard()

    assert heard == ["READY=1\nSTATUS=Leads", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]
    assert silent == []


def test_its_status_says_what_is_under_way_and_that_it_stops_once(tmp_path: Path, systemd: Systemd):
    with made(tmp_path, Notifier(systemd.address)) as one:
        one.beside.ready()
        one.pulse.begins("guard", NOW)
        one.beside.beat()
        one.pulse.stopping = True
        one.beside.beat()
        one.pulse.ends("guard")
        one.beside.beat()

    assert systemd.heard() == [
        "READY=1\nSTATUS=Leads", "STATUS=Leads, guard under way", "STOPPING=1\nSTATUS=Stopping, guard under way",
        "STATUS=Stopping",
    ]  # fmt: skip


def test_a_good_cycle_is_a_ping(tmp_path: Path):
    with watching() as watcher, made(tmp_path, ping=Ping(watcher.url)) as one:
        ran(one.state, "guard", NOW - timedelta(minutes=5))
        one.beside.look()

        assert pinged(one.beside.ping) == 1


def test_a_lapse_that_was_told_does_not_silence_the_ping(tmp_path: Path):
    with watching() as watcher, made(tmp_path, ping=Ping(watcher.url, every=0)) as one:
        one.beside.look()
        one.now = NOW + 3 * HOUR
        one.beside.look()
        one.now += GRACE
        one.beside.look()
        told = [mail.subject for mail in one.state.letters.newest()]
        before = pinged(one.beside.ping)
        one.now += 2 * HOUR
        one.beside.look()

        assert told == ["guard is late: it has never succeeded, for 3 hours"]
        assert pinged(one.beside.ping) > before


def test_a_lapse_that_cannot_be_told_does(tmp_path: Path):
    relay = {"transport": "smtp", "smtp": {"host": "127.0.0.1", "port": 9, "security": "none"}}
    with watching() as watcher, made(tmp_path, ping=Ping(watcher.url, every=0), **relay) as one:
        for hours in (0, 3, 4):
            one.now = NOW + hours * HOUR
            one.beside.look()
        before = pinged(one.beside.ping)
        one.now = NOW + 6 * HOUR
        one.beside.look()

        assert pinged(one.beside.ping) == before


def test_a_loop_that_is_silent_and_a_clock_in_doubt_silence_the_ping(tmp_path: Path):
    with watching() as watcher, made(tmp_path, ping=Ping(watcher.url, every=0)) as one:
        one.pulse.beat_at = time.monotonic() - 1000
        one.beside.look()
        one.pulse.beat()
        one.pulse.clock_in_doubt = "It was put back by a day."
        one.beside.look()

        assert pinged(one.beside.ping) == 0


def test_a_run_that_ended_is_a_line_of_the_log(tmp_path: Path):
    out = io.StringIO()
    ended = Ended("guard", 1, NOW, "failed", "Azure said no.", ("2 left.",), {"findings.pending": 2}, "r-1")
    with made(tmp_path) as one, logs.begun(stream=out):
        one.beside.ended(ended)

    line = json.loads(out.getvalue())
    del line["time"]
    assert line == {
        "level": "warning", "run": "r-1", "job": "guard", "message": "run ended", "slot": NOW.isoformat(),
        "outcome": "failed", "why": "Azure said no.", "said": ["2 left."], "counts": {"findings.pending": 2},
    }  # fmt: skip
