"""An open anomaly that goes on: what it adds to a month-end is beside the forecast, the same in both mails."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from budgeting import GPU, NOW, book, days, mails, settings

from finops.anomalies import Anomaly, Reach, Scope
from finops.anomalies.cases import Case, kept_as
from finops.jobs import budgeting
from finops.jobs.knowing import known_by_charges
from finops.report import build, render
from finops.report.explain import explain
from finops.report.figures import figures
from finops.state import State

# The charges are complete to 18 November: 4,000 a day, and 3,000 more of a cluster on the last three days.
BASE = days("2026-08-01", "2026-11-20", "4000", Tags='{"CostCenter": "CC-1"}')
STEP = days("2026-11-16", "2026-11-20", "3000", Tags='{"CostCenter": "CC-1"}', ResourceId=GPU, ResourceName="gpu")
LEFT = 12  # days from the 19th to the 30th


def case(**given: Any) -> Case:
    found = Anomaly(**{
        "id": "A1", "scope": Scope("cost centre", "CC-1"), "kind": "step", "first": date(2026, 11, 16),
        "last": date(2026, 11, 18), "actual": Decimal(21000),
        "expected": Reach(Decimal(11500), Decimal(12000), Decimal(12500)),
        "impact": Decimal(9000), "percent": Decimal(75), "going_on": True, **given,
    })  # fmt: skip
    return Case(found, "USD", "effective", ids=(GPU,))


class Both:
    """The weekly report and the budget mail of one moment, with one case kept."""

    def __init__(self, folder: Path, kept: Case) -> None:
        given = settings(folder, "{all: {amount: 120000, thresholds: [50, {forecast: 100}]}}")
        with book(folder, *BASE, *STEP) as costs, State.open(folder / "state.db") as state:
            state.keep(*kept_as(kept), NOW)
            known = known_by_charges(costs, given, NOW, state=state)
            self.report = build(costs, NOW, given.report, known=known)
            self.weekly = " ".join(render(self.report, given).text.split())
            self.explained = (
                explain(self.report, costs, "month/goes-on/A1", known) if self.report.outlook.goes_on else None
            )
            (self.standing,) = budgeting.check(costs, given, state, NOW).looked.current()
            budgeting.deliver(state, given, NOW)
        (mail,) = mails(folder / "outbox")
        body = mail.get_body(("plain",))
        assert body is not None
        self.mail = " ".join(str(body.get_content()).split())


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(tmp_path_factory.mktemp("both"), case())


def test_what_a_step_adds_if_it_goes_on_is_one_figure_in_both_mails(both: Both):
    mean = both.report.outlook.middle.amount
    charged = 18 * 4000 + 3 * 3000
    in_mean = (mean - charged) - LEFT * 4000  # what the forecast makes of the days to come, above the level before
    more = 3000 * LEFT - in_mean

    (told,) = both.report.outlook.goes_on
    assert told.more.amount == pytest.approx(more, abs=Decimal("0.01"))
    said = (
        f"+${round(more):,} beyond the forecast by 30 Nov if gpu goes on as since 16 Nov "
        f"($3,000 a day above what was expected: ${3000 * LEFT:,} in all, "
        f"of which the forecast has ${round(in_mean):,})."
    )
    assert said in both.mail
    assert both.weekly.count(said) == 1  # below the month's chart
    assert f"+${round(more):,} beyond the forecast if gpu goes on." in both.weekly  # in the verdict


def test_it_is_a_part_of_no_forecast(both: Both):
    assert both.report.outlook.middle.amount == both.standing.forecast.middle
    assert both.report.outlook.middle.amount + both.report.outlook.goes_on[0].more.amount == pytest.approx(
        18 * 4000 + 3 * 3000 + LEFT * 7000, abs=Decimal("0.01")
    )


def test_its_figure_is_explained_by_its_days_and_by_what_the_mean_has_of_it(both: Both):
    figure = {one.id: one for one in figures(both.report)}["month/goes-on/A1"]

    assert both.explained.adds_up
    assert both.explained.total == figure.value
    assert both.explained.rows[0].amount == 3000 * LEFT


@pytest.mark.parametrize(
    "given",
    [
        {"going_on": False, "last": date(2026, 11, 17)},  # a spike that is over
        {"first": date(2026, 11, 18)},  # one day so far
        {"state": "planned"},
        {"state": "resolved"},
        {"kind": "growth"},
        {"impact": Decimal(-9000), "actual": Decimal(3000)},
    ],
)
def test_what_does_not_go_on_adds_nothing(tmp_path: Path, given: dict[str, Any]):
    found = Both(tmp_path, case(**given))

    assert "goes on" not in found.mail + found.weekly


def test_what_another_budget_pays_for_adds_nothing_to_this_one(tmp_path: Path):
    both = [f"{key}: {{scope: {{tag: {{CostCenter: {key}}}}}, amount: 120000}}" for key in ("CC-1", "CC-2")]
    given = settings(tmp_path, f"{{{', '.join(both)}}}")
    rows = [*BASE, *STEP, *days("2026-08-01", "2026-11-20", "4000", Tags='{"CostCenter": "CC-2"}')]
    with book(tmp_path, *rows) as costs:
        found = budgeting.look(costs, given, datetime(2026, 11, 20, 12, tzinfo=UTC), found_strange=[case()]).current()

    assert {one.budget.name: len(one.goes_on) for one in found} == {"CC-1": 1, "CC-2": 0}


class Shares:
    """The reports of all and of each of two cost centres. remembered: whether there is a state with the case."""

    def __init__(self, folder: Path, *rows: dict[str, Any], remembered: bool = True) -> None:
        given = settings(folder, "{}")
        others = days("2026-08-01", "2026-11-20", "9000", Tags='{"CostCenter": "CC-2"}')
        with book(folder, *others, *rows) as costs, State.open(folder / "state.db") as state:
            state.keep(*kept_as(case()), NOW)
            known = known_by_charges(costs, given, NOW, state=state if remembered else None)
            self.whole, self.report, self.other = (
                build(costs, NOW, given.report, known=known, share=share) for share in (None, "CC-1", "CC-2")
            )
            (told,) = self.report.outlook.goes_on
            self.explained = explain(self.report, costs, told.figure, known)
        self.text = " ".join(render(self.report, given).text.split())


def test_a_share_says_what_goes_on_beyond_its_own_forecast(tmp_path: Path):
    share = Shares(tmp_path, *BASE, *STEP)

    (told,) = share.report.outlook.goes_on
    mean = share.report.outlook.middle.amount
    assert mean + told.more.amount == pytest.approx(18 * 4000 + 3 * 3000 + LEFT * 7000, abs=Decimal("0.01"))
    assert f"+${round(told.more.amount):,} beyond the forecast by 30 Nov if gpu goes on" in share.text
    assert share.explained.adds_up
    assert share.other.outlook.goes_on == ()


@pytest.mark.parametrize("since", ["2026-11-15", "2026-11-20"])
def test_what_we_stopped_since_it_began_does_not_go_on_though_no_charge_shows_it_yet(tmp_path: Path, since: str):
    given = settings(tmp_path, "{all: {amount: 120000, thresholds: [50]}}")
    with book(tmp_path, *BASE, *STEP) as costs, State.open(tmp_path / "state.db") as state:
        state.keep(*kept_as(case()), NOW)
        scaled(state, datetime.fromisoformat(f"{since}T10:00:00+00:00"))
        known = known_by_charges(costs, given, NOW, state=state)
        share, whole = (
            build(costs, NOW, given.report, known=known, share=share).outlook.goes_on for share in ("CC-1", None)
        )
        (standing,) = budgeting.check(costs, given, state, NOW).looked.current()

    is_stopped = since > "2026-11-16"  # what was done before it began did not end it
    assert [len(share), len(whole), len(standing.goes_on)] == [0 if is_stopped else 1] * 3


def scaled(state: State, at: datetime) -> None:
    """The guard's act on the cluster, as it is recorded."""
    with state.turn():
        number = state.open_intent(
            at, generation=None, evidence={"seen": {"minNodeCount": 4}, "wanted": {"minNodeCount": 0}},
            afterwards=None, run="r", resource_id=GPU, workspace="w", api_version="v", action="scale",
            rule="guard/scale", why="idle", who="finops", decision="enforce", saving="90",
        )  # fmt: skip
        state.close_intent(number, "done", "read back", at, "finops", {})


