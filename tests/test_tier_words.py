"""What plans, the approvals page and its mails say of moves between tiers: nothing is unused, Archive is hours away."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from approvals_page import Browser, text
from test_tier_approve import LOCAL, after_the_grace, approve, asked, record
from tier_applying import tiering
from tier_inventories import blob
from tier_prices import ARCHIVING, ESTIMATES, sample_rates
from tier_rulesets import plan_of

from finops.cli.remembering import told
from finops.cli.tier_lines import lines, row
from finops.cli.tier_page import page
from finops.jobs.sweeping.telling import tell
from finops.tiering.plan import TierPlan
from finops.tiering.rates import read_back

RATES = sample_rates({**ESTIMATES, "Archive": ESTIMATES["Archive"] | ARCHIVING["Archive"]})
OLD = [blob(f"data/old/{n}", 2**36 + n, 600 + 10 * n) for n in range(30)]


@pytest.fixture(scope="module")
def archiving(tmp_path_factory: pytest.TempPathFactory) -> TierPlan:
    return plan_of(tmp_path_factory.mktemp("archiving"), OLD, rates=RATES)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the page says before and the mails say before and after it is done."""
    folder = tmp_path_factory.mktemp("asked")
    with tiering(folder, sku=LOCAL) as account:
        shown = text(Browser(account.state).get(f"/findings/{asked(account).number}"))
        first = mails(folder)
        command = "\n".join(told(record(account), []))
        approve(account)
        after_the_grace(account)
        account.apply()
        assert record(account).status == "confirmed"
        tell(account.state, account.settings, account.now)
        return {
            "page": shown,
            "command": " ".join(command.split()),
            "request": first,
            "receipt": mails(folder).replace(first, ""),
        }


def mails(folder: Path) -> str:
    """All bodies, plain and HTML, with their subjects, in the order of their arrival."""
    found = sorted((folder / "outbox").rglob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    bodies = []
    for file in found:
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        bodies += [str(message["Subject"])]
        bodies += [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return " ".join(" ".join(bodies).split())


def plain(made: TierPlan) -> str:
    return " ".join(" ".join(lines(made)).split())


def test_a_plan_that_archives_says_how_long_and_how_dear_the_way_back_is(archiving: TierPlan):
    for text_of in (plain(archiving), " ".join(page(archiving).split())):
        assert "up to 15 hours at standard priority (for 5.00 USD per 10,000 blobs and 0.02 a GB)" in text_of
        assert "under an hour at high priority, below 10 GB a blob (for 50.00 and 0.10)" in text_of


def test_a_plan_that_archives_says_that_it_needs_an_approval(archiving: TierPlan):
    assert "Whatever archives needs a person's approval" in plain(archiving)


def test_a_plan_says_that_its_rules_go_on(archiving: TierPlan):
    assert "Rules go on: what grows as old later is moved too" in plain(archiving)


def test_the_worst_case_is_told_at_high_priority_too(archiving: TierPlan):
    more = [
        read_back(RATES, "Archive", move.bytes, move.blobs, True).total
        - read_back(RATES, "Archive", move.bytes, move.blobs).total
        for move in archiving.moves
        if move.after == "Archive"
    ]

    assert more
    assert archiving.worst_high == pytest.approx(archiving.worst + sum(more))
    assert row(archiving)["worstHigh"] == archiving.worst_high
    assert f"At high priority {archiving.worst_high:,.2f} USD" in plain(archiving)


def test_a_plan_says_where_high_priority_has_no_price(tmp_path: Path):
    made = plan_of(tmp_path, OLD)

    assert made.worst_high is None
    assert "high priority, below 10 GB a blob, whose price is not published here" in plain(made)


def test_a_plan_that_archives_nothing_says_nothing_of_archive(tmp_path: Path):
    made = plan_of(tmp_path, OLD, unresolved=["The job train reads azureml://x."])

    assert made.rules
    assert made.worst_high is None
    assert "15 hours" not in plain(made)


def test_the_page_says_what_is_saved_and_nothing_of_stopping(said: dict[str, str]):
    assert "Saves, a month $" in said["page"]
    assert "saves a month" in said["page"]
    assert "saves amonth" not in said["page"]
    assert "Stops" not in said["page"]


def test_the_page_lists_what_is_to_be_known_apart_from_what_was_not_checked(said: dict[str, str]):
    unchecked = said["page"].partition("What was not checked")[2]

    assert unchecked.startswith(" Nothing is known that was left out.")
    assert "Who takes a blob out of Archive" in unchecked.partition("To be known beside the figures")[2]


def test_the_page_says_that_what_moved_does_not_come_back_by_undo(said: dict[str, str]):
    takes = said["page"].partition("How long that takes")[2].partition("What is lost")[0]

    assert "Seconds" not in takes
    assert "do not come back by it" in takes


def test_the_page_says_that_rules_go_on_and_what_high_priority_costs(said: dict[str, str]):
    assert "Rules go on: what grows as old later is moved too" in said["page"]
    assert "if read back at high priority" in said["page"]


def test_the_command_shows_what_is_to_be_known_where_there_is_no_page(said: dict[str, str]):
    known = said["command"].partition("To be known")[2]

    assert "up to 15 hours" in known
    assert "Who takes a blob out of Archive" in known
    assert "Not checked" not in said["command"]


def test_mails_about_blobs_that_are_in_use_call_nothing_unused(said: dict[str, str]):
    for mail in (said["request"], said["receipt"]):
        assert "storage tiers" in mail
        assert "unused" not in mail
        assert "Not checked" not in mail


def test_the_request_says_that_rules_go_on(said: dict[str, str]):
    assert "Rules go on: what grows as old later moves, too." in said["request"]


def test_the_receipt_says_what_undo_leaves_where_it_is(said: dict[str, str]):
    assert "What rules have moved stays where it is." in said["receipt"]
    assert "it can be brought back." not in said["receipt"]
