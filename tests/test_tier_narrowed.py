"""What is protected by now is moved no further: rules of ours that take it come out first, whatever is asked."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from estates import workspace, workspace_id
from storing import EVERY_HABIT, NAME
from test_tier_approve import ANN, LOCAL, after_the_grace, approve, asked
from tier_applying import Tiering, results, tiering

from finops import approvals
from finops.jobs.tiering.deeds import SET_RULES, TAKE_RULES
from finops.jobs.tiering.overreach import too_much
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.rules import LifecycleRule, named


def in_force(account: Tiering) -> None:
    """Rules with Archive, approved and set."""
    asked(account)
    approve(account)
    after_the_grace(account)
    account.apply()
    assert any("tierToArchive" in str(rule) for rule in account.rules())


def taking(account: Tiering, path: str) -> list[Any]:
    """The rules in force that take blobs below a path."""
    return [
        rule
        for rule in account.rules()
        if any(path.startswith(each) or each.startswith(path) for each in rule["definition"]["filters"]["prefixMatch"])
    ]


@pytest.mark.parametrize("mode", ["ask", "enforce"])
def test_a_rule_that_takes_what_is_protected_by_now_comes_out_while_the_next_one_waits(tmp_path: Path, mode: str):
    with tiering(tmp_path, sku=LOCAL, mode=mode) as account:
        in_force(account)
        assert taking(account, "runs/logs/")
        account.set(protect={NAME: ["runs/logs/"]})

        done = account.apply()

        assert results(done) == [(SET_RULES, "asks"), (TAKE_RULES, "done")], done.lines
        assert taking(account, "runs/logs/") == []


def test_rules_that_take_nothing_protected_stay_as_they_are():
    logs, data = (
        named(LifecycleRule("", (prefix,), LAST_ACCESS, (("Cold", 90),), Decimal(0), 0, 0), NAME).body()
        for prefix in ("runs/", "data/imagenet/")
    )

    found = too_much({"rules": [logs, data]}, NAME, {"runs/logs/": "protected"}, "")

    assert list(found.values()) == [[logs]]


def test_it_comes_out_after_a_no_too(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        in_force(account)
        before = account.rules()
        account.set(protect={NAME: ["runs/logs/"]})
        account.apply()
        again = next(one for one in account.state.findings.all(limit=None)[0] if one.status in {"asked", "pending"})
        desk = approvals.Desk(account.state, account.settings.janitor)
        desk.deny([(again.number, again.finding.digest)], ANN, account.now, "not now")
        account.govern(*before)

        account.apply()

        assert taking(account, "runs/logs/") == []


def test_it_comes_out_where_no_plan_can_be_made(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        in_force(account)
        account.inventory = tmp_path / "inventory"  # weeks old by now
        account.set(protect={NAME: ["runs/logs/"]})

        done = account.apply()

        assert results(done) == [("plan", "refused"), (TAKE_RULES, "done")], done.lines
        assert taking(account, "runs/logs/") == []


def test_it_comes_out_where_the_new_plan_is_too_dear(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        in_force(account)
        account.set(protect={NAME: ["runs/logs/"]}, max_once=0)

        account.apply()

        assert taking(account, "runs/logs/") == []


def test_in_mode_enforce_the_next_run_goes_on_with_what_is_left(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()
        account.inventory = None
        account.served.world.clock.advance(days=2)
        assert taking(account, "runs/logs/")
        account.set(protect={NAME: ["runs/logs/"]})

        first, second = account.apply(), account.apply()

        assert (TAKE_RULES, "done") in results(first)
        assert {line.result for line in second.lines} <= {"so", "done"}, second.lines
        assert account.rules()
        assert taking(account, "runs/logs/") == []


@pytest.mark.parametrize("mode", ["list", "off"])
def test_modes_that_change_nothing_name_the_rules_that_take_too_much(tmp_path: Path, mode: str):
    with tiering(tmp_path) as account:
        account.apply()
        before = account.rules()
        account.set(protect={NAME: ["runs/logs/"]}, mode=mode)

        done = account.apply(accounts=[NAME])

        [said] = [line.why for line in done.lines if line.what == TAKE_RULES]
        assert taking(account, "runs/logs/")[0]["name"] in said
        assert account.rules() == before


def test_what_we_took_out_ourselves_is_no_wish_of_people_to_be_left_alone(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()
        account.inventory = None
        account.served.world.clock.advance(days=2)
        account.set(protect={NAME: sorted({habit.container for habit in EVERY_HABIT if hasattr(habit, "container")})})
        first = account.apply()
        account.set(protect={})
        account.served.world.clock.advance(days=2)

        done = account.apply()

        assert results(first) == [(TAKE_RULES, "done")], first.lines
        assert results(done) == [(SET_RULES, "done")], done.lines


def unread(account: Tiering) -> None:
    """A workspace whose datastores cannot be listed: what its jobs read may be anywhere."""
    account.put(workspace(workspace_id("ml")))
    account.faults({"fault": "status", "path": "datastores", "status": 403})


@pytest.mark.parametrize("mode", ["ask", "enforce"])
def test_rules_that_archive_come_out_while_what_reads_the_blobs_cannot_be_told(tmp_path: Path, mode: str):
    with tiering(tmp_path, sku=LOCAL, mode=mode) as account:
        in_force(account)
        unread(account)

        done = account.apply()

        [said] = [line.why for line in done.lines if line.what == TAKE_RULES]
        assert "what reads its blobs cannot be told" in said
        assert "tierToArchive" not in str(account.rules())


def test_they_come_out_where_no_plan_can_be_made_too(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        in_force(account)
        account.inventory = tmp_path / "inventory"  # weeks old by now
        unread(account)

        account.apply()

        assert "tierToArchive" not in str(account.rules())


def test_rules_that_do_not_archive_stay_whatever_reads_the_blobs(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()
        before = account.rules()
        unread(account)

        account.apply()

        assert before
        assert account.rules() == before
