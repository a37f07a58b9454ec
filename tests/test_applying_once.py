"""One approval, one request: what Azure may have done is read, and what it turned away is looked at anew first."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from applying import HOME, SILENT, Applying, applying, cluster, empty_endpoint, silence, silent_endpoint

from finops.acts import generation_of
from finops.jobs.sweeping.acting import ACT, Deed
from finops.state import Record

EMPTY = f"{HOME}/onlineEndpoints/empty"

Json = dict[str, Any]


def answers(
    janitor: Applying, method: str, status: int, then: Callable[[], None], times: int = 1, **headers: str
) -> list[str]:
    """Answer requests of a method with an error of Azure's own, `then` having happened. What was sent, as it comes."""
    inner = janitor.served.app._inner
    sent: list[str] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("method") == method:
            sent.append(scope["path"])
        if scope.get("method") != method or len(sent) > times:
            await inner(scope, receive, send)
            return
        then()
        told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        told.append((b"content-type", b"application/json"))
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send(
            {"type": "http.response.body", "body": json.dumps({"error": {"code": "X", "message": "x"}}).encode()}
        )

    watched.state = inner.state  # type: ignore[attr-defined]
    janitor.served.app._inner = watched  # type: ignore[assignment]
    return sent


def made_anew(janitor: Applying, body: Json, **tags: str) -> None:
    janitor.gone(body["id"])
    theirs = copy.deepcopy(body)
    theirs["systemData"] = {"createdAt": janitor.now.isoformat(), "createdBy": "bob@contoso.com"}
    janitor.put({**theirs, "tags": tags})


def body_of(janitor: Applying, resource_id: str) -> Json:
    body = janitor.body(resource_id)
    assert body is not None
    return body


def test_what_was_made_anew_behind_a_502_is_not_deleted(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        before = body_of(janitor, EMPTY)
        keep = {"finops:keep": "2030-01-01;new"}
        sent = answers(janitor, "DELETE", 502, lambda: made_anew(janitor, before, **keep))

        janitor.apply()

        assert len(sent) == 1
        assert body_of(janitor, EMPTY)["tags"] == keep
        assert janitor.record(record.number).status == "confirmed"


def test_a_deletion_that_is_done_and_answered_with_an_error_is_confirmed_by_reading(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "502-after", "method": "DELETE"})

        janitor.apply()
        janitor.served.faults.clear()
        janitor.live(minutes=5)
        janitor.apply()

        assert janitor.record(record.number).status == "confirmed"
        assert janitor.changes() == ["DELETE onlineEndpoints/empty"]


