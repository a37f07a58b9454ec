"""Schedules, environments and calls of batch endpoints as Microsoft's own MLClient sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError
from estates import workspace_id
from test_wire_ml import ml_client
from wire_clients import azure

from finops.simulator import Served

pytest.importorskip("azure.ai.ml")
WORKSPACE = workspace_id("ml-prod")
VERSION = {"api-version": "2024-04-01"}
TRIGGER = {"triggerType": "Cron", "expression": "0 3 * * *", "timeZone": "UTC"}
ENVIRONMENT = f"{WORKSPACE}/environments/sklearn/versions/1"
JOB = {"jobType": "Command", "command": "x", "environmentId": ENVIRONMENT, "computeId": f"{WORKSPACE}/computes/gpu"}
ACTION = {"actionType": "CreateJob", "jobDefinition": JOB}
PLAN: dict[str, Any] = {"properties": {"trigger": TRIGGER, "action": ACTION}}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with azure(tmp_path, polls=0) as clients:
        yield clients.served


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with ml_client(served) as made:
        yield made


def send(served: Served, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, f"{served.url}{WORKSPACE}/{path}", params=VERSION, json=body)


def body(served: Served, path: str) -> Any:
    return served.world.resources.get(f"{WORKSPACE}/{path}")


def test_a_schedule_is_read(client: Any, served: Served):
    send(served, "PUT", "schedules/nightly", PLAN)

    found = client.schedules.get("nightly")

    assert (found.name, found.trigger.expression, found.is_enabled) == ("nightly", "0 3 * * *", True)


# The client warns of its own use of deprecated things when it writes a schedule.
@pytest.mark.filterwarnings("ignore")
def test_a_schedule_is_switched_off(client: Any, served: Served):
    # 1.35.2 reads schedules of command jobs, and writes only those of pipelines.
    pipeline = {"jobType": "Pipeline", "jobs": {}, "computeId": JOB["computeId"]}
    action = {"actionType": "CreateJob", "jobDefinition": {**pipeline, "settings": {}, "experimentName": "nightly"}}
    send(served, "PUT", "schedules/nightly", {"properties": {"trigger": TRIGGER, "action": action}})

    client.schedules.begin_disable("nightly").result()

    assert body(served, "schedules/nightly")["properties"]["isEnabled"] is False


@pytest.mark.parametrize(("view", "seen"), [("EnabledOnly", ["on"]), ("DisabledOnly", ["off"]), ("All", ["off", "on"])])
def test_schedules_are_listed_by_whether_they_are_on(client: Any, served: Served, view: str, seen: list[str]):
    send(served, "PUT", "schedules/on", PLAN)
    send(served, "PUT", "schedules/off", {"properties": {**PLAN["properties"], "isEnabled": False}})

    assert sorted(each.name for each in client.schedules.list(list_view_type=view)) == seen


def test_a_schedule_is_deleted(client: Any, served: Served):
    send(served, "PUT", "schedules/nightly", PLAN)

    client.schedules.begin_delete("nightly").wait()

    assert body(served, "schedules/nightly") is None


def test_a_schedule_that_is_gone_is_deleted_again(served: Served):
    assert send(served, "DELETE", "schedules/nightly").status_code == 204


def test_a_schedule_has_no_patch(served: Served):
    send(served, "PUT", "schedules/nightly", PLAN)

    assert send(served, "PATCH", "schedules/nightly", {"properties": {"isEnabled": False}}).status_code == 405


@pytest.mark.parametrize("wrong", [{"trigger": TRIGGER}, {"action": ACTION}, {"trigger": TRIGGER, "action": {}},
                                   {"trigger": {"triggerType": "Moon"}, "action": ACTION}])  # fmt: skip
def test_a_schedule_needs_a_trigger_and_an_action(served: Served, wrong: dict[str, Any]):
    assert send(served, "PUT", "schedules/odd", {"properties": wrong}).status_code == 400
    assert body(served, "schedules/odd") is None


def test_an_environment_version_is_archived_and_restored(client: Any, served: Served):
    client.environments.archive("sklearn", version="1")

    assert body(served, "environments/sklearn/versions/1")["properties"]["isArchived"] is True
    assert [each.version for each in client.environments.list("sklearn")] == ["2"]

    client.environments.restore("sklearn", version="1")
    assert [each.version for each in client.environments.list("sklearn")] == ["1", "2"]


def test_archived_versions_are_listed_when_asked_for(client: Any):
    from azure.ai.ml.constants import ListViewType

    client.environments.archive("sklearn", version="1")

    found = client.environments.list("sklearn", list_view_type=ListViewType.ARCHIVED_ONLY)
    assert [each.version for each in found] == ["1"]


def test_an_environment_is_archived_as_a_whole(client: Any):
    client.environments.archive("sklearn")

    assert list(client.environments.list()) == []


def test_a_version_made_by_the_client_is_the_latest(client: Any, served: Served):
    from azure.ai.ml.entities import Environment

    client.environments.create_or_update(Environment(name="torch", version="7", image="mcr.microsoft.com/torch:2"))

    assert client.environments.get("torch", version="7").image == "mcr.microsoft.com/torch:2"
    assert body(served, "environments/torch")["properties"]["latestVersion"] == "7"


def test_a_version_keeps_its_content(served: Served):
    other = {"properties": {"image": "other:1"}}

    assert send(served, "PUT", "environments/sklearn/versions/1", other).status_code == 409
    assert body(served, "environments/sklearn/versions/1")["properties"]["image"] == "mlacr.azurecr.io/sklearn:1"


def test_a_version_is_deleted_and_the_container_knows(served: Served):
    assert send(served, "DELETE", "environments/sklearn/versions/2").status_code == 200
    assert send(served, "DELETE", "environments/sklearn/versions/2").status_code == 204

    assert body(served, "environments/sklearn")["properties"]["latestVersion"] == "1"


def test_an_environment_is_deleted_with_its_versions(client: Any, served: Served):
    assert send(served, "DELETE", "environments/sklearn").status_code == 200

    with pytest.raises(ResourceNotFoundError):
        client.environments.get("sklearn", version="1")


def found_at(served: Served) -> None:
    """Let the workspace's discoveryUrl lead to the simulator, as that of a real one leads to AML."""
    workspace = served.world.resources.get(WORKSPACE)
    assert workspace is not None
    properties = {**workspace["properties"], "discoveryUrl": f"{served.url}/discovery"}
    served.world.resources.put({**workspace, "properties": properties})


def test_calls_of_a_batch_endpoint_are_listed(client: Any, served: Served):
    found_at(served)
    assert list(client.batch_endpoints.list_jobs("score")) == []

    started = send(served, "POST", "batchEndpoints/score/jobs", {"properties": {}}).json()

    (found,) = client.batch_endpoints.list_jobs("score")
    assert (found.name, found.status) == (started["name"], "Completed")


def test_calls_longer_than_a_page_arrive_whole(tmp_path: Path):
    with azure(tmp_path, page_size=2) as clients:
        found_at(clients.served)
        for _ in range(5):
            send(clients.served, "POST", "batchEndpoints/score/jobs", {"properties": {}})

        with ml_client(clients.served) as client:
            assert len(list(client.batch_endpoints.list_jobs("score"))) == 5


def test_a_call_of_a_deployment_that_is_not_there_is_refused(served: Served):
    asked = {"properties": {"deploymentName": "green"}}

    assert send(served, "POST", "batchEndpoints/score/jobs", asked).status_code == 400


def test_calls_of_an_endpoint_that_is_not_there_are_404(served: Served):
    path = f"{served.url}/mferp/managementfrontend{WORKSPACE}/batchEndpoints/none/jobs"

    assert httpx.get(path).status_code == 404
