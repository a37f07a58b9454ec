"""Why a cost changed: its price, its quantity, its mix, what is new or gone; parts that add up exactly to the change.

For things of one kind (a meter's category, subcategory and unit) on one resource, in Q units at the average price
P = C / Q:

    quantity  (Q1 - Q0) x P0                       more or less of it, at what a unit cost before
    mix       sum of p0 x q1, less Q1 x P0         dearer or cheaper SKUs, priorities or regions for the same units
    price     sum of (p1 - p0) x q1                another price of the same SKU

p, q are of one meter, region and pricing category; one that was not used before has no price of its own before, so what
it costs other than the average is mix. Dedicated nodes that become spot nodes of their size are mix, not price.
The parts of a cost centre are those of its resources added up: work that moves between two of them is more quantity of
one and less of the other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any, get_args

from finops.charges import Period
from finops.charges.book import trimmed
from finops.report.gather import ZERO, Asked
from finops.report.model import Effect, EffectKind, Effects, Lasts, Money, Shift
from finops.report.rounding import adding_up, printable

KINDS: tuple[EffectKind, ...] = get_args(EffectKind)
# A unit price need not end: parts are cut here, and what is cut off goes to the largest one.
FINEST = Decimal("1e-12")
SHIFTS = 6

THING = ["CostCenter", "ResourceId", "ServiceName"]
ITEM = ["MeterCategory", "MeterSubcategory", "MeterName", "SkuId", "RegionId", "PricingCategory"]
KIND = ["ChargeCategory", "ChargeClass", "CommitmentDiscountStatus"]
_PRIORITY = re.compile(r"\s*\b(spot|low[ -]?priority)\b\s*", re.IGNORECASE)

Row = Mapping[str, Any]
Amounts = dict[EffectKind, Decimal]


def by_centre(asked: Asked, before: Period, after: Period) -> dict[str, list[Row]]:
    """The rows of each cost centre, resource by resource."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in told(asked, before, after):
        found[row["CostCenter"]].append(row)
    return found


def by_thing(rows: Iterable[Row]) -> dict[tuple[str, ...], list[Row]]:
    """The rows of each resource by (cost centre, id, service)."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[_thing(row)].append(row)
    return found


def told(asked: Asked, before: Period, after: Period, where: Mapping[str, list[str]] | None = None) -> list[Row]:
    """What `split` is asked of."""
    return list(asked.amounts([*THING, *ITEM, *KIND], before, after, THING, where))


def split(rows: Iterable[Row]) -> Amounts:
    """The change of `rows` by kind; the amounts add up to it to the last digit."""
    found: dict[EffectKind, Decimal] = dict.fromkeys(KINDS, ZERO)
    alike: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    with localcontext() as context:
        context.prec = 80
        for row in rows:
            found["not split"] += row["OtherAfter"] - row["OtherBefore"] if _plain(row) else ZERO
            kind = _kind(row)
            if kind is None:
                alike[_group(row)].append(row)
            else:
                found[kind] += row["After"] - row["Before"]
                found[kind] += ZERO if _plain(row) else row["OtherAfter"] - row["OtherBefore"]
        for same in alike.values():
            for kind, amount in _parts(same).items():
                found[kind] += amount
        return {kind: trimmed(amount) for kind, amount in found.items()}


def together(all_of: Iterable[Amounts]) -> Amounts:
    with localcontext() as context:
        context.prec = 80
        found: Amounts = dict.fromkeys(KINDS, ZERO)
        for each in all_of:
            for kind, amount in each.items():
                found[kind] += amount
        return {kind: trimmed(amount) for kind, amount in found.items()}


def effects(
    amounts: Amounts,
    shown: Decimal,
    digits: int,
    currency: str,
    figure: str,
    lasts: Lasts,
    why: str,
    rows: Iterable[Row],
) -> Effects:
    """As printed: shown: the change as it is printed elsewhere, to which the printed parts add up."""
    kinds = [kind for kind in KINDS if amounts[kind]]
    printed = adding_up([amounts[kind] for kind in kinds], digits)
    if kinds:
        largest = max(range(len(kinds)), key=lambda n: abs(amounts[kinds[n]]))
        printed[largest] += shown - sum(printed, ZERO)
    return Effects(
        parts=tuple(
            Effect(kind, Money(amounts[kind], currency), Money(amount, currency), f"{figure}/{kind.replace(' ', '-')}")
            for kind, amount in zip(kinds, printed, strict=True)
        ),
        lasts=lasts,
        why=why,
        shifts=shifts(rows, currency),
    )


def shifts(rows: Iterable[Row], currency: str, most: int = SHIFTS) -> tuple[Shift, ...]:
    """How much of which meter at which price, before and now: those whose cost changed most."""
    found: dict[tuple[str, str], list[Decimal]] = {}
    with localcontext() as context:
        context.prec = 80
        for row in rows:
            sums = found.setdefault((_called(row), row["ConsumedUnit"]), [ZERO] * 4)
            told = (row["QuantityBefore"], row["QuantityAfter"], row["Before"], row["After"])
            for n, amount in enumerate(told):
                sums[n] += amount
    ordered = sorted(found.items(), key=lambda item: (-abs(item[1][3] - item[1][2]), item[0]))
    return tuple(
        Shift(
            name=name,
            unit=printable(unit),
            quantity_before=before if unit else None,
            quantity=after if unit else None,
            price_before=_price(cost_before, before) if unit else None,
            price=_price(cost, after) if unit else None,
            before=Money(trimmed(cost_before), currency),
            cost=Money(trimmed(cost), currency),
        )
        for (name, unit), (before, after, cost_before, cost) in ordered[:most]
        if cost != cost_before
    )


def pieces(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows in the smallest lots that `split` answers alike: a family of meters on a resource; each purchase, credit
    and new or gone thing by itself. By (resource id, name)."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[_group(row) if _kind(row) is None else (*_thing(row), _called(row))].append(row)
    named: dict[tuple[str, str], list[Row]] = {}
    for key, mine in found.items():
        name = _called(max(mine, key=lambda row: abs(row["After"] - row["Before"])))
        place = (key[1], name)
        # What has another cost centre or service may share its name, and must not be split as one.
        while place in named:
            place = (place[0], f"{place[1]}, {key[0]}")
        named[place] = mine
    return named


def bought(rows: Iterable[Row]) -> bool:
    """Whether all that was charged was bought: it comes on its day, and costs nothing in between."""
    return all(_apart(row) == "purchase" for row in rows)


def _plain(row: Row) -> bool:
    """Whether the row is usage of something that was there before and is there now."""
    return row["Side"] == "both" and not _apart(row)


def _apart(row: Row) -> EffectKind | None:
    """Purchases and credits, which no price and no quantity explains."""
    if row["ChargeCategory"] == "Purchase" or row["CommitmentDiscountStatus"].lower() == "unused":
        return "purchase"
    if row["ChargeCategory"] not in {"", "Usage"} or row["ChargeClass"].lower() == "correction":
        return "credit"
    return None


def _kind(row: Row) -> EffectKind | None:
    """What the row's change is as a whole; None where it is to be split."""
    if apart := _apart(row):
        return apart
    if row["Side"] != "both":
        return "new" if row["Side"] == "new" else "gone"
    if not row["ConsumedUnit"] or not (row["MeterName"] or row["SkuId"]):
        return "not split"
    return None


