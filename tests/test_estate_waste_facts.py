"""The facts that tell waste from use: known, or unknown with the reason, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops import prices
from finops.estate import Evidence, Gap, Known, queries
from finops.estate.facts import facts_of
from finops.estate.pricing import Rates

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
HOUR_END = NOW.replace(minute=0)
SUB = "/subscriptions/11111111-0000-0000-0000-000000000000"
WORKSPACE = f"{SUB}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/ws"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/churn"
BLUE = f"{ENDPOINT}/deployments/blue"
BATCH = f"{WORKSPACE}/batchEndpoints/score"
CLUSTER = f"{WORKSPACE}/computes/gpu"
INSTANCE = f"{WORKSPACE}/computes/ci"
VERSION = f"{WORKSPACE}/environments/sklearn/versions/3"
COMPONENT = f"{WORKSPACE}/components/train/versions/1"
SCHEDULE = f"{WORKSPACE}/schedules/nightly"
ANA = "00000000-aaaa-0000-0000-000000000001"

Json = dict[str, Any]


def made(resource_id: str, days_old: float = 200, **properties: Any) -> Json:
    return {
        "id": resource_id,
        "location": "westeurope",
        "systemData": {"createdAt": (NOW - timedelta(days=days_old)).isoformat()},
        "properties": properties,
    }


def endpoint(days_old: float = 200, **properties: Any) -> Json:
    return made(ENDPOINT, days_old, **{"traffic": {"blue": 100}, **properties})


def cluster(days_old: float = 200, **inner: Any) -> Json:
    return made(CLUSTER, days_old, computeType="AmlCompute", properties={"currentNodeCount": 0, **inner})


def instance(state: str = "Running", hours: float = 500, operation: str = "Start", **inner: Any) -> Json:
    last = {
        "operationName": operation,
        "operationTime": (NOW - timedelta(hours=hours)).isoformat(),
        "operationStatus": "Succeeded",
    }
    return made(INSTANCE, computeType="ComputeInstance", properties={"state": state, "lastOperation": last, **inner})


def job(name: str, days_ago: float, status: str = "Completed", **properties: Any) -> Json:
    return {**made(f"{WORKSPACE}/jobs/{name}", days_ago, status=status, **properties), "name": name}


def line(resource: str, metric: str, values: list[float | None], field: str = "average", dimensions: str = "{}") -> Any:
    points = [
        {"timeStamp": (HOUR_END - timedelta(hours=len(values) - hour)).isoformat(), field: value}
        for hour, value in enumerate(values)
    ]
    return {(resource.lower(), metric, dimensions): points}


def requests(*values: float | None, of: str = ENDPOINT) -> Any:
    return line(of, "RequestsPerMinute", list(values))


def load(*values: float | None) -> Any:
    return line(WORKSPACE, "CpuUtilizationPercentage", list(values), "maximum", '{"ComputeName": "ci"}')


def everything_listed(*but: str) -> Json:
    lists = {queries.SCHEDULES, queries.DEPLOYMENTS, queries.AUTOSCALE, queries.COMPUTES, queries.ENVIRONMENTS}
    lists |= {queries.COMPONENTS, queries.BATCH_JOBS, queries.GRAPH}
    return {what: frozenset([SUB.lower()]) for what in lists - set(but)}


def read(body: Json, *others: Json, **what: Any) -> Json:
    """Each fact's value, or the reason in brackets; all was listed, and jobs for ever, unless the test says else."""
    asked: Json = {
        "listed": everything_listed(),
        "jobs_read": frozenset([WORKSPACE.lower()]),
        "jobs_since": {WORKSPACE.lower(): datetime.min.replace(tzinfo=UTC)},
        **what,
    }
    around = ({"id": SUB, "tenantId": "home"}, {"id": WORKSPACE, "properties": {}}, *others, body)
    found = facts_of(body, Evidence(NOW, {one["id"].lower(): one for one in around}, **asked))
    return {name: fact.value if isinstance(fact, Known) else f"({fact.reason})" for name, fact in found.items()}


