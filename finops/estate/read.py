"""Read an estate from Azure with the fewest calls: what exists, what it does, and what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from finops.errors import AccessDenied, AzureError, SignInError
from finops.estate import queries
from finops.estate.evidence import INTERVAL, Evidence, Line, Series, moment_of
from finops.estate.facts import facts_of, series_needed
from finops.estate.facts.owner import creator_of
from finops.estate.ids import key, subscription_of, type_of
from finops.estate.model import Estate, Gap, Json, Resource, at, text
from finops.estate.spending import Charges, spending

if TYPE_CHECKING:
    from finops.cloud import Azure

# Ids in one metrics:getBatch call; same subscription, region and type (migrate-to-batch-api, 2026-06).
BATCH = 50
# Split by a dimension, each resource answers many lines: fewer resources a call keep the answer small.
BATCH_SPLIT = 10


def read(azure: Azure, now: datetime, charges: Charges | None = None) -> Estate:
    """The estate that `azure` lets us see, with its facts; what it does not let us see is named in `gaps`.

    Raises SignInError when the login is missing or expires on the way, and the error itself when nothing at all
    could be read.
    """
    return with_facts(gather(azure, now), charges)


def with_facts(evidence: Evidence, charges: Charges | None = None) -> Estate:
    """The estate that the evidence shows. Nothing is asked."""
    if charges is not None:
        evidence = replace(evidence, spending=spending(charges, evidence.as_of))
    resources = {
        name: Resource(body["id"], body, {} if type_of(name) == queries.LOCK else facts_of(body, evidence))
        for name, body in evidence.bodies.items()
    }
    return Estate(evidence.as_of, resources, evidence.gaps)


def gather(azure: Azure, now: datetime, activity: bool = False, series: Iterable[Series] | None = None) -> Evidence:
    """Everything that the facts need; the activity log only where nothing else names a creator, or when asked for.

    series: the metrics to read, in place of those that the facts need.
    """
    wanted = series_needed() if series is None else tuple(series)
    subscriptions = {text(body, "subscriptionId").lower(): body for body in azure.subscriptions()}
    if not subscriptions:
        raise AccessDenied(
            "This login can read no subscription.", "Give it the Reader role on those that finops shall read."
        )
    ask = Asker(azure)
    bodies = {key(body["id"]): body for body in subscriptions.values()}
    bodies |= _what_exists(ask, sorted(subscriptions))

    locks = {subscription_of(one.scope): found for one, found in ask.all(_locks(azure, subscriptions))}
    bodies |= {key(lock["id"]): lock for found in locks.values() for lock in found}

    workspaces = [name for name in bodies if type_of(name) == queries.WORKSPACE]
    jobs_read: set[str] = set()
    metrics: dict[Line, list[Json]] = {}
    asks = [*_metrics(azure, bodies, wanted, now), *_computes(azure, workspaces), *_jobs(azure, workspaces, now)]
    for one, found in ask.all(asks):
        if one.what == queries.METRICS:
            metrics |= found
            continue
        bodies |= {key(body["id"]): body for body in found}
        if one.what == queries.JOBS:
            jobs_read.add(key(one.scope))

    nodes = {key(one.scope): found for one, found in ask.all(_nodes(azure, bodies))}
    events = {
        subscription_of(one.scope): sorted(found, key=lambda event: text(event, "eventTimestamp"))
        for one, found in ask.all(_activity(azure, subscriptions if activity else _unsigned(bodies), now))
    }
    return Evidence(
        as_of=now,
        bodies=bodies,
        nodes=nodes,
        locks=locks,
        jobs_read=frozenset(jobs_read),
        metrics=metrics,
        activity=events,
        gaps=tuple(ask.gaps),
    )


@dataclass(frozen=True)
class Ask:
    """One thing to ask: what, below which scope, and the call that answers."""

    what: str
    scope: str
    call: Callable[[], Any]


class Asker:
    """Asks many things at the same time, and keeps the fault of each that got no answer."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.faults: list[AzureError] = []
        self.gaps: list[Gap] = []

    def all(self, asks: Iterable[Ask]) -> Iterator[tuple[Ask, Any]]:
        """The answers that came, in the order in which they came."""
        asks = list(asks)
        for one, answer in self.azure.each(asks, lambda one: one.call()) if asks else ():
            if isinstance(answer, SignInError):
                # Whatever is still to be asked would be refused as well, and look like an estate of gaps.
                raise answer
            if isinstance(answer, AzureError):
                self.faults.append(answer)
                self.gaps.append(gap(one.scope, one.what, answer))
            else:
                yield one, answer


