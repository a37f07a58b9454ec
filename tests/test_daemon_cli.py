"""`finops daemon`: one duty once for cron, how each stands, the clock. On a simulated Azure, over HTTP."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from daemons import MONDAY, Diary, Hands, inline, never, no_azure, replica

from finops.cli import cli
from finops.config.model import Settings
from finops.daemon.clock import KEPT
from finops.daemon.once import once
from finops.daemon.stopping import Stop
from finops.daemon.working import Means
from finops.errors import TemporaryError
from finops.jobs.duties import DUTIES
from finops.jobs.duties.model import Done, Duty
from finops.simulator import serving
from finops.state import State

HOUR = timedelta(hours=1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


def means(state: State, hands: Hands) -> Means:
    return Means(Settings, state, no_azure, no_azure, hands, hands, lambda text: None)


def asked(state: State, hands: Hands, duty: Duty, whether_due: bool = True) -> str:
    """What came of asking for it once."""
    came = once(means(state, hands), duty, [duty], Stop(), whether_due=whether_due, start=inline)
    return came.ended.outcome if came.ended else came.why


# -- once -----------------------------------------------------------------------------------------------------------


def test_cron_may_ask_as_often_as_it_likes(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("ingest", "daily at 05:30")

    said = [asked(state, hands, duty) for _ in range(3)]

    assert said == ["done", *["ingest is not due: next at 2026-11-24 05:30 UTC."] * 2]
    assert len(diary.began) == 1


def test_what_failed_or_was_held_is_tried_again_when_cron_asks_again(state: State):
    diary, hands, results = Diary(), Hands(), iter([Done("held"), Done("done")])
    duty = diary.duty("ingest", "daily at 05:30", lambda work: next(results))

    assert [asked(state, hands, duty), asked(state, hands, duty)] == ["held", "done"]


def test_now_runs_it_whether_it_is_due_or_not(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("report", "weekly on monday at 06:30")
    assert "is not due" in asked(state, hands, duty)

    assert asked(state, hands, duty, whether_due=False) == "done"
    assert diary.slots("report") == [None]


def test_what_is_off_is_not_begun(state: State):
    duty = Diary().duty("report", "off")

    assert asked(state, Hands(), duty) == "report is not due: it is off in daemon.schedule."


def test_a_daemon_beside_does_each_slot_once(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("ingest", "daily at 05:30")
    replica(state, hands, duty).turn()

    assert "is not due" in asked(state, hands, duty)
    assert len(diary.began) == 1


def test_while_a_daemon_is_at_it_nobody_else_is(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("ingest", "daily at 05:30")
    replica(state, hands, duty, start=never).turn()

    assert "is not due" in asked(state, hands, duty)
    with pytest.raises(TemporaryError, match="is under way"):
        asked(state, hands, duty, whether_due=False)


def test_a_clock_in_doubt_has_nothing_act_by_cron_either(state: State):
    diary, hands = Diary(), Hands()
    guard, watch = diary.duty("guard", "every 15 minutes", acts=True), diary.duty("watch", "every 15 minutes")
    asked(state, hands, guard)

    hands.jump(-HOUR)

    with pytest.raises(TemporaryError, match="finops daemon clock accept"):
        asked(state, hands, guard)
    assert asked(state, hands, watch) == "done"


def test_the_run_of_a_cron_job_that_was_killed_is_closed_by_the_next(state: State):
    diary, hands = Diary(), Hands()
    duty = diary.duty("ingest", "daily at 05:30")
    number = state.daybook.begin("ingest", MONDAY - HOUR / 2, "r", "somebody dead", 1, hands.wall)

    assert asked(state, hands, duty) == "done"
    assert [run.outcome for run in state.daybook.runs(MONDAY) if run.number == number] == ["failed"]


# -- the commands ---------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "finops.yaml"
    own = {"state": {"url": str(tmp_path / "data/state.db")}, "mail": {"outbox": str(tmp_path / "outbox")}}
    file.write_text(json.dumps(own | {"daemon": {"schedule": {"report": False}}}))
    State.open(tmp_path / "data/state.db").close()
    return file


def finops(*args: str) -> Result:
    return CliRunner().invoke(cli, args)


def test_status_says_when_each_duty_is_due_and_what_is_off(config: Path):
    result = finops("daemon", "status", "--config", str(config), "-o", "json")

    assert result.exit_code == 0, result.output
    rows = {row["duty"]: row for row in json.loads(result.stdout)}
    assert (rows["report"]["state"], rows["report"]["due"]) == ("off", None)
    assert rows["guard"]["state"] == "waits"
    assert rows["guard"]["why"] == "It has not run yet."


def test_status_tells_people_who_leads_and_whether_the_clock_is_in_doubt(config: Path, tmp_path: Path):
    with State.open(tmp_path / "data/state.db") as state:
        now = datetime.now(UTC)
        state.daybook.lease("daemon", "host process 7", 40, now)
        state.keep(KEPT, {"reached": (now + HOUR).isoformat(), "doubt": True}, now)

    result = finops("daemon", "status", "--config", str(config))

    assert "host process 7 leads since" in result.output
    assert "The clock was put back" in result.output


def test_to_accept_the_clock_is_an_act_on_the_audit_trail(config: Path, tmp_path: Path):
    with State.open(tmp_path / "data/state.db") as state:
        now = datetime.now(UTC)
        state.keep(KEPT, {"reached": (now + HOUR).isoformat(), "doubt": True}, now)

    assert finops("daemon", "clock", "accept", "--config", str(config)).exit_code == 0

    again = finops("daemon", "clock", "accept", "--config", str(config))
    assert "The clock is not in doubt." in again.output
    with State.open(tmp_path / "data/state.db") as state:
        assert [entry["what"] for entry in state.audit_entries()] == ["accepted the clock"]


def test_a_duty_that_there_is_not_is_refused_with_the_nearest(config: Path):
    result = finops("daemon", "run", "--once", "gaurd", "--config", str(config))

    assert result.exit_code == 2
    assert "'gaurd' is no duty. Did you mean guard?" in result.output


def test_one_duty_once_on_a_simulated_azure_by_its_clock(config: Path, tmp_path: Path, small_estate: Path):
    with serving(small_estate) as server:
        now = server.world.clock.now()
        args = ("daemon", "run", "--once", "deliver", "--config", str(config), "--azure", server.url)
        first, second = finops(*args), finops(*args)

    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "deliver: done." in first.output
    assert "deliver is not due" in second.output
    with State.open(tmp_path / "data/state.db") as state:
        last = state.daybook.last("deliver")
    assert last
    assert timedelta() <= now - last.slot < timedelta(minutes=1)


def test_the_daemon_itself_on_a_simulated_azure_until_it_is_told_to_stop(
    config: Path, tmp_path: Path, small_estate: Path
):
    own = json.loads(config.read_text())
    own["daemon"] = {"listen": None, "log_form": "json", "schedule": {one.name: "off" for one in DUTIES}}
    del own["daemon"]["schedule"]["deliver"]
    config.write_text(json.dumps(own))
    with serving(small_estate) as server:
        args = ["daemon", "run", "--config", str(config), "--azure", server.url]
        one = subprocess.Popen([sys.executable, "-m", "finops", *args], stderr=subprocess.PIPE, text=True)
        assert one.stderr
        patience = threading.Timer(120, one.kill)
        patience.start()
        lines = []
        for line in one.stderr:
            lines.append(json.loads(line))
            if lines[-1]["message"] == "run ended":
                break
        one.send_signal(signal.SIGTERM)
        assert one.wait(90) == 0, lines
        patience.cancel()
        one.stderr.close()

    assert any(line["message"].startswith("This process leads") for line in lines)
    assert (lines[-1]["job"], lines[-1]["outcome"]) == ("deliver", "done")
    with State.open(tmp_path / "data/state.db") as state:
        assert not state.daybook.open_runs()
        assert [held for _, held in state.daybook.leases(datetime.now(UTC))] == [False]


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_what_its_webhook_refuses_is_counted_at_its_metrics(config: Path, small_estate: Path):
    own, metrics, hook = json.loads(config.read_text()), free(), free()
    schedule = {one.name: "off" for one in DUTIES} | {"guard": "weekly on monday at 06:00"}
    events = {"listen": f"127.0.0.1:{hook}", "secret": "s" * 32}
    own["daemon"] = {"listen": f"127.0.0.1:{metrics}", "events": events, "schedule": schedule}
    config.write_text(json.dumps(own))
    asking = httpx.Client(trust_env=False, transport=httpx.HTTPTransport(retries=8), timeout=60)
    with serving(small_estate) as server, asking:
        args = ["daemon", "run", "--config", str(config), "--azure", server.url]
        with subprocess.Popen([sys.executable, "-m", "finops", *args], stderr=subprocess.PIPE, text=True) as one:
            assert one.stderr
            patience = threading.Timer(240, one.kill)
            patience.start()
            try:
                while "This process leads" not in (line := one.stderr.readline()) and line:
                    pass
                refused = asking.post(f"http://127.0.0.1:{hook}/", content=b"x", headers={"Content-Type": "text/plain"})
                shown = asking.get(f"http://127.0.0.1:{metrics}/metrics").text
            finally:
                one.send_signal(signal.SIGTERM)
                one.communicate()
                patience.cancel()

    assert refused.status_code == 415
    assert 'finops_events_refused_total{reason="content"} 1.0' in shown
