"""What must hold before a policy is written, and what becomes of an account when Azure or other people come between."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from estates import PROD
from storing import ACCOUNT, NAME, rule
from tier_applying import INVENTORY, POLICY, SERVICE, Tiering, results, tiering

from finops.jobs.tiering.deeds import (
    MAKE_CONTAINER,
    SET_INVENTORY,
    SET_RULES,
    TAKE_INVENTORY,
    TAKE_RULES,
    TRACK,
    UNTRACK,
)  # fmt: skip

THEIRS = rule("tmp-away", ["scratch/tmp/"], delete={"daysAfterModificationGreaterThan": 3})
POLICIES = f"/storageaccounts/{NAME}/managementpolicies/default"


def held(account: Tiering) -> str:
    """Why nothing was sent; asserts that nothing was."""
    [line] = account.apply().lines
    assert line.result in {"held", "refused"}, line
    assert account.changes() == []
    return line.why


@pytest.mark.parametrize("reading", [2, 3], ids=["after-the-plan", "at-the-last-moment"])
def test_a_policy_that_changed_since_the_plan_is_not_written_over(tmp_path: Path, reading: int):
    with tiering(tmp_path) as account:
        account.when("GET", POLICIES, reading, lambda: account.govern(THEIRS))

        why = held(account)

        assert "were changed since: plan again" in why
        assert account.rules() == [THEIRS]


def test_the_next_run_plans_with_what_was_changed(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.when("GET", POLICIES, 2, lambda: account.govern(THEIRS))
        account.apply()

        done = account.apply()

        assert results(done) == [(SET_RULES, "done")]
        assert account.rules()[0] == THEIRS


@pytest.mark.parametrize("status", [400, 403, 409, 412])
def test_what_azure_refuses_is_said_and_nothing_is_half_done(tmp_path: Path, status: int):
    with tiering(tmp_path) as account:
        account.govern(THEIRS)
        said = "The value for policy is invalid: 101 rules."
        account.faults({"fault": "status", "method": "PUT", "path": "managementPolicies", "status": status,
                        "code": "InvalidRequestPropertyValue", "message": said})  # fmt: skip

        [line] = account.apply().lines

        assert line.result == "failed"
        assert str(status) in line.why or said in line.why
        assert account.rules() == [THEIRS]
        assert account.state.pending_intents() == []


@pytest.mark.parametrize("fault", ["502-after", "reset-after", "504-after"])
def test_an_answer_that_is_lost_is_found_out_by_reading(tmp_path: Path, fault: str):
    with tiering(tmp_path) as account:
        account.faults({"fault": fault, "method": "PUT", "path": "managementPolicies", "times": 1})

        done = account.apply()

        assert results(done) == [(SET_RULES, "done")], done.lines
        assert sum(each.startswith("PUT") for each in account.changes()) == 1


def test_a_run_that_was_broken_off_is_resolved_by_the_next_before_anything_else(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.faults(
            {"fault": "reset-after", "method": "PUT", "path": "managementPolicies", "times": 1},
            {"fault": "503", "method": "GET", "path": "managementPolicies", "after": 3},
        )
        first = account.apply()
        account.faults()

        second = account.apply()

        assert results(first) == [(SET_RULES, "unknown")], first.lines
        assert [one.outcome for one in second.resolved] == ["done"]
        assert sum(each.startswith("PUT") for each in account.changes()) == 1
        assert account.state.pending_intents() == []


def test_undo_takes_out_rules_whose_outcome_was_never_known(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.faults(
            {"fault": "reset-after", "method": "PUT", "path": "managementPolicies", "times": 1},
            {"fault": "503", "method": "GET", "path": "managementPolicies", "after": 3},
        )
        account.apply()
        account.faults()

        done = account.undo()

        assert results(done) == [(TAKE_RULES, "done")], done.lines
        assert account.rules() == []


@pytest.mark.parametrize("scope", [ACCOUNT, ACCOUNT.partition("/providers/")[0], f"/subscriptions/{PROD}"])
def test_a_lock_stops_it(tmp_path: Path, scope: str):
    with tiering(tmp_path) as account:
        lock = f"{scope}/providers/Microsoft.Authorization/locks/mine"
        level = {"properties": {"level": "CanNotDelete"}}
        account.put({"id": lock, "name": "mine", "type": "Microsoft.Authorization/locks", **level})

        assert "lock" in held(account)


def test_the_tag_keep_stops_it(tmp_path: Path):
    with tiering(tmp_path) as account:
        body = account.body(ACCOUNT)
        assert body is not None
        account.put({**body, "tags": {**body["tags"], "finops:keep": "forever"}})

        assert "finops:keep" in held(account)


def test_the_kill_switch_stops_it(tmp_path: Path):
    with tiering(tmp_path) as account:
        (tmp_path / "STOP").touch()

        assert "kill switch" in held(account)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"max_acts": 0}, "Raise tiering.max_acts"),
        ({"max_per_hour": 0}, "raise tiering.max_per_hour"),
        ({"max_monthly_money": Decimal("0.01")}, "Raise tiering.max_monthly_money"),
        ({"max_once": Decimal("0.000001")}, "Raise tiering.max_once"),
        ({"max_worst": Decimal("0.01")}, "Raise tiering.max_worst"),
    ],
)
def test_a_limit_stops_it_and_says_which(tmp_path: Path, own: Any, said: str):
    with tiering(tmp_path, **own) as account:
        assert said in held(account)


def test_an_account_that_is_off_is_not_looked_at(tmp_path: Path):
    with tiering(tmp_path, inventory=False, scopes={ACCOUNT: "off"}) as account:
        assert account.apply().lines == ()


def test_the_nearest_scope_counts(tmp_path: Path):
    scopes: Any = {f"/subscriptions/{PROD}": "enforce", ACCOUNT.upper(): "list"}
    with tiering(tmp_path, mode="off", scopes=scopes) as account:
        assert results(account.apply()) == [(SET_RULES, "listed")]


def test_a_rule_of_others_that_works_against_ours_keeps_it_from_being_applied(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.govern(rule("back", enableAutoTierToHotFromCool=True,
                            tierToCool={"daysAfterLastAccessTimeGreaterThan": 10}))  # fmt: skip

        assert "against ours" in held(account)


def test_a_stale_inventory_is_never_applied(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.served.world.clock.advance(days=20)

        assert "20 days ago; the limit is 14" in held(account)


# -- tracking and inventory ---------------------------------------------------------------------------------------


def test_tracking_is_turned_on_where_the_settings_ask_for_it(tmp_path: Path):
    with tiering(tmp_path, tracked=False, tracking=True) as account:
        service = {"id": SERVICE, "name": "default", "type": "Microsoft.Storage/storageAccounts/blobServices"}
        account.put({**service, "properties": {"isVersioningEnabled": True, "changeFeed": {"enabled": True}}})

        done = account.apply()

        assert (TRACK, "done") in results(done), done.lines
        body = account.body(SERVICE)
        assert body is not None
        assert body["properties"]["lastAccessTimeTrackingPolicy"]["enable"] is True
        assert body["properties"]["isVersioningEnabled"] is True
        assert body["properties"]["changeFeed"] == {"enabled": True}


def test_rules_wait_until_reads_have_been_noted(tmp_path: Path):
    with tiering(tmp_path, tracked=False, tracking=True) as account:
        done = account.apply()

        assert (SET_RULES, "held") in results(done)
        assert account.rules() == []


def test_undo_turns_tracking_off_again(tmp_path: Path):
    with tiering(tmp_path, tracked=False, tracking=True) as account:
        account.apply()

        done = account.undo()

        assert results(done) == [(UNTRACK, "done")]
        assert results(account.undo()) == [("undo", "so")]


def test_undo_leaves_tracking_on_that_others_turned_on(tmp_path: Path):
    with tiering(tmp_path, tracking=True) as account:
        account.apply()

        account.undo()

        body = account.body(SERVICE)
        assert body is not None
        assert body["properties"]["lastAccessTimeTrackingPolicy"]["enable"] is True


def test_undo_leaves_tracking_on_that_a_rule_of_others_counts_from(tmp_path: Path):
    with tiering(tmp_path, tracked=False, tracking=True) as account:
        account.apply()
        account.govern(rule("cool", tierToCool={"daysAfterLastAccessTimeGreaterThan": 100}))

        done = account.undo()

        assert results(done) == [("undo", "so")]


def test_an_inventory_is_set_up_beside_the_rules_of_others(tmp_path: Path):
    with tiering(tmp_path, inventory_rule="finops-inventory") as account:
        before = account.body(INVENTORY)
        assert before is not None

        done = account.apply()

        assert results(done)[:2] == [(MAKE_CONTAINER, "done"), (SET_INVENTORY, "done")], done.lines
        after = account.body(INVENTORY)
        assert after is not None
        rules = after["properties"]["policy"]["rules"]
        assert rules[0] == before["properties"]["policy"]["rules"][0]
        assert [each["name"] for each in rules[1:]] == ["finops-inventory"]
        assert (SET_INVENTORY, "done") not in results(account.apply())


def test_undo_takes_our_inventory_rule_out(tmp_path: Path):
    with tiering(tmp_path, inventory_rule="finops-inventory") as account:
        before = account.body(INVENTORY)
        account.apply()

        done = account.undo()

        after = account.body(INVENTORY)
        assert before is not None
        assert after is not None
        assert (TAKE_INVENTORY, "done") in results(done)
        assert after["properties"]["policy"] == before["properties"]["policy"]


def test_an_account_without_any_inventory_gets_one(tmp_path: Path):
    with tiering(tmp_path, inventory=False, inventory_rule="finops-inventory") as account:
        done = account.apply()

        assert (SET_INVENTORY, "done") in results(done), done.lines
        account.undo()
        assert account.body(INVENTORY) is None


def test_in_mode_list_tracking_and_inventory_are_left_alone(tmp_path: Path):
    with tiering(tmp_path, mode="list", tracked=False, tracking=True, inventory_rule="finops-inventory") as account:
        done = account.apply()

        assert results(done) == [(SET_RULES, "listed")]
        assert account.changes() == []


def test_a_policy_of_others_alone_is_never_touched_by_undo(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()
        account.govern(THEIRS)
        before = account.body(POLICY)

        account.undo()

        assert account.body(POLICY) == before
