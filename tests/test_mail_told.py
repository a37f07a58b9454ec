"""What counts as told: a mail that left to somebody. One who cannot be mailed delays nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from budgeting import NOW
from guarding import dedicated, guarding
from lives import DAY, MONDAY, finding, opened, sweep
from mailing import Behaviour, by_smtp, smtp
from test_budget_check import Site as Budgets

from finops.config.model import Settings
from finops.errors import FinopsError
from finops.jobs.sweeping import tell
from finops.state import State

GONE = ["550 5.1.1 no such user"]
GREY = ["451 4.7.1 come back later"] * 9
OWNER, OTHER, ADMIN = "ola@contoso.example", "bo@contoso.example", "admin@contoso.example"
APPROVERS = ["platform@contoso.example", "ops@contoso.example"]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        sweep(found, MONDAY, finding("a", owner=OWNER), finding("b", owner=OTHER), told=False)
        yield found


def settings(port: int, admins: list[str], approvers: list[str] = APPROVERS) -> Settings:
    janitor = {"mode": "act", "approvers": {"/": approvers}}
    made = Settings.model_validate({"janitor": janitor, "guard": {"admins": admins}})
    return made.model_copy(update={"mail": by_smtp(port)})


def asked(state: State) -> dict[str, bool]:
    """Whether the time of each finding's owner has begun."""
    return {one.finding.owner: one.asked_at is not None for one in state.findings.all()[0]}


@pytest.mark.parametrize("answers", [GONE, GREY])
def test_an_owner_who_cannot_be_mailed_delays_no_other(state: State, tmp_path: Path, answers: list[str]):
    with smtp(tmp_path / "taken", Behaviour(rcpt={OWNER: list(answers)})) as (port, taken, _):
        told = tell(state, settings(port, []), MONDAY)

    assert asked(state) == {OWNER: False, OTHER: True}
    assert {who for who, _ in taken.pairs()} == {OTHER, *APPROVERS}
    assert answers[0] in told.problems[0]


def test_the_admins_are_told_in_place_of_an_owner_whose_address_is_refused(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(rcpt={OWNER: GONE})) as (port, taken, _):
        told = tell(state, settings(port, [ADMIN]), MONDAY)

    assert asked(state) == {OWNER: True, OTHER: True}
    assert [who for who, _ in taken.pairs()].count(ADMIN) == 1
    assert told.problems == ()


def test_one_approver_who_is_put_off_delays_nobody(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(rcpt={APPROVERS[0]: list(GREY)})) as (port, _, _):
        tell(state, settings(port, []), MONDAY)

    assert asked(state) == {OWNER: True, OTHER: True}


def test_what_was_put_off_is_told_once_it_has_left_and_to_nobody_twice(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(rcpt={OWNER: list(GREY[:3])})) as (port, taken, ways):
        tell(state, settings(port, []), MONDAY)
        sweep(state, MONDAY + timedelta(hours=1), finding("a", owner=OWNER), finding("b", owner=OTHER), told=False)
        tell(state, settings(port, []), MONDAY + timedelta(hours=1))
        ways.rcpt.clear()

        for hours in (2, 3):
            tell(state, settings(port, []), MONDAY + timedelta(hours=hours))

        found = [who for who, _ in taken.pairs()]
    assert sorted(found) == sorted([OWNER, OTHER, *APPROVERS])
    [one] = [record for record in state.findings.all()[0] if record.finding.owner == OWNER]
    assert one.asked_at == MONDAY + timedelta(hours=2)


def test_new_findings_are_told_while_an_old_mail_waits(state: State, tmp_path: Path):
    with smtp(tmp_path / "taken", Behaviour(rcpt={OWNER: list(GREY)})) as (port, _, _):
        tell(state, settings(port, []), MONDAY)
        new = "cleo@contoso.example"
        found = [finding(name, owner=who) for name, who in (("a", OWNER), ("b", OTHER), ("c", new))]
        sweep(state, MONDAY + DAY, *found, told=False)

        tell(state, settings(port, []), MONDAY + DAY)

    assert asked(state) == {OWNER: False, OTHER: True, new: True}


def test_an_owner_at_a_domain_of_others_is_not_mailed(state: State, tmp_path: Path):
    sweep(state, MONDAY, finding("c", owner="x@evil.example"), told=False)
    with smtp(tmp_path / "taken") as (port, taken, _):
        tell(state, settings(port, [ADMIN]), MONDAY)

    people = [who for who, _ in taken.pairs()]
    assert "x@evil.example" not in people
    assert ADMIN in people


@pytest.mark.parametrize(("admins", "changed"), [([], False), ([ADMIN], True)])
def test_the_grace_of_a_cluster_does_not_begin_with_a_refused_mail(tmp_path: Path, admins: list[str], changed: bool):
    with guarding(tmp_path, dedicated(), admins=admins) as guard:
        with smtp(tmp_path / "taken", Behaviour(rcpt={"ana@contoso.com": GONE})) as (port, taken, _):
            guard.settings = guard.settings.model_copy(update={"mail": by_smtp(port)})
            for _ in range(2):
                with suppress(FinopsError):  # that nobody could be told
                    guard.run()
                guard.live(days=8)
        people = [who for who, _ in taken.pairs()]

    assert bool(guard.changes()) is changed
    assert set(people) == set(admins)


# -- what another version left behind


@pytest.mark.parametrize("lacks", ["at", "thread"])
def test_a_plan_that_another_version_wrote_otherwise_stops_nothing_and_is_decided_anew(tmp_path: Path, lacks: str):
    site = Budgets(tmp_path, "{all: {amount: 1000, thresholds: [80]}}").spend("850")
    letter = dict.fromkeys(("kind", "subject", "text", "html", "thread"), "x") | {"to": "ann@x.example", "about": ["x"]}
    older = {"letters": [letter], "keeps": [], "drops": [], "at": NOW.isoformat()}
    (older if lacks == "at" else letter).pop(lacks)
    with site.state() as state:
        state.keep("budget/outgoing", older, NOW)

    site.check()

    assert [one[:17] for one in site.subjects()] == ["$150 left (80% sp"]
