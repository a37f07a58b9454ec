"""Charges, and the questions they answer. Every sum is an exact Decimal in one currency."""

from __future__ import annotations

import shutil
import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.charges import coverage, questions, rejects, tags
from finops.charges.coverage import Gap
from finops.charges.exact import added as added
from finops.charges.exact import trimmed as trimmed
from finops.charges.keys import key
from finops.charges.part import Part
from finops.charges.period import Period
from finops.charges.questions import Facts, Question, Where
from finops.charges.rejects import Rejected
from finops.errors import DataError, MixedCurrencies

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


@dataclass(frozen=True)
class Known:
    """What is known besides the charges. bases: the costs that the sources state; another would only stand in.

    kinds_told: whether every source tells purchases from usage. Cost Management's answers do not.
    """

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    bases: tuple[str, ...] = ("billed", "effective")
    complete_until: datetime | None = None
    now: datetime | None = None
    """No day after it says anything about how far the charges reach."""
    asked: coverage.Days = field(default_factory=dict)
    """Days that were asked from Azure, by subscription."""
    kinds_told: bool = True
    tags: tuple[str, ...] | None = None
    """The only tags that every source was asked for; None where sources have all."""


class Charges:
    """A set of charges, asked where it lies. Close it, or leave its `with`, to drop its working folder."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, known: Known, scratch: Path | None) -> None:
        self._engine = engine
        self._known = known
        self._facts = _facts(known.parts)
        self.names: dict[str, str] = {}
        """Names of subscriptions by SubAccountId, where somebody told more than the charges do."""
        self._lock = threading.Lock()
        self._finish = weakref.finalize(self, _drop, engine, scratch)

    def __enter__(self) -> Charges:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._finish()

    @property
    def sources(self) -> list[str]:
        """The files that the charges were read from."""
        return [part.source for part in self._known.parts]

    @property
    def notes(self) -> list[str]:
        """What a reader of the figures should know: sentences."""
        return list(self._known.notes)

    @property
    def gaps(self) -> list[Gap]:
        return list(self._known.gaps)

    @property
    def bases(self) -> list[str]:
        """Which of "billed" and "effective" the sources state. The other, if any, is the same amounts standing in."""
        return list(self._known.bases)

    @property
    def kinds_told(self) -> bool:
        """Whether ChargeCategory comes from the sources; else all that is no commitment is called Usage."""
        return self._known.kinds_told

    @property
    def rejected(self) -> list[Rejected]:
        """Rows that were set aside, in the order of the files."""
        return [one for part in self._known.parts for one in part.rejected]

    @property
    def is_complete(self) -> bool:
        """Whether every source was read, and every row of it, and no day between the first and the last lacks."""
        return not self.gaps and not self.rejected and not self.missing(self.span)

    def missing(self, period: Period) -> list[Gap]:
        """Days of `period` that lack charges: days on which nothing at all was charged between days that have charges;
        a subscription whose charges stop while others go on; days that were never asked from Azure."""
        ends = [self.span.end, *(end for end in (self._known.now, self.complete_until) if end)]
        return coverage.missing(period, self.charged_days, self._known.asked, min(ends).date())

    @cached_property
    def charged_days(self) -> coverage.Days:
        """The days that have charges, by subscription."""
        scope = 'COALESCE("SubAccountId", \'billing account \' || "BillingAccountId")'
        return coverage.scoped(
            self._ask(Question(f"SELECT {scope}, CAST(ChargePeriodStart AS DATE) FROM charges GROUP BY 1, 2"))
        )

    @property
    def complete_until(self) -> datetime | None:
        """The time before which no charges are missing, as far as the sources tell."""
        return self._known.complete_until

    @property
    def currencies(self) -> list[str]:
        """The BillingCurrency codes in use."""
        if self._facts.currency:
            return [self._facts.currency]
        rows = self._ask(Question('SELECT DISTINCT upper(trim("BillingCurrency")) FROM charges ORDER BY 1'))
        return [row[0] for row in rows]

    @property
    def span(self) -> Period:
        """From the first day that has charges to the end of the last one."""
        return Period(self._facts.first.date(), self._facts.last.date() + timedelta(days=1))

    def write_rejected(self, target: Path) -> None:
        """Write the rows that were set aside to `target` (CSV: file, line, reason, row)."""
        rejects.write(self.rejected, target)

    def total(
        self,
        basis: str = "effective",
        period: Period | None = None,
        currency: str | None = None,
        where: Where | None = None,
    ) -> Decimal:
        """The cost of all charges, in their one currency. 0 where there are none."""
        rows = self._sums([], {"Cost": questions.column(basis)}, _periods(period), currency, where)
        return trimmed(rows[0][1] if rows else Decimal(0))

    def by(
        self,
        keys: Sequence[str],
        basis: str = "effective",
        period: Period | None = None,
        currency: str | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Cost per key, dearest first: the keys, Cost (Decimal), Charges (int). Untagged is a row, so parts add up."""
        rows = self._sums(keys, {"Cost": questions.column(basis)}, _periods(period), currency, where)
        width = len(keys)
        rows.sort(key=lambda row: (-row[width + 1], [str(cell) for cell in row[:width]]))
        return _frame(
            [*_names(keys), "Cost", "Charges"], [(*row[:width], trimmed(row[width + 1]), row[-1]) for row in rows]
        )

    def both(
        self, keys: Sequence[str], period: Period | None = None, currency: str | None = None, where: Where | None = None
    ) -> pd.DataFrame:
        """Cost per key in both bases at once: the keys, Billed, Effective, Charges, in the order of the keys."""
        measures = {"Billed": questions.column("billed"), "Effective": questions.column("effective")}
        width = len(keys)
        rows = self._sums(keys, measures, _periods(period), currency, where)
        rows.sort(key=lambda row: [str(cell) for cell in row[:width]])
        return _frame(
            [*_names(keys), "Billed", "Effective", "Charges"],
            [(*row[:width], trimmed(row[width + 1]), trimmed(row[width + 2]), row[-1]) for row in rows],
        )

    def side_by_side(
        self,
        keys: Sequence[str],
        before: Period,
        after: Period,
        basis: str = "effective",
        currency: str | None = None,
        where: Where | None = None,
        top: int | None = None,
    ) -> pd.DataFrame:
        """Cost per key in two periods: the keys, Before, After, Change (Decimal), largest change of either sign first.

        top: only so many rows; then they no longer add up to the whole.
        """
        amount = questions.column(basis)
        measures = {
            "Before": f"CASE WHEN {{0}} THEN {amount} END",
            "After": f"CASE WHEN {{1}} THEN {amount} END",
        }
        self._check_tags([*keys, *(where or {})])
        question = questions.sums(keys, measures, [before, after], where, self._facts)
        nil = Decimal(0)
        width = len(keys)
        if top is None:
            found = self._chosen(self._ask(question), width, currency)
        else:
            found = self._movers(question, top, width, currency)
        rows = []
        for row in found:
            old, new = row[width + 1] or nil, row[width + 2] or nil
            rows.append((*row[:width], trimmed(old), trimmed(new), trimmed(questions.exactly(new, old))))
        rows.sort(key=lambda row: (-abs(row[-1]), [str(cell) for cell in row[:width]]))
        return _frame([*_names(keys), "Before", "After", "Change"], rows)

    def dearest(
        self, name: str, period: Period, top: int, currency: str | None = None, where: Where | None = None
    ) -> list[str]:
        """The values of the key `name` that are among the `top` largest costs or credits in either basis."""
        self._check_tags([name, *(where or {})])
        question = questions.dearest(name, period, top, where, self._facts)
        return sorted(str(row[0]) for row in self._chosen(self._ask(question), 1, currency))

    def days(
        self,
        basis: str = "effective",
        period: Period | None = None,
        currency: str | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Cost of each day of `period` in order: Day (date), Cost, Charges; a day without charges has cost 0."""
        found = {
            row[0]: row
            for row in self._sums(["Day"], {"Cost": questions.column(basis)}, _periods(period), currency, where)
        }
        rows = []
        for day in (period or self.span).days:
            row = found.get(day)
            rows.append((day, trimmed(row[2]) if row else trimmed(Decimal(0)), row[-1] if row else 0))
        return _frame(["Day", "Cost", "Charges"], rows)

    def quantities(
        self,
        keys: Sequence[str] = ("MeterCategory", "MeterName", "ConsumedUnit"),
        period: Period | None = None,
        basis: str = "effective",
        currency: str | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Quantity and cost per key: the keys, Quantity (ConsumedQuantity), Cost, Charges, dearest first.

        Quantities in different units are never added: "ConsumedUnit" joins the keys where it is not one of them.
        """
        names = [*keys, *(["ConsumedUnit"] if "consumedunit" not in {name.lower() for name in keys} else [])]
        measures = {"Quantity": "ConsumedQuantity", "Cost": questions.column(basis)}
        width = len(names)
        rows = self._sums(names, measures, _periods(period), currency, where)
        rows.sort(key=lambda row: (-row[width + 2], [str(cell) for cell in row[:width]]))
        return _frame(
            [*_names(names), "Quantity", "Cost", "Charges"],
            [(*row[:width], trimmed(row[width + 1] or Decimal(0)), trimmed(row[width + 2]), row[-1]) for row in rows],
        )

    def amounts(
        self,
        keys: Sequence[str],
        before: Period,
        after: Period,
        basis: str = "effective",
        currency: str | None = None,
        where: Where | None = None,
        apart: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Cost and quantity per key in two periods: the keys, ConsumedUnit, Side, QuantityBefore, QuantityAfter,
        Before, After (of the charges that state a quantity), OtherBefore, OtherAfter (of those that do not).

        apart: keys that name one thing, such as ResourceId. What cost nothing in one of the periods has rows of its own
        where Side is "new" or "gone"; all else is "both".
        """
        names = [*dict.fromkeys([*keys, *apart, "ConsumedUnit"])]
        self._check_tags([*names, *(where or {})])
        question = questions.in_two(names, apart, [before, after], questions.column(basis), where, self._facts)
        width = len(keys) + 1
        found = self._chosen(self._ask(questions.merged(question, [*keys, "ConsumedUnit"])), width, currency)
        return _frame(
            [*_names(keys), "ConsumedUnit", "Side", *questions.IN_TWO],
            [
                (*row[:width], row[width + 1], *(trimmed(cell or Decimal(0)) for cell in row[width + 2 :]))
                for row in found
            ],
        )

    def _sums(
        self,
        keys: Sequence[str],
        measures: dict[str, str],
        periods: list[Period],
        currency: str | None,
        where: Where | None,
    ) -> list[tuple[Any, ...]]:
        self._check_tags([*keys, *(where or {})])
        return self._chosen(self._ask(questions.sums(keys, measures, periods, where, self._facts)), len(keys), currency)

    def _check_tags(self, names: Iterable[str]) -> None:
        """Refuse to call charges untagged that were never asked for the tag."""
        for name in names:
            tag = key(name).tag
            if tag and self._known.tags is not None and not any(tags.same(tag, known) for known in self._known.tags):
                raise DataError(
                    f"The tag {tag} is not known: Cost Management was asked for {' and '.join(self._known.tags)} only.",
                    "Load an export of the charges, which has all tags.",
                )

    def _movers(self, question: Question, top: int, width: int, currency: str | None) -> list[tuple[Any, ...]]:
        """The `top` largest changes; sorting a million resources in Python would take longer than adding them up."""
        ties = "".join(f", {n + 1}" for n in range(width))
        order = f'ORDER BY abs(COALESCE("After", 0) - COALESCE("Before", 0)) DESC{ties}'
        first = (
            f"{order} LIMIT ?" if self._facts.currency else f"QUALIFY row_number() OVER (PARTITION BY c {order}) <= ?"
        )
        ranked = Question(f"SELECT * FROM ({question.sql}) {first}", (*question.values, top))
        return self._chosen(self._ask(ranked), width, currency)

    def _chosen(self, rows: list[tuple[Any, ...]], at: int, currency: str | None) -> list[tuple[Any, ...]]:
        """The rows in `currency`, which stands at position `at`; without one, all rows, which must share theirs."""
        there = sorted({row[at] for row in rows})
        if currency:
            wanted = currency.strip().upper()
            if there and wanted not in there and wanted not in self.currencies:
                raise DataError(
                    f"There are no charges in {wanted}.", f"The charges are in {' and '.join(self.currencies)}."
                )
            return [row for row in rows if row[at] == wanted]
        if len(there) > 1:
            raise MixedCurrencies(
                f"The charges are in {' and '.join(there)}, which cannot be added.",
                f"Choose one: --currency {there[0]}, or report.currency in the settings.",
            )
        return rows

    def _ask(self, question: Question) -> list[tuple[Any, ...]]:
        import duckdb

        with self._lock:
            cursor = self._engine.cursor()
        try:
            return cursor.execute(question.sql, question.values).fetchall()
        except duckdb.OutOfMemoryException as fault:
            raise DataError(
                "The question needs more memory than charges.memory allows.",
                "Raise charges.memory, or ask for a shorter period.",
            ) from fault
        except duckdb.IOException as fault:
            raise DataError(
                f"A file of the charges cannot be read any more ({str(fault).splitlines()[0]}).",
                "Load the charges again.",
            ) from fault
        finally:
            cursor.close()


def _facts(parts: Sequence[Part]) -> Facts:
    currencies = {part.currency for part in parts}
    rows = sum(part.rows for part in parts)
    return Facts(
        min(part.first for part in parts if part.first),
        max(part.last for part in parts if part.last),
        currencies.pop() if len(currencies) == 1 else "",
        # An index into a dictionary takes up to 4 bytes, a tag text of its own dozens.
        sum(part.tag_bytes * part.rows for part in parts) < 16 * rows,
    )


def _periods(period: Period | None) -> list[Period]:
    return [period] if period else []


def _names(keys: Sequence[str]) -> list[str]:
    return [key(name).name for name in keys]


def _frame(columns: list[str], rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {name: pd.Series([row[n] for row in rows], dtype=_dtype(name)) for n, name in enumerate(columns)}
    )


def _dtype(name: str) -> str:
    return "int64" if name == "Charges" else "object"


def _drop(engine: duckdb.DuckDBPyConnection, scratch: Path | None) -> None:
    engine.close()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
