"""What is in an account's containers: a blob inventory, checked for being whole, recent and of the right account."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from finops.errors import DataError
from finops.tiering import manifest, schema, tagging
from finops.tiering.model import Aside

if TYPE_CHECKING:
    import duckdb

LAST_ACCESS, MODIFICATION = "last access", "modification"

# Older than this, too much was written and read since.
STALE = timedelta(days=14)

# Names that are held against one another: all of them, or in a larger inventory as many by chance. A file that is there
# twice, or a run that listed a container again, shows in any part.
COMPARED = 2_000_000

# Nothing was read before Azure noted it; a run takes up to days, in which blobs are read and written.
_FIRST, _WHILE_IT_RAN = datetime(2000, 1, 1, tzinfo=UTC), timedelta(days=7)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Inventory:
    """Blobs of one account as of one moment. Close it: it holds a database that may have spilled into `spool`.

    relation: the name of a view in `connection`, one row for each blob, snapshot and version:
        container, name, bytes, tier, inferred, created, modified, accessed, tier_changed, type, snapshot, version,
        current, lease, hold, until, tags   as Azure tells them (times are TIMESTAMP in UTC, unknown is NULL)
        reason    why it is not considered, NULL where it is
        age       whole days since it was last used, by `basis`
        read      whether it was read since it was last written, as far as Azure noted
        served    whole days it has been in its tier
        area      its container and first folders, the text that a lifecycle rule's prefix begins with; and the tag that
                  tells blobs apart that lie together, see `tagging` and schema.parted
    basis: "last access", or "modification" where Azure does not note reads. since: the earliest read that is noted.
    blobs, bytes: of all rows; those not considered are in `aside`. absent: Azure's fields that the inventory lacks.
    work: a folder of its own below the spool, which goes when it is closed.
    unproven: why it cannot be known to be whole, "" where its manifest proves it.

    A table `histogram` holds what was counted on arrival: area, reason, tier, read, life and age (days since it was
    written and used, as numbers in schema.AGES), blobs, bytes, days (a bit for each distinct day of last use, modulo
    64).
    """

    account: str
    connection: duckdb.DuckDBPyConnection = field(repr=False, compare=False)
    as_of: datetime
    basis: str
    blobs: int
    bytes: int
    aside: tuple[Aside, ...] = ()
    since: datetime | None = None
    absent: tuple[str, ...] = ()
    unproven: str = ""
    work: Path | None = field(default=None, repr=False, compare=False)
    relation: str = "blobs"

    def close(self) -> None:
        self.connection.close()
        if self.work:
            shutil.rmtree(self.work, ignore_errors=True)

    def __enter__(self) -> Inventory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_inventory(
    paths: Iterable[Path],
    account: str,
    now: datetime,
    spool: Path,
    memory: str = "1GiB",
    *,
    stale: timedelta = STALE,
    folders: int = 1,
    threads: int | None = None,
    compared: int = COMPARED,
) -> Inventory:
    """The newest whole inventory in `paths` (files, or folders as Azure writes them) of the account named `account`.

    folders: how many folders below the container an area goes down. compared: so many names, about, are held against
    one another. Raises DataError: fields are missing, it is of another account, too old, not whole, or has names twice.
    """
    import duckdb

    run = manifest.find([Path(path) for path in paths], account, now, stale)
    spool.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="inventory-", dir=spool))
    engine = connected(work, memory, threads)
    try:
        rows = schema.source(engine, run.files, work)
        found = schema.columns(engine, rows, run.files)
        engine.execute(f"CREATE VIEW fields AS {schema.view(rows, found, run.block_only)}")
        as_of, since = _moments(engine, run.as_of)
        manifest.check_age(as_of, account, now, stale)
        _views(engine, as_of, since, folders)
        blobs, size, aside = _counted(engine, as_of, compared)
        if run.blobs is not None and run.blobs != blobs:
            counted = f"has {blobs:,} rows; its manifest counts {run.blobs:,}"
            raise DataError(f"The inventory of {account} {counted}.", manifest.AGAIN)
        _each_once(engine, account)
    except (DataError, duckdb.Error) as fault:
        engine.close()
        shutil.rmtree(work, ignore_errors=True)
        if isinstance(fault, DataError):
            raise
        if isinstance(fault, duckdb.OutOfMemoryException):
            what = f"The inventory of {account} does not fit in {memory} of memory."
            raise DataError(what, "Give more, or fewer `folders`.") from fault
        raise schema.broken(run.files, fault) from fault
    absent = tuple(name for name in schema.FIELDS if name.lower() not in found)
    basis = LAST_ACCESS if since else MODIFICATION
    return Inventory(account, engine, as_of, basis, blobs, size, aside, since, absent, run.unproven, work)


def connected(work: Path, memory: str, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A database of our own, bounded in memory, that spills into `work`."""
    from finops.charges import engine

    return engine.connect(work, memory, threads)


def _moments(engine: duckdb.DuckDBPyConnection, as_of: datetime | None) -> tuple[datetime, datetime | None]:
    """When the inventory is of (else: the last thing that it notes), and the earliest read in it."""
    row = engine.execute("SELECT min(accessed_us), max(accessed_us), max(modified_us) FROM fields").fetchall()[0]
    first, last = row[0], max((value for value in row[1:] if value is not None), default=0)
    return as_of or _moment(last), None if first is None else _moment(first)