def test_days_without_requests_are_counted_from_the_end_of_the_last_busy_hour():
    silent_since = [0.0] * 600 + [2.0] + [0.0] * 119

    assert read(endpoint(), metrics=requests(*silent_since))["daysWithoutRequests"] == 4


def test_an_endpoint_that_was_silent_all_month_has_30_days():
    assert read(endpoint(), metrics=requests(*[0.0] * 720))["daysWithoutRequests"] == 30


def test_the_busiest_hour_decides_and_not_the_mean():
    assert read(endpoint(), metrics=requests(*[0.0] * 719, 0.0001))["daysWithoutRequests"] == 0


def test_an_endpoint_younger_than_the_window_was_silent_since_it_was_made():
    silent = requests(*[None] * 600, *[0.0] * 120)

    assert read(endpoint(days_old=5.1), metrics=silent)["daysWithoutRequests"] == 5


def test_an_endpoint_made_this_hour_is_not_silent_for_long():
    assert read(endpoint(days_old=0.01), metrics=requests(*[None] * 720))["daysWithoutRequests"] == 0


def test_an_endpoint_of_unknown_age_is_not_called_silent():
    body = {"id": ENDPOINT, "properties": {}}

    said = read(body, metrics=requests(*[0.0] * 720))["daysWithoutRequests"]

    assert said == "(Azure does not say when it was created)"


def test_a_hole_in_the_month_is_not_silence():
    said = read(endpoint(), metrics=requests(*[None] * 37, *[0.0] * 683))["daysWithoutRequests"]

    assert said == "(Monitor has 683 of the 720 hourly points of the last 30 days)"


def test_a_deployment_counts_its_own_requests():
    body = made(BLUE)

    assert read(body, endpoint(), metrics=requests(*[0.0] * 720, of=BLUE))["daysWithoutRequests"] == 30
    assert read(body, endpoint(), metrics=requests(*[0.0] * 720))["daysWithoutRequests"].startswith("(Microsoft.Ins")


def test_deployments_are_counted_when_all_were_listed():
    assert read(endpoint(), made(BLUE), made(f"{ENDPOINT}-2/deployments/blue"))["deployments"] == 1
    assert read(endpoint())["deployments"] == 0


def test_deployments_that_were_not_listed_whole_are_unknown():
    refused = Gap(SUB, queries.GRAPH, "403 no", 403)

    assert read(endpoint(), listed=everything_listed(queries.DEPLOYMENTS), gaps=(refused,))["deployments"] == "(403 no)"


def test_traffic_and_mirrored_traffic_are_the_endpoints_shares():
    shares = endpoint(traffic={"Blue": 90, "green": 10}, mirrorTraffic={"green": 5})

    assert (read(made(BLUE), shares)["traffic"], read(made(BLUE), shares)["mirrorTraffic"]) == (90, 0)
    green = read(made(f"{ENDPOINT}/deployments/green"), shares)
    assert (green["traffic"], green["mirrorTraffic"]) == (10, 5)


@pytest.mark.parametrize("traffic", [None, "100", []])
def test_an_endpoint_that_does_not_share_out_its_traffic_leaves_it_unknown(traffic):
    said = read(made(BLUE), endpoint(traffic=traffic))

    assert said["traffic"] == said["mirrorTraffic"] == "(its endpoint does not say how it shares out its requests)"


@pytest.mark.parametrize("share", ["all", -1, 101, True])
def test_a_share_that_is_no_percentage_is_unknown(share):
    assert read(made(BLUE), endpoint(traffic={"blue": share}))["traffic"].startswith("(its endpoint's traffic is ")


def test_half_a_percent_is_not_nothing():
    assert read(made(BLUE), endpoint(traffic={"blue": 0.5}))["traffic"] == 1


def call(days_ago: float, status: str = "Completed") -> Json:
    return made(f"{BATCH}/jobs/j{days_ago}", days_ago, status=status)


def test_a_batch_endpoint_was_invoked_when_its_newest_job_was_made():
    assert read(made(BATCH), call(40), call(12), call(99))["daysSinceInvoked"] == 12


def test_a_batch_endpoint_that_runs_now_was_invoked_today():
    assert read(made(BATCH), call(20, "Running"))["daysSinceInvoked"] == 0


