"""Monitor's metrics: of one resource, of a subscription's region, and of up to 50 resources in one batch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, ok, shaped
from finops.simulator.ids import parts_of
from finops.simulator.metric_names import METRICS, Metric
from finops.simulator.services.arm import existing, existing_subscription
from finops.simulator.store import Json
from finops.simulator.world import World

MOST_IN_BATCH = 50
# Series of one metric that come back when a filter splits it and `top` is not given (Microsoft Q&A 6005145).
USUAL_TOP = 10
KEPT = timedelta(days=93)
FIELDS = ("average", "total", "minimum", "maximum", "count")


def routes(world: World) -> list[BaseRoute]:
    return [
        Route("/subscriptions/{subscription}/metrics:getBatch", partial(_batch, world), methods=["POST"]),
        Route("/subscriptions/{subscription}/providers/Microsoft.Insights/metrics", partial(_region, world)),
        Route("/{resource:path}/providers/Microsoft.Insights/metrics", partial(_resource, world)),
        Route("/{resource:path}/providers/Microsoft.Insights/metricDefinitions", partial(_definitions, world)),
    ]


@dataclass(frozen=True)
class Asked:
    """What a metrics request wants, from whichever spelling of it came."""

    names: tuple[str, ...]
    start: datetime
    end: datetime
    interval: timedelta
    shown_interval: str
    aggregations: tuple[str, ...]
    filter: Mapping[str, frozenset[str]]
    top: int


def _asked(world: World, words: Mapping[str, str], known: Sequence[Metric]) -> Asked:
    given = {key.lower(): value for key, value in words.items()}
    now = world.clock.now()
    start, end = now - timedelta(hours=1), now
    try:
        if "timespan" in given:
            first, _, last = given["timespan"].partition("/")
            start, end = _moment(first), _moment(last)
        start, end = _moment(given.get("starttime", start.isoformat())), _moment(given.get("endtime", end.isoformat()))
    except ValueError as fault:
        raise _refused(f"Invalid time interval input: {fault}") from fault
    if end < start:
        raise _refused(f"Invalid time interval input: the end {end} is before the start {start}.")
    shown = given.get("interval", "PT1M")
    interval = end - start if shown.upper() == "FULL" else _duration(shown)
    names = tuple(name.replace("%2", ",") for name in given.get("metricnames", "").split(",") if name)
    names = names or tuple(metric.name for metric in known[:1])
    aggregations = tuple(word.strip().lower() for word in given.get("aggregation", "").split(",") if word.strip())
    wrong = [word for word in aggregations if word not in FIELDS]
    if wrong:
        raise _refused(f"Invalid aggregation type: {wrong[0]}.")
    split = _filter(given.get("$filter") or given.get("filter") or "")
    top = int(given["top"]) if given.get("top", "").isdigit() else USUAL_TOP if split else math.inf
    return Asked(
        names,
        max(start, now - KEPT),
        end,
        interval or timedelta(minutes=1),
        shown,
        aggregations,
        split,
        int(min(top, 9999)),
    )


def _resource(world: World, request: Request) -> Response:
    resource = existing(world, parts_of(request.path_params["resource"]))
    known = _known(world, resource["id"])
    asked = _asked(world, request.query_params, known)
    value = [_metric(world, asked, [resource["id"]], name, known, resource["id"]) for name in asked.names]
    region = str(resource.get("location", "global"))
    return ok(_framed(asked, parts_of(resource["id"]).type, region, value, request))


def _framed(asked: Asked, kind: str, region: str, value: list[Json], request: Request) -> Json:
    namespace = request.query_params.get("metricnamespace") or kind
    return {
        "cost": math.ceil((asked.end - asked.start) / timedelta(minutes=1)) * len(asked.names),
        "timespan": f"{_stamp(asked.start)}/{_stamp(asked.end)}",
        "interval": asked.shown_interval,
        "namespace": namespace,
        "resourceregion": region,
        "value": value,
    }


def _region(world: World, request: Request) -> Response:
    """All of a subscription's resources of one type in one region; `Microsoft.ResourceId eq '*'` tells them apart."""
    subscription = existing_subscription(world, request.path_params["subscription"])
    region, kind = request.query_params.get("region", ""), request.query_params.get("metricnamespace", "")
    if not region or not kind:
        raise _refused("The query parameters region and metricnamespace are required at subscription scope.")
    found = world.resources.of_type(kind, under=subscription["id"])
    ids = [body["id"] for body in found if str(body.get("location", "")).lower() == region.lower()]
    known = METRICS.get(kind.lower()) or _known_of(name for each in ids for name in world.metrics.names(each))
    asked = _asked(world, request.query_params, known)
    value = [_metric(world, asked, ids, name, known, subscription["id"]) for name in asked.names]
    return ok(_framed(asked, kind, region, value, request))