def _views(engine: duckdb.DuckDBPyConnection, as_of: datetime, since: datetime | None, folders: int) -> None:
    """`used`: the fields, with what follows from them. `blobs`: the same as people name it."""
    day, now = 86_400_000_000, _micros(as_of)
    tag = tagging.telling(engine, now, folders)
    tagged = f" || {tag.sql()}" if tag else ""
    # Of reads before Azure began to note them nothing is known.
    written = f"greatest(modified_us, {_micros(since)})" if since else "modified_us"
    noted = f"coalesce(accessed_us, {written})"
    entered = "coalesce(tier_changed_us, CASE WHEN inferred IS DISTINCT FROM true THEN created_us END)"
    read = f"coalesce(accessed_us > modified_us + {day}, false)" if since else "false"
    engine.execute(
        f"CREATE VIEW used AS SELECT *, greatest(({now} - {noted}) // {day}, 0) AS age, {read} AS read, "
        f"CASE WHEN tier <> 'Hot' AND {entered} IS NOT NULL THEN greatest(({now} - {entered}) // {day}, 0) END "
        f"AS served, greatest(({now} - {written}) // {day}, 0) AS life, "
        f"{schema.area_sql(folders)}{tagged} AS area, {schema.reason_sql(now)} AS because FROM fields"
    )
    times = ", ".join(f"make_timestamp({name}_us) AS {name}" for name in schema.TIMES)
    engine.execute(
        f"CREATE VIEW blobs AS SELECT container, name, bytes, tier, inferred, {times}, type, snapshot, version, "
        f"current, lease, hold, tags, {schema.said_sql()} AS reason, age, read, served, area FROM used"
    )


def _counted(engine: duckdb.DuckDBPyConnection, as_of: datetime, compared: int) -> tuple[int, int, tuple[Aside, ...]]:
    """Fills `histogram` in one pass; how many rows and bytes there are, and which are not considered."""
    [(rows,)] = engine.execute("SELECT count(*) FROM fields").fetchall()
    part = max(int(rows) // compared, 1)
    # DuckDB's own hash is the same for some names of millions, which differ in a digit.
    some = f"(because & {schema.UNTOUCHED}) = 0 AND hash(path) % {part} = 0"
    latest = _micros(as_of + _WHILE_IT_RAN)
    engine.execute(
        "CREATE TABLE histogram AS SELECT CASE WHEN because = 0 THEN area ELSE '' END AS area, because AS reason, "
        f"tier, read, {schema.age_sql('life')} AS life, {schema.age_sql('age')} AS age, count(*) AS blobs, "
        "sum(bytes)::BIGINT AS bytes, bit_or(CAST(1 AS UBIGINT) << CAST(age % 64 AS UBIGINT)) AS days, "
        "count(*) FILTER (bytes IS NULL OR bytes < 0 OR modified_us IS NULL) AS broken, "
        f"count(*) FILTER (greatest(modified_us, accessed_us) > {latest} OR accessed_us < {_micros(_FIRST)}) AS odd, "
        f"list(CASE WHEN {some} THEN md5_number_lower(path) END) FILTER ({some}) AS names "
        "FROM used GROUP BY ALL"
    )
    considered = "FILTER (reason = 0)"
    total = f"SELECT sum(blobs), sum(bytes), sum(broken) {considered}, sum(odd) {considered} FROM histogram"
    blobs, size, broken, odd = (int(value or 0) for value in engine.execute(total).fetchall()[0])
    if broken:
        raise DataError(
            f"{broken:,} blobs of the inventory have no size, a size below zero or no time of modification.",
            manifest.AGAIN,
        )
    if odd:
        raise DataError(
            f"{odd:,} blobs of the inventory were read or written after it, or read before there was anything to note.",
            manifest.AGAIN,
        )
    rows = engine.execute(
        "SELECT reason, sum(blobs), sum(bytes) FROM histogram WHERE reason > 0 GROUP BY 1 ORDER BY 3 DESC, 2 DESC, 1"
    ).fetchall()
    return blobs, size, tuple(Aside(schema.said(n), int(count), int(held or 0)) for n, count, held in rows)


def _each_once(engine: duckdb.DuckDBPyConnection, account: str) -> None:
    """Raises DataError where a name stands more than once: what it would save and cost would count as often. Deleted
    blobs, versions and snapshots may bear the name of another."""
    more = "SELECT name FROM (SELECT unnest(names) AS name FROM histogram) GROUP BY name HAVING count(*) > 1"
    rows = engine.execute(f"SELECT count(*), min(name) FROM ({more})").fetchall()
    engine.execute("ALTER TABLE histogram DROP COLUMN names")
    if rows[0][0]:
        named = "SELECT path FROM fields WHERE md5_number_lower(path) = $1 LIMIT 1"
        [(path,)] = engine.execute(named, [rows[0][1]]).fetchall()
        what = f"{rows[0][0]:,} names or more stand twice in the inventory of {account}, such as {path}."
        raise DataError(what, manifest.AGAIN)


def _micros(moment: datetime) -> int:
    return int((moment - _EPOCH) / timedelta(microseconds=1))


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
