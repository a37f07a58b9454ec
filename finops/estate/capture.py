"""Record an estate into a folder: everything that reading asks, redacted; the stamp last."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from finops import __version__
from finops.errors import DataError
from finops.estate import queries
from finops.estate.asking import Ask, Asker
from finops.estate.collecting import with_facts
from finops.estate.evidence import INTERVAL, Evidence, Series, moment_of
from finops.estate.facts import everything, needed
from finops.estate.folder import STAMP, Stamp, arm_file, write, write_lines, write_stamp
from finops.estate.ids import subscription_of, type_of
from finops.estate.model import Estate, Gap, Json, text
from finops.estate.pricing import sizes_in_use
from finops.estate.read import gather
from finops.estate.redact import Redaction

if TYPE_CHECKING:
    from finops.cloud import Azure

# Stands in a folder from the first file to the stamp; a folder with it was not recorded to the end.
UNFINISHED = ".recording"
# What each list is asked for; the file of a type is there, empty, when all were asked and none exists.
ASKED = dict.fromkeys((*queries.TYPES, queries.RESOURCE_GROUP), queries.GRAPH) | {
    queries.COMPUTE: queries.COMPUTES,
    queries.JOB: queries.JOBS,
    queries.LOCK: queries.LOCKS,
    queries.SCHEDULE: queries.SCHEDULES,
    queries.ENVIRONMENT: queries.ENVIRONMENTS,
    queries.ENVIRONMENT_VERSION: queries.ENVIRONMENTS,
    queries.COMPONENT_VERSION: queries.COMPONENTS,
    queries.BATCH_JOB: queries.BATCH_JOBS,
    queries.ROLE_ASSIGNMENT: queries.ROLES,
}

RECORDED_DAYS = 30
# Not needed by any fact yet, but a rule can be tried on last month only if last month was recorded.
ALSO = (
    Series(queries.DEPLOYMENT, "RequestsPerMinute"),
    Series(queries.DEPLOYMENT, "CpuUtilizationPercentage"),
    *(Series(queries.WORKSPACE, f"{state} Nodes", dimension="ClusterName") for state in ("Active", "Idle", "Total")),
)

# Gets the folder for charges; gives their BillingCurrency and what is missing of them.
Recorder = Callable[[Path], tuple[str, list[Gap]]]
# Gets the estate and the folder; gives what it could not read.
Further = Callable[[Estate, Path], list[Gap]]


def capture(
    azure: Azure,
    folder: Path,
    now: datetime,
    *,
    name: str = "",
    charges: Recorder | None = None,
    more: Further | None = None,
    salt: bytes = b"",
) -> Stamp:
    """Record what `azure` lets us see into `folder`, which must be new or empty; the stamp that was written.

    charges: writes the charges.
    more: records what rooms above this one know how to read.
    salt: makes the pseudonyms; by default a new one, so that nobody can find a person by trying addresses.
    """
    folder = Path(folder)
    refuse_to_overwrite(folder)
    evidence = gather(azure, now, activity=True, series=recorded_series(), facts=everything())
    ask = Asker(azure)
    evidence = _with_containers(ask, evidence)
    states = _policy_states(ask, evidence)
    prices = _prices(ask, evidence)
    redact = Redaction(salt or secrets.token_bytes(16))
    gaps = [Gap(gap.scope, gap.what, redact(gap.reason), gap.status, gap.code) for gap in (*evidence.gaps, *ask.gaps)]
    try:
        _clear(folder)
        for file, bodies in _by_file(folder, evidence, gaps).items():
            write_lines(file, map(redact, bodies))
        write_lines(folder / "nodes.jsonl", map(redact, _nodes(evidence)))
        _metrics(folder, evidence, gaps)
        if evidence.users or not any(gap.what == queries.USERS for gap in gaps):
            write_lines(folder / "directory.jsonl", map(redact, _users(evidence)))
        if evidence.activity:
            events = [event for found in evidence.activity.values() for event in found]
            write_lines(folder / "activity-log.jsonl", map(redact, sorted(events, key=_when)))
        if states is not None:
            write_lines(folder / "policy-states.jsonl", map(redact, states))
        if prices is not None:
            write_lines(folder / "prices.jsonl", prices)
        currency, missing = charges(folder / "charges") if charges else ("", [])
        if more:
            missing = [*missing, *more(with_facts(evidence), folder)]
        stamp = Stamp(
            name=name or folder.resolve().name,
            as_of=now,
            recorded_by=f"finops {__version__}, estate capture",
            source="simulated" if azure.settings.endpoint else "azure",
            tenant_id=_tenant(evidence),
            gaps=(*gaps, *missing),
            billing_currency=currency,
            jobs_since=now - queries.LONG_SINCE,
        )
        write_stamp(folder, stamp)
        (folder / UNFINISHED).unlink()
    except OSError as fault:
        where = fault.filename or folder
        raise DataError(
            f"{where} cannot be written: {fault.strerror}.",
            f"{folder} is not an estate: free space or choose another folder, and capture again.",
        ) from fault
    return stamp


def recorded_series() -> list[Series]:
    """What facts need, and what they will want to know of a recording: RECORDED_DAYS back."""
    _, series = needed(everything())
    return list(dict.fromkeys(replace(one, days=max(one.days, RECORDED_DAYS)) for one in (*series, *ALSO)))


def refuse_to_overwrite(folder: Path) -> None:
    """Raise DataError unless `folder` is new, empty, or what a killed capture left."""
    other = "Choose another folder, or remove it first."
    if folder.is_dir():
        if (folder / STAMP).exists():
            raise DataError(f"{folder} already holds an estate.", other)
        if any(folder.iterdir()) and not (folder / UNFINISHED).exists():
            raise DataError(f"{folder} is not empty.", other)
    elif folder.exists():
        raise DataError(f"{folder} is a file.", "Choose a folder.")


def _clear(folder: Path) -> None:
    """An empty folder, marked as unfinished."""
    if (folder / UNFINISHED).exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / UNFINISHED).write_text("A capture is under way, or was killed.\n", "utf-8")


def _with_containers(ask: Asker, evidence: Evidence) -> Evidence:
    """The evidence, and the components whose versions it holds: a version is not served without what it is one of."""
    containers = {
        name.rpartition("/versions/")[0] for name in evidence.bodies if type_of(name) == queries.COMPONENT_VERSION
    }
    asks = [
        Ask(queries.COMPONENTS, one, partial(ask.azure.state_of, one, queries.ML_VERSION)) for one in sorted(containers)
    ]
    found = {one.scope: body for one, body in ask.all(asks) if body is not None}
    return replace(evidence, bodies={**evidence.bodies, **found})


def _by_file(folder: Path, evidence: Evidence, gaps: Iterable[Gap]) -> dict[Path, list[Json]]:
    missing = {gap.what for gap in gaps}
    files: dict[Path, list[Json]] = {
        folder.joinpath("arm", *name.split("/")).with_suffix(".jsonl"): []
        for name, what in ASKED.items()
        if what not in missing
    }
    for _, body in sorted(evidence.bodies.items()):
        files.setdefault(arm_file(folder, body["id"]), []).append(body)
    return files


def _nodes(evidence: Evidence) -> Iterator[Json]:
    for name, nodes in sorted(evidence.nodes.items()):
        yield {"computeId": evidence.bodies[name]["id"], "nodes": nodes}


def _users(evidence: Evidence) -> Iterator[Json]:
    for who, account in sorted(evidence.users.items()):
        yield {"asked": who, **(account or {"id": who, "gone": True})}


def _metrics(folder: Path, evidence: Evidence, gaps: Iterable[Gap]) -> None:
    """One Parquet file a metric namespace; a namespace that could not be asked at all has none."""
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema(
        [(name, pyarrow.string()) for name in ("resourceId", "metric", "dimensions", "interval")]
        + [("timeStamp", pyarrow.timestamp("us", tz="UTC"))]
        + [(name, pyarrow.float64()) for name in ("average", "total", "minimum", "maximum", "count")]
    )
    refused = any(gap.what == queries.METRICS for gap in gaps)
    namespaces: dict[str, list[Json]] = {series.resource_type: [] for series in recorded_series()}
    for (name, metric, dimensions), points in sorted(evidence.metrics.items()):
        fixed = {"resourceId": evidence.bodies[name]["id"], "metric": metric, "dimensions": dimensions}
        namespaces[type_of(name)] += [
            {**point, **fixed, "interval": INTERVAL, "timeStamp": moment_of(point, "timeStamp")} for point in points
        ]
    for namespace, rows in namespaces.items():
        if rows or not refused:
            table = pyarrow.Table.from_pylist(rows, schema=schema)
            write(folder / "metrics" / f"{namespace.replace('/', '.')}.parquet", partial(parquet.write_table, table))


def _policy_states(ask: Asker, evidence: Evidence) -> list[Json] | None:
    """Of every subscription; None when none of them could be asked."""
    asks = [
        Ask(queries.POLICY_STATES, f"/subscriptions/{one}", partial(_states, ask.azure, one))
        for one in _subscriptions(evidence)
    ]
    answers = [found for _, found in ask.all(asks)]
    return sorted((state for found in answers for state in found), key=_stable) if answers else None


def _states(azure: Azure, subscription: str) -> list[Json]:
    return list(azure.policy_states(subscription))


def _prices(ask: Asker, evidence: Evidence) -> list[Json] | None:
    """Retail prices of the VM sizes in use, per region; None when none could be asked."""
    sizes = sizes_in_use(evidence.bodies.values())
    asks = [Ask(queries.PRICES, "/", partial(_prices_in, ask.azure, *one)) for one in sorted(sizes.items())]
    answers = [found for _, found in ask.all(asks)]
    return sorted((item for found in answers for item in found), key=_stable) if answers or not asks else None


def _prices_in(azure: Azure, region: str, sizes: set[str]) -> list[Json]:
    # Filter values are letter case sensitive, and Machine Learning writes sizes in any case: so all of the region.
    wanted = f"serviceName eq 'Virtual Machines' and armRegionName eq '{region}' and priceType eq 'Consumption'"
    return [item for item in azure.retail_prices(wanted) if text(item, "armSkuName").lower() in sizes]


def _subscriptions(evidence: Evidence) -> list[str]:
    return sorted(subscription_of(name) for name in evidence.bodies if type_of(name) == queries.SUBSCRIPTION)


def _tenant(evidence: Evidence) -> str:
    bodies = (evidence.bodies[f"/subscriptions/{one}"] for one in _subscriptions(evidence))
    return next((tenant for body in bodies if (tenant := text(body, "tenantId"))), "")


def _when(event: Json) -> tuple[str, str]:
    return text(event, "eventTimestamp"), text(event, "id")


def _stable(found: Json) -> str:
    return json.dumps(found, sort_keys=True, default=str)
