"""Monitor metrics of many resources: 50 a call, by region and subscription."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from finops.errors import AzureError

from .shapes import Json, items_of, odd

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2024-02-01"  # azure-monitor-querymetrics 1.0.0
BATCH = 50  # resources a call (migrate-to-batch-api.md)
SERIES = 1000  # a filtered query silently keeps 10 series unless told otherwise


def batches(
    azure: Azure,
    resource_ids: Sequence[str],
    namespace: str,
    names: Sequence[str],
    start: datetime,
    end: datetime,
    *,
    region: str,
    subscription: str,
    interval: str,
    aggregation: str,
    filter: str | None,  # noqa: A002 - the name of the parameter in Azure
) -> dict[str, list[Json]]:
    """The metrics of each resource, by its id in lower case. One that Azure left out is absent: unknown, not zero."""
    params = {
        "starttime": _utc(start),
        "endtime": _utc(end),
        "interval": interval,
        "metricnamespace": namespace,
        "metricnames": ",".join(names),
        "aggregation": aggregation,
    }
    if filter:
        params |= {"filter": filter, "top": str(SERIES)}
    url = f"{azure.cloud.metrics(region)}/subscriptions/{subscription}/metrics:getBatch"
    found: dict[str, list[Json]] = {}
    for first in range(0, len(resource_ids), BATCH):
        asked = [resource_id.lower() for resource_id in resource_ids[first : first + BATCH]]
        doing = f"the metrics {', '.join(names)} of {len(asked)} resources in {region}"
        answer = azure.send(
            "metrics", "POST", url, API_VERSION, params=params, body={"resourceids": asked}, read=True,
            scope=subscription, doing=doing,
        )  # fmt: skip
        for entry in items_of(answer.json, "values", doing):
            resource_id = entry.get("resourceid")
            if not isinstance(resource_id, str) or resource_id.lower() not in asked:
                raise odd(doing, f"speaks of a resource that was not asked for ({resource_id})")
            metrics = items_of(entry, "value", doing)
            if filter and any(len(metric.get("timeseries") or []) >= SERIES for metric in metrics):
                raise AzureError(
                    f"{doing} has {SERIES} series or more; some may be missing.",
                    "Narrow the filter.",
                    code="Truncated",
                )
            found[resource_id.lower()] = metrics
    return found


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
