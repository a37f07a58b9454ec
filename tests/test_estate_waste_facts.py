"""The facts that tell waste from use: known, or unknown with the reason, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from evidence_made import (
    ANA,
    BATCH,
    BLUE,
    CLUSTER,
    ENDPOINT,
    INSTANCE,
    NOW,
    SUB,
    WORKSPACE,
    Json,
    cluster,
    endpoint,
    everything_listed,
    instance,
    job,
    line,
    load,
    made,
    read,
    requests,
)

from finops.estate import Gap, queries


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
