"""Two whole daemons, and the network between one of them and PostgreSQL cut in mid-act, while Azure stays in reach."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from apart import Cable, allowed, cable, run
from awake import awake
from guarding import dedicated, estate_of
from meanwhile import meanwhile
from postgres import programs, running
from relay import leading
from year import READS, RESTING

from finops.jobs.duties import DUTIES
from finops.simulator import Served, serving
from finops.state import State
from finops.state.runs import WORKED

Json = dict[str, Any]
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PORT = 54331
CLUSTERS = 5
A_MINUTE = 60.0
PATIENCE = 240.0  # seconds for what a busy machine does at last


@dataclass
class Daemon:
    """`finops daemon run` as a process, and the lines of its log."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line)

    def hears(self, text: str, since: int = 0, seconds: float = PATIENCE) -> None:
        until(lambda: any(text in line for line in self.lines[since:]), seconds, lambda: f"{text}: {self.lines[-20:]}")


def until(holds: Callable[[], object], seconds: float, what: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


@contextmanager
def daemon(folder: Path, name: str, database: str, url: str, within: Sequence[str] = ()) -> Iterator[Daemon]:
    schedule = {one.name: "off" for one in DUTIES if one.name != "guard"}
    own = {
        "state": {"url": database},
        "charges": {"store": str(folder / f"charges-{name}"), "sources": []},
        "mail": {"outbox": str(folder / f"outbox-{name}"), "sender": "finops@contoso.com"},
        "guard": {"mode": "enforce", "grace_days": 0, "max_percent": 100, "kill_switch": str(folder / "STOP")},
        "daemon": {"listen": None, "log_form": "json", "schedule": schedule},
    }
    config = folder / f"{name}.yaml"
    config.write_text(json.dumps(own))
    command = [*within, sys.executable, "-m", "finops", "daemon", "run", "--config", str(config), "--azure", url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        found = Daemon(process)
        Thread(target=found.listen, daemon=True).start()
        try:
            yield found
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        finally:
            process.kill()


@contextmanager
def bridged(between: Cable, folder: Path, port: int) -> Iterator[None]:
    """What listens on our 127.0.0.1:PORT listens there, too, whether the cable is cut or not."""
    run("ip", "-n", between.namespace, "link", "set", "lo", "up")
    script = str(Path(__file__).parent / "relay.py")
    command = ["ip", "netns", "exec", between.namespace, sys.executable, script, str(port), str(folder / "way")]
    with leading(folder / "way", port), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.kill()


def changes(served: Served) -> list[str]:
    """Of what was sent to Azure, what changes something."""
    asked = [one for one in list(served.requests) if one["method"] not in RESTING]
    return [f"{one['method']} {one['path']}" for one in asked if not one["path"].lower().endswith(READS)]


@pytest.mark.skipif(not allowed(), reason="no network namespaces here: needs root and iproute2")
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL here")
def test_the_daemon_that_is_cut_off_in_mid_act_begins_no_other_and_the_second_does_the_rest_once(tmp_path: Path):
    clusters = [dedicated(name=f"spot-{number}", priority="LowPriority", low=2) for number in range(CLUSTERS)]
    with ExitStack() as stack:
        between = stack.enter_context(cable())
        served = stack.enter_context(serving(estate_of(tmp_path / "estate", *clusters), retry_after=0, polls=0))
        stack.enter_context(bridged(between, tmp_path, int(served.url.rpartition(":")[2])))
        near = stack.enter_context(running(between.here, PORT))
        there = f"postgresql://postgres@{between.here}:{PORT}/postgres"
        at: list[float] = []
        seconds = stack.enter_context(awake())

        def cut() -> None:
            between.cut()
            at.append(seconds())

        meanwhile(served, lambda asked: asked["method"] in {"PATCH", "PUT"}, cut)

        within = ("ip", "netns", "exec", between.namespace)
        one = stack.enter_context(daemon(tmp_path, "one", there, served.url, within))
        one.hears("This process leads")
        two = stack.enter_context(daemon(tmp_path, "two", near, served.url))
        two.hears("this one waits")
        until(lambda: at, PATIENCE, lambda: "nothing was changed")
        two.hears("This process leads")
        took = seconds() - at[0]
        at_takeover = changes(served)
        two.hears('"message": "run ended"')
        between.mend()
        one.hears("Another process leads now")
        one.hears("this one waits")

        sent = changes(served)
        with State.open(near) as state:
            runs = [run for run in state.daybook.runs(LONG_AGO) if run.job == "guard"]
            pending = state.pending_intents()

        assert took < A_MINUTE
        assert len(at_takeover) == 1
        assert len(sent) == len(set(sent)) == CLUSTERS
        assert pending == []
        assert [run.outcome in WORKED for run in runs] == [False, True]
        assert len({run.slot for run in runs}) == 1
