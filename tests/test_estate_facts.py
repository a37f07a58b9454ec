"""Facts are known, or unknown with the reason: pure functions over what was read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from finops.estate import Estate, Evidence, Gap, Known, Resource, Unknown, queries
from finops.estate.facts import definitions, facts_of
from finops.estate.ids import scopes, type_of
from finops.estate.spending import Spending

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/11111111-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/ml"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/churn"
CLUSTER = f"{WORKSPACE}/computes/gpu"


def endpoint(days_old: int = 90, **more: Any) -> dict[str, Any]:
    created = (NOW - timedelta(days=days_old)).isoformat()
    return {"id": ENDPOINT, "location": "westeurope", "systemData": {"createdAt": created}, **more}


def cluster(**properties: Any) -> dict[str, Any]:
    return {"id": CLUSTER, "properties": {"computeType": "AmlCompute", "properties": properties}}


def requests(*per_hour: float | None) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """RequestsPerMinute of the newest hours, the last one given the newest."""
    end = NOW.replace(minute=0)
    points = [
        {"timeStamp": (end - timedelta(hours=len(per_hour) - hour)).isoformat(), "average": value}
        for hour, value in enumerate(per_hour)
    ]
    return {(ENDPOINT.lower(), "RequestsPerMinute", "{}"): points}


def job(name: str, status: str, **properties: Any) -> dict[str, Any]:
    return {"id": f"{WORKSPACE}/jobs/{name}", "name": name, "properties": {"status": status, **properties}}


def read(body: dict[str, Any], *others: dict[str, Any], **what: Any) -> dict[str, Any]:
    """Each fact's value, or the reason in brackets."""
    bodies = {one["id"].lower(): one for one in ({"id": SUBSCRIPTION}, {"id": GROUP}, {"id": WORKSPACE}, body, *others)}
    found = facts_of(body, Evidence(NOW, bodies, **what))
    return {name: fact.value if isinstance(fact, Known) else f"({fact.reason})" for name, fact in found.items()}


def test_age_is_counted_in_whole_days():
    assert read(endpoint(days_old=14))["ageDays"] == 14


def test_an_age_that_azure_does_not_tell_is_unknown():
    assert read({"id": ENDPOINT})["ageDays"] == "(Azure does not say when it was created)"


def test_older_providers_tell_the_age_in_their_own_place():
    assert read({"id": WORKSPACE, "properties": {"creationTime": "2026-11-12T06:00:00.1234567Z"}})["ageDays"] == 10


def test_a_silent_endpoint_has_no_requests():
    assert read(endpoint(), metrics=requests(*[0.0] * 336))["requestsLast14Days"] == 0


def test_requests_are_the_rate_per_minute_times_the_minutes():
    assert read(endpoint(), metrics=requests(*[0.0] * 334, 2.0, 0.5))["requestsLast14Days"] == 150


def test_a_single_request_is_never_rounded_to_none():
    assert read(endpoint(), metrics=requests(*[0.0] * 335, 0.001))["requestsLast14Days"] == 1


def test_the_last_request_is_the_latest_hour_with_traffic():
    facts = read(endpoint(), metrics=requests(*[0.0] * 300, 1.0, *[0.0] * 35))

    assert facts["lastRequest"] == datetime(2026, 11, 20, 18, tzinfo=UTC)


def test_silence_that_is_mostly_missing_data_is_unknown():
    facts = read(endpoint(), metrics=requests(*[None] * 17, *[0.0] * 319))

    assert facts["requestsLast14Days"] == "(Monitor has 319 of the 336 hourly points of the last 14 days)"


def test_silence_with_95_percent_of_the_points_is_silence():
    assert read(endpoint(), metrics=requests(*[None] * 16, *[0.0] * 320))["requestsLast14Days"] == 0


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 1e308, -1.0, "0", None])
def test_a_point_that_is_no_number_does_not_count_as_zero(odd):
    assert "Monitor has 0 of the 336" in read(endpoint(), metrics=requests(*[odd] * 336))["requestsLast14Days"]


def test_points_outside_of_the_window_do_not_fill_it():
    facts = read(endpoint(), metrics=requests(*[0.0] * 300, *[None] * 336))

    assert "Monitor has 0 of the 336" in facts["requestsLast14Days"]


def test_a_point_told_twice_counts_once():
    points = requests(*[0.0] * 200)
    doubled = {name: found * 2 for name, found in points.items()}

    assert "Monitor has 200 of the 336" in read(endpoint(), metrics=doubled)["requestsLast14Days"]