@pytest.mark.parametrize(("age", "days"), [(200, 90), (10, 10)])
def test_a_batch_endpoint_never_invoked_waits_since_it_was_made(age, days):
    assert read(made(BATCH, age))["daysSinceInvoked"] == days


def test_a_batch_endpoint_whose_jobs_were_refused_is_unknown():
    refused = Gap(BATCH, queries.BATCH_JOBS, "403 no", 403)

    said = read(made(BATCH), listed=everything_listed(queries.BATCH_JOBS), gaps=(refused,))["daysSinceInvoked"]

    assert said == "(403 no)"


def test_an_instance_idles_since_its_last_busy_minute():
    assert read(instance(), metrics=load(*[3.0] * 100, 80.0, *[3.0] * 67))["idleHours"] == 67


def test_an_instance_idles_for_a_week_at_most():
    assert read(instance(), metrics=load(*[3.0] * 168))["idleHours"] == 168


def test_an_instance_that_was_just_started_idles_since_then():
    assert read(instance(hours=10), metrics=load(*[None] * 158, *[3.0] * 10))["idleHours"] == 9


def test_an_instance_with_a_job_is_not_idle():
    running = job("a", 3, "Running", computeId=INSTANCE)

    assert read(instance(), running, metrics=load(*[3.0] * 168))["idleHours"] == 0


def test_a_job_of_yesterday_ends_the_idle_time_of_an_instance():
    assert read(instance(), job("a", 1, computeId=INSTANCE), metrics=load(*[3.0] * 168))["idleHours"] == 23


def test_an_instance_whose_load_monitor_does_not_know_is_not_idle():
    nothing = {(WORKSPACE.lower(), "CpuUtilizationPercentage", '{"ComputeName": ""}'): []}

    assert read(instance(), metrics=nothing)["idleHours"] == "(Monitor has no processor load of it)"


def test_a_load_with_holes_is_not_idleness():
    assert "Monitor has 100 of the 168" in read(instance(), metrics=load(*[3.0] * 100, *[None] * 68))["idleHours"]


def test_a_stopped_instance_does_not_idle():
    said = read(instance("Stopped", operation="Stop"), metrics=load(*[0.0] * 168))["idleHours"]

    assert said == "(it is not running: its state is Stopped)"


def test_a_stopped_instance_was_stopped_by_its_last_operation():
    assert read(instance("Stopped", 24 * 40, "Stop"))["daysStopped"] == 40


@pytest.mark.parametrize("operation", ["Start", "Resize", ""])
def test_another_last_operation_does_not_say_when_it_was_stopped(operation):
    assert read(instance("Stopped", 24 * 40, operation))["daysStopped"].startswith("(its last operation is not a stop")


def test_a_running_instance_was_not_stopped():
    assert read(instance())["daysStopped"] == "(it is not stopped: its state is Running)"


def owned(**settings: Any) -> Json:
    return instance(personalComputeInstanceSettings={"assignedUser": {"objectId": ANA, **settings}})


@pytest.mark.parametrize(("account", "exists"), [({"id": ANA}, True), (None, False)])
def test_an_owner_exists_when_the_directory_says_so(account: Mapping[str, Any] | None, exists: bool):
    assert read(owned(), users={ANA: account})["ownerExists"] is exists


def test_an_owner_whom_nobody_asked_for_is_unknown():
    refused = Gap(f"/users/{ANA}", queries.USERS, "403 Authorization_RequestDenied", 403)

    assert read(owned(), gaps=(refused,))["ownerExists"] == "(403 Authorization_RequestDenied)"


def test_an_owner_of_another_directory_is_unknown():
    said = read(owned(tenantId="elsewhere"), users={ANA: None})["ownerExists"]

    assert said == "(its owner belongs to another directory, which we cannot ask)"


def test_an_instance_without_an_assigned_user_belongs_to_who_made_it():
    by = instance(createdBy={"userId": "BOB", "userOrgId": "home"})

    assert read(by, users={"bob": {"id": "bob"}})["ownerExists"] is True


