"""What was read of an estate, and what was not: facts ask here, and cannot mistake the one for the other."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import islice, takewhile
from typing import Any

from finops.estate.ids import key, lock_scope, scopes, subscription_of, type_of
from finops.estate.model import Gap, Json, at, text
from finops.estate.pricing import Rates
from finops.estate.queries import ACTIVITY, GRAPH, JOB, JOBS, LOCKS, METRICS, NODES, RESOURCE, USERS
from finops.estate.references import References, ids_in, references
from finops.estate.spending import Spending

# Below this share of the points that a window should have, silence may be a hole in the data (DESIGN, idea 2).
COVERAGE = 0.95

# Several facts look at the same line, one after the other.
RECENT = 8

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
    jobs_since: Mapping[str, datetime] = field(default_factory=dict)  # and how far back, archived ones as well
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)  # what was listed whole, below which scopes
    absent: frozenset[str] = frozenset()  # ids that Azure itself answered 404 for
    users: Mapping[str, Json | None] = field(default_factory=dict)  # as asked for; None: there is none
    first_seen: Mapping[str, datetime] | None = None  # our own memory
    rates: Rates | None = None
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
            raise self.missing(RESOURCE if (key(resource_id), RESOURCE) in self._gaps else GRAPH, resource_id)
        return found

    def expect(self, what: str, scope: str) -> None:
        """Raise NotKnown unless all of `what` below `scope` was listed."""
        whole = self.listed.get(what, frozenset())
        if not any(one in whole for one in scopes(scope)):
            below = key(scope) + "/"
            for missing in self.gaps:
                if missing.what == what and key(missing.scope).startswith(below):
                    raise NotKnown(missing.reason)
            graph = any((one, GRAPH) in self._gaps for one in scopes(scope))
            raise self.missing(GRAPH if graph else what, scope)

    def exists(self, resource_id: str, what: str) -> bool:
        """Whether it exists, by a list of `what` that would show it, or by Azure's own word."""
        name = key(resource_id)
        if name in self.bodies or name in self.absent:
            return name in self.bodies
        if (name, RESOURCE) in self._gaps:
            raise self.missing(RESOURCE, name)
        self.expect(what, name.rpartition("/")[0].rpartition("/")[0])
        return False

    def has_account(self, who: str) -> bool:
        """Whether the directory has the account of an object id or an address."""
        if who.lower() not in self.users:
            for scope in (key(f"/users/{who}"), "/users"):
                for gap in self._gaps.get((scope, USERS), ()):
                    raise NotKnown(gap.reason)
            raise NotKnown(f"{USERS} was not asked for")
        return self.users[who.lower()] is not None

    @cached_property
    def references(self) -> References:
        """What refers to what, by ARM ids."""
        return references(self.bodies)

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
        return self._events.get(key(resource_id), [])

    def points(self, resource_id: str, series: Series, value: str = "", since: datetime | None = None) -> Points:
        """The values in the window of `series`, oldest first, when they cover it: null is "no data", not zero.

        value: of the dimension, where the series has one; any letter case.
        since: where the window begins, if that is later, such as when the resource was made.
        """
        line = (key(resource_id), series.metric, series.dimensions(value))
        if line not in self.metrics and series.dimension:
            line = self._lines.get((*line[:2], line[2].lower()), line)
        if line not in self.metrics:
            raise self.missing(METRICS, resource_id)
        start, end = series.window(self.as_of)
        said = f"last {series.days} days"
        if since and since > start:
            # The first hour is whole only if it began on the hour.
            start = since.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            said = f"hours since {since:%Y-%m-%dT%H:%MZ}"
        found = between(self._measured(line, series), start, end)
        wanted = max(0, int((end - start) / timedelta(hours=1)))
        if len(found) < wanted * COVERAGE:
            raise NotKnown(f"Monitor has {len(found)} of the {wanted} hourly points of the {said}")
        return found

    def lines(self, resource_id: str, series: Series) -> bool:
        """Whether Monitor told any line at all of the series, so that a value without one can be named."""
        return (key(resource_id), series.metric) in self._told

    def has_line(self, resource_id: str, series: Series, value: str) -> bool:
        """Whether Monitor told a line for this value of the dimension."""
        return (key(resource_id), series.metric, series.dimensions(value).lower()) in self._lines

    def measured(self, resource_id: str, series: Series, value: str = "") -> Points:
        """Every measurement in the window of `series`, whether they cover it or not; none where it was not read."""
        line = (key(resource_id), series.metric, series.dimensions(value))
        line = self._lines.get((*line[:2], line[2].lower()), line)
        start, end = series.window(self.as_of)
        return between(self._measured(line, series), start, end) if line in self.metrics else []

    def below(self, resource_id: str, resource_type: str) -> list[Json]:
        """The bodies of one type below an id."""
        below = key(resource_id) + "/"
        start = bisect_left(self._names, below)
        names = takewhile(lambda name: name.startswith(below), islice(self._names, start, None))
        return [self.bodies[name] for name in names if type_of(name) == resource_type]

    @cached_property
    def _events(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for events in self.activity.values():
            for event in events:
                found.setdefault(key(text(event, "resourceId")), []).append(event)
        return found

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self.bodies)

    @cached_property
    def _told(self) -> frozenset[tuple[str, str]]:
        return frozenset((name, metric) for name, metric, _ in self.metrics)

    def _measured(self, line: Line, series: Series) -> Points:
        """Every point of a line that is a measurement, oldest first, each moment once."""
        recent: dict[tuple[Line, str], Points] = self.__dict__.setdefault("_recent", {})
        if (line, series.aggregation) not in recent:
            values: dict[datetime, float] = {}
            for point in self.metrics[line]:
                measured = point.get(series.aggregation)
                if isinstance(measured, int | float) and 0 <= measured < LARGEST:
                    moment = moment_of(point, "timeStamp")
                    if moment:
                        values[moment] = float(measured)
            if len(recent) > RECENT:
                recent.clear()
            recent[line, series.aggregation] = sorted(values.items())
        return recent[line, series.aggregation]

    @cached_property
    def _lines(self) -> dict[Line, Line]:
        """Lines by their name in lower case: Monitor writes dimensions in a case of its own."""
        return {
            (name, metric, dimensions.lower()): (name, metric, dimensions) for name, metric, dimensions in self.metrics
        }

    @cached_property
    def _gaps(self) -> dict[tuple[str, str], list[Gap]]:
        found: dict[tuple[str, str], list[Gap]] = {}
        for gap in self.gaps:
            found.setdefault((key(gap.scope), gap.what), []).append(gap)
        return found

    @cached_property
    def _jobs_by_target(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for name, body in self.bodies.items():
            if "/jobs/" in name and type_of(name) == JOB:
                for target in targets(body):
                    found.setdefault(target, []).append(body)
        return found


def targets(job: Json) -> set[str]:
    """The computes that a job, or a step of a pipeline job, is sent to.

    Pipelines name their default compute in snake case (recorded: azure-ai-ml, test_load_recurrence_schedule), their
    steps theirs in camel case.
    """
    return {target for _, target in ids_in(at(job, "properties"), "properties") if "/computes/" in target}


def between(points: Points, start: datetime, end: datetime) -> Points:
    """Those of sorted points that lie in [start, end)."""
    return points[bisect_left(points, (start,)) : bisect_left(points, (end,))]


def moment_of(body: Any, path: str) -> datetime | None:
    """The time at a dotted path, aware and in UTC; None where there is none."""
    return _moment(text(body, path))


# Every resource has points at the same hours.
@lru_cache(1 << 14)
def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