def test_an_endpoint_younger_than_the_window_is_unknown():
    facts = read(endpoint(days_old=3), metrics=requests(*[0.0] * 336))

    assert facts["requestsLast14Days"] == "(it is 3 days old, younger than the 14 days measured)"


def test_refused_metrics_are_unknown_for_the_reason_that_azure_gave():
    gap = Gap(SUBSCRIPTION, queries.METRICS, "403 AuthorizationFailed: no Monitoring Reader", 403)

    facts = read(endpoint(), gaps=(gap,))

    assert facts["requestsLast14Days"] == facts["lastRequest"] == "(403 AuthorizationFailed: no Monitoring Reader)"


def test_an_endpoint_that_monitor_left_out_is_unknown():
    assert read(endpoint())["requestsLast14Days"] == "(Microsoft.Insights/metrics was not asked for)"


def test_nodes_are_counted_by_state():
    nodes = {CLUSTER.lower(): [{"nodeState": "idle"}, {"nodeState": "Running"}, {"nodeState": "idle"}]}

    facts = read(cluster(currentNodeCount=3), nodes=nodes)

    assert (facts["nodes"], facts["idleNodes"], facts["runningNodes"], facts["unusableNodes"]) == (3, 2, 1, 0)


def test_nodes_that_were_not_listed_are_not_taken_from_the_clusters_own_counts():
    facts = read(cluster(currentNodeCount=15, nodeStateCounts={"idleNodeCount": 15}))

    assert facts["idleNodes"] == f"({queries.NODES} was not asked for)"


def test_an_empty_cluster_is_known_to_have_no_nodes():
    assert read(cluster(currentNodeCount=0))["idleNodes"] == 0


def test_nodes_that_could_not_be_listed_are_unknown():
    gap = Gap(CLUSTER, queries.NODES, "500 boom", 500)

    facts = read(cluster(currentNodeCount=2), gaps=(gap,), jobs_read=frozenset([WORKSPACE.lower()]))

    assert facts["idleNodes"] == facts["runningJobs"] == "(500 boom)"


def test_a_compute_instance_has_no_nodes_and_no_spot():
    body = {"id": CLUSTER, "properties": {"computeType": "ComputeInstance"}}

    facts = read(body)

    assert facts["idleNodes"] == "(only compute clusters have nodes)"
    assert facts["spot"] == "(only compute clusters can have spot nodes)"


@pytest.mark.parametrize("written", ["LowPriority", "lowpriority", "low_priority", "LOW_PRIORITY", "Spot", "spot"])
def test_spot_is_known_in_every_spelling(written):
    assert read(cluster(vmPriority=written))["spot"] is True


@pytest.mark.parametrize(
    ("written", "spot"),
    [
        ("Dedicated", False),
        ("dedicated", False),
        (None, "(Azure does not say its vmPriority)"),
        ("X", "(vmPriority is 'X')"),
    ],
)
def test_what_is_not_spot_is_dedicated_or_unknown(written, spot):
    assert read(cluster(vmPriority=written))["spot"] == spot


def test_running_and_queued_jobs_are_those_sent_to_the_cluster():
    jobs = [
        job("a", "Running", computeId=CLUSTER.upper()),
        job("b", "Finalizing", computeId=CLUSTER),
        job("c", "Queued", computeId=CLUSTER),
        job("d", "Completed", computeId=CLUSTER),
        job("e", "Running", computeId=CLUSTER + "-2"),
    ]

    facts = read(cluster(currentNodeCount=0), *jobs, jobs_read=frozenset([WORKSPACE.lower()]))

    assert (facts["runningJobs"], facts["queuedJobs"]) == (2, 1)


def test_a_step_of_a_pipeline_counts_for_its_cluster():
    pipeline = job("p", "Running", jobs={"train": {"computeId": CLUSTER}})

    assert read(cluster(currentNodeCount=0), pipeline, jobs_read=frozenset([WORKSPACE.lower()]))["runningJobs"] == 1


def test_a_run_on_a_node_that_no_job_tells_of_counts():
    nodes = {
        CLUSTER.lower(): [{"nodeState": "running", "runId": "step-1"}, {"nodeState": "running", "runId": "step-1"}]
    }

    assert read(cluster(), nodes=nodes, jobs_read=frozenset([WORKSPACE.lower()]))["runningJobs"] == 1


