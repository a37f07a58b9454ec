"""An estate read over the wire: whole, with few calls, and with every hole named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from estates import (
    AS_OF,
    DEV,
    PROD,
    Json,
    cluster,
    group_id,
    job,
    nodes,
    points,
    small_bodies,
    workspace_id,
    write_estate,
)
from fake_azure import StillTime

from finops import estate
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings
from finops.errors import AzureError, SignInError, TemporaryError
from finops.estate import Known, Unknown, queries
from finops.simulator import serving
from finops.simulator.faults import rule_of
from finops.simulator.serve import Served

WS = workspace_id("ml-prod")
REQUESTS = "RequestsPerMinute"
READER = {
    "Name": "Reader",
    "Actions": ["*/read", "Microsoft.MachineLearningServices/workspaces/computes/listNodes/action"],
}


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[tuple[Azure, Served]]:
    """The folder behind HTTP, and a gateway to it that waits for nothing in earnest."""
    settings = {name: options.pop(name) for name in ("subscriptions",) if name in options}
    with serving(folder, **options) as server:
        local = AzureSettings(endpoint=server.url, **settings)
        with connect(local, time=StillTime().time) as azure:
            yield azure, server


def read(folder: Path, *faults: Json, **options: Any) -> estate.Estate:
    with served(folder, faults=list(faults), **options) as (azure, _):
        return estate.read(azure, AS_OF)


def refuse(path: str, status: int = 403, code: str = "AuthorizationFailed", **more: Any) -> Json:
    message = "The client does not have authorization."
    return {"fault": "status", "status": status, "code": code, "message": message, "path": path, **more}


def fact(found: estate.Estate, resource_id: str, name: str) -> Any:
    """The value, or the reason in brackets."""
    known = found.resources[resource_id.lower()].facts[name]
    return known.value if isinstance(known, Known) else f"({known.reason})"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    lock = {
        "id": f"{WS}/onlineEndpoints/chat/providers/Microsoft.Authorization/locks/keep",
        "name": "keep",
        "type": "Microsoft.Authorization/locks",
        "properties": {"level": "CanNotDelete"},
    }
    return write_estate(
        tmp_path / "small",
        [*small_bodies(), lock],
        [nodes(f"{WS}/computes/gpu", "idle", "running"), nodes(f"{WS}/computes/cpu", "preparing")],
        [
            *points(f"{WS}/onlineEndpoints/silent", REQUESTS, [0.0] * 400),
            *points(f"{WS}/onlineEndpoints/chat", REQUESTS, [0.0] * 398 + [3.0, 0.0]),
            *points(f"{WS}/onlineEndpoints/z-nightly", REQUESTS, [None] * 300 + [0.0] * 100),
        ],
    )


def test_everything_that_is_there_is_read(small):
    found = read(small)

    assert found.complete
    assert found.gaps == ()
    assert found.as_of == AS_OF
    ml = "microsoft.machinelearningservices/workspaces"
    assert found.types() == {
        "microsoft.authorization/locks": 1,
        ml: 3,
        f"{ml}/batchendpoints": 1,
        f"{ml}/batchendpoints/deployments": 1,
        f"{ml}/computes": 4,
        f"{ml}/jobs": 6,
        f"{ml}/onlineendpoints": 3,
        f"{ml}/onlineendpoints/deployments": 2,
        "microsoft.storage/storageaccounts": 2,
        "resourcegroups": 2,
        "subscriptions": 2,
    }


def test_facts_are_measured_on_the_way(small):
    found = read(small)

    assert fact(found, f"{WS}/onlineEndpoints/silent", "requestsLast14Days") == 0
    assert fact(found, f"{WS}/onlineEndpoints/chat", "requestsLast14Days") == 180
    assert fact(found, f"{WS}/onlineEndpoints/z-nightly", "requestsLast14Days").startswith(
        "(Monitor has 100 of the 336"
    )
    assert fact(found, f"{WS}/onlineEndpoints/chat", "locked") is True
    assert fact(found, f"{WS}/onlineEndpoints/silent", "locked") is False
    assert fact(found, f"{WS}/onlineEndpoints/silent", "ageDays") == 112
    assert fact(found, f"{WS}/onlineEndpoints/silent", "owner") == "ana@contoso.com"
    assert fact(found, f"{WS}/onlineEndpoints/silent", "costCenter") == "CC-1"
    assert fact(found, f"{WS}/computes/gpu", "idleNodes") == 1
    assert fact(found, f"{WS}/computes/cpu", "preparingNodes") == 1
    assert fact(found, f"{WS}/computes/gpu", "runningJobs") == 1
    assert fact(found, f"{WS}/computes/gpu", "spot") is False


def test_children_and_types_are_found_whatever_the_letter_case(small):
    found = read(small)

    assert [one.id.rpartition("/")[2] for one in found.children(f"{WS}/ONLINEENDPOINTS/silent")] == ["blue"]
    assert len(found.of_type("Microsoft.MachineLearningServices/workspaces/computes")) == 4
    assert len(found.of_type("Microsoft.Resources/subscriptions/resourceGroups")) == 2


def test_it_takes_no_call_more_than_it_must(small):
    with served(small) as (azure, server):
        estate.read(azure, AS_OF)

        asked = Counter(request["path"].lower().rpartition("/")[2] for request in server.requests)

    assert asked == {
        "subscriptions": 1,
        "resources": 2,  # Resource Graph: what exists, and the groups
        "locks": 2,  # one a subscription
        "computes": 3,  # one a workspace
        "jobs": 3,
        "listnodes": 2,  # one a cluster that has nodes
        "metrics:getbatch": 1,  # one for 50 endpoints of a subscription and region
    }


def test_metrics_are_asked_for_50_endpoints_at_a_time(tmp_path):
    bodies = [body for body in small_bodies() if "/onlineEndpoints/" not in body["id"]]
    endpoint = next(body for body in small_bodies() if body["id"].endswith("/onlineEndpoints/chat"))
    many = [{**endpoint, "id": f"{WS}/onlineEndpoints/e{number}", "name": f"e{number}"} for number in range(101)]

    with served(write_estate(tmp_path / "e", [*bodies, *many], [])) as (azure, server):
        estate.read(azure, AS_OF)

        assert sum(request["path"].endswith("metrics:getBatch") for request in server.requests) == 3


def test_every_page_of_every_list_is_read(small):
    assert read(small, page_size=1).types() == read(small).types()


def test_a_refused_subscription_is_named_and_the_others_stay(small):
    found = read(
        small,
        refuse(f"^/subscriptions/{DEV}/"),
        refuse("Microsoft.ResourceGraph/resources", body=DEV),
    )

    assert not found.complete
    assert {gap.scope for gap in found.gaps} == {f"/subscriptions/{DEV}"}
    assert {gap.what for gap in found.gaps} == {queries.GRAPH, queries.LOCKS}
    assert all("AuthorizationFailed" in gap.reason for gap in found.gaps)
    assert len(found.of_type(queries.WORKSPACE)) == 2
    assert fact(found, f"{WS}/onlineEndpoints/silent", "requestsLast14Days") == 0


def test_a_subscription_that_resource_graph_leaves_out_silently_is_a_gap(small):
    principals = {
        "*": {"name": "r", "objectId": "o", "assignments": [{"role": "Reader", "scope": f"/subscriptions/{PROD}"}]}
    }

    found = read(small, roles={"roles": [READER], "principals": principals}, subscriptions=[PROD, DEV])

    assert {gap.scope for gap in found.gaps} == {f"/subscriptions/{DEV}"}
    assert queries.GRAPH in {gap.what for gap in found.gaps}


@pytest.mark.parametrize("list_", ["computes", "jobs"])
@pytest.mark.parametrize(
    "fault", ["403", "404-parent", "500", "missing-value", "html", "truncated-json", "next-foreign"]
)
def test_a_list_that_fails_is_a_gap_and_no_empty_list(small, list_, fault):
    found = read(small, {"fault": fault, "path": rf"{WS}/{list_}\?"})

    assert [(gap.scope.lower(), gap.what.lower()) for gap in found.gaps] == [
        (WS.lower(), f"{queries.WORKSPACE}/{list_}")
    ]
    assert not [name for name in found.resources if name.startswith(f"{WS}/{list_}/".lower())]


# One of each kind that can happen to a list (a stall would last until the read timeout), and to a number.
FAULTS = ["401-expired", "403", "404-parent", "429-hour", "500", "changed-page-token", "duplicate-rows", "empty-object"]
FAULTS += ["empty-page", "html", "missing-value", "next-foreign", "next-loop", "page-twice", "reset-mid-body"]
FAULTS += ["truncated-json"]
NUMBERS = ["huge-number", "nan", "negative-number", "number-as-string"]


@pytest.mark.parametrize(
    "list_",
    [
        "/subscriptions",
        "ResourceGraph/resources",
        "Authorization/locks",
        "/computes",
        "/jobs",
        "/listNodes",
        ":getBatch",
    ],
)
def test_a_broken_answer_is_never_taken_for_a_smaller_estate(tmp_path, list_):
    """Whatever goes wrong with whichever list: the estate is the same, or incomplete, or there is none."""
    bodies = [body for body in small_bodies() if PROD in body["id"] and "research" not in body["id"]]
    silent = points(f"{WS}/onlineEndpoints/silent", REQUESTS, [0.0] * 400)
    tiny = write_estate(tmp_path / "tiny", bodies, [nodes(f"{WS}/computes/gpu", "idle", "running")], silent)
    with served(tiny, page_size=4) as (azure, server):
        whole = estate.read(azure, AS_OF)
        for fault in FAULTS + NUMBERS * (list_ == ":getBatch"):
            server.faults.clear()
            server.faults.add([rule_of({"fault": fault, "path": rf"{list_}(\?|$)"})])
            try:
                found = estate.read(azure, AS_OF)
            except AzureError:
                continue
            assert found.complete is False or {*found.resources} == {*whole.resources}, fault
            for name, one in found.resources.items():
                for what, measured in one.facts.items():
                    assert isinstance(measured, Unknown) or measured == whole.resources[name].facts[what], (fault, name)


def test_a_second_page_that_fails_discards_the_first(small):
    rule = {**refuse(f"{WS}/jobs"), "after": 1}

    found = read(small, rule, page_size=2)

    assert [gap.what for gap in found.gaps] == [queries.JOBS]
    assert found.of_type(queries.JOB) == []
    assert fact(found, f"{WS}/computes/gpu", "runningJobs").startswith("(403 ")


def test_nodes_that_are_refused_are_a_gap_and_unknown(small):
    found = read(small, refuse(f"{WS}/computes/gpu/listNodes"))

    assert [gap.what for gap in found.gaps] == [queries.NODES]
    assert fact(found, f"{WS}/computes/gpu", "idleNodes").startswith("(403 ")


def test_refused_metrics_make_the_fact_unknown_and_name_the_reason(small):
    found = read(small, refuse("metrics:getBatch"))

    assert [gap.what for gap in found.gaps] == [queries.METRICS]
    assert "AuthorizationFailed" in fact(found, f"{WS}/onlineEndpoints/silent", "requestsLast14Days")


def test_an_endpoint_without_metrics_is_unknown(tmp_path):
    found = read(write_estate(tmp_path / "e"))

    assert isinstance(found.resources[f"{WS}/onlineEndpoints/silent".lower()].facts["requestsLast14Days"], Unknown)


def test_refused_locks_leave_the_lock_unknown(small):
    found = read(small, refuse(f"/subscriptions/{PROD}/providers/Microsoft.Authorization/locks"))

    assert fact(found, f"{WS}/onlineEndpoints/chat", "locked").startswith("(403 ")
    assert fact(found, workspace_id("ml-dev", DEV, "rg-dev"), "locked") is False


def test_the_tags_of_the_resource_group_count(tmp_path):
    found = read(write_estate(tmp_path / "e"))

    assert fact(found, workspace_id("ml-research"), "costCenter") == "CC-1"
    assert fact(found, group_id(DEV, "rg-dev"), "costCenter") == "(untagged)"


def test_the_activity_log_is_asked_only_where_nothing_else_names_the_creator(tmp_path):
    bodies: Iterable[Json] = small_bodies()
    nameless = f"{WS}/onlineEndpoints/silent"
    bodies = [{**body, "systemData": {}} if body["id"] == nameless else body for body in bodies]
    event = {
        "eventTimestamp": "2026-11-01T08:00:00Z",
        "resourceId": nameless,
        "caller": "bo@contoso.com",
        "subscriptionId": PROD,
        "operationName": {"value": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write"},
        "resourceProviderName": {"value": "Microsoft.MachineLearningServices"},
    }

    with served(write_estate(tmp_path / "e", bodies, [], activity=[event])) as (azure, server):
        found = estate.read(azure, AS_OF)
        asked = [request["path"] for request in server.requests if "eventtypes" in request["path"]]

    assert fact(found, nameless, "owner") == "bo@contoso.com"
    assert len(asked) == 1
    assert PROD in asked[0]


def test_reading_jobs_stops_after_a_long_run_of_old_ones(tmp_path):
    old = [job(WS, f"old-{number:04}", hours_ago=24 * 60 + number) for number in range(450)]
    new = [job(WS, "new", "Queued", 1)]

    found = read(write_estate(tmp_path / "e", [*small_bodies(), *new, *old], []), page_size=100)

    assert found.complete
    assert 200 <= len(found.of_type(queries.JOB)) <= 310
    assert fact(found, f"{WS}/computes/gpu", "queuedJobs") == 1


def test_an_expired_login_is_an_error_and_no_estate_of_gaps(small):
    with pytest.raises(SignInError):
        read(small, refuse("/computes", 401, "ExpiredAuthenticationToken"))


def test_an_azure_that_cannot_be_reached_is_temporary():
    nowhere = connect(AzureSettings(endpoint="http://127.0.0.1:9"), time=StillTime().time)

    with nowhere as azure, pytest.raises(TemporaryError) as fault:
        estate.read(azure, AS_OF)

    assert fault.value.exit_code == 75


def test_a_resource_graph_that_is_down_is_an_error_and_no_empty_estate(small):
    with pytest.raises(TemporaryError):
        read(small, refuse("Microsoft.ResourceGraph/resources", 503, "ServiceUnavailable"))


def test_a_cluster_without_nodes_is_not_asked_for_them(tmp_path):
    bodies = [*small_bodies(), cluster(WS, "empty", nodes=0)]

    found = read(write_estate(tmp_path / "e", bodies, [nodes(f"{WS}/computes/gpu", "idle")]))

    assert fact(found, f"{WS}/computes/empty", "idleNodes") == 0
