"""What tiering saved, by the charges for what the account keeps: not that it keeps less, not that prices were low."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from report_data import NOW, book, daily
from storing import NAME
from test_tier_approve import LOCAL, after_the_grace, approve, asked
from tier_applying import tiering

from finops.config.model import ReportSettings
from finops.jobs.tier_claims import claims
from finops.report import Claim, build
from finops.report.model import Saving
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.rules import LifecycleRule, named

DATA = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/data"
ACT = Claim(
    number=7, stage="done", resource_id=DATA, name="data", what="storage account", holder="", rule="tiering/lifecycle",
    does="re-tier", did="re-tiered", expected=Decimal(150), cost=None, currency="USD", source="Tiering",
    ref="tiering-act-7", measure="stored", basis="list price",
    since=datetime.fromisoformat("2026-11-11T10:00:00+00:00"),
)  # fmt: skip
REST = daily("2026-10-01", "2026-11-22", "CC-1", "100", "other", ResourceId=f"{DATA}2")


def stored(first: str, last: str, gb: str, cost: str, tier: str = "Hot", kind: str = "General Block Blob v2") -> Any:
    return daily(
        first, last, "CC-1", cost, "data", ResourceId=DATA, ConsumedQuantity=gb, ConsumedUnit="GB/Month",
        x_SkuMeterName=f"{tier} LRS Data Stored", x_SkuMeterSubcategory=kind, x_SkuMeterCategory="Storage",
    )  # fmt: skip


def charged(first: str, last: str, cost: str, meter: str = "Cool LRS Write Operations") -> Any:
    return daily(
        first, last, "CC-1", cost, "data", ResourceId=DATA, ConsumedQuantity="1", ConsumedUnit="10K",
        x_SkuMeterName=meter, x_SkuMeterSubcategory="General Block Blob v2", x_SkuMeterCategory="Storage",
    )  # fmt: skip


def saving(folder: Path, act: Claim, *rows: Any) -> Saving:
    with book(folder, *REST, *(row for each in rows for row in each)) as loaded:
        report = build(loaded, NOW, ReportSettings(), claims=[act])
    assert report.savings
    [entry] = report.savings.all
    return entry


BEFORE = stored("2026-10-01", "2026-11-10", "100", "10")


def test_what_is_kept_since_at_the_price_before_less_what_was_charged(tmp_path: Path):
    found = saving(tmp_path, ACT, BEFORE, stored("2026-11-11", "2026-11-21", "100", "4", "Cool"))

    assert found.realised
    assert found.realised.amount == 11 * 10 - 11 * 4
    assert (found.kind, found.days_after) == ("realised", 11)


def test_what_moving_cost_is_taken_off(tmp_path: Path):
    moved = charged("2026-11-11", "2026-11-11", "30")

    found = saving(tmp_path, ACT, BEFORE, stored("2026-11-11", "2026-11-21", "100", "4", "Cool"), moved)

    assert found.realised
    assert found.realised.amount == 11 * 10 - 11 * 4 - 30


def test_keeping_less_is_no_saving_of_ours(tmp_path: Path):
    found = saving(tmp_path, ACT, BEFORE, stored("2026-11-11", "2026-11-21", "50", "5"))

    assert found.realised
    assert found.realised.amount == 0


def test_keeping_twice_as_much_hides_no_saving(tmp_path: Path):
    found = saving(tmp_path, ACT, BEFORE, stored("2026-11-11", "2026-11-21", "200", "8", "Cool"))

    assert found.realised
    assert found.realised.amount == 11 * 20 - 11 * 8


def test_a_saving_that_reads_have_eaten_is_negative(tmp_path: Path):
    read = charged("2026-11-15", "2026-11-15", "500", "Cool Data Retrieval")

    found = saving(tmp_path, ACT, BEFORE, stored("2026-11-11", "2026-11-21", "100", "4", "Cool"), read)

    assert found.realised
    assert found.realised.amount == 66 - 500
    assert "costs more since" in found.why


def test_without_charges_before_it_is_not_known(tmp_path: Path):
    found = saving(tmp_path, ACT, stored("2026-11-11", "2026-11-21", "100", "4", "Cool"))

    assert found.realised is None
    assert "no charge says what its blobs took" in found.why


def test_too_few_days_before_it_tell_nothing(tmp_path: Path):
    made = replace(ACT, created=datetime.fromisoformat("2026-11-06T00:00:00+00:00"))

    found = saving(tmp_path, made, BEFORE, stored("2026-11-11", "2026-11-21", "100", "4", "Cool"))

    assert found.realised is None
    assert "7 are needed" in found.why


def test_file_shares_of_the_same_account_do_not_count(tmp_path: Path):
    files = stored("2026-11-11", "2026-11-21", "1000", "60", kind="Files v2")

    found = saving(tmp_path, ACT, BEFORE, stored("2026-11-11", "2026-11-21", "100", "4", "Cool"), files)

    assert found.realised
    assert found.realised.amount == 66


def test_an_undone_act_saves_until_the_day_before(tmp_path: Path):
    undone = replace(ACT, until=datetime.fromisoformat("2026-11-15T10:00:00+00:00"))

    found = saving(tmp_path, undone, BEFORE, stored("2026-11-11", "2026-11-21", "100", "4", "Cool"))

    assert found.realised
    assert (found.realised.amount, found.days_after) == (4 * 6, 4)


def test_a_request_is_identified_then_approved_then_one_act_until_it_is_undone(tmp_path: Path):
    with tiering(tmp_path, sku=LOCAL) as account:
        asked(account)
        [identified] = claims(account.state)
        approve(account)
        [approved] = claims(account.state)
        after_the_grace(account)
        account.apply()
        [done] = claims(account.state)
        [intent] = account.state.intents_since(account.now - timedelta(hours=1))
        account.undo()
        [undone] = claims(account.state)

    assert [one.stage for one in (identified, approved, done, undone)] == ["found", "decided", "done", "done"]
    assert identified.expected is not None
    assert done.expected == Decimal(intent.saving), "of the day of acting, on which more was old enough"
    assert identified.expected < done.expected < identified.expected * Decimal("1.25")
    assert (done.until, undone.until is None) == (None, False)


def test_rules_that_are_set_without_a_request_are_an_act_too(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.apply()

        [found] = claims(account.state)

    assert (found.stage, found.measure, found.currency) == ("done", "stored", "USD")


def test_rules_that_stay_go_on_saving_when_one_is_taken_out(tmp_path: Path):
    one_more = LifecycleRule("", ("inventory/old/",), LAST_ACCESS, (("Cold", 90),), Decimal(0), 0, 0)
    with tiering(tmp_path) as account:
        account.apply()
        before = account.rules()
        account.govern(*before, named(one_more, NAME).body())
        account.set(protect={NAME: ["inventory/old/"]})
        account.apply()
        left = account.rules()
        [part] = claims(account.state)
        account.undo()
        [whole] = claims(account.state)

    assert left == before
    assert (part.until, part.expected) == (None, None)
    assert whole.until is not None