def _group(row: Row) -> tuple[str, ...]:
    """What is alike enough for a shift within it to be a mix."""
    family = row["MeterSubcategory"] or row["MeterName"] or row["SkuId"]
    kind = _PRIORITY.sub(" ", family).strip().lower()
    return *_thing(row), row["MeterCategory"], kind, row["ConsumedUnit"].lower()


def _thing(row: Row) -> tuple[str, ...]:
    return tuple(row.get(name, "") for name in THING)


def _parts(rows: Sequence[Row]) -> Amounts:
    """Quantity, mix and price of things that are alike. Within the context of `split`, whose 80 digits lose no sum."""
    items: dict[tuple[str, ...], list[Decimal]] = {}
    for row in rows:
        name = (row["MeterName"] or row["SkuId"], row["RegionId"], row["PricingCategory"])
        sums = items.setdefault(name, [ZERO] * 4)
        for n, column in enumerate(("QuantityBefore", "QuantityAfter", "Before", "After")):
            sums[n] += row[column]
    quantity_before, quantity, before, after = (sum((item[n] for item in items.values()), ZERO) for n in range(4))
    change = after - before
    if not quantity_before and not before:
        return {"new": change}
    if not quantity and not after:
        return {"gone": change}
    if quantity_before <= 0 or quantity <= 0 or any(q < 0 for item in items.values() for q in item[:2]):
        return {"not split": change}
    average = before / quantity_before
    at_old_prices = ZERO
    for was, now, cost_before, cost in items.values():
        if (not was and cost_before) or (not now and cost):
            return {"not split": change}  # costs without a quantity have no price
        at_old_prices += cost_before / was * now if was else cost
    cut: Amounts = {
        "quantity": ((quantity - quantity_before) * average).quantize(FINEST),
        "mix": (at_old_prices - quantity * average).quantize(FINEST),
        "price": (after - at_old_prices).quantize(FINEST),
    }
    largest = max(cut, key=lambda kind: abs(cut[kind]))
    cut[largest] += change - sum(cut.values(), ZERO)
    return cut


def _price(cost: Decimal, quantity: Decimal) -> Decimal | None:
    return (cost / quantity).quantize(FINEST) if quantity > 0 else None


def _called(row: Row) -> str:
    name = row["MeterName"] or row["SkuId"] or row["MeterCategory"] or "not named"
    committed = ", under a commitment" if row["PricingCategory"] == "Committed" else ""
    return printable(name) + committed
