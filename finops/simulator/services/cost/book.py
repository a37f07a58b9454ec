"""The charges that are published at the simulated hour, as one DuckDB table that answers exactly.

Amounts are DECIMAL(38,18): twenty digits before the point, and the eighteen after it that Azure writes at most
(0.009865586851323632 in Microsoft's own query example). Doubles go through their shortest text, so 0.1 stays 0.1.
"""

# ruff: noqa: S608  # column names and operators come from tables in this package, what callers send is bound

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from finops.simulator.services.cost.wire import tags_of
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

MONEY = "DECIMAL(38,18)"
BOOKS: WeakKeyDictionary[World, Book] = WeakKeyDictionary()


def book_of(world: World) -> Book:
    """The one book of `world`, brought up to what is published now. Call it under `world.lock`."""
    known = BOOKS.get(world)
    if known is None:
        known = BOOKS[world] = Book()
    known.refresh(world)
    return known


class Book:
    """Published FOCUS rows with comparable copies of what queries need, in the table `charges`; their tags in `tag`."""

    def __init__(self) -> None:
        import duckdb

        self._db = duckdb.connect(config={"threads": 2})
        self._rows: Any = None
        self._types: dict[str, tuple[str, str]] = {}

    def refresh(self, world: World) -> None:
        rows = world.charges.published(world.clock.now())
        if rows is not self._rows:
            self._rows = rows
            self._load()

    @property
    def columns(self) -> list[str]:
        """The FOCUS columns, in the order they came."""
        return [name for name, _ in self._types.values()]

    def kind(self, column: str) -> str:
        """DuckDB's type of a FOCUS column."""
        return self._types[column.lower()][1]

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, list(values)).fetchall()

    def span(self, where: str, values: Sequence[object]) -> tuple[date, date] | None:
        """First and last day with a charge; None where there is none."""
        first, last = self.rows(f"SELECT min(day), max(day) FROM charges WHERE {where}", values)[0]
        return None if first is None else (first, last)

    def _load(self) -> None:
        """`charges`: the comparable columns first, then every FOCUS column as it came."""
        self._db.register("focus", self._rows)
        self._types = {name.lower(): (name, kind) for name, kind, *_ in self.rows("DESCRIBE focus")}
        sources = {
            "day": ("ChargePeriodStart", "CAST(left({}, 10) AS DATE)"),
            "billed": ("BilledCost", f"CAST({{}} AS {MONEY})"),
            "effective": ("EffectiveCost", f"CAST({{}} AS {MONEY})"),
            "billed_usd": ("x_BilledCostInUsd", f"CAST({{}} AS {MONEY})"),
            "effective_usd": ("x_EffectiveCostInUsd", f"CAST({{}} AS {MONEY})"),
            "quantity": ("ConsumedQuantity", f"CAST({{}} AS {MONEY})"),
            "currency": ("BillingCurrency", "{}"),
            "category": ("ChargeCategory", "{}"),
            "subscription": ("SubAccountId", "lower(regexp_extract({}, '([^/]+)/*$', 1))"),
            "resource": ("ResourceId", "lower({})"),
            "tag_text": ("Tags", "{}"),
        }
        shown = [f"{rule.format(self.text(column))} AS {name}" for name, (column, rule) in sources.items()]
        in_id = f"regexp_extract({self.text('ResourceId')}, '(?i)/resourcegroups/([^/]+)', 1)"
        group = f"coalesce({self.text('x_ResourceGroupName')}, {in_id})"
        self._db.execute(
            f"CREATE OR REPLACE TABLE charges AS SELECT row_number() OVER () AS line, {', '.join(shown)},"
            f" lower({group}) AS resource_group, * FROM focus"
        )
        self._db.unregister("focus")
        self._index_tags()

    def text(self, column: str) -> str:
        """SQL for the text of one FOCUS column; null where these charges do not have it, or say NULL."""
        name, kind = self._types.get(column.lower(), ("", ""))
        if not name:
            return "CAST(NULL AS VARCHAR)"
        value = f'"{name}"'
        if kind == "TIMESTAMP WITH TIME ZONE":
            # In UTC whatever the machine's zone is, and without DuckDB's time zone extension.
            value = f"make_timestamp(epoch_us({value}))"
        return f"nullif(CAST({value} AS VARCHAR), 'NULL')"

    def _index_tags(self) -> None:
        """`tag`: each spelling of a row's tags, cut into (key in lower case, value).

        Azure's cost data spells tags as JSON, and in older exports as JSON without its outer braces. A key that is
        there twice, in two letter cases, counts once: a join on it must not double a charge.
        """
        cut = [
            (spelling, key, value)
            for (spelling,) in self.rows("SELECT DISTINCT tag_text FROM charges WHERE tag_text IS NOT NULL")
            for key, value in {key.lower(): value for key, value in tags_of(spelling).items()}.items()
        ]
        self._db.execute("CREATE OR REPLACE TABLE tag (spelling VARCHAR, key VARCHAR, value VARCHAR)")
        if cut:
            import pyarrow

            names = ("spelling", "key", "value")
            self._db.register("cut", pyarrow.table(dict(zip(names, map(list, zip(*cut, strict=True)), strict=True))))
            self._db.execute("INSERT INTO tag SELECT * FROM cut")
            self._db.unregister("cut")


def scope_clause(scope: str, world: World) -> tuple[str, list[object]] | None:
    """SQL for the charges below an ARM scope; None where that scope does not exist in this estate.

    Every management group holds every subscription here, and a billing account all that and what belongs to no
    subscription, such as reservations bought for the tenant: an estate folder records neither.
    """
    parts = scope.strip("/").split("/")
    low = [part.lower() for part in parts]
    if low[:1] == ["subscriptions"] and len(low) >= 2:
        if world.resources.get(f"/subscriptions/{low[1]}") is None:
            return None
        if len(low) == 2:
            return "subscription = ?", [low[1]]
        if len(low) == 4 and low[2] == "resourcegroups":
            if world.resources.get("/" + "/".join(low)) is None:
                return None
            return "subscription = ? AND resource_group = ?", [low[1], low[3]]
        return None
    if len(low) >= 4 and low[:2] == ["providers", "microsoft.management"]:
        return "subscription IS NOT NULL", []
    if len(low) >= 4 and low[:2] == ["providers", "microsoft.billing"]:
        return "true", []
    return None


def is_wide(scope: str) -> bool:
    """Whether `scope` is above a subscription."""
    return not scope.strip("/").lower().startswith("subscriptions/")


def currency_of(world: World, book: Book, where: str, values: Sequence[object]) -> str:
    """The currency most charges of a scope are in; the estate's own where there are none."""
    found = book.rows(
        f"SELECT currency FROM charges WHERE {where} AND currency IS NOT NULL"
        " GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1",
        values,
    )
    stamp: Json = world.stamp
    return str(found[0][0]) if found else str(stamp.get("billingCurrency") or "USD")


def plain(amount: Decimal) -> Decimal:
    """The same amount without trailing zeros: 416.613981, 500, 1E-7. Never through Decimal's 28-digit arithmetic."""
    text = f"{amount:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
