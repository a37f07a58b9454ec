"""Deleting and changing over the wire: what goes with what, what fails in the end, what comes back under its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from estates import AML, deployment, endpoint, small_bodies, workspace_id, write_estate
from test_wire_ml import ml_client
from wire_clients import azure

from finops.simulator import Served

pytest.importorskip("azure.ai.ml")
WORKSPACE = workspace_id("ml-prod")
CHAT = f"{WORKSPACE}/onlineEndpoints/chat"
VERSION = {"api-version": "2024-04-01"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    green = deployment(CHAT, "green")
    with azure(tmp_path, estate=write_estate(tmp_path / "estate", [*small_bodies(), green]), polls=0) as clients:
        yield clients.served


def send(served: Served, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
    return httpx.request(method, f"{served.url}{path}", params={**VERSION, **query}, json=body)


def held(served: Served, path: str) -> Any:
    return served.world.resources.get(path)


def passed(served: Served, minutes: int = 10) -> None:
    """Time goes by, and is noticed by the next request."""
    served.world.clock.advance(minutes=minutes)
    httpx.get(f"{served.url}/simulator")


def whole(served: Served, path: str = CHAT) -> dict[str, Any]:
    body: dict[str, Any] = send(served, "GET", path).json()
    return {"location": body["location"], "tags": body["tags"], "properties": body["properties"]}


def outcome(served: Served, answer: httpx.Response) -> dict[str, Any]:
    for _ in range(3):
        told: dict[str, Any] = httpx.get(answer.headers["Azure-AsyncOperation"]).json()
        if told["status"] in ("Succeeded", "Failed"):
            return told
    raise AssertionError(told)


def test_an_endpoint_goes_with_its_deployments_some_time_after(served: Served):
    answer = send(served, "DELETE", CHAT)

    assert answer.status_code == 202
    assert send(served, "GET", CHAT).json()["properties"]["provisioningState"] == "Deleting"
    passed(served)
    assert send(served, "GET", CHAT).status_code == 404
    assert held(served, f"{CHAT}/deployments/blue") is None


@pytest.mark.parametrize("path", [CHAT, f"{CHAT}/deployments/blue", f"{WORKSPACE}/computes/gpu"])
def test_what_is_gone_is_deleted_again_without_complaint(served: Served, path: str):
    gone = path.replace("/chat", "/none").replace("/gpu", "/none")
    how = {"underlyingResourceAction": "Delete"} if "/computes/" in path else {}

    answer = send(served, "DELETE", gone, **how)

    # Where the endpoint itself is gone, so is the place of the deployment.
    assert answer.status_code == (404 if "/deployments/" in path else 204)


def test_a_deletion_that_fails_in_the_end_leaves_everything(served: Served):
    served.faults.add({"fault": "lro-fails", "method": "DELETE"})

    told = outcome(served, send(served, "DELETE", CHAT))

    assert (told["status"], told["error"]["code"]) == ("Failed", "InternalServerError")
    assert held(served, CHAT)["properties"]["provisioningState"] == "Succeeded"
    assert held(served, f"{CHAT}/deployments/blue")


def test_a_deletion_that_fails_half_way_has_taken_the_deployments(served: Served):
    served.faults.add({"fault": "lro-fails-half", "method": "DELETE"})

    assert outcome(served, send(served, "DELETE", CHAT))["status"] == "Failed"

    assert held(served, CHAT)["properties"]["provisioningState"] == "Failed"
    assert held(served, f"{CHAT}/deployments/blue") is None


def test_a_deletion_that_failed_can_be_tried_again(served: Served):
    served.faults.add({"fault": "lro-fails-half", "method": "DELETE", "times": 1})
    outcome(served, send(served, "DELETE", CHAT))

    assert outcome(served, send(served, "DELETE", CHAT))["status"] == "Succeeded"

    assert held(served, CHAT) is None


def test_the_activity_log_says_that_a_deletion_failed(served: Served):
    served.faults.add({"fault": "lro-fails", "method": "DELETE"})
    outcome(served, send(served, "DELETE", CHAT))

    events = [event for event in served.world.activity if event["resourceId"] == CHAT]

    assert [event["status"]["value"] for event in events] == ["Succeeded", "Failed"]


def test_a_stop_that_fails_in_the_end_leaves_it_running_and_billed(served: Served):
    served.faults.add({"fault": "lro-fails", "method": "POST"})
    instance = f"{WORKSPACE}/computes/ci-ana"

    assert outcome(served, send(served, "POST", f"{instance}/stop"))["status"] == "Failed"

    inner = held(served, instance)["properties"]["properties"]
    assert (inner["state"], inner["lastOperation"]["operationStatus"]) == ("Running", "Failed")


def test_a_change_that_fails_in_the_end_is_undone(served: Served):
    served.faults.add({"fault": "lro-fails", "method": "PUT"})
    body = whole(served)
    body["properties"]["traffic"] = {"blue": 0}

    assert outcome(served, send(served, "PUT", CHAT, body))["status"] == "Failed"

    assert held(served, CHAT)["properties"]["traffic"] == {"blue": 100}


def test_something_new_that_fails_in_the_end_is_there_as_failed(served: Served):
    served.faults.add({"fault": "lro-fails", "method": "PUT"})
    fresh = f"{WORKSPACE}/onlineEndpoints/fresh"

    outcome(served, send(served, "PUT", fresh, {"location": "eastus", "properties": {"authMode": "Key"}}))

    assert held(served, fresh)["properties"]["provisioningState"] == "Failed"


def test_what_is_being_deleted_is_not_changed(served: Served):
    body = whole(served)
    send(served, "DELETE", CHAT)

    assert send(served, "PUT", CHAT, body).status_code == 409


def test_what_is_made_anew_has_another_identity_and_other_keys(served: Served):
    send(served, "PUT", CHAT, {"location": "eastus", "properties": {"authMode": "Key"},
                               "identity": {"type": "SystemAssigned"}})  # fmt: skip
    passed(served)
    before, keys = held(served, CHAT), send(served, "POST", f"{CHAT}/listKeys").json()
    again = {**whole(served), "identity": before["identity"]}
    again["properties"]["traffic"] = {}
    send(served, "DELETE", CHAT)
    passed(served)

    assert send(served, "PUT", CHAT, again).status_code == 201
    passed(served)

    after = held(served, CHAT)
    assert after["systemData"]["createdAt"] > before["systemData"]["createdAt"]
    assert after["identity"]["principalId"] != before["identity"]["principalId"]
    assert after["properties"]["scoringUri"] == before["properties"]["scoringUri"]
    assert send(served, "POST", f"{CHAT}/listKeys").json() != keys


def test_keys_stay_while_the_endpoint_does(served: Served):
    first, second = (send(served, "POST", f"{CHAT}/listKeys").json() for _ in range(2))

    assert first == second
    assert set(first) == {"primaryKey", "secondaryKey"}


def test_an_update_keeps_the_identity(served: Served):
    identity = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {"/subscriptions/s/x": {}}}
    send(served, "PUT", CHAT, {**whole(served), "identity": identity})
    passed(served)
    first = held(served, CHAT)["identity"]

    send(served, "PUT", CHAT, whole(served))

    assert held(served, CHAT)["identity"] == first
    assert first["userAssignedIdentities"]["/subscriptions/s/x"]["principalId"]


def test_traffic_is_moved_by_the_client(served: Served):
    with ml_client(served) as client:
        chat = client.online_endpoints.get("chat")
        chat.traffic = {"blue": 0, "green": 100}
        client.online_endpoints.begin_create_or_update(chat).result()

        assert client.online_endpoints.get("chat").traffic == {"blue": 0, "green": 100}


def test_traffic_can_be_taken_away_altogether(served: Served):
    body = whole(served)
    body["properties"]["traffic"] = {"blue": 0}

    assert send(served, "PUT", CHAT, body).status_code == 200
    assert held(served, CHAT)["properties"]["traffic"] == {"blue": 0}


@pytest.mark.parametrize("path", [CHAT, f"{CHAT}/deployments/blue"])
def test_traffic_and_the_like_are_not_patched(served: Served, path: str):
    answer = send(served, "PATCH", path, {"properties": {"traffic": {"blue": 0}}})

    assert answer.status_code == 400
    assert held(served, CHAT)["properties"]["traffic"] == {"blue": 100}


@pytest.mark.parametrize("mirror", [{"none": 10}, {"green": 51}, {"green": 10, "blue": 10}])
def test_mirrors_that_cannot_be_are_refused(served: Served, mirror: dict[str, int]):
    body = whole(served)
    body["properties"]["mirrorTraffic"] = mirror

    assert send(served, "PUT", CHAT, body).status_code == 400


def test_a_deployment_that_goes_leaves_no_share_behind(served: Served):
    body = whole(served)
    body["properties"] |= {"traffic": {"blue": 100, "green": 0}, "mirrorTraffic": {"green": 10}}
    send(served, "PUT", CHAT, body)
    passed(served)

    send(served, "DELETE", f"{CHAT}/deployments/green")
    passed(served)

    properties = held(served, CHAT)["properties"]
    assert (properties["traffic"], properties["mirrorTraffic"]) == ({"blue": 100}, {})


def test_a_deployment_with_traffic_stays(served: Served):
    with ml_client(served) as client, pytest.raises(HttpResponseError, match="100 % of the traffic"):
        client.online_deployments.begin_delete("blue", "chat").wait()

    assert held(served, f"{CHAT}/deployments/blue")


def test_starting_and_stopping_are_in_the_activity_log(served: Served):
    instance = f"{WORKSPACE}/computes/ci-ana"
    for action in ("stop", "start"):
        send(served, "POST", f"{instance}/{action}")
        passed(served)

    told = [event["operationName"]["value"] for event in served.world.activity if event["resourceId"] == instance]

    assert told == [f"{AML}/computes/stop/action", f"{AML}/computes/start/action"]


def test_an_endpoint_without_keys_says_so(tmp_path: Path):
    secret = endpoint(WORKSPACE, "secret")
    secret["properties"]["authMode"] = "AADToken"

    with azure(tmp_path, estate=write_estate(tmp_path / "estate", [*small_bodies(), secret])) as clients:
        assert send(clients.served, "POST", f"{secret['id']}/listKeys").status_code == 400
