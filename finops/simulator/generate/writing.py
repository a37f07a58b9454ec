"""Write a draft that has lived up to its `asOf` as an estate folder, and a world that has lived on over its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from finops import __version__
from finops.simulator import focus
from finops.simulator.charges import settled
from finops.simulator.clock import minutes, moment_of
from finops.simulator.generate.draft import DAY, Draft
from finops.simulator.metrics import FIELDS, file_name
from finops.simulator.policy.governance import governance_of
from finops.simulator.simulation import remember, write
from finops.simulator.store import type_of
from finops.simulator.world import World


def write_estate(draft: Draft, folder: Path, name: str) -> None:
    """Everything but prices, images and inventory, which need no world."""
    world = draft.world
    _write_charges(draft, folder / "charges")
    _write(world, folder, draft.start, draft.start // DAY, draft.as_of)
    stamp = {
        "format": 1,
        "name": name,
        "asOf": f"{moment_of(draft.as_of):%Y-%m-%dT%H:%M:%SZ}",
        "recordedBy": f"finops {__version__}, simulate new",
        "source": "simulated",
        "tenantId": world.stamp["tenantId"],
        "complete": True,
        "gaps": [],
        "billingCurrency": "USD",
    }
    (folder / "estate.json").write_text(json.dumps(stamp, indent=2) + "\n", "utf-8")


def leave_as_it_is(world: World) -> None:
    """Leave an invented world in its folder as it is now, so that it is served from there as if it had never stopped.

    Blobs that are held one by one, and operations under way, are not among it.
    """
    import pyarrow.parquet as pq

    with world.lock:
        world.settle()
        folder, now = world.folder, world.clock.now()
        published = world.charges.published(now)
        world.policy_states = governance_of(world).states()
        for name in ("arm", "charges"):
            shutil.rmtree(folder / name)
        (folder / "charges").mkdir()
        pq.write_table(published, folder / "charges" / "focus.parquet", compression="zstd", store_schema=False)
        assert world.charges.since is not None
        _write(world, folder, 0, world.charges.since, minutes(now))
        world.stamp["asOf"] = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        (folder / "estate.json").write_text(json.dumps(world.stamp, indent=2) + "\n", "utf-8")


def _write(world: World, folder: Path, start: int, ledger_since: int, as_of: int) -> None:
    """What exists, what it does and what it did from minute `start` to minute `as_of`."""
    by_type: dict[str, list[Any]] = {}
    for body in sorted(world.resources.all(), key=lambda body: str(body["id"]).lower()):
        by_type.setdefault(type_of(body["id"]), []).append(body)
    for kind, found in by_type.items():
        write(folder / "arm" / f"{kind}.jsonl", found)
    spelled = {body["id"].lower(): body["id"] for body in world.resources.all()}
    nodes = [{"computeId": spelled[key], "nodes": value} for key, value in sorted(world.nodes.items())]
    write(folder / "nodes.jsonl", nodes)
    write(folder / "activity-log.jsonl", world.activity)
    write(folder / "policy-states.jsonl", world.policy_states)
    _write_metrics(world, folder / "metrics", spelled, start, as_of - 59)
    first = next(day for day in range(ledger_since, as_of // DAY + 1) if not settled(day, as_of))
    remember(world, folder / "simulation", first)


def _write_charges(draft: Draft, folder: Path) -> None:
    """What has been published at `asOf`, a Parquet file a month."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    refresh = minutes(draft.world.charges.refreshed_at(moment_of(draft.as_of)))
    months: dict[str, list[focus.Row]] = {}
    for day in sorted(draft.world.ledger.days):
        months.setdefault(f"{moment_of(day * DAY):%Y-%m}", []).extend(draft.world.charges.visible(day, refresh))
    for month, rows in months.items():
        if rows:
            table = focus.table(draft.world.ledger.lines, rows)
            pq.write_table(table, folder / f"focus-{month}.parquet", compression="zstd", store_schema=False)


def _write_metrics(world: World, folder: Path, spelled: dict[str, str], start: int, end: int) -> None:
    """The points of whole hours that have data, a file a namespace, sorted by resource and metric.

    What an earlier time left in a file stays there, before what was lived since.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [("resourceId", text), ("metric", text), ("dimensions", text), ("interval", text)]
        + [("timeStamp", pa.timestamp("us", tz="UTC"))]
        + [(name, pa.float64()) for name in FIELDS]
    )
    writers: dict[str, Any] = {}
    for resource_id, metric, dimensions, series in world.metrics.lived():
        hours = list(series.hours(start, end))
        if not hours or resource_id not in spelled:
            continue
        namespace = type_of(resource_id)
        if namespace not in writers:
            file = folder / file_name(namespace)
            before = [pq.read_table(file).cast(schema)] if file.exists() else []
            writers[namespace] = _Batches(pq.ParquetWriter(file, schema, compression="zstd"))
            for table in before:
                writers[namespace].add(table)
        size = len(hours)
        common = [_repeated(value, size) for value in (spelled[resource_id], metric, dimensions, "PT1H")]
        minute, total, low, high = (np.array(column) for column in zip(*hours, strict=True))
        times = pa.array(minute * 60_000_000, schema.field("timeStamp").type)
        numbers = [total / 60, total, low, high, np.full(size, 60.0)]
        writers[namespace].add(pa.table([*common, times, *map(pa.array, numbers)], schema=schema))
    for writer in writers.values():
        writer.close()


class _Batches:
    """A Parquet file written in large row groups: many small ones would cost more than their data."""

    ROWS = 500_000

    def __init__(self, writer: Any) -> None:
        self._writer, self._tables, self._rows = writer, list[Any](), 0

    def add(self, table: Any) -> None:
        self._tables.append(table)
        self._rows += table.num_rows
        if self._rows >= self.ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables).unify_dictionaries())
        self._tables, self._rows = [], 0


def _repeated(value: str, size: int) -> Any:
    import numpy as np
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([value]))
