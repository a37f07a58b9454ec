"""The database that answers questions about charges: DuckDB in this process, bounded in memory, spilling to disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from finops.errors import DataError

if TYPE_CHECKING:
    import duckdb

# Below 2 GB DuckDB 2.0 ran out of memory over 100 million rows with a million tag texts (measured).
MEMORY = "2GB"


def connect(work: Path, memory: str = MEMORY, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A database of our own. `work`: where it may spill. threads: as many as we may run on."""
    import duckdb

    try:
        return _set_up(duckdb.connect(), work, memory, threads or _cores())
    except duckdb.Error as fault:
        raise DataError(
            f"charges cannot work with memory '{memory}' and {threads} threads ({fault}).",
            "Give memory as 2GB or more, threads as a whole number.",
        ) from fault


def _set_up(engine: duckdb.DuckDBPyConnection, work: Path, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    engine.execute("SET memory_limit = $1", [memory])
    engine.execute(f"SET threads = {int(threads)}")
    engine.execute("SET temp_directory = $1", [str(work)])
    engine.execute("SET TimeZone = 'UTC'")
    # Sums do not depend on the order of rows, and keeping it costs memory.
    engine.execute("SET preserve_insertion_order = false")
    # Nothing is fetched from the network, whatever a file asks for.
    engine.execute("SET autoinstall_known_extensions = false")
    engine.execute("SET enable_progress_bar = false")
    return engine


def _cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
