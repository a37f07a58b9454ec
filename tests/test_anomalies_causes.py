"""What is said of a cause: of which scope each figure is, and where a cost went that seems to be gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from anomaly_desk import Desk, at, day, desk_in, write
from estates import write_estate
from report_data import NOW, book, charge, daily, hours

from finops import charges
from finops.anomalies import Anomaly, Reach, Scope
from finops.cloud import connect
from finops.config.model import AzureSettings, Settings
from finops.jobs import anomalies
from finops.jobs.anomalies.causes import Cause, cause_of
from finops.jobs.anomalies.reading import read
from finops.simulator import serving

LEFT_ON = {70: 150.0, 71: 400.0, 72: 400.0, 73: 400.0}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_in(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Cause:
    """Of a meter on which a cluster cost until it was moved to spot nodes."""
    source = write(tmp_path_factory.mktemp("moved") / "charges", 80, spot_from=70)
    lost, none = Decimal(-1210), Decimal(0)
    gone = Anomaly("A1", Scope("meter", "meter of NC12s v3"), "gone", day(70), day(80), none,
                   Reach(-lost, -lost, -lost), lost, Decimal(-100))  # fmt: skip
    with charges.load([source], late_hours=24, now=at(80)) as book:
        [seen] = read(book, Settings(), at(80))
        return cause_of(gone, book, seen, None, at(80))


def test_what_moved_to_spot_nodes_is_not_said_to_be_gone(moved: Cause):
    assert moved.said == "nightly: moved to spot (meter of NC12s v3 Spot): 220 USD there, -990 in all"


def test_the_figures_of_a_meter_are_said_to_be_of_it(moved: Cause):
    assert moved.evidence[0].startswith("nightly (compute in mlw-llm): 0.00 USD on this meter, -1,210.00 against")


def test_the_change_is_split_over_all_meters_where_it_moved(moved: Cause):
    assert any(line.startswith("Of the change in all, in USD: -") for line in moved.evidence)
    assert not any("what is gone" in line for line in moved.evidence)


def test_the_change_is_split_resource_by_resource_as_the_report_splits_it(tmp_path: Path):
    """More hours of a cheap cluster beside more of a dear one are no cheaper mix: both are used more."""
    rows = [
        *daily("2026-10-26", "2026-11-13", "CC-1", "10", "cheap", **hours("10", "NC6s v3")),
        *daily("2026-10-26", "2026-11-13", "CC-1", "100", "dear", **hours("10", "NC24s v3")),
        charge("2026-11-14", "CC-1", "60", "cheap", **hours("60", "NC6s v3")),
        charge("2026-11-14", "CC-1", "200", "dear", **hours("20", "NC24s v3")),
    ]
    off = Anomaly("A1", Scope("cost centre", "CC-1"), "spike", date(2026, 11, 14), date(2026, 11, 14), Decimal(260),
                  Reach(Decimal(110), Decimal(110), Decimal(110)), Decimal(150), Decimal(136))  # fmt: skip

    with book(tmp_path, *rows) as costs:
        [seen] = read(costs, Settings(), NOW)
        cause = cause_of(off, costs, seen, None, NOW)

    assert cause.evidence[-1] == "Of this change, in USD: +150 by the quantity used"


def test_what_began_before_it_was_off_and_what_it_cost_last_is_said(desk: Desk):
    desk.watch(73, dict.fromkeys(range(66), -5.0) | LEFT_ON)

    assert desk.case().anomaly.evidence[0].endswith("; charged since 8 Oct; 405.00 on 15 Oct")


def test_the_cause_of_what_lasts_is_of_the_same_days_as_its_impact(desk: Desk):
    for through in (72, 84, 100):
        desk.watch(through, dict.fromkeys(range(70, 120), 400.0))

    [one] = anomalies.open_cases(desk.state) or ()
    assert (one.first, one.last) == (day(70), day(100))
    assert f": {31 * 405:,.2f} USD, +{31 * 400:,.2f} against" in one.evidence[0]


def test_azure_is_asked_once_a_complete_day_about_what_lasts(desk: Desk, tmp_path: Path):
    more = dict.fromkeys(range(70, 120), 400.0)
    for through in (72, 84):
        desk.watch(through, more)
    with serving(write_estate(tmp_path / "estate")) as server:
        asked = []
        for through, hour in ((85, 0), (85, 1), (86, 0)):
            with connect(AzureSettings(endpoint=server.url)) as azure:
                desk.watch(through, more, at(through) + timedelta(hours=hour), azure)
                asked.append(sum(azure.calls.values()))

    assert [count > 0 for count in asked] == [True, False, True]


def test_a_cause_that_cannot_be_told_of_all_days_says_of_which_it_is(desk: Desk):
    for through in (42, 54, 70, 84):
        desk.watch(through, dict.fromkeys(range(40, 120), 400.0))

    [one] = [each for each in anomalies.open_cases(desk.state) or () if each.first == day(40)]
    assert one.last == day(84)
    assert one.cause == f"gpu: 81 times the hours at the same price; by its days to {day(70):%-d %b}"
