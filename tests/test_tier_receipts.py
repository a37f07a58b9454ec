"""Receipts where the janitor and tiering did something in one run: each is told as what it is, and how it is undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path

import pytest
from lives import ANA, DAY, MONDAY, desk, finding, only, opened, row, sweep
from lives import tell as told_of
from storing import ACCOUNT
from test_sweeping_telling import body, configured, to

from finops import approvals
from finops.approvals.whose import TIERING, of_janitor
from finops.config.model import Settings
from finops.jobs.sweeping import tell
from finops.state import Record, State, StoredFinding

WENT = "512 of 513 are moved. 1 not: It was written since it was decided on, on 01 November 2026."
SET = "It is as it should be."


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configured(tmp_path)


def tiers(state: State) -> Record:
    """A request to move blobs, as `tier apply` enters one."""
    found = StoredFinding(
        rule=TIERING, resource_id=ACCOUNT, generation="2026-01-01T00:00:00Z", fingerprint="", digest="7e" * 32,
        action="tier", why="Single moves take 513 blobs.", evidence={}, owner="ola@contoso.example", risk="low",
        monthly_cost=None, saving=Decimal(40), dependents=(), not_checked=(), grace_days=3, quiet=None,
    )  # fmt: skip
    with state.findings.changing() as change:
        number = change.add(found, "found", "Planned for the first time.", MONDAY, "finops tier apply", "USD")
    return approvals.moved(state, number, "asked", "It needs an approval.", MONDAY, "finops tier apply")


def ended(state: State, record: Record, after: str, why: str) -> None:
    """Approved by Ana, sent, and come to that end on the next day."""
    [answer] = desk(state).approve(row(state.findings.get(record.number)), ANA, MONDAY + timedelta(hours=1))
    assert answer.ok, answer.said
    for step, said in (("scheduled", "It is due."), ("acted", "It is sent.")):
        approvals.moved(state, record.number, step, said, MONDAY + DAY, "finops")
    kept = {"restorable_until": MONDAY + 30 * DAY} if of_janitor(record) and after == "confirmed" else {}
    approvals.moved(state, record.number, after, why, MONDAY + DAY, "finops", **kept)


def receipt(state: State, settings: Settings, *ends: tuple[Record, str, str]) -> EmailMessage:
    """What Ana gets on the next day."""
    told_of(state, MONDAY)
    for record, after, why in ends:
        ended(state, record, after, why)
    tell(state, settings, MONDAY + DAY + timedelta(hours=2))
    [found] = to(settings, ANA.email, "receipt")
    return found


def janitors(state: State) -> Record:
    sweep(state, MONDAY, finding(), told=False)
    return only(state)


def plain(message: EmailMessage) -> str:
    return " ".join(body(message).split())


def test_of_both_in_one_receipt_nobody_is_told_that_storage_was_unused(state: State, settings: Settings):
    mail = receipt(state, settings, (janitors(state), "confirmed", "Gone."), (tiers(state), "confirmed", WENT))

    for text in (plain(mail), " ".join(body(mail, "html").split())):
        assert "These were approved, each of them. What was unused can be brought back" in text
        assert "These were unused" not in text
        assert "What rules have moved stays where it is." in text
    assert mail["Subject"] == "$740.00 a month: 2 resources dealt with"
    assert "Contoso <Research> - unused Azure resources and storage tiers" in plain(mail)


def test_each_in_it_names_the_command_that_takes_it_back(state: State, settings: Settings):
    deleted = janitors(state)
    mail = receipt(state, settings, (deleted, "confirmed", "Gone."), (tiers(state), "confirmed", WENT))

    for text in (plain(mail), body(mail, "html")):
        assert f"finops janitor undo {deleted.number}" in text
        assert "finops tier undo --account datalake --execute" in text


def test_of_single_blobs_it_says_how_many_went_and_why_others_did_not(state: State, settings: Settings):
    mail = receipt(state, settings, (tiers(state), "confirmed", WENT))

    for text in (plain(mail), " ".join(body(mail, "html").split())):
        assert WENT in text
        assert "This was approved. Of storage tiers" in text
    assert mail["Subject"] == "$40.00 a month: 1 resource re-tiered"


def test_what_was_deleted_beside_moves_that_failed_is_still_told_as_unused(state: State, settings: Settings):
    mail = receipt(
        state, settings, (janitors(state), "confirmed", "Gone."), (tiers(state), "failed", "Nothing was changed.")
    )

    assert "This was unused, and it was approved." in plain(mail)
    assert "what rules have moved" not in plain(mail)
    assert "Failed: Nothing was changed." in plain(mail)


def test_moves_that_were_done_beside_a_deletion_that_failed_are_not_told_as_unused(state: State, settings: Settings):
    mail = receipt(state, settings, (tiers(state), "confirmed", SET), (janitors(state), "failed", "Azure refused."))

    assert "This was approved. Of storage tiers, our rules can be taken out again" in plain(mail)
    assert "unused, and" not in plain(mail)


def test_one_request_mail_of_both_says_of_neither_what_only_the_other_is(state: State, settings: Settings):
    janitors(state)
    tiers(state)

    tell(state, settings, MONDAY)

    [owner], [group] = to(settings, "ola@contoso.example", "owner"), to(settings, "platform@contoso.example")
    assert "look unused, or cost more to keep than they have to" in plain(owner)
    assert "checked again and still holds" in plain(owner)
    assert owner["Subject"] == "$740.00 a month: may these 2 resources change? Say by 19 Nov"
    for text in (plain(owner), plain(group)):
        assert "Delete: it is removed." in text
        assert "Re-tier: its blobs move to tiers that cost less to keep" in text
