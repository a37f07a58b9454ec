"""The cheapest tier of every blob, held to a slow reckoning of our own and to the exact one of `rates`."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tier_inventories import ACCOUNT, NOW, ago, blob, write_inventory
from tier_prices import sample_rates

from finops.errors import DataError
from finops.tiering import EARLY_DAYS, GB, TIERS, Account, Aside, Protected, Rates
from finops.tiering.access import KINDS, Access, Habit, forecast
from finops.tiering.inventory import read_inventory
from finops.tiering.optimum import Optimum, optimum
from finops.tiering.rates import keep_cost, move_cost, read_back
from finops.tiering.schema import AGES
from finops.tiering.singles import singles

YEAR = 365
KEPT = 128 * 1024


def account(**more: object) -> Account:
    plain = Account("/a", ACCOUNT, "s", "westus", "LRS", "StorageV2", False, "Hot", True, tiers=TIERS)
    return dataclasses.replace(plain, **more)


def of_kind(rate: float, end: float = 0.0) -> Access:
    """What is known of reads: all blobs are of one of KINDS."""
    nearest = min(KINDS, key=lambda kind: abs(kind[0] - rate) + abs(kind[1] - end))
    habit = Habit("", tuple(1.0 if kind == nearest else 0.0 for kind in KINDS), 1, 1, 1)
    return Access("last access", 0.8, habit, {})


NEVER, DAILY = of_kind(0), of_kind(1)


def small_rates(**more: object) -> Rates:
    """Sample prices, with the smallest billed size, the minimums and retrieval of each tier."""
    plain = sample_rates()
    tiers = {name: dataclasses.replace(of, min_bytes=0 if name == "Hot" else KEPT) for name, of in plain.tiers.items()}
    return dataclasses.replace(plain, tiers=tiers, **more)


@pytest.fixture
def best(tmp_path: Path):
    opened = []

    def finding(
        rows: Sequence[dict],
        access: Access = NEVER,
        rates: Rates | None = None,
        of: Account | None = None,
        **more: object,
    ) -> Optimum:
        place = write_inventory(tmp_path / f"in-{len(opened)}", rows, format="parquet")
        opened.append(read_inventory([place], ACCOUNT, NOW, tmp_path / f"spool-{len(opened)}"))
        return optimum(opened[-1], rates or small_rates(), access, of or account(), **more)

    yield finding
    for each in opened:
        each.close()


def decided(found: Optimum, what: str = "path, after") -> list[tuple]:
    return found.connection.execute(f"SELECT {what} FROM {found.decisions} ORDER BY path").fetchall()


def where(found: Optimum) -> dict[str, str]:
    return dict(decided(found))


def test_data_that_nobody_reads_goes_to_archive(best):
    found = best([blob("data/big", GB)])

    assert where(found) == {"data/big": "Archive"}


def test_data_that_is_read_daily_stays_hot(best):
    found = best([blob("data/big", GB, 100, 1)], DAILY)

    assert where(found) == {"data/big": "Hot"}


def test_a_small_blob_stays_where_moving_it_costs_more_than_it_saves(best):
    found = best([blob("data/small", 2000), blob("data/big", GB)])

    assert where(found) == {"data/big": "Archive", "data/small": "Hot"}


def test_archive_is_for_blobs_that_are_hardly_read_whatever_it_saves(best):
    found = best([blob("data/big", 100 * GB, 400, 300)], of_kind(1 / 500), archive_chance=0.1)

    assert where(found) == {"data/big": "Cold"}


def test_nothing_is_archived_by_modification(best):
    found = best([blob("data/big", GB)], dataclasses.replace(NEVER, basis="modification"))

    assert where(found) == {"data/big": "Cold"}


def test_a_tier_that_the_account_cannot_have_is_not_chosen(best):
    found = best([blob("data/big", GB)], of=account(tiers=("Hot", "Cool")))

    assert where(found) == {"data/big": "Cool"}


def test_a_tier_without_a_price_is_not_chosen(best):
    rates = small_rates()
    without = dataclasses.replace(rates, tiers={name: rates.tiers[name] for name in ("Hot", "Cool")})

    found = best([blob("data/big", GB)], rates=without)

    assert where(found) == {"data/big": "Cool"}


def test_blobs_in_a_tier_without_a_price_are_set_aside(best):
    rates = small_rates()
    without = dataclasses.replace(rates, tiers={name: rates.tiers[name] for name in ("Hot", "Cool")})

    found = best([blob("data/a", 7, AccessTier="Cold"), blob("data/b", 7)], rates=without)

    assert found.aside == (Aside("in Cold, which has no known price", 1, 7),)


def test_what_is_archived_stays_there(best):
    found = best([blob("data/a", GB, 100, 1, AccessTier="Archive")], DAILY)

    assert where(found) == {"data/a": "Archive"}


def test_what_is_read_daily_stays_in_a_cooler_tier_as_nothing_is_moved_to_a_hotter_one(best):
    found = best([blob("data/a", GB, 100, 1, AccessTier="Cool", AccessTierInferred=False)], DAILY)

    assert where(found) == {"data/a": "Cool"}
    assert decided(found, "cost_hot, once_hot") == [(None, None)]
    assert found.stay == found.least > 0


@pytest.mark.parametrize(
    ("each", "covered"),
    [
        (Protected("data", "", "kept", "setting"), {"data/x/1", "data/y/2"}),
        (Protected("data", "x/", "kept", "setting"), {"data/x/1"}),
        (Protected("", "", "kept", "setting"), {"data/x/1", "data/y/2", "more/x/3"}),
        (Protected("", "x/", "kept", "setting"), {"data/x/1", "more/x/3"}),
        (Protected("dat", "", "kept", "setting"), set()),
        (Protected("data", "o'x", "kept", "setting"), set()),
    ],
)
def test_what_is_protected_stays_and_is_set_aside(best, each, covered):
    names = ("data/x/1", "data/y/2", "more/x/3")

    found = best([blob(name, GB) for name in names], protected=[each])

    assert {name for name, after in decided(found) if after == "Hot"} == covered
    assert sum(aside.blobs for aside in found.aside) == len(covered)
    assert {name for name in names if each.covers(*name.split("/", 1))} == covered


def test_a_blob_too_young_for_its_tier_waits_until_leaving_is_worth_it(best):
    cool = {"AccessTier": "Cool", "AccessTierInferred": False}
    rates = small_rates()
    dear = dataclasses.replace(rates.tiers["Cool"], early_gb=Decimal(5))
    rates = dataclasses.replace(rates, tiers=rates.tiers | {"Cool": dear})

    found = best(
        [blob("d/new", GB, 400, AccessTierChangeTime=ago(1), **cool), blob("d/old", GB, 400, **cool)], rates=rates
    )

    assert where(found) == {"d/new": "Cool", "d/old": "Archive"}


def test_an_account_that_is_refused_gets_no_optimum(best):
    with pytest.raises(DataError, match="in smart tier"):
        best([blob("data/a")], of=account(refusal="it is in smart tier"))


def test_another_accounts_inventory_gets_no_optimum(best):
    with pytest.raises(DataError, match="of training, not of other"):
        best([blob("data/a")], of=account(name="other"))


def test_an_account_of_nothing_saves_nothing(best):
    found = best([])

    assert (found.moves, found.saving) == ((), 0)


def exact(rates: Rates, row: dict, before: str, after: str, served: int | None, reads: float) -> float:
    """Until the horizon, by `rates`, of an online tier."""
    size = row["Content-Length"]
    moved = move_cost(rates, before, after, size, served).total
    return float(moved + keep_cost(rates, after, size, YEAR) + read_back(rates, after, size, 1).total * Decimal(reads))


@pytest.mark.parametrize("access", [NEVER, of_kind(1 / 60), of_kind(1 / 7, 1 / 120)], ids=["never", "rarely", "weekly"])
@pytest.mark.parametrize("hns", [False, True])
def test_costs_are_those_of_the_exact_reckoning_and_the_choice_is_the_least(best, access, hns):
    luck = random.Random(7)
    rows, known = [], {}
    for number in range(150):
        before, name = luck.choice(("Hot", "Cool", "Cold")), f"data/{number:03}"
        served = None if before == "Hot" else luck.randrange(120)
        more = {} if served is None else {"AccessTierChangeTime": ago(served + 0.5), "AccessTierInferred": False}
        idle, size = luck.randrange(2, 300), int(2 ** luck.uniform(8, 36))
        rows.append(blob(name, size, 300.5, idle + 0.5, AccessTier=before, **more))
        known[name] = (rows[-1], before, served, idle)
    rates = small_rates(hns=hns)

    found = best(rows, access, rates)

    for path, after, archive, *costs in decided(found, "path, after, cost_archive, cost_hot, cost_cool, cost_cold"):
        row, before, served, idle = known[path]
        numbers = [max(n for n, start in enumerate(AGES) if start <= days) for days in (300, idle)]
        reads = float(forecast(access, [(numbers[0], numbers[1], True)], YEAR, 180)["reads"][0])
        hotter = TIERS.index(before)
        slow = [
            None if n < hotter else exact(rates, row, before, tier, served, reads) for n, tier in enumerate(TIERS[:3])
        ]
        assert costs == [each and pytest.approx(each, rel=1e-9) for each in slow]
        least = min(each for each in (*slow, archive) if each is not None)
        chosen = dict(zip((*TIERS[:3], "Archive"), (*slow, archive), strict=True))[after]
        assert chosen == pytest.approx(least, rel=1e-9)


def test_archive_costs_what_rates_reckon_where_nothing_is_read(best):
    rates = small_rates()

    found = best([blob("data/a", 3 * GB)], rates=rates)

    slow = move_cost(rates, "Hot", "Archive", 3 * GB, None).total + keep_cost(rates, "Archive", 3 * GB, YEAR)
    assert found.least == pytest.approx(slow, abs=Decimal("0.000001"))
    assert found.stay == pytest.approx(keep_cost(rates, "Hot", 3 * GB, YEAR), abs=Decimal("0.000001"))


def test_the_worst_case_is_reading_all_of_it_back_at_once(best):
    rates = small_rates()

    (move,) = best([blob("data/a", 3 * GB)], rates=rates).moves

    back = read_back(rates, "Archive", 3 * GB, 1).total - read_back(rates, "Hot", 3 * GB, 1).total
    early = 3 * rates.tiers["Archive"].early_rate * 6
    assert move.worst == pytest.approx(back + early, abs=Decimal("0.000002"))


def test_the_cells_add_up_to_the_optimum_and_to_the_blobs(best):
    luck = random.Random(8)
    rows = [
        blob(f"c{n % 3}/f{n % 7}/{n}", int(2 ** luck.uniform(8, 34)), 500, luck.randrange(2, 500)) for n in range(400)
    ]

    found = best(rows, of_kind(1 / 60))

    blobs, size, stay = found.connection.execute("SELECT sum(blobs), sum(bytes), sum(cost_hot) FROM cells").fetchall()[
        0
    ]
    assert (blobs, size) == (400, sum(row["Content-Length"] for row in rows))
    assert float(found.stay) == pytest.approx(stay, abs=1e-6)
    assert float(found.saving) == pytest.approx(float(sum(move.net for move in found.moves)), abs=1e-4)
    assert found.saving > 0


AGED = st.integers(0, 900)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"tier": st.sampled_from(TIERS), "size": st.integers(1, 2**40), "written": AGED, "used": AGED, "moved": AGED}
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, times=st.floats(1, 10_000), kind=st.sampled_from((NEVER, of_kind(1 / 180), of_kind(1 / 7, 1 / 120))))
def test_nothing_ever_goes_to_a_hotter_tier_or_costs_more_than_staying(rows, times, kind):
    told = []
    for number, row in enumerate(rows):
        more = {"AccessTier": row["tier"], "AccessTierInferred": row["tier"] == "Hot"}
        if row["tier"] != "Hot":
            more["AccessTierChangeTime"] = ago(min(row["moved"], row["written"]))
        told.append(blob(f"d/{number}", row["size"], row["written"], min(row["used"], row["written"]), **more))
    with TemporaryDirectory() as folder:
        place = write_inventory(Path(folder) / "in", told, format="parquet")
        with read_inventory([place], ACCOUNT, NOW, Path(folder) / "spool") as inventory:
            found = optimum(inventory, small_rates(), dataclasses.replace(kind, times=times), account())
            moves = singles(found)
            costs = decided(found, "tier, after, cost_hot, cost_cool, cost_cold, cost_archive")

    for before, after, *each in costs:
        stay, goes = (each[TIERS.index(tier)] for tier in (before, after))
        assert TIERS.index(after) >= TIERS.index(before)
        assert set(each[: TIERS.index(before)]) <= {None}
        assert goes <= stay + 1e-9 * abs(stay)
    assert all(TIERS.index(one.after) > TIERS.index(one.before) for one in (*moves, *found.moves))
    kept = {f"d/{number}": min(row["moved"], row["written"]) for number, row in enumerate(rows)}
    assert all(kept[f"d/{one.name}"] >= EARLY_DAYS[one.before] for one in moves)
    assert found.least <= found.stay
