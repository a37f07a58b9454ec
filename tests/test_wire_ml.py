"""AML as azure-ai-ml's MLClient sees it: workspaces, computes, nodes, endpoints, deployments, jobs, schedules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from estates import PROD, workspace_id
from wire_clients import AllowHttp, Token, azure

from finops.simulator import Served

ml = pytest.importorskip("azure.ai.ml")
WORKSPACE = workspace_id("ml-prod")


@contextmanager
def ml_client(
    served: Served, workspace: str | None = "ml-prod", subscription: str = PROD, group: str = "rg-ml"
) -> Iterator[Any]:
    """An MLClient of `served`. A cloud's name is remembered with its address, so each server is a cloud of its own."""
    from azure.core.pipeline.transport import RequestsTransport

    with RequestsTransport() as transport, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AZUREML_CURRENT_CLOUD", "")
        address = f"{served.url}/"
        yield ml.MLClient(
            Token(),
            subscription,
            group,
            workspace,
            cloud=f"simulated{served.url.rpartition(':')[2]}",
            cloud_metadata={
                "azure_portal": address,
                "resource_manager": address,
                "active_directory": address,
                "aml_resource_id": address,
                "storage_endpoint": "simulated.invalid",
                "registry_discovery_endpoint": address,
            },
            per_call_policies=[AllowHttp()],
            transport=transport,
            enable_telemetry=False,
            show_progress=False,
            polling_interval=0,
        )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    # Done at the first poll: for endpoints the client waits five seconds before the second, whatever it is told.
    with azure(tmp_path, polls=0) as clients:
        yield clients.served


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with ml_client(served) as made:
        yield made


def body(served: Served, path: str) -> Any:
    return served.world.resources.get(f"{WORKSPACE}/{path}")


def test_workspaces_are_listed(client: Any):
    assert [each.name for each in client.workspaces.list()] == ["ml-prod", "ml-research"]


def test_a_workspace_is_read(client: Any):
    assert client.workspaces.get("ml-prod").tags == {"CostCenter": "CC-1"}


def test_computes_are_listed(client: Any):
    assert {each.name: each.type for each in client.compute.list()} == {
        "ci-ana": "computeinstance",
        "cpu": "amlcompute",
        "gpu": "amlcompute",
    }


def test_computes_longer_than_a_page_arrive_whole(tmp_path: Path):
    with azure(tmp_path, page_size=1) as clients, ml_client(clients.served) as client:
        assert len(list(client.compute.list())) == 3
        assert len(clients.served.requests) == 3


def test_a_cluster_is_read(client: Any):
    cluster = client.compute.get("gpu")

    assert (cluster.size, cluster.min_instances, cluster.max_instances) == ("STANDARD_NC6S_V3", 0, 4)


def test_a_cluster_is_created(client: Any, served: Served):
    from azure.ai.ml.entities import AmlCompute

    made = client.compute.begin_create_or_update(
        AmlCompute(name="spot", size="STANDARD_NC6S_V3", tier="low_priority", max_instances=3, tags={"a": "b"})
    ).result()

    assert (made.tier, made.max_instances, made.provisioning_state) == ("low_priority", 3, "Succeeded")
    assert body(served, "computes/spot")["tags"] == {"a": "b"}
    assert body(served, "computes/spot")["systemData"]["createdAt"] == "2026-11-22T06:00:00+00:00"


def test_a_cluster_is_scaled_down(client: Any, served: Served):
    cluster = client.compute.get("gpu")
    cluster.max_instances = 1

    client.compute.begin_update(cluster).result()

    assert body(served, "computes/gpu")["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 1


def test_a_clusters_priority_cannot_be_changed_in_place(client: Any):
    cluster = client.compute.get("gpu")
    cluster.tier = "low_priority"

    with pytest.raises(HttpResponseError, match="vmPriority"):
        client.compute.begin_update(cluster).result()


def test_a_cluster_is_deleted(client: Any, served: Served):
    client.compute.begin_delete("gpu").wait()

    with pytest.raises(ResourceNotFoundError):
        client.compute.get("gpu")
    assert f"{WORKSPACE}/computes/gpu".lower() not in served.world.nodes


def test_a_deletion_under_way_shows(client: Any, served: Served):
    httpx.delete(f"{served.url}{WORKSPACE}/computes/gpu?underlyingResourceAction=Delete&api-version=2024-04-01")

    assert client.compute.get("gpu").provisioning_state == "Deleting"


def test_an_instance_is_stopped_and_started(client: Any, served: Served):
    client.compute.begin_stop("ci-ana").wait()
    assert client.compute.get("ci-ana").state == "Stopped"

    client.compute.begin_start("ci-ana").wait()
    assert client.compute.get("ci-ana").state == "Running"


def test_a_cluster_cannot_be_stopped(client: Any):
    with pytest.raises(HttpResponseError, match="compute instances only"):
        client.compute.begin_stop("gpu").wait()


def test_an_instance_has_no_nodes(client: Any):
    with pytest.raises(HttpResponseError, match="AmlCompute only"):
        list(client.compute.list_nodes("ci-ana"))


def test_usages_and_sizes_are_told(client: Any):
    # azure-ai-ml 1.35 loses the snake_case attributes of both; the data is there.
    assert len(list(client.compute.list_usage(location="eastus"))) >= 3
    assert len(list(client.compute.list_sizes(location="eastus"))) >= 30


def test_online_endpoints_are_listed_and_read(client: Any):
    assert [each.name for each in client.online_endpoints.list()] == ["chat", "silent", "z-nightly"]
    assert client.online_endpoints.get("chat").traffic == {"blue": 100}


def test_online_deployments_are_listed(client: Any):
    (found,) = client.online_deployments.list("silent")

    assert (found.name, found.instance_count, found.instance_type) == ("blue", 2, "Standard_DS3_v2")


def test_an_online_endpoint_is_created(client: Any, served: Served):
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    made = client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="fresh", auth_mode="key")).result()

    assert made.scoring_uri == "https://fresh.eastus.inference.ml.azure.com/score"
    assert body(served, "onlineEndpoints/fresh")["properties"]["provisioningState"] == "Succeeded"


