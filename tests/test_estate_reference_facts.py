"""What refers to what, what it costs and when it changed: known, or unknown with the reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from evidence_made import (
    BATCH,
    BLUE,
    CLUSTER,
    COMPONENT,
    ENDPOINT,
    NOW,
    SCHEDULE,
    SUB,
    VERSION,
    WORKSPACE,
    Json,
    cluster,
    endpoint,
    everything_listed,
    instance,
    job,
    made,
    read,
)

from finops import prices
from finops.estate import Gap, queries
from finops.estate.pricing import Rates


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


@pytest.mark.parametrize("name", ["azureml.onlineendpointid", "AzureML.OnlineEndpointId", "AzureAsyncOperationUri"])
def test_a_batch_endpoint_of_the_same_name_does_not_depend_on_an_online_one(name: str):
    # Azure writes this on every batch endpoint (recorded: azure-ai-ml, test_batch_endpoint_create).
    batch = made(f"{WORKSPACE}/batchEndpoints/churn", properties={name: ENDPOINT.lower()})

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
