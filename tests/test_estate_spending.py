"""What a resource cost is found by its id, whatever service the charge names, and only where the charges can tell."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from finops.charges import load
from finops.estate.spending import Spending, spending

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/11111111-0000-0000-0000-000000000000"
WORKSPACE = f"{SUBSCRIPTION}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/ws"
HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,"
    "ResourceId,SubAccountId,BillingPeriodStart,BillingPeriodEnd,Tags"
)
DAYS = [date(2026, 10, 1) + timedelta(days=number) for number in range(52)]  # until 21 November

Charge = tuple[str, str, str, str]  # ResourceId, EffectiveCost, ServiceName, BillingCurrency


def spent(folder: Path, *charges: Charge, days: Iterable[date] = DAYS, now: datetime = NOW) -> Spending:
    """What `spending` makes of these charges, each made on every one of `days`."""
    lines = [HEADER]
    for day in days:
        for resource, cost, service, currency in charges:
            month = day.replace(day=1)
            after = (month + timedelta(days=31)).replace(day=1)
            period = f"{day}T00:00:00Z,{day + timedelta(days=1)}T00:00:00Z"
            months = f"{month}T00:00:00Z,{after}T00:00:00Z"
            lines.append(f"0,{cost},{currency},{period},Usage,{service},{resource},{SUBSCRIPTION},{months},{{}}")
    file = folder / "charges.csv"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    with load([file]) as book:
        return spending(book, now)


def test_a_cluster_billed_under_virtual_machines_is_found_by_its_id(tmp_path):
    found = spent(tmp_path, (f"{WORKSPACE}/computes/GPU", "1.1", "Virtual Machines", "USD"))

    assert found.costs[f"{WORKSPACE}/computes/gpu".lower()] == Decimal("33.0")


def test_a_scope_costs_what_all_below_it_costs(tmp_path):
    found = spent(
        tmp_path,
        (f"{WORKSPACE}/computes/gpu", "1", "Virtual Machines", "USD"),
        (WORKSPACE.upper(), "0.1", "Azure Machine Learning", "USD"),
        (f"{WORKSPACE}-2/computes/gpu", "5", "Virtual Machines", "USD"),
    )

    assert found.costs[WORKSPACE.lower()] == Decimal("33.0")
    assert found.costs[SUBSCRIPTION.lower()] == Decimal("183.0")


def test_only_whole_days_of_which_all_is_published_count(tmp_path):
    found = spent(tmp_path, (WORKSPACE, "1", "x", "USD"))

    assert found.until == datetime(2026, 11, 21, tzinfo=UTC)
    assert found.costs[WORKSPACE.lower()] == 30


def test_the_covered_subscriptions_are_known(tmp_path):
    assert spent(tmp_path, (WORKSPACE, "1", "x", "USD")).subscriptions == {SUBSCRIPTION[15:]}


def test_two_currencies_are_never_added(tmp_path):
    found = spent(tmp_path, (WORKSPACE, "1", "x", "USD"), (WORKSPACE, "1", "x", "EUR"))

    assert "cannot be added" in found.unusable
    assert found.costs == {}


def test_charges_that_do_not_reach_back_say_so(tmp_path):
    found = spent(tmp_path, (WORKSPACE, "1", "x", "USD"), days=DAYS[-20:])

    assert found.unusable == "charges begin on 2026-11-02, later than the 30 days asked for"


def test_old_charges_say_nothing_about_now(tmp_path):
    found = spent(tmp_path, (WORKSPACE, "1", "x", "USD"), now=NOW + timedelta(days=60))

    assert "more than 30 days ago" in found.unusable
