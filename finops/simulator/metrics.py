"""Monitor's data points: those recorded in the estate folder, and those of the hours lived since."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.simulator.clock import minutes, moment_of
from finops.simulator.store import Json, type_of

NO_DATA = math.nan
FIELDS = ("average", "total", "minimum", "maximum", "count")


@dataclass
class Series:
    """One metric of one resource under one set of dimensions, hour by hour from `first`."""

    dimensions: dict[str, str]
    first: int
    total: array[float] = field(default_factory=lambda: array("d"))
    lowest: array[float] = field(default_factory=lambda: array("d"))
    highest: array[float] = field(default_factory=lambda: array("d"))

    def hold(self, start: int, end: int, value: float) -> None:
        """The metric stood at `value` from minute `start` to minute `end`."""
        while start < end:
            hour, until = start // 60, min(end, (start // 60 + 1) * 60)
            at = hour - self.first
            while len(self.total) <= at:
                self.total.append(NO_DATA)
                self.lowest.append(math.inf)
                self.highest.append(-math.inf)
            so_far = self.total[at]
            self.total[at] = (0.0 if so_far != so_far else so_far) + value * (until - start)
            self.lowest[at] = min(self.lowest[at], value)
            self.highest[at] = max(self.highest[at], value)
            start = until

    def hold_hour(self, hour: int, value: float) -> None:
        """`hold` for a whole hour that follows the last one told, which is what happens most."""
        if hour - self.first == len(self.total):
            self.total.append(value * 60)
            self.lowest.append(value)
            self.highest.append(value)
        else:
            self.hold(hour * 60, hour * 60 + 60, value)

    def add(self, minute: int, amount: float) -> None:
        """What happened at a minute, of a metric that counts."""
        if minute // 60 < self.first:
            more = self.first - minute // 60
            self.total[0:0] = array("d", [NO_DATA] * more)
            self.lowest[0:0] = array("d", [math.inf] * more)
            self.highest[0:0] = array("d", [-math.inf] * more)
            self.first -= more
        at = minute // 60 - self.first
        while len(self.total) <= at:
            self.total.append(NO_DATA)
            self.lowest.append(math.inf)
            self.highest.append(-math.inf)
        so_far = self.total[at]
        self.total[at] = (0.0 if so_far != so_far else so_far) + amount
        self.lowest[at] = min(self.lowest[at], amount)
        self.highest[at] = max(self.highest[at], amount)

    def hours(self, start: int, end: int) -> Iterator[tuple[int, float, float, float]]:
        """Minute, total, minimum and maximum of the whole hours that begin in [start, end) minutes and have data."""
        for hour in range(max(-(-start // 60), self.first), min(-(-end // 60), self.first + len(self.total))):
            at = hour - self.first
            total = self.total[at]
            if total == total:
                yield hour * 60, total, self.lowest[at], self.highest[at]

    def points(self, start: int, end: int) -> Iterator[Json]:
        """The same as Monitor tells them."""
        for minute, total, low, high in self.hours(start, end):
            yield {
                "timeStamp": moment_of(minute),
                "average": total / 60,
                "total": total,
                "minimum": low,
                "maximum": high,
                "count": 60.0,
                "dimensions": self.dimensions,
            }


class Metrics:
    """Points by resource and metric. Hours not over yet, at `until`, are not told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "metrics"
        self._recorded: dict[str, _Recorded] = {}
        self._lived: dict[str, dict[tuple[str, str], Series]] = {}
        self.until = 0
        self.lives = False  # whether this estate was invented: then a deployment's requests are found at its endpoint

    def hold(self, resource_id: str, metric: str, dimensions: str, start: int, end: int, value: float) -> None:
        """Remember that `metric` stood at `value` from minute `start` to minute `end`; `dimensions` is JSON text."""
        self.series(resource_id, metric, dimensions, start).hold(start, end, value)

    def series(self, resource_id: str, metric: str, dimensions: str, start: int) -> Series:
        series = self._lived.setdefault(resource_id.lower(), {})
        found = series.get((metric, dimensions))
        if found is None:
            found = series[(metric, dimensions)] = Series(json.loads(dimensions), start // 60)
        return found

    def points(self, resource_id: str, metric: str, start: datetime, end: datetime) -> list[Json]:
        """The points of `metric` whose interval begins in [start, end), all dimensions, oldest first in each series.

        Each has timeStamp, average, total, minimum, maximum, count and dimensions; None where Azure returned nothing.
        Metric names are compared without case, as Monitor does.
        """
        wanted = metric.lower()
        found = list(self._of_file(resource_id).points(resource_id.lower(), wanted, start, end))
        last = min(minutes(end), self.until - 59)
        for (name, _), series in self._lived.get(resource_id.lower(), {}).items():
            if name.lower() == wanted:
                found.extend(series.points(minutes(start), last))
        endpoint, is_deployment, deployment = resource_id.partition("/deployments/")
        if not found and self.lives and is_deployment and wanted == "requestsperminute":
            # What the endpoint counts by deployment is what each deployment counts: kept once.
            by_name = self.points(endpoint, metric, start, end)
            same = [
                point for point in by_name if point["dimensions"].get("deployment", "").lower() == deployment.lower()
            ]
            found = [{**point, "dimensions": {}} for point in same]
        return found

    def names(self, resource_id: str) -> list[str]:
        """The metrics that `resource_id` has points of, sorted."""
        lived = {name for name, _ in self._lived.get(resource_id.lower(), {})}
        if self.lives and "/onlineendpoints/" in resource_id.lower() and "/deployments/" in resource_id.lower():
            lived.add("RequestsPerMinute")
        return sorted(lived | self._of_file(resource_id).names(resource_id.lower()))

    def lived(self) -> Iterator[tuple[str, str, str, Series]]:
        """Resource id in lower case, metric, dimensions and series of everything lived."""
        for resource_id, series in sorted(self._lived.items()):
            for (metric, dimensions), one in sorted(series.items(), key=lambda entry: entry[0]):
                yield resource_id, metric, dimensions, one

    def _of_file(self, resource_id: str) -> _Recorded:
        namespace = type_of(resource_id)
        if namespace not in self._recorded:
            self._recorded[namespace] = _Recorded(self._folder / file_name(namespace))
        return self._recorded[namespace]


class _Recorded:
    """One metrics file, read when first asked for."""

    def __init__(self, file: Path) -> None:
        self._rows: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._table: Any = None
        if file.exists():
            self._read(file)

    def _read(self, file: Path) -> None:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        table = pq.read_table(file, read_dictionary=["resourceId", "metric", "dimensions", "interval"])
        self._table = table.combine_chunks()
        keys = [self._table.column(name).combine_chunks() for name in ("resourceId", "metric")]
        texts = [[text.lower() for text in key.dictionary.to_pylist()] for key in keys]
        codes = pc.add(pc.multiply(keys[0].indices.cast("int64"), len(texts[1]) or 1), keys[1].indices.cast("int64"))
        # A run is a stretch of rows of the same resource and metric; files are written sorted, so runs are few.
        runs = pc.run_end_encode(codes)
        start = 0
        for end, code in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
            resource, metric = divmod(code, len(texts[1]))
            self._rows.setdefault((texts[0][resource], texts[1][metric]), []).append((start, end))
            start = end

    def points(self, resource_id: str, metric: str, start: datetime, end: datetime) -> Iterator[Json]:
        for first, last in self._rows.get((resource_id, metric), []):
            for row in self._table.slice(first, last - first).to_pylist():
                if start <= row["timeStamp"] < end:
                    yield {
                        "timeStamp": row["timeStamp"],
                        **{name: row.get(name) for name in FIELDS},
                        "dimensions": json.loads(row["dimensions"] or "{}"),
                    }

    def names(self, resource_id: str) -> set[str]:
        return {
            self._table.column("metric")[runs[0][0]].as_py()
            for (key, _), runs in self._rows.items()
            if key == resource_id
        }


def file_name(namespace: str) -> str:
    return namespace.lower().replace("/", ".") + ".parquet"