def test_jobs_that_could_not_be_listed_are_unknown():
    facts = read(cluster(), gaps=(Gap(WORKSPACE, queries.JOBS, "429 slow down", 429),))

    assert facts["runningJobs"] == facts["queuedJobs"] == "(429 slow down)"


def lock(scope: str) -> dict[str, Any]:
    return {"id": f"{scope}/providers/Microsoft.Authorization/locks/keep", "properties": {"level": "CanNotDelete"}}


@pytest.mark.parametrize("scope", [ENDPOINT, WORKSPACE.upper(), GROUP, SUBSCRIPTION])
def test_a_lock_on_it_or_above_it_locks(scope):
    assert read(endpoint(), locks={SUBSCRIPTION[15:]: [lock(scope)]})["locked"] is True


@pytest.mark.parametrize("scope", [ENDPOINT + "/deployments/blue", ENDPOINT + "-2", GROUP + "x"])
def test_a_lock_elsewhere_does_not(scope):
    assert read(endpoint(), locks={SUBSCRIPTION[15:]: [lock(scope)]})["locked"] is False


def test_locks_that_could_not_be_read_leave_it_unknown():
    assert read(endpoint(), gaps=(Gap(SUBSCRIPTION, queries.LOCKS, "403 no", 403),))["locked"] == "(403 no)"


def test_the_owner_is_the_person_who_created_it():
    body = endpoint()
    body["systemData"] |= {"createdBy": "jane@contoso.com", "createdByType": "User"}

    assert read(body)["owner"] == "jane@contoso.com"


def test_the_activity_log_names_the_owner_where_the_body_does_not():
    events = [
        {
            "resourceId": ENDPOINT.upper(),
            "caller": "ann@contoso.com",
            "operationName": {"value": "X/onlineEndpoints/write"},
        },
        {"resourceId": ENDPOINT, "caller": "bob@contoso.com", "operationName": {"value": "X/onlineEndpoints/write"}},
    ]

    assert read(endpoint(), activity={SUBSCRIPTION[15:]: events})["owner"] == "ann@contoso.com"


def test_an_application_is_no_owner():
    body = endpoint()
    body["systemData"] |= {"createdBy": "0b9f-app", "createdByType": "Application"}

    assert read(body)["owner"] == "(it was created by an application, not a person)"


@pytest.mark.parametrize(
    "name", ["CostCenter", "costcenter", "cost-center", "Cost Center", "COST_CENTRE", "costCentre"]
)
def test_the_cost_center_is_read_in_its_spellings(name):
    assert read(endpoint(tags={name: "CC-1"}))["costCenter"] == "CC-1"


def test_the_nearest_scope_with_a_cost_center_pays():
    group = {"id": GROUP, "tags": {"CostCenter": "CC-group"}}
    subscription = {"id": SUBSCRIPTION, "tags": {"CostCenter": "CC-subscription"}}

    assert read(endpoint(tags={"CostCenter": " "}), group, subscription)["costCenter"] == "CC-group"


def test_without_any_cost_center_it_is_untagged():
    assert read(endpoint(tags={"CostCenterX": "no"}))["costCenter"] == "(untagged)"


def test_two_spellings_that_differ_are_unknown():
    facts = read(endpoint(tags={"cost-center": "A", "cost_center": "B"}))

    assert facts["costCenter"] == "(its tags name several: cost-center=A, cost_center=B)"


def test_cost_is_that_of_the_resource_and_all_below_it():
    spending = Spending({ENDPOINT.lower(): Decimal("12.34")}, frozenset(), frozenset([SUBSCRIPTION[15:]]), NOW, "USD")

    found = facts_of(endpoint(), Evidence(NOW, spending=spending))["costLast30Days"]

    assert found == Known(Decimal("12.34"), NOW)


def test_a_resource_without_a_charge_cost_nothing_where_its_subscription_has_charges():
    spending = Spending({}, frozenset(), frozenset([SUBSCRIPTION[15:]]), NOW, "USD")

    assert read(endpoint(), spending=spending)["costLast30Days"] == 0


@pytest.mark.parametrize("billed", [WORKSPACE, ENDPOINT])
def test_what_is_billed_with_something_above_it_is_not_free(billed):
    deployment = {**endpoint(), "id": f"{ENDPOINT}/deployments/blue"}
    spending = Spending({}, frozenset([billed.lower()]), frozenset([SUBSCRIPTION[15:]]), NOW, "USD")

    said = f"(its VMs may be billed with {billed.lower().rpartition('/')[2]}, which has charges, and it has none)"

    assert read(deployment, spending=spending)["costLast30Days"] == said


