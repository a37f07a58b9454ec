"""The duty `apply`: what was approved, once, in working hours, and nothing is asked of Azure where nothing is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from applying import HOME, SILENT, Applying, applying, empty_endpoint, silence, silent_endpoint
from dutiful import counted, never_asked, run

from finops.config.model import StateSettings
from finops.jobs.duties import Done

EMPTY = f"{HOME}/onlineEndpoints/empty"
OTHER = f"{HOME}/onlineEndpoints/other"


def duty(janitor: Applying, **more: Any) -> Done:
    state = StateSettings(url=str(janitor.folder / "state.db"))
    return run("apply", janitor.settings.model_copy(update={"state": state}), janitor.now, **more)


def test_what_was_approved_is_done_once(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        first, second = duty(janitor), duty(janitor)

        assert (janitor.body(EMPTY), janitor.changes()) == (None, ["DELETE onlineEndpoints/empty"])
        assert (first.outcome, counted(first, "acts.done"), counted(second, "acts.done")) == ("done", 1, None)
        assert (counted(first, "findings.confirmed"), counted(first, "approvals_waiting")) == (1, 0)


def test_where_nothing_is_approved_azure_is_not_asked(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.found(EMPTY)
        janitor.live(hours=3)
        done = duty(janitor, acting=never_asked, azure=never_asked)

        assert (done.outcome, counted(done, "approvals_waiting"), counted(done, "approvals_oldest_hours")) == (
            "done", 1, 3,
        )  # fmt: skip


def test_a_rule_that_only_asks_changes_nothing_though_it_was_approved(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        janitor.settings = janitor.settings.model_copy(
            update={"janitor": janitor.settings.janitor.model_copy(update={"mode": "ask"})}
        )
        duty(janitor, acting=never_asked)

        assert janitor.changes() == []


def test_outside_working_hours_nothing_that_was_approved_is_done(tmp_path: Path):
    with applying(
        tmp_path, empty_endpoint(), weekend=["monday", "tuesday", "wednesday", "thursday", "friday"]
    ) as janitor:
        janitor.approved(EMPTY)
        while janitor.now.weekday() >= 5:
            janitor.live(hours=24)
        duty(janitor, acting=never_asked)

        assert janitor.changes() == []


def test_the_kill_switch_holds_the_daemon_too(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        (tmp_path / "STOP").touch()
        done = duty(janitor)

        assert (done.outcome, janitor.changes()) == ("partial", [])
        assert any("kill switch" in sentence for sentence in done.said)


def test_over_a_limit_nothing_is_done_and_it_says_which(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("other"), max_acts=1) as janitor:
        janitor.approved(EMPTY, OTHER)
        done = duty(janitor)

        assert (done.outcome, janitor.changes()) == ("partial", [])
        assert any("janitor.max_acts" in sentence for sentence in done.said)


def test_stopped_between_two_acts_it_leaves_the_other_approved_for_the_next_run(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("other")) as janitor:
        janitor.approved(EMPTY, OTHER)
        first = duty(janitor, stopping=lambda: bool(janitor.changes()))
        after_first = len(janitor.changes())
        duty(janitor)

        assert (after_first, len(janitor.changes())) == (1, 2)
        assert any("being stopped" in sentence for sentence in first.said)
        assert (janitor.body(EMPTY), janitor.body(OTHER)) == (None, None)


def test_a_quiet_step_is_looked_after_outside_working_hours(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7) as janitor:
        janitor.approved(SILENT, rule="endpoint-without-requests")
        duty(janitor)
        taken = janitor.body(SILENT)
        off = {"weekend": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]}
        janitor.settings = janitor.settings.model_copy(
            update={"janitor": janitor.settings.janitor.model_copy(update=off)}
        )
        janitor.change(SILENT, tags={"finops:keep": "2027-01-01"})
        duty(janitor)

        assert taken is not None
        assert taken["properties"]["traffic"] == {"blue": 0}
        assert (janitor.body(SILENT) or {})["properties"]["traffic"] == {"blue": 100}
