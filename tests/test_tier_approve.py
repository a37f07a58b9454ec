"""Archive needs an approval: asked on the same page and by the same mails as the janitor's, and bound to the plan."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from approvals_page import Browser, text
from storing import ACCOUNT, NAME
from tier_applying import Tiering, results, tiering

from finops import approvals, janitor
from finops.approvals import APPROVER, Person
from finops.cloud import connect
from finops.errors import FinopsError
from finops.janitor import Found
from finops.jobs.sweeping.telling import tell
from finops.jobs.sweeping.undoing import undo
from finops.jobs.sweeping.waiting import waiting
from finops.jobs.tiering.deeds import SET_RULES
from finops.state import Record

LOCAL = "Standard_LRS"
ANN = Person("oid-ann", "Ann", "ann@contoso.com", frozenset({APPROVER}))
APPROVERS = {"/": ["admins@contoso.com"]}


def with_approvers(account: Tiering, **more: Any) -> None:
    own = account.settings.janitor.model_copy(update={"approvers": APPROVERS, **more})
    account.settings = account.settings.model_copy(update={"janitor": own})


def record(account: Tiering) -> Record:
    [found] = account.state.findings.all(limit=None)[0]
    return found


def asked(account: Tiering) -> Record:
    """A run at work asks, and its mails lie in the outbox."""
    with_approvers(account)
    account.inventory = None  # the account's own, of each day
    account.served.world.clock.advance(hours=18)  # Tuesday noon
    account.apply()
    return record(account)


def approve(account: Tiering) -> None:
    now = record(account)
    [answer] = approvals.Desk(account.state, account.settings.janitor).approve(
        [(now.number, now.finding.digest)], ANN, account.now
    )
    assert answer.ok, answer.said


def after_the_grace(account: Tiering) -> None:
    due = record(account).due_at
    assert due is not None
    at_work = approvals.Workdays(account.settings.janitor).next_work(due) + timedelta(minutes=5)
    account.served.world.clock.advance(hours=(at_work - account.now).total_seconds() / 3600)


def test_what_archives_waits_for_an_approval_in_mode_enforce_too(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        with_approvers(account)

        done = account.apply()

        assert results(done) == [(SET_RULES, "asks")]
        assert account.rules() == []


def test_hot_to_cool_waits_for_an_approval_in_mode_ask(tmp_path: Path):
    with tiering(tmp_path, mode="ask") as account:
        with_approvers(account)

        done = account.apply()

        assert results(done) == [(SET_RULES, "asks")]
        assert account.rules() == []


def test_the_request_says_what_it_saves_costs_and_risks(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        found = asked(account).finding

        assert (found.resource_id, found.action) == (ACCOUNT.lower(), "tier")
        assert found.saving is not None
        assert found.saving > 0
        facts = [name for name, _ in found.evidence["facts"]]
        assert facts[:3] == ["savesAMonth", "costsOnce", "ifAllIsReadBack"], "what is decided by comes first"
        assert {"toArchive", "hoursUntilItCanBeReadAgain"} <= set(facts)
        assert any("15 hours" in line for line in found.evidence["risks"])


def test_approvers_get_a_mail_about_it(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        assert asked(account).status == "pending"

        [mail] = (tmp_path / "outbox").rglob("*.eml")
        text = mail.read_text("utf-8")
        assert "admins@contoso.com" in text
        assert NAME in text


def test_a_dry_run_asks_nobody(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        done = account.apply(execute=False)

        assert results(done) == [(SET_RULES, "asks")]
        assert account.state.findings.all(limit=None)[0] == []


def test_what_was_approved_is_done_once_the_grace_is_over(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        early = account.apply()
        after_the_grace(account)

        done = account.apply()

        assert results(early) == [(SET_RULES, "asks")]
        assert results(done) == [(SET_RULES, "done")], done.lines
        assert any("tierToArchive" in str(rule) for rule in account.rules())
        assert record(account).status == "confirmed"


def test_nothing_is_done_without_the_approval(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        after_the_grace(account)

        done = account.apply()

        assert results(done) == [(SET_RULES, "asks")]
        assert account.rules() == []


def test_what_was_denied_is_not_done(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        now = asked(account)
        desk = approvals.Desk(account.state, account.settings.janitor)
        desk.deny([(now.number, now.finding.digest)], ANN, account.now, "the frames are for the audit")
        after_the_grace(account)

        done = account.apply()

        assert results(done) == [(SET_RULES, "asks")]
        assert "no" in done.lines[0].why
        assert account.rules() == []


def test_a_plan_with_other_rules_is_asked_about_again(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL, reads_a_day={NAME: 1}) as account:
        before = asked(account)
        approve(account)
        after_the_grace(account)
        account.set(protect={NAME: ["raw"]})

        done = account.apply()

        after = record(account)
        assert results(done) == [(SET_RULES, "asks")]
        assert (after.status, after.finding.digest == before.finding.digest) == ("pending", False)
        assert account.rules() == []


def test_an_approval_holds_while_a_plan_differs_only_a_little(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        approved = asked(account).finding.evidence["rules"]
        approve(account)
        after_the_grace(account)  # two weeks of reads and writes later

        account.apply()

        assert account.rules() == approved


def test_rules_in_force_that_are_nearly_as_good_are_left_alone(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        after_the_grace(account)
        account.apply()
        before = account.changes()
        account.served.world.clock.advance(days=2)

        done = account.apply()

        assert results(done) == [(SET_RULES, "so")], done.lines
        assert account.changes() == before


def test_a_sweep_of_the_janitor_leaves_it_alone(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        found = Found((), (), dict.fromkeys(janitor.names(janitor.folders(account.settings)), 100))

        approvals.record(account.state, found, (), account.now, account.settings, {}, "USD")

        assert record(account).status == "approved"


def test_the_janitor_does_not_carry_it_out(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        after_the_grace(account)
        with_approvers(account, mode="act")

        assert approvals.due(account.state, account.settings, account.now) == []


def test_undo_ends_what_was_approved_as_restored(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        after_the_grace(account)
        account.apply()

        account.undo()

        assert account.rules() == []
        assert record(account).status == "restored"


def test_who_approved_it_is_told_that_it_is_done(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        after_the_grace(account)
        account.apply()
        tell(account.state, account.settings, account.now)

        mails = [file.read_text("utf-8") for file in (tmp_path / "outbox").rglob("*.eml")]
        assert any("ann@contoso.com" in text and "e-tiered" in text for text in mails)


def test_a_run_that_was_broken_off_after_the_request_is_confirmed_by_the_next(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        after_the_grace(account)
        account.faults(
            {"fault": "reset-after", "method": "PUT", "path": "managementPolicies", "times": 1},
            {"fault": "503", "method": "GET", "path": "managementPolicies", "after": 3},
        )
        first = account.apply()
        left = record(account).status
        account.faults()

        account.apply()

        assert results(first) == [(SET_RULES, "unknown")], first.lines
        assert (left, record(account).status) == ("acted", "confirmed")
        assert sum("put" in each.lower() for each in account.changes()) == 1


def test_a_run_that_was_broken_off_before_the_request_got_there_is_gone_on_with_on_the_same_approval(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        approve(account)
        after_the_grace(account)
        account.faults(
            {"fault": "reset-before", "method": "PUT", "path": "managementPolicies", "times": 1},
            {"fault": "503", "method": "GET", "path": "managementPolicies", "after": 3},
        )
        first = account.apply()
        left = (record(account).status, account.rules())
        account.faults()

        account.apply()

        assert results(first) == [(SET_RULES, "unknown")], first.lines
        assert left == ("acted", [])
        assert record(account).status == "confirmed"
        assert len(account.rules()) > 0


def test_the_page_shows_it_with_its_evidence(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        found = asked(account)

        said = text(Browser(account.state).get(f"/findings/{found.number}"))

        assert f"Re-tier storage account {NAME}" in said
        assert "costs once" in said
        assert "15 hours" in said
        assert "finops tier undo" in said
        assert "Hot to Archive" in said
        assert "There is no rule of this name" not in said


def test_the_commands_of_the_janitor_say_whose_it_is(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        number = asked(account).number
        approve(account)

        [waits] = waiting(account.state, account.settings.janitor, account.now, [number])

        assert "finops tier apply" in waits.why
        assert waiting(account.state, account.settings.janitor, account.now) == []
        with connect(account.settings.azure) as azure, pytest.raises(FinopsError, match="finops tier undo --account"):
            undo(azure, account.settings, account.state, number, account.now, "ann")
