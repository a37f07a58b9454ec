"""AML unit costs: each is cost divided by quantity, or not known with the reason."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from report_data import charge, daily, hours, report_of

from finops.report.gpus import gpus, has_gpus, is_spot, size_of
from finops.report.known import Known, NodeHours, Predictions, Work
from finops.report.model import Units

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/ws"
CLUSTER = f"{WORKSPACE}/computes/gpu"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/score"
WEEK = ("2026-11-15", "2026-11-21")
SINCE = daily("2026-11-08", "2026-11-14", "CC-1", "1", "vm")


def units(folder: Path, *rows: dict[str, str], work: Work | None = None, share: str | None = None) -> Units:
    after = charge("2026-11-22", "CC-1", "1")
    found = report_of(folder, *SINCE, *rows, after, known=Known(work=work), share=share).units
    assert found is not None
    return found


def on(resource_id: str, cost: str, quantity: str, meter: str = "NC12s v3", **other: str) -> list[dict[str, str]]:
    return daily(*WEEK, "CC-1", cost, "x", ResourceId=resource_id, **{**hours(quantity, meter), **other})


def test_a_gpu_hour_is_the_cost_of_all_hours_by_the_cards_in_them(tmp_path: Path) -> None:
    rows = [*on(CLUSTER, "61.20", "10"), *on(CLUSTER, "4.896", "4", "NC12s v3 Spot")]

    dedicated, spot = units(tmp_path, *rows).gpu_hours

    assert (dedicated.name, dedicated.quantity, dedicated.value) == ("NC12s v3, dedicated", 140, dedicated.value)
    assert dedicated.value is not None
    assert dedicated.value.amount == Decimal("3.06")
    assert spot.value is not None
    assert spot.value.amount == Decimal("0.612")


def test_what_was_reserved_and_not_used_is_no_hour(tmp_path: Path) -> None:
    rows = [*on(CLUSTER, "61.20", "10"), *on(CLUSTER, "30", "10", CommitmentDiscountStatus="Unused")]

    [unit] = units(tmp_path, *rows).gpu_hours

    assert unit.quantity == 140


def test_a_gpu_size_that_nobody_told_us_of_is_not_known(tmp_path: Path) -> None:
    [unit] = units(tmp_path, *on(CLUSTER, "61.20", "10", "NC999xs v9")).gpu_hours

    assert unit.value is None
    assert "how many GPUs" in unit.why


def test_charges_without_hours_say_that_there_are_none(tmp_path: Path) -> None:
    found = units(tmp_path, *daily(*WEEK, "CC-1", "9", "x", ResourceId=CLUSTER))

    assert found.gpu_hours == ()
    assert "state no hours" in found.no_gpu_hours
    assert (found.spot.percent, "state no hours" in found.spot.why) == (None, True)


def test_nothing_in_an_aml_workspace_has_no_unit_costs(tmp_path: Path) -> None:
    assert report_of(tmp_path, *daily("2026-11-08", "2026-11-22", "CC-1", "1")).units is None


def test_the_spot_share_is_of_node_hours_of_clusters(tmp_path: Path) -> None:
    instance = f"{WORKSPACE}/computes/desk"
    rows = [*on(CLUSTER, "10", "30"), *on(CLUSTER, "1", "10", "NC12s v3 Spot"), *on(instance, "5", "24")]

    found = units(tmp_path, *rows, work=Work(instances=frozenset([instance.lower()])))

    assert (found.spot.percent, found.spot.whole) == (25, 280)


def test_the_idle_share_is_idle_by_all_hours_and_says_what_it_lacks(tmp_path: Path) -> None:
    other = f"{WORKSPACE}/computes/cpu"
    nodes = (NodeHours(CLUSTER, Decimal(100), Decimal(30)), NodeHours(other, None, None, "Monitor has 3 of 168 hours"))

    found = units(tmp_path, *on(CLUSTER, "10", "14"), *on(other, "1", "1"), work=Work(nodes=nodes))

    assert found.idle.percent == 30
    assert found.idle.why == "without 1 of 2 clusters: Monitor has 3 of 168 hours"


def test_nothing_measured_is_no_idle_share_of_zero(tmp_path: Path) -> None:
    nodes = (NodeHours(CLUSTER, None, None, "Monitor was refused"),)

    found = units(tmp_path, *on(CLUSTER, "10", "14"), work=Work(nodes=nodes)).idle

    assert (found.percent, found.why) == (None, "Monitor was refused")


def test_a_completed_job_costs_what_clusters_cost_by_their_number(tmp_path: Path) -> None:
    found = units(tmp_path, *on(CLUSTER, "10", "14"), work=Work(jobs_completed=28)).per_job

    assert found.value is not None
    assert found.value.amount == Decimal("2.5")


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (None, "was not read"),
        (Work(jobs_completed=0), "no job"),
        (Work(why_no_jobs="the jobs of 1 of 2 workspaces could not be read"), "could not be read"),
    ],
)
def test_a_job_whose_number_is_not_known_has_no_cost(tmp_path: Path, work: Work | None, said: str) -> None:
    found = units(tmp_path, *on(CLUSTER, "10", "14"), work=work).per_job

    assert found.value is None
    assert said in found.why


def test_a_thousand_predictions_cost_what_the_endpoint_costs_by_its_requests(tmp_path: Path) -> None:
    work = Work(predictions=(Predictions(f"{ENDPOINT}/deployments/blue", "score/blue", Decimal(140_000)),))

    [found] = units(tmp_path, *on(ENDPOINT, "10", "24"), work=work).predictions

    assert found.value is not None
    assert found.value.amount == Decimal("0.5")


def test_deployments_that_azure_bills_as_one_endpoint_are_counted_together(tmp_path: Path) -> None:
    told = (Decimal(100_000), Decimal(40_000))
    work = Work(
        predictions=tuple(
            Predictions(f"{ENDPOINT}/deployments/{name}", f"score/{name}", count)
            for name, count in zip(("blue", "green"), told, strict=True)
        )
    )

    [found] = units(tmp_path, *on(ENDPOINT, "10", "24"), work=work).predictions

    assert found.name == "score, 2 deployments together"
    assert found.value is not None
    assert found.value.amount == Decimal("0.5")


def test_deployments_that_are_billed_apart_have_a_cost_each(tmp_path: Path) -> None:
    blue, green = (f"{ENDPOINT}/deployments/{name}" for name in ("blue", "green"))
    work = Work(predictions=(Predictions(blue, "blue", Decimal(7000)), Predictions(green, "green", Decimal(0))))

    found = units(tmp_path, *on(blue, "3", "24"), *on(green, "1", "24"), work=work).predictions

    assert [(unit.value.amount if unit.value else None, unit.why) for unit in found] == [
        (3, ""),
        (None, "nothing called it"),
    ]


def test_a_request_count_that_lacks_for_one_deployment_leaves_the_endpoint_unknown(tmp_path: Path) -> None:
    names = (Decimal(100_000), None)
    work = Work(
        predictions=tuple(
            Predictions(f"{ENDPOINT}/deployments/d{n}", f"d{n}", count, "" if count else "Monitor told nothing")
            for n, count in enumerate(names)
        )
    )

    [found] = units(tmp_path, *on(ENDPOINT, "10", "24"), work=work).predictions

    assert (found.value, found.why) == (None, "Monitor told nothing")


def test_unit_costs_of_a_share_are_of_its_charges_and_know_no_jobs(tmp_path: Path) -> None:
    rows = [*on(CLUSTER, "61.20", "10"), *on(f"{CLUSTER}-2", "30", "10", Tags='{"CostCenter": "CC-2"}')]

    found = units(tmp_path, *rows, work=Work(jobs_completed=3), share="CC-2")

    assert [unit.quantity for unit in found.gpu_hours] == [140]
    assert "jobs do not say whose" in found.per_job.why


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("NC24ads A100 v4", 1),
        ("Standard_NC24ads_A100_v4", 1),
        ("NC6s v3 Spot", 1),
        ("NC24rs v3 Low Priority", 4),
        ("ND96asr A100 v4", 8),
        ("D4s v3", None),
    ],
)
def test_gpus_are_known_by_the_name_of_a_meter(name: str, count: int | None) -> None:
    assert gpus(name) == count


def test_priority_is_read_from_the_meter_or_its_pricing() -> None:
    assert is_spot("NC6s v3 Spot")
    assert is_spot("NC6s v3 Low Priority")
    assert is_spot("NC6s v3", "Dynamic")
    assert not is_spot("NC6s v3", "Standard")
    assert size_of("NC6s v3 Low Priority") == "NC6s v3"
    assert has_gpus("NV36ads A10 v5")
    assert not has_gpus("D4s v3")
