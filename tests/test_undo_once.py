"""An undo gives back what we took, once, and never over what people have set or made since."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from applying import HOME, SILENT, Applying, applying, cluster, empty_endpoint, silence, whole

from finops.errors import FinopsError
from finops.estate.model import at
from finops.jobs.sweeping.undoing import MADE
from finops.tombstones import Content, Piece, Step, conflicts
from finops.tombstones.steps import resource_steps

EMPTY = f"{HOME}/onlineEndpoints/empty"
SCALE = "properties.properties.scaleSettings"

Json = dict[str, Any]


def scaled(**held: Any) -> Json:
    body = cluster(HOME, "c", low=2)
    body["properties"]["properties"]["scaleSettings"] |= held
    return body


def steps(action: str, before: Json, now: Json) -> tuple[list[Step], list[str]]:
    content = Content(before["id"], action, (Piece("compute", before["id"], "2024-04-01", before),))
    found = list(resource_steps(content, lambda resource_id, version: now))
    return found, conflicts(content, lambda resource_id, version: now)


def deleted(janitor: Applying, resource_id: str) -> int:
    [record] = janitor.approved(resource_id)
    done = janitor.apply()
    assert [line.result for line in done.lines] == ["done"], done.lines
    return record.number


def test_a_maximum_that_the_owner_has_raised_since_stays():
    before = scaled(nodeIdleTimeBeforeScaleDown="PT12H")

    now = scaled(minNodeCount=0, nodeIdleTimeBeforeScaleDown="PT120S", maxNodeCount=9)
    [step], left = steps("scaleToZero", before, now)

    assert at(step.body, SCALE) == {"minNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT12H", "maxNodeCount": 9}
    assert left == []


def test_a_minimum_that_the_owner_has_set_since_stays():
    found, left = steps("minNodes0", scaled(), scaled(minNodeCount=1))

    assert found == []
    assert left == ["its minNodeCount is 1 by now, and was 2"]


def test_an_idle_time_that_was_not_ours_is_left_alone():
    before = scaled(nodeIdleTimeBeforeScaleDown="PT10M")

    [step], left = steps("scaleToZero", before, scaled(minNodeCount=0, nodeIdleTimeBeforeScaleDown="PT1H"))

    assert at(step.body, f"{SCALE}.nodeIdleTimeBeforeScaleDown") == "PT1H"
    assert at(step.afterwards, SCALE) == {"minNodeCount": 2}
    assert left == []


def test_a_second_undo_is_refused(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        janitor.undo(number)
        janitor.change(SILENT, traffic={"blue": 0, "green": 100})
        changes = janitor.changes()

        with pytest.raises(FinopsError, match=r"was undone on .* already"):
            janitor.undo(number)

        assert janitor.changes() == changes


def test_what_was_deleted_and_made_by_others_after_an_undo_is_not_written_over(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        number = deleted(janitor, EMPTY)
        janitor.undo(number)
        theirs = empty_endpoint()
        theirs["systemData"]["createdAt"] = "2026-11-29T09:00:00+00:00"
        janitor.put(theirs)

        with pytest.raises(FinopsError):
            janitor.undo(number)

        assert janitor.body(EMPTY) == theirs


@pytest.mark.parametrize("days", [0, 1])
def test_what_others_made_after_an_undo_that_stopped_half_way_is_refused(tmp_path: Path, days: int):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        janitor.served.faults.add({"fault": "403", "method": "PUT", "path": "deployments/"})
        assert janitor.undo(number).stopped
        janitor.live(days=days, seconds=1)
        theirs = janitor.body(SILENT)
        assert theirs is not None
        theirs["systemData"]["createdAt"] = janitor.now.isoformat()
        janitor.put(theirs)
        changes = janitor.changes()

        with pytest.raises(FinopsError, match="Something of the name"):
            janitor.undo(number)

        assert janitor.changes() == changes


def test_what_an_undo_made_is_its_own_however_azure_spells_when(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        janitor.served.faults.add({"fault": "403", "method": "PUT", "path": "deployments/", "times": 1})
        assert janitor.undo(number).stopped
        ours = janitor.body(SILENT)
        assert ours is not None
        made = datetime.fromisoformat(ours["systemData"]["createdAt"])
        ours["systemData"]["createdAt"] = made.astimezone(timezone(timedelta(hours=1))).isoformat(
            timespec="milliseconds"
        )
        janitor.put(ours)

        assert not janitor.undo(number).stopped


def test_traffic_that_people_set_while_an_undo_was_stopped_stays(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        janitor.served.faults.add({"fault": "403", "method": "PUT", "path": "deployments/green", "times": 1})
        assert janitor.undo(number).stopped
        janitor.change(SILENT, traffic={"blue": 100})

        undone = janitor.undo(number)

        assert at(janitor.body(SILENT), "properties.traffic") == {"blue": 100}
        assert not undone.equal
        assert not undone.stopped


def made_and_died(janitor: Applying, number: int) -> None:
    """An undo that made the endpoint, and died before that was written down."""
    janitor.served.faults.add({"fault": "403", "method": "PUT", "path": "deployments/"})
    assert janitor.undo(number).stopped
    janitor.served.faults.clear()
    with janitor.state() as state:
        state.drop(f"{MADE}{number}")


def test_an_undo_that_died_as_it_had_made_something_goes_on(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        made_and_died(janitor, number)

        assert not janitor.undo(number).stopped


@pytest.mark.parametrize("minutes", [-3, 3])
def test_what_others_made_some_minutes_from_an_undo_that_died_is_theirs(tmp_path: Path, minutes: int):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        made_and_died(janitor, number)
        theirs = janitor.body(SILENT)
        assert theirs is not None
        made = datetime.fromisoformat(theirs["systemData"]["createdAt"])
        theirs["systemData"]["createdAt"] = (made + timedelta(minutes=minutes)).isoformat()
        janitor.put(theirs)
        changes = janitor.changes()

        with pytest.raises(FinopsError, match="Something of the name"):
            janitor.undo(number)

        assert janitor.changes() == changes


def test_what_others_made_while_an_undo_was_refused_is_theirs(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        number = deleted(janitor, EMPTY)
        janitor.served.faults.add({"fault": "403", "method": "PUT", "times": 1})
        assert janitor.undo(number).stopped
        theirs = empty_endpoint()
        theirs["systemData"]["createdAt"] = janitor.now.isoformat()
        janitor.put(theirs)
        changes = janitor.changes()

        with pytest.raises(FinopsError, match="Something of the name"):
            janitor.undo(number)

        assert janitor.changes() == changes
