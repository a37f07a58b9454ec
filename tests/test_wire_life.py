"""What is brought back to life shows in Monitor and on the bill, and what nobody calls stays silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from living import WORKSPACE, billed, cluster, deployment, endpoint, estate, instance

from finops.simulator import Served, serving
from finops.simulator.world import World

CHAT = f"{WORKSPACE}/onlineEndpoints/chat"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A silent endpoint whose traffic is all blue's, an unused cluster, an idle instance."""
    estate(tmp_path)
    with serving(tmp_path) as made:
        chat, box = endpoint("chat"), instance("box")
        chat["properties"]["traffic"] = {"blue": 100}
        group = WORKSPACE.partition("/providers/")[0]
        made.world.resources.put({"id": group.rpartition("/resourceGroups/")[0], "displayName": "Test"})
        made.world.resources.put({"id": group, "name": "rg-a", "location": "eastus"})
        made.world.resources.put({"id": WORKSPACE, "name": "mlw-a", "location": "eastus", "properties": {}})
        for body in (chat, deployment("chat"), deployment("chat", "green"), cluster("gpu"), box):
            made.world.resources.put(body)
        yield made


def lives(served: Served, path: str, **use: Any) -> httpx.Response:
    return httpx.post(f"{served.url}/simulator/life", json={"resourceId": f"{WORKSPACE}/{path}", **use})


def passed(served: Served, hours: float) -> World:
    httpx.post(f"{served.url}/simulator/clock", json={"advanceHours": hours})
    return served.world


def requests(world: World, resource_id: str, hours: int = 24, **dimensions: str) -> float:
    """Requests of the last hours, as Monitor counts them."""
    now = world.clock.now()
    points = world.metrics.points(resource_id, "RequestsPerMinute", now - timedelta(hours=hours), now)
    return float(sum(point["total"] for point in points if dimensions.items() <= point["dimensions"].items()))


def traffic(served: Served, **shares: int) -> None:
    body = served.world.resources.get(CHAT)
    assert body is not None
    served.world.resources.put({**body, "properties": {**body["properties"], "traffic": shares}})


def test_nobody_calls_by_themselves(served: Served):
    assert requests(passed(served, 24), CHAT) == 0


def test_an_endpoint_is_called_again_by_its_traffic(served: Served):
    assert lives(served, "onlineEndpoints/chat", requestsPerMinute=10).status_code == 200

    world = passed(served, 24)

    assert requests(world, CHAT, deployment="blue") == pytest.approx(10 * 60 * 23, rel=0.2)
    assert requests(world, CHAT, deployment="green") == 0


def test_calls_follow_the_traffic(served: Served):
    lives(served, "onlineEndpoints/chat", requestsPerMinute=10)
    traffic(served, green=100)

    world = passed(served, 24)

    assert requests(world, CHAT, deployment="blue") == 0
    assert requests(world, CHAT, deployment="green") > 10_000


def test_calls_of_an_endpoint_without_traffic_are_refused_and_counted(served: Served):
    traffic(served, blue=0)
    assert requests(passed(served, 24), CHAT) == 0

    lives(served, "onlineEndpoints/chat", requestsPerMinute=10)

    world = passed(served, 24)
    assert requests(world, CHAT, deployment="") > 10_000
    assert requests(world, CHAT, deployment="blue") == 0


def test_a_deployment_is_called_past_the_traffic(served: Served):
    lives(served, "onlineEndpoints/chat/deployments/green", requestsPerMinute=2)

    world = passed(served, 24)

    assert requests(world, CHAT, deployment="green") > 2_000
    assert requests(world, CHAT, deployment="blue") == 0


def test_a_copy_of_the_traffic_counts_as_calls(served: Served):
    body = served.world.resources.get(CHAT)
    assert body is not None
    served.world.resources.put({**body, "properties": {**body["properties"], "mirrorTraffic": {"green": 20}}})

    lives(served, "onlineEndpoints/chat", requestsPerMinute=10)

    assert requests(passed(served, 24), CHAT, deployment="green") == pytest.approx(2 * 60 * 23, rel=0.25)