def idle_nodes(*values: float | None) -> Any:
    return line(WORKSPACE, "Idle Nodes", list(values), "minimum", '{"ClusterName": "GPU"}')


def test_nodes_that_idled_all_week_are_the_fewest_at_any_time():
    assert read(cluster(), metrics=idle_nodes(*[4.0] * 100, 2.0, *[3.0] * 67))["idleNodesLast7Days"] == 2


def test_nodes_are_unknown_where_monitor_tells_of_other_clusters_only():
    other = line(WORKSPACE, "Idle Nodes", [0.0] * 168, "minimum", '{"ClusterName": "cpu"}')

    assert read(cluster(), metrics=other)["idleNodesLast7Days"] == "(Monitor has no node counts of it)"


def test_a_cluster_younger_than_the_week_is_unknown():
    assert read(cluster(days_old=6), metrics=idle_nodes(*[1.0] * 168))["idleNodesLast7Days"].startswith(
        "(it is younger"
    )


def test_the_newest_job_on_a_cluster_counts():
    jobs = [job("a", 70, computeId=CLUSTER), job("b", 30, jobs={"step": {"computeId": CLUSTER.upper()}})]

    assert read(cluster(), *jobs)["daysSinceLastJob"] == 30


def test_a_pipeline_names_its_default_compute_in_snake_case():
    assert read(cluster(), job("a", 8, settings={"default_compute": CLUSTER}))["daysSinceLastJob"] == 8


@pytest.mark.parametrize("status", ["Running", "Queued", "", "Paused"])
def test_a_job_that_is_not_over_uses_the_cluster_today(status):
    assert read(cluster(), job("a", 15, status, computeId=CLUSTER))["daysSinceLastJob"] == 0


def test_a_step_that_holds_a_node_uses_the_cluster_today():
    facts = read(cluster(currentNodeCount=1), nodes={CLUSTER.lower(): [{"nodeState": "running", "runId": "step"}]})

    assert facts["daysSinceLastJob"] == 0


@pytest.mark.parametrize(("age", "days"), [(300, 90), (20, 20)])
def test_a_cluster_that_never_had_a_job_waits_since_it_was_made(age, days):
    assert read(cluster(age))["daysSinceLastJob"] == days


def test_jobs_that_were_not_read_back_far_enough_are_unknown():
    said = read(cluster(), jobs_since={WORKSPACE.lower(): NOW - timedelta(days=30)})["daysSinceLastJob"]

    assert said == "(the jobs of its workspace were read back to 2026-10-23, and none of them used it)"


def test_a_cluster_younger_than_the_jobs_that_were_read_needs_no_more():
    assert read(cluster(20), jobs_since={WORKSPACE.lower(): NOW - timedelta(days=30)})["daysSinceLastJob"] == 20


def test_an_environment_was_used_when_its_newest_job_was_sent():
    jobs = [job("a", 50, environmentId=VERSION), job("b", 44, environmentId=VERSION.upper()), job("c", 1)]

    assert read(made(VERSION), *jobs)["daysSinceUsed"] == 44


def test_an_environment_of_a_component_is_used_by_the_jobs_with_that_component():
    component = made(COMPONENT, componentSpec={"environment": f"azureml:{VERSION}"})
    pipeline = job("p", 9, jobs={"train": {"componentId": COMPONENT}})

    assert read(made(VERSION), component, pipeline)["daysSinceUsed"] == 9


def test_a_component_that_is_gone_may_have_used_any_environment():
    pipeline = job("p", 9, jobs={"train": {"componentId": COMPONENT}})

    said = read(made(VERSION), pipeline, absent=frozenset([COMPONENT.lower()]))["daysSinceUsed"]

    assert said == "(a component that its workspace's jobs name is gone, and with it what it ran in)"


@pytest.mark.parametrize("user", [BLUE, f"{BATCH}/deployments/a"])
def test_an_environment_of_a_deployment_is_in_use(user):
    assert read(made(VERSION), made(user, environmentId=VERSION))["daysSinceUsed"] == 0


def test_an_environment_of_a_schedule_is_in_use():
    schedule = made(SCHEDULE, action={"jobDefinition": {"environmentId": VERSION}})

    assert read(made(VERSION), schedule)["daysSinceUsed"] == 0


