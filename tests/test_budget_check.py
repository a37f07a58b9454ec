"""The check of budgets: each threshold told once a period, to whom it concerns, whatever dies or comes late (I8)."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from budgeting import GPU, NOW, book, charge, days, mails, settings

from finops import mail
from finops.config.model import Settings
from finops.jobs import budgeting
from finops.jobs.budgeting import Checked
from finops.state import Busy, State

TWO = "{all: 1000, gpu: {scope: {workspace: ws}, amount: 100}}"
ESCALATING = "{all: {amount: 1000, thresholds: [80, 100], escalate: {after_days: 2, to: boss@x.example}}}"
EIGHTY = "{all: {amount: 1000, thresholds: [80]}}"


class Site:
    """One site: its folder, its settings, and the charges of the day."""

    def __init__(self, folder: Path, budgets: str) -> None:
        self.folder, self.now = folder, NOW
        self.settings = settings(folder, budgets)
        self.rows: list[dict[str, Any]] = days("2026-09-01", "2026-11-19", "0")

    def spend(self, cost: str, day: str = "2026-11-05", **more: Any) -> Site:
        self.rows = [*self.rows, charge(day, cost, **more)]
        return self

    def change(self, budgets: str) -> None:
        self.settings = settings(self.folder, budgets)

    def state(self) -> State:
        return State.open(self.folder / "state.db")

    def check(self, now: datetime | None = None) -> Checked:
        self.now = now or self.now
        with self.state() as state, book(self.folder, *self.rows, now=self.now) as costs:
            done = budgeting.check(costs, self.settings, state, self.now)
            budgeting.deliver(state, self.settings, self.now)
            return done

    def subjects(self) -> list[str]:
        return [str(one["Subject"]).strip() for one in self.mails()]

    def mails(self) -> list[EmailMessage]:
        return sorted(mails(self.folder / "outbox"), key=lambda one: str(one["Date"]))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, EIGHTY)


def test_below_the_threshold_nothing_is_told(site: Site):
    site.spend("799.99").check()

    assert site.subjects() == []


def test_a_crossed_threshold_is_told_once(site: Site):
    site.spend("850")

    for _ in range(3):
        site.check()

    assert len(site.subjects()) == 1


def test_charges_restated_below_and_above_again_are_not_told_again(site: Site):
    site.spend("850").check()
    site.spend("-200").check(NOW + timedelta(hours=1))
    site.spend("300").check(NOW + timedelta(hours=2))

    assert site.subjects() == [
        "$150 left (80% spent reached): everything, $1,000 for November 2026",
        "Corrected: $350 left (80% spent not reached): everything, $1,000 for November 2026",
    ]


def test_a_correction_is_told_once(site: Site):
    site.spend("850").check()
    site.spend("-200").check(NOW + timedelta(hours=1))
    site.check(NOW + timedelta(hours=2))

    assert len(site.subjects()) == 2


def test_a_correction_that_was_told_does_not_come_along_with_what_is_told_later(tmp_path: Path):
    site = Site(tmp_path, "{all: {amount: 1000, thresholds: [80]}, gpu: {scope: {workspace: ws}, amount: 700}}")
    site.spend("850").check()
    site.spend("-800").check(NOW + timedelta(hours=1))
    site.spend("700", ResourceId=GPU).check(NOW + timedelta(hours=2))

    assert site.subjects()[2:] == ["$0 left (100% spent reached): gpu, $700 for November 2026"]  # and not one more


def test_charges_that_are_missing_correct_nothing(site: Site):
    site.spend("850").check()
    site.rows = [*days("2026-11-01", "2026-11-09", "1"), *days("2026-11-13", "2026-11-19", "1")]
    site.check(NOW + timedelta(hours=1))

    assert len(site.subjects()) == 1


@pytest.mark.parametrize(
    "changed",
    [
        "{all: {amount: 900, every: quarter, thresholds: [80]}}",
        "{all: {amount: 900, basis: billed, thresholds: [80]}}",
        "{all: {amount: 900, scope: {group: ml-rg}, thresholds: [80]}}",
    ],
)
def test_what_was_told_of_another_amount_of_money_covers_nothing(tmp_path: Path, changed: str):
    site = Site(tmp_path, EIGHTY)
    site.rows = days("2026-10-01", "2026-10-30", "0")
    site.spend("850", "2026-10-05").check(datetime(2026, 10, 31, 12, tzinfo=UTC))

    site.change(changed)
    site.check()

    assert len(site.subjects()) == 2


def test_the_next_period_is_armed_anew(site: Site):
    site.spend("850").check()
    site.rows += days("2026-11-20", "2026-12-19", "45")
    site.check(datetime(2026, 12, 20, 12, tzinfo=UTC))

    assert [one.rpartition("for ")[2] for one in site.subjects() if "closed" not in one] == [
        "November 2026",
        "December 2026",
    ]


def test_every_threshold_is_told_when_it_is_reached(tmp_path: Path):
    site = Site(tmp_path, "{all: {amount: 1000, thresholds: [50, 80, 100]}}")

    told = [
        len(site.spend(cost).check(NOW + timedelta(hours=n)).alerts) for n, cost in enumerate(("600", "250", "200"))
    ]

    assert told == [1, 1, 1]


def test_two_mails_of_a_month_are_told_apart_by_the_threshold_in_their_subjects(tmp_path: Path):
    site = Site(tmp_path, "{all: {amount: 1000, thresholds: [80, {forecast: 100}]}}")
    site.rows = days("2026-08-01", "2026-11-12", "60")

    site.check(datetime(2026, 11, 13, 12, tzinfo=UTC))
    site.rows += days("2026-11-13", "2026-11-14", "60")
    site.check(datetime(2026, 11, 15, 12, tzinfo=UTC))

    assert site.subjects() == [
        "$800 over budget likely (100% forecast): everything, $1,000 for November 2026",
        "$800 over budget likely (80% spent): everything, $1,000 for November 2026",
    ]


def test_several_thresholds_crossed_at_once_are_one_mail(tmp_path: Path):
    site = Site(tmp_path, "{all: {amount: 1000, thresholds: [50, 80, 100]}}")

    done = site.spend("2000").check()

    assert (len(done.alerts), len(site.subjects())) == (3, 1)


def test_several_budgets_are_one_mail_a_person_the_worst_first(tmp_path: Path):
    site = Site(tmp_path, TWO)

    site.spend("900", ResourceId=GPU).check()

    assert site.subjects() == ["$800 over budget (100% spent): gpu, $900 of $100 for November 2026; and 1 more"]


def test_everybody_whom_a_budget_names_gets_a_mail_of_their_own(tmp_path: Path):
    site = Site(tmp_path, "{all: {amount: 1000, to: [a@x.example, b@x.example, A@x.example]}}")

    site.spend("1200").check()

    assert sorted(str(one["To"]) for one in site.mails()) == ["a@x.example", "b@x.example"]


def test_a_budget_that_cannot_be_told_does_not_hide_the_others(tmp_path: Path):
    site = Site(tmp_path, "{all: 1000, euros: {scope: all, amount: 5, currency: EUR}}")

    done = site.spend("1200").check()

    assert len(site.subjects()) == 1
    assert "euros" in done.looked.problems[0]


def test_a_scope_that_nothing_was_ever_charged_to_is_asked_about(tmp_path: Path):
    site = Site(tmp_path, "{typo: {scope: {tag: {CostCenter: CC-43OO}}, amount: 5}}")

    assert "Is it spelt like that?" in site.check().looked.problems[0]


def test_charges_of_an_ended_month_that_come_late_are_told(site: Site):
    site.change("{all: {amount: 1000, thresholds: [100]}}")
    site.spend("900").check()
    site.rows += [charge("2026-11-30", "150")]

    site.check(datetime(2026, 12, 2, 12, tzinfo=UTC))

    assert site.subjects() == ["$50 over budget (100% spent): everything, $1,050 of $1,000 for November 2026"]


def test_a_mark_short_of_the_budget_is_not_told_of_a_month_that_is_over(site: Site):
    site.rows += [charge("2026-11-30", "850")]

    site.check(datetime(2026, 12, 2, 12, tzinfo=UTC))

    assert site.subjects() == []


# -- a budget that is changed ------------------------------------------------------------------------------------


def test_a_raise_that_the_spending_has_outrun_already_repeats_nothing(site: Site):
    site.spend("900").check()
    site.change("{all: {amount: 1050, thresholds: [80]}}")

    site.check(NOW + timedelta(hours=1))

    assert len(site.subjects()) == 1


def test_a_raise_arms_the_threshold_at_its_new_amount(site: Site):
    site.spend("900").check()
    site.change("{all: {amount: 2000, thresholds: [80]}}")
    site.check(NOW + timedelta(hours=1))

    site.spend("800").check(NOW + timedelta(hours=2))

    assert site.subjects() == [
        "$100 left (80% spent reached): everything, $1,000 for November 2026",
        "$300 left (80% spent reached): everything, $2,000 for November 2026",
    ]


def test_lowering_a_budget_does_not_repeat_what_was_told(site: Site):
    site.spend("850").check()
    site.change("{all: {amount: 900, thresholds: [80]}}")

    site.check(NOW + timedelta(hours=1))

    assert len(site.subjects()) == 1


# -- people ------------------------------------------------------------------------------------------------------


def test_what_nobody_acknowledges_is_told_to_the_second_address(tmp_path: Path):
    site = Site(tmp_path, ESCALATING)
    site.spend("850").check()

    site.check(NOW + timedelta(days=2))
    site.check(NOW + timedelta(days=3))

    assert [(str(one["To"]), str(one["Subject"]).strip()[:17]) for one in site.mails()] == [
        ("finance@x.example", "$150 left (80% sp"),
        ("boss@x.example", "Not acknowledged:"),
    ]


def test_what_somebody_acknowledged_is_not_escalated(tmp_path: Path):
    site = Site(tmp_path, ESCALATING)
    site.spend("850").check()
    with site.state() as state:
        budgeting.acknowledge(state, "all", "2026-11-01", "ana", "training ends", NOW + timedelta(days=1))

    site.check(NOW + timedelta(days=3))

    assert len(site.subjects()) == 1


def test_a_higher_threshold_after_the_acknowledgement_is_told_and_escalated_by_itself(tmp_path: Path):
    site = Site(tmp_path, ESCALATING)
    site.spend("850").check()
    with site.state() as state:
        budgeting.acknowledge(state, "all", "2026-11-01", "ana", "training ends", NOW + timedelta(hours=1))
    site.spend("300").check(NOW + timedelta(days=1))

    site.check(NOW + timedelta(days=3))

    assert sorted(str(one["To"]) for one in site.mails()) == ["boss@x.example", *["finance@x.example"] * 2]


def test_a_muted_budget_tells_nothing_until_the_mute_ends(site: Site):
    with site.state() as state:
        budgeting.mute(state, "all", NOW + timedelta(days=2), "ana", "agreed", NOW)
    site.spend("850").check()
    during = site.subjects()

    site.check(NOW + timedelta(days=2))

    assert (during, len(site.subjects())) == ([], 1)


def test_mutes_and_acknowledgements_are_on_the_audit_trail(site: Site):
    site.spend("850").check()
    with site.state() as state:
        budgeting.mute(state, "all", NOW + timedelta(days=2), "ana", "agreed", NOW)
        budgeting.acknowledge(state, "all", "2026-11-01", "ben", "known", NOW)
        budgeting.unmute(state, "all", "ana", NOW)
        found = [(entry["who"], entry["what"], entry["why"]) for entry in state.audit_entries()]

    assert found == [
        ("ana", "muted", "agreed"),
        ("ben", "acknowledged the alerts of a budget", "known"),
        ("ana", "ended the mute", ""),
    ]


# -- the end of a period -----------------------------------------------------------------------------------------


def test_the_last_mail_of_a_thread_closes_it_once_the_charges_change_no_more(site: Site):
    site.spend("850").check()
    site.rows += days("2026-11-20", "2026-12-10", "1")

    for day in (3, 5, 6, 7, 8):
        site.check(datetime(2026, 12, day, 12, tzinfo=UTC))

    assert site.subjects()[1:] == ["$139 under budget: everything, November 2026 is closed"]


def test_a_month_of_which_nothing_was_told_is_not_closed_by_mail(site: Site):
    site.spend("10").check()
    site.rows += days("2026-11-20", "2026-12-10", "1")

    site.check(datetime(2026, 12, 8, 12, tzinfo=UTC))

    assert site.subjects() == []


def test_a_daemon_that_was_down_for_a_month_closes_what_it_finds_open(site: Site):
    site.spend("850").check()
    site.rows += days("2026-11-20", "2026-12-25", "1")

    site.check(datetime(2026, 12, 25, 12, tzinfo=UTC))

    assert "closed" in site.subjects()[-1]


def test_all_mails_of_a_period_are_one_thread_and_the_next_period_is_another(site: Site):
    site.change("{all: {amount: 1000, thresholds: [50, 80]}}")
    site.spend("600").check()
    site.spend("250").check(NOW + timedelta(hours=1))
    site.rows += days("2026-11-20", "2026-12-19", "45")
    site.check(datetime(2026, 12, 20, 12, tzinfo=UTC))

    threads = [str(one["References"]) for one in site.mails() if "closed" not in str(one["Subject"])]

    assert threads[0] == threads[1] != threads[2]


# -- what dies, and who else is at it ---------------------------------------------------------------------------


class Killed(BaseException):
    """kill -9, as far as a test can have it: nothing after it runs."""


class Mortal(State):
    """A state that dies at the n-th thing that it is asked to keep, or at the n-th mail."""

    left = 0

    def keep(self, key: str, value: Any, now: datetime) -> None:
        Mortal.left -= 1
        if Mortal.left < 0:
            raise Killed
        super().keep(key, value, now)

    def drop(self, key: str) -> None:
        Mortal.left -= 1
        if Mortal.left < 0:
            raise Killed
        super().drop(key)


@pytest.mark.parametrize("steps", range(9))
def test_a_daemon_killed_at_any_step_tells_once(tmp_path: Path, steps: int):
    site = Site(tmp_path, TWO).spend("1200", ResourceId=GPU)
    Mortal.left = steps
    with Mortal.open(tmp_path / "state.db") as state, book(tmp_path, *site.rows) as costs:
        with suppress(Killed):
            budgeting.check(costs, site.settings, state, NOW)
        Mortal.left = 1000

    site.check(NOW + timedelta(minutes=5))
    site.check(NOW + timedelta(minutes=10))

    assert len(site.subjects()) == 1


def test_a_plan_that_a_kill_left_is_carried_out_as_it_was_written(site: Site, tmp_path: Path):
    site.spend("850")
    Mortal.left = 2  # the standing and the plan are kept; then it dies
    with Mortal.open(tmp_path / "state.db") as state, book(tmp_path, *site.rows) as costs, pytest.raises(Killed):
        budgeting.check(costs, site.settings, state, NOW)

    site.spend("-500").check(NOW + timedelta(hours=1))

    assert site.subjects()[0] == "$150 left (80% spent reached): everything, $1,000 for November 2026"


def hold(path: str, ready: Any, done: Any) -> None:
    with State.open(path) as state, state.telling():
        ready.set()
        done.wait(120)


def test_while_another_process_looks_after_the_alerts_this_one_says_so(site: Site, tmp_path: Path):
    site.state().close()
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(tmp_path / "state.db"), ready, done))
    other.start()
    assert ready.wait(120)

    with pytest.raises(Busy, match="looking after the alerts"):
        site.spend("850").check()

    done.set()
    other.join(120)
    site.check()
    assert len(site.subjects()) == 1


def test_two_daemons_one_after_the_other_tell_once(site: Site, tmp_path: Path):
    site.spend("850")
    with (
        State.open(tmp_path / "state.db") as one,
        State.open(tmp_path / "state.db") as two,
        book(tmp_path, *site.rows) as costs,
    ):
        done = [budgeting.check(costs, site.settings, each, NOW) for each in (one, two)]

    assert [len(each.mails) for each in done] == [1, 0]


def test_a_clock_that_is_moved_back_repeats_nothing(site: Site):
    site.spend("850").check()

    site.check(NOW - timedelta(days=3))
    site.check(NOW)

    assert len(site.subjects()) == 1


# -- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["<b>bold</b>", "=HYPERLINK(1)", "R&D \u202egnp", "預算 🚀", "a/b/c", "%s {x}"])
def test_names_of_any_kind_are_told_as_they_are(tmp_path: Path, name: str):
    site = Site(tmp_path, "{all: 5}")
    site.settings = Settings.model_validate(
        {**site.settings.model_dump(exclude={"budgets"}), "budgets": {name: {"scope": "all", "amount": 5}}}
    )

    site.spend("7").check()
    site.check()

    html = site.mails()[0].get_body(("html",))
    assert len(site.mails()) == 1
    assert html is not None
    assert "<b>bold" not in html.get_content()


def test_a_budget_of_one_cent_is_told_to_the_cent(tmp_path: Path):
    site = Site(tmp_path, "{all: 0.01}").spend("0.02")

    site.check()

    assert site.subjects() == ["$0.01 over budget (100% spent): everything, $0.02 of $0.01 for November 2026"]


def test_without_anybody_to_tell_it_is_said_and_told_once_somebody_is_named(site: Site):
    site.settings = site.settings.model_copy(update={"mail": site.settings.mail.model_copy(update={"finance": []})})
    problem = site.spend("850").check().looked.problems
    site.change(EIGHTY)

    site.check()

    assert ("set mail.finance" in problem[0], len(site.subjects())) == (True, 1)


def test_thirty_budgets_at_once_stay_below_what_gmail_shows(tmp_path: Path):
    text = ", ".join(f"b{n}: {{scope: all, amount: {10 + n}}}" for n in range(30))
    site = Site(tmp_path, f"{{{text}}}").spend("900")

    site.check()

    html = site.mails()[0].get_body(("html",))
    assert html is not None
    assert len(html.get_content().encode()) < 90_000


def test_what_was_told_is_kept_with_how_high_it_stood(site: Site):
    site.spend("850").check()

    with site.state() as state:
        told = budgeting.remembered(state).told

    assert [(one.threshold, one.reached) for one in told] == [("actual 80%", Decimal("850.00"))]


def test_mails_go_through_the_outbox_of_the_database(site: Site, tmp_path: Path):
    site.spend("850")
    with site.state() as state, book(tmp_path, *site.rows) as costs:
        budgeting.check(costs, site.settings, state, NOW)
        before = mails(tmp_path / "outbox")
        mail.Post(state, site.settings.mail).deliver(NOW)

    assert (before, len(mails(tmp_path / "outbox"))) == ([], 1)
