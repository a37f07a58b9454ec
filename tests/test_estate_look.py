"""A fresh look: direct reads of exactly what is asked for, and a failed read is unknown, never gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from estates import (
    AML,
    AS_OF,
    PROD,
    Json,
    cluster,
    deployment,
    endpoint,
    group,
    group_id,
    instance,
    job,
    nodes,
    points,
    subscription,
    workspace,
    workspace_id,
    write_estate,
)
from fake_azure import StillTime

from finops import estate
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings
from finops.estate import Estate, Known, Unknown, queries
from finops.simulator import serving
from finops.simulator.serve import Served

WS = workspace_id("ml-prod")
CHAT = endpoint(WS, "chat")
OTHER = endpoint(WS, "other")
BATCH = endpoint(WS, "score", "batchEndpoints")
GPU = f"{WS}/computes/gpu"


def named(kind: str, name: str, **properties: Any) -> Json:
    signed = {"createdAt": "2026-08-01T08:00:00Z", "createdBy": "ana@contoso.com", "createdByType": "User"}
    body = {"id": f"{WS}/{kind}/{name}", "name": name, "type": f"{AML}/{kind}", "systemData": signed}
    return {**body, "properties": {"isArchived": False, **properties}}


NIGHTLY = named(
    "schedules",
    "nightly",
    isEnabled=True,
    action={"actionType": "CreateJob", "jobDefinition": {"jobType": "Command", "computeId": GPU}},
)
SKLEARN = named("environments", "sklearn", latestVersion="2")
VERSIONS = [
    {**named("environments/sklearn/versions", version, image="x"), "type": f"{AML}/environments/versions"}
    for version in ("1", "2")
]


def bodies() -> list[Json]:
    return [
        subscription(PROD, "Contoso"),
        group(PROD, "rg-ml", CostCenter="CC-1"),
        workspace(WS),
        cluster(WS, "gpu", nodes=1),
        cluster(WS, "cpu"),
        instance(WS, "ci"),
        CHAT,
        OTHER,
        deployment(CHAT["id"]),
        deployment(OTHER["id"]),
        BATCH,
        {**deployment(BATCH["id"]), "properties": {"compute": GPU, "environmentId": VERSIONS[1]["id"]}},
        NIGHTLY,
        SKLEARN,
        *VERSIONS,
        *(job(WS, f"train-{days}", hours_ago=24 * days) for days in (3, 50)),
    ]


@contextmanager
def served(folder: Path, *faults: Json) -> Iterator[tuple[Azure, Served]]:
    end = AS_OF
    measured = [
        *points(CHAT["id"], "RequestsPerMinute", [0.0] * 720, end),
        *points(f"{CHAT['id']}/deployments/blue", "RequestsPerMinute", [0.0] * 720, end),
        *points(WS, "Idle Nodes", [1.0] * 168, end, ClusterName="gpu"),
    ]
    write_estate(folder / "estate", bodies(), [nodes(GPU, "idle")], measured)
    with (
        serving(folder / "estate", faults=list(faults)) as server,
        connect(AzureSettings(endpoint=server.url), time=StillTime().time) as azure,
    ):
        yield azure, server


def look(folder: Path, *ids: str, faults: tuple[Json, ...] = (), **more: Any) -> Estate:
    with served(folder, *faults) as (azure, _):
        return estate.look(azure, ids, AS_OF, **more)


def refuse(path: str, status: int = 403) -> Json:
    return {"fault": "status", "path": path, "status": status, "code": "AuthorizationFailed", "message": "no"}


def value(found: Estate, resource_id: str, fact: str) -> Any:
    told = found.resources[resource_id.lower()].facts[fact]
    return told.value if isinstance(told, Known) else f"({told.reason})"


def test_a_look_finds_the_facts_that_a_scan_finds(tmp_path):
    ids = [CHAT["id"], f"{CHAT['id']}/deployments/blue", GPU, NIGHTLY["id"], VERSIONS[0]["id"], f"{WS}/computes/ci"]
    unlike = {"ownerExists", "daysSinceInvoked"}  # the directory and the batch API are not in this estate

    with served(tmp_path) as (azure, _):
        wanted = estate.everything() - unlike
        scanned = estate.read(azure, AS_OF, facts=wanted)
        looked = estate.look(azure, ids, AS_OF, facts=wanted)

    assert looked.complete
    for one in ids:
        assert looked.resources[one.lower()].facts == scanned.resources[one.lower()].facts, one


def test_a_look_never_asks_resource_graph(tmp_path):
    with served(tmp_path) as (azure, server):
        estate.look(azure, [CHAT["id"], GPU], AS_OF)

        asked = [request["path"].lower() for request in server.requests]

    assert [path for path in asked if "resourcegraph" in path] == []


def test_a_look_at_an_endpoint_asks_only_for_what_is_of_it(tmp_path):
    with served(tmp_path) as (azure, server):
        estate.look(azure, [CHAT["id"]], AS_OF, facts=["deployments", "daysWithoutRequests", "dependents"])

        asked = sorted(request["path"].lower().removeprefix(WS.lower()) for request in server.requests)

    sub = f"/subscriptions/{PROD}"
    assert asked == sorted(
        [
            "",
            "/onlineendpoints/chat",
            "/onlineendpoints/chat/deployments",
            "/schedules",
            sub,
            group_id(PROD, "rg-ml").lower(),
            f"{sub}/metrics:getbatch",
            f"{sub}/metrics:getbatch",
            f"{sub}/providers/microsoft.authorization/locks",
            f"{sub}/providers/microsoft.insights/autoscalesettings",
        ]
    )


def test_what_is_gone_is_not_there_and_no_gap_names_it(tmp_path):
    found = look(tmp_path, f"{WS}/onlineEndpoints/gone", facts=["deployments"])

    assert f"{WS}/onlineEndpoints/gone".lower() not in found.resources
    assert [gap for gap in found.gaps if gap.what == queries.RESOURCE] == []


@pytest.mark.parametrize("status", [403, 500, 429])
def test_what_could_not_be_read_is_a_gap_and_not_gone(tmp_path, status):
    found = look(tmp_path, CHAT["id"], faults=(refuse(r"/onlineendpoints/chat(\?|$)", status),))

    assert CHAT["id"].lower() not in found.resources
    assert [(gap.scope, gap.what, gap.status) for gap in found.gaps] == [(CHAT["id"], queries.RESOURCE, status)]


@pytest.mark.parametrize(
    ("resource", "fact", "path"),
    [
        (CHAT["id"], "deployments", "/onlineendpoints/chat/deployments"),
        (CHAT["id"], "daysWithoutRequests", "metrics:getbatch"),
        (CHAT["id"], "locked", "/locks"),
        (CHAT["id"], "dependents", "/schedules"),
        (CHAT["id"], "dependents", "/autoscalesettings"),
        (CHAT["id"], "costCenter", r"/resourcegroups/rg-ml(\?|$)"),
        (f"{CHAT['id']}/deployments/blue", "traffic", r"/onlineendpoints/chat(\?|$)"),
        (f"{CHAT['id']}/deployments/blue", "daysWithoutRequests", "metrics:getbatch"),
        (GPU, "idleNodes", "/listnodes"),
        (GPU, "runningJobs", r"/jobs(\?|$)"),
        (GPU, "daysSinceLastJob", r"/jobs(\?|$)"),
        (GPU, "idleNodesLast7Days", "metrics:getbatch"),
        (GPU, "dependents", "/batchendpoints/score/deployments"),
        (GPU, "dependents", r"/batchendpoints(\?|$)"),
        (VERSIONS[0]["id"], "daysSinceUsed", "/onlineendpoints/other/deployments"),
        (VERSIONS[0]["id"], "daysSinceUsed", r"/schedules(\?|$)"),
        (NIGHTLY["id"], "targetsMissing", r"/computes/gpu(\?|$)"),
    ],
)
def test_whatever_is_refused_leaves_its_fact_unknown(tmp_path, resource, fact, path):
    found = look(tmp_path, resource, faults=(refuse(path),))

    told = found.resources[resource.lower()].facts[fact]
    assert isinstance(told, Unknown)
    assert "403" in told.reason
    assert not found.complete


def test_a_namesake_made_since_is_seen_as_it_is_now(tmp_path):
    with served(tmp_path) as (azure, server):
        again = (AS_OF - timedelta(hours=1)).isoformat()
        server.world.resources.put({**CHAT, "systemData": {"createdAt": again}})

        found = estate.look(azure, [CHAT["id"]], AS_OF)

    assert found.resources[CHAT["id"].lower()].body["systemData"]["createdAt"] == again


def test_the_target_of_a_schedule_is_asked_for_by_its_id(tmp_path):
    with served(tmp_path) as (azure, server):
        before = estate.look(azure, [NIGHTLY["id"]], AS_OF)
        server.world.resources.delete(GPU)
        after = estate.look(azure, [NIGHTLY["id"]], AS_OF)

    assert (value(before, NIGHTLY["id"], "targetsMissing"), value(after, NIGHTLY["id"], "targetsMissing")) == (0, 1)


def test_an_environment_is_as_unused_as_its_newest_job_and_its_deployments_say(tmp_path):
    found = look(tmp_path, *(one["id"] for one in VERSIONS))

    assert value(found, VERSIONS[1]["id"], "daysSinceUsed") == 0
    assert value(found, VERSIONS[0]["id"], "daysSinceUsed") == 3


def test_usage_is_told_day_by_day(tmp_path):
    found = look(tmp_path, CHAT["id"])

    usage = found.usage(CHAT["id"].upper())
    assert usage.of == "requests a day"
    assert len(usage.days) == 31
    assert {measured for _, measured in usage.days} == {0.0}


def test_a_look_at_nothing_asks_nothing(tmp_path):
    with served(tmp_path) as (azure, server):
        found = estate.look(azure, [], AS_OF)

        assert list(server.requests) == []
    assert found.resources == {}
