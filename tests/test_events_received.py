"""What the webhook takes in over HTTP: handshakes, events that matter once each, and nothing that is garbage."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from awake import awake
from estates import DEV
from eventing import CLUSTER, NOW, SECRET, WRITE, Posting, as_cloud, event, posting, settings, validation
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from finops.daemon.events import CLOUD, CLOUDS, MOST_EVENTS, OWN, Event, Garbage, events_of

OTHER = "33333333-3333-3333-3333-333333333333"
GROUP = f"/subscriptions/{DEV}/resourceGroups/rg-dev"


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Posting]:
    with posting(tmp_path) as found:
        yield found


# -- handshakes


def test_the_validation_code_is_sent_back_in_the_answer(hook: Posting):
    answer = hook.post(validation("512d38b6-c7b8"))

    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6-c7b8"})
    assert hook.waiting() == []


def test_a_validation_for_a_subscription_that_is_not_ours_is_refused(hook: Posting):
    answer = hook.post({**validation(), "topic": f"/subscriptions/{OTHER}"})

    assert (answer.status_code, "validationResponse" in answer.text) == (403, False)


def test_by_hand_the_address_to_open_is_logged_and_nothing_is_sent_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with posting(tmp_path, settings(secret=SECRET, handshake="by hand")) as hook:
        answer = hook.post(validation())

    assert (answer.status_code, answer.json()) == (200, {})
    assert "https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/finops/validate" in caplog.text


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/x", "http://rp.eventgrid.azure.net/x", "https://eventgrid.azure.net.evil.example", 7, None,
     "https://rp.eventgrid.azure.net/\nAdmin: open https://evil.example", "https://[x", "https://x@evil.example"],
)  # fmt: skip
def test_an_address_that_is_not_event_grids_is_not_told_to_be_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, url: Any
):
    with posting(tmp_path, settings(secret=SECRET, handshake="by hand")) as hook:
        answer = hook.post(validation(validationUrl=url))

    assert answer.status_code == 200
    assert "open within" not in caplog.text


def test_a_validation_without_a_code_is_one_by_hand(hook: Posting, caplog: pytest.LogCaptureFixture):
    assert hook.post(validation(None)).json() == {}
    assert "open within 5 minutes" in caplog.text


@pytest.mark.parametrize("code", [7, "", "x" * 201, "a\nb", ["x"]])
def test_a_validation_code_that_is_none_is_garbage(hook: Posting, code: Any):
    assert hook.post(validation(code)).status_code == 400


def test_a_validation_among_other_events_is_garbage(hook: Posting):
    assert hook.post(validation(), event()).status_code == 400
    assert hook.waiting() == []


def test_cloud_events_are_agreed_to_by_the_headers_of_their_handshake(hook: Posting):
    answer = hook.options({"X-Finops-Events-Key": SECRET})

    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "eventgrid.azure.net"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    "asked", [{"WebHook-Request-Origin": "evil.example"}, {"WebHook-Request-Origin": ""}, {"X-Finops-Events-Key": ""}]
)
def test_nobody_else_is_agreed_to(hook: Posting, asked: dict[str, str]):
    answer = hook.options({"X-Finops-Events-Key": SECRET, **asked})

    assert "webhook-allowed-origin" not in answer.headers


def test_a_browsers_preflight_is_allowed_nothing(hook: Posting):
    answer = hook.options({"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})

    assert not [name for name in answer.headers if name.startswith("access-control")]


# -- events


@pytest.mark.parametrize(
    ("shape", "content"),
    [(lambda one: [one], OWN), (as_cloud, CLOUD), (lambda one: [as_cloud(one)], CLOUDS)],
    ids=["Event Grid's", "CloudEvents", "a batch of CloudEvents"],
)
def test_an_event_of_each_schema_is_taken_in(hook: Posting, shape: Any, content: str):
    answer = hook.send(json.dumps(shape(event("e1"))).encode(), f"{content}; charset=utf-8")

    assert (answer.status_code, answer.json()["taken"]) == (200, 1)
    assert (hook.waiting(), hook.heard) == (["e1"], [1])


def test_an_event_that_comes_again_wakes_nobody_again(hook: Posting):
    hook.post(event("e1"))
    hook.state.daybook.handled(["e1"], NOW)

    answer = hook.post(event("e1"))

    assert (answer.status_code, answer.json()) == (200, {"taken": 0, "seenBefore": 1, "leftOut": 0})
    assert (hook.waiting(), hook.heard) == ([], [1])


GOVERNED = [
    (CLUSTER.partition("/computes")[0], "Microsoft.MachineLearningServices/workspaces/write"),
    (CLUSTER.upper(), WRITE.upper().replace("/WRITE", "/write")),
    (GROUP, "Microsoft.Resources/subscriptions/resourceGroups/write"),
    (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a", "Microsoft.Storage/storageAccounts/write"),
    (f"{GROUP}/providers/Microsoft.Resources/tags/default", "Microsoft.Resources/tags/write"),
    (f"{CLUSTER}/providers/Microsoft.Resources/tags/default", "Microsoft.Resources/tags/delete"),
    (f"{CLUSTER.replace('/computes/gpu', '')}/onlineEndpoints/e",
     "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write"),
    (CLUSTER, "Microsoft.MachineLearningServices/workspaces/computes/start/action"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "operation"), GOVERNED, ids=[operation for _, operation in GOVERNED])
def test_what_the_guard_looks_at_wakes_it(hook: Posting, subject: str, operation: str):
    assert hook.post(event(subject=subject, operation=operation)).json()["taken"] == 1


IGNORED = [
    ("operation", event(operation="Microsoft.MachineLearningServices/workspaces/jobs/write")),
    ("operation", event(operation="Microsoft.Resources/deployments/write")),
    ("operation", event(operation="Microsoft.MachineLearningServices/workspaces/computes/delete")),
    ("subscription", event(subject=CLUSTER.replace(DEV, OTHER))),
    ("subscription", event(subject="/providers/x")),
    ("subscription", event(subject=CLUSTER.replace(DEV, DEV + "0"))),
    ("tenant", event(data={**event()["data"], "tenantId": OTHER})),
    ("stale", event(at=NOW - timedelta(hours=24, seconds=1))),
    ("kind", event(eventType="Microsoft.Resources.ResourceWriteFailure")),
    ("kind", event(eventType="Contoso.Thing.Happened")),
]


@pytest.mark.parametrize(("why", "sent"), IGNORED, ids=[why for why, _ in IGNORED])
def test_what_does_not_matter_is_taken_with_thanks_and_wakes_nobody(hook: Posting, why: str, sent: dict[str, Any]):
    answer = hook.post(sent)

    assert (answer.status_code, answer.json()["leftOut"]) == (200, 1)
    assert (hook.waiting(), hook.heard, hook.webhook.arrivals.counts()["events", why]) == ([], [], 1)


@pytest.mark.parametrize("action", ["listNodes", "listKeys", "listStorageAccountKeys"])
def test_the_guards_own_looking_does_not_wake_it_for_ever(hook: Posting, action: str):
    operation = f"Microsoft.MachineLearningServices/workspaces/computes/{action}/action"

    assert hook.post(event(operation=operation)).json()["taken"] == 0


def test_without_a_list_of_subscriptions_any_of_the_tenant_wakes(tmp_path: Path):
    with posting(tmp_path, settings({"subscriptions": []}, secret=SECRET)) as hook:
        assert hook.post(event(subject=CLUSTER.replace(DEV, OTHER))).json()["taken"] == 1


def test_the_name_of_a_resource_changes_nothing_but_is_written_down_as_it_came(hook: Posting):
    subject = f"{CLUSTER}'; DROP TABLE events_seen; --"

    hook.post(event(subject=subject))

    assert [one.subject for one in hook.state.daybook.events_waiting()] == [subject]


# -- garbage

DEEP = b"[" * 100_000
GARBAGE = [
    b"", b"x", b"null", b"7", b"[]", b"{}", b"[[]]", b"[7]", b"[{}]", b"\xff\xfe", DEEP, b"[NaN]", b"[1e999]",
    b"[" + b"9" * 5000 + b"]",
    json.dumps([event("good")]).replace('"id": "good"', '"id": "good", "id": "bad"').encode(),
    json.dumps([{**event(), "id": ""}]).encode(),
    json.dumps([{**event(), "id": "\ud800"}]).encode(),
    json.dumps([{**event(), "id": "a\x00b"}]).encode(),
    json.dumps([{**event(), "id": "x" * 201}]).encode(),
    json.dumps([{**event(), "id": 7}]).encode(),
    json.dumps([{**event(), "eventType": None}]).encode(),
    json.dumps([{**event(), "eventTime": "yesterday"}]).encode(),
    json.dumps([{**event(), "eventTime": "0001-01-01T00:00:00+14:00"}]).encode(),
    json.dumps([{**event(), "subject": ["x"]}]).encode(),
    json.dumps([event("good"), {**event(), "subject": "x" * 3000}]).encode(),
    json.dumps([event("good")] * (MOST_EVENTS + 1)).encode()[:1000],
    json.dumps(event("good")).encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_refused_and_leaves_nothing_behind(hook: Posting, body: bytes):
    answer = hook.send(body)

    assert answer.status_code == 400
    assert (hook.waiting(), hook.heard) == ([], [])


def test_more_events_than_event_grid_sends_are_garbage():
    tiny = {"id": "a", "eventType": "b", "eventTime": "2026-11-23T06:30:00Z"}

    assert len(events_of(json.dumps([tiny] * MOST_EVENTS).encode(), OWN)) == MOST_EVENTS
    with pytest.raises(Garbage, match="5001 events"):
        events_of(json.dumps([tiny] * (MOST_EVENTS + 1)).encode(), OWN)


@pytest.mark.parametrize(
    "content", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "json"]
)
def test_other_kinds_of_content_are_not_read(hook: Posting, content: str):
    assert hook.post(event(), content=content).status_code == 415


def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_sent(hook: Posting):
    answer = hook.send(b" " * (1024 * 1024 + 1))

    assert answer.status_code == 413


def test_a_body_of_pieces_that_grows_too_long_is_refused(hook: Posting):
    answer = hook.send(iter([b" " * 65536] * 20))

    assert answer.status_code == 413


def test_a_body_that_comes_too_slowly_is_not_waited_for(tmp_path: Path):
    with posting(tmp_path, body_seconds=0.3) as hook, awake() as seconds:
        port = int(hook.url.rpartition(":")[2].strip("/"))
        with socket.create_connection(("127.0.0.1", port), 60) as line:
            head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Finops-Events-Key: {SECRET}\r\nContent-Type: application/json\r\n"
            line.sendall(f"{head}Content-Length: 100\r\n\r\n[".encode())
            answer = line.recv(1000)
            took = seconds()

    assert b" 408 " in answer
    assert took < 5


def test_a_sender_that_hangs_up_in_the_middle_breaks_nothing(hook: Posting):
    port = int(hook.url.rpartition(":")[2].strip("/"))
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Finops-Events-Key: {SECRET}\r\nContent-Type: application/json\r\n"
        line.sendall(f"{head}Content-Length: 100\r\n\r\n[".encode())

    assert hook.post(event()).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "", 405), ("PUT", "", 405), ("POST", "metrics", 404)])
def test_nothing_else_is_answered(hook: Posting, method: str, path: str, status: int):
    import httpx

    answer = httpx.request(method, hook.url + path, headers=hook.headers, trust_env=False)

    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_while_the_database_is_away_event_grid_is_asked_to_come_again(hook: Posting, tmp_path: Path):
    hook.state.close()
    (tmp_path / "state.db").rename(tmp_path / "away.db")
    (tmp_path / "state.db").mkdir()

    answer = hook.post(event())

    assert answer.status_code == 503
    assert "state.db" not in answer.text


def test_the_path_is_that_of_the_address(tmp_path: Path):
    with posting(tmp_path, settings(secret=SECRET, url="https://finops.contoso.com/azure/events")) as hook:
        assert hook.post(event()).status_code == 200
        assert hook.url.endswith("/azure/events")


# -- fuzz

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["id", "subject", "eventType", "eventTime", "topic", "data", "type", "time", "source", "specversion"]
)


@given(body=st.binary(max_size=300), content=st.sampled_from([OWN, CLOUD, CLOUDS]))
@example(body=DEEP, content=CLOUD)
def test_whatever_bytes_come_they_are_events_or_garbage(body: bytes, content: str):
    try:
        found = events_of(body, content)
    except Garbage:
        return
    assert all(isinstance(one, Event) for one in found)


@given(changed=st.dictionaries(NAMES, JSON, max_size=5), content=st.sampled_from([OWN, CLOUD, CLOUDS]))
@hypothesis_settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_an_event_holds_the_answer_is_yes_or_no(hook: Posting, changed: dict[str, Any], content: str):
    sent = {**(event("e1") if content == OWN else as_cloud(event("e1"))), **changed}

    answer = hook.send(json.dumps(sent if content == CLOUD else [sent]).encode(), content)

    assert answer.status_code in {200, 400, 403}
    assert answer.headers["content-type"] == "application/json"
