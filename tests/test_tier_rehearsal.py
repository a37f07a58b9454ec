"""Rules lived through on recorded access: each figure by hand, and no way cheaper than knowing everything."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from tier_prices import sample_rates

from finops.errors import DataError
from finops.tiering.rehearsal import COMMON, FORESIGHT, NOTHING, OURS, SMART, Read, Recorded, rehearse
from finops.tiering.rules import LifecycleRule

TB = 2**40
RATES = sample_rates()


def rule(*days: tuple[str, int], prefixes: tuple[str, ...] = ("data/",), basis: str = "last access") -> LifecycleRule:
    return LifecycleRule("finops-x", prefixes, basis, days, Decimal(0), 0, 0)


def near(amount: str) -> object:
    return pytest.approx(Decimal(amount), abs=Decimal("0.00001"))


def test_doing_nothing_costs_what_is_stored_and_read():
    told = rehearse([Recorded("data/a", TB, 0, 100)], [Read("data/a", 3, 10)], [], RATES, 30)

    # 1,024 GB x 0.0208 for 30 days of 365 / 12; 10 reads at 0.0044 for 10,000.
    assert told.of(NOTHING).stored == near(str(round(1024 * 0.0208 * 30 * 12 / 365, 6)))
    assert told.of(NOTHING).operations == near("0.0000044")
    assert told.of(NOTHING).saving == 0


def test_a_rule_moves_what_is_old_at_once_and_what_grows_old_later():
    blobs = [Recorded("data/old", TB, 400, 400), Recorded("data/new", TB, 0, 0), Recorded("other/old", TB, 400, 400)]

    told = rehearse(blobs, [], [rule(("Cold", 19))], RATES, 30).of(OURS)

    # One for 30 days in Cold, one for 20 in Hot and 10 in Cold, one in Hot; two writes at 0.18 for 10,000.
    assert told.moves == 2
    assert told.stored == near(str(round(1024 * (50 * 0.0208 + 40 * 0.0045) * 12 / 365, 6)))
    assert told.operations == near("0.000036")


def test_reading_from_cold_costs_retrieval():
    told = rehearse([Recorded("data/a", TB, 400, 400)], [Read("data/a", 9, 2)], [rule(("Cold", 30))], RATES, 30)

    assert told.of(OURS).retrieval == near("61.44")  # 2 x 1,024 GB x 0.03


def test_reading_from_archive_rehydrates_to_hot_and_pays_for_the_days_not_stayed():
    told = rehearse([Recorded("data/a", TB, 400, 400)], [Read("data/a", 10)], [rule(("Archive", 180))], RATES, 30)

    ours = told.of(OURS)
    assert ours.archived_reads == 1
    assert ours.early == near(str(round(1024 * 0.002 * 170 / 30, 6)))
    assert ours.retrieval == near("22.528")  # 1,024 GB x 0.022
    assert ours.stored == near(str(round(1024 * (10 * 0.002 + 20 * 0.0208) * 12 / 365, 6)))


def test_a_blob_leaving_an_explicit_cool_early_pays_and_an_inferred_one_does_not():
    blobs = [Recorded("data/set", TB, 400, 400, "Cool", 20), Recorded("data/inferred", TB, 400, 400, "Cool")]

    told = rehearse(blobs, [], [rule(("Cold", 30))], RATES, 30)

    assert told.of(OURS).early == near(str(round(1024 * 0.0115 * 10 / 30, 6)))


def test_a_rule_by_modification_does_not_wait_for_reads_to_stop():
    reads = [Read("data/a", day) for day in range(30)]
    blobs = [Recorded("data/a", TB, 0, 400)]

    by_use = rehearse(blobs, reads, [rule(("Cool", 30))], RATES, 30)
    by_change = rehearse(blobs, reads, [rule(("Cool", 30), basis="modification")], RATES, 30)

    assert (by_use.of(OURS).moves, by_change.of(OURS).moves) == (0, 1)


def test_of_several_rules_the_coldest_tier_counts():
    rules = [rule(("Cool", 30)), rule(("Cold", 60), prefixes=("data/a",))]

    told = rehearse([Recorded("data/a", TB, 400, 400)], [], rules, RATES, 30)

    assert told.of(OURS).stored == near(str(round(1024 * 0.0045 * 30 * 12 / 365, 6)))


def test_a_blob_is_billed_from_the_day_it_is_written():
    told = rehearse([Recorded("data/a", TB, -15, -15)], [], [], RATES, 30)

    assert told.of(NOTHING).stored == near(str(round(1024 * 0.0208 * 15 * 12 / 365, 6)))


def test_a_blob_that_came_out_of_archive_stays_out_for_a_month():
    modified = rule(("Archive", 30), basis="modification")

    told = rehearse([Recorded("data/a", TB, 400, 400)], [Read("data/a", 0)], [modified], RATES, 60)

    # Hot on the day of the read and the 30 after it, then back in Archive.
    assert told.of(OURS).stored == near(str(round(1024 * (31 * 0.0208 + 29 * 0.002) * 12 / 365, 6)))


def test_smart_tier_bills_no_moves_and_watches_large_blobs_only():
    blobs = [Recorded("data/large", TB, 400, 400), *(Recorded(f"data/{n}", 100_000, 400, 400) for n in range(1000))]

    told = rehearse(blobs, [Read("data/large", 15)], [], RATES, 30).of(SMART)

    # Cold for 15 days and Hot for 15 after the read.
    stored = 1024 * (15 * 0.0045 + 15 * 0.0208) + 10**8 / 2**30 * 0.0208 * 30
    assert told.stored == near(str(round(stored * 12 / 365, 6)))
    assert told.watching == near("0.000004")
    assert told.retrieval == 0


def test_smart_tier_has_no_figures_where_its_price_is_unknown_or_tiers_are_set():
    unpriced = rehearse([Recorded("data/a", 1, 0, 0)], [], [], replace(RATES, smart_10k_month=None), 30).of(SMART)
    explicit = rehearse([Recorded("data/a", 1, 0, 0, "Cool", 3)], [], [], RATES, 30).of(SMART)

    assert "no price" in unpriced.unknown
    assert "tiers of their own" in explicit.unknown


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_cheaper_than_knowing_everything(seed):
    draw = random.Random(seed)
    blobs = [Recorded(f"data/{n}", 2 ** draw.randint(5, 38), age := draw.random() * 300, age + draw.random() * 99)
             for n in range(60)]  # fmt: skip
    reads = [Read(f"data/{int(60 * draw.random() ** 3)}", draw.randrange(200), draw.randint(1, 3)) for _ in range(150)]

    told = rehearse(blobs, reads, [rule(("Cool", 14), ("Cold", 45), ("Archive", 240))], RATES, 200)

    best = told.of(FORESIGHT).total
    assert all(told.of(name).total >= best for name in (NOTHING, OURS, COMMON))
    assert told.of(NOTHING).total - told.of(OURS).total == near(str(told.of(OURS).saving))


def test_the_parts_of_every_way_add_up_to_its_total():
    reads = [Read("data/1", day) for day in (3, 50, 90)]

    told = rehearse([Recorded(f"data/{n}", TB, 90 * n, 400) for n in range(4)], reads, [rule(("Cold", 30))], RATES, 120)

    for name in (NOTHING, OURS, COMMON, SMART):
        each = told.of(name)
        parts = each.stored + each.operations + each.retrieval + each.early + each.watching
        assert parts == pytest.approx(each.total, abs=Decimal("0.00001"))


def test_where_archive_is_lacking_the_common_rule_ends_with_cold():
    told = rehearse([Recorded("data/a", TB, 400, 400)], [], [], RATES, 30, ("Hot", "Cool", "Cold"))

    assert told.of(COMMON).stored == near(str(round(1024 * 0.0045 * 30 * 12 / 365, 6)))


@pytest.mark.parametrize(
    ("read", "day"), [("data/b", 3), ("data/a", 30), ("data/a", -1), ("data/later", 4)]
)  # fmt: skip
def test_a_record_whose_reads_and_blobs_do_not_belong_together_is_refused(read, day):
    with pytest.raises(DataError, match="not there or not recorded"):
        rehearse([Recorded("data/a", 1, 0, 0), Recorded("data/later", 1, -9, -9)], [Read(read, day)], [], RATES, 30)


def test_blobs_of_unknown_price_are_refused():
    few = replace(RATES, tiers={"Hot": RATES.tiers["Hot"]})

    with pytest.raises(DataError, match="No price of Cool"):
        rehearse([Recorded("data/a", 1, 0, 0, "Cool")], [], [], few, 30)
