"""What shows that something in a quiet step is needed after all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from applying import HOME, cluster, instance
from estates import endpoint, job

from finops.estate import Estate, Known, Resource, Unknown
from finops.estate.ids import key
from finops.jobs.sweeping.quieting import sign_of_life
from finops.state import Record, StoredFinding

NOW = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)
BEGAN = NOW - timedelta(days=7)
Json = dict[str, Any]


def record(body: Json, action: str) -> Record:
    quiet = {"action": action, "days": 7}
    finding = StoredFinding("r", body["id"], "", "", "", "delete", "", {}, "", "low", None, None, (), (), 0, quiet)
    none: Any = None
    return Record(
        1,
        finding,
        "",
        "quiet",
        "",
        BEGAN,
        BEGAN,
        1,
        none,
        none,
        none,
        none,
        none,
        none,
        none,
        (),
        none,
        "",
        1,
        BEGAN,
        1,
    )


def seen(body: Json, *more: Json, **facts: Any) -> Estate:
    known = {name: value if isinstance(value, Unknown) else Known(value, NOW) for name, value in facts.items()}
    found = {key(one["id"]): Resource(one["id"], one) for one in more}
    return Estate(NOW, {**found, key(body["id"]): Resource(body["id"], body, known)})


def quiet_endpoint() -> Json:
    body = endpoint(HOME, "e")
    body["properties"]["traffic"] = {"blue": 0}
    return body


CLUSTER = cluster(HOME, "gpu", low=0)


def newer(name: str, days: float) -> Json:
    made = job(HOME, name)
    made["systemData"]["createdAt"] = (BEGAN + timedelta(days=days)).isoformat()
    return made


@pytest.mark.parametrize(
    ("body", "action", "more", "facts"),
    [
        (quiet_endpoint(), "traffic0", (), {}),
        (quiet_endpoint(), "traffic0", (), {"lastRequest": BEGAN - timedelta(hours=2)}),
        (quiet_endpoint(), "traffic0", (), {"daysWithoutRequests": 30}),
        (quiet_endpoint(), "traffic0", (), {"lastRequest": Unknown("none")}),
        (CLUSTER, "minNodes0", (newer("old", -1),), {"runningJobs": 0, "queuedJobs": 0}),
        (instance(HOME, "ci", "Stopped"), "stop", (), {}),
    ],
)
def test_silence_is_no_sign_of_life(body: Json, action: str, more: Any, facts: Json):
    assert sign_of_life(record(body, action), body, seen(body, *more, **facts)) is None


@pytest.mark.parametrize(
    ("body", "action", "more", "facts", "said"),
    [
        (endpoint(HOME, "e"), "traffic0", (), {}, "traffic"),
        (quiet_endpoint(), "traffic0", (), {"lastRequest": BEGAN + timedelta(days=2)}, "asked"),
        (quiet_endpoint(), "traffic0", (), {"lastRequest": BEGAN.replace(minute=0)}, "asked"),
        (quiet_endpoint(), "traffic0", (), {"daysWithoutRequests": 6}, "6 days ago"),
        (cluster(HOME, "gpu", low=1), "minNodes0", (), {}, "minimum"),
        (CLUSTER, "minNodes0", (), {"runningJobs": 1}, "runs"),
        (CLUSTER, "minNodes0", (), {"queuedJobs": 2}, "waits"),
        (CLUSTER, "minNodes0", (newer("train-1", 1),), {}, "train-1"),
        (instance(HOME, "ci", "Running"), "stop", (), {}, "started"),
        (instance(HOME, "ci", "Starting"), "stop", (), {}, "started"),
    ],
)
def test_a_sign_of_life_is_seen(body: Json, action: str, more: Any, facts: Json, said: str):
    sign = sign_of_life(record(body, action), body, seen(body, *more, **facts))

    assert sign
    assert said in sign