def test_an_undo_does_not_write_over_what_was_made_behind_a_502(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        before = body_of(janitor, EMPTY)
        janitor.apply()
        sent = answers(janitor, "PUT", 502, lambda: made_anew(janitor, before, owner="bob"))

        undone = janitor.undo(record.number)

        assert len(sent) == 1
        assert body_of(janitor, EMPTY)["tags"] == {"owner": "bob"}
        assert not undone.equal


def test_a_throttled_deletion_is_sent_again_on_the_same_approval(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        sent = answers(janitor, "DELETE", 429, lambda: None, retry_after="3")

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["done"]
        assert len(sent) == 2
        assert janitor.record(record.number).status == "confirmed"


def test_a_kill_switch_is_heeded_while_azure_lets_us_wait(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        sent = answers(janitor, "DELETE", 429, lambda: (tmp_path / "STOP").touch(), retry_after="3")

        done = janitor.apply()

        assert (len(sent), janitor.body(EMPTY) is None) == (1, False)
        assert done.lines[0].why.startswith("Nothing was sent: The kill switch")
        assert janitor.record(record.number).status == "failed"


def test_a_keep_tag_is_heeded_that_is_written_while_azure_lets_us_wait(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        tagged = lambda: janitor.change(EMPTY, tags={"finops:keep": "2030-01-01;mine"})  # noqa: E731
        sent = answers(janitor, "DELETE", 429, tagged, retry_after="3")

        janitor.apply()

        assert (len(sent), janitor.body(EMPTY) is None) == (1, False)


def test_a_deletion_that_azure_lets_wait_for_too_long_is_not_sent_again(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        sent = answers(janitor, "DELETE", 429, lambda: None, times=100, retry_after="3600")

        done = janitor.apply()

        assert len(sent) == 1
        assert "Nothing was sent" in done.lines[0].why
        assert janitor.record(record.number).status == "failed"
        with janitor.state() as state:
            assert state.pending_intents() == []


def test_a_deletion_that_reading_does_not_show_yet_is_not_written_down_as_failed(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        old = body_of(janitor, EMPTY)
        # An old copy answers for a while.
        inner = janitor.served.app._inner
        gone: list[bool] = []

        async def stale(scope: Any, receive: Any, send: Any) -> None:
            if scope.get("method") == "DELETE":
                gone.append(True)
            if gone and scope.get("method") == "GET" and scope["path"].lower() == EMPTY.lower():
                headers = [(b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": json.dumps(old).encode()})
                return
            await inner(scope, receive, send)

        stale.state = inner.state  # type: ignore[attr-defined]
        janitor.served.app._inner = stale  # type: ignore[assignment]

        first = janitor.apply()
        assert [line.result for line in first.lines] == ["unknown"]
        assert "not confirmed yet" in first.lines[0].why
        assert janitor.record(record.number).status == "acted"
        gone.clear()
        janitor.apply()

        assert janitor.record(record.number).status == "confirmed"


def test_a_kill_switch_thrown_during_the_last_look_leaves_the_approval(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        looks: list[bool] = []

        def last_look(asked: Json) -> bool:
            """The third list of locks: of the look, of the act, and of the look that the act takes."""
            if asked["path"].endswith("/locks"):
                looks.append(True)
            return len(looks) == 3

        janitor.when(last_look, lambda: (tmp_path / "STOP").touch())

        done = janitor.apply()

        assert len(looks) >= 3
        assert [line.result for line in done.lines] == ["held"]
        assert janitor.record(record.number).status in {"approved", "scheduled"}
        assert janitor.changes() == []


def written_during_the_look(janitor: Applying, resource_id: str, **what: Any) -> None:
    """What somebody writes once the act has read the resource itself for the last time but one."""
    seen: list[bool] = []

    def late(asked: Json) -> bool:
        with janitor.state() as state:
            began = bool(state.pending_intents())
        if began and asked["method"] == "GET" and asked["path"].lower() == resource_id.lower():
            seen.append(True)
        return bool(seen)

    janitor.when(late, lambda: janitor.change(resource_id, **what))


def test_what_somebody_writes_just_before_a_quiet_step_is_not_written_over(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        [record] = janitor.approved(SILENT, rule="endpoint-without-requests")
        written_during_the_look(janitor, SILENT, tags={"finops:keep": "2030-01-01;mine"}, description="Ours")

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"]
        assert "Somebody has changed it just now" in done.lines[0].why
        assert janitor.changes() == []
        assert body_of(janitor, SILENT)["tags"]["finops:keep"] == "2030-01-01;mine"
        assert janitor.record(record.number).status in {"approved", "scheduled"}


def right_after_the_put(janitor: Applying, then: Callable[[], None]) -> None:
    sent: list[bool] = []

    def reads_back(asked: Json) -> bool:
        if asked["method"] == "PUT":
            sent.append(True)
        return bool(sent) and asked["method"] == "GET" and asked["path"] == SILENT.lower()

    janitor.when(reads_back, then)


def test_a_keep_tag_written_at_the_same_moment_as_a_quiet_step_voids_it(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        [record] = janitor.approved(SILENT, rule="endpoint-without-requests")
        keep = {"finops:keep": "2030-01-01;mine"}
        right_after_the_put(janitor, lambda: janitor.change(SILENT, tags=keep))

        first = janitor.apply()
        assert "Somebody gave it the tag finops:keep at the same moment." in first.lines[0].why
        assert janitor.record(record.number).status == "failed"
        janitor.apply()

        body = body_of(janitor, SILENT)
        assert body["properties"]["traffic"] == {"blue": 100}
        assert body["tags"]["finops:keep"] == keep["finops:keep"]


def test_a_tag_that_is_another_one_after_a_quiet_step_is_told_and_the_step_taken_back(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        janitor.approved(SILENT, rule="endpoint-without-requests")
        right_after_the_put(janitor, lambda: janitor.change(SILENT, tags={"team": "forms"}))

        first = janitor.apply()
        assert "Its tags are not what they were before: team." in first.lines[0].why
        janitor.apply()

        body = body_of(janitor, SILENT)
        assert (body["properties"]["traffic"], body["tags"]["team"]) == ({"blue": 100}, "forms")


def test_what_is_sent_is_what_was_decided_on(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.found(EMPTY)
    before = cluster(HOME, "c", low=2)
    after = copy.deepcopy(before)
    after["properties"]["properties"]["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] = "PT12H"

    act = _deed(record).act(before)

    assert act.still_holds(before) is None
    assert act.still_holds(after) == "It was changed while it was looked at."
    assert generation_of(before) == generation_of(after)


def _deed(record: Record) -> Deed:
    return Deed(record, ACT, "scaleToZero", lambda body: None, lambda: None, "", "")
