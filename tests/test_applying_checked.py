"""What was approved is read again before anything is done: whatever has changed since is not touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from applying import ANN, HOME, Applying, applying, empty_endpoint
from estates import PROD, deployment, group_id

from finops.approvals import Desk

EMPTY = f"{HOME}/onlineEndpoints/empty"
OTHER = f"{HOME}/onlineEndpoints/other"

Json = dict[str, Any]


def results(found: Any) -> list[tuple[str, str]]:
    return [(line.result, line.record.status) for line in found.lines]


def test_what_was_approved_is_done_and_confirmed(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)

        done = janitor.apply()

        assert results(done) == [("done", "confirmed")]
        assert janitor.body(EMPTY) is None
        assert janitor.changes() == ["DELETE onlineEndpoints/empty"]
        kept = janitor.record(record.number)
        assert kept.restorable_until is not None
        assert kept.tombstone


def test_a_dry_run_changes_nothing_and_says_what_would_be_done(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)

        done = janitor.apply(execute=False)

        assert [line.result for line in done.lines] == ["would"]
        assert janitor.changes() == []
        assert janitor.record(record.number) == record


def test_what_nobody_approved_is_not_done(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.found(EMPTY)

        done = janitor.apply()

        assert done.lines == ()
        assert janitor.changes() == []


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (lambda one: one.put(deployment(EMPTY)), "kept"),
        (lambda one: one.change(EMPTY, authMode="AMLToken"), "pending"),
        (lambda one: one.change(EMPTY, tags={"finops:keep": "2027-01-31;exam"}), "kept"),
        (lambda one: one.lock(EMPTY), "kept"),
        (lambda one: one.lock(group_id(PROD, "rg-ml"), "ReadOnly"), "kept"),
        (lambda one: one.gone(EMPTY), "gone"),
        (lambda one: remade(one), "gone"),
        (lambda one: one.change(EMPTY, provisioningState="Updating"), "kept"),
    ],
    ids=["used again", "changed", "keep tag", "locked", "group locked", "gone", "another of its name", "being changed"],
)
def test_what_has_changed_since_is_not_touched(tmp_path: Path, since: Callable[[Applying], None], status: str):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        since(janitor)

        done = janitor.apply()

        assert results(done) == [("void", status)]
        assert done.lines[0].why
        assert janitor.changes() == []
        assert janitor.record(record.number).votes == ()


def remade(janitor: Applying) -> None:
    body = empty_endpoint()
    body["systemData"]["createdAt"] = "2026-11-20T08:00:00+00:00"
    janitor.put(body)


def test_what_changes_between_the_look_and_the_request_is_not_touched(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        seen: list[str] = []

        def third_reading(asked: Json) -> bool:
            seen.append(asked["path"]) if asked["path"] == EMPTY.lower() else None
            return len(seen) == 4

        janitor.when(third_reading, lambda: janitor.put(deployment(EMPTY)))
        done = janitor.apply()

        assert [line.result for line in done.lines] == ["void"]
        assert janitor.changes() == []
        assert janitor.body(EMPTY) is not None


@pytest.mark.parametrize("path", ["/deployments", "/locks", "workspaces/ml-prod\\?", "onlineEndpoints/empty\\?"])
def test_what_cannot_be_read_again_is_left_alone_and_stays_approved(tmp_path: Path, path: str):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "403", "path": path, "method": "GET"})

        done = janitor.apply()
        janitor.served.faults.clear()

        assert [line.result for line in done.lines] == ["held"]
        assert done.partial
        assert "Its approval stands" in done.lines[0].why
        assert janitor.changes() == []
        assert janitor.record(record.number).status == "scheduled"
        assert results(janitor.apply()) == [("done", "confirmed")]


def test_one_answer_that_it_is_gone_is_asked_for_again(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        gone = {"fault": "status", "status": 404, "code": "NotFound", "method": "GET", "times": 1}
        janitor.served.faults.add({**gone, "path": "onlineEndpoints/empty\\?"})

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"]
        assert janitor.record(record.number).status == "scheduled"


def test_what_azure_does_not_let_us_read_is_told_with_its_own_words(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "403", "path": "onlineEndpoints/empty\\?", "method": "GET"})

        done = janitor.apply()

        assert "403" in done.lines[0].why


def test_what_changed_is_offered_anew_and_needs_a_new_approval(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.change(EMPTY, authMode="AMLToken")
        janitor.apply()

        assert janitor.apply().lines == ()
        again = janitor.record(record.number)
        assert again.status == "pending"
        assert again.finding.digest != record.finding.digest
        assert "settings" in again.note
        janitor.approved(EMPTY)
        assert results(janitor.apply()) == [("done", "confirmed")]


def test_what_is_offered_anew_is_of_no_lower_risk_and_costs_what_it_did(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        dear = replace(record.finding, monthly_cost=Decimal(5000), risk="high")
        with janitor.state() as state, state.findings.changing() as change:
            change.touch(change.get(record.number), dear)
        janitor.change(EMPTY, authMode="AMLToken")
        janitor.put({**(janitor.body(HOME) or {}), "tags": {"Environment": "dev"}})

        janitor.apply()

        again = janitor.record(record.number)
        assert again.status == "pending"
        assert (again.finding.risk, again.finding.monthly_cost) == ("high", Decimal(5000))


def test_an_approval_is_used_once(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        janitor.apply()
        janitor.put(empty_endpoint())

        assert janitor.apply().lines == ()
        assert janitor.body(EMPTY) is not None


def test_somebody_who_denies_it_at_the_last_moment_is_heard(tmp_path: Path):

    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)

        def deny() -> None:
            with janitor.state() as state:
                now = state.findings.get(record.number)
                Desk(state, janitor.settings.janitor).deny(
                    [(record.number, now.finding.digest)], ANN, janitor.now, "no"
                )

        janitor.when(lambda asked: asked["path"].endswith("/deployments"), deny)
        done = janitor.apply()

        assert janitor.changes() == []
        assert janitor.record(record.number).status == "denied"
        assert [line.result for line in done.lines] == ["held"]


def test_without_a_tombstone_nothing_is_deleted(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with applying(tmp_path, empty_endpoint(), tombstones=tmp_path / "file" / "below") as janitor:
        [record] = janitor.approved(EMPTY)

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"]
        assert "no tombstone" in done.lines[0].why
        assert janitor.changes() == []
        assert janitor.record(record.number).status == "scheduled"


def test_what_a_tombstone_cannot_be_read_for_is_not_deleted(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "403", "path": "/roleAssignments"})

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"]
        assert janitor.changes() == []


def test_outside_working_hours_nothing_is_done(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), weekend=["sunday"]) as janitor:  # 22 November 2026 is one
        janitor.approved(EMPTY)

        assert janitor.apply().lines == ()
        janitor.live(hours=24)
        assert results(janitor.apply()) == [("done", "confirmed")]


def test_an_approval_that_is_over_is_not_used(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), approval_days=2) as janitor:
        janitor.approved(EMPTY)
        janitor.live(days=3)

        assert janitor.apply().lines == ()
        assert janitor.changes() == []


def test_a_rule_that_may_only_ask_changes_nothing(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), mode="ask") as janitor:
        janitor.approved(EMPTY)

        assert janitor.apply().lines == ()
        assert janitor.changes() == []


def test_the_kill_switch_stops_everything(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        (tmp_path / "STOP").touch()

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"]
        assert "kill switch" in done.lines[0].why
        assert janitor.changes() == []
        assert janitor.record(record.number).status == "scheduled"


@pytest.mark.parametrize(
    ("caps", "says"),
    [
        ({"max_acts": 1}, "2 changes are wanted; the limit is 1"),
        ({"max_percent": 0}, "would be changed; the limit is 0 %"),
        ({"max_per_owner": 1}, "2 changes concern ana@contoso.com"),
        ({"max_monthly_money": 1}, "costs a month is not known"),
    ],
)
def test_beyond_a_limit_nothing_at_all_is_done(tmp_path: Path, caps: Json, says: str):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("other"), **caps) as janitor:
        records = janitor.approved(EMPTY, OTHER)

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held", "held"]
        assert says in done.lines[0].why
        assert janitor.changes() == []
        assert {janitor.record(one.number).status for one in records} == {"scheduled"}


def test_a_run_that_starts_anew_has_no_new_limit(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("other"), max_acts=1) as janitor:
        janitor.approved(EMPTY)
        janitor.apply()
        janitor.approved(OTHER)

        assert [line.result for line in janitor.apply().lines] == ["held"]
        janitor.live(hours=2)
        assert results(janitor.apply()) == [("done", "confirmed")]


def test_only_what_is_named_is_done(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("other")) as janitor:
        first, second = janitor.approved(EMPTY, OTHER)

        janitor.apply(only=[second.number])

        assert janitor.record(first.number).status == "scheduled"
        assert janitor.record(second.number).status == "confirmed"


def test_the_first_unexpected_fault_ends_the_run(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("other")) as janitor:
        janitor.approved(EMPTY, OTHER)
        janitor.served.faults.add({"fault": "status", "status": 400, "method": "DELETE", "times": 1})

        done = janitor.apply()

        assert sorted(line.result for line in done.lines) == ["failed", "held"]
        assert len(janitor.changes()) == 1


def test_what_was_done_is_on_the_audit_trail_with_who_approved_it(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)

        janitor.apply()

        with janitor.state() as state:
            assert state.verify_audit().fault is None
            [intent] = state.intents_since(record.first_at)
            assert intent.outcome == "done"
            assert "oid-ann" in intent.decision
            assert record.finding.digest in intent.decision
            assert intent.evidence["tombstone"] == janitor.record(record.number).tombstone