def gap(scope: str, what: str, fault: AzureError) -> Gap:
    """What is missing because of `fault`."""
    status = f"{fault.status} " if fault.status else ""
    code = f"{fault.code}: " if fault.code and fault.code not in fault.what else ""
    return Gap(scope, what, f"{status}{code}{fault.what}", fault.status, fault.code)


def _what_exists(ask: Asker, wanted: list[str]) -> dict[str, Json]:
    """Resources and resource groups by id; subscriptions that gave none of them become gaps."""
    answers = [rows for _, rows in Asker(ask.azure).all(_graph(ask.azure, [wanted]))] if len(wanted) > 1 else []
    if len(answers) < len(_GRAPH):
        # One subscription that refuses must not hide the others: ask for each alone.
        answers = [rows for _, rows in ask.all(_graph(ask.azure, [[one] for one in wanted]))]
    if not answers:
        raise ask.faults[0]
    found = [_body(row) for rows in answers for row in rows]
    # Resource Graph leaves out, without a word, what the login may not see. A subscription is a row of its own
    # answer, so one of which there is no row at all was not looked at.
    seen = {subscription_of(body["id"]) for body in found} | {subscription_of(missing.scope) for missing in ask.gaps}
    for subscription in wanted:
        if subscription not in seen:
            reason = "Resource Graph shows nothing of it, not even its own row: the Reader role may be missing"
            ask.gaps.append(Gap(f"/subscriptions/{subscription}", queries.GRAPH, reason))
    return {key(body["id"]): body for body in found if type_of(body["id"]) != queries.SUBSCRIPTION}


def _graph(azure: Azure, parts: list[list[str]]) -> Iterator[Ask]:
    for part in parts:
        for query in _GRAPH:
            yield Ask(queries.GRAPH, f"/subscriptions/{part[0]}", partial(azure.graph, query, part))


_GRAPH = (queries.CONTAINERS, queries.RESOURCES)


def _body(row: Json) -> Json:
    """A row of Resource Graph as an ARM body: columns that a resource does not have come as null or ""."""
    if not isinstance(row.get("id"), str):
        raise AzureError("Resource Graph answered a row without an id.", "Run it again.", code="OddAnswer")
    return {name: value for name, value in row.items() if value is not None and value != ""}


def _locks(azure: Azure, subscriptions: Iterable[str]) -> Iterator[Ask]:
    for subscription in subscriptions:
        scope = f"/subscriptions/{subscription}"
        path = f"{scope}/providers/Microsoft.Authorization/locks"
        yield Ask(queries.LOCKS, scope, partial(_listed, azure, path, queries.LOCKS_VERSION))


def _computes(azure: Azure, workspaces: Iterable[str]) -> Iterator[Ask]:
    for scope in workspaces:
        yield Ask(queries.COMPUTES, scope, partial(_listed, azure, f"{scope}/computes", queries.ML_VERSION))


def _jobs(azure: Azure, workspaces: Iterable[str], now: datetime) -> Iterator[Ask]:
    for scope in workspaces:
        yield Ask(queries.JOBS, scope, partial(_recent_jobs, azure, scope, now))


def _nodes(azure: Azure, bodies: dict[str, Json]) -> Iterator[Ask]:
    for name, body in bodies.items():
        cluster = type_of(name) == queries.COMPUTE and text(body, "properties.computeType").lower() == "amlcompute"
        if cluster and at(body, "properties.properties.currentNodeCount") != 0:
            yield Ask(queries.NODES, body["id"], partial(azure.nodes, body["id"]))


def _metrics(azure: Azure, bodies: dict[str, Json], wanted: Iterable[Series], now: datetime) -> Iterator[Ask]:
    together: dict[Series, list[str]] = {}
    for series in wanted:
        together.setdefault(replace(series, metric=""), []).append(series.metric)
    for alike, names in together.items():
        places: dict[tuple[str, str], list[str]] = {}
        for name, body in sorted(bodies.items()):
            if type_of(name) == alike.resource_type:
                region = text(body, "location").replace(" ", "").lower()
                places.setdefault((subscription_of(name), region), []).append(body["id"])
        size = BATCH_SPLIT if alike.dimension else BATCH
        for place, ids in places.items():
            for start in range(0, len(ids), size):
                call = partial(_points, azure, alike, names, ids[start : start + size], place, now)
                yield Ask(queries.METRICS, f"/subscriptions/{place[0]}", call)


