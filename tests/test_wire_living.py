"""What is done over the wire shows in how the estate lives, and on its bill."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from estates import workspace_id
from living import billed
from wire_clients import Clients, azure

WORKSPACE = workspace_id("ml-prod")


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    with azure(tmp_path, polls=0) as made:
        yield made


def settled(clients: Clients, method: str, path: str, json: object = None) -> None:
    """Ask for a change and wait for it."""
    answer = clients.http.request(method, f"{WORKSPACE}/{path}", json=json)
    assert answer.is_success, answer.text
    if "azure-asyncoperation" in answer.headers:
        assert clients.http.get(answer.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"


def cost_of_a_day(clients: Clients, path: str) -> Decimal:
    before = billed(clients.served.world, ResourceId=f"{WORKSPACE}/{path}")
    clients.http.post("/simulator/clock", json={"advanceHours": 24})
    return billed(clients.served.world, ResourceId=f"{WORKSPACE}/{path}") - before


def test_a_cluster_scaled_to_zero_costs_nothing_tomorrow(clients: Clients):
    assert cost_of_a_day(clients, "computes/cpu") > 20

    scale = {"scaleSettings": {"minNodeCount": 0, "maxNodeCount": 8, "nodeIdleTimeBeforeScaleDown": "PT2M"}}
    settled(clients, "PATCH", "computes/cpu", {"properties": {"properties": scale}})
    clients.http.post("/simulator/clock", json={"advanceHours": 2})

    assert cost_of_a_day(clients, "computes/cpu") == 0


def test_a_stopped_instance_costs_its_disk_only(clients: Clients):
    running = cost_of_a_day(clients, "computes/ci-ana")

    settled(clients, "POST", "computes/ci-ana/stop")

    assert cost_of_a_day(clients, "computes/ci-ana") < running / 2


def test_a_deleted_cluster_costs_nothing_tomorrow(clients: Clients):
    settled(clients, "DELETE", "computes/cpu?underlyingResourceAction=Delete")

    assert cost_of_a_day(clients, "computes/cpu") == 0


def test_a_new_spot_cluster_costs_when_it_has_nodes(clients: Clients):
    scale = {"minNodeCount": 1, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    inner = {"vmSize": "STANDARD_NC6S_V3", "vmPriority": "LowPriority", "scaleSettings": scale}
    settled(clients, "PUT", "computes/neu", {"properties": {"computeType": "AmlCompute", "properties": inner}})

    spot = cost_of_a_day(clients, "computes/neu")

    assert 0 < spot < 3 * 24


def test_a_job_that_is_submitted_runs_and_ends(clients: Clients):
    compute = f"{WORKSPACE}/computes/cpu"
    job = {"jobType": "Command", "command": "python train.py", "environmentId": "x", "computeId": compute}
    settled(clients, "PUT", "jobs/neu", {"properties": job})
    assert clients.http.get(f"{WORKSPACE}/jobs/neu").json()["properties"]["status"] == "Queued"

    clients.http.post("/simulator/clock", json={"advanceHours": 48})

    assert clients.http.get(f"{WORKSPACE}/jobs/neu").json()["properties"]["status"] in {"Completed", "Failed"}


def test_a_cancelled_job_leaves_its_node(clients: Clients):
    compute = f"{WORKSPACE}/computes/cpu"
    job = {"jobType": "Command", "command": "sleep", "environmentId": "x", "computeId": compute}
    settled(clients, "PUT", "jobs/neu", {"properties": job})
    clients.http.post("/simulator/clock", json={"advanceMinutes": 1})

    link = clients.http.post(f"{WORKSPACE}/jobs/neu/cancel").headers["location"]

    assert clients.http.get(link).status_code == 204
    assert clients.http.get(f"{WORKSPACE}/jobs/neu").json()["properties"]["status"] == "Canceled"


def test_nodes_that_come_are_listed(clients: Clients):
    scale = {"scaleSettings": {"minNodeCount": 3, "maxNodeCount": 8}}
    settled(clients, "PATCH", "computes/cpu", {"properties": {"properties": scale}})
    clients.http.post("/simulator/clock", json={"advanceHours": 1})

    nodes = clients.http.post(f"{WORKSPACE}/computes/cpu/listNodes").json()["nodes"]
    body = clients.http.get(f"{WORKSPACE}/computes/cpu").json()

    assert len(nodes) == body["properties"]["properties"]["currentNodeCount"] == 3


def test_tags_written_today_are_on_tomorrows_charges(clients: Clients):
    tags = {"operation": "Merge", "properties": {"tags": {"CostCenter": "CC-9"}}}
    settled(clients, "PATCH", "computes/cpu/providers/Microsoft.Resources/tags/default", tags)

    clients.http.post("/simulator/clock", json={"advanceHours": 24})

    rows = clients.served.world.charges.used().to_pylist()
    assert any("CC-9" in str(row["Tags"]) for row in rows if str(row["ResourceId"]).endswith("/computes/cpu"))