def _batch(world: World, request: Request) -> Response:
    ids = [str(each) for each in shaped(body_of(request), {"resourceids": list}).get("resourceids") or []]
    if not 1 <= len(ids) <= MOST_IN_BATCH:
        raise _refused(f"A batch has from 1 to {MOST_IN_BATCH} resource ids, not {len(ids)}.")
    kinds = {parts_of(each).type.lower() for each in ids}
    owners = {parts_of(each).subscription.lower() for each in ids}
    if len(kinds) > 1 or owners != {request.path_params["subscription"].lower()}:
        raise _refused("All resources of a batch must be of one type, in the subscription of the URL.")
    existing_subscription(world, request.path_params["subscription"])
    regions = {str((world.resources.get(each) or {}).get("location") or "").lower() for each in ids} - {""}
    if len(regions) > 1:
        raise _refused("All resources of a batch must be in one region.")
    known = _known(world, ids[0])
    asked = _asked(world, request.query_params, known)
    values = []
    for each in ids:
        body = world.resources.get(each) or {}
        values.append(
            {
                "starttime": _stamp(asked.start),
                "endtime": _stamp(asked.end),
                "interval": asked.shown_interval,
                "namespace": request.query_params.get("metricnamespace") or parts_of(each).type,
                "resourceregion": str(body.get("location", "global")),
                "resourceid": each,
                "value": [_metric(world, asked, [each], name, known, each) for name in asked.names],
            }
        )
    return ok({"values": values})


def _definitions(world: World, request: Request) -> Response:
    resource = existing(world, parts_of(request.path_params["resource"]))
    kind = str(resource.get("type", parts_of(resource["id"]).type))
    return ok({"value": [_definition(resource["id"], kind, metric) for metric in _known(world, resource["id"])]})


def _definition(resource_id: str, kind: str, metric: Metric) -> Json:
    return {
        "id": f"{resource_id}/providers/microsoft.insights/metricdefinitions/{metric.name}",
        "resourceId": resource_id,
        "namespace": kind,
        "name": {"value": metric.name, "localizedValue": metric.name},
        "isDimensionRequired": False,
        "unit": metric.unit,
        "primaryAggregationType": metric.aggregation.capitalize(),
        "supportedAggregationTypes": [field.capitalize() for field in FIELDS],
        "metricAvailabilities": [{"timeGrain": grain, "retention": "P93D"} for grain in ("PT1M", "PT1H", "P1D")],
        "dimensions": [{"value": name, "localizedValue": name} for name in metric.dimensions],
    }


def _known(world: World, resource_id: str) -> list[Metric]:
    """What Monitor has of this type; where we do not know the type, what the estate has of the resource."""
    kind = parts_of(resource_id).type.lower()
    listed = METRICS.get(kind, [])
    more = [name for name in world.metrics.names(resource_id) if not _named(listed, name)]
    return [*listed, *_known_of(more)]


def _known_of(names: Iterable[str]) -> list[Metric]:
    return [Metric(name, "Count", "average", ()) for name in sorted(set(names))]


def _named(known: Iterable[Metric], name: str) -> Metric | None:
    return next((metric for metric in known if metric.name.lower() == name.lower()), None)


