"""What people said or did against it holds in mode enforce, too: a no, a snooze, an exemption, a hand on our rules."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from storing import NAME, rule
from test_tier_approve import ANN, LOCAL, asked, record
from tier_applying import Tiering, results, tiering
from tier_estates import reported

from finops import approvals
from finops.jobs.tiering.deeds import SET_RULES

THEIRS = rule("tmp-away", ["scratch/tmp/"], delete={"daysAfterModificationGreaterThan": 3})


def said_no(account: Tiering, what: str) -> None:
    found = record(account)
    desk = approvals.Desk(account.state, account.settings.janitor)
    rows = [(found.number, found.finding.digest)]
    until = account.now + timedelta(days=60)
    if what == "denied":
        [answer] = desk.deny(rows, ANN, account.now, "we need this hot")
    elif what == "snoozed":
        [answer] = desk.snooze(rows, ANN, account.now, until, "audit")
    else:
        [answer] = desk.exempt(rows, ANN, account.now, until, "audit")
    assert answer.ok, answer.said


def without_archive(account: Tiering, folder: Path) -> None:
    """From now on the plan is one without Archive, for its inventory proves nothing."""
    account.served.world.clock.advance(days=1)
    account.inventory = reported(account.served, folder)
    *older, newest = sorted({manifest.parent for manifest in folder.rglob("*manifest.json")})
    for run in older:  # which would else be taken for a part of the newest
        shutil.rmtree(run)
    for manifest in newest.glob("*manifest*"):
        manifest.unlink()


@pytest.mark.parametrize("what", ["denied", "snoozed", "exempt"])
def test_a_no_holds_for_a_plan_that_needs_no_approval(tmp_path: Path, what: str):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        said_no(account, what)
        without_archive(account, tmp_path / "unproven")

        done = account.apply()

        assert results(done) == [(SET_RULES, "so")], done.lines
        assert f"Finding {record(account).number}" in done.lines[0].why
        assert (account.rules(), record(account).status) == ([], what)


def test_it_is_set_once_the_no_is_over(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        said_no(account, "snoozed")
        account.served.world.clock.advance(days=61)
        without_archive(account, tmp_path / "unproven")

        done = account.apply()

        assert results(done) == [(SET_RULES, "done")], done.lines


def test_a_no_outlives_a_day_on_which_nothing_is_to_be_moved(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        said_no(account, "exempt")
        account.set(protect={NAME: ["data", "runs", "finance", "raw", "features"]})

        account.apply()

        assert record(account).status == "exempt"


def switched_off(rules: list[Any]) -> list[Any]:
    return [{**each, "enabled": False} for each in rules]


def edited(rules: list[Any]) -> list[Any]:
    rules[0]["definition"]["filters"]["prefixMatch"] = rules[0]["definition"]["filters"]["prefixMatch"][1:]
    return rules


def deleted(rules: list[Any]) -> list[Any]:
    return [THEIRS]


# What still bears our name and is not ours any more is in the way; where all are gone, somebody did not want them.
@pytest.mark.parametrize(("hand", "result"), [(switched_off, "refused"), (edited, "refused"), (deleted, "so")])
def test_a_persons_hand_on_our_rules_is_a_no(tmp_path: Path, hand: Any, result: str):
    with tiering(tmp_path) as account:
        account.apply()
        ours = account.rules()[0]["name"]
        account.govern(*hand(account.rules()))
        before = account.rules()

        done = account.apply()

        assert account.rules() == before
        assert [line.result for line in done.lines] == [result], done.lines
        assert ours in done.lines[0].why


def test_whoever_names_the_account_means_it(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()
        account.govern(THEIRS)

        done = account.apply(accounts=[NAME])

        assert results(done) == [(SET_RULES, "done")], done.lines
