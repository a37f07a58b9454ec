"""SQL for questions about charges: sums per key, in three steps, so that little is done a row.

First rows are added up whose raw columns are equal; then the keys are read from those few raw values; then these are
added up. Sums are DECIMAL throughout, so parts add up to the whole to the last decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from itertools import pairwise

from finops.charges import tags
from finops.charges.columns import literal, quoted
from finops.charges.keys import Key, key
from finops.charges.period import Period
from finops.errors import UsageError

BASES = {"billed": "BilledCost", "effective": "EffectiveCost"}
Where = Mapping[str, "str | Iterable[str | None] | None"]

# Filters that are looked at row by row: their keys are read from one column, and leave most rows out.
EARLY = {"ResourceId", "SubAccountId"}

# A chain of comparisons is quicker than date_trunc (measured: 0.1 against 0.35 CPU s over 10 million rows), up to this.
_MONTHS = 24


@dataclass(frozen=True)
class Facts:
    """What is known about all charges before they are asked. currency: the only one, or "".

    tags_repeat: few tag texts stand for many rows. Then DuckDB parses each once where it reads it; else equal texts are
    brought together first. With 10 million rows the one takes half the time of the other, either way round.
    """

    first: datetime
    last: datetime
    currency: str = ""
    tags_repeat: bool = False


@dataclass(frozen=True)
class Question:
    """`sql` with its parameters in order."""

    sql: str
    values: tuple[object, ...] = ()


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
    where: Where | None,
    facts: Facts,
) -> Question:
    """One row per key and currency: the keys, the currency, each measure summed, and the number of charges.

    measures: {"Cost": SQL of one row's amount}; `{0}`, `{1}` in it stand for "the row lies in periods[0]", [1].
    periods: rows outside of all of them are left out; none means all time.
    """
    wanted = [key(name) for name in names]
    filters = {key(name): _listed(values) for name, values in (where or {}).items()}
    raw: dict[str, str] = {}
    read = {one: _value(one, raw, facts) for one in [*wanted, *(one for one in filters if one.name not in EARLY)]}
    spans = [_span(period) for period in periods]
    amounts = {name: sql.format(*spans) for name, sql in measures.items()}
    money = literal(facts.currency) if facts.currency else '"BillingCurrency"'

    values: list[object] = []
    # Few of many resources: what is left out first need not be added up.
    early = {one: texts for one, texts in filters.items() if one.name in EARLY}
    first_of = "".join(_kept(one, one.sql.replace("{0}", one.raw[0]), texts, values) for one, texts in early.items())
    within = f" WHERE ({' OR '.join(spans) or 'true'}){first_of}" if spans or early else ""
    inner = ", ".join(
        [f"{money} AS c", *(f"{sql} AS {alias}" for sql, alias in raw.items())]
        + [f"sum({sql}) AS {quoted(name)}" for name, sql in amounts.items()]
    )
    first = f"SELECT {inner}, count(*) AS n FROM charges{within} GROUP BY {_counted(1 + len(raw))}"

    late = {one: texts for one, texts in filters.items() if one not in early}
    kept = "".join(_kept(one, read[one], texts, values) for one, texts in late.items())
    names_of = {one: f"k{n}" for n, one in enumerate(wanted)}
    keyed = "".join(f"{read[one]} AS {alias}, " for one, alias in names_of.items())
    totals = ", ".join(map(quoted, amounts))
    second = f"SELECT {keyed}upper(trim(c)) AS c, {totals}, n FROM ({first}) WHERE true{kept}"

    shown = "".join(f"{_shown(one, alias)} AS {quoted(one.name)}, " for one, alias in names_of.items())
    together = ", ".join([f"lower({alias})" if one.folds else alias for one, alias in names_of.items()] + ["c"])
    added = ", ".join(f"sum({name}) AS {name}" for name in map(quoted, amounts))
    sql = f"SELECT {shown}c, {added}, CAST(sum(n) AS BIGINT) AS n FROM ({second}) GROUP BY {together}"
    return Question(sql, tuple(values))


def dearest(name: str, period: Period, top: int, where: Where | None, facts: Facts) -> Question:
    """The keys whose cost or credit is among the `top` largest in any of BASES, and their currency."""
    inner = sums([name], {column: f'"{column}"' for column in BASES.values()}, [period], where, facts)
    ranks = " OR ".join(
        f'row_number() OVER (PARTITION BY c ORDER BY abs("{column}") DESC, {quoted(key(name).name)}) <= {int(top)}'
        for column in BASES.values()
    )
    return Question(f"SELECT * FROM ({inner.sql}) QUALIFY {ranks}", inner.values)


IN_TWO = ("QuantityBefore", "QuantityAfter", "Before", "After", "OtherBefore", "OtherAfter")


def in_two(
    names: Sequence[str],
    apart: Sequence[str],
    periods: Sequence[Period],
    amount: str,
    where: Where | None,
    facts: Facts,
) -> Question:
    """One row per key, with quantity and cost in both of `periods`, and whether the thing named by `apart` is new, gone
    or in both."""
    told = '"ConsumedQuantity" IS NOT NULL'
    measures = {}
    for n, side in enumerate(("Before", "After")):
        measures[f"Quantity{side}"] = f'CASE WHEN {{{n}}} THEN "ConsumedQuantity" END'
        measures[side] = f"CASE WHEN {{{n}}} AND {told} THEN {amount} END"
        measures[f"Other{side}"] = f"CASE WHEN {{{n}}} AND NOT ({told}) THEN {amount} END"
    inner = sums(names, measures, periods, where, facts)
    if not apart:
        return Question(f"SELECT *, 'both' AS \"Side\" FROM ({inner.sql})", inner.values)
    thing = ", ".join([*(quoted(key(name).name) for name in apart), "c"])
    cost = {side: f'sum(COALESCE("{side}", 0) + COALESCE("Other{side}", 0))' for side in ("Before", "After")}
    side = (
        f"CASE WHEN {cost['Before']} = 0 AND {cost['After']} <> 0 THEN 'new' "
        f"WHEN {cost['After']} = 0 AND {cost['Before']} <> 0 THEN 'gone' ELSE 'both' END"
    )
    # A join takes a tenth of the time of the same sums over windows, which sort.
    sides = f'SELECT {thing}, {side} AS "Side" FROM found GROUP BY {thing}'
    sql = f'WITH found AS MATERIALIZED ({inner.sql}) SELECT found.*, "Side" FROM found JOIN ({sides}) USING ({thing})'
    return Question(sql, inner.values)


def merged(question: Question, names: Sequence[str]) -> Question:
    """The rows of `in_two` with fewer keys: the keys, the currency, the side, and the sums."""
    kept = [quoted(key(name).name) for name in names]
    totals = ", ".join(f'sum("{name}") AS "{name}"' for name in IN_TWO)
    columns = ", ".join([*kept, "c", '"Side"'])
    sql = f"SELECT {columns}, {totals} FROM ({question.sql}) GROUP BY {columns} ORDER BY {_counted(len(kept) + 2)}"
    return Question(sql, question.values)


def _counted(columns: int) -> str:
    return ", ".join(str(n + 1) for n in range(columns))


def _span(period: Period) -> str:
    """SQL: whether a row's ChargePeriodStart lies in `period`, half-open, as FOCUS has it."""
    start, end = (f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}'" for moment in (period.start, period.end))
    return f"(ChargePeriodStart >= {start} AND ChargePeriodStart < {end})"


def _value(one: Key, raw: dict[str, str], facts: Facts) -> str:
    """SQL of the key over raw columns, which are added to `raw` as {SQL over a charge: alias}."""
    if one.tag:
        if facts.tags_repeat:
            return tags.value(raw.setdefault(tags.token('"Tags"', one.tag), f"r{len(raw)}"))
        return tags.value(tags.token(raw.setdefault('"Tags"', f"r{len(raw)}"), one.tag))
    sources = [_month(facts) if source == "month" else source for source in one.raw]
    aliases = [raw.setdefault(source, f"r{len(raw)}") for source in sources]
    return one.sql.replace("{0}", aliases[0]).replace("{1}", aliases[-1])


def _month(facts: Facts) -> str:
    """SQL: the first day of a row's month."""
    first, last = (moment.astimezone(UTC).date().replace(day=1) for moment in (facts.first, facts.last))
    months = (last.year - first.year) * 12 + last.month - first.month
    exact = "CAST(date_trunc('month', ChargePeriodStart) AS DATE)"
    if not 0 <= months < _MONTHS:
        return exact
    begins = [_later(first, n) for n in range(months + 2)]
    chain = "".join(
        f" WHEN ChargePeriodStart < TIMESTAMP '{end}' THEN DATE '{start}'" for start, end in pairwise(begins)
    )
    return f"CASE WHEN ChargePeriodStart < TIMESTAMP '{first}' THEN {exact}{chain} ELSE {exact} END"


def _later(month: date, months: int) -> date:
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _shown(one: Key, alias: str) -> str:
    """Of spellings that differ only in case, the one with more small letters: they sort last."""
    value = f"max({alias})" if one.folds else alias
    return f"COALESCE({value}, {literal(one.empty)})" if one.empty else value


def _kept(one: Key, value: str, wanted: list[str | None], values: list[object]) -> str:
    """SQL that keeps the rows whose key is one of `wanted`, without regard to case where case means nothing."""
    text = f"CAST({value} AS VARCHAR)"
    if one.empty:
        text = f"COALESCE({text}, {literal(one.empty)})"
    if one.is_caseless:
        text = f"lower({text})"
    for given in wanted:
        name = one.empty if given is None else given
        values.append(name.lower() if name and one.is_caseless else name)
    return f" AND {text} IN ({', '.join('?' * len(wanted)) or 'NULL'})"


def _listed(values: str | Iterable[str | None] | None) -> list[str | None]:
    return [values] if values is None or isinstance(values, str) else [None if v is None else str(v) for v in values]


def exactly(after: Decimal, before: Decimal) -> Decimal:
    """after - before with all digits: Python's own subtraction keeps 28."""
    with localcontext() as context:
        context.prec = 80
        return after - before
