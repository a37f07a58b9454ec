"""What was approved is bound by what it comes to on the day of acting: blobs, bytes, one-off cost and worst case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from approvals_page import Browser, text
from test_tier_approve import after_the_grace, approve, record, with_approvers
from tier_applying import Tiering, results, tiering
from tier_inventories import write_inventory

from finops.jobs.tiering.deeds import SET_RULES

MB = 2**20


def blob(at: datetime, name: str, size: int, written: int, used: int) -> dict[str, Any]:
    return {
        "Name": name, "Creation-Time": at - timedelta(days=written), "Last-Modified": at - timedelta(days=written),
        "Content-Length": size, "BlobType": "BlockBlob", "AccessTier": "Hot", "AccessTierInferred": True,
        "LastAccessTime": at - timedelta(days=used),
    }  # fmt: skip


def shows(account: Tiering, folder: Path, younger: int = 0, more: int = 0, small: int = 0) -> None:
    """The inventory of now: old frames and outputs, `more` big frames and `small` thumbnails besides. younger: the days
    by which reads moved, so that the plan of the day has other rules."""
    at = account.now - timedelta(hours=8)
    rows = [
        blob(at, f"raw/frames/{n:05}.bin", 2400 * MB, 500 + n % 300, 400 - younger + n % 90) for n in range(400 + more)
    ]
    rows += [blob(at, f"runs/outputs/{n:05}.bin", 900 * MB, 200 + n % 300, 60 + younger + n % 120) for n in range(200)]
    rows += [blob(at, f"raw/frames/thumb/{n:06}.jpg", 20 * 1024, 500, 450) for n in range(small)]
    account.inventory = write_inventory(folder, rows, account="datalake", at=at)


def approved(account: Tiering, folder: Path) -> dict[str, Any]:
    """What was asked about and approved, the grace being over."""
    with_approvers(account)
    account.served.world.clock.advance(hours=54)
    shows(account, folder / "one")
    account.apply()
    evidence = record(account).finding.evidence
    approve(account)
    after_the_grace(account)
    return dict(evidence)


def test_an_approval_is_void_where_many_more_blobs_came_of_age(tmp_path: Path):
    with tiering(tmp_path, sku="Standard_LRS", inventory=False) as account:
        approved(account, tmp_path)
        shows(account, tmp_path / "two", younger=15, small=3000)

        done = account.apply()

        assert results(done) == [(SET_RULES, "asks")], done.lines
        assert (record(account).status, account.rules()) == ("pending", [])


def test_the_limits_are_held_against_what_approved_rules_come_to_today(tmp_path: Path):
    with tiering(tmp_path, sku="Standard_LRS", inventory=False) as account:
        worst = Decimal(approved(account, tmp_path)["worst"])
        shows(account, tmp_path / "two", younger=15, more=60)
        account.set(max_worst=worst * Decimal("1.05"))

        done = account.apply()

        assert results(done) == [(SET_RULES, "held")], done.lines
        assert account.rules() == []


def test_what_is_done_is_written_down_with_the_figures_of_the_day(tmp_path: Path):
    with tiering(tmp_path, sku="Standard_LRS", inventory=False) as account:
        asked = approved(account, tmp_path)
        shows(account, tmp_path / "two", younger=15, more=60)

        done = account.apply()

        assert (results(done), account.rules()) == ([(SET_RULES, "done")], asked["rules"]), done.lines
        [intent] = account.state.intents_since(account.now - timedelta(hours=1))
        assert intent.evidence["blobs"] == asked["blobs"] + 60
        assert Decimal(intent.evidence["worst"]) > Decimal(asked["worst"]) * Decimal("1.05")
        assert Decimal(intent.saving) == Decimal(intent.evidence["month"]) > Decimal(asked["month"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"once": "0.60"}, "it costs more"),
        ({"worst": "10"}, "it may cost more"),
        ({"blobs": 101}, "more blobs would be moved"),
        ({"bytes": 300 * 2400 * MB}, "more would be moved"),
        ({"month": "-5"}, "it saves less"),
        ({"once": "0.40", "worst": "3", "blobs": 90, "bytes": 2400 * MB, "month": "-2"}, ""),
    ],
)
def test_an_approval_holds_for_a_quarter_more_and_for_cents(tmp_path: Path, more: dict[str, Any], said: str):
    with tiering(tmp_path, sku="Standard_LRS", inventory=False) as account:
        asked = approved(account, tmp_path)
        proposed = account.apply(execute=False).lines[0].proposed
        assert proposed is not None
        [move] = proposed.figures
        added = {name: getattr(move, name) + type(getattr(move, name))(value) for name, value in more.items()}

        other = replace(proposed, figures=(replace(move, **added),))

        assert other.still(asked) == said


def test_the_page_says_what_an_approval_bears(tmp_path: Path):
    with tiering(tmp_path, sku="Standard_LRS", inventory=False) as account:
        with_approvers(account)
        account.served.world.clock.advance(hours=54)
        shows(account, tmp_path / "one")
        account.apply()

        said = text(Browser(account.state).get(f"/findings/{record(account).number}"))

        assert "over a quarter higher" in said
        assert "these save over a fifth less" in said
        assert "if anything of this differs" not in said
