"""POST {scope}/providers/Microsoft.CostManagement/query: costs by day, dimension and tag, page by page.

Facts, from recordings (azure_cli_ext_cost_query, 2020) and Microsoft's examples: columns come as aggregations, date,
groupings, Currency; UsageDate is the number yyyymmdd; without an aggregation there is no cost column; rows are
ordered by date, then group (see MARKS); a page ends wherever its 1,000th row falls; the skip token is the page's
number. Guesses: 204 where a scope never had a charge, 200 without rows where only this period has none; currencies are
rows of their own.
"""

# ruff: noqa: S608  # column names and operators come from tables in this package, what callers send is bound

from __future__ import annotations

import base64
import struct
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from finops.simulator.answers import body_of, link
from finops.simulator.services.cost import dataset, wire
from finops.simulator.services.cost.book import Book, book_of, is_wide, plain, scope_clause
from finops.simulator.services.cost.period import days_of
from finops.simulator.services.cost.wire import exact, invalid
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

PAGE, MOST = 1000, 5000
# Names are in the order that Windows sorts words: hyphens do not count, "." and "_" go before digits and letters
# (recorded: azure_search..., azurecli-f..., azure-cli-test-rg, azuresdktest...; clitest.rg... before clitest_...).
# DuckDB's translate drops the characters that have no counterpart.
MARKS, MARKS_IN_ORDER = "._-", "\x01\x02"


def answer(world: World, request: Request) -> Response:
    body = body_of(request)
    scope = str(request.path_params["scope"]).strip("/")
    clause = scope_clause(scope, world)
    if clause is None:
        raise wire.not_found(scope)
    book = book_of(world)
    if book.span(*clause) is None:
        return Response(status_code=204)
    columns, rows = table(book, clause, body, world, is_wide(scope))
    return shown(request, world, scope, columns, rows)


def shown(request: Request, world: World, scope: str, columns: list[Json], rows: list[list[Any]]) -> Response:
    """One page of a result, in the shape that queries and forecasts share."""
    size, page = page_size(request), page_number(request)
    more = len(rows) > (page + 1) * size
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{request.url}{world.clock.now()}"))
    return exact(
        {
            "id": f"{scope}/providers/Microsoft.CostManagement/query/{name}",
            "name": name,
            "type": "Microsoft.CostManagement/query",
            "location": None,
            "sku": None,
            "eTag": None,
            "properties": {
                "nextLink": next_link(request, page + 1) if more else None,
                "columns": columns,
                "rows": rows[page * size : (page + 1) * size],
            },
        }
    )


def table(
    book: Book, clause: tuple[str, list[object]], body: Json, world: World, wide: bool
) -> tuple[list[Json], list[list[Any]]]:
    """All columns and rows of a query, before paging."""
    plan = dataset.plan(body, book, wide)
    first, last = days_of(body, world.clock.now())
    dated = {
        "none": [],
        "daily": [("UsageDate", "CAST(strftime(day, '%Y%m%d') AS INTEGER)", "Number")],
        "monthly": [("BillingMonth", "strftime(day, '%Y-%m-01T00:00:00')", "Datetime")],
    }[plan.granularity]
    keys = [*dated, *((name, sql, "String") for name, sql in plan.groups), ("Currency", "currency", "String")]
    columns = [*({"name": name, "type": "Number"} for name, _ in plan.sums)]
    columns += [{"name": name, "type": kind} for name, _, kind in keys]
    sums = [f"coalesce(sum({sql}), 0)" for _, sql in plan.sums]
    chosen = [*sums, *(sql for _, sql, _ in keys)]
    selected = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(chosen))
    order = _order(wire.field(body, "dataset"), columns, len(sums))
    joins_marks = sum(join.count("?") for join in plan.joins)
    inner = (
        f"SELECT {selected} FROM charges {' '.join(plan.joins)}"
        f" WHERE {clause[0]} AND day BETWEEN ? AND ? AND {plan.where}"
        f" GROUP BY {', '.join(str(len(sums) + number + 1) for number in range(len(keys)))}"
    )
    values = [*plan.values[:joins_marks], *clause[1], first, last, *plan.values[joins_marks:]]
    sql = f"SELECT * FROM ({inner}) ORDER BY {', '.join(order)}"
    found = book.rows(sql, values)
    return columns, [[plain(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in found]


def _order(asked: Any, columns: list[Json], first_key: int) -> list[str]:
    """ORDER BY items: those of dataset.sorting, then every key in its usual order, so that pages never overlap."""
    sorting = wire.field(asked, "sorting") or []
    places = {column["name"].lower(): f"c{number}" for number, column in enumerate(columns)}
    order = []
    for item in sorting if isinstance(sorting, list) else []:
        name, direction = str(wire.field(item, "name")).lower(), str(wire.field(item, "direction") or "ascending")
        if name not in places:
            raise invalid(f"Invalid query definition: Invalid sorting column '{name}'.")
        order.append(f"{places[name]} {'DESC' if direction.lower().startswith('desc') else 'ASC'} NULLS FIRST")
    for number, column in enumerate(columns[first_key:], first_key):
        if column["type"] == "String":
            order.append(f"translate(lower(c{number}), '{MARKS}', '{MARKS_IN_ORDER}') NULLS FIRST")
        order.append(f"c{number} NULLS FIRST")
    return order


def page_size(request: Request) -> int:
    """Rows a page: $top (5,000 at most), else what the server was started with, else 1,000."""
    asked = request.query_params.get("$top")
    if asked is None:
        return int(request.app.state.page_size or PAGE)
    if not asked.isdigit() or not 0 < int(asked) <= MOST:
        raise invalid(f"Invalid $top '{asked}': must be between 1 and {MOST}.")
    return int(asked)


def page_number(request: Request) -> int:
    """The page a skip token names: a little-endian 32-bit number in base64 (AQAAAA== is page 1, recorded)."""
    token = request.query_params.get("$skiptoken")
    if token is None:
        return 0
    try:
        number = int(struct.unpack("<i", base64.b64decode(token, validate=True))[0])
    except (ValueError, struct.error):
        number = -1
    if number < 0:
        raise invalid(f"Invalid skip token '{token}'.")
    return number


def next_link(request: Request, page: int) -> str:
    """The same URL, for another page; Azure expects it to be POSTed with the same body."""
    return link(request, **{"$skiptoken": base64.b64encode(struct.pack("<i", page)).decode()})
