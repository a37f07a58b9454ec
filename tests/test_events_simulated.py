"""The simulator's Event Grid against the webhook: subscribed as `az` does, told of what is made, in both schemas."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from estates import AS_OF, DEV, PROD, TENANT, group_id, write_estate
from eventing import AUDIENCE, SECRET, posting, settings
from guarding import DEV_WORKSPACE, GPU, bodies, dedicated

from finops.simulator import Served, serving

Json = dict[str, Any]
WRITE = "Microsoft.MachineLearningServices/workspaces/computes/write"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    write_estate(tmp_path / "estate", bodies())
    with serving(tmp_path / "estate", retry_after=0, polls=0) as found:
        yield found


def subscribe(served: Served, address: str, schema: str = "EventGridSchema", **destination: Any) -> httpx.Response:
    properties = {
        "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": address, **destination}},
        "eventDeliverySchema": schema,
    }
    path = f"/subscriptions/{DEV}/providers/Microsoft.EventGrid/eventSubscriptions/finops?api-version=2022-06-15"
    return httpx.put(served.url + path, json={"properties": properties}, timeout=60, trust_env=False)


def create(served: Served, resource_id: str, body: Json) -> None:
    """Create it, and ask until it is there, as Microsoft's clients do."""
    answer = httpx.put(f"{served.url}{resource_id}?api-version=2024-04-01", json=body, timeout=60, trust_env=False)
    assert answer.status_code in {200, 201}, answer.text
    if poll := answer.headers.get("azure-asyncoperation"):
        httpx.get(poll, timeout=60, trust_env=False)


def until(is_so: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    return is_so()


def believing(tmp_path: Path, served: Served) -> Any:
    keys = f"{served.url}/{TENANT}/discovery/v2.0/keys"
    chosen = settings(tenant_id=TENANT, audience=[AUDIENCE], jwks_url=keys)
    return posting(tmp_path, chosen, AS_OF)


def entra() -> Json:
    return {"azureActiveDirectoryTenantId": TENANT, "azureActiveDirectoryApplicationIdOrUri": AUDIENCE}


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_a_cluster_that_is_made_is_told_once_it_is_there(tmp_path: Path, served: Served, schema: str):
    with believing(tmp_path, served) as hook:
        answer = subscribe(served, hook.url, schema, **entra())
        assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (201, "Succeeded")

        create(served, GPU, dedicated())

        assert until(lambda: len(hook.waiting()) == 1)
        assert [one.subject for one in hook.state.daybook.events_waiting()] == [GPU]


def test_a_token_for_another_application_does_not_get_as_far_as_that(tmp_path: Path, served: Served):
    with believing(tmp_path, served) as hook:
        other = {**entra(), "azureActiveDirectoryApplicationIdOrUri": "api://another"}

        assert subscribe(served, hook.url, **other).status_code == 400


@pytest.mark.parametrize("query", [True, False])
def test_with_a_secret_in_the_address_or_a_header_it_is_told_too(tmp_path: Path, served: Served, query: bool):
    with posting(tmp_path, at=AS_OF) as hook:
        header = {"name": "X-Finops-Events-Key", "type": "Static", "properties": {"value": SECRET, "isSecret": True}}
        more = {} if query else {"deliveryAttributeMappings": [header]}
        answer = subscribe(served, f"{hook.url}?key={SECRET}" if query else hook.url, **more)
        assert answer.status_code == 201
        assert SECRET not in answer.text

        tags = f"{DEV_WORKSPACE}/providers/Microsoft.Resources/tags/default"
        create(served, tags, {"properties": {"tags": {"Environment": "Dev"}}})

        assert until(lambda: len(hook.waiting()) == 1)
        assert [one.subject for one in hook.state.daybook.events_waiting()] == [tags]


def test_one_that_is_to_be_agreed_to_by_hand_waits(tmp_path: Path, served: Served):
    with posting(tmp_path, settings(secret=SECRET, handshake="by hand")) as hook:
        answer = subscribe(served, f"{hook.url}?key={SECRET}")

    assert answer.json()["properties"]["provisioningState"] == "AwaitingManualAction"


def test_it_posts_to_this_machine_only(served: Served):
    assert subscribe(served, "http://203.0.113.7/events").status_code == 400


def test_of_other_subscriptions_nobody_is_told(
    tmp_path: Path,
    served: Served,
):
    with posting(tmp_path, at=AS_OF) as hook:
        subscribe(served, f"{hook.url}?key={SECRET}")
        others = f"{group_id(PROD, 'rg-ml')}/providers/Microsoft.Storage/storageAccounts/a1"
        mine = f"{group_id(DEV, 'rg-dev')}/providers/Microsoft.Storage/storageAccounts/a2"
        for one in (others, mine):
            create(served, one, {"location": "eastus", "properties": {}})

        assert until(lambda: len(hook.waiting()) == 1)
        assert [one.subject for one in hook.state.daybook.events_waiting()] == [mine]
