"""What the webhook counts, and how /metrics shows it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from databases import database, postgresql, server
from estates import TENANT
from eventing import AUDIENCE, CLUSTER, NOW, SECRET, WRITE, Posting, event, posting, settings, token, validation
from outside_daemon import DUTIES, Daemon

from finops.config.model import Settings
from finops.daemon.arrivals import WORDS, Arrivals
from finops.daemon.eventgrid import listening
from finops.daemon.listening import serving
from finops.daemon.outside import Outside, app
from finops.daemon.senders import HEADER
from finops.state import State

__all__ = ["database", "postgresql", "server"]

OTHER = "33333333-3333-3333-3333-333333333333"


def counted(hook: Posting) -> dict[tuple[str, str], int]:
    """What is not 0."""
    return {what: count for what, count in hook.webhook.arrivals.counts().items() if count}


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Posting]:
    with posting(tmp_path) as found:
        yield found


@contextmanager
def shown(folder: Path, state: State, arrivals: Arrivals) -> Iterator[Daemon]:
    """The daemon's /metrics over this state."""
    own = Settings.model_validate({"daemon": {"listen": "127.0.0.1:0"}, "mail": {"outbox": folder / "outbox"}})
    daemon = Daemon(own, state, now=NOW)
    daemon.pulse.beat_at = daemon.monotonic
    outside = Outside(
        own, state, daemon.pulse, DUTIES, daemon.calls, arrivals, now=lambda: daemon.now,
        monotonic=lambda: daemon.monotonic,
    )  # fmt: skip
    with serving(app(outside), "127.0.0.1:0", "daemon.listen") as listener:
        daemon.url = listener.url
        yield daemon


def test_events_are_counted_by_what_became_of_them(hook: Posting):
    unwanted = event(operation="Microsoft.Resources/deployments/write")
    hook.post(event("e1"), event("e2"), event("e1"), unwanted, event("old", at=NOW - timedelta(days=2)))
    hook.post(event("e2"))

    assert counted(hook) == {
        ("events", "taken"): 2, ("events", "seen-before"): 2, ("events", "operation"): 1, ("events", "stale"): 1,
    }  # fmt: skip


def test_handshakes_are_counted(hook: Posting):
    hook.post(validation())
    hook.options({"X-Finops-Events-Key": SECRET})
    hook.options()

    assert counted(hook) == {("handshakes", "agreed"): 2, ("handshakes", "refused"): 1}


REFUSED = {
    "content": lambda hook: hook.post(event(), content="text/plain"),
    "stranger": lambda hook: hook.post(event(), headers={}),
    "too-long": lambda hook: hook.send(b" " * (1024 * 1024 + 1)),
    "garbage": lambda hook: hook.send(b"[{}]"),
    "subscription": lambda hook: hook.post({**validation(), "topic": f"/subscriptions/{OTHER}"}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refusal_is_counted_by_its_reason(hook: Posting, why: str):
    assert REFUSED[why](hook).status_code >= 400
    assert counted(hook) == {("refused", why): 1}


def test_so_is_one_of_somebody_who_may_not_post(tmp_path: Path):
    with posting(tmp_path, settings()) as hook:
        hook.post(event(), headers={"X-Forwarded-For": "203.0.113.7"})

        assert counted(hook) == {("refused", "not-allowed"): 1}


def test_and_one_while_tokens_cannot_be_checked(tmp_path: Path):
    away = settings(audience=[AUDIENCE], tenant_id=TENANT, jwks_url="http://127.0.0.1:1/keys")
    with posting(tmp_path, away) as hook:
        hook.post(event(), headers={"Authorization": f"Bearer {token()}"})

        assert counted(hook) == {("refused", "keys-away"): 1}


def test_and_one_that_cannot_be_written_down(hook: Posting, tmp_path: Path):
    hook.state.close()
    (tmp_path / "state.db").rename(tmp_path / "away.db")
    (tmp_path / "state.db").mkdir()

    assert hook.post(event()).status_code == 503
    assert counted(hook) == {("refused", "database-away"): 1}


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


@pytest.mark.parametrize(("ends", "why"), [(False, "slow"), (True, "broken-off")])
def test_and_one_whose_body_does_not_come(tmp_path: Path, ends: bool, why: str):
    with posting(tmp_path, body_seconds=60 if ends else 0.2) as hook:
        port = int(hook.url.rpartition(":")[2].strip("/"))
        head = f"POST / HTTP/1.1\r\nHost: x\r\n{HEADER}: {SECRET}\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", port), 10) as line:
            line.sendall(f"{head}Content-Length: 100\r\n\r\n[".encode())
            if not ends:
                until(lambda: counted(hook))
        until(lambda: counted(hook))

        assert counted(hook) == {("refused", why): 1}


def test_many_threads_lose_no_count():
    arrivals = Arrivals()
    threads = [
        threading.Thread(target=lambda: [arrivals.add("events", "taken") for _ in range(2000)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert arrivals.counts()["events", "taken"] == 16_000


# -- at /metrics


def test_metrics_shows_what_came_what_was_refused_and_why(hook: Posting, tmp_path: Path):
    hook.post(event("e1"), event(operation="Microsoft.Resources/deployments/write"))
    hook.post(event(), headers={})
    hook.post(validation())
    with shown(tmp_path, hook.state, hook.webhook.arrivals) as daemon:
        daemon.now = NOW + timedelta(seconds=90)
        found = daemon.metrics()

    assert found['finops_events_total{outcome="taken"}'] == 1
    assert found['finops_events_total{outcome="operation"}'] == 1
    assert found['finops_events_refused_total{reason="stranger"}'] == 1
    assert found['finops_events_handshakes_total{outcome="agreed"}'] == 1
    assert found["finops_events_last_age_seconds"] == 90


def test_what_has_not_happened_yet_is_told_as_0_and_no_age_is_made_up(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state, shown(tmp_path, state, Arrivals()) as daemon:
        found = {name: value for name, value in daemon.metrics().items() if name.startswith("finops_events_")}

    assert len(found) == sum(len(words) for words in WORDS.values()) + 1  # and those that wait
    assert set(found.values()) == {0}


def test_what_wakes_the_guard_is_counted(tmp_path: Path):
    arrivals, woken = Arrivals(), []
    with (
        State.open(tmp_path / "state.db") as state,
        listening(settings(), woken.append, state, arrivals, now=lambda: NOW) as where,
        shown(tmp_path, state, arrivals) as daemon,
    ):
        assert where is not None
        sent = json.dumps([event("e1", CLUSTER, WRITE)])
        answer = httpx.post(where.url, content=sent, headers={"Content-Type": "application/json"}, trust_env=False)
        until(lambda: arrivals.counts()["woken", "guard"] > 0)
        found = daemon.metrics()

    assert (answer.status_code, woken) == (200, ["guard"])
    assert found['finops_events_total{outcome="taken"}'] == 1
    assert found['finops_events_woken_total{duty="guard"}'] == 1


def test_the_last_event_is_remembered_on_both_databases(database: str):
    with State.open(database) as state:
        none = state.daybook.event_seen_at()
        state.daybook.saw_event("e1", "created", "/x", NOW, NOW)
        state.daybook.saw_event("e2", "created", "/x", NOW - timedelta(hours=5), NOW + timedelta(hours=1))
        state.daybook.saw_event("e1", "created", "/x", NOW, NOW + timedelta(hours=2))  # seen before: not taken in

        assert (none, state.daybook.event_seen_at()) == (None, NOW + timedelta(hours=1))
