"""What was deleted is made again from its tombstone, and proven equal field by field."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from applying import HOME, SILENT, Applying, applying, autoscale, cluster, empty_endpoint, instance, silence, whole
from estates import DEV, PROD, deployment, endpoint, group_id

from finops.errors import FinopsError
from finops.simulator.rbac import rbac_of

EMPTY = f"{HOME}/onlineEndpoints/empty"

Json = dict[str, Any]


def deleted(janitor: Applying, resource_id: str, rule: str = "") -> int:
    """The number of the finding on account of which it was deleted just now."""
    [record] = janitor.approved(resource_id, rule=rule)
    done = janitor.apply()
    assert [line.result for line in done.lines] == ["done"], done.lines
    return record.number


def plain(body: Json | None) -> Json:
    """What people set, for a comparison that knows nothing of tombstones."""
    assert body is not None
    found = copy.deepcopy(body)
    found.pop("systemData", None)
    if "identity" in found:
        found["identity"] = {"type": found["identity"]["type"]}
    for name in ("provisioningState", "scoringUri", "createdOn", "modifiedOn", "state", "swaggerUri"):
        found["properties"].pop(name, None)
    found["properties"].pop("isAttachedCompute", None)
    inner = found["properties"].get("properties", {})
    for name in ("allocationStateTransitionTime", "nodeStateCounts", "errors", "lastOperation", "createdBy", "state"):
        inner.pop(name, None)
    return dict(set_values(found))


def set_values(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from set_values(inner, f"{path}.{name}")
    elif value not in (None, [], ""):
        yield path, value


def test_an_endpoint_comes_back_with_everything_that_it_had(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        watched = [SILENT, f"{SILENT}/deployments/blue", f"{SILENT}/deployments/green"]
        before = {one: plain(janitor.body(one)) for one in watched}
        number = deleted(janitor, SILENT)
        assert all(janitor.body(one) is None for one in watched)

        undone = janitor.undo(number)

        assert undone.equal, (undone.stopped, [one.different for one in undone.compared])
        assert {one: plain(janitor.body(one)) for one in watched} == before
        assert janitor.record(number).status == "restored"


def test_what_its_own_identity_was_granted_is_granted_to_the_new_one(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)

        janitor.undo(number)

        body = janitor.body(SILENT)
        assert body
        principals = {
            one["properties"]["principalId"]
            for one in janitor.served.world.resources.of_type("Microsoft.Authorization/roleAssignments")
        }
        assert body["identity"]["principalId"] in principals


def test_autoscale_settings_that_went_with_it_are_made_again(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        setting = autoscale(SILENT)["id"]
        before = plain(janitor.body(setting))
        number = deleted(janitor, SILENT)
        janitor.gone(setting)

        undone = janitor.undo(number)

        assert undone.equal
        assert plain(janitor.body(setting)) == before


def test_what_cannot_come_back_is_named(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)

        lost = " ".join(janitor.undo(number, dry=True).lost)

        assert "keys" in lost
        assert "principal id" in lost
        assert "hosts" in lost


def test_a_secret_of_a_deployment_is_not_on_the_disk_and_is_named(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        janitor.change(f"{SILENT}/deployments/blue", environmentVariables={"MODE": "fast", "HF_TOKEN": "hunter2"})
        number = deleted(janitor, SILENT)

        undone = janitor.undo(number)

        assert all(b"hunter2" not in file.read_bytes() for file in tmp_path.rglob("*") if "estate" not in file.parts
                   and file.is_file())  # fmt: skip
        assert any("HF_TOKEN" in said for said in undone.lost)
        blue = janitor.body(f"{SILENT}/deployments/blue")
        assert blue
        assert blue["properties"]["environmentVariables"] == {"MODE": "fast"}


def test_a_dry_run_of_an_undo_changes_nothing(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        changes = janitor.changes()

        undone = janitor.undo(number, dry=True)

        assert undone.steps == ("make the endpoint silent",)
        assert not undone.equal
        assert janitor.changes() == changes
        assert janitor.record(number).status == "confirmed"


@pytest.mark.parametrize("killed_after", range(1, 8))
def test_an_undo_that_was_broken_off_goes_on_where_it_was(tmp_path: Path, killed_after: int):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        janitor.served.faults.add({"fault": "reset-after", "method": "PUT", "after": killed_after - 1, "times": 40})
        undone = janitor.undo(number)
        janitor.served.faults.clear()
        janitor.live(minutes=30)

        if janitor.record(number).status != "restored":  # reading showed that all of it was done
            undone = janitor.undo(number)

        assert undone.equal, (undone.stopped, [one.different for one in undone.compared])
        made = [one for one in janitor.changes() if one.startswith("PUT")]
        assert made.count("PUT deployments/blue") == 1
        assert made.count("PUT onlineEndpoints/silent") == 2


def test_something_else_of_its_name_is_not_touched(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        number = deleted(janitor, EMPTY)
        body = empty_endpoint()
        body["systemData"] = {"createdAt": "2026-11-22T07:00:00+00:00", "createdBy": "zoe@contoso.com"}
        janitor.put(body)

        with pytest.raises(FinopsError, match="zoe@contoso"):
            janitor.undo(number)

        assert janitor.changes() == ["DELETE onlineEndpoints/empty"]


def test_what_is_different_afterwards_is_listed(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        janitor.served.faults.add({"fault": "403", "method": "PUT", "path": "deployments/green", "times": 1})
        assert janitor.undo(number).stopped
        janitor.change(f"{SILENT}/deployments/blue", instanceType="Standard_NC6s_v3")

        undone = janitor.undo(number)

        assert not undone.equal
        [(path, before, after)] = [each for one in undone.compared for each in one.different]
        assert (path, before, after) == ("properties.instanceType", "Standard_DS3_v2", "Standard_NC6s_v3")


def test_a_role_that_we_may_not_grant_is_left_to_a_person(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        number = deleted(janitor, SILENT)
        everything = {"Name": "all", "Actions": ["*"], "NotActions": ["Microsoft.Authorization/roleAssignments/write"]}
        janitor.served.app.rbac = rbac_of([everything])

        undone = janitor.undo(number)

        assert undone.stopped == ""
        assert not undone.equal
        assert len(undone.for_people) == 2
        assert undone.for_people[0].startswith("az role assignment create --assignee-object-id ")


@pytest.mark.parametrize("name", ["tombstone.json", "SHA256"])
def test_from_a_damaged_tombstone_nothing_is_made(tmp_path: Path, name: str):
    with applying(tmp_path, empty_endpoint()) as janitor:
        number = deleted(janitor, EMPTY)
        [file] = (tmp_path / "tombstones").rglob(name)
        file.write_bytes(file.read_bytes().replace(b"e", b"E", 1))

        with pytest.raises(FinopsError, match="tombstone"):
            janitor.undo(number)

        assert janitor.changes() == ["DELETE onlineEndpoints/empty"]


def test_what_was_not_done_cannot_be_undone(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        [record] = janitor.approved(EMPTY)

        with pytest.raises(FinopsError, match="approved: there is nothing that could be undone"):
            janitor.undo(record.number)


def test_the_kill_switch_stops_an_undo_too(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        number = deleted(janitor, EMPTY)
        (tmp_path / "STOP").touch()

        assert "kill switch" in janitor.undo(number).stopped
        assert janitor.body(EMPTY) is None


def test_a_keep_tag_and_a_lock_against_deletion_are_no_obstacle(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        number = deleted(janitor, EMPTY)
        janitor.lock(group_id(PROD, "rg-ml"))
        workspace = janitor.body(HOME)
        assert workspace
        janitor.put({**workspace, "tags": {"finops:keep": "2027-01-31;exam"}})

        assert janitor.undo(number).equal


def test_a_cluster_comes_back_as_it_was(tmp_path: Path):
    gone = cluster(HOME, "old", high=7, team="ocr")
    with applying(tmp_path, gone) as janitor:
        before = plain(janitor.body(gone["id"]))
        number = deleted(janitor, gone["id"], "cluster-unused")

        undone = janitor.undo(number)

        assert undone.equal, (undone.stopped, [one.different for one in undone.compared])
        assert plain(janitor.body(gone["id"])) == before


def test_an_instance_that_stood_still_comes_back_and_stands_still(tmp_path: Path):
    idle = instance(HOME, "ci-old", "Stopped")
    idle["properties"]["properties"] |= {
        "createdBy": {"userName": "ana@contoso.com", "userId": "oid-ana", "userOrgId": DEV},
        "lastOperation": {
            "operationName": "Stop", "operationTime": "2026-08-02T08:00:00+00:00", "operationStatus": "Succeeded",
        },
    }  # fmt: skip
    with applying(tmp_path, idle) as janitor:
        number = deleted(janitor, idle["id"], "instance-stopped-long")

        undone = janitor.undo(number)

        assert undone.equal, (undone.stopped, [one.different for one in undone.compared])
        body = janitor.body(idle["id"])
        assert body
        inner = body["properties"]["properties"]
        assert inner["state"] == "Stopped"
        assert inner["personalComputeInstanceSettings"]["assignedUser"]["objectId"] == "oid-ana"


def test_a_batch_endpoint_comes_back_with_its_default_deployment(tmp_path: Path):
    batch = endpoint(HOME, "score", "batchEndpoints")
    batch["identity"] = {"type": "SystemAssigned", "principalId": "dddddddd-0000-4000-8000-000000000001"}
    with applying(tmp_path, batch, deployment(batch["id"])) as janitor:
        before = plain(janitor.body(batch["id"]))
        number = deleted(janitor, batch["id"], "batch-endpoint-never-invoked")

        undone = janitor.undo(number)

        assert undone.equal, (undone.stopped, [one.different for one in undone.compared])
        assert plain(janitor.body(batch["id"])) == before
