"""What is in an account's containers: a blob inventory, checked for being whole, recent and of the right account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING


from finops.tiering.model import Aside

if TYPE_CHECKING:
    import duckdb

LAST_ACCESS, MODIFICATION = "last access", "modification"

# Older than this, too much was written and read since.
STALE = timedelta(days=14)


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
        area      its container and first folders, the text that a lifecycle rule's prefix begins with
    basis: "last access", or "modification" where Azure does not note reads. since: the earliest read that is noted.
    blobs, bytes: of all rows; those not considered are in `aside`. absent: fields that the inventory does not have.
    unproven: why it cannot be known to be whole, "" where its manifest proves it.
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
    relation: str = "blobs"

    def close(self) -> None:
        self.connection.close()

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
    folders: int = 2,
    threads: int | None = None,
) -> Inventory:
    """The newest whole inventory in `paths` (files, or folders as Azure writes them) of the account named `account`.

    folders: how many folders below the container an area goes down. Raises DataError: fields are missing, it is of
    another account, too old, or not whole.
    """
    run = manifest.find([Path(path) for path in paths], account, now, stale)
    return schema.opened(run, account, now, spool, memory, stale, folders, threads)
