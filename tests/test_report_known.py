"""What a report knows besides the charges, read from an estate over HTTP, against the simulator's own books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from finops import charges, estate, jobs
from finops.cloud import connect
from finops.config.model import AzureSettings, ChargesSettings, ReportSettings, Settings, StateSettings
from finops.estate.facts import needed
from finops.jobs.knowing import together, verdicts
from finops.jobs.workload import series_of, work_of
from finops.report import Report, build
from finops.report.known import Known, Work
from finops.simulator import Served, serving

Read = tuple[Report, Known, Served, Settings]


@pytest.fixture(scope="module")
def read(small_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    folder = tmp_path_factory.mktemp("known")
    with serving(small_estate) as server:
        settings = Settings(
            azure=AzureSettings(endpoint=server.url),
            charges=ChargesSettings(sources=[str(small_estate / "charges")]),
            budgets={"all": {"amount": 20000, "scope": "all"}},  # type: ignore[dict-item]
            report=ReportSettings(audiences={"vision": ["v@b.example"]}),
            state=StateSettings(url=str(folder / "state.db")),
        )
        now = server.world.clock.now()
        with charges.load([small_estate / "charges"], now=now) as book:
            known = jobs.known_of(book, settings, now, None, lambda: connect(settings.azure))
            yield build(book, now, settings.report, known=known), known, server, settings


def test_node_hours_of_monitor_are_those_that_were_billed(read: Read) -> None:
    report, known, server, _ = read
    rows = server.world.charges.used().select(["ChargePeriodStart", "ResourceId", "ConsumedQuantity", "ConsumedUnit"])
    billed: dict[str, Decimal] = {}
    for row in rows.to_pylist():
        if report.period.start <= row["ChargePeriodStart"] < report.period.end and row["ConsumedUnit"] == "Hours":
            name = row["ResourceId"].lower()
            billed[name] = billed.get(name, Decimal(0)) + row["ConsumedQuantity"]

    assert known.work is not None
    measured = [one for one in known.work.nodes if one.hours is not None and one.hours > 0]
    assert len(measured) > 5
    for one in measured:
        assert one.hours is not None
        assert one.idle is not None
        assert abs(one.hours - billed[one.resource_id.lower()]) < Decimal("0.5"), one.resource_id
        assert 0 <= one.idle <= one.hours


def test_unit_costs_are_those_of_the_price_list(read: Read) -> None:
    units = read[0].units

    assert units is not None
    spot = {unit.name: unit.value.amount for unit in units.gpu_hours if unit.value}
    assert spot["NC24ads A100 v4, dedicated"] == Decimal("3.673")
    assert units.idle.percent is not None
    assert 0 < units.idle.percent < 100
    assert units.per_job.value is not None
    assert units.per_job.quantity is not None
    assert any(unit.value for unit in units.predictions)


def test_what_is_known_adds_up_with_what_is_charged(read: Read) -> None:
    report, known, _, _ = read

    assert known.exemptions is not None
    assert known.verdicts is not None
    assert report.exemptions is not None
    assert report.compliance is not None
    assert len(report.exemptions.rows) == len(known.exemptions) > 0
    assert report.exemptions.cost.amount <= report.total.cost.amount
    assert report.compliance.non_compliant == len({one for ids in known.verdicts.broken.values() for one in ids})
    assert [budget.name for budget in report.budgets] == ["all"]
    assert report.outlook is not None
    assert report.outlook.middle.amount > report.outlook.so_far.amount
    assert {one.kind for one in report.decisions} & {"spot", "scale", "untagged", "budget"}


def test_a_report_of_long_ago_says_that_monitor_was_not_read_for_it(read: Read) -> None:
    _, _, server, settings = read
    now = server.world.clock.now()
    with connect(settings.azure) as azure:
        evidence = estate.gather(azure, now, series=[*needed(None)[1], *series_of(17)])

    found = work_of(evidence, estate.with_facts(evidence), charges.Period.month("2026-01"), 17)

    assert all(one.hours is None and "last 17 days only" in one.why for one in found.nodes)


def test_an_estate_that_cannot_be_read_leaves_a_report_that_says_so(read: Read, small_estate: Path) -> None:
    _, _, server, settings = read
    now: datetime = server.world.clock.now()
    gone = AzureSettings(endpoint="http://127.0.0.1:9", call_deadline_seconds=1)

    with charges.load([small_estate / "charges"], now=now) as book:
        known = jobs.known_of(book, settings, now, None, lambda: connect(gone))
        report = build(book, now, settings.report, known=known)

    assert known.work is None
    assert any("The estate could not be read" in remark for remark in report.remarks)


def test_a_subscription_whose_verdicts_are_refused_is_a_gap(small_estate: Path) -> None:
    with serving(small_estate) as whole:
        azure = AzureSettings(endpoint=whole.url, call_deadline_seconds=20)
        with connect(azure) as read:
            first = str(next(iter(read.subscriptions()))["subscriptionId"])
    refused = {"fault": "403", "path": f"/subscriptions/{first}/providers/Microsoft.PolicyInsights"}
    with serving(small_estate, faults=[refused]) as server, connect(AzureSettings(endpoint=server.url)) as read:
        found = verdicts(read, server.world.clock.now())

    assert found is not None
    assert [gap.partition(":")[0] for gap in found.gaps] == [f"/subscriptions/{first}"]


def test_what_is_known_from_several_places_is_put_together() -> None:
    one = Known(audit_head="4:ab", work=Work(jobs_completed=1))

    found = together(one, Known(no_outlook="because"), Known(remarks=("a",), anomalies=()))

    assert (found.audit_head, found.no_outlook, found.remarks, found.work) == ("4:ab", "because", ("a",), one.work)
    assert found.anomalies == ()  # somebody looked, and found none