def test_a_subscription_without_charges_leaves_the_cost_unknown():
    facts = read(endpoint(), spending=Spending({}, frozenset(), frozenset(["other"]), NOW, "USD"))

    assert facts["costLast30Days"] == "(the charges hold nothing of its subscription)"


def test_without_charges_the_cost_is_unknown():
    assert read(endpoint())["costLast30Days"] == "(charges were not given)"


def test_every_fact_says_what_it_means():
    assert [one.name for one in definitions() if not one.meaning.endswith(".")] == []


def test_fact_names_are_unique():
    names = [(one.name, kind) for one in definitions() for kind in one.types or {"everything"}]

    assert len(names) == len(set(names))


LEAVES = some.sampled_from(
    [None, True, 0, -1, 1e308, float("nan"), "", "x", "2026-11-20T00:00:00Z", "AmlCompute", "ComputeInstance"]
)
NAMES = some.sampled_from(
    ["properties", "tags", "systemData", "createdAt", "computeType", "vmPriority", "nodeStateCounts", "jobs", "status"]
)
MORE_NAMES = some.sampled_from(
    ["action", "traffic", "lastOperation", "operationTime", "state", "sku", "capacity", "defaults", "componentSpec"]
)
BELOW = [
    "onlineEndpoints/churn",
    "onlineEndpoints/churn/deployments/blue",
    "batchEndpoints/score",
    "computes/gpu",
    "jobs/j",
    "schedules/nightly",
    "environments/sklearn/versions/3",
]
ANYTHING = some.recursive(
    LEAVES,
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(NAMES | MORE_NAMES, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    some.sampled_from([f"{WORKSPACE}/{below}" for below in BELOW] + [WORKSPACE]),
    some.dictionaries(some.sampled_from(["properties", "tags", "systemData", "location"]), ANYTHING, max_size=3),
    some.lists(
        some.dictionaries(some.sampled_from(["nodeState", "runId", "average", "timeStamp"]), LEAVES), max_size=2
    ),
)
def test_a_body_of_any_shape_never_ends_a_run(name, body, parts):
    body = {**body, "id": name}
    key = name.lower()
    evidence = Evidence(
        NOW,
        {key: body},
        nodes={key: parts},
        locks={SUBSCRIPTION[15:]: parts},
        jobs_read=frozenset([WORKSPACE.lower()]),
        jobs_since={WORKSPACE.lower(): NOW - timedelta(days=90)},
        listed=dict.fromkeys(
            (queries.SCHEDULES, queries.DEPLOYMENTS, queries.COMPONENTS, queries.BATCH_JOBS, queries.COMPUTES),
            frozenset([WORKSPACE.lower()]),
        ),
        metrics={(key, "RequestsPerMinute", "{}"): parts, (WORKSPACE.lower(), "Idle Nodes", "{}"): parts},
        activity={SUBSCRIPTION[15:]: parts},
        users={"x": None},
        first_seen={},
    )

    facts = facts_of(body, evidence)

    assert all(isinstance(fact, Known | Unknown) for fact in facts.values())


def test_children_end_at_the_slash():
    names = [WORKSPACE, f"{WORKSPACE}/computes/a", f"{WORKSPACE}/computes/a/x/y", f"{WORKSPACE}-2/computes/a", GROUP]
    found = Estate(NOW, {name.lower(): Resource(name, {"id": name}) for name in names})

    assert [one.id for one in found.children(WORKSPACE.upper())] == names[1:3]
    assert [one.id for one in found.children(f"{WORKSPACE}/computes/a/")] == names[2:3]
    assert found.children(f"{WORKSPACE}/computes/a/x/y") == []


@pytest.mark.parametrize(
    ("resource_id", "resource_type"),
    [
        (SUBSCRIPTION, "subscriptions"),
        (GROUP, "resourcegroups"),
        (f"{ENDPOINT}/deployments/blue", "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments"),
        (f"{ENDPOINT}/providers/Microsoft.Authorization/locks/x", "microsoft.authorization/locks"),
        (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/providers", "microsoft.storage/storageaccounts"),
    ],
)
def test_the_type_is_read_from_the_id(resource_id, resource_type):
    assert type_of(resource_id) == resource_type


def test_scopes_go_from_the_resource_to_its_subscription():
    assert scopes(CLUSTER) == (CLUSTER.lower(), WORKSPACE.lower(), GROUP.lower(), SUBSCRIPTION.lower())
