"""When events wake the guard: once a burst, not too often, once more later, only where we lead, and after a restart."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from eventing import CLUSTER, NOW, SECRET, WRITE, event, posting, settings
from guarding import GPU, PROD_WORKSPACE, dedicated, guarding
from hypothesis import given
from hypothesis import strategies as st

from finops.config.events import EventSettings
from finops.daemon.arrivals import Arrivals
from finops.daemon.burst import Burst
from finops.daemon.eventgrid import listening
from finops.daemon.waking import Waking
from finops.state import State


def burst(quiet: float = 2, longest: float = 10, apart: float = 60, again: float = 0) -> Burst:
    return Burst(quiet, longest, apart, again)


def test_it_is_time_when_it_has_been_quiet():
    one = burst()
    one.heard(100)
    one.heard(101)

    assert one.due() == 103


def test_or_some_time_after_the_first_whatever_comes():
    one = burst()
    for second in range(100, 130):
        one.heard(second)

    assert one.due() == 110


def test_the_next_burst_waits_until_some_time_after_the_last_waking():
    one = burst()
    one.heard(100)
    one.woke(102)
    one.heard(105)

    assert one.due() == 162


def test_some_time_after_a_waking_there_is_one_more_look_and_no_other():
    one = burst(again=60)
    one.heard(100)
    one.woke(102)

    assert one.due() == 162
    one.woke(162)
    assert one.due() is None


def test_when_nothing_came_it_is_never_time():
    assert burst().due() is None


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=60), st.floats(0, 5), st.floats(0, 20), st.floats(0, 60))
def test_every_event_is_followed_by_a_waking_in_time_and_wakings_keep_apart(
    times: list[float], quiet: float, more: float, apart: float
):
    one, woken = burst(quiet, quiet + more, apart), []
    for at in sorted(times):
        while (due := one.due()) is not None and due <= at:
            one.woke(due)
            woken.append(due)
        one.heard(at)
    if (due := one.due()) is not None:
        woken.append(due)

    assert all(later - earlier >= apart - 1e-9 for earlier, later in pairwise(woken))
    for at in times:
        assert any(at <= due <= at + max(quiet + more, apart) + 1e-6 for due in woken)


# -- with the database, the clock in hand


def waking(state: State, woken: list[str], **chosen: float) -> Waking:
    return Waking(EventSettings.model_validate(chosen), woken.append, state.daybook, lambda: NOW)


def saw(state: State, *names: str, hours: float = 0) -> None:
    state.daybook.saw_events([(name, "k", "/x", NOW - timedelta(hours=hours)) for name in names], NOW)


def test_what_came_in_at_another_replica_or_before_a_restart_wakes_whoever_leads(tmp_path: Path):
    woken: list[str] = []
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1", "e2")
        one = waking(state, woken)

        one.look(100)
        one.look(102)

        assert woken == ["guard"]
        assert state.daybook.events_waiting() == []


def test_it_is_woken_once_for_them(tmp_path: Path):
    woken: list[str] = []
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1")
        one = waking(state, woken, again_seconds=0)

        for second in range(100, 200):
            one.look(second)

        assert woken == ["guard"]


def test_resource_graph_may_lag_so_it_is_woken_once_more(tmp_path: Path):
    woken: list[str] = []
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1")
        one = waking(state, woken, again_seconds=60)

        for second in range(100, 400):
            one.look(second)

        assert woken == ["guard", "guard"]


def test_events_that_waited_for_more_than_a_day_wake_nobody(tmp_path: Path):
    woken: list[str] = []
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1", hours=25)
        one = waking(state, woken)

        for second in range(100, 110):
            one.look(second)

        assert woken == []
        assert state.daybook.events_waiting() == []


def test_what_another_replica_has_dealt_with_is_forgotten(tmp_path: Path):
    woken: list[str] = []
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1")
        one = waking(state, woken)
        one.look(100)
        state.daybook.handled(["e1"], NOW)

        for second in range(101, 110):
            one.look(second)

        assert woken == []


def test_without_the_database_it_tries_again(tmp_path: Path):
    woken: list[str] = []
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1")
        one = waking(state, woken)
        state.close()
        (tmp_path / "state.db").rename(tmp_path / "away.db")
        (tmp_path / "state.db").mkdir()

        assert not one.look(100)
        (tmp_path / "state.db").rmdir()
        (tmp_path / "away.db").rename(tmp_path / "state.db")

        assert one.look(200)
        assert one.look(202)
        assert woken == ["guard"]


# -- over HTTP, with its thread


def small(name: str) -> dict[str, object]:
    kind = "Microsoft.Resources.ResourceWriteSuccess"
    at = NOW.isoformat()
    return {"id": name, "eventType": kind, "eventTime": at, "subject": CLUSTER, "data": {"operationName": WRITE}}


def test_ten_thousand_events_wake_the_guard_once(tmp_path: Path):
    woken: list[str] = []
    with posting(tmp_path) as hook:
        one = waking(hook.state, woken, again_seconds=0)
        hook.webhook.heard = one.heard
        for part in range(4):
            sent = [small(f"e{number}") for number in range(part * 2500, (part + 1) * 2500)]
            assert hook.send(json.dumps(sent).encode()).json()["taken"] == 2500

        for second in range(100):
            one.look(time.monotonic() + second)

        assert woken == ["guard"]
        assert hook.waiting() == []


def test_whoever_does_not_lead_keeps_events_for_the_one_that_does(tmp_path: Path):
    woken: list[str] = []
    led = threading.Event()
    chosen = settings(secret=SECRET)
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1")
        with listening(chosen, woken.append, state, Arrivals(), leads=led.is_set, now=lambda: NOW):
            time.sleep(0.3)
            assert woken == []
            led.set()
            until = time.monotonic() + 30
            while not woken and time.monotonic() < until:
                time.sleep(0.05)

    assert woken == ["guard"]


def test_it_is_told_that_it_is_about_to_wake_where_it_leads(tmp_path: Path):
    told: list[str] = []
    led = threading.Event()
    with State.open(tmp_path / "state.db") as state:
        saw(state, "e1")
        with listening(
            settings(secret=SECRET, quiet_seconds=1), lambda job: told.append(f"wakes {job}"), state, Arrivals(),
            leads=led.is_set, soon=lambda job: told.append(f"soon {job}"), now=lambda: NOW,
        ):  # fmt: skip
            time.sleep(0.3)
            assert told == []
            led.set()
            until = time.monotonic() + 30
            while "wakes guard" not in told and time.monotonic() < until:
                time.sleep(0.05)

    assert told[0] == "soon guard"
    assert "wakes guard" in told


def test_without_an_address_there_is_no_webhook(tmp_path: Path):
    with (
        State.open(tmp_path / "state.db") as state,
        listening(settings(listen=None), print, state, Arrivals()) as where,
    ):
        assert where is None


def test_while_the_guard_is_off_no_event_begins_it(tmp_path: Path):
    chosen = settings(secret=SECRET)
    daemon = chosen.daemon.model_copy(update={"schedule": {"guard": "off"}})
    off = chosen.model_copy(update={"daemon": daemon})

    with State.open(tmp_path / "state.db") as state, listening(off, print, state, Arrivals()) as where:
        assert where is None


# -- what an event can bring about, and what not


def test_a_forged_event_brings_about_nothing_that_polling_would_not(tmp_path: Path):
    with guarding(tmp_path, dedicated(where=PROD_WORKSPACE), dedicated(priority="LowPriority", idle="PT2M")) as guard:
        chosen = settings(secret=SECRET)
        with posting(tmp_path / "hook", chosen, at=guard.now) as hook:
            claims = {"properties": {"vmPriority": "Dedicated", "scaleSettings": {"minNodeCount": 9}}}
            forged = [event(subject=one, at=guard.now) for one in (GPU, f"{PROD_WORKSPACE}/computes/gpu")]
            sent = hook.post(*({**one, "data": {**one["data"], **claims}} for one in forged))
            woken: list[object] = []
            wake = lambda job: woken.append(guard.run())  # noqa: E731
            one = Waking(chosen.daemon.events, wake, hook.state.daybook, lambda: guard.now)
            one.look(100)

        assert sent.json()["taken"] == 2
        assert len(woken) == 1
        assert guard.changes() == []


def test_a_lost_event_costs_only_time(tmp_path: Path):
    with guarding(tmp_path, dedicated(priority="LowPriority", low=2)) as guard:
        guard.run()

        assert guard.scale()["minNodeCount"] == 0
