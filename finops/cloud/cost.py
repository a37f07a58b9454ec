"""Cost Management queries: every page, within the quotas, checked to be what was asked for."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from finops.errors import DataError

from .paging import every_page
from .shapes import Json, odd
from .table import Table, as_day

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2025-03-01"  # azure-mgmt-costmanagement 5.0.0
# Without it every caller of the tenant shares one anonymous bucket (electrolux-oss/azure-cost-exporter PR 8).
CLIENT_TYPE = {"ClientType": "aml-finops"}


def query(azure: Azure, scope: str, definition: Json) -> Table:
    """The table that `definition` asks for at `scope`."""
    path = f"{scope.rstrip('/')}/providers/Microsoft.CostManagement/query"
    doing = f"the cost query of {scope}"
    units = months(definition)

    def fetch(address: str | None) -> Any:
        answer = azure.send(
            "cost", "POST", address or path, API_VERSION, body=definition, read=True, headers=CLIENT_TYPE,
            scope=scope.lower(), units=units, doing=doing, exact=True,
        )  # fmt: skip
        # 204: nothing was ever charged here
        return {"properties": {"columns": [], "rows": []}} if answer.status == 204 else answer.json

    pages = every_page(
        fetch, base=azure.cloud.arm, doing=doing, most_pages=azure.max_pages,
        link_of=lambda page: _properties(page, doing).get("nextLink"),
    )  # fmt: skip
    columns: list[str] = []
    kinds: list[str] = []
    rows: list[list[Any]] = []
    before: list[list[Any]] | None = None
    for page in pages:
        properties = _properties(page, doing)
        names, kinds_here = _columns(properties, doing)
        if columns and names != columns:
            raise odd(doing, f"changes its columns between pages ({', '.join(names)} after {', '.join(columns)})")
        columns, kinds = names, kinds_here
        found = _rows(properties, columns, kinds, doing)
        if found and found == before:
            raise odd(doing, f"holds the same page of {len(found)} rows twice")
        before = found
        rows.extend(found)
    table = Table(columns, rows)
    if columns:
        _check_asked(table, definition, doing)
    return table


def months(definition: Json) -> int:
    """What a query costs in QPU: one for each calendar month it touches (manage-automation.md), at least 1."""
    period = definition.get("timePeriod")
    if not isinstance(period, dict):
        return 1
    start, end = _day(period.get("from")), _day(period.get("to"))
    if start is None or end is None:
        raise DataError("A cost query's timePeriod lacks a readable from or to.", "Give both as ISO dates.")
    if end < start:
        raise DataError(f"A cost query's period ends ({end}) before it starts ({start}).", "Swap them: Azure would.")
    return (end.year - start.year) * 12 + end.month - start.month + 1


def _properties(page: Json, doing: str) -> Json:
    properties = page.get("properties")
    if not isinstance(properties, dict):
        raise odd(doing, "has no 'properties'")
    return properties


def _columns(properties: Json, doing: str) -> tuple[list[str], list[str]]:
    columns = properties.get("columns")
    if not isinstance(columns, list):
        raise odd(doing, "has no 'columns'")
    if not all(isinstance(column, dict) and isinstance(column.get("name"), str) for column in columns):
        raise odd(doing, "has a column without a name")
    names = [column["name"] for column in columns]
    if len({name.lower() for name in names}) < len(names):
        raise odd(doing, f"names a column twice ({', '.join(names)})")
    return names, [str(column.get("type", "")) for column in columns]


def _rows(properties: Json, columns: list[str], kinds: list[str], doing: str) -> list[list[Any]]:
    rows = properties.get("rows")
    if not isinstance(rows, list):
        raise odd(doing, "has no 'rows'")
    numbers = [position for position, kind in enumerate(kinds) if kind == "Number"]
    for row in rows:
        if not isinstance(row, list) or len(row) != len(columns):
            size = len(row) if isinstance(row, list) else "no"
            raise odd(doing, f"has a row of {size} cells under {len(columns)} columns")
        for position in numbers:
            if isinstance(row[position], bool | str | list | dict):
                raise odd(doing, f"holds {row[position]!r} in the number column {columns[position]}")
    return rows


def _check_asked(table: Table, definition: Json, doing: str) -> None:
    """Columns and days are those asked for: the service edits requests silently (swaps dates, moves years)."""
    dataset = definition.get("dataset") or {}
    there = {column.lower() for column in table.columns}
    for alias, aggregation in (dataset.get("aggregation") or {}).items():
        if not there & {alias.lower(), str(aggregation.get("name", "")).lower()}:
            raise odd(doing, f"lacks the column {aggregation.get('name')} (it has {', '.join(table.columns)})")
    for group in dataset.get("grouping") or []:
        # a grouping by tag comes back under the tag's name or as TagKey and TagValue
        if str(group.get("name", "")).lower() not in there and not (
            group.get("type") == "TagKey" and "tagvalue" in there
        ):
            raise odd(doing, f"lacks the column {group.get('name')} (it has {', '.join(table.columns)})")
    if dataset.get("granularity") == "Daily":
        _check_days(table, definition, doing)


def _check_days(table: Table, definition: Json, doing: str) -> None:
    if "usagedate" not in {column.lower() for column in table.columns}:
        raise odd(doing, f"lacks the column UsageDate (it has {', '.join(table.columns)})")
    try:
        days = table.days()
    except ValueError as fault:
        raise odd(doing, f"holds a UsageDate that is no day ({fault})") from fault
    period = definition.get("timePeriod") or {}
    start, end = _day(period.get("from")), _day(period.get("to"))
    if start and end and days and (min(days) < start or max(days) > end):
        raise odd(doing, f"speaks of {min(days)} to {max(days)} where {start} to {end} was asked")


def _day(value: Any) -> date | None:
    try:
        return as_day(value) if value else None
    except ValueError:
        return None
