"""One run of an export: its parts and its manifest, in the folders that Azure uses.

<estate>/storage/<account>/<container>/<rootFolder>/<export>/<first>-<last>/[<minute>/]<run>/part_0_0001.csv

Facts (tutorial-improved-exports.md, and manifests that people have published): parts part_N_0001, all listed in
manifest.json, month-to-date runs under the whole month's dates. RELIABILITY 1.2: the manifest is written last.
Guesses: the folder of the minute is there only when earlier reports are kept, and the earlier run of the same period
disappears once the new one is whole when they are overwritten.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from finops.simulator.services.cost import files, wire
from finops.simulator.services.cost.book import book_of, scope_clause
from finops.simulator.services.cost.period import day_in, months_later
from finops.simulator.services.cost.wire import invalid
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

VERSIONS = {"focuscost": "1.0", "actualcost": "2021-10-01", "amortizedcost": "2021-10-01", "usage": "2021-10-01"}


def days_of(definition: Json, asked: object, today: date) -> tuple[date, date, str]:
    """First and last day of a run, and the name of its period's folder."""
    period = asked if isinstance(asked, dict) else definition.get("timePeriod")
    frame = "custom" if isinstance(asked, dict) else str(definition.get("timeframe", "")).lower()
    month = today.replace(day=1)
    if frame in {"monthtodate", "billingmonthtodate", "thecurrentmonth"}:
        return month, today, _named(month, months_later(month, 1) - timedelta(days=1))
    if frame in {"thelastmonth", "thelastbillingmonth"}:
        first, last = months_later(month, -1), month - timedelta(days=1)
    elif frame == "weektodate":
        first, last = today - timedelta(days=(today.weekday() + 1) % 7), today
    elif frame == "custom" and isinstance(period, dict):
        first, last = (day_in(wire.field(period, name), name) for name in ("from", "to"))
    else:
        raise invalid(f"Invalid export: timeframe '{definition.get('timeframe')}' without a timePeriod.")
    if not first <= last < months_later(first, 3):
        raise invalid("Invalid export: a run covers three months at most, from before to.")
    return first, last, _named(first, last)


def ending_of(properties: Json) -> str:
    """The ending of a part's name; refuses a compression that the format cannot have."""
    kind = str(properties.get("format") or "Csv").lower()
    usual = "snappy" if kind == "parquet" else "none"
    mode = str(properties.get("compressionMode") or usual).lower()
    if (kind, mode) not in files.ENDINGS:
        raise invalid(f"Invalid export: format '{kind}' with compression '{mode}'.")
    return files.ENDINGS[kind, mode]


def run(world: World, export: Json, scope: str, asked: object, how: str, today: date) -> Json:
    """Write the files of one run as of `today`; what the run history says of it."""
    properties, now = export["properties"], world.clock.now()
    definition = properties["definition"]
    kind, ending = str(definition["type"]).lower(), ending_of(properties)
    first, last, period = days_of(definition, asked, today)
    destination = properties["deliveryInfo"]["destination"]
    account = str(destination["resourceId"]).rpartition("/")[2]
    container = _safe(world.folder / "storage", account, destination["container"])
    root = _safe(container, *[part for part in str(destination.get("rootFolderPath") or "").split("/") if part])
    name = str(uuid.uuid4())
    keeps = str(properties.get("dataOverwriteBehavior") or "").lower() == "createnewreport"
    above = _safe(root, export["name"], period)
    folder = above / f"{now:%Y%m%d%H%M}" / name if keeps else above / name
    clause = scope_clause(scope, world)
    if clause is None:
        raise wire.not_found(scope)
    where, values = f"{clause[0]} AND day BETWEEN ? AND ?", [*clause[1], first, last]
    parts = files.written(book_of(world), kind, where, values, folder, ending, files.part_rows(world))
    listed = files.blobs(parts, container)
    info = {"executionType": how, "submittedTime": zulu(now), "runId": name}
    _put(
        folder / "manifest.json",
        {
            "manifestVersion": "2024-04-01",
            "byteCount": sum(blob["byteCount"] for blob in listed),
            "blobCount": len(listed),
            "dataRowCount": sum(blob["dataRowCount"] for blob in listed),
            "exportConfig": {
                "exportName": export["name"],
                "resourceId": export["id"],
                "dataVersion": _version(definition, kind),
                "apiVersion": "2025-03-01",
                "type": definition["type"],
                "timeFrame": "Custom" if asked else definition["timeframe"],
                "granularity": (definition.get("dataSet") or {}).get("granularity"),
            },
            "deliveryConfig": {
                "partitionData": True,
                "dataOverwriteBehavior": "CreateNewReport" if keeps else "OverwritePreviousReport",
                "fileFormat": str(properties.get("format") or "Csv"),
                "compressionMode": {".csv": "None", ".csv.gz": "Gzip"}.get(ending, "Snappy"),
                "containerUri": destination["resourceId"],
                "rootFolderPath": destination.get("rootFolderPath") or "",
            },
            "runInfo": {**info, "startDate": f"{first}T00:00:00", "endDate": f"{last}T00:00:00Z"},
            "blobs": listed,
        },
    )
    if not keeps:
        for other in above.iterdir():
            if other != folder:
                shutil.rmtree(other)
    return {
        "id": f"{export['id']}/Run/{name}",
        "name": name,
        "type": "Microsoft.CostManagement/exports/run",
        "properties": {
            "executionType": how,
            "status": "Completed",
            "submittedBy": "System" if how == "Scheduled" else "somebody@simulator.invalid",
            "submittedTime": zulu(now),
            "processingStartTime": zulu(now),
            "processingEndTime": zulu(now + timedelta(seconds=12)),
            "fileName": listed[0]["blobName"],
            "manifestFile": (folder / "manifest.json").relative_to(container).as_posix(),
            "startDate": f"{first}T00:00:00Z",
            "endDate": f"{last}T00:00:00Z",
            "runSettings": {
                key: properties[key] for key in ("format", "deliveryInfo", "definition") if key in properties
            },
        },
    }


def zulu(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def _named(first: date, last: date) -> str:
    return f"{first:%Y%m%d}-{last:%Y%m%d}"


def _version(definition: Json, kind: str) -> str:
    chosen = ((definition.get("dataSet") or {}).get("configuration") or {}).get("dataVersion")
    return str(chosen or VERSIONS[kind])


def _safe(above: Path, *names: str) -> Path:
    """A folder below `above`; a name that would lead out of it is refused."""
    for name in names:
        if name in {"", ".", ".."} or "/" in name or "\\" in name:
            raise invalid(f"Invalid export: '{name}' cannot name a folder.")
    return above.joinpath(*names)


def _put(file: Path, content: Json) -> None:
    scratch = file.with_name(".manifest.new")
    scratch.write_text(json.dumps(content, indent=2), "utf-8")
    os.replace(scratch, file)
