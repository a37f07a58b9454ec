"""Ask Monitor for many resources at once: 50 a call, of one subscription, region and type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from finops.estate import queries
from finops.estate.asking import Ask
from finops.estate.evidence import INTERVAL, Line, Series
from finops.estate.ids import key, subscription_of, type_of
from finops.estate.lists import region_of
from finops.estate.model import Json, at, text

if TYPE_CHECKING:
    from finops.cloud import Azure

# Ids in one metrics:getBatch call; same subscription, region and type (migrate-to-batch-api, 2026-06).
BATCH = 50
# Split by a dimension, each resource answers many lines: fewer resources a call keep the answer small.
BATCH_SPLIT = 10


@dataclass(frozen=True)
class Together:
    """Series that one call answers: the same type and dimension, the longest of their windows."""

    longest: Series
    names: tuple[str, ...]
    aggregations: tuple[str, ...]


def metrics(azure: Azure, bodies: Mapping[str, Json], wanted: Iterable[Series], now: datetime) -> Iterator[Ask]:
    """The calls that answer every series of every resource that has it."""
    for together in alike(wanted):
        places: dict[tuple[str, str], list[str]] = {}
        for name, body in sorted(bodies.items()):
            if type_of(name) == together.longest.resource_type:
                places.setdefault((subscription_of(name), region_of(body)), []).append(body["id"])
        size = BATCH_SPLIT if together.longest.dimension else BATCH
        for place, ids in places.items():
            for start in range(0, len(ids), size):
                call = partial(_points, azure, together, ids[start : start + size], place, now)
                yield Ask(queries.METRICS, f"/subscriptions/{place[0]}", call)


def alike(wanted: Iterable[Series]) -> list[Together]:
    """Series that can share calls, together."""
    groups: dict[tuple[str, str], list[Series]] = {}
    for series in wanted:
        groups.setdefault((series.resource_type, series.dimension), []).append(series)
    return [
        Together(
            max(found, key=lambda one: one.days),
            tuple(dict.fromkeys(one.metric for one in found)),
            tuple(dict.fromkeys(one.aggregation for one in found)),
        )
        for found in groups.values()
    ]


def _points(
    azure: Azure, together: Together, batch: list[str], place: tuple[str, str], now: datetime
) -> dict[Line, list[Json]]:
    """Monitor's data points by line. A resource of which Monitor says nothing is not in it."""
    series = together.longest
    start, end = series.window(now)
    answer = azure.metrics(
        batch,
        series.resource_type,
        together.names,
        start,
        end,
        interval=INTERVAL,
        aggregation=",".join(together.aggregations),
        filter=f"{series.dimension} eq '*'" if series.dimension else None,
        region=place[1],
        subscription=place[0],
    )
    found: dict[Line, list[Json]] = {}
    for resource_id, told in answer.items():
        for metric in told:
            called = text(metric, "name.value").lower()
            name = next((name for name in together.names if name.lower() == called), "")
            if not name:
                continue
            # Asked, and nothing was measured: known to be no data. Split by a dimension, it is the line of no value.
            found.setdefault((key(resource_id), name, series.dimensions()), [])
            for line in at(metric, "timeseries") or []:
                points = [point for point in at(line, "data") or [] if isinstance(point, dict)]
                found.setdefault((key(resource_id), name, series.dimensions(_value(line))), []).extend(points)
    return found


def _value(line: Json) -> str:
    """The value of the one dimension by which a line was split off; "" where it was not split."""
    return next((text(one, "value") for one in at(line, "metadatavalues") or []), "")
