"""Until when charges are complete: the earliest of what each source reaches, and who holds the others back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from finops.charges.columns import literal
from finops.charges.overlap import Loaded, view
from finops.charges.store import Entry

if TYPE_CHECKING:
    import duckdb

_DAY = timedelta(days=1)


def until(
    engine: duckdb.DuckDBPyConnection,
    runs: Sequence[Loaded],
    entries: Sequence[Entry],
    late_hours: int,
    now: datetime | None,
    notes: list[str],
) -> datetime | None:
    """The earliest of the times up to which each export and each asked subscription is complete.

    An export run is not complete for the hours before it was submitted in which Azure had not published charges yet;
    nor is a plain file for those before it was written, if its charges reach so far. Days after `now` say nothing.
    """
    found: dict[str, datetime] = {}
    for n, run in enumerate(runs):
        if run.run.until:
            continue
        end = _end(_last(engine, n, run, now, notes))
        if run.run.export or end <= _end(run.run.when):
            end = min(end, _published(run.run.when, late_hours))
        found[run.run.export] = max(end, found.get(run.run.export, end))
    asked = _of_scopes(entries)
    if asked:
        newest, slowest = max(asked.values()), min(asked, key=lambda scope: asked[scope])
        if newest - asked[slowest] > _DAY:
            notes.append(
                f"Charges of {slowest} are complete until {asked[slowest]:%Y-%m-%d} only, those of others until "
                f"{newest:%Y-%m-%d}: the whole is complete until the former."
            )
    known = [*found.values(), *asked.values()]
    return min([*known, *([_published(now, late_hours)] if now and known else [])], default=None)


def _last(engine: duckdb.DuckDBPyConnection, n: int, run: Loaded, now: datetime | None, notes: list[str]) -> datetime:
    """The latest charge that has begun by `now`."""
    if now is None or run.last < _end(now):
        return run.last
    view(engine, f"late_{n}", run.parts)
    moment = literal(f"{_end(now):%Y-%m-%d}")
    count, last = engine.execute(
        f"SELECT count(*) FILTER (ChargePeriodStart >= TIMESTAMP {moment}), "
        f"max(ChargePeriodStart) FILTER (ChargePeriodStart < TIMESTAMP {moment}) FROM late_{n}"
    ).fetchall()[0]
    notes.append(
        f"{count:,} {'charge' if count == 1 else 'charges'} in {run.run.name} lie after {now:%Y-%m-%d}, up to "
        f"{run.last:%Y-%m-%d}. They are counted on those days, and say nothing about how complete the others are."
    )
    return last.replace(tzinfo=UTC) if last else run.first - _DAY


def _of_scopes(entries: Sequence[Entry]) -> dict[str, datetime]:
    """For each subscription, the end of the newest stretch of days that was asked for."""
    found: dict[str, datetime] = {}
    for entry in entries:
        end = max((_end(datetime.combine(last, time(), UTC)) for _, last in entry.asked), default=entry.until)
        known = found.get(entry.scope, end)
        found[entry.scope] = max(known, end) if entry.asked else known
    return found


def _end(moment: datetime) -> datetime:
    """The end of the day of `moment`."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY


def _published(when: datetime, late_hours: int) -> datetime:
    """The end of the last day of which Azure had told everything at `when`."""
    return (when - timedelta(hours=late_hours)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