def test_an_online_endpoint_is_deleted_with_its_deployments(client: Any, served: Served):
    client.online_endpoints.begin_delete("silent").wait()

    with pytest.raises(ResourceNotFoundError):
        client.online_endpoints.get("silent")
    assert body(served, "onlineEndpoints/silent/deployments/blue") is None


def test_a_deployment_with_traffic_is_not_deleted(client: Any):
    with pytest.raises(HttpResponseError, match="traffic"):
        client.online_deployments.begin_delete("blue", "chat").wait()


def test_a_deployment_without_traffic_is_deleted(client: Any, served: Served):
    endpoint = body(served, "onlineEndpoints/silent")
    served.world.resources.put({**endpoint, "properties": {**endpoint["properties"], "traffic": {"blue": 0}}})

    client.online_deployments.begin_delete("blue", "silent").wait()

    assert body(served, "onlineEndpoints/silent/deployments/blue") is None


def test_a_deployment_is_scaled(client: Any, served: Served):
    path = f"{WORKSPACE}/onlineEndpoints/silent/deployments/blue"
    httpx.patch(f"{served.url}{path}?api-version=2024-04-01", json={"sku": {"capacity": 5}})

    assert client.online_deployments.get("blue", "silent").instance_count == 5


def test_batch_endpoints_and_deployments_are_listed(client: Any):
    assert [each.name for each in client.batch_endpoints.list()] == ["score"]
    assert [each.name for each in client.batch_deployments.list("score")] == ["blue"]


def test_a_batch_endpoint_is_deleted(client: Any, served: Served):
    client.batch_endpoints.begin_delete("score").wait()

    assert body(served, "batchEndpoints/score") is None


def test_serverless_endpoints_may_be_none(client: Any):
    assert list(client.serverless_endpoints.list()) == []


def test_jobs_are_listed_newest_first(client: Any):
    assert [each.name for each in client.jobs.list()][:3] == ["train-now", "train-1", "train-2"]


def test_a_running_job_is_cancelled(client: Any):
    client.jobs.begin_cancel("train-now").wait()

    assert client.jobs.get("train-now").status == "Canceled"


def test_an_archived_job_is_not_listed(client: Any):
    client.jobs.archive("train-3")

    assert "train-3" not in [each.name for each in client.jobs.list()]


def test_a_job_that_is_not_there_is_404(client: Any):
    with pytest.raises(ResourceNotFoundError):
        client.jobs.get("gone")


def test_environments_and_datastores_are_listed(client: Any):
    assert sorted(each.version for each in client.environments.list("sklearn")) == ["1", "2"]
    assert [each.name for each in client.environments.list()] == ["sklearn"]


def test_a_schedule_that_is_off_is_not_listed(client: Any, served: Served):
    # MLClient warns of its own deprecations when it writes a schedule, so this writes it by hand.
    path = f"{served.url}{WORKSPACE}/schedules/nightly?api-version=2024-04-01"
    trigger = {"triggerType": "Cron", "expression": "0 3 * * *", "timeZone": "UTC"}
    action = {"actionType": "CreateJob", "jobDefinition": {"jobType": "Command", "command": "x", "environmentId": "y"}}

    made = httpx.put(path, json={"properties": {"trigger": trigger, "action": action}})
    assert made.status_code == 201
    assert [each.name for each in client.schedules.list()] == ["nightly"]

    httpx.put(path, json={"properties": {"trigger": trigger, "action": action, "isEnabled": False}})
    assert list(client.schedules.list()) == []
