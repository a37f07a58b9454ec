"""Quiet steps: work is taken away first, watched, and given back at the first sign of life."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from applying import ANN, HOME, Applying, applying, silence, silent_endpoint

from finops.approvals import Desk

SILENT = f"{HOME}/onlineEndpoints/silent"

Json = dict[str, Any]


def traffic(janitor: Applying) -> Json:
    body = janitor.body(SILENT)
    assert body is not None
    return dict(body["properties"]["traffic"])


def quiet(tmp_path: Path, **more: Any) -> Any:
    return applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=7, **more)


def test_the_quiet_step_comes_before_the_deletion(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)

        done = janitor.apply()

        assert [(line.result, line.what) for line in done.lines] == [("done", "traffic0")]
        assert traffic(janitor) == {"blue": 0}
        kept = janitor.record(record.number)
        assert kept.status == "quiet"
        assert kept.quiet_until is not None
        assert (kept.quiet_until - janitor.now).days in {6, 7}
        assert janitor.changes() == ["PUT onlineEndpoints/silent"]


def test_without_an_approval_nothing_becomes_quiet(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        janitor.found(SILENT)

        janitor.apply()

        assert traffic(janitor) == {"blue": 100}


def test_while_its_days_last_it_is_only_watched(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.live(days=3)

        done = janitor.apply()

        assert done.lines == ()
        assert janitor.record(record.number).status == "quiet"
        assert traffic(janitor) == {"blue": 0}


def test_after_its_days_without_a_sign_of_life_it_is_deleted(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.live(days=7, hours=1)

        done = janitor.apply()

        assert [(line.result, line.record.status) for line in done.lines] == [("done", "confirmed")]
        assert janitor.body(SILENT) is None
        undone = janitor.undo(record.number)
        assert undone.equal, undone.stopped
        assert traffic(janitor) == {"blue": 100}


def test_an_approval_holds_after_the_quiet_step_as_long_as_it_did_before_it(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.live(days=5)
        janitor.apply()
        assert janitor.record(record.number).status == "quiet"
        janitor.live(days=12)

        done = janitor.apply()

        assert [(line.result, line.record.status) for line in done.lines] == [("done", "confirmed")]


def test_traffic_that_somebody_gives_it_again_is_a_sign_of_life(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.change(SILENT, traffic={"blue": 100})
        janitor.live(days=8)

        done = janitor.apply()

        assert janitor.record(record.number).status == "kept"
        assert "traffic" in done.lines[0].why
        assert janitor.body(SILENT) is not None
        assert janitor.changes() == ["PUT onlineEndpoints/silent"]


@pytest.mark.parametrize(
    "protect",
    [
        lambda one: one.change(SILENT, tags={"finops:keep": "2027-01-31;exam"}),
        lambda one: one.lock(SILENT),
        lambda one: one.change(SILENT, authMode="AMLToken"),
    ],
    ids=["keep tag", "lock", "changed"],
)
def test_what_protects_it_gives_it_its_traffic_back(tmp_path: Path, protect: Any):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        protect(janitor)
        janitor.live(days=1)

        janitor.apply()

        assert janitor.record(record.number).status == "kept"
        assert traffic(janitor) == {"blue": 100}


def test_a_person_who_denies_it_gets_its_traffic_back(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        with janitor.state() as state:
            now = state.findings.get(record.number)
            [answer] = Desk(state, janitor.settings.janitor).deny(
                [(record.number, now.finding.digest)], ANN, janitor.now, "in use"
            )
            assert answer.ok

        done = janitor.apply()

        assert [line.what for line in done.lines] == ["set its traffic as it was"]
        assert traffic(janitor) == {"blue": 100}
        assert janitor.record(record.number).status == "denied"
        assert janitor.apply().lines == ()


def test_what_could_not_be_given_back_is_owed(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.change(SILENT, tags={"finops:keep": "2027-01-31;exam"})
        (tmp_path / "STOP").touch()

        first = janitor.apply()
        assert [line.result for line in first.lines] == ["held"]
        assert traffic(janitor) == {"blue": 0}
        (tmp_path / "STOP").unlink()
        janitor.apply()

        assert traffic(janitor) == {"blue": 100}
        assert janitor.record(record.number).status == "kept"


def test_what_cannot_be_looked_at_stays_quiet_and_is_not_deleted(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.live(days=8)
        janitor.served.faults.add({"fault": "403", "path": "getBatch"})

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"]
        assert "It stays quiet" in done.lines[0].why
        assert janitor.record(record.number).status == "quiet"
        assert janitor.body(SILENT) is not None


def test_what_is_gone_while_it_is_quiet_is_gone(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.gone(SILENT)

        janitor.apply()

        assert janitor.record(record.number).status == "gone"
        assert janitor.apply().lines == ()


def test_a_quiet_step_that_fails_is_told_and_leaves_all_as_it_was(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.served.faults.add({"fault": "403", "method": "PUT", "times": 1})

        done = janitor.apply()

        assert [(line.result, line.record.status) for line in done.lines] == [("failed", "failed")]
        assert traffic(janitor) == {"blue": 100}
        janitor.apply()
        assert janitor.record(record.number).status == "failed"
        with janitor.state() as state:
            assert state.kept("janitor/quiet/") == {}


def test_undoing_a_quiet_step_gives_it_its_traffic_back(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()

        undone = janitor.undo(record.number)

        assert undone.equal
        assert traffic(janitor) == {"blue": 100}
        assert janitor.record(record.number).status == "kept"