def test_an_environment_that_nothing_uses_waits_since_it_was_made():
    assert (read(made(VERSION))["daysSinceUsed"], read(made(VERSION, 12))["daysSinceUsed"]) == (90, 12)


@pytest.mark.parametrize("what", [queries.COMPONENTS, queries.SCHEDULES, queries.DEPLOYMENTS])
def test_an_environment_is_not_unused_while_a_list_of_its_users_is_missing(what):
    said = read(made(VERSION), listed=everything_listed(what), gaps=(Gap(WORKSPACE, what, "403 no", 403),))

    assert said["daysSinceUsed"] == "(403 no)"


def schedule(**definition: Any) -> Json:
    return made(SCHEDULE, isEnabled=True, action={"actionType": "CreateJob", "jobDefinition": definition})


def test_targets_that_are_gone_are_counted():
    body = schedule(computeId=CLUSTER, environmentId=VERSION)

    assert read(body)["targetsMissing"] == 2
    assert read(body, cluster())["targetsMissing"] == 1
    assert read(body, cluster(), made(VERSION))["targetsMissing"] == 0


def test_a_monitor_of_a_deployment_that_is_gone_feeds_nothing():
    body = made(SCHEDULE, action={"actionType": "CreateMonitor", "monitorDefinition": {"monitoringTarget": BLUE}})

    assert read(body)["targetsMissing"] == 1


def test_targets_of_a_list_that_is_missing_are_unknown():
    refused = Gap(WORKSPACE, queries.COMPUTES, "403 no", 403)

    said = read(schedule(computeId=CLUSTER), listed=everything_listed(queries.COMPUTES), gaps=(refused,))

    assert said["targetsMissing"] == "(403 no)"


def test_a_curated_environment_is_never_missing():
    curated = f"{WORKSPACE}/environments/AzureML-sklearn-1.0/versions/33"

    assert read(schedule(environmentId=curated))["targetsMissing"] == 0


def test_a_batch_call_without_an_id_is_unknown():
    body = made(SCHEDULE, action={"actionType": "InvokeBatchEndpoint", "endpointInvocationDefinition": {}})

    assert read(body)["targetsMissing"] == "(it does not name by its id what it calls)"


def test_dependents_say_what_refers_to_it_and_where():
    using = [
        schedule(computeId=CLUSTER),
        made(f"{BATCH}/deployments/a", compute=CLUSTER),
        job("now", 0, "Running", computeId=CLUSTER),
        job("then", 5, "Completed", computeId=CLUSTER),
    ]

    assert read(cluster(), *using)["dependents"] == [
        "batch deployment score/a (properties.compute)",
        "job now (properties.computeId)",
        "schedule nightly (properties.action.jobDefinition.computeId)",
    ]


def test_an_endpoint_is_depended_on_by_what_refers_to_its_deployments():
    monitor = made(SCHEDULE, action={"monitorDefinition": {"monitoringTarget": BLUE}})
    scaling = made(f"{SUB}/resourceGroups/ml/providers/microsoft.insights/autoscalesettings/s", targetResourceUri=BLUE)

    assert read(endpoint(), made(BLUE), monitor, scaling)["dependents"] == [
        "autoscale setting s (properties.targetResourceUri)",
        "schedule nightly (properties.action.monitorDefinition.monitoringTarget)",
    ]


def test_a_batch_endpoint_of_the_same_name_does_not_depend_on_an_online_one():
    # Azure writes this on every batch endpoint (recorded: azure-ai-ml, test_batch_endpoint_create).
    batch = made(f"{WORKSPACE}/batchEndpoints/churn", properties={"azureml.onlineendpointid": ENDPOINT.lower()})

    assert read(endpoint(), batch)["dependents"] == []


def test_traffic_makes_an_endpoint_depend_on_a_deployment():
    assert read(made(BLUE), endpoint(traffic={"blue": 40}))["dependents"] == [
        "online endpoint churn sends it 40 % of its requests (properties.traffic)"
    ]