def _metric(
    world: World, asked: Asked, resource_ids: Sequence[str], name: str, known: Sequence[Metric], scope: str
) -> Json:
    metric = _named(known, name)
    if metric is None:
        kind = parts_of(resource_ids[0] if resource_ids else scope).type
        valid = ",".join(each.name for each in known)
        provider, _, rest = kind.partition("/")
        # Recorded: c7n, ArmResourceTest.test_metric_filter_invalid_metric.
        raise _refused(
            f"Failed to find metric configuration for provider: {provider}, resource Type: {rest}, "
            f"metric: {name}, Valid metrics: {valid}"
        )
    series: dict[tuple[tuple[str, str], ...], list[Json]] = {}
    for resource_id in resource_ids:
        for point in world.metrics.points(resource_id, metric.name, asked.start, asked.end):
            told = {**point["dimensions"], "microsoft.resourceid": resource_id}
            key = _key(told, asked.filter)
            if key is not None:
                series.setdefault(key, []).append(point)
    shown = sorted(series.items())[: asked.top]
    return {
        "id": f"{scope}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.name},
        "displayDescription": "",
        "unit": metric.unit,
        "timeseries": [
            {
                "metadatavalues": [
                    {"name": {"value": each.lower(), "localizedValue": each.lower()}, "value": value}
                    for each, value in key
                ],
                "data": list(_buckets(points, asked, asked.aggregations or (metric.aggregation,))),
            }
            for key, points in shown
        ],
        "errorCode": "Success",
    }


def _key(dimensions: Mapping[str, str], wanted: Mapping[str, frozenset[str]]) -> tuple[tuple[str, str], ...] | None:
    """The values of the dimensions that the filter names, or None where the series is not meant."""
    by_lower = {name.lower(): value for name, value in dimensions.items()}
    key = []
    for name, values in wanted.items():
        value = by_lower.get(name)
        if value is None or not ("*" in values or value.lower() in values):
            return None
        key.append((name, value))
    return tuple(key)


def _buckets(points: list[Json], asked: Asked, fields: Sequence[str]) -> Iterator[Json]:
    """The points gathered into the asked intervals, one entry for each; no value where there was no data.

    Intervals begin at the start of the timespan, seconds dropped (recorded: c7n, test_metric_filter_find).
    Nothing is finer than what was recorded: asked for minutes, hourly data comes back hour by hour.
    """
    moments = sorted({point["timeStamp"] for point in points})
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    width = max(asked.interval, min(gaps, default=asked.interval))
    first, last = (moment.replace(second=0, microsecond=0) for moment in (asked.start, asked.end))
    held: dict[int, list[Json]] = {}
    for point in points:
        held.setdefault((point["timeStamp"] - first) // width, []).append(point)
    for number in range(max(1, math.ceil((last - first) / width))):
        bucket = held.get(number, [])
        values = {field: _gathered(bucket, field) for field in fields}
        told = {field: value for field, value in values.items() if value is not None}
        yield {"timeStamp": _stamp(first + number * width), **told}


def _gathered(points: list[Json], field: str) -> float | None:
    """One value for several points: sums add up, an average is weighted by the counts."""
    if field == "average":
        weighed = [(p["average"], p.get("count") or 1.0) for p in points if p.get("average") is not None]
        weight = sum(count for _, count in weighed)
        return sum(value * count for value, count in weighed) / weight if weight else None
    values = [point[field] for point in points if point.get(field) is not None]
    if not values:
        return None
    return float({"minimum": min, "maximum": max}.get(field, sum)(values))


def _filter(text: str) -> dict[str, frozenset[str]]:
    """`deployment eq '*' and statusCode eq '200'` as the values wanted of each dimension."""
    wanted: dict[str, set[str]] = {}
    rest = re.sub(r"([\w./]+)\s+eq\s+'((?:[^']|'')*)'", lambda found: _noted(wanted, found), text, flags=re.I)
    if re.sub(r"\b(and|or)\b|[()\s]", "", rest, flags=re.I):
        raise _refused(f"Invalid filter: {text}")
    return {name: frozenset(values) for name, values in wanted.items()}


def _noted(wanted: dict[str, set[str]], found: re.Match[str]) -> str:
    wanted.setdefault(found[1].lower(), set()).add(found[2].replace("''", "'").lower())
    return ""


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", text.upper())
    width = timedelta(*(int(found[1] or 0),), hours=int(found[2] or 0), minutes=int(found[3] or 0)) if found else None
    if not width:
        raise _refused(
            f"Detected invalid time grain input: {text}, supported ones are: PT1M,PT5M,PT15M,PT30M,PT1H,P1D."
        )
    return width


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "+" not in text else text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refused(message: str) -> WireError:
    """Microsoft.Insights leaves the outer "error" out."""
    return WireError(400, "BadRequest", message, flat=True)
