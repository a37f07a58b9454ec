"""An estate lives: what runs is billed, what is changed shows on the bill, and how the clock moved changes nothing."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from living import WORKSPACE, billed, cluster, day, deployment, endpoint, estate, instance, job, live, told

from finops.errors import DataError, UsageError
from finops.simulator import leave_as_it_is
from finops.simulator.simulation import remember, write
from finops.simulator.world import World

HOUR = Decimal("0.293")  # a Standard_DS3_v2 in eastus
SPOT = Decimal("0.0585")


def test_a_node_that_never_idles_down_is_billed_around_the_clock(tmp_path: Path):
    world = estate(tmp_path, cluster("held", least=2))

    live(world, days=3)

    assert billed(world, ResourceName="held") == 2 * 72 * HOUR


def test_a_spot_node_costs_the_spot_price(tmp_path: Path):
    world = estate(tmp_path, cluster("spot", least=1, priority="LowPriority"))

    live(world, hours=10)

    rows = world.charges.used().to_pylist()
    assert {row["x_SkuMeterName"] for row in rows} == {"DS3 v2 Spot"}
    assert {row["PricingCategory"] for row in rows} == {"Dynamic"}
    assert 9 * SPOT < billed(world) <= 10 * SPOT


def test_a_cluster_without_work_idles_down_to_nothing(tmp_path: Path):
    body = cluster("dev", idle="PT30M")
    world = estate(tmp_path, body)
    world.resources.put(job("short", on=body))

    live(world, minutes=9)
    during = [node["nodeState"] for node in world.nodes[body["id"].lower()]]
    live(world, hours=12)

    assert during == ["running"]
    assert world.nodes[body["id"].lower()] == []
    assert world.resources.get(body["id"])["properties"]["properties"]["currentNodeCount"] == 0


def test_a_job_queues_runs_and_completes(tmp_path: Path):
    body = cluster("dev", most=1)
    world = estate(tmp_path, body)
    for name in ("first", "second"):
        world.resources.put(job(name, on=body))
    first, second = (world.resources.get(f"{WORKSPACE}/jobs/{name}")["properties"] for name in ("first", "second"))

    live(world, minutes=9)
    then = (first["status"], second["status"], world.nodes[body["id"].lower()][0]["runId"])
    live(world, days=2)

    assert then == ("Running", "NotStarted", "first")
    assert (first["status"], second["status"]) == ("Completed", "Completed")


def test_a_cancelled_job_frees_its_node(tmp_path: Path):
    body = cluster("dev")
    world = estate(tmp_path, body)
    world.resources.put(job("long", on=body))
    live(world, minutes=9)

    found = world.resources.get(f"{WORKSPACE}/jobs/long")
    found["properties"]["status"] = "CancelRequested"
    world.resources.put(found)
    live(world, minutes=1)

    assert found["properties"]["status"] == "Canceled"
    assert [node["nodeState"] for node in world.nodes[body["id"].lower()]] == ["idle"]


def test_evicted_spot_nodes_put_their_job_back_into_the_queue(tmp_path: Path):
    body = cluster("spot", priority="LowPriority", most=3)
    world = estate(tmp_path, body, spot={"jobsPerDay": 30, "minutes": 120, "shape": "steady"})

    live(world, days=12)

    jobs = world.resources.of_type("Microsoft.MachineLearningServices/workspaces/jobs")
    points = world.metrics.points(WORKSPACE, "Preempted Nodes", day("2026-06-01"), day("2026-06-13"))
    assert sum(point["total"] for point in points) > 0
    evicted = [job for job in jobs if "_azureml.Preemptions" in job["properties"]["properties"]]
    assert "Completed" in {job["properties"]["status"] for job in evicted}


def test_the_jobs_of_some_days_are_the_same_a_week_later(tmp_path: Path):
    def completed() -> int:
        jobs = world.resources.of_type("Microsoft.MachineLearningServices/workspaces/jobs")
        asked = [job for job in jobs if job["properties"]["status"] == "Completed"]
        return sum(job["systemData"]["createdAt"] < "2026-06-05" for job in asked)

    world = estate(tmp_path, cluster("train", most=4), train={"jobsPerDay": 20, "minutes": 30, "shape": "steady"})
    live(world, days=5)
    told = completed()
    live(world, days=7)

    assert told > 40
    assert completed() == told


def test_a_deleted_cluster_costs_nothing_from_then_on(tmp_path: Path):
    body = cluster("held", least=1)
    world = estate(tmp_path, body)
    live(world, hours=30)

    world.resources.delete(body["id"])
    live(world, days=5)

    assert billed(world) == 30 * HOUR


def test_a_cluster_made_anew_as_spot_costs_less_and_keeps_its_work(tmp_path: Path):
    work = {"jobsPerDay": 40, "minutes": 60, "shape": "steady"}
    world = estate(tmp_path, cluster("train", most=4), train=work)
    live(world, days=6)
    dear = billed(world, ResourceName="train")

    world.resources.delete(f"{WORKSPACE}/computes/train")
    world.resources.put(cluster("train", most=4, priority="LowPriority"))
    live(world, days=6)

    assert dear * Decimal("0.1") < billed(world, ResourceName="train") - dear < dear * Decimal("0.35")


def test_a_maximum_of_zero_lets_running_jobs_end_and_then_costs_nothing(tmp_path: Path):
    body = cluster("held", least=2, most=4)
    world = estate(tmp_path, body)
    live(world, hours=24)

    changed = cluster("held", least=0, most=0)
    world.resources.put(changed)
    live(world, days=2)

    assert billed(world) == 48 * HOUR


def test_a_new_tag_shows_on_the_usage_after_it_and_not_before(tmp_path: Path):
    world = estate(tmp_path, cluster("held", least=1))
    live(world, hours=36)

    world.resources.put(cluster("held", least=1, tags={"CostCenter": "vision"}))
    live(world, hours=12)

    assert billed(world, Tags='{"CostCenter": "vision"}') == 12 * HOUR
    assert billed(world) == 48 * HOUR


def test_a_cluster_that_somebody_creates_lives_and_is_billed(tmp_path: Path):
    world = estate(tmp_path)
    live(world, hours=5)

    body = world.resources.put(cluster("new", least=1))
    live(world, hours=10)

    assert billed(world) == 10 * HOUR
    assert body["properties"]["properties"]["nodeStateCounts"]["idleNodeCount"] == 1
    assert len(world.nodes[body["id"].lower()]) == 1


def test_a_deployment_is_billed_to_its_endpoint_with_azures_own_tags(tmp_path: Path):
    world = estate(tmp_path, endpoint("score", tags={"CostCenter": "fraud"}), deployment("score", instances=3))

    live(world, hours=24)

    [row] = world.charges.used().to_pylist()
    assert row["BilledCost"] == 3 * 24 * HOUR
    assert row["ResourceName"] == "score"
    assert json.loads(row["Tags"]) == {"CostCenter": "fraud", "azuremlendpoint": "score", "azuremldeployment": "blue"}


def test_calls_come_by_day_and_stop_at_night(tmp_path: Path):
    busy = {"requestsPerMinute": 60, "shape": "office"}
    world = estate(tmp_path, endpoint("score"), deployment("score"), blue=busy)

    live(world, days=7)

    points = world.metrics.points(
        f"{WORKSPACE}/onlineEndpoints/score", "requestsperminute", day("2026-06-01"), day("2026-06-08")
    )
    monday, sunday = [[point["average"] for point in points if point["timeStamp"].day == number] for number in (1, 7)]
    assert len(points) == 7 * 24
    assert points[0]["dimensions"] == {"deployment": "blue"}
    assert max(monday) > 5 * min(monday)
    assert sum(monday) > 3 * sum(sunday)


def test_an_hour_that_is_not_over_has_no_point_yet(tmp_path: Path):
    world = estate(tmp_path, endpoint("score"), deployment("score"))

    live(world, minutes=150)

    points = world.metrics.points(
        f"{WORKSPACE}/onlineEndpoints/score", "RequestsPerMinute", day("2026-06-01"), day("2026-06-02")
    )
    assert [point["timeStamp"].hour for point in points] == [0, 1]


def test_a_stopped_instance_still_pays_for_its_disk(tmp_path: Path):
    world = estate(tmp_path, instance("ci-anna", state="Stopped"))

    live(world, hours=24)

    assert billed(world, ServiceName="Virtual Machines") == 0
    assert billed(world, ServiceName="Storage") > 0


def test_a_schedule_stops_an_instance(tmp_path: Path):
    stop = {"status": "Enabled", "action": "Stop", "triggerType": "Cron", "cron": {"expression": "30 19 * * 1-5"}}
    world = estate(tmp_path, instance("ci-anna", schedules={"computeStartStop": [stop]}))

    live(world, hours=24)

    assert billed(world, ServiceName="Virtual Machines") == Decimal("19.5") * HOUR
    assert world.resources.get(f"{WORKSPACE}/computes/ci-anna")["properties"]["properties"]["state"] == "Stopped"


def test_an_instance_is_started_in_the_morning_and_stops_when_idle(tmp_path: Path):
    habit = {"habit": {"days": [0, 1, 2, 3, 4], "from": 540, "to": 1020, "forgets": 1.0}}
    body = instance("ci-anna", state="Stopped", idleTimeBeforeShutdown="PT60M")
    world = estate(tmp_path, body, ci_anna=habit)

    live(world, days=7)

    hours = billed(world, ServiceName="Virtual Machines") / HOUR
    assert 5 * 8 < hours < 5 * 11


def test_how_the_clock_moved_changes_nothing(tmp_path: Path):
    def lived(folder: Path, steps: list[int]) -> list[dict[str, object]]:
        work = {"jobsPerDay": 20, "minutes": 50, "shape": "office"}
        body = cluster("spot", priority="LowPriority", most=3)
        world = estate(folder, body, instance("ci-a"), endpoint("e"), deployment("e"), spot=work,
                       ci_a={"habit": {"days": [0, 1, 2], "from": 500, "to": 900, "forgets": 0.5}})  # fmt: skip
        for minutes in steps:
            live(world, minutes=minutes)
        jobs = sorted(
            body["id"] + body["properties"]["status"] for body in world.resources.all() if "/jobs/" in body["id"]
        )
        points = world.metrics.points(WORKSPACE, "Active Nodes", day("2026-06-01"), day("2026-06-06"))
        return [*world.charges.used().to_pylist(), *jobs, world.nodes, world.resources.get(body["id"]), *points]

    at_once = lived(tmp_path / "a", [5 * 1440])
    piecemeal = lived(tmp_path / "b", [7] * 400 + [61] * 60 + [740])

    assert sum([7 * 400, 61 * 60, 740]) == 5 * 1440
    assert at_once == piecemeal


def test_what_is_written_down_goes_on_as_if_it_had_never_stopped(tmp_path: Path):
    bodies = [cluster("spot", priority="LowPriority", most=1), instance("ci-a"), endpoint("e"), deployment("e")]
    world = estate(tmp_path / "first", *bodies, spot={"jobsPerDay": 25, "minutes": 90, "shape": "steady"},
                   ci_a={"habit": {"days": [0, 1, 2], "from": 500, "to": 900, "forgets": 0.5}})  # fmt: skip
    live(world, days=4, hours=9)

    folder = tmp_path / "second"
    write(folder / "arm/all.jsonl", world.resources.all())
    remember(world, folder / "simulation", since=0)
    stamp = {"format": 1, "name": "test", "asOf": world.clock.now().isoformat()}
    (folder / "estate.json").write_text(json.dumps(stamp))
    again = World.load(folder)
    assert told(again) == told(world)
    for one in (world, again):
        live(one, days=5)

    assert billed(again) == billed(world)
    assert told(again) == told(world)
    assert again.nodes == world.nodes
    assert list(again.resources.all()) == list(world.resources.all())


def test_an_invented_world_that_is_left_in_its_folder_goes_on_from_there(small_estate: Path, tmp_path: Path):
    folder = shutil.copytree(small_estate, tmp_path / "estate")
    world = World.load(folder)
    gone = next(iter(world.resources.of_type("microsoft.machinelearningservices/workspaces/onlineendpoints")))["id"]
    world.resources.delete(gone)
    live(world, days=9, hours=7)

    leave_as_it_is(world)
    again = World.load(folder)
    for one in (world, again):
        live(one, days=2)

    spaces = [body["id"] for body in world.resources.of_type("microsoft.machinelearningservices/workspaces")]
    since, now = world.clock.now() - timedelta(days=20), world.clock.now()
    assert again.clock.now() == now
    assert again.resources.get(gone) is None
    assert billed(again) == billed(world)
    assert cost(again) == cost(world)
    assert again.nodes == world.nodes
    for space in spaces:
        assert nodes(again, space, since, now) == nodes(world, space, since, now)


def cost(world: World) -> dict[str, Decimal]:
    """What is published of each day by now."""
    found: dict[str, Decimal] = {}
    for row in world.charges.published(world.clock.now()).select(["ChargePeriodStart", "EffectiveCost"]).to_pylist():
        at = f"{row['ChargePeriodStart']:%Y-%m-%d}"
        found[at] = found.get(at, Decimal(0)) + row["EffectiveCost"]
    return found


def nodes(world: World, space: str, start: datetime, end: datetime) -> set[tuple[datetime, str, float]]:
    points = world.metrics.points(space, "Active Nodes", start, end)
    return {(one["timeStamp"], json.dumps(one["dimensions"]), round(one["average"], 6)) for one in points}


def test_cost_data_comes_eight_to_twenty_four_hours_late(tmp_path: Path):
    world = estate(tmp_path, cluster("held", least=1))

    live(world, hours=7)
    early = told(world)
    live(world, hours=29)

    assert early == 0
    assert 12 * HOUR * Decimal("0.85") <= told(world) <= 28 * HOUR * Decimal("1.07")


def test_a_day_that_is_just_over_is_not_told_whole(tmp_path: Path):
    world = estate(tmp_path, *(cluster(f"held-{number}", least=1) for number in range(20)))

    live(world, hours=25)

    assert 0 < told(world, ChargePeriodStart=day("2026-06-01")) <= 20 * 16 * HOUR * Decimal("1.06")


def test_cost_data_changes_only_every_four_hours(tmp_path: Path):
    world = estate(tmp_path, cluster("held", least=1))
    live(world, hours=40)

    before = told(world)
    live(world, hours=3, minutes=59)

    assert told(world) == before
    live(world, minutes=1)
    assert told(world) > before


def test_recent_days_are_restated_and_then_stand_still(tmp_path: Path):
    clusters = [cluster(f"held-{number}", least=1) for number in range(60)]
    world = estate(tmp_path, *clusters)
    live(world, hours=50)

    of_the_first_day = [told(live(world, hours=4), ChargePeriodStart=day("2026-06-01")) for _ in range(30)]

    assert len(set(of_the_first_day[:12])) >= 3
    assert len(set(of_the_first_day[12:])) == 1


def test_what_was_published_after_the_close_is_what_was_used(tmp_path: Path):
    clusters = [cluster(f"held-{number}", least=1, priority="LowPriority") for number in range(40)]
    world = estate(tmp_path, *clusters, endpoint("e"), deployment("e"), instance("ci-a"))
    live(world, days=12)
    used = billed(world)

    for body in clusters:
        world.resources.delete(body["id"])
    for path in ("onlineEndpoints/e/deployments/blue", "computes/ci-a"):
        world.resources.delete(f"{WORKSPACE}/{path}")
    live(world, days=26)

    assert told(world) == billed(world) == used


def test_a_recording_lives_by_its_bodies_alone(tmp_path: Path):
    folder = tmp_path / "recorded"
    (folder / "arm/microsoft.machinelearningservices/workspaces").mkdir(parents=True)
    (folder / "estate.json").write_text(json.dumps({"format": 1, "name": "r", "asOf": "2026-06-01T06:30:00Z"}))
    body = cluster("recorded", least=1)
    file = folder / "arm/microsoft.machinelearningservices/workspaces/computes.jsonl"
    file.write_text(json.dumps(body) + "\n" + json.dumps(instance("ci-a")) + "\n")
    nodes = [{"nodeId": f"n{number}", "nodeState": "idle", "runId": None} for number in range(2)]
    (folder / "nodes.jsonl").write_text(json.dumps({"computeId": body["id"], "nodes": nodes}) + "\n")

    world = World.load(folder)
    as_recorded = world.resources.get(body["id"])
    world.settle()

    assert as_recorded == body
    live(world, minutes=60)
    assert billed(world, ServiceName="Virtual Machines") == HOUR + HOUR + HOUR * Decimal("0.166667")


def test_an_unknown_size_is_billed_by_its_cores(tmp_path: Path):
    world = estate(tmp_path, cluster("odd", least=1, size="STANDARD_XZ10_V9"))

    live(world, hours=2)

    assert billed(world) == 2 * 10 * HOUR / 4


def test_a_folder_that_is_no_estate_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="is not an estate"):
        World.load(tmp_path)


def test_a_broken_line_is_named(tmp_path: Path):
    estate(tmp_path)
    (tmp_path / "activity-log.jsonl").write_text('{"a": 1}\n{"b": \n')

    with pytest.raises(DataError, match=r"activity-log.jsonl, line 2 is not JSON"):
        World.load(tmp_path)


def test_charges_that_are_none_are_refused_with_the_file(tmp_path: Path):
    world = estate(tmp_path)
    (tmp_path / "charges").mkdir()
    (tmp_path / "charges/broken.parquet").write_text("not parquet")

    with pytest.raises(DataError, match=r"broken\.parquet is not FOCUS charges"):
        world.charges.published(datetime(2026, 6, 1, tzinfo=UTC))


def test_the_clock_does_not_go_back(tmp_path: Path):
    world = estate(tmp_path)

    with pytest.raises(UsageError, match="cannot go back"):
        world.clock.move_to(day("2026-05-31"))
