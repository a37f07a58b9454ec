"""Incidents of the watch: what goes off and on again, what nobody can see, who is named, and what is planned."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from budgeting import WORKSPACE, book, days, mails
from charges_files import charge
from test_budget_rate import running
from test_budget_watch import AT, GPU, Site

from finops.anomalies import Scope
from finops.budget.running import Running
from finops.estate.ids import key
from finops.jobs import anomalies, budgeting
from finops.jobs.budgeting.recording import Records
from finops.jobs.budgeting.watching import record
from finops.state import State

DARK = f"{WORKSPACE}-dark"  # a workspace that nobody may read


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def text_of(site: Site, start: str = "") -> str:
    """The newest mail whose subject starts so."""
    found = [one for one in mails(site.folder / "outbox") if str(one["Subject"]).strip().startswith(start)]
    body = max(found, key=lambda one: one["Date"].datetime).get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


# -- off and on again ----------------------------------------------------------------------------------------------


def test_what_is_left_on_again_is_told_again_while_another_thing_is_still_on(site: Site):
    a, b = running("a", "20"), running("b", "20")
    site.look(a, b, minutes=60)
    site.look(b, minutes=167 * 60)

    done = site.look(a, b)

    assert done.told == (key(a.id),)


def test_the_last_mail_adds_up_the_hours_in_which_each_thing_was_on(site: Site):
    a, b = running("a", "20"), running("b", "20")
    site.look(a, b, minutes=60)
    site.look(b, minutes=167 * 60)
    site.look(a, b, minutes=180)
    site.look()

    said = text_of(site, "Ended")

    assert "a about $80" in said  # one hour, and three a week later
    assert "b about $3,420" in said  # 171 hours


def test_what_came_to_less_since_it_was_told_is_counted_by_what_it_cost_at_each_look(site: Site):
    site.look(running(per_hour="100"), minutes=60)
    site.look(running(per_hour="60"), minutes=60)

    site.look()

    assert site.subjects()[-1] == "Ended: gpu, about $160 since it was told"


def test_a_price_that_is_not_known_for_once_ends_nothing_and_tells_nothing_anew(site: Site):
    site.look(running(per_hour="20"), minutes=60)
    site.look(running(per_hour=None), minutes=60)

    site.look(running(per_hour="20"))

    assert len(site.subjects()) == 1


def test_what_ended_during_a_mute_is_closed_when_the_mute_is_over_and_came_to_no_more(site: Site, tmp_path: Path):
    site.look(running(per_hour="100"), minutes=60)
    with State.open(tmp_path / "state.db") as state:
        budgeting.mute(state, "watch", AT + timedelta(hours=24), "ana", "planned", AT)
    site.look(minutes=30 * 60)

    site.look()

    assert site.subjects()[-1] == "Ended: gpu, about $100 since it was told"


# -- it ended while nobody looked ----------------------------------------------------------------------------------


def scaled(folder: Path, when: datetime) -> None:
    """Our own act: the guard lets the cluster go to zero."""
    with State.open(folder / "state.db") as state, state.turn():
        number = state.open_intent(
            when, generation=None, evidence={"seen": {"minNodeCount": 4}, "wanted": {"minNodeCount": 0}},
            afterwards=None, run="r", resource_id=GPU, workspace="w", api_version="v", action="scale",
            rule="guard/scale", why="idle", who="finops", decision="enforce", saving="90",
        )  # fmt: skip
        state.close_intent(number, "done", "read back", when, "finops", {})


def test_what_we_stopped_ourselves_came_to_what_it_cost_until_then(site: Site):
    site.look(running(per_hour="20"), minutes=7 * 24 * 60)
    scaled(site.folder, AT + timedelta(hours=2))

    site.look()

    assert site.subjects()[-1] == "Ended: gpu, about $40 since it was told"
    said = text_of(site, "Ended")
    assert "ended 24 Dec 2026 19:00 UTC: it was" in said
    assert "on 24 Dec by the spot guard" in said


def test_what_ended_at_a_time_that_nobody_knows_came_to_that_much_at_most(site: Site):
    site.look(running(per_hour="20"), minutes=7 * 24 * 60)

    site.look()

    assert site.subjects()[-1] == "Ended: gpu, at most $3,360 since it was told"
    assert "gpu at most $3,360" in text_of(site, "Ended")
    assert "ended at a time not known, by 31 Dec 2026 17:00 UTC" in text_of(site, "Ended")


def test_an_act_from_before_it_was_told_is_not_what_ended_it(site: Site):
    scaled(site.folder, AT - timedelta(days=2))
    site.look(running(per_hour="20"), minutes=60)

    site.look()

    assert site.subjects()[-1] == "Ended: gpu, about $20 since it was told"
    assert "spot guard" not in text_of(site, "Ended")


# -- nobody is named -----------------------------------------------------------------------------------------------


def nobody(tmp_path: Path) -> Site:
    return Site(tmp_path, mail={"outbox": tmp_path / "outbox", "finance": []})


def test_with_nobody_named_it_is_not_told_and_that_is_a_problem(tmp_path: Path):
    done = nobody(tmp_path).look(running())

    assert (done.told, done.incident) == ((), None)
    assert "set watch.to or mail.finance" in done.problems[0]


def test_once_somebody_is_named_it_is_told(tmp_path: Path):
    nobody(tmp_path).look(running())

    later = Site(tmp_path)
    later.now = AT + timedelta(hours=1)
    later.look(running())

    assert len(later.subjects()) == 1


# -- what cannot be read -------------------------------------------------------------------------------------------


def test_a_workspace_that_nobody_may_read_does_not_keep_an_incident_open_elsewhere(site: Site):
    site.look(running(), minutes=60, unread=(DARK,))

    site.look(unread=(DARK,))

    assert site.subjects()[-1].startswith("Ended: gpu")


def test_the_workspace_of_what_was_told_may_hide_that_it_is_on(site: Site):
    site.look(running(), minutes=60)

    done = site.look(unread=(WORKSPACE,))

    assert done.incident is not None


def watched_for_days(site: Site, count: int, *things: Running) -> None:
    site.now = AT.replace(hour=0)
    for _ in range(count * 24 + 1):
        site.look(*things, minutes=60, unread=(DARK,))


def test_with_a_workspace_that_nobody_may_read_the_others_are_on_record(site: Site, tmp_path: Path):
    watched_for_days(site, 1, running(has_work=True))

    with State.open(tmp_path / "state.db") as state:
        found = Records.of(state).history(date(2026, 12, 31))[0]
    assert found.amounts == {key(GPU): Decimal("230.000000")}  # but for the hour after the first look
    assert found.without == {key(DARK)}


def test_with_a_workspace_that_nobody_may_read_it_is_learned_what_is_usual(site: Site):
    watched_for_days(site, 4, running(has_work=True))

    done = site.look(running(has_work=True), unread=(DARK,))

    assert done.projection.usual_per_day == Decimal(240)


def test_a_look_at_which_another_workspace_goes_dark_is_not_counted(site: Site, tmp_path: Path):
    site.look(running(), minutes=60, unread=(DARK,))
    site.look(running(), minutes=60, unread=(DARK, WORKSPACE))
    site.look(running(), minutes=60)

    with State.open(tmp_path / "state.db") as state:
        assert Records.of(state).days == {}


def test_charges_of_a_workspace_that_nobody_may_read_are_no_error_of_the_watch(site: Site, tmp_path: Path):
    watched_for_days(site, 2, running(has_work=True))
    rows = [
        *days("2026-12-01", "2026-12-28", "240", ResourceId=GPU),
        *days("2026-12-01", "2026-12-28", "500", ResourceId=f"{DARK}/computes/x"),
    ]

    with State.open(tmp_path / "state.db") as state, book(tmp_path, *rows, now=site.now + timedelta(days=9)) as costs:
        found = record(state, costs, site.now + timedelta(days=9))

    assert {row.id for row in found.rows} == {key(GPU)}
    assert "ws-dark could not be read" in found.left_out[0]


# -- what is left of a budget --------------------------------------------------------------------------------------


def left_of(tmp_path: Path, now: Any, charged: list[dict[str, Any]], recorded: dict[str, str]) -> Decimal:
    """Of 5,000 a month, by a check at `now` and the watch's own records of USD by day."""
    site = Site(tmp_path, "{all: 5000}", watch={"above_usual": 100_000})
    site.now = now
    with State.open(tmp_path / "state.db") as state, book(tmp_path, *charged, now=now) as costs:
        budgeting.check(costs, site.settings, state, now)
        for day, amount in recorded.items():
            state.keep(f"watch/day/{day}", {"covered": 1.0, "free": False, "amounts": {key(GPU): amount}}, now)
    found = site.look(running(per_hour="1000")).projection.threats
    return found[0].left


