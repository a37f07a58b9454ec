"""What was only stopped, scaled down, archived or disabled gets back what it had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from applying import HOME, applying, cluster, instance
from estates import AML

from finops.estate.model import at
from finops.jobs.sweeping.acting import change_of
from finops.jobs.sweeping.undoing import Undone

Json = dict[str, Any]
CREATED = {"createdAt": "2026-06-01T08:00:00+00:00", "createdBy": "ana@contoso.com", "createdByType": "User"}


def child(kind: str, name: str, properties: Json) -> Json:
    return {
        "id": f"{HOME}/{name}", "name": name.rpartition("/")[2], "type": f"{AML}/{kind}", "systemData": CREATED,
        "properties": {"provisioningState": "Succeeded", **properties},
    }  # fmt: skip


def schedule() -> Json:
    return child("schedules", "schedules/nightly", {
        "displayName": "Nightly", "isEnabled": True, "tags": {"team": "ocr"}, "properties": {},
        "trigger": {"triggerType": "Cron", "expression": "0 3 * * *", "timeZone": "UTC"},
        "action": {"actionType": "InvokeBatchEndpoint", "endpointInvocationDefinition": {
            "endpoint": f"{HOME}/batchEndpoints/none"}},
    })  # fmt: skip


def version() -> list[Json]:
    return [
        child("environments", "environments/old", {"latestVersion": "1", "isArchived": False}),
        child("environments/versions", "environments/old/versions/1", {
            "image": "mlacr.azurecr.io/old:1", "isArchived": False, "isAnonymous": False, "description": "Old",
            "tags": {"a": "b"}, "osType": "Linux",
        }),
    ]  # fmt: skip


CASES: dict[str, tuple[list[Json], str, str, str, Any, Any]] = {
    "disable": ([schedule()], "schedules/nightly", "schedule-feeds-nothing", "properties.isEnabled", True, False),
    "archive": (
        version(), "environments/old/versions/1", "environment-version-unused", "properties.isArchived", False, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("action", CASES)
def test_what_is_done_is_undone(tmp_path: Path, action: str):
    made, name, rule, path, before, after = CASES[action]
    with applying(tmp_path, *made) as janitor:
        [record] = janitor.approved(f"{HOME}/{name}", rule=rule)

        done = janitor.apply()
        assert [(line.result, line.what) for line in done.lines] == [("done", action)], done.lines
        assert at(janitor.body(f"{HOME}/{name}"), path) is after
        undone = janitor.undo(record.number)

        assert undone.equal, (undone.stopped, [one.different for one in undone.compared])
        assert at(janitor.body(f"{HOME}/{name}"), path) is before
        assert janitor.record(record.number).status == "restored"


@pytest.mark.parametrize(
    ("body", "action", "sent"),
    [
        (instance(HOME, "ci", "Running"), "stop", "POST"),
        (instance(HOME, "ci", "Stopped"), "stop", None),
        (cluster(HOME, "c", low=2), "scaleToZero", "PATCH"),
        (cluster(HOME, "c", low=0), "scaleToZero", None),
        (cluster(HOME, "c", low=0), "minNodes0", None),
        (schedule(), "disable", "PUT"),
        (version()[1], "archive", "PUT"),
    ],
)
def test_only_what_is_not_so_yet_is_sent(body: Json, action: str, sent: str | None):
    change = change_of(action, body)

    assert (change.verb if change else None) == sent


def test_a_long_idle_time_is_cut_when_a_cluster_is_to_let_go_of_its_nodes():
    held = cluster(HOME, "c", low=0)
    held["properties"]["properties"]["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] = "PT12H"

    change = change_of("scaleToZero", held)

    assert change
    assert at(change.afterwards, "properties.properties.scaleSettings") == {
        "minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2M",
    }  # fmt: skip
    assert at(change.body, "properties.properties.scaleSettings.maxNodeCount") == 4


def test_an_undo_that_leaves_something_to_people_is_not_equal():
    nobody: Any = None

    assert Undone(nobody).equal
    assert not Undone(nobody, for_people=("az role assignment create",)).equal
    assert not Undone(nobody, stopped="The kill switch is there.").equal
    assert not Undone(nobody, dry=True).equal
