"""`finops audit export`: the trail as a file that others can check, verified entry by entry while it is written."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from finops.cli.output import note, safe
from finops.cli.session import Session
from finops.errors import FinopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]
COLUMNS = ["number", "at", "who", "what", "resource_id", "why", "evidence", "intent", "keyed", "previous", "hash"]


@click.command()
@click.option("--from", "first", type=click.IntRange(min=1), metavar="N", help="From this entry on.")
@click.option("--to", "last", type=click.IntRange(min=1), metavar="N", help="Up to this entry, with it.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From this day on (UTC).")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Before this day (UTC).")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True,
    help="JSON lines, which can be checked without finops; or CSV, for a spreadsheet.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="File to write, in place of the standard output.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]")
def export(
    first: int | None, last: int | None, since: datetime | None, until: datetime | None, form: str, out: Path | None,
    config: Path | None,
) -> None:  # fmt: skip
    """Write the audit trail, or a range of it, to a file. Changes nothing.

    Every entry is verified while it is written, from the first of the trail on. Where one is wrong, no file is left
    and the command exits 1. The same entries give the same bytes. docs/audit.md has a script that checks a file of
    JSON lines without finops.

    \b
    finops audit export --out audit.jsonl
    finops audit export --since 2026-10-01 --until 2026-11-01 --format csv --out october.csv
    """
    from finops.cli.remembering import opened

    if first and last and first > last:
        raise UsageError(f"--from {first} is after --to {last}.", "Give the first entry and the last.")
    begin, end = (moment.replace(tzinfo=UTC) if moment else None for moment in (since, until))
    ends: list[Json] = []
    count = total = 0

    def wanted(entries: Iterable[Json]) -> Iterator[Json]:
        nonlocal count, total
        for entry in entries:
            total = entry["number"]
            at = datetime.fromisoformat(entry["at"])
            if (
                (first is None or entry["number"] >= first)
                and (last is None or entry["number"] <= last)
                and (begin is None or at >= begin)
                and (end is None or at < end)
            ):
                ends[:] = [*ends[:1], entry]
                count += 1
                yield entry

    with opened(Session(config)) as state, _file(out) as file:
        for line in _lines(wanted(state.audit_whole()), form):
            file.write(line)
        head = state.audit_head()
    if last and last > total:
        note(f"The trail ends with entry {total}.")
    if not count:
        note(f"No entry is in that range; {total:,} were looked at, and are whole.")
    else:
        begins, ended = ends[0], ends[-1]
        note(f"{count:,} of {total:,} entries written, {begins['number']} to {ended['number']}; the trail is whole.")
        note(f"They follow on {begins['number'] - 1}:{begins['previous']}")
        note(f"They end with {ended['number']}:{ended['hash']}")
    note(f"Audit trail: {head}")


def _lines(entries: Iterable[Json], form: str) -> Iterator[str]:
    if form == "csv":
        yield _row(COLUMNS)
        for entry in entries:
            yield _row([safe(entry[name]) for name in COLUMNS])
        return
    from finops.state.records import canonical

    for entry in entries:
        yield canonical({name: entry[name] for name in COLUMNS}) + "\n"


def _row(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


@contextmanager
def _file(out: Path | None) -> Iterator[IO[str]]:
    """The file to write; it is there under its name once it is whole."""
    if out is None:
        yield sys.stdout
        return
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    except OSError as fault:
        raise FinopsError(f"{out} cannot be written: {fault.strerror}.", "Name a file that we may write.") from fault
    finally:
        part.unlink(missing_ok=True)