def month_of(month: str, count: int) -> list[str]:
    return [f"{month}-{day:02d}" for day in range(1, count + 1)]


def test_days_whose_charges_and_records_both_are_known_are_taken_off_a_budget_once(tmp_path: Path):
    now = AT.replace(month=11, day=20, hour=20)
    charged = [charge(day, "240", ChargeCategory="Usage", ResourceId=GPU) for day in month_of("2026-11", 20)]

    found = left_of(tmp_path, now, charged, dict.fromkeys(month_of("2026-11", 20), "240"))

    assert found == Decimal(200)


def test_on_the_first_of_a_month_the_days_before_it_are_not_taken_off(tmp_path: Path):
    now = AT.replace(day=1, hour=6)
    charged = [charge(day, "240", ChargeCategory="Usage", ResourceId=GPU) for day in month_of("2026-11", 29)]

    found = left_of(tmp_path, now, charged, {**dict.fromkeys(month_of("2026-11", 30), "240"), "2026-12-01": "60"})

    assert found == Decimal(4940)


# -- what is planned -----------------------------------------------------------------------------------------------


def planned(site: Site, scope: Scope | None, first: date, last: date) -> None:
    with State.open(site.folder / "state.db") as state:
        anomalies.plan(state, scope, first, last, "the yearly retraining", "ana", AT)


