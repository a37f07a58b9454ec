"""The janitor's rows for people: on one line each where they fit, else names and reasons below, whole and unbroken."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import click

WIDEST = 48  # columns that a long name makes others leave free for it
LEAST = 60  # below that, reasons are in lines of this width all the same


def show_rows(rows: Iterable[Mapping[str, Any]], below: Sequence[str], title: str) -> None:
    """Print `rows` under the names of their columns. below: the last columns, which may go on lines of their own."""
    rows = list(rows)
    if not rows:
        click.echo(f"{title}: nothing to show.")
        return
    for line in laid_out([{name: cell(row[name]) for name in row} for row in rows], _right(rows), below, width()):
        click.echo(line)


def laid_out(
    rows: Sequence[Mapping[str, str]], right: frozenset[str], below: Sequence[str], wide: int | None
) -> Iterator[str]:
    """The lines of a table that is at most `wide`, but for names that are longer; None: one line for each row.

    Where the columns of `below` do not all fit beside the others, they go on lines of their own under its row.
    """
    names = [name for name in rows[0] if name not in below]
    sizes = {name: min(WIDEST, max(_cells(name), *(_cells(row[name]) for row in rows))) for name in rows[0]}
    inline = list(names)
    for name in below:
        longest = max(_cells(row[name]) for row in rows)
        if wide is not None and sum(sizes[one] + 2 for one in inline) + max(longest, _cells(name)) > wide:
            break
        inline.append(name)
    yield _line({name: name for name in inline}, inline, sizes, right)
    indent = " " * (min(sizes[inline[0]], 12) + 2)
    for row in rows:
        yield _line(row, inline, sizes, right)
        rest = [row[name] for name in below if name not in inline and row[name]]
        together = indent + "  ".join(rest)
        if rest and _cells(together) <= (wide or LEAST):
            yield together
            continue
        for text in rest:
            yield from wrapped(text, indent, wide or LEAST)


def wrapped(text: str, indent: str, wide: int) -> list[str]:
    """`text` in lines between words; a name is never broken, so that it can be copied."""
    return textwrap.wrap(
        text, max(LEAST, wide), initial_indent=indent, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def width() -> int | None:
    """The terminal's columns, or those that COLUMNS asks for; None where the output goes to a file or a program."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size((100, 24)).columns
    return None


def cell(value: Any) -> str:
    """A value as a terminal may show it: nothing in it moves the cursor, colours it, or turns the direction."""
    from finops.approvals.naming import shown

    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "".join(char if char.isprintable() else "\ufffd" for char in shown(value))


def count(number: int, what: str) -> str:
    """ "1 finding", "1,204 findings"."""
    return f"{number:,} {what if number == 1 else what + 's'}"


def _right(rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Columns of numbers."""
    return frozenset(name for name in rows[0] if all(isinstance(row[name], int | Decimal | None) for row in rows))


def _line(row: Mapping[str, str], names: Sequence[str], sizes: Mapping[str, int], right: frozenset[str]) -> str:
    cells = []
    for name in names:
        space = " " * max(0, sizes[name] - _cells(row[name]))
        cells.append(space + row[name] if name in right else row[name] + space)
    return "  ".join(cells).rstrip()


def _cells(text: str) -> int:
    """How many columns a terminal needs for it."""
    from rich.cells import cell_len

    return cell_len(text)
