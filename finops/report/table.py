"""A table whose rows add up: the dearest by name, the rest as "Other", what has no owner always, and the total."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finops.report.gather import ZERO, Key, Spent, cost_in
from finops.report.model import Line, Money, Role, Table
from finops.report.rounding import adding_up, percent_of, printable

# Below this base a percentage says more about the base than about the change.
SMALLEST_BASE = Decimal(50)
# From here on, fractions are noise to the reader; the workbook keeps them.
WHOLE_UNITS_FROM = Decimal(1000)


@dataclass(frozen=True)
class Amounts:
    """Cost in the period, the one before (None: unknown) and the month so far (None: not shown)."""

    cost: Decimal
    before: Decimal | None
    month: Decimal | None


def digits_for(totals: Amounts, currency: str) -> int:
    """Digits after the point to print: none where the totals run into thousands, else the currency's own."""
    from babel.numbers import get_currency_precision

    largest = max(abs(amount) for amount in (totals.cost, totals.before or ZERO, totals.month or ZERO))
    return 0 if largest >= WHOLE_UNITS_FROM else get_currency_precision(currency)


def worth_saying(cost: Decimal, before: Decimal) -> Decimal | None:
    """The change in percent of `before`; None where that base is under 50 units, zero or negative."""
    return percent_of(cost - before, before) if before >= SMALLEST_BASE else None


def table(
    now: Mapping[Key, Spent],
    before: Mapping[Key, Spent] | None,
    month: Mapping[Key, Spent] | None,
    totals: Amounts,
    currency: str,
    digits: int,
    top: int,
    names: Mapping[str, str],
    untagged: str | None,
    figure: str = "",
    bought: Collection[str] = (),
) -> Table:
    """The table of everything that cost something in any of the three times.

    names: what to print beside a key; untagged: the key of what has no owner, which gets a row even at zero; figure:
    what the ids of its figures begin with; bought: keys that cost something in one period alone, by purchases.
    """
    keys = {*now, *(before or {}), *(month or {})} | ({(untagged,)} if untagged else set())
    amounts = {
        key: Amounts(
            cost_in(now, key),
            None if before is None else cost_in(before, key),
            None if month is None else cost_in(month, key),
        )
        for key in keys
    }
    order = sorted(keys, key=lambda key: (-amounts[key].cost, -(amounts[key].month or ZERO), key))
    shown = _shown([amounts[key] for key in order], digits)
    lines = [
        _line(
            key[0],
            _name(key[0], names),
            "untagged" if key[0] == untagged else "part",
            amounts[key],
            shown[place],
            currency,
            now[key].charges if key in now else 0,
            f"{figure}/{key[0] or 'none'}",
            key[0] in bought,
        )
        for place, key in enumerate(order)
    ]
    charges = sum(spent.charges for spent in now.values())
    total = _line("", "Total", "total", totals, _sum(shown), currency, charges, "total")
    return Table(rows=_rows(lines, top), all=tuple(lines), total=total)


def merged(lines: Sequence[Line], name: str) -> Line:
    """One line in place of several, exact and printed amounts added up."""
    first = lines[0]
    currency = first.cost.currency

    def both(amounts: Sequence[Money | None]) -> Decimal | None:
        known = [amount.amount for amount in amounts if amount is not None]
        return sum(known, ZERO) if known else None

    exact = Amounts(
        sum((line.cost.amount for line in lines), ZERO),
        both([line.before for line in lines]),
        both([line.month for line in lines]),
    )
    shown = Amounts(
        sum((line.shown_cost.amount for line in lines), ZERO),
        both([line.shown_change for line in lines]),
        both([line.shown_month for line in lines]),
    )
    return _line("", name, "other", exact, shown, currency, sum(line.charges for line in lines), "")


def _rows(lines: Sequence[Line], top: int) -> tuple[Line, ...]:
    """The `top` dearest lines that print as more than zeros, the rest in one, and what has no owner."""
    parts = [line for line in lines if line.role == "part"]
    named = [line for line in parts if _says_something(line)]
    # A lone other is named: it takes no more room.
    named = named[:top] if len(named) > top + 1 or len(named) < len(parts) - 1 else parts
    rest = [line for line in parts if line not in named]
    others = [merged(rest, f"Other ({len(rest)})")] if rest else []
    return (*named, *others, *(line for line in lines if line.role == "untagged"))


def _says_something(line: Line) -> bool:
    return any(money and money.amount for money in (line.shown_cost, line.shown_change, line.shown_month))


def _shown(amounts: Sequence[Amounts], digits: int) -> list[Amounts]:
    """Printed amounts, each column adding up. In `before` stands the printed change, which adds up by itself."""
    cost = adding_up([each.cost for each in amounts], digits)
    with_before = all(each.before is not None for each in amounts)
    with_month = all(each.month is not None for each in amounts)
    change = adding_up([each.cost - (each.before or ZERO) for each in amounts], digits)
    month = adding_up([each.month or ZERO for each in amounts], digits)
    return [
        Amounts(cost[i], change[i] if with_before else None, month[i] if with_month else None)
        for i in range(len(amounts))
    ]


def _sum(shown: Sequence[Amounts]) -> Amounts:
    def added(amounts: Sequence[Decimal | None]) -> Decimal | None:
        known = [amount for amount in amounts if amount is not None]
        return sum(known, ZERO) if len(known) == len(amounts) else None

    return Amounts(
        sum((each.cost for each in shown), ZERO),
        added([each.before for each in shown]),
        added([each.month for each in shown]),
    )


def _line(
    key: str, name: str, role: Role, exact: Amounts, shown: Amounts, currency: str, charges: int, figure: str,
    bought: bool = False,
) -> Line:  # fmt: skip
    def money(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount, currency)

    return Line(
        key=key,
        name=name,
        role=role,
        cost=Money(exact.cost, currency),
        before=money(exact.before),
        change=None if exact.before is None else Money(exact.cost - exact.before, currency),
        percent=None if exact.before is None else worth_saying(exact.cost, exact.before),
        month=money(exact.month),
        charges=charges,
        shown_cost=Money(shown.cost, currency),
        shown_change=money(shown.before),
        shown_month=money(shown.month),
        figure=figure,
        bought=bought,
    )


def _name(key: str, names: Mapping[str, str]) -> str:
    """ "CC-4300 LLM Platform": the key, and its name where one is set."""
    named = printable(names.get(key, ""))
    return f"{printable(key)} {named}".strip() or "(no name)"