@pytest.mark.parametrize(
    "scope", [None, Scope("workspace", "WS"), Scope("cost centre", "CC-1"), Scope("service", "Virtual Machines")]
)
def test_what_was_declared_beforehand_is_not_told(site: Site, scope: Scope | None):
    planned(site, scope, AT.date(), AT.date())

    done = site.look(running(workspace="ws", tags={"costcenter": "CC-1"}))

    assert (site.subjects(), done.projection.planned) == ([], {key(GPU)})


def test_it_is_told_on_the_day_after_the_plan_ends(site: Site):
    planned(site, Scope("workspace", "ws"), AT.date(), AT.date())
    site.look(running(), minutes=24 * 60)

    site.look(running())

    assert len(site.subjects()) == 1


@pytest.mark.parametrize("day", [AT.date() + timedelta(days=1), AT.date() - timedelta(days=1)])
def test_a_plan_for_another_day_silences_nothing(site: Site, day: date):
    planned(site, Scope("workspace", "ws"), day, day)

    site.look(running())

    assert len(site.subjects()) == 1


def test_what_is_not_planned_beside_it_is_told_by_its_own_money(site: Site):
    planned(site, Scope("workspace", "ws"), AT.date(), AT.date())

    site.look(running("a", "100"), running("b", "10", workspace="other"))

    assert site.subjects() == ["$1,110 by Tue 29 Dec: b left on at $10.00 an hour"]


def test_small_change_beside_a_plan_is_not_told_by_the_plan_s_money(site: Site):
    planned(site, Scope("workspace", "ws"), AT.date(), AT.date())

    site.look(running("a", "100"), running("b", "1", workspace="other"))

    assert site.subjects() == []


# -- what the mail says of the bill and of all that runs ------------------------------------------------------------


def look_with(site: Site, rows: list[dict[str, Any]], *things: Running) -> str:
    from finops.budget.running import Rates

    with State.open(site.folder / "state.db") as state, book(site.folder, *rows, now=site.now) as costs:
        budgeting.watch(lambda: Rates(site.now, things), site.settings, state, lambda: costs)
        budgeting.deliver(state, site.settings, site.now)
    return text_of(site)


def test_what_is_charged_already_is_said_with_its_amount_and_since_when(site: Site):
    rows = [*days("2026-12-01", "2026-12-23", "1"), *days("2026-12-18", "2026-12-22", "240", ResourceId=GPU)]

    assert "The charges to 22 Dec show $1,200 of it since 18 Dec." in look_with(site, rows, running())


