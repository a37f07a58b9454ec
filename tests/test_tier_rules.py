"""Lifecycle rules in place of a decision for each blob: what they save, what they never take, what they cost."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tier_inventories import ACCOUNT, blob
from tier_prices import AUTUMN, price_list, sample_rates
from tier_rulesets import optimum_of, rules_of, storage

from finops.errors import DataError
from finops.tiering.model import Protected, UnknownRates
from finops.tiering.rates import rates
from finops.tiering.rules import SOONEST, LifecycleRule, compress

OLD = [blob(f"data/old/{n}", 2**34, 900 + n) for n in range(40)]
BUSY = [blob(f"data/busy/{n}", 2**30, 900 + n, n % 3) for n in range(40)]


def taken(rule: LifecycleRule, path: str) -> bool:
    return not rule.prefixes or path.startswith(rule.prefixes)


def test_old_blobs_are_archived_and_the_optimum_is_reached(tmp_path):
    ruleset = rules_of(tmp_path, OLD + BUSY)

    assert [move.after for move in ruleset.moves] == ["Archive"]
    assert ruleset.share >= Decimal("0.999")


def test_what_the_rules_save_is_what_their_moves_save(tmp_path):
    ruleset = rules_of(tmp_path, OLD + BUSY)

    assert ruleset.saving == pytest.approx(sum(move.net for move in ruleset.moves), abs=Decimal("0.0001"))
    assert ruleset.saving == pytest.approx(sum(rule.saving for rule in ruleset.rules), abs=Decimal("0.0001"))


def test_blobs_that_are_read_stay(tmp_path):
    ruleset = rules_of(tmp_path, BUSY)

    assert sum(move.blobs for move in ruleset.moves) == 0


def test_a_protected_folder_is_never_taken_and_its_neighbours_are(tmp_path):
    rows = [blob(f"data/{name}/{n}", 2**34, 900 + n) for name in ("gold", "golden", "silver") for n in range(20)]
    guard = Protected("data", "gold/", "a job reads it", "test")

    ruleset = rules_of(tmp_path, rows, [guard])

    assert not any(taken(rule, "data/gold/new") for rule in ruleset.rules)
    assert all(any(taken(rule, f"data/{name}/1") for rule in ruleset.rules) for name in ("golden", "silver"))


def test_a_protected_folder_without_blobs_is_not_taken_either(tmp_path):
    ruleset = rules_of(tmp_path, OLD, [Protected("data", "later/", "kept for next year", "test")])

    assert ruleset.rules
    assert not any(taken(rule, "data/later/1") for rule in ruleset.rules)


def test_beside_something_protected_deep_inside_a_folder_the_rest_of_it_is_taken(tmp_path):
    rows = [blob(f"data/sets/{name}/{n}", 2**34, 900 + n) for name in "abc" for n in range(20)]
    guard = Protected("data", "sets/b/", "a job reads it", "test")

    ruleset = rules_of(tmp_path, rows, [guard])

    assert sum(rule.blobs for rule in ruleset.rules) == 40
    assert not any(taken(rule, "data/sets/b/1") for rule in ruleset.rules)


def test_what_is_protected_in_all_containers_is_taken_in_none(tmp_path):
    rows = [
        blob(f"{name}/{folder}/{n}", 2**34, 900 + n) for name in ("one", "two") for folder in "ab" for n in range(9)
    ]

    ruleset = rules_of(tmp_path, rows, [Protected("", "a/", "kept", "test")])

    assert sum(rule.blobs for rule in ruleset.rules) == 18
    assert not any(taken(rule, f"{name}/a/1") for rule in ruleset.rules for name in ("one", "two"))


def test_an_account_that_is_protected_whole_gets_no_rules(tmp_path):
    ruleset = rules_of(tmp_path, [*OLD, blob("data/old/empty", 0)], [Protected("", "", "kept", "test")])

    assert ruleset.rules == ()


@pytest.mark.parametrize("state", [{"LeaseState": "leased"}, {"LegalHold": True}])
def test_a_blob_that_somebody_works_with_is_not_taken_along(tmp_path, state):
    rows = [*OLD, blob("data/old/held", 2**34, 900, **state), *(blob(f"data/more/{n}", 2**34, 900) for n in range(9))]

    ruleset = rules_of(tmp_path, rows)

    assert ruleset.rules
    assert not any(taken(rule, "data/old/held") for rule in ruleset.rules)


def test_containers_are_named_where_they_fit_so_that_new_ones_are_not_taken(tmp_path):
    ruleset = rules_of(tmp_path, [blob(f"c{n % 5}/x/{n}", 2**34, 900 + n) for n in range(50)])

    assert all(rule.prefixes and all("/" in prefix for prefix in rule.prefixes) for rule in ruleset.rules)


def test_small_blobs_are_moved_with_the_large_ones_and_their_loss_is_counted(tmp_path):
    large = [blob(f"data/x/{n}", 2**30, 900) for n in range(20)]
    small = [blob(f"data/x/small-{n}", 10, 900) for n in range(5000)]

    with_small = rules_of(tmp_path / "a", large + small)
    without = rules_of(tmp_path / "b", large)

    assert sum(move.blobs for move in with_small.moves) == 5020
    assert with_small.saving < without.saving
    assert with_small.share < 1


def test_where_moving_small_blobs_costs_more_than_large_ones_save_there_is_no_rule(tmp_path):
    rows = [blob("data/x/large", 2**30, 900), *(blob(f"data/x/{n}", 10, 900) for n in range(30_000))]

    ruleset = rules_of(tmp_path, rows)

    assert ruleset.optimum_saving > 0
    assert ruleset.rules == ()


def test_empty_blobs_count_with_what_moving_and_keeping_them_costs(tmp_path):
    new = rates(price_list(), "westus", "LRS", False, AUTUMN, created=datetime(2026, 9, 1, tzinfo=UTC))
    assert not isinstance(new, UnknownRates)
    large = [blob(f"data/x/{n}", 2**32, 900) for n in range(20)]
    empty = [blob(f"data/x/empty-{n}", 0, 900) for n in range(2000)]

    ruleset = rules_of(tmp_path / "a", large + empty, rates=new)
    alone = rules_of(tmp_path / "b", large, rates=new)

    assert (ruleset.empty, alone.empty) == (2000, 0)
    # 2,000 writes, and 2,000 times 128 KiB for 365 days.
    archive = new.tiers["Archive"]
    kept = Decimal(2000 * 128 * 2**10) / 2**30 * archive.stored_gb * 12
    assert alone.saving - ruleset.saving == pytest.approx(kept + archive.write_10k / 5, abs=Decimal("0.0001"))


def test_reading_back_what_is_empty_counts_in_the_worst_case(tmp_path):
    large = [blob(f"data/x/{n}", 2**34, 900) for n in range(20)]
    empty = [blob(f"data/x/empty-{n}", 0, 900) for n in range(2000)]

    both, alone = rules_of(tmp_path / "a", large + empty), rules_of(tmp_path / "b", large)

    of = sample_rates().tiers
    more = (of["Archive"].read_10k - of["Hot"].read_10k) / 5
    assert [move.after for move in both.moves] == ["Archive"]
    assert sum(move.worst for move in both.moves) - sum(move.worst for move in alone.moves) == pytest.approx(
        more, abs=Decimal("0.0001")
    )


def test_nothing_is_moved_before_it_is_a_week_old(tmp_path):
    ruleset = rules_of(tmp_path, [blob(f"data/x/{n}", 2**34, n % 6, None) for n in range(60)])

    assert all(days >= SOONEST for rule in ruleset.rules for _, days in rule.days)


def test_where_reads_are_not_noted_rules_count_from_modification_and_never_archive(tmp_path):
    ruleset = rules_of(tmp_path, [row | {"LastAccessTime": None} for row in OLD])

    bodies = [rule.body()["definition"]["actions"]["baseBlob"] for rule in ruleset.rules]
    assert bodies
    assert all(set(body) <= {"tierToCool", "tierToCold"} for body in bodies)
    assert all(set(when) == {"daysAfterModificationGreaterThan"} for body in bodies for when in body.values())


def test_nothing_is_moved_before_thirty_days_where_reads_are_not_noted(tmp_path):
    rows = [blob(f"data/x/{n}", 2**34, n, None) | {"LastAccessTime": None} for n in range(60)]

    ruleset = rules_of(tmp_path, rows)

    assert ruleset.rules
    assert all(days >= 30 for rule in ruleset.rules for _, days in rule.days)


def test_at_most_so_many_rules_are_made_of_at_most_ten_prefixes(tmp_path):
    rows = [blob(f"c{a % 4}/{a:03d}/{n}", 2**32, 40 * (a % 25) + n, 1 if n % (a % 7 + 2) else None)
            for a in range(80) for n in range(6)]  # fmt: skip

    ruleset = rules_of(tmp_path, rows, limit=3)

    assert 0 < len(ruleset.rules) <= 3
    assert all(len(rule.prefixes) <= 10 for rule in ruleset.rules)


def test_rules_together_leave_a_blob_in_each_tier_for_its_minimum_days(tmp_path):
    rows = [blob(f"c/{a:02d}/{n}", 2**33, 12 * n * (a % 4 + 1) + 30, 12 * n * (a % 4 + 1))
            for a in range(12) for n in range(40)]  # fmt: skip

    ruleset = rules_of(tmp_path, rows)

    for area in range(12):
        least: dict[str, int] = {}
        for rule in ruleset.rules:
            if taken(rule, f"c/{area:02d}/x"):
                least |= {tier: min(days, least.get(tier, days)) for tier, days in rule.days}
        stages = sorted((days, -("Cool", "Cold", "Archive").index(tier), tier) for tier, days in least.items())
        online = [(days, tier) for days, _, tier in stages]
        for (first, tier), (then, _) in itertools.pairwise(online):
            assert then == first or then - first >= {"Cool": 30, "Cold": 90}.get(tier, 0)


def test_rules_by_last_access_ask_for_no_days_since_the_tier_changed_which_azure_refuses_beside_it(tmp_path):
    bodies = [rule.body()["definition"]["actions"]["baseBlob"] for rule in rules_of(tmp_path, OLD).rules]

    assert [list(body["tierToArchive"]) for body in bodies] == [["daysAfterLastAccessTimeGreaterThan"]]


def test_by_modification_a_blob_that_came_out_of_archive_rests_before_it_goes_back():
    rule = LifecycleRule("finops-archive180", ("data/",), "modification", (("Archive", 180),), Decimal(1), 1, 1)

    assert rule.body()["definition"]["actions"]["baseBlob"]["tierToArchive"] == {
        "daysAfterModificationGreaterThan": 180,
        "daysAfterLastTierChangeGreaterThan": 30,
    }


def test_a_tier_that_the_account_lacks_is_in_no_rule(tmp_path):
    lacking = storage(redundancy="ZRS", tiers=("Hot", "Cool", "Cold"))

    ruleset = compress(optimum_of(tmp_path, OLD, account=lacking), sample_rates(), ACCOUNT)

    assert {move.after for move in ruleset.moves} == {"Cold"}


def test_an_optimum_that_saves_nothing_has_no_share(tmp_path):
    rates_of_hot = replace(sample_rates(), tiers={"Hot": sample_rates().tiers["Hot"]})

    ruleset = rules_of(tmp_path, OLD, rates=rates_of_hot)

    assert (ruleset.rules, ruleset.share, ruleset.saving) == ((), None, 0)


def test_blobs_that_will_be_old_enough_soon_are_expected_to_save_too(tmp_path):
    ageing = [blob(f"data/old/{n}", 2**34, 3 * n, n % 40 if n % 3 else None) for n in range(1, 150)]

    alone, joined = rules_of(tmp_path / "a", OLD), rules_of(tmp_path / "b", ageing)

    # The year ahead is walked in steps of three days, in the middle of which reads fall: 0.09 of 144.29 here.
    assert abs(alone.coming) < alone.saving / 1000
    assert joined.coming > 0


def test_what_is_decided_does_not_hang_on_the_order_of_the_inventory(tmp_path):
    one, other = rules_of(tmp_path / "a", OLD + BUSY), rules_of(tmp_path / "b", [*reversed(OLD + BUSY)])

    assert one.rules == other.rules


def test_a_refused_account_gets_no_rules(tmp_path):
    with pytest.raises(DataError, match="smart"):
        optimum_of(tmp_path, OLD, account=storage(refusal="smart tier moves its blobs"))


def names_at_random(seed: int) -> list[str]:
    import random

    draw = random.Random(seed)
    parts = ["a", "ab", "b-", "'x", "é", "10%"]
    return ["/".join(draw.choice(parts) for _ in range(draw.randint(1, 4))) + f"/{n}" for n in range(120)]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_protected_no_prefix_reaches_it_and_all_figures_add_up(tmp_path, seed):
    names = names_at_random(seed)
    guards = [Protected("data", names[n].rpartition("/")[0][: 3 + n], "kept", "test") for n in range(0, 6, 2)]
    rows = [blob(f"data/{name}", 2**33, 800 + n) for n, name in enumerate(names)]

    ruleset = rules_of(tmp_path, rows, guards)

    free = [name for name in names if not any(guard.covers("data", name) for guard in guards)]
    moved = [name for name in names if any(taken(rule, f"data/{name}") for rule in ruleset.rules)]
    assert set(moved) <= set(free)
    assert sum(move.blobs for move in ruleset.moves) == len(moved)
    assert sum(rule.blobs for rule in ruleset.rules) == len(moved)
