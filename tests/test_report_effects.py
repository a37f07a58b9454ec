"""Why a cost changed: price, quantity and mix that add up to the change, and whether it lasts."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_data import charge, daily, hours, report_of

from finops.charges import Period
from finops.report.effects import split
from finops.report.lasting import lasting
from finops.report.model import Driver, Effects, Report

BEFORE, AFTER = ("2026-11-08", "2026-11-14"), ("2026-11-15", "2026-11-22")
# A second cost centre, so that the one that moves stands beside something.
STEADY = daily("2026-11-08", "2026-11-22", "CC-9", "500", "steady", **hours("100"))


def week(first_last: tuple[str, str], cost: str, resource: str = "gpu", centre: str = "CC-1", **other: str) -> Any:
    return daily(*first_last, centre, cost, resource, **other)


def driver(report: Report) -> Driver:
    assert report.movers is not None
    return report.movers.drivers[0]


def parts(report: Report) -> dict[str, Decimal]:
    return parts_of(driver(report).effects)


def parts_of(effects: Effects | None) -> dict[str, Decimal]:
    assert effects is not None
    return {part.kind: part.amount.amount for part in effects.parts}


def test_more_hours_at_the_same_price_are_quantity_alone(tmp_path: Path) -> None:
    # 10 h and 25 h a day at 3.06 $: 7 x 15 h more
    rows = [*week(BEFORE, "30.60", **hours("10")), *week(AFTER, "76.50", **hours("25"))]

    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"quantity": Decimal("321.30")}


def test_a_dearer_hour_is_price_at_the_new_quantity(tmp_path: Path) -> None:
    # 10 h at 3 $, then 20 h at 4 $ a day: 10 x 3 x 7 more hours, 1 x 20 x 7 for the price
    rows = [*week(BEFORE, "30", **hours("10")), *week(AFTER, "80", **hours("20"))]

    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"quantity": Decimal(210), "price": Decimal(140)}


def test_dedicated_nodes_that_become_spot_are_mix_not_price(tmp_path: Path) -> None:
    # 20 h a day at 3.06 $, then the same hours on spot at 0.612 $
    rows = [*week(BEFORE, "61.20", **hours("20")), *week(AFTER, "12.24", **hours("20", "NC6s v3 Spot"))]

    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"mix": Decimal("-342.72")}


def test_hours_of_two_sizes_are_told_apart_from_their_mix(tmp_path: Path) -> None:
    # Before 10 h at 2 and 10 h at 6: 4 on average. After 10 h at 2 and 30 h at 6, prices as before.
    small, large = hours("10", "NC6s v3"), hours("10", "NC12s v3")
    rows = [*week(BEFORE, "20", **small), *week(BEFORE, "60", **large), *week(AFTER, "20", **small)]
    rows += week(AFTER, "180", **hours("30", "NC12s v3"))

    # 20 h more at 4 = 80; 40 h in the new mix cost 200 where 160 at the old average: 40 of mix
    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"quantity": Decimal(560), "mix": Decimal(280)}


def test_the_quantity_and_mix_of_a_cost_centre_are_those_of_its_resources_added_up(tmp_path: Path) -> None:
    # The dear one turns to spot and does less, the cheap one does more: together they look like 40 h at another mix.
    rows = [*week(BEFORE, "60", "dear", **hours("20")), *week(AFTER, "10", "dear", **hours("10", "NC6s v3 Spot"))]
    rows += [*week(BEFORE, "20", "cheap", **hours("20")), *week(AFTER, "30", "cheap", **hours("30"))]

    found = driver(report_of(tmp_path, *rows, *STEADY))

    each = [one.effects for one in found.resources if one.effects]
    assert len(each) == 2
    for kind in ("quantity", "mix"):
        assert parts_of(found.effects)[kind] == sum(parts_of(one).get(kind, Decimal(0)) for one in each)
    assert parts_of(found.effects) == {"quantity": Decimal(-140), "mix": Decimal(-140)}


def test_a_new_resource_and_one_that_is_gone_are_named_so(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "10", "old", **hours("5")), *week(AFTER, "40", "young", **hours("20"))]

    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"new": Decimal(280), "gone": Decimal(-70)}


def test_charges_without_a_quantity_are_not_split(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "10"), *week(AFTER, "40")]

    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"not split": Decimal(210)}


def test_charges_that_lack_the_quantity_beside_others_that_have_it_are_not_split(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "10", **hours("5")), *week(AFTER, "20", **hours("10"))]
    rows += week(AFTER, "3", **{**hours("5"), "ConsumedQuantity": ""})

    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"quantity": Decimal(70), "not split": Decimal(21)}


def test_a_cost_without_hours_has_no_price_and_is_not_split(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "10", **hours("0")), *week(AFTER, "40", **hours("20"))]

    assert parts(report_of(tmp_path, *rows, *STEADY)) == {"not split": Decimal(210)}


def test_purchases_credits_and_unused_commitments_stand_apart(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "10", **hours("5")), *week(AFTER, "10", **hours("5"))]
    rows.append(charge("2026-11-16", "CC-1", "900", "order", ChargeCategory="Purchase"))
    rows.append(charge("2026-11-17", "CC-1", "-40", "gpu", ChargeCategory="Credit"))
    rows.append(charge("2026-11-18", "CC-1", "-7", "gpu", ChargeClass="Correction", **hours("-2")))
    rows += week(AFTER, "2", "order-2", CommitmentDiscountStatus="Unused", **hours("1"))

    found = parts(report_of(tmp_path, *rows, *STEADY))

    assert found == {"purchase": Decimal(914), "credit": Decimal(-47)}


def test_the_parts_of_all_cost_centres_are_the_parts_of_the_whole_change(tmp_path: Path) -> None:
    rows = [row for n in range(6) for row in week(BEFORE, f"{n + 3}.37", f"vm-{n}", f"CC-{n}", **hours(f"{n + 1}"))]
    rows += [row for n in range(1, 7) for row in week(AFTER, f"{n}.91", f"vm-{n}", f"CC-{n}", **hours(f"{2 * n}"))]

    movers = report_of(tmp_path, *rows).movers

    assert movers is not None
    assert movers.effects is not None
    whole = {part.kind: part.amount.amount for part in movers.effects.parts}
    for kind, amount in whole.items():
        each = [one.of(kind) for one in movers.by_centre.values()]
        assert amount == sum((part.amount.amount for part in each if part), Decimal(0))


def test_printed_parts_add_up_to_the_printed_change(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "333.337", **hours("7")), *week(AFTER, "611.119", **hours("11"))]
    rows += week(AFTER, "0.347", "young", **hours("1"))

    found = driver(report_of(tmp_path, *rows, *STEADY))

    assert found.effects is not None
    assert found.line.shown_change is not None
    assert sum(part.shown.amount for part in found.effects.parts) == found.line.shown_change.amount


def test_a_resource_that_moved_is_split_too_with_its_quantities(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "30", **hours("10")), *week(AFTER, "80", **hours("20"))]

    mover = driver(report_of(tmp_path, *rows, *STEADY)).resources[0]

    assert mover.effects is not None
    assert {part.kind: part.amount.amount for part in mover.effects.parts} == {"quantity": 210, "price": 140}
    [shift] = mover.effects.shifts
    assert (shift.quantity_before, shift.quantity, shift.price_before, shift.price) == (70, 140, 3, 4)


ROW = {
    "CostCenter": "CC-1", "MeterCategory": "Virtual Machines", "MeterSubcategory": "NCSv3", "SkuId": "", "RegionId": "",
    "ChargeCategory": "Usage", "ChargeClass": "", "CommitmentDiscountStatus": "", "Side": "both",
}  # fmt: skip
MONEY = st.decimals("-50", "9999", places=6)
AMOUNT = st.one_of(st.just(Decimal(0)), st.decimals("0", "9999", places=4))


@st.composite
def some_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            **ROW,
            "MeterName": draw(st.sampled_from(["NC6s v3", "NC6s v3 Spot", "NC12s v3", ""])),
            "PricingCategory": draw(st.sampled_from(["Standard", "Dynamic"])),
            "ConsumedUnit": draw(st.sampled_from(["Hours", "GB", ""])),
            "Side": draw(st.sampled_from(["both", "both", "new", "gone"])),
            **{name: draw(AMOUNT) for name in ("QuantityBefore", "QuantityAfter")},
            **{name: draw(MONEY) for name in ("Before", "After", "OtherBefore", "OtherAfter")},
        }
        for _ in range(draw(st.integers(0, 8)))
    ]


@given(some_rows())
def test_the_parts_add_up_to_the_change_whatever_the_charges_say(rows: list[dict[str, Any]]) -> None:
    change = sum((row["After"] + row["OtherAfter"] - row["Before"] - row["OtherBefore"] for row in rows), Decimal(0))

    assert sum(split(rows).values()) == change


DAYS = [date(2026, 11, 1) + timedelta(days=n) for n in range(21)]
OLDEST, OLD, NEW = (Period(DAYS[n], DAYS[n] + timedelta(days=7)) for n in (0, 7, 14))


@pytest.mark.parametrize(
    ("this_week", "word"),
    [
        ([40, 40, 40, 40, 40, 40, 40], "structural"),
        ([10, 10, 10, 40, 40, 40, 40], "structural"),
        ([10, 210, 10, 10, 10, 10, 10], "temporary"),
        ([40, 40, 40, 40, 40, 10, 10], "temporary"),
        ([10, 10, 10, 10, 10, 10, 220], "not known"),  # it began on the last day
        ([10, 10, 10, 10, 10, 10, 10], "not known"),
        ([0, 0, 0, 0, 0, 0, 0], "structural"),
    ],
)
def test_what_is_there_on_the_last_days_lasts_and_what_has_passed_does_not(this_week: list[int], word: str) -> None:
    days = dict(zip(DAYS, map(Decimal, [10] * 14 + this_week), strict=True))

    assert lasting(days, OLD, NEW, Decimal(sum(this_week) - 70), earlier=OLDEST)[0] == word


def test_a_quiet_saturday_does_not_say_that_a_rise_has_passed() -> None:
    weekly = [10, 50, 50, 50, 50, 50, 10]  # Sunday to Saturday
    days = dict(zip(DAYS[7:], map(Decimal, [*weekly, *(2 * cost for cost in weekly)]), strict=True))

    assert lasting(days, OLD, NEW, Decimal(270))[0] == "structural"


def test_what_was_bought_once_is_temporary(tmp_path: Path) -> None:
    rows = [*week(BEFORE, "10", **hours("5")), *week(AFTER, "10", **hours("5"))]
    rows += [charge(f"2026-11-{day}", "CC-1", "300", "order", ChargeCategory="Purchase") for day in (19, 20, 21)]

    effects = driver(report_of(tmp_path, *rows, *STEADY)).effects

    assert effects is not None
    assert effects.lasts == "temporary"
