"""What was read of an estate, and what was not: facts ask here, and cannot mistake the one for the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from finops.estate.ids import key, lock_scope, scopes, subscription_of
from finops.estate.model import Gap, Json, at, text
from finops.estate.queries import ACTIVITY, GRAPH, JOB, JOBS, LOCKS, METRICS, NODES
from finops.estate.spending import Spending

# Below this share of the points that a window should have, silence may be a hole in the data (DESIGN, idea 2).
COVERAGE = 0.95

# No rate or count of Azure's comes near it: a point above it (or below 0, or NaN) is no measurement.
LARGEST = 1e15


class NotKnown(Exception):
    """Raised by a fact that cannot be known; the reason is what people will read."""


@dataclass(frozen=True)
class Series:
    """A Monitor metric of every resource of one type, one point an hour, `days` days back; one line of points for each
    value of `dimension`, where there is one."""

    resource_type: str
    metric: str
    aggregation: str = "average"
    days: int = 14
    dimension: str = ""

    def dimensions(self, value: str = "") -> str:
        """The dimensions of one line of points, as the folder format writes them."""
        return json.dumps({self.dimension: value} if self.dimension else {})

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """[start, end) in whole hours, UTC."""
        end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return end - timedelta(days=self.days), end


INTERVAL = "PT1H"
Points = list[tuple[datetime, float]]
# Resource id, metric, dimensions as JSON text.
Line = tuple[str, str, str]


@dataclass(frozen=True)
class Evidence:
    """Everything that one reading of an estate gave; ids are in lower case."""

    as_of: datetime
    bodies: Mapping[str, Json] = field(default_factory=dict)
    nodes: Mapping[str, list[Json]] = field(default_factory=dict)
    locks: Mapping[str, list[Json]] = field(default_factory=dict)  # by subscription GUID
    jobs_read: frozenset[str] = frozenset()  # workspaces whose jobs were listed
    metrics: Mapping[Line, list[Json]] = field(default_factory=dict)  # Monitor's `data`
    activity: Mapping[str, list[Json]] = field(default_factory=dict)  # by subscription GUID
    spending: Spending | None = None
    gaps: tuple[Gap, ...] = ()

    def missing(self, what: str, resource_id: str) -> NotKnown:
        """Why `what` is not there for a resource, to be raised."""
        for scope in scopes(resource_id):
            for gap in self._gaps.get((scope, what), ()):
                return NotKnown(gap.reason)
        return NotKnown(f"{what} was not asked for")

    def body(self, resource_id: str) -> Json:
        found = self.bodies.get(key(resource_id))
        if found is None:
            raise self.missing(GRAPH, resource_id)
        return found

    def nodes_of(self, compute_id: str) -> list[Json]:
        found = self.nodes.get(key(compute_id))
        if found is None:
            raise self.missing(NODES, compute_id)
        return found

    def jobs_on(self, compute_id: str) -> list[Json]:
        """Jobs whose own or whose steps' target is this compute, all of them or none."""
        workspace = key(compute_id).rpartition("/computes/")[0]
        if workspace not in self.jobs_read:
            raise self.missing(JOBS, workspace)
        return self._jobs_by_target.get(key(compute_id), [])

    def locks_over(self, resource_id: str) -> list[Json]:
        """Locks on the resource or on a scope above it."""
        subscription = subscription_of(resource_id)
        if subscription not in self.locks:
            raise self.missing(LOCKS, resource_id)
        over = scopes(resource_id)
        return [lock for lock in self.locks[subscription] if lock_scope(text(lock, "id")) in over]

    def events_of(self, resource_id: str) -> list[Json]:
        """Activity log events of the resource, oldest first."""
        subscription = subscription_of(resource_id)
        if subscription not in self.activity:
            raise self.missing(ACTIVITY, resource_id)
        return [event for event in self.activity[subscription] if key(text(event, "resourceId")) == key(resource_id)]

    def points(self, resource_id: str, series: Series, value: str = "") -> Points:
        """The values in the window of `series`, oldest first, when they cover it: null is "no data", not zero.

        value: of the dimension, where the series has one.
        """
        data = self.metrics.get((key(resource_id), series.metric, series.dimensions(value)))
        if data is None:
            raise self.missing(METRICS, resource_id)
        start, end = series.window(self.as_of)
        values: dict[datetime, float] = {}
        for point in data:
            measured = at(point, series.aggregation)
            if isinstance(measured, int | float) and 0 <= measured < LARGEST:
                moment = moment_of(point, "timeStamp")
                if moment and start <= moment < end:
                    values[moment] = float(measured)
        wanted = int((end - start) / timedelta(hours=1))
        if len(values) < wanted * COVERAGE:
            raise NotKnown(f"Monitor has {len(values)} of the {wanted} hourly points of the last {series.days} days")
        return sorted(values.items())

    @cached_property
    def _gaps(self) -> dict[tuple[str, str], list[Gap]]:
        found: dict[tuple[str, str], list[Gap]] = {}
        for gap in self.gaps:
            found.setdefault((key(gap.scope), gap.what), []).append(gap)
        return found

    @cached_property
    def _jobs_by_target(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        marker = "/" + JOB.rpartition("/")[2] + "/"
        for name, body in self.bodies.items():
            if marker in name:
                for target in targets(body):
                    found.setdefault(target, []).append(body)
        return found


def targets(job: Json) -> set[str]:
    """The computes that a job, or a step of a pipeline job, is sent to."""
    properties = at(job, "properties")
    steps = at(properties, "jobs")
    named = [text(properties, "computeId"), text(properties, "settings.defaultCompute")]
    named += [text(step, "computeId") for step in steps.values()] if isinstance(steps, Mapping) else []
    return {key(name) for name in named if name.startswith("/")}


def moment_of(body: Any, path: str) -> datetime | None:
    """The time at a dotted path, aware and in UTC; None where there is none."""
    written = text(body, path)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
