"""SQL for questions about charges: sums per key, in two steps so that tags are parsed once a text, not once a row.

Step one adds up rows whose raw columns are equal; step two reads the keys from those few raw values and adds up again.
Sums are DECIMAL throughout, so parts add up to the whole to the last decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from finops.charges.columns import literal
from finops.charges.keys import Key, key
from finops.charges.period import Period
from finops.errors import UsageError

BASES = {"billed": "BilledCost", "effective": "EffectiveCost"}
Where = Mapping[str, "str | Iterable[str | None] | None"]


@dataclass
class Question:
    """`sql` with its parameters in order."""

    sql: str
    values: list[object] = field(default_factory=list)


def column(basis: str) -> str:
    """The FOCUS column of `basis`."""
    if basis not in BASES:
        raise UsageError(
            f"'{basis}' is no cost basis.", "Write billed (BilledCost, as invoiced) or effective (amortised)."
        )
    return BASES[basis]


def sums(
    names: Sequence[str],
    measures: Mapping[str, str],
    periods: Sequence[Period],
    where: Where | None = None,
    only: str = "",
) -> Question:
    """One row per key and currency: the keys, `BillingCurrency`, each measure summed, and `Charges`.

    measures: {"Cost": SQL of one row's amount}; `{0}`, `{1}` in it stand for "the row lies in periods[0]", [1].
    periods: rows outside of all of them are left out; none means all time.
    only: the one currency of all charges, where that is known: the column is then not even read.
    """
    wanted = [key(name) for name in names]
    filters = {key(name): _listed(values) for name, values in (where or {}).items()}
    raw: dict[str, str] = {}
    for one in [*wanted, *filters]:
        for source in one.raw:
            raw.setdefault(source, f"r{len(raw)}")
    inner_values: list[object] = []
    within = _within(periods, inner_values)
    money = literal(only) if only else '"BillingCurrency"'
    inside = [f"{money} AS currency", *(f"{source} AS {alias}" for source, alias in raw.items())]
    spans = [_span(period) for period in periods]
    inside += [f"sum({sql.format(*spans)}) AS {_quoted(name)}" for name, sql in measures.items()]
    # All raw columns and the currency: they come first, so GROUP BY can count them.
    grouped = ", ".join(str(n + 1) for n in range(len(raw) + 1))
    inner = f"SELECT {', '.join(inside)}, count(*) AS n FROM charges{within} GROUP BY {grouped}"
    outer = [f"{_shown(one, raw)} AS {_quoted(one.name)}" for one in wanted]
    outer_values: list[object] = []
    kept = "".join(_kept(one, raw, values, outer_values) for one, values in filters.items())
    code = "upper(trim(currency))"
    totals = [f"sum({_quoted(name)}) AS {_quoted(name)}" for name in measures]
    together = ", ".join([_grouped(one, raw) for one in wanted] + [code])
    sql = (
        f"SELECT {', '.join([*outer, f'{code} AS currency', *totals, 'CAST(sum(n) AS BIGINT) AS charges'])} FROM ({inner}) "
        f"WHERE true{kept} GROUP BY {together}"
    )
    return Question(sql, inner_values + outer_values)


def _within(periods: Sequence[Period], values: list[object]) -> str:
    return f" WHERE {' OR '.join(_span(period) for period in periods)}" if periods else ""


def _span(period: Period) -> str:
    """SQL: whether a row's ChargePeriodStart lies in `period`, half-open, as FOCUS has it."""
    start, end = (f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'" for moment in (period.start, period.end))
    return f"(ChargePeriodStart >= {start} AND ChargePeriodStart < {end})"


def _value(one: Key, raw: Mapping[str, str]) -> str:
    return one.sql.replace("{0}", raw[one.raw[0]]).replace("{1}", raw[one.raw[-1]])


def _grouped(one: Key, raw: Mapping[str, str]) -> str:
    return f"lower({_value(one, raw)})" if one.folds else _value(one, raw)


def _shown(one: Key, raw: Mapping[str, str]) -> str:
    """Of spellings that differ only in case, the one with more small letters (they sort last)."""
    value = f"max({_value(one, raw)})" if one.folds else _value(one, raw)
    return f"COALESCE({value}, '{one.empty}')" if one.empty else value


def _kept(one: Key, raw: Mapping[str, str], wanted: list[str | None], values: list[object]) -> str:
    """SQL that keeps the rows whose key is one of `wanted`, without regard to case where case means nothing."""
    value = _value(one, raw) if one.empty is None else f"COALESCE({_value(one, raw)}, '{one.empty}')"
    texts = [one.empty if text is None else text for text in wanted]
    values.extend(text.lower() if _caseless(one) and text else text for text in texts)
    compared = f"lower({value})" if _caseless(one) else f"CAST({value} AS VARCHAR)"
    return f" AND {compared} IN ({', '.join('?' * len(texts)) or 'NULL'})"


def _caseless(one: Key) -> bool:
    return one.folds or one.name in {"ResourceId", "SubAccountId", "RegionId"}


def _listed(values: str | Iterable[str | None] | None) -> list[str | None]:
    return [values] if values is None or isinstance(values, str) else [None if v is None else str(v) for v in values]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def exactly(after: Decimal, before: Decimal) -> Decimal:
    """after - before with all digits: Python's own subtraction keeps 28."""
    with localcontext() as context:
        context.prec = 80
        return after - before
