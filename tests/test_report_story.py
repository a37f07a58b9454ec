"""The report from end to end over HTTP: budgets, anomalies, decisions; weeks later the charges show what they saved."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from same_figures import differences, printed, said_in

from finops.cli import demo_charges, demo_waste, demo_weeks
from finops.cli.demo import demo_settings
from finops.cloud import connect
from finops.jobs import Weekly, message, weekly_report
from finops.simulator import Served, serving
from finops.state import State


class Story:
    """One estate for three weeks, as the demo has them: looked at, decided, acted on, and reported each week."""

    def __init__(self, folder: Path, simulator: Served) -> None:
        self.folder = folder
        self.simulator = simulator
        given = demo_settings(folder, simulator.url)
        demo_waste.forget(given)
        with connect(given.azure) as azure:
            self.settings = demo_charges.export(azure, given, folder / "estate", simulator.world.clock.now(), quiet)
            demo_waste.twice(azure, self.settings, simulator, quiet)
            self.seen = [demo_weeks.watched(azure, self.settings, simulator, quiet)]
            self.again = demo_weeks.watched(azure, self.settings, simulator, quiet)
            self.first = weekly_report(azure, self.settings, simulator.world.clock.now())
            self.approved = demo_weeks.approve(self.settings, simulator, quiet)
            self.scaled = demo_weeks.scale(azure, self.settings, simulator, self.first, quiet)
            self.weeks: list[dict[str, Any]] = []
            self.reports: list[Weekly] = []
            for _ in range(2):
                told, weekly = demo_weeks.pass_weeks(azure, self.settings, simulator, 1, quiet)
                assert weekly
                self.weeks += told
                self.reports.append(weekly)

    def mails(self, start: str) -> list[EmailMessage]:
        files = sorted((self.folder / "outbox").glob(f"{start}*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[misc]


def quiet(doing: str) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def story(small_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("weeks")
    shutil.copytree(small_estate, folder / "estate")
    with serving(folder / "estate") as simulator:
        yield Story(folder, simulator)


def test_the_first_report_knows_plan_forecast_anomalies_and_what_to_decide(story: Story) -> None:
    figures = story.first.made.figures

    assert [one.name for one in figures.budgets] == ["all"]
    assert figures.outlook
    assert figures.outlook.range
    assert figures.anomalies
    assert figures.anomalies.rows
    assert 1 <= len(figures.decisions) <= 3
    assert figures.savings
    assert figures.savings.realised.count == 0


def test_what_the_guard_and_the_janitor_found_stands_apart_and_adds_up(story: Story) -> None:
    for weekly in (story.first, *story.reports):
        saved = weekly.made.figures.savings
        assert saved
        assert {one.name for one in saved.sources} == {"Janitor", "Spot guard"}
        for kind in ("realised", "approved", "identified"):
            parts = [getattr(one, kind).amount.amount for one in saved.sources]
            assert sum(parts, Decimal(0)) == getattr(saved, kind).amount.amount
        assert sum((one.shown_realised.amount for one in saved.sources), Decimal(0)) == saved.shown.amount


def test_decisions_pay_off_from_week_to_week(story: Story) -> None:
    realised = [one["realised"] for one in story.weeks]

    assert story.approved
    assert 0 < realised[0] < realised[1]
    assert all(one["acts"] for one in story.weeks)


def test_every_week_is_reported(story: Story) -> None:
    periods = [weekly.made.figures.period for weekly in (story.first, *story.reports)]

    assert [after.start for after in periods[1:]] == [before.end for before in periods[:-1]]


def test_the_dearest_saving_that_is_asked_for_is_done_and_shows_on_the_bill(story: Story) -> None:
    asked = next(one for one in story.first.made.figures.decisions if one.kind in ("scale", "budget") and one.refs)
    before, after = story.first.made.figures.savings, story.reports[-1].made.figures.savings
    assert before
    assert after

    ids = {one.resource_id for one in before.all if one.ref in asked.refs}
    done = {one.resource_id: one.realised for one in after.all if one.resource_id in ids and one.kind == "realised"}
    assert story.scaled == len(ids) == len(done)
    assert sum(one.amount for one in done.values() if one) * 2 > after.realised.amount.amount
    assert not [one for one in story.reports[-1].made.figures.decisions if one.kind in ("scale", "budget") and one.refs]


def test_nobody_is_told_of_a_day_on_which_nothing_happens(story: Story) -> None:
    assert not story.mails("owner-notice")
    assert story.mails("owner-changed")


def test_approvals_are_used_before_they_run_out(story: Story) -> None:
    with State.open(story.settings.state.url) as state:
        used, _, _ = state.findings.all(status=("confirmed", "quiet"), limit=None)
        unused, _, _ = state.findings.all(status=("approved", "scheduled", "expired"), limit=None)

    assert used
    assert not unused


def test_what_was_realised_is_near_to_what_was_expected(story: Story) -> None:
    saved = story.reports[-1].made.figures.savings
    assert saved
    assert saved.came

    assert saved.came.compared == saved.realised.count - saved.realised.unknown
    assert saved.came.error_percent is not None
    assert abs(saved.came.error_percent) < 50


def test_a_threshold_and_an_anomaly_are_told_once(story: Story) -> None:
    about = [str(mail["Subject"]) for mail in story.mails("budget-alert")]

    assert story.seen[0]["alerts"] > 0
    assert (story.again["alerts"], story.again["anomalies"], story.again["mails"]) == (0, 0, 0)
    assert len({mail["Message-ID"] for mail in story.mails("")}) == len(story.mails(""))
    assert about


def test_later_reports_say_what_became_of_published_weeks(story: Story) -> None:
    assert story.reports[-1].made.figures.restatements is not None


def test_every_week_says_the_same_in_every_form(story: Story) -> None:
    for weekly in (story.first, *story.reports):
        mail = message(weekly.made, story.settings)

        assert differences(weekly.made.figures, weekly.made.forms, mail) == []
        assert printed(weekly.made.figures) <= said_in(weekly.made.forms.text)


def test_the_clock_that_newcomers_are_told_of_moves_by_a_week(story: Story) -> None:
    before = story.simulator.world.clock.now()
    asked = urllib.request.Request(
        f"{story.simulator.url}/simulator/clock", json.dumps({"advanceHours": 168}).encode(), method="POST"
    )
    urllib.request.urlopen(asked).close()  # http, loopback

    assert (story.simulator.world.clock.now() - before).days == 7


def test_the_charges_say_what_a_unit_costs_and_what_is_price_and_what_is_use(story: Story) -> None:
    figures = story.first.made.figures

    assert figures.units
    assert figures.movers
    assert len(figures.units.gpu_hours) >= 3
    assert all(one.value and one.quantity for one in figures.units.gpu_hours)
    assert figures.units.spot.percent
    kinds = {part.kind for driver in figures.movers.drivers if driver.effects for part in driver.effects.parts}
    assert "quantity" in kinds
    assert "not split" not in kinds


def test_exports_go_on_by_themselves_as_weeks_pass(story: Story) -> None:
    ends = [one.made.figures.completeness.until for one in (story.first, *story.reports)]

    assert ends[0]
    assert [end - ends[0] for end in ends if end] == [timedelta(0), timedelta(days=7), timedelta(days=14)]
