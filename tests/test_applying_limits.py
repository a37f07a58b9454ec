"""What bounds a run: one at a time, hours, limits over all kinds, rehearsals, and how long tombstones stay."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from applying import HOME, SILENT, Applying, applying, empty_endpoint, silence, silent_endpoint
from registries import REGISTRY, image

from finops import images
from finops import janitor as rules_of
from finops.state import Busy

EMPTY = f"{HOME}/onlineEndpoints/empty"
OLD, NEWER = image("tools/base", "2026-05-03", "1.0"), image("tools/base", "2026-11-01", "1.1", bases=(0, 3))

Json = dict[str, Any]


def role_put(janitor: Applying) -> None:
    """Somebody grants a role on the endpoint: no rule looks at that."""
    name = "22222222-aaaa-4aaa-8aaa-000000000001"
    janitor.put(
        {
            "id": f"{EMPTY}/providers/Microsoft.Authorization/roleAssignments/{name}", "name": name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "principalId": "p", "roleDefinitionId": "/r/1", "scope": EMPTY, "principalType": "User",
            },
        }
    )  # fmt: skip


def test_while_another_run_changes_azure_nothing_is_done(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        with janitor.state() as other, other.turn(), pytest.raises(Busy):
            janitor.apply()

        assert janitor.changes() == []


def test_no_other_run_comes_between_the_look_and_the_change(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        took: list[bool] = []

        def another() -> None:
            with janitor.state() as other, suppress(Busy), other.turn():
                took.append(True)

        janitor.when(lambda one: one["path"].endswith("/deployments"), another)
        janitor.apply()

        assert took == []


def test_what_is_not_in_the_tombstone_stops_the_deletion(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        asked: list[str] = []

        def after_the_tombstone(one: Json) -> bool:
            asked.append(one["path"])
            roles = [path for path in asked if path.endswith("roleassignments")]
            return len(roles) >= 2 and one["path"].endswith("/locks")

        janitor.when(after_the_tombstone, lambda: role_put(janitor))
        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held"], done.lines
        assert "tombstone" in done.lines[0].why
        assert janitor.changes() == []
        assert [line.result for line in janitor.apply().lines] == ["done"]
        assert janitor.record(record.number).status == "confirmed"


def test_who_denies_it_at_the_very_last_reading_is_heard(tmp_path: Path):
    from applying import ANN

    from finops.approvals import Desk

    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        asked: list[str] = []

        def last_reading(one: Json) -> bool:
            asked.append(one["path"])
            return sum(path.endswith("roleassignments") for path in asked) == 4

        def deny() -> None:
            with janitor.state() as state:
                now = state.findings.get(record.number)
                desk = Desk(state, janitor.settings.janitor)
                desk.deny([(record.number, now.finding.digest)], ANN, janitor.now, "no")

        janitor.when(last_reading, deny)
        janitor.apply()

        assert janitor.changes() == []
        assert janitor.record(record.number).status in {"denied", "scheduled"}


def test_limits_count_images_and_other_resources_together(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), pictures=[OLD, NEWER], keep_newest=1, max_acts=1) as janitor:
        janitor.approved(EMPTY, images.resource_id(REGISTRY, "tools/base", OLD["digest"]))

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["held", "held"]
        assert janitor.changes() == []


def test_a_share_is_counted_of_images_and_of_other_resources_each(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), pictures=[OLD, NEWER], keep_newest=1, max_percent=50) as janitor:
        janitor.approved(EMPTY, images.resource_id(REGISTRY, "tools/base", OLD["digest"]))
        with janitor.state() as state:
            names = [one.name for one in rules_of.rules(rules_of.folders(janitor.settings), janitor.settings.janitor)]
            seen = {name: 1000 if name.startswith("image") else 1 for name in names}
            state.keep("janitor/looked-at", {**dict.fromkeys(seen, 0), "image-stale": 1000,
                                             "endpoint-without-deployments": 1}, janitor.now)  # fmt: skip

        done = janitor.apply()

        assert sorted((line.result, line.what) for line in done.lines) == [("done", "deleteImage"), ("held", "delete")]


def test_a_quiet_step_that_ends_at_night_is_followed_by_the_deletion_in_the_morning(tmp_path: Path):
    things = silent_endpoint()
    with applying(tmp_path, *things, metrics=silence(SILENT), quiet_days=7, weekend=["monday"]) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.live(days=8)  # a Monday

        janitor.apply()
        assert janitor.record(record.number).status == "quiet"
        janitor.live(days=1)
        janitor.apply()

        assert janitor.record(record.number).status == "confirmed"


def test_a_rule_that_would_have_deleted_what_was_used_may_not_act(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        with janitor.state() as state:
            [rule] = [
                one
                for one in rules_of.rules(rules_of.folders(janitor.settings), janitor.settings.janitor)
                if one.name == "endpoint-without-deployments"
            ]
            kept = {"digest": rule.digest, "regretPercent": "9", "acted": 11, "used": 1, "from": "", "to": ""}
            state.keep(f"janitor/rehearsed/{rule.name}", kept, janitor.now)

        assert janitor.apply().lines == ()
        assert janitor.changes() == []


def test_a_lock_that_lets_nobody_write_stops_an_undo(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.apply()
        janitor.lock(HOME, "ReadOnly")

        undone = janitor.undo(record.number)

        assert "lock" in undone.stopped
        assert janitor.body(EMPTY) is None


def test_tombstones_are_removed_once_their_time_is_over(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), restore_days=30) as janitor:
        janitor.approved(EMPTY)
        janitor.apply()
        janitor.live(days=29)
        janitor.apply()
        assert len(list((tmp_path / "tombstones").iterdir())) == 1

        janitor.live(days=2)
        janitor.apply()

        assert list((tmp_path / "tombstones").iterdir()) == []


def test_the_tombstone_of_a_quiet_step_stays_while_it_lasts(tmp_path: Path):
    with applying(tmp_path, *silent_endpoint(), metrics=silence(SILENT), quiet_days=60, restore_days=1) as janitor:
        janitor.approved(SILENT)
        janitor.apply()
        janitor.live(days=20)

        janitor.apply()

        assert len(list((tmp_path / "tombstones").iterdir())) == 1


def test_the_tombstone_of_what_azure_is_still_at_stays_however_long_that_takes(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), restore_days=1) as janitor:
        [record] = janitor.approved(EMPTY)
        janitor.served.faults.add({"fault": "lro-never-ends", "method": "DELETE", "times": 1})
        janitor.apply()
        janitor.live(days=40)

        janitor.apply()

        assert janitor.record(record.number).status == "acted"
        assert len(list((tmp_path / "tombstones").iterdir())) == 1