def _points(
    azure: Azure, series: Series, names: list[str], batch: list[str], place: tuple[str, str], now: datetime
) -> dict[Line, list[Json]]:
    """Monitor's data points by line. A resource of which Monitor says nothing is not in it."""
    start, end = series.window(now)
    answer = azure.metrics(
        batch,
        series.resource_type,
        names,
        start,
        end,
        interval=INTERVAL,
        aggregation=series.aggregation,
        filter=f"{series.dimension} eq '*'" if series.dimension else None,
        region=place[1],
        subscription=place[0],
    )
    found: dict[Line, list[Json]] = {}
    for resource_id, metrics in answer.items():
        for metric in metrics:
            told = text(metric, "name.value").lower()
            name = next((name for name in names if name.lower() == told), "")
            if not name:
                continue
            if not series.dimension:
                # Asked, and nothing was measured: known to be no data.
                found[key(resource_id), name, series.dimensions()] = []
            for line in at(metric, "timeseries") or []:
                points = [point for point in at(line, "data") or [] if isinstance(point, dict)]
                found.setdefault((key(resource_id), name, series.dimensions(_value(line))), []).extend(points)
    return found


def _value(line: Json) -> str:
    """The value of the one dimension by which a line was split off; "" where it was not split."""
    return next((text(one, "value") for one in at(line, "metadatavalues") or []), "")


def _activity(azure: Azure, subscriptions: Iterable[str], now: datetime) -> Iterator[Ask]:
    since = now - queries.ACTIVITY_SINCE
    asked = (
        f"eventTimestamp ge '{since:%Y-%m-%dT%H:%M:%SZ}' and eventTimestamp le '{now:%Y-%m-%dT%H:%M:%SZ}'"
        " and resourceProvider eq 'Microsoft.MachineLearningServices'"
    )
    for subscription in sorted(subscriptions):
        scope = f"/subscriptions/{subscription}"
        path = f"{scope}/providers/Microsoft.Insights/eventtypes/management/values"
        yield Ask(queries.ACTIVITY, scope, partial(_events, azure, path, asked))


def _events(azure: Azure, path: str, asked: str) -> list[Json]:
    return list(azure.pages(path, queries.ACTIVITY_VERSION, {"$filter": asked}))


def _unsigned(bodies: dict[str, Json]) -> set[str]:
    """Subscriptions with a Machine Learning resource of which the body does not say who or what made it."""
    return {
        subscription_of(name)
        for name, body in bodies.items()
        if type_of(name).startswith(queries.ML) and not creator_of(body) and not text(body, "systemData.createdByType")
    }


def _listed(azure: Azure, path: str, api_version: str) -> list[Json]:
    return [_with_id(body, path) for body in azure.pages(path, api_version)]


def _recent_jobs(azure: Azure, workspace: str, now: datetime) -> list[Json]:
    """Jobs of a workspace that can still matter, newest first; too many of them are an error, never a part."""
    path = f"{workspace}/jobs"
    found: list[Json] = []
    old = 0
    for body in azure.pages(path, queries.ML_VERSION, {"listViewType": "ActiveOnly"}):
        found.append(_with_id(body, path))
        created = moment_of(body, "systemData.createdAt")
        old = old + 1 if created and now - created > queries.JOBS_SINCE else 0
        if old >= queries.JOBS_OLD_IN_A_ROW:
            break
        if len(found) > queries.JOBS_AT_MOST:
            what = f"more than {queries.JOBS_AT_MOST} jobs of the last {queries.JOBS_SINCE.days} days"
            raise AzureError(f"{path} has {what}.", "Archive jobs that are over.", code="TooMany")
    return found


def _with_id(body: Json, path: str) -> Json:
    if not isinstance(body.get("id"), str) or not body["id"].startswith("/"):
        raise AzureError(f"{path} answered an item without an id.", "Run it again.", code="OddAnswer")
    return body