def test_what_is_not_charged_yet_is_said_to_be_so_up_to_the_last_complete_day(site: Site):
    rows = [*days("2026-12-01", "2026-12-23", "1"), *days("2026-12-02", "2026-12-05", "240", ResourceId=GPU)]

    assert "No charge to 22 Dec shows it yet" in look_with(site, rows, running())


def test_what_has_been_charged_for_a_month_is_said_with_its_last_30_days(site: Site):
    rows = days("2026-10-01", "2026-12-23", "10", ResourceId=GPU)

    assert "The charges to 22 Dec show $300 of it in 30 days." in look_with(site, rows, running())


def test_charges_that_name_only_the_workspace_say_nothing_of_its_computes(site: Site):
    rows = days("2026-12-01", "2026-12-23", "10", ResourceId=WORKSPACE)

    said = look_with(site, rows, running())

    assert "Charges come 8 to 24 hours late." in said
    assert "No charge" not in said


def test_without_charges_at_hand_nothing_is_said_of_them(site: Site):
    site.look(running())

    assert "Charges come 8 to 24 hours late." in text_of(site)


def test_of_several_things_each_says_what_it_was_charged(site: Site):
    rows = [
        *days("2026-12-18", "2026-12-23", "240", ResourceId=GPU),
        *days("2026-12-01", "2026-12-23", "1", ResourceId=f"{WORKSPACE}/computes/x"),
    ]

    said = look_with(site, rows, running(), running("b"))

    assert "The charges to 22 Dec show $1,200 of them since 18 Dec." in said
    assert "No charge to 22 Dec shows it yet" in said


SERVING: dict[str, Any] = {"kind": "deployment", "has_work": True, "says": "serving"}


def test_what_all_of_it_costs_by_the_end_of_the_month_is_named_in_parts_that_add_up(site: Site):
    site.look(
        running(per_hour="10"),
        *(running(f"d{n}", "2.003", **SERVING) for n in range(3)),
        running("busy", "5", has_work=True, ends=AT + timedelta(hours=2)),
    )

    assert (  # 175 hours
        "By the end of the month all of it costs $2,812 more if nobody stops anything: $1,750 for the compute cluster "
        "gpu, $1,052 for 3 deployments and $10 for what ends by itself."
    ) in text_of(site)


def test_an_hour_and_a_day_of_all_that_runs_are_told_apart(site: Site):
    site.look(running(per_hour="10"), running("busy", "5", has_work=True, ends=AT + timedelta(hours=24)))

    # 111 hours to Tuesday 8:00, and a day of the other: 1,110 + 120 over 4.625 days
    assert (
        "All that runs now is $15.00 an hour. Some of it ends by itself, so that it comes to $266 a day until Tue "
        "29 Dec 08:00 UTC"
    ) in text_of(site)


def test_a_budget_cannot_have_the_name_by_which_the_watch_is_muted(tmp_path: Path):
    with pytest.raises(ValueError, match="finops budget mute watch"):
        Site(tmp_path, "{Watch: {scope: all, amount: 1}}")


def test_many_small_things_that_are_too_much_together_are_counted_with_their_money(site: Site):
    site.look(*(running(f"small-{n:02}", "0.2") for n in range(30)))

    assert site.subjects() == ["$66.60 by Tue 29 Dec: small-00 and 2 more left on at $0.60 an hour"]
    assert "; 27 smaller things that this mail does not list make $129.60 a day of it." in text_of(site)


def test_an_incident_that_an_older_version_kept_is_begun_anew_and_that_is_said(site: Site, tmp_path: Path):
    gpu = running(per_hour="20")
    older = {"name": "gpu", "workspace": "ml", "kind": "compute cluster", "per_hour": "20", "told": AT.isoformat(),
             "first": AT.isoformat(), "ended": ""}  # fmt: skip
    with State.open(tmp_path / "state.db") as state:
        kept = {"started": AT.isoformat(), "told": {key(gpu.id): older}, "threats": []}
        state.keep("watch/incident", kept, AT)

    done = site.look(gpu)
    again = site.look(gpu)

    assert done.told == (key(gpu.id),)
    assert done.problems == (
        "What was remembered of what is left on cannot be read, as another version wrote it; it is told anew.",
    )
    assert (again.told, again.problems) == ((), ())
