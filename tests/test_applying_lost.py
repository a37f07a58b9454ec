"""Deletions whose answer is lost, that fail after they were accepted, or that somebody else was quicker with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from applying import HOME, applying, empty_endpoint, silence, silent_endpoint

EMPTY, SILENT = f"{HOME}/onlineEndpoints/empty", f"{HOME}/onlineEndpoints/silent"

Json = dict[str, Any]


def test_a_deletion_whose_answer_is_lost_is_found_by_reading(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "reset-after", "method": "DELETE"})

        first = janitor.apply()
        assert [line.result for line in first.lines] == ["unknown"]
        assert janitor.record(record.number).status == "acted"
        janitor.live(minutes=5)
        later = janitor.apply()

        assert [line.result for line in later.lines] == ["done"]
        assert janitor.record(record.number).status == "confirmed"
        assert len(janitor.changes()) == 1


def test_a_deletion_that_never_arrived_has_failed_and_is_asked_about_anew(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "reset-before", "method": "DELETE"})

        janitor.apply()
        janitor.served.faults.clear()
        janitor.live(hours=2)
        later = janitor.apply()

        assert janitor.body(EMPTY) is not None
        assert janitor.record(record.number).status == "failed"
        assert [line.result for line in later.lines] in ([], ["failed"])
        assert len(janitor.changes()) == 1


def test_a_deletion_that_is_accepted_and_fails_is_told_as_failed(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "lro-fails", "method": "DELETE", "times": 1})

        janitor.apply()
        janitor.live(hours=2)
        janitor.apply()

        assert janitor.body(EMPTY) is not None
        assert janitor.record(record.number).status == "failed"
        assert len(janitor.changes()) == 1


def test_half_a_deletion_can_be_undone(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT)) as janitor:
        [record] = janitor.approved(SILENT)
        before = janitor.body(SILENT)
        janitor.served.faults.add({"fault": "lro-fails-half", "method": "DELETE", "times": 1})
        janitor.apply()
        janitor.live(hours=2)
        janitor.apply()
        assert janitor.record(record.number).status == "failed"
        assert janitor.body(f"{SILENT}/deployments/blue") is None
        janitor.served.faults.clear()

        undone = janitor.undo(record.number)

        assert undone.equal, (undone.stopped, undone.compared)
        after = janitor.body(SILENT)
        assert before
        assert after
        assert after["properties"]["traffic"] == before["properties"]["traffic"]


def test_what_azure_is_still_at_is_found_out_by_a_later_run(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "lro-never-ends", "method": "DELETE", "times": 1})

        first = janitor.apply()
        assert [line.result for line in first.lines] == ["unknown"]
        assert first.partial
        assert janitor.record(record.number).status == "acted"
        janitor.gone(EMPTY)
        later = janitor.apply()

        assert [(line.result, line.record.status) for line in later.lines] == [("done", "confirmed")]
        assert len(janitor.changes()) == 1


def test_what_somebody_else_deletes_at_the_same_moment_is_no_failure(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.when(lambda asked: asked["method"] == "DELETE", lambda: janitor.gone(EMPTY))

        done = janitor.apply()

        assert not done.partial
        assert janitor.record(record.number).status in {"confirmed", "gone"}


def test_what_nobody_may_delete_is_held_against_nobody_else(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), empty_endpoint("other")) as janitor:
        records = janitor.approved(EMPTY, f"{HOME}/onlineEndpoints/other")
        janitor.served.faults.add({"fault": "403", "method": "DELETE", "times": 1})

        janitor.apply()

        assert sorted(janitor.record(one.number).status for one in records) == ["confirmed", "failed"]


@pytest.mark.parametrize("name", ["b" + "x" * 31, "a-1"])
def test_names_of_any_length_are_deleted_as_themselves(tmp_path: Path, name: str):
    with applying(tmp_path, empty_endpoint(name), empty_endpoint(f"{name}2")) as janitor:
        janitor.approved(f"{HOME}/onlineEndpoints/{name}")

        janitor.apply()

        assert janitor.body(f"{HOME}/onlineEndpoints/{name}") is None
        assert janitor.body(f"{HOME}/onlineEndpoints/{name}2") is not None
