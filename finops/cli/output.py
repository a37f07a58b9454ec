"""Print rows as a table for people, or as JSON, JSON lines, CSV or YAML for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click

FORMATS = ["table", "json", "jsonl", "csv", "yaml", "none"]

output_option: Callable[[Any], Any] = click.option(
    "-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print."
)

Row = Mapping[str, Any]


def show(rows: Iterable[Row], output: str, columns: list[str] | None = None, title: str = "") -> None:
    """Write `rows` to standard output. Amounts keep all their digits; no rows print as an empty list, not as nothing.

    columns: the order to print; by default the keys of the first row.
    """
    rows = list(rows)
    columns = columns or (list(rows[0]) if rows else [])
    if output == "table":
        _table(rows, columns, title)
    elif output == "json":
        click.echo(_json([{name: row.get(name) for name in columns} for row in rows], indent=2))
    elif output == "jsonl":
        for row in rows:
            click.echo(_json({name: row.get(name) for name in columns}))
    elif output == "csv":
        _csv(rows, columns)
    elif output == "yaml":
        import yaml

        plain = [{name: _plain(row.get(name)) for name in columns} for row in rows]
        click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)


def note(text: str) -> None:
    """Say something to the person, beside the data: standard error."""
    click.echo(text, err=True)


def _table(rows: list[Row], columns: list[str], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 200, soft_wrap=False)
    if not rows:
        console.print(Text(f"{title}: nothing to show." if title else "Nothing to show."))
        return
    table = Table(
        title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for name in columns:
        numbers = all(isinstance(row.get(name), int | float | Decimal | None) for row in rows)
        table.add_column(Text(name), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name))) for name in columns))
    console.print(table)


def _csv(rows: list[Row], columns: list[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe(row.get(name)) for name in columns])


def _json(value: Any, indent: int | None = None) -> str:
    import simplejson

    # Decimals are written digit by digit: no figure goes through a binary fraction.
    text: str = simplejson.dumps(value, use_decimal=True, default=str, indent=indent, ensure_ascii=False)
    return text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, dict | list | tuple):
        value = _json(value)  # as settings are written, not as Python prints them
    # Control characters in a name would move the cursor or colour the terminal.
    return "".join(char if char.isprintable() else "�" for char in str(value))


def safe(value: Any) -> Any:
    """A CSV cell that no spreadsheet takes for a formula (OWASP ASVS 5, 1.2.10); numbers stay numbers."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and value[:1] in "=+-@\t\r\0＝＋－＠" and value[:1]:
        return "'" + value
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, str | int | float | bool | None | date | datetime | list | dict) else str(value)
