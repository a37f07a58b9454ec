"""The watch: within one look of what runs too long, told once while it runs, and once more when it has ended."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from budgeting import SUB, WORKSPACE, book, charge, days, mails, settings
from test_budget_check import Killed, Mortal
from test_budget_rate import running

from finops.approvals import Workdays
from finops.budget.rate import Recorded
from finops.budget.reckoning import reckon
from finops.budget.running import Rates, Running
from finops.cloud import connect
from finops.config.model import AzureSettings, Settings
from finops.estate import Gap
from finops.estate.ids import key
from finops.estate.queries import COMPUTES
from finops.jobs import budgeting
from finops.jobs.budgeting import Watched
from finops.jobs.budgeting.recording import Records, noted
from finops.jobs.budgeting.watching import read_rates
from finops.simulator import serving
from finops.state import State

AT = datetime(2026, 12, 24, 17, tzinfo=UTC)
HOLIDAYS = {"janitor": {"holidays": ["2026-12-25", "2026-12-28"]}}
GPU = f"{WORKSPACE}/computes/gpu"


class Site:
    """One site: what runs is what a test says."""

    def __init__(self, folder: Path, budgets: str = "{}", **more: Any) -> None:
        self.folder = folder
        self.settings = settings(folder, budgets, **{**HOLIDAYS, **more})
        self.now = AT

    def look(self, *things: Running, minutes: int = 15, unread: tuple[str, ...] = ()) -> Watched:
        """unread: scopes whose computes could not be listed."""
        gaps = tuple(Gap(scope, COMPUTES, "403") for scope in unread)
        with State.open(self.folder / "state.db") as state:
            done = budgeting.watch(lambda: Rates(self.now, things, gaps), self.settings, state)
            budgeting.deliver(state, self.settings, self.now)
        self.now += timedelta(minutes=minutes)
        return done

    def subjects(self) -> list[str]:
        return [
            str(one["Subject"]).strip()
            for one in sorted(mails(self.folder / "outbox"), key=lambda one: one["Date"].datetime)
        ]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_cluster_left_on_over_the_holidays_is_told_at_the_first_look(site: Site):
    site.look(running(per_hour="14.69"))

    assert site.subjects() == ["$1,631 by Tue 29 Dec: gpu left on at $14.69 an hour"]


def test_it_is_told_once_however_often_one_looks(site: Site):
    for _ in range(5):
        site.look(running())

    assert len(site.subjects()) == 1


def test_when_it_has_stopped_a_last_mail_says_about_what_it_came_to(site: Site):
    site.look(running(), minutes=120)

    site.look()
    site.look()

    assert site.subjects()[1:] == ["Ended: gpu, about $20 since it was told"]


@pytest.mark.parametrize(
    ("minutes", "subject", "came"),
    [
        (0, "Ended: gpu, right after it was told", "nothing"),
        (1, "Ended: gpu, less than $1 since it was told", "less than $1"),
    ],
)
def test_what_came_to_next_to_nothing_is_not_called_about_0(site: Site, minutes: int, subject: str, came: str):
    site.look(running(), minutes=minutes)

    site.look()
    site.look()

    assert site.subjects()[1:] == [subject]
    [last] = [one for one in mails(site.folder / "outbox") if one["Subject"].startswith("Ended")]
    assert f" gpu {came} " in " ".join(last.get_body(("plain",)).get_content().split())


def test_when_it_is_left_on_again_it_is_told_again(site: Site):
    site.look(running())
    site.look()

    site.look(running())

    assert len(site.subjects()) == 3


def test_twice_as_much_of_it_is_told_again(site: Site):
    site.look(running(per_hour="10"))

    site.look(running(per_hour="40"))

    assert site.subjects()[1].endswith("gpu left on at $40.00 an hour")


def test_small_change_beside_what_was_told_is_no_second_mail(site: Site):
    site.look(running())

    site.look(running(), running("small", "1"))

    assert len(site.subjects()) == 1


def test_a_subscription_that_cannot_be_read_any_more_ends_nothing(site: Site):
    site.look(running())

    done = site.look(unread=(SUB,))

    assert (len(site.subjects()), done.incident is not None) == (1, True)


def test_while_it_is_muted_nothing_is_told_and_looks_are_remembered_all_the_same(site: Site, tmp_path: Path):
    with State.open(tmp_path / "state.db") as state:
        budgeting.mute(state, "watch", AT + timedelta(days=1), "ana", "planned", AT)

    for _ in range(5):
        site.look(running())

    with State.open(tmp_path / "state.db") as state:
        assert Records.of(state).days[AT.date()]["amounts"] == {key(GPU): "10.000000"}
    assert site.subjects() == []


def test_the_mail_says_how_to_stop_it_what_has_no_price_and_what_was_not_read(site: Site, tmp_path: Path):
    thing = running(command="az ml compute update -n gpu --min-instances 0")

    site.look(thing, running("dark", None), unread=(SUB,))

    text = mails(tmp_path / "outbox")[0].get_body(("plain",))
    assert text is not None
    for said in ("az ml compute update -n gpu", "No price is known for dark (no price)", "Not read: computes of"):
        assert said in " ".join(text.get_content().split())


def test_a_budget_whose_rest_is_used_up_before_people_are_back_is_told(tmp_path: Path):
    site = Site(tmp_path, "{all: 1000}", watch={"above_usual": 100_000})
    costs = days("2026-12-01", "2026-12-23", "40")
    with State.open(tmp_path / "state.db") as state, book(tmp_path, *costs, now=AT) as charged:
        budgeting.check(charged, site.settings, state, AT)

    done = site.look(running())

    assert [(one.budget, one.left) for one in done.projection.threats] == [("all", Decimal("80.00"))]
    assert len([one for one in site.subjects() if "gpu left on" in one]) == 1


# -- what is remembered --------------------------------------------------------------------------------------------


def test_what_ran_between_two_looks_is_money_of_its_days(site: Site, tmp_path: Path):
    site.now = datetime(2026, 12, 24, 23, 30, tzinfo=UTC)
    site.look(running(), minutes=60)
    site.look(running())

    with State.open(tmp_path / "state.db") as state:
        found = {day: one["amounts"][key(GPU)] for day, one in Records.of(state).days.items()}
    assert found == {date(2026, 12, 24): "5.000000", date(2026, 12, 25): "5.000000"}


def test_after_too_long_without_a_look_nobody_knows_what_ran(site: Site, tmp_path: Path):
    site.look(running(), minutes=121)
    site.look(running())

    with State.open(tmp_path / "state.db") as state:
        assert Records.of(state).days == {}


def test_time_in_which_not_everything_was_read_counts_as_not_looked_at(site: Site, tmp_path: Path):
    site.look(running(), unread=(SUB,))
    site.look(running())

    with State.open(tmp_path / "state.db") as state:
        assert Records.of(state).days == {}


def test_a_clock_that_is_moved_back_changes_no_record(site: Site, tmp_path: Path):
    site.look(running(), minutes=60)
    site.look(running())
    site.now = AT - timedelta(days=1)
    site.look(running())

    with State.open(tmp_path / "state.db") as state:
        records = Records.of(state)
    assert (records.last or {})["at"] == (AT + timedelta(hours=1)).isoformat()
    assert list(records.days) == [AT.date()]


def test_old_days_are_forgotten(tmp_path: Path):
    records = Records({date(2026, 9, 1): {"covered": 1.0, "free": False, "amounts": {}}})

    _, drops = noted(records, Rates(AT, (), ()), Workdays(Settings().janitor), Settings().watch)

    assert drops == ["watch/day/2026-09-01"]


def test_looks_three_hours_apart_are_enough_where_the_settings_say_so(tmp_path: Path):
    site = Site(tmp_path, watch={"minutes": 180})
    site.look(running(), minutes=180)
    site.look(running())

    with State.open(tmp_path / "state.db") as state:
        assert Records.of(state).days[AT.date()]["amounts"] == {key(GPU): "30.000000"}


@pytest.mark.parametrize("steps", range(7))
def test_a_watch_killed_at_any_step_tells_once(tmp_path: Path, steps: int):
    site = Site(tmp_path)
    Mortal.left = steps
    with Mortal.open(tmp_path / "state.db") as state, suppress(Killed):
        budgeting.watch(lambda: Rates(AT, (running(),), ()), site.settings, state)
    Mortal.left = 1000
    site.now = AT + timedelta(minutes=15)

    site.look(running())
    site.look(running())

    assert len(site.subjects()) == 1


# -- against the bill ----------------------------------------------------------------------------------------------


def record(day: str, amounts: dict[str, str], covered: str = "1") -> Recorded:
    return Recorded(date.fromisoformat(day), Decimal(covered), False, {key(k): Decimal(v) for k, v in amounts.items()})


def test_what_was_said_is_compared_with_what_was_charged_a_day_and_resource(tmp_path: Path):
    costs = book(tmp_path, *days("2026-11-10", "2026-11-19", "10", ResourceId=GPU))

    found = reckon([record("2026-11-12", {GPU: "11"}), record("2026-11-13", {GPU: "9.5"})], costs, AT)

    assert [(row.predicted, row.charged, row.error_percent) for row in found.rows] == [
        (Decimal(11), Decimal("10.00"), Decimal(10)),
        (Decimal("9.5"), Decimal("10.00"), Decimal(5)),
    ]
    assert found.median_error_percent == Decimal("7.5")


def test_what_was_charged_and_never_seen_is_an_error_of_a_hundred_percent(tmp_path: Path):
    costs = book(tmp_path, *days("2026-11-10", "2026-11-19", "10", ResourceId=GPU))

    found = reckon([record("2026-11-12", {})], costs, AT)

    assert found.median_error_percent == Decimal(100)


def test_charges_that_name_only_the_workspace_are_compared_with_its_computes_together(tmp_path: Path):
    costs = book(tmp_path, *days("2026-11-10", "2026-11-19", "10", ResourceId=WORKSPACE))

    found = reckon([record("2026-11-12", {GPU: "4", f"{WORKSPACE}/computes/cpu": "6"})], costs, AT)

    assert [(row.predicted, row.charged) for row in found.rows] == [(Decimal(10), Decimal("10.00"))]


def test_days_that_were_not_looked_at_throughout_are_left_out_and_said(tmp_path: Path):
    costs = book(tmp_path, *days("2026-11-10", "2026-11-19", "10", ResourceId=GPU))

    found = reckon([record("2026-11-12", {GPU: "1"}, "0.5")], costs, AT)

    assert (found.rows, found.left_out) == ((), ("12 Nov: 50% of the day was looked at",))


def test_disks_and_networks_beside_the_machines_are_no_error_of_the_watch(tmp_path: Path):
    rows = [
        *days("2026-11-10", "2026-11-19", "10", ResourceId=GPU),
        charge("2026-11-12", "3", ResourceId=GPU, ServiceName="Storage"),
    ]

    found = reckon([record("2026-11-12", {GPU: "10"})], book(tmp_path, *rows), AT)

    assert found.median_error_percent == Decimal("0.0")


def test_list_prices_are_not_compared_with_charges_in_another_currency(tmp_path: Path):
    costs = book(tmp_path, charge("2026-11-12", "10", BillingCurrency="EUR"))

    assert "in EUR" in reckon([record("2026-11-12", {GPU: "10"})], costs, AT).left_out[0]


# -- through Azure's own wire --------------------------------------------------------------------------------------


def test_from_the_wire_to_the_mail_in_one_look(tmp_path: Path, small_estate: Path):
    with serving(small_estate) as server:
        given = settings(tmp_path, "{}", azure={"endpoint": server.url})
        now = server.world.clock.now()
        with connect(given.azure) as azure, State.open(tmp_path / "state.db") as state:
            done = budgeting.watch(lambda: read_rates(azure, now), given, state)

    worst = done.projection.culprits[0].running
    assert (worst.name, worst.count, worst.per_hour) == ("gpu-a100-train", 4, Decimal("14.692"))
    assert len(done.mails) == 1


def refused(folder: Path, **rule: Any) -> Rates:
    with serving(folder) as server, connect(AzureSettings(endpoint=server.url)) as azure:
        server.faults.add(rule)
        return read_rates(azure, server.world.clock.now())


def test_a_workspace_that_refuses_is_said_and_not_taken_for_idle(small_estate: Path):
    found = refused(small_estate, fault="403", path="/mlw-vision-dev/computes")

    assert found.at_least
    assert any("mlw-vision-dev" in one for one in found.unread)


def test_a_workspace_that_refuses_hides_its_own_computes_and_no_others(small_estate: Path):
    found = refused(small_estate, fault="403", path="/mlw-vision-dev/computes")

    [dark] = {gap.scope for gap in found.gaps}
    other = next(one.id for one in found.running if one.kind == "compute cluster")
    assert (found.hides(f"{dark}/computes/x"), found.hides(other)) == (True, False)


def test_without_prices_nothing_is_priced_and_nothing_is_free(small_estate: Path):
    found = refused(small_estate, fault="403", path="/api/retail/prices")

    assert found.per_hour == 0
    assert len(found.unpriced) > 20
