"""Nothing that a caller sends breaks the server: junk is refused in an error body, never with a 500."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from estates import PROD, endpoint, group_id, instance, small_bodies, workspace_id, write_estate

from finops.simulator import serving

JUNK: list[Any] = [None, 0, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, True, "2026-01-01", "\u0000", "é" * 300]
WORKSPACE = workspace_id("ml-prod")
STORAGE = f"{group_id(PROD, 'rg-ml')}/providers/Microsoft.Storage/storageAccounts/neu"
CLUSTER = {
    "location": "eastus",
    "tags": {"a": "b"},
    "properties": {
        "computeType": "AmlCompute",
        "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "vmPriority": "Dedicated",
            "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2M"},
        },
    },
}
GRAPH = {"query": "resources | project id", "subscriptions": [PROD], "options": {"$top": 5, "$skip": 0}}
CALLS: list[tuple[str, str, Any]] = [
    ("PUT", f"{WORKSPACE}/computes/neu", CLUSTER),
    ("PATCH", f"{WORKSPACE}/computes/gpu", {"properties": CLUSTER["properties"]}),
    ("PUT", f"{WORKSPACE}/computes/ci-neu", {key: instance(WORKSPACE, "x")[key] for key in ("tags", "properties")}),
    ("PUT", f"{WORKSPACE}/onlineEndpoints/neu", endpoint(WORKSPACE, "chat")),
    ("PUT", f"{WORKSPACE}/onlineEndpoints/chat", endpoint(WORKSPACE, "chat")),
    ("PATCH", f"{WORKSPACE}/onlineEndpoints/chat/deployments/blue", {"sku": {"capacity": 2}, "tags": {"a": "b"}}),
    ("PUT", f"{WORKSPACE}/jobs/neu", {"properties": {"jobType": "Command", "computeId": "x", "tags": {}}}),
    ("PUT", f"{WORKSPACE}/schedules/neu", {"properties": {"trigger": {"a": 1}, "action": {"b": 2}}}),
    ("PUT", STORAGE, {"location": "eastus", "sku": {"name": "Standard_LRS"}, "properties": {"accessTier": "Hot"}}),
    (
        "PATCH",
        f"{WORKSPACE}/providers/Microsoft.Resources/tags/default",
        {"operation": "Merge", "properties": {"tags": {"a": "b"}}},
    ),
    ("PUT", f"{WORKSPACE}/providers/Microsoft.Authorization/locks/l", {"properties": {"level": "CanNotDelete"}}),
    ("POST", "/providers/Microsoft.ResourceGraph/resources", GRAPH),
    ("POST", f"/subscriptions/{PROD}/metrics:getBatch", {"resourceids": [WORKSPACE]}),
    ("POST", "/simulator/clock", {"to": "2026-11-22T06:00:00Z"}),
    ("POST", "/simulator/faults", {"rules": []}),
]
LISTS = [
    f"/subscriptions/{PROD}/resources",
    f"{WORKSPACE}/jobs",
    f"{WORKSPACE}/environments/sklearn/versions",
    f"{WORKSPACE}/computes/gpu/listNodes",
    f"{WORKSPACE}/providers/Microsoft.Insights/metrics",
    f"/subscriptions/{PROD}/providers/Microsoft.Insights/metrics",
    f"/subscriptions/{PROD}/providers/Microsoft.Insights/eventtypes/management/values",
]
WORDS = ["$filter", "$top", "$skiptoken", "$skipToken", "$skip", "$expand", "$orderBy", "$select", "timespan", "tag"]
WORDS += ["aggregation", "metricnames", "region", "metricnamespace", "listViewType", "top", "starttime", "interval"]
VALUES = ["", "0", "-1", "x", "zz!!", "a/b", "P", "name eq 'x'", "eventTimestamp ge 'x'", "a eq", "'", "2026-11-20"]
NOWHERE = ["/", "//", "/%00", "/subscriptions/%20", "/subscriptions/../x", "/" + "a/" * 900]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every member of `value`, at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in inner for found in [(*path, key), *places(each, (*path, key))]]


def spoilt(body: Any, place: tuple[Any, ...], junk: Any) -> Any:
    body = copy.deepcopy(body)
    holder = body
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = junk
    return body


@pytest.mark.parametrize("seed", range(3))
def test_junk_is_refused_and_never_breaks_the_server(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    broken = []

    with serving(write_estate(tmp_path, small_bodies()), polls=0) as server, httpx.Client(base_url=server.url) as http:
        for _ in range(250):
            method, path, body = chance.choice(CALLS)
            body = spoilt(body, chance.choice(places(body)), chance.choice(JUNK))
            query = {chance.choice(WORDS): chance.choice(VALUES) for _ in range(3)}
            answers = [http.request(method, path, json=body), http.get(chance.choice(LISTS), params=query)]
            broken += [(answer.request.url.path, body, query) for answer in answers if answer.status_code >= 500]
            assert all("error" in a.json() or "code" in a.json() for a in answers if 400 <= a.status_code < 500)

        assert http.get(f"{WORKSPACE}/computes").status_code == 200

    assert broken == []


@pytest.mark.parametrize("raw", [b"[]", b"{", b"\xff\xfe", b"null", b'"x"', b"{}" * 9, b"{" * 5000])
def test_a_body_that_is_no_object_is_refused(tmp_path: Path, raw: bytes):
    with serving(write_estate(tmp_path)) as server:
        answer = httpx.put(f"{server.url}{WORKSPACE}/computes/x", content=raw)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


@pytest.mark.parametrize("path", [*NOWHERE, f"/subscriptions/{PROD}/providers"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST", "HEAD", "OPTIONS"])
def test_a_path_that_leads_nowhere_is_4xx(shared_server: str, method: str, path: str):
    assert 400 <= httpx.request(method, shared_server + path).status_code < 500


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(write_estate(tmp_path_factory.mktemp("junk"))) as server:
        yield server.url
