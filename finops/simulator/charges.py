"""Cost data as Azure publishes it: late, in refreshes, and corrected for a while.

Facts (docs.microsoft.com, understand-cost-mgt-data): charges appear 8 to 24 hours after use, the current period is
refreshed six times a day and is cumulative, estimates are corrected for up to 72 hours, and a month may still change
until its fifth day is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa

from finops.errors import DataError
from finops.simulator import focus
from finops.simulator.clock import minutes, moment_of
from finops.simulator.draws import between, draw
from finops.simulator.focus import Row
from finops.simulator.ledger import DAY, Ledger

# As many digits as a column of focus.DECIMAL holds; Python's own 28 refuse 12345678901.000000000000000001.
WIDE = Context(prec=38)
REFRESH = 240
EARLIEST, LATEST = 8 * 60, 24 * 60
SETTLED = 72 * 60
CLOSING_DAYS = 5
KINDS = (".parquet", ".csv", ".csv.gz")

# Shares of a day's lines that are first published with an estimate, and that change once more when the month closes.
ESTIMATED, CORRECTED = 0.06, 0.004


class Charges:
    """What a caller of Cost Management sees at a given time, and what was used in truth."""

    def __init__(self, folder: Path, ledger: Ledger, key: int) -> None:
        """`since` is the day (from 1970) from which on the ledger tells, not the files; None: the files tell all."""
        self._folder = folder / "charges"
        self._ledger = ledger
        self.key = key
        self.since: int | None = None
        self._history: Any = None
        self._days: dict[tuple[int, bool], Any] = {}
        self._seen: tuple[int, Any] = (-1, None)

    def refreshed_at(self, now: datetime) -> datetime:
        """The refresh that is visible at `now`: what `published` answers changes only then."""
        return moment_of(minutes(now) // REFRESH * REFRESH)

    def published(self, now: datetime) -> Any:
        """The FOCUS rows visible at `now`, as an Arrow table, restatements applied, oldest day first in each part."""
        refresh = minutes(now) // REFRESH * REFRESH
        if self._seen[0] != refresh:
            parts = [self.history(), *(self._day(day, refresh) for day in sorted(self._ledger.days))]
            self._seen = (refresh, pa.concat_tables(parts, promote_options="permissive"))
        return self._seen[1]

    def used(self) -> Any:
        """The truth, as an Arrow table: what will have been published when every month is closed."""
        parts = [focus.table(self._ledger.lines, list(self._ledger.rows(day))) for day in sorted(self._ledger.days)]
        return pa.concat_tables([self.history(), *parts], promote_options="permissive")

    def visible(self, day: int, refresh: int) -> Iterator[Row]:
        """The rows of `day` as they are told at minute `refresh`."""
        over, closed = (day + 1) * DAY, _closes(day)
        for line, hours in sorted(self._ledger.days.get(day, {}).items()):
            counted = sum(hours) if isinstance(hours, list) else hours
            key = self._ledger.lines[line].key
            if isinstance(hours, list) and refresh < over + LATEST:
                late = refresh - int(between(EARLIEST, LATEST, self.key, key, day, 1))
                counted = sum(hours[: max(0, min(24, (late - day * DAY) // 60))])
            usage = self._ledger.lines[line].fixed["ChargeCategory"] == "Usage"
            if usage and refresh < over + SETTLED and draw(self.key, key, day, 2) < ESTIMATED:
                corrected = over + int(between(LATEST, SETTLED, self.key, key, day, 3))
                if refresh < corrected:
                    counted = int(counted * between(0.88, 1.06, self.key, key, day, 4))
            elif usage and refresh < closed and draw(self.key, key, day, 5) < CORRECTED:
                counted = int(counted * 0.97)
            if counted:
                yield Row(line, day, counted)

    def history(self) -> Any:
        """What the estate's files hold of the days before the ledger begins."""
        if self._history is None:
            files = [file for file in sorted(self._folder.rglob("*")) if file.name.endswith(KINDS)]
            parts = [_read(file) for file in files]
            whole = pa.concat_tables([focus.SCHEMA.empty_table(), *parts], promote_options="permissive")
            if self.since is not None:
                import pyarrow.compute as pc

                first = pa.scalar(self.since * focus.DAY, pa.int64()).cast(focus.MOMENT)
                whole = whole.filter(pc.less(whole.column("ChargePeriodStart"), first))
            self._history = whole
        return self._history

    def _day(self, day: int, refresh: int) -> Any:
        if refresh < (day + 1) * DAY + SETTLED:
            return focus.table(self._ledger.lines, list(self.visible(day, refresh)))
        phase = (day, refresh >= _closes(day))
        if phase not in self._days:
            self._days.pop((day, False), None)
            self._days[phase] = focus.table(self._ledger.lines, list(self.visible(day, refresh)))
        return self._days[phase]


def settled(day: int, now: int) -> bool:
    """Whether nothing of `day` changes any more at minute `now`."""
    return now >= max(_closes(day), (day + 1) * DAY + SETTLED)


def _closes(day: int) -> int:
    """The minute at which nothing of the month of `day` changes any more."""
    moment = moment_of(day * DAY)
    return minutes(datetime(moment.year + moment.month // 12, moment.month % 12 + 1, CLOSING_DAYS, 12, tzinfo=UTC))


def _read(file: Path) -> Any:
    """One file of FOCUS charges with our column types; columns beyond FOCUS stay text."""
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if file.suffix == ".parquet":
            known = pyarrow.parquet.read_schema(file)
            texts = [column.name for column in known if pa.types.is_string(column.type)]
            read = pyarrow.parquet.read_table(file, read_dictionary=texts)
        else:
            names = pyarrow.csv.open_csv(file).schema.names
            options = pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=["", "NULL"], strings_can_be_null=True
            )
            read = pyarrow.csv.read_csv(file, convert_options=options)
        return pa.table({name: _typed(name, read.column(name)) for name in read.column_names})
    except (pa.ArrowException, ValueError, InvalidOperation) as fault:
        raise DataError(
            f"{file} is not FOCUS charges: {fault}.", "Record the estate again, or take the file out of charges/."
        ) from fault


def _typed(name: str, column: Any) -> Any:
    if name in focus.DECIMALS:
        if pa.types.is_decimal(column.type):
            return column.cast(focus.DECIMAL)
        return pa.array([None if text is None else _decimal(str(text)) for text in column.to_pylist()], focus.DECIMAL)
    if name in focus.MOMENTS:
        if pa.types.is_timestamp(column.type):
            return column.cast(pa.timestamp("us", tz=column.type.tz or "UTC")).cast(focus.MOMENT)
        return pa.array([_moment(text) for text in column.to_pylist()], focus.MOMENT)
    return column.cast(focus.TEXT) if pa.types.is_dictionary(column.type) else column.cast(pa.string()).cast(focus.TEXT)


def _decimal(text: str) -> Decimal:
    """The number, to 18 decimals: legacy exports have floating-point dust such as 1.2E-21 behind them."""
    return Decimal(text).quantize(Decimal("1e-18"), context=WIDE)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