def test_a_workspace_that_builds_images_on_a_compute_depends_on_it():
    workspace = {"id": WORKSPACE, "properties": {"imageBuildCompute": "GPU"}}

    assert read(cluster(), workspace)["dependents"] == [
        "workspace ws builds its images on it (properties.imageBuildCompute)"
    ]


def test_a_default_deployment_is_depended_on():
    batch = made(BATCH, defaults={"deploymentName": "a"})

    assert read(made(f"{BATCH}/deployments/a"), batch)["dependents"] == [
        "batch endpoint score uses it by default (properties.defaults.deploymentName)"
    ]


def test_dependents_are_unknown_while_a_list_is_missing():
    refused = Gap(WORKSPACE, queries.SCHEDULES, "403 no", 403)

    said = read(cluster(), listed=everything_listed(queries.SCHEDULES), gaps=(refused,))["dependents"]

    assert said == "(403 no)"


def rates(**amounts: str) -> Rates:
    items = [
        {
            "armSkuName": "Standard_NC6s_v3",
            "armRegionName": "westeurope",
            "serviceName": "Virtual Machines",
            "productName": "Virtual Machines NCSv3 Series",
            "skuName": f"NC6s v3{' Spot' if kind == 'spot' else ''}",
            "meterName": f"NC6s v3{' Spot' if kind == 'spot' else ''}",
            "meterId": kind,
            "type": "Consumption",
            "currencyCode": "USD",
            "retailPrice": amount,
            "unitOfMeasure": "1 Hour",
            "effectiveStartDate": "2024-01-01T00:00:00Z",
        }
        for kind, amount in amounts.items()
    ]
    return Rates(tuple(items), prices)


def priced(priority: str, *states: str) -> Any:
    body = cluster(vmSize="STANDARD_NC6S_V3", vmPriority=priority, currentNodeCount=len(states))
    nodes = {CLUSTER.lower(): [{"nodeState": state} for state in states]}
    return read(body, nodes=nodes, rates=rates(dedicated="3.06", spot="0.61"))["pricePerHour"]


def test_a_cluster_costs_an_hour_what_its_nodes_cost():
    assert priced("Dedicated", "idle", "running") == Decimal("6.12")


def test_spot_nodes_cost_the_spot_price():
    assert priced("LowPriority", "idle") == Decimal("0.61")


def test_nodes_that_leave_or_were_taken_are_not_paid_for():
    assert priced("Dedicated", "leaving", "preempted") == 0


def test_an_endpoint_costs_an_hour_what_its_deployments_cost():
    blue = made(BLUE, endpointComputeType="Managed", instanceType="Standard_NC6s_v3") | {"sku": {"capacity": 3}}

    assert read(endpoint(), blue, rates=rates(dedicated="3.06"))["pricePerHour"] == Decimal("9.18")


def test_without_a_price_it_is_unknown():
    body = instance(vmSize="Standard_X")

    assert read(body, rates=rates())["pricePerHour"] == "(no price is published for Standard_X in westeurope)"
    assert read(body)["pricePerHour"] == "(Retail Prices was not asked for)"


def test_a_stopped_instance_has_no_known_price():
    assert read(instance("Stopped"), rates=rates(dedicated="3"))["pricePerHour"].startswith("(it is stopped: what is")


def test_the_last_change_is_the_newest_that_anything_tells():
    body = endpoint()
    body["systemData"]["lastModifiedAt"] = "2026-11-02T06:00:00Z"
    event = {
        "resourceId": ENDPOINT,
        "operationName": {"value": "Microsoft.X/onlineEndpoints/write"},
        "eventTimestamp": "2026-11-12T06:00:00Z",
    }

    assert read(body)["lastChangedDays"] == 20
    assert read(body, activity={SUB[15:]: [event]})["lastChangedDays"] == 10


def test_we_know_a_resource_since_our_own_memory_first_saw_it():
    seen = {ENDPOINT.lower(): NOW - timedelta(days=8)}

    assert read(endpoint(), first_seen=seen)["knownDays"] == 8
    assert read(endpoint(), first_seen={})["knownDays"] == 0
    assert read(endpoint())["knownDays"] == "(our own memory was not asked)"
