"""From what is remembered to what the report says: the saving is there only once the charges show it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from lives import ANA, DAY, MONDAY, desk, endpoint, only, opened, pending, row
from report_data import NOW, book, daily

from finops import approvals, jobs, report
from finops.cli import cli
from finops.cloud import connect
from finops.config.model import AzureSettings, ChargesSettings, ReportSettings, Settings, StateSettings
from finops.estate.queries import ML_VERSION
from finops.jobs.claims import claims_of, remembered
from finops.report import Claim
from finops.report.model import Savings
from finops.simulator import Served, serving
from finops.state import Record, State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as made:
        yield made


def approved(state: State) -> Record:
    record = pending(state)
    desk(state).approve(row(record), ANA, MONDAY + DAY)
    return only(state)


def moved(state: State, *steps: tuple[str, int], **fields: datetime) -> None:
    """The finding through each status, on that many days after Monday."""
    number = only(state).number
    for status, days in steps:
        more = fields if status == "quiet" else {}
        approvals.moved(state, number, status, "because", MONDAY + days * DAY, "test", **more)


def test_what_waits_is_found_and_what_people_approved_is_decided(state: State) -> None:
    pending(state)
    [found] = claims_of(state)

    desk(state).approve(row(only(state)), ANA, MONDAY + DAY)
    [decided] = claims_of(state)

    assert (found.stage, decided.stage) == ("found", "decided")
    assert (found.expected, found.currency, found.name, found.holder) == (Decimal(700), "USD", "chat", "ws")


def test_what_was_approved_and_ran_out_is_named_in_the_report(state: State, tmp_path: Path) -> None:
    over = approved(state).approved_until
    assert over is not None
    approvals.lapsed(state, over)

    [claim] = claims_of(state)

    assert (claim.stage, claim.lapsed) == ("found", True)
    with book(tmp_path, *daily("2026-11-08", "2026-11-22", "CC-1", "10")) as loaded:
        made = report.render(report.build(loaded, MONDAY + 7 * DAY, ReportSettings(), claims=[claim]), Settings())
    said = " ".join(made.text.split())
    assert (
        "Lapsed: 1 approval ran out before it was carried out, $700.00 a month: chat. "
        "It is among the identified again, and needs another approval." in said
    )


def test_an_act_is_dated_by_the_day_it_was_done_not_by_that_of_its_confirmation(state: State) -> None:
    approved(state)
    moved(state, ("scheduled", 2), ("acted", 2), ("confirmed", 4))

    [claim] = claims_of(state)

    assert (claim.stage, claim.since, claim.until) == ("done", MONDAY + 2 * DAY, None)


def test_an_act_after_a_quiet_step_is_dated_by_the_act_and_knows_when_the_step_began(state: State) -> None:
    approved(state)
    moved(state, ("scheduled", 2), ("quiet", 2), quiet_until=MONDAY + 5 * DAY)
    moved(state, ("acted", 5), ("confirmed", 5))

    [claim] = claims_of(state)

    assert (claim.since, claim.quiet) == (MONDAY + 5 * DAY, MONDAY + 2 * DAY)


def test_what_was_approved_and_stands_still_first_says_until_when(state: State, tmp_path: Path) -> None:
    approved(state)
    moved(state, ("scheduled", 2), ("quiet", 2), quiet_until=MONDAY + 5 * DAY)
    claims = claims_of(state)

    with book(tmp_path, *daily("2026-10-01", "2026-11-21", "CC-1", "1")) as loaded:
        made = report.render(report.build(loaded, NOW, ReportSettings(), claims=claims), Settings())

    said = f"1 of these stands still and is watched for use until {MONDAY + 5 * DAY:%-d %b} before anything is deleted."
    assert said in " ".join(made.text.split())


def test_a_quiet_step_that_was_taken_back_is_none_of_a_later_act(state: State) -> None:
    approved(state)
    moved(state, ("scheduled", 2), ("quiet", 2), quiet_until=MONDAY + 5 * DAY)
    moved(state, ("failed", 3), ("asked", 3), ("pending", 3))
    desk(state).approve(row(only(state)), ANA, MONDAY + 5 * DAY)
    moved(state, ("scheduled", 5), ("acted", 6))

    [claim] = claims_of(state)

    assert (claim.since, claim.quiet) == (MONDAY + 6 * DAY, None)


def test_a_cluster_that_was_scaled_to_zero_lives_on_and_saves_idle_hours(state: State) -> None:
    facts = {"facts": {"idleNodesLast7Days": {"value": 1, "asOf": "2026-11-16T00:00:00+00:00"}}}
    record = pending(state, action="scaleToZero", evidence=facts)
    desk(state).approve(row(record), ANA, MONDAY + DAY)
    moved(state, ("scheduled", 2), ("acted", 2), ("confirmed", 2))
    [found] = claims_of(state)
    given = {
        "run": "r", "resource_id": record.finding.resource_id, "workspace": "w", "api_version": "v", "why": "because",
        "action": "scaleToZero", "rule": "janitor/idle", "who": "finops", "decision": "approved", "saving": "9",
    }  # fmt: skip
    with state.turn():
        seen = {"record": record.number, "minNodes": 3}
        number = state.open_intent(MONDAY, generation=None, evidence=seen, afterwards=None, **given)
        state.close_intent(number, "done", "read back", MONDAY, "finops", {})
    [known] = claims_of(state)

    assert (found.measure, found.kept) == ("idle", 1)  # what idled all week, where nobody wrote down the minimum
    assert (known.measure, known.kept, known.keeps) == ("idle", 3, 0)


def test_an_undone_act_says_since_when(state: State) -> None:
    approved(state)
    moved(state, ("scheduled", 2), ("acted", 2), ("confirmed", 2), ("restored", 6))

    [claim] = claims_of(state)

    assert (claim.since, claim.until) == (MONDAY + 2 * DAY, MONDAY + 6 * DAY)


def test_an_act_that_failed_waits_again_and_is_not_done(state: State) -> None:
    approved(state)
    moved(state, ("scheduled", 2), ("acted", 2), ("failed", 2))

    [claim] = claims_of(state)

    assert (claim.stage, claim.since) == ("found", None)


def test_what_people_denied_is_nobodys_plan(state: State) -> None:
    record = pending(state)
    desk(state).deny(row(record), ANA, MONDAY + DAY, "We need it.")

    assert claims_of(state) == ()


def test_without_a_state_database_nothing_is_remembered_and_none_is_made(tmp_path: Path) -> None:
    for url in (str(tmp_path / "state.db"), f"sqlite:///{tmp_path / 'state.db'}"):
        assert remembered(Settings(state=StateSettings(url=url))) == ()

    assert list(tmp_path.iterdir()) == []


# -- the commands -----------------------------------------------------------------------------------------------


def command(tmp_path: Path, *arguments: str) -> str:
    chat = endpoint("chat")
    other = {"SubAccountId": chat[:51]}
    rows = [
        *daily("2026-10-01", "2026-11-17", "CC-1", "10", "chat", ResourceId=chat, **other),
        *daily("2026-10-01", "2026-11-22", "CC-1", "5", "other", ResourceId=endpoint("other"), **other),
    ]
    book(tmp_path, *rows).close()
    environment = {"FINOPS_STATE__URL": str(tmp_path / "state.db"), "FINOPS_MAIL__OUTBOX": str(tmp_path / "outbox")}
    result = CliRunner().invoke(
        cli, ["report", arguments[0], str(tmp_path / "charges.csv"), *arguments[1:]], env=environment
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_savings_prints_every_entry_with_the_charges_that_say_so(state: State, tmp_path: Path) -> None:
    approved(state)
    moved(state, ("scheduled", 1), ("acted", 1), ("confirmed", 1))

    [entry] = json.loads(command(tmp_path, "savings", "-o", "json"), parse_float=Decimal)

    assert (entry["kind"], entry["since"]) == ("realised", "2026-11-17")
    assert (entry["realised"], entry["before"], entry["daysBefore"]) == (entry["daysAfter"] * 10, 300, 30)


def test_savings_of_nothing_prints_an_empty_list_and_makes_no_database(tmp_path: Path) -> None:
    assert json.loads(command(tmp_path, "savings", "-o", "json")) == []
    assert not (tmp_path / "state.db").exists()


@pytest.mark.parametrize("verb", ["render", "send"])
def test_what_is_remembered_comes_into_the_report(state: State, tmp_path: Path, verb: str) -> None:
    approved(state)

    command(tmp_path, verb, *(["--out", str(tmp_path / "out")] if verb == "render" else []))

    folder = tmp_path / ("out" if verb == "render" else "outbox")
    [mail] = folder.glob("*.eml")
    assert b"SAVINGS" in mail.read_bytes()


# -- the simulator's bill ---------------------------------------------------------------------------------------


def dearest(server: Served) -> str:
    """The compute or endpoint that is charged most on the newest day."""
    found: dict[str, Decimal] = {}
    for name, days in charged(server).items():
        if "/computes/" in name:
            found[name] = days[max(days)]
    return max(found, key=lambda name: found[name])


def charged(server: Served) -> dict[str, dict[datetime, Decimal]]:
    """EffectiveCost by resource and day as the simulator's own ledger tells it, without any of the engine's code."""
    rows = server.world.charges.published(server.world.clock.now())
    found: dict[str, dict[datetime, Decimal]] = {}
    for each in rows.select(["ChargePeriodStart", "EffectiveCost", "ResourceId"]).to_pylist():
        days = found.setdefault((each["ResourceId"] or "").lower(), {})
        day = each["ChargePeriodStart"].replace(hour=0)
        days[day] = days.get(day, Decimal(0)) + each["EffectiveCost"]
    return found


def told(server: Served, folder: Path, claim: Claim) -> Savings:
    now = server.world.clock.now()
    settings = Settings(azure=AzureSettings(endpoint=server.url), charges=ChargesSettings(store=folder / "charges"))
    with connect(settings.azure) as azure, jobs.ingest(azure, settings, None, now) as loaded:
        found = report.build(loaded, now, ReportSettings(), claims=[claim]).savings
    assert found
    return found


def test_the_saving_is_there_only_once_the_charges_show_it(small_estate: Path, tmp_path: Path) -> None:
    with serving(small_estate) as server, connect(AzureSettings(endpoint=server.url)) as azure:
        resource = dearest(server)
        since = server.world.clock.now()
        azure.delete(resource, ML_VERSION, params={"underlyingResourceAction": "Delete"})
        claim = Claim(
            1, "done", resource, "it", "compute", "ws", "rule", "delete", "deleted", Decimal(9), Decimal(9), "USD",
            since=since,
        )  # fmt: skip
        server.world.clock.advance(hours=5)
        soon = told(server, tmp_path, claim)
        server.world.clock.advance(hours=24 * 6)
        later = told(server, tmp_path, claim)
        costs = {
            day: cost
            for name, days in charged(server).items()
            if name == resource or name.startswith(f"{resource}/")
            for day, cost in days.items()
        }

    assert (soon.realised.amount.amount, soon.approved.amount.amount) == (0, 9)
    assert soon.all[0].why == "not on the bill yet"
    act = later.all[0]
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    before = sum((costs.get(midnight - n * DAY, Decimal(0)) for n in range(1, 31)), Decimal(0))
    after = sum((costs.get(midnight + n * DAY, Decimal(0)) for n in range(1, act.days_after + 1)), Decimal(0))
    assert act.realised
    assert act.before
    assert (act.days_before, act.before.amount) == (30, before)
    assert abs(Fraction(act.realised.amount) - (Fraction(before) * act.days_after / 30 - Fraction(after))) <= Fraction(
        1, 10**12
    )
    assert act.realised.amount > 0
    assert act.days_after == (later.to - since.date()) / timedelta(days=1)
