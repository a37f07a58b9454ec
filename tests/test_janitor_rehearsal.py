"""Rehearsal: what a rule would have deleted, what of that was used later, and which rules may not act."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from finops import janitor
from finops.cli.janitor_rehearse import _sum
from finops.cli.janitor_rehearse import rehearse as command
from finops.config import folder
from finops.config.model import JanitorSettings, RuleSettings, Settings
from finops.errors import FinopsError
from finops.estate import Estate, Gap, Known, Resource, Unknown
from finops.estate.ids import key
from finops.janitor.rehearsal import Fate, Look, Rehearsal, refusal, rehearse
from finops.jobs.sweeping.allowing import refusals, rehearsed, remember
from finops.state import State

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
WORKSPACE = "/subscriptions/1111/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ml"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/ocr"
# Found twice, 5 days of grace, 7 quiet ones: acted on 13 days after it was first found.
RULE = next(each for each in janitor.rules(folder("janitor")) if each.name == "endpoint-without-requests")
DUE = START + timedelta(days=13)


def seen(
    day: int, silent: int | None, made: str = "2026-01-01T00:00:00Z", tags: Any = None, whole: bool = True
) -> Look:
    """The estate on a day: the endpoint silent for so many days, or gone."""
    now = START + timedelta(days=day)
    facts = {
        "daysWithoutRequests": silent, "deployments": 1, "locked": False, "dependents": [], "owner": "ana@contoso.com",
        "costLast30Days": Decimal("300"),
    }  # fmt: skip
    body = {
        "id": ENDPOINT, "tags": tags or {}, "properties": {"provisioningState": "Succeeded"},
        "systemData": {"createdAt": made},
    }  # fmt: skip
    one = Resource(ENDPOINT, body, {name: Known(value, now) for name, value in facts.items()})
    gaps = () if whole else (Gap("/subscriptions/1111", "resources", "503"),)
    estate = Estate(now, {} if silent is None else {key(ENDPOINT): one}, gaps)
    return Look(estate, janitor.find(estate, [RULE], now, Settings()))


def replayed(*looks: Look, rule: janitor.Rule = RULE) -> Rehearsal:
    return rehearse(looks, rule, lambda moment, days: moment + timedelta(days=days))


def fate(*looks: Look) -> Fate:
    [one] = replayed(*looks).fates
    return one


def test_what_nobody_used_is_left_alone_and_its_saving_counts_from_the_day_it_would_have_gone():
    done = replayed(seen(0, 20), seen(7, 27), seen(14, 30), seen(43, 30))

    [one] = done.fates
    assert (one.end, one.found, one.acted, one.later) == ("left alone", START, DUE, None)
    assert one.saved == Decimal("300.00")
    assert (done.regret_percent, done.saved, done.regretted) == (0, Decimal("300.00"), 0)


def test_what_was_called_after_that_is_regretted():
    done = replayed(seen(0, 20), seen(14, 30), seen(28, 2), seen(43, 17))

    [one] = done.fates
    assert (one.end, one.acted, one.later) == ("used later", DUE, START + timedelta(days=26))
    assert "27 June 2026" in one.shows
    assert (done.regret_percent, done.saved, done.regretted) == (100, 0, Decimal("300.00"))


def test_a_call_between_two_looks_is_seen_though_it_is_silent_again():
    assert fate(seen(0, 20), seen(28, 14), seen(43, 29)).end == "used later"


def test_a_call_before_it_was_due_saves_it():
    one, again = replayed(seen(0, 20), seen(28, 20)).fates

    assert (one.end, one.acted, one.later) == ("saved in time", None, START + timedelta(days=8))
    assert (again.end, again.found) == ("waiting", START + timedelta(days=28))


def test_a_call_in_the_grace_saves_it():
    one = fate(seen(0, 20), seen(7, 1))

    assert (one.end, one.acted) == ("saved in time", None)


def test_the_same_after_a_call_is_found_anew():
    first, second = replayed(seen(0, 20), seen(7, 1), seen(21, 15), seen(28, 22)).fates

    assert (first.end, second.end) == ("saved in time", "waiting")
    assert second.found == START + timedelta(days=21)


def test_a_keep_tag_that_comes_later_is_a_regret():
    tags = {"finops:keep": "2026-12-31;we need it", "Owner": "ana@contoso.com"}

    one = fate(seen(0, 20), seen(14, 30), seen(28, 30, tags=tags))

    assert one.end == "used later"
    assert "we need it" in one.shows


def test_what_somebody_made_again_is_a_regret():
    assert "made it again" in fate(seen(0, 20), seen(14, 30), seen(28, 27, made="2026-06-16T00:00:00Z")).shows


def test_what_somebody_else_deleted_is_none():
    assert fate(seen(0, 20), seen(7, None)).end == "gone"
    assert fate(seen(0, 20), seen(14, 30), seen(28, None)).end == "left alone"


def test_what_a_broken_reading_does_not_show_is_not_gone():
    done = replayed(seen(0, 20), seen(7, None, whole=False), seen(28, 30))

    assert [one.end for one in done.fates] == ["left alone"]
    assert not done.complete


def test_what_is_not_due_before_the_last_look_is_waiting():
    assert fate(seen(0, 20), seen(7, 27)).end == "waiting"


def test_thirty_silent_days_say_nothing_of_the_days_before():
    """The fact says at most 30: a horizon of two months is no use 30 days ago."""
    assert fate(seen(0, 20), seen(28, 30), seen(60, 30)).end == "left alone"


def test_an_endpoint_that_was_never_called_counts_from_when_it_was_made():
    made = (START - timedelta(days=15)).isoformat()

    assert fate(seen(0, 15, made), seen(14, 29, made), seen(28, 30, made)).end == "left alone"


def test_an_endpoint_made_after_it_would_have_gone_says_nothing_of_use():
    """Its silence counts from when it was made: that is no call."""
    made = (START + timedelta(days=14)).isoformat()

    assert fate(seen(0, 20), seen(28, 14, made)).shows == "somebody made it again"


def test_what_is_not_known_later_is_no_regret():
    blind = seen(28, 30)
    one = blind.estate.resources[key(ENDPOINT)]
    facts = {**one.facts, "daysWithoutRequests": Unknown("403")}
    estate = replace(blind.estate, resources={key(ENDPOINT): replace(one, facts=facts)})
    later = Look(estate, janitor.find(estate, [RULE], estate.as_of, Settings()))

    assert [each.unknown for each in later.found.kept] == [True]
    assert fate(seen(0, 20), seen(14, 30), later).end == "left alone"


def test_what_was_only_stopped_is_used_again_without_regret():
    stopping = replace(RULE, action="stop")

    done = replayed(seen(0, 20), seen(14, 30), seen(28, 2), rule=stopping)

    assert (len(done.used), done.regret_percent) == (1, 0)


def test_without_an_estate_there_is_nothing_to_rehearse_on():
    with pytest.raises(FinopsError, match="no estate"):
        replayed()


def regretted(percent: int) -> Rehearsal:
    """25 deletions of which so many in a hundred were used later."""
    one = Fate(ENDPOINT, START, DUE, "left alone", DUE)
    fates = [replace(one, end="used later")] * (percent // 4) + [one] * (25 - percent // 4)
    return Rehearsal(RULE.name, RULE.digest, RULE.action, START, DUE, 9, True, tuple(fates))


def acting(percent: int = 1, **own: Any) -> Settings:
    rules = {RULE.name: RuleSettings(mode="act", **own)}
    return Settings(janitor=JanitorSettings(rules=rules, max_regret_percent=Decimal(percent)))


@pytest.fixture
def state(tmp_path: Path):
    with State.open(tmp_path / "state.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("regret", "most", "mode"),
    [(0, 1, "act"), (4, 5, "act"), (4, 4, "ask"), (8, 4, "ask"), (0, 0, "act"), (4, 0, "ask")],
)
def test_a_rule_whose_regret_reaches_the_limit_stays_in_mode_ask(state: State, regret: int, most: int, mode: str):
    remember(state, regretted(regret), DUE)

    assert rehearsed(acting(most), state).janitor.mode_of(RULE.name) == mode


def test_the_refusal_says_how_much_was_used_and_what_to_do(state: State):
    remember(state, regretted(8), DUE)

    said = refusals(acting(), state)[RULE.name]

    assert "of 25 that it would have deleted between 2026-06-01 and 2026-06-14, 2 were used later (8.00 %)" in said
    assert "rehearse it again" in said


def test_a_rule_with_other_parameters_is_another_rule(state: State):
    remember(state, regretted(8), DUE)

    assert refusals(acting(parameters={"days": 60}), state) == {}


def test_a_rule_that_does_not_act_is_refused_nothing(state: State):
    remember(state, regretted(8), DUE)

    assert refusals(Settings(), state) == {}


def test_a_rule_that_was_never_rehearsed_may_act(state: State):
    assert rehearsed(acting(), state).janitor.mode_of(RULE.name) == "act"
    assert refusal(RULE, None, Decimal(0)) == ""


def test_a_later_rehearsal_replaces_the_earlier_one(state: State):
    remember(state, regretted(8), DUE)
    remember(state, regretted(0), DUE)

    assert refusals(acting(), state) == {}


@pytest.mark.parametrize(
    "change",
    [{"fates": ()}, {"complete": False}, {"start": START + timedelta(days=1)}],
    ids=["nothing to act on", "not whole", "shorter"],
)
def test_a_rehearsal_that_could_not_have_seen_it_lifts_no_refusal(state: State, change: dict[str, Any]):
    remember(state, regretted(8), DUE)

    told = remember(state, replace(regretted(0), **change), DUE)

    assert told["used"] == 2
    assert refusals(acting(), state)


def test_a_short_one_with_more_regret_does_not_shorten_what_lifts_the_refusal(state: State):
    short = {"start": START + timedelta(days=10)}
    remember(state, regretted(4), DUE)
    remember(state, replace(regretted(8), **short), DUE)

    remember(state, replace(regretted(0), **short), DUE)

    assert "2 were used later" in refusals(acting(), state)[RULE.name]


def test_a_refusal_is_not_forgotten_while_other_parameters_are_rehearsed(state: State):
    remember(state, regretted(8), DUE)

    remember(state, replace(regretted(0), digest="of other parameters"), DUE)

    assert refusals(acting(), state)


def test_a_simulated_estate_is_looked_at_while_its_clock_moves(
    small_estate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    args = [
        "--estate",
        str(small_estate),
        "--rule",
        "schedule-feeds-nothing",
        "--days",
        "14",
        "--every",
        "7",
        "-o",
        "json",
    ]

    result = CliRunner().invoke(command, args, catch_exceptions=False)

    assert result.exit_code == 0, result.output
    assert "3 looks from 17 November 2026 to 01 December 2026: 2 would have been acted on" in result.output
    assert re.search(r"Saved [\d,]+\.\d\d USD; [\d,]+\.\d\d USD was paid for what was used\.", result.output)
    with State.open("finops-data/state.db") as state:
        [kept] = state.kept("janitor/rehearsed/schedule-feeds-nothing/").values()
        assert kept["acted"] == 2


@pytest.mark.parametrize(
    ("currency", "said"), [("EUR", "310.00 EUR was paid"), ("", "310.00 (no currency known) was paid")]
)
def test_the_sum_is_of_a_currency_or_says_that_none_is_known(
    currency: str, said: str, capsys: pytest.CaptureFixture[str]
):
    silent = [seen(day, 20) for day in (0, 14, 44)]
    done = replace(replayed(*silent), currency=currency)

    _sum(done)

    assert said in capsys.readouterr().err


def test_a_rule_that_is_none_is_told_before_anything_is_read(
    small_estate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(FinopsError, match="no rule 'cluster-unsued'") as fault:
        CliRunner().invoke(command, ["--estate", str(small_estate), "--rule", "cluster-unsued"], catch_exceptions=False)

    assert "Did you mean 'cluster-unused'?" in fault.value.fix