def test_an_endpoint_falls_silent_again(served: Served):
    lives(served, "onlineEndpoints/chat", requestsPerMinute=10)
    passed(served, 24)

    lives(served, "onlineEndpoints/chat", requestsPerMinute=0)

    assert requests(passed(served, 26), CHAT) == 0


def test_callers_find_what_is_made_anew_under_its_name(served: Served):
    lives(served, "onlineEndpoints/chat", requestsPerMinute=10)
    kept = served.world.resources.children(CHAT)
    chat = served.world.resources.get(CHAT)
    assert chat is not None
    for each in [*kept, chat]:
        served.world.resources.delete(each["id"])
    passed(served, 24)

    for each in [chat, *kept]:
        served.world.resources.put(each)

    assert requests(passed(served, 24), CHAT) > 10_000


def test_a_job_on_an_unused_cluster_takes_nodes_and_is_billed(served: Served):
    before = billed(passed(served, 24), ResourceName="gpu")
    job = {"properties": {"jobType": "Command", "command": "x", "environmentId": "e",
                          "computeId": f"{WORKSPACE}/computes/gpu"}}  # fmt: skip

    answer = httpx.put(f"{served.url}{WORKSPACE}/jobs/again?api-version=2024-04-01", json=job)

    assert (before, answer.status_code) == (0, 201)
    assert billed(passed(served, 24), ResourceName="gpu") > 0


def test_a_call_of_a_batch_endpoint_runs_on_its_cluster(served: Served):
    batch = f"{WORKSPACE}/batchEndpoints/score"
    common = {"type": "x", "location": "eastus"}
    compute = {"compute": f"{WORKSPACE}/computes/gpu"}
    defaults = {"defaults": {"deploymentName": "d"}}
    served.world.resources.put({"id": batch, "name": "score", "properties": defaults, **common})
    served.world.resources.put({"id": f"{batch}/deployments/d", "name": "d", "properties": compute, **common})

    called = httpx.post(f"{served.url}{batch}/jobs", json={"properties": {}}).json()

    assert called["properties"]["status"] == "Queued"
    assert billed(passed(served, 24), ResourceName="gpu") > 0
    assert httpx.get(f"{served.url}{batch}/jobs/{called['name']}").json()["properties"]["status"] == "Completed"


def test_people_send_jobs_again(served: Served):
    lives(served, "computes/gpu", jobsPerDay=24)

    assert billed(passed(served, 48), ResourceName="gpu") > 0


def test_an_instance_is_at_work_again(served: Served):
    lives(served, "computes/box", cpuPercent=63)

    world = passed(served, 5)

    now = world.clock.now()
    points = world.metrics.points(WORKSPACE, "CpuUtilizationPercentage", now - timedelta(hours=4), now)
    assert {(point["dimensions"]["ComputeName"], point["maximum"]) for point in points} == {("box", 63.0)}


@pytest.mark.parametrize(
    ("path", "use", "status"),
    [
        ("onlineEndpoints/none", {"requestsPerMinute": 1}, 404),
        ("onlineEndpoints/chat", {}, 400),
        ("onlineEndpoints/chat", {"jobsPerDay": 1}, 400),
        ("onlineEndpoints/chat", {"requestsPerMinute": -1}, 400),
        ("onlineEndpoints/chat", {"requestsPerMinute": "many"}, 400),
        ("onlineEndpoints/chat", {"requestsPerMinute": True}, 400),
        ("onlineEndpoints/chat", {"requestsPerMinute": 1, "more": 2}, 400),
        ("computes/gpu", {"requestsPerMinute": 1}, 400),
    ],
)
def test_lives_that_cannot_be_are_refused(served: Served, path: str, use: dict[str, Any], status: int):
    answer = lives(served, path, **use)

    assert answer.status_code == status
    assert "requestsPerMinute" in answer.json()["error"]["message"]
