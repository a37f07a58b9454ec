"""The duty `guard`: what it enforces and where, that it does nothing twice, and what it leaves when it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dutiful import counted, never_asked, run
from estates import DEV, PROD, group_id, storage_account
from guarding import Guarding, dedicated, guarding

from finops.config.model import StateSettings
from finops.jobs.duties import Done

Json = dict[str, Any]
STORAGE = f"{group_id(DEV, 'rg-dev')}/providers/Microsoft.Storage/storageAccounts/mldata"


def data() -> Json:
    found = storage_account(DEV, "rg-dev", "mldata")
    found["properties"]["creationTime"] = "2026-08-01T08:00:00Z"
    return found


def duty(guard: Guarding, **more: Any) -> Done:
    state = StateSettings(url=str(guard.folder / "state.db"))
    return run("guard", guard.settings.model_copy(update={"state": state}), guard.now, **more)


def test_in_mode_enforce_what_is_due_is_done_once(tmp_path: Path):
    with guarding(tmp_path, data()) as guard:
        first, second = duty(guard), duty(guard)

        assert dict(guard.body(STORAGE)["tags"])["CostCenter"] == "CC-2"
        assert (counted(first, "acts.done"), counted(second, "acts.done")) == (1, None)
        assert len(guard.changes()) == 1


def test_in_mode_warn_nothing_is_changed_and_the_reader_is_enough(tmp_path: Path):
    with guarding(tmp_path, dedicated(), data(), mode="warn") as guard:
        done = duty(guard, acting=never_asked)
        guard.live(days=8)
        duty(guard, acting=never_asked)

        assert guard.changes() == []
        assert counted(done, "guard_lines.report") or counted(done, "guard_lines.grace")


def test_owners_are_told_once(tmp_path: Path):
    with guarding(tmp_path, dedicated(), mode="warn") as guard:
        duty(guard)
        duty(guard)

        assert len(guard.mails()) == 1


def test_it_asks_cost_management_nothing(tmp_path: Path):
    with guarding(tmp_path, data(), costs=True) as guard:
        duty(guard)

        assert [one for one in guard.served.requests if "costmanagement" in one["path"].lower()] == []


def test_a_subscription_that_is_refused_makes_it_partial_and_is_named(tmp_path: Path):
    refused = {"fault": "403", "path": f"/subscriptions/{PROD}/"}
    with guarding(tmp_path, data(), faults=[refused]) as guard:
        done = duty(guard)

        assert done.outcome == "partial"
        assert any(PROD in sentence for sentence in done.said)


def test_stopped_between_two_acts_it_leaves_the_rest_for_the_next_run(tmp_path: Path):
    other = data() | {"id": STORAGE.replace("mldata", "mlmore"), "name": "mlmore"}
    with guarding(tmp_path, data(), other) as guard:
        first = duty(guard, stopping=lambda: bool(guard.changes()))
        after_first = len(guard.changes())
        second = duty(guard)

        assert (after_first, len(guard.changes())) == (1, 2)
        assert first.outcome == "partial"
        assert any("being stopped" in sentence for sentence in first.said)
        assert counted(second, "acts.done") == 1


def test_stopped_before_it_reads_it_is_held_and_changes_nothing(tmp_path: Path):
    with guarding(tmp_path, data()) as guard:
        done = duty(guard, stopping=lambda: True)

        assert (done.outcome, guard.changes()) == ("held", [])


def test_a_cluster_that_was_deleted_is_made_anew_though_the_process_is_being_stopped(tmp_path: Path):
    with guarding(tmp_path, dedicated(), recreate="allow") as guard:
        duty(guard)
        guard.live(days=8)
        stopped = duty(guard, stopping=lambda: "DELETE computes/gpu" in guard.changes())

        assert guard.changes()[-2:] == ["DELETE computes/gpu", "PUT computes/gpu"]
        assert (guard.priority(), counted(stopped, "guard_owed")) == ("LowPriority", 0)