SMALL = days("2026-08-01", "2026-11-20", "400", Tags='{"CostCenter": "CC-1"}')


def test_a_range_that_what_goes_on_lies_above_is_not_printed(tmp_path: Path):
    share = Shares(tmp_path, *SMALL, *STEP)

    assert share.report.outlook.range is None
    assert "No range is given: if gpu goes on, the month ends above it." in share.text
    assert "8 in 10" not in share.text
    assert re.search(r"beyond the forecast of about \$[\d,]+ if gpu goes on\.", share.text)
    assert share.whole.outlook.range is not None


def test_without_a_memory_what_goes_on_is_seen_in_the_charges(tmp_path: Path):
    share = Shares(tmp_path, *SMALL, *STEP, remembered=False)

    (told,) = share.report.outlook.goes_on
    assert (told.name, told.until) == ("gpu", date(2026, 11, 30))
    assert share.report.outlook.range is None


def test_a_budget_mail_gives_no_range_that_what_goes_on_lies_above(tmp_path: Path):
    given = settings(
        tmp_path, "{small: {scope: {tag: {CostCenter: CC-1}}, amount: 45000, thresholds: [5, {forecast: 100}]}}"
    )
    with book(tmp_path, *SMALL, *STEP) as costs, State.open(tmp_path / "state.db") as state:
        state.keep(*kept_as(case()), NOW)
        [one] = budgeting.check(costs, given, state, NOW).looked.standings
        budgeting.deliver(state, given, NOW)
    [mailed] = mails(tmp_path / "outbox")
    body = mailed.get_body(("plain",))
    assert body is not None
    text = " ".join(str(body.get_content()).split())

    assert one.forecast is not None
    assert (one.forecast.low, one.forecast.high) == (None, None)
    assert one.forecast.middle == pytest.approx(18 * 400 + 3 * 3000 + LEFT * 3400, abs=Decimal("0.01"))
    assert "8 in 10" not in text
    assert "It is counted in the end that is given here." in text
