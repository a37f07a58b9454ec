"""The roles that we ask for are enough to apply and to undo, and hold nothing that these do without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from applying import HOME, SILENT, Applying, applying, autoscale, cluster, instance, silence, whole
from estates import deployment, endpoint
from registries import REGISTRY, image
from test_guard_role import JANITORS, UNTRIED
from test_undo_in_place import schedule, version

from finops import images
from finops.janitor import ACTIONS, QUIET_ACTIONS
from finops.jobs.sweeping.acting import change_of
from finops.simulator.rbac import action_of, rbac_of

DOCS = Path(__file__).parent.parent / "docs"
READER, ENFORCER, UNDO = (
    json.loads((DOCS / f"{name}-role.json").read_text("utf-8")) for name in ("reader", "enforcer", "undo")
)
REGISTRIES = "Microsoft.ContainerRegistry/registries"
OLD = image("tools/base", "2026-05-03", "1.0")
NEWER = image("tools/base", "2026-11-01", "1.1", bases=(0, 3))

Json = dict[str, Any]


def changes(janitor: Applying) -> set[str]:
    """The rights that the requests took that changed something."""
    found = set()
    for one in janitor.served.requests:
        if one["method"] in {"GET", "HEAD"} or one["path"].lower().endswith(("listnodes", "getbatch", "/oauth2/token")):
            continue
        if "/oauth2/" in one["path"] or "resourcegraph" in one["path"].lower():
            continue
        if one["path"].startswith("/registry/"):
            found.add(f"{REGISTRIES}/{'artifacts/delete' if one['method'] == 'DELETE' else 'push/write'}")
        elif (needed := action_of(one["method"], one["path"])) is not None:
            found.add(needed[0])
    return {one.lower() for one in found}


def stopped() -> Json:
    body = instance(HOME, "ci-old", "Stopped")
    stop = {"operationName": "Stop", "operationTime": "2026-08-02T08:00:00+00:00", "operationStatus": "Succeeded"}
    body["properties"]["properties"] |= {"lastOperation": stop, "createdBy": {"userId": "oid-ana"}}
    return body


def all_of_it(tmp_path: Path) -> Any:
    """One of everything that is deleted."""
    batch = endpoint(HOME, "score", "batchEndpoints")
    batch["identity"] = {"type": "SystemAssigned", "principalId": "dddddddd-0000-4000-8000-000000000001"}
    things = [*whole(), cluster(HOME, "old"), stopped(), batch, deployment(batch["id"])]
    return applying(tmp_path, *things, pictures=[OLD, NEWER], keep_newest=1, metrics=silence(SILENT), quiet_days=7)


def deleted(janitor: Applying) -> list[int]:
    ids = [SILENT, f"{HOME}/computes/old", f"{HOME}/computes/ci-old", f"{HOME}/batchEndpoints/score"]
    records = janitor.approved(*ids, images.resource_id(REGISTRY, "tools/base", OLD["digest"]))
    janitor.apply()
    janitor.live(days=7, hours=1)
    janitor.apply()
    return [one.number for one in records if janitor.record(one.number).status == "confirmed"]


def test_the_enforcer_role_is_enough_to_apply(tmp_path: Path):
    with all_of_it(tmp_path) as janitor:
        janitor.served.app.rbac = rbac_of([READER, ENFORCER])

        assert len(deleted(janitor)) == 5


def test_the_undo_role_is_enough_to_undo_and_holds_nothing_more(tmp_path: Path):
    with all_of_it(tmp_path) as janitor:
        numbers = deleted(janitor)
        janitor.gone(autoscale(SILENT)["id"])  # whether it goes with what it scales is not documented
        janitor.served.requests.clear()
        janitor.served.app.rbac = rbac_of([READER, UNDO])

        undone = [janitor.undo(number) for number in numbers]

        assert all(one.equal for one in undone)
        in_place = [("POST", f"{HOME}/computes/c/start"), ("PUT", schedule()["id"]), ("PUT", version()[1]["id"])]
        used = changes(janitor) | {(action_of(*one) or ("",))[0].lower() for one in in_place}
        reads = {f"{REGISTRIES}/metadata/read", f"{REGISTRIES}/pull/read"}
        assert used == {one.lower() for one in set(UNDO["Actions"]) - UNTRIED - reads}


def test_the_enforcer_role_holds_nothing_that_no_action_takes():
    bodies = {
        "stop": [instance(HOME, "c")],
        "scaleToZero": [cluster(HOME, "c", low=2)],
        "minNodes0": [cluster(HOME, "c", low=2)],
        "archive": [version()[1]],
        "disable": [schedule()],
        "traffic0": [endpoint(HOME, "e")],
        "delete": [
            cluster(HOME, "c"), endpoint(HOME, "e"), deployment(f"{HOME}/onlineEndpoints/e"),
            endpoint(HOME, "b", "batchEndpoints"),
        ],
    }  # fmt: skip
    assert set(bodies) == set(ACTIONS) - {"deleteImage"} | set(QUIET_ACTIONS)

    used = {f"{REGISTRIES}/artifacts/delete", f"{REGISTRIES}/metadata/read", f"{REGISTRIES}/pull/read"}
    for action, found in bodies.items():
        for body in found:
            change = change_of(action, body)
            assert change
            used.add((action_of(change.verb, change.path) or ("",))[0])

    guards = {"Microsoft.MachineLearningServices/workspaces/computes/" + one for one in ("write", "delete")}
    assert {one.lower() for one in used - guards} == {one.lower() for one in JANITORS}
    assert used <= set(ENFORCER["Actions"])


@pytest.mark.parametrize("lacking", ["onlineEndpoints/delete", "computes/delete", "batchEndpoints/delete"])
def test_what_it_may_not_delete_is_told_and_left(tmp_path: Path, lacking: str):
    with all_of_it(tmp_path) as janitor:
        role = {**ENFORCER, "Actions": [one for one in ENFORCER["Actions"] if not one.endswith(lacking)]}
        janitor.served.app.rbac = rbac_of([READER, role])

        assert len(deleted(janitor)) == (3 if lacking == "computes/delete" else 4)


@pytest.mark.parametrize("role", [ENFORCER, UNDO])
def test_no_role_reads_keys_or_has_wildcards(role: Json):
    assert [one for one in role["Actions"] if "*" in one or "listKeys" in one or "token" in one.lower()] == []


def test_the_role_that_deletes_cannot_grant_roles_or_make_endpoints_deployments():
    assert [one for one in ENFORCER["Actions"] if "Authorization" in one or one.endswith("deployments/write")] == []
