"""Single blobs moved to other tiers in batches, each only if it is still the blob that was decided on.

Azure takes no condition on the time of a write when a tier is set, so each is read just before, and again after: what
counts as done is what Azure then says. https://learn.microsoft.com/rest/api/storageservices/set-blob-tier
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops.errors import AzureError, NotFound, NotSent, SignInError
from finops.tiering.model import EARLY_DAYS, TIERS, spread
from finops.tiering.optimum import Move

if TYPE_CHECKING:
    from finops.cloud import Azure, Blob, Moved, Storage
    from finops.tiering.optimum import Optimum

MOST_AT_ONCE = 256

# As finops.acts has them: changed-since and refused were not sent; unknown is read again before anything else is done.
Result = Literal["done", "refused", "changed-since", "failed", "unknown"]


@dataclass(frozen=True)
class Single:
    """A blob that should go from the tier `before` to `after`. modified: when it was written last, to the second.

    accessed: when it was read last, as far as that was known when it was decided; a later read changes the decision.
    priority: of a way out of Archive. etag: where it is known, instead of `modified`.
    """

    container: str
    name: str
    bytes: int
    before: str
    after: str
    modified: datetime
    accessed: datetime | None = None
    priority: Literal["Standard", "High"] = "Standard"
    etag: str = ""

    def back(self) -> Single:
        """The way back, for undo: reads since then do not matter."""
        return replace(self, before=self.after, after=self.before, accessed=None)


@dataclass(frozen=True)
class Ended:
    """What became of one. etag: of the blob as it was read last, "" where it was not."""

    single: Single
    result: Result
    why: str
    etag: str = ""


def singles(optimum: Optimum, most: int = 1_000_000) -> list[Single]:
    """The blobs that the optimum wants in a colder tier and that have served the days of their own, the largest first.

    Figures of how often blobs are read change from day to day: what was moved a while ago is not moved on, and charged
    for leaving early, because of that.
    """
    kept = " ".join(f"WHEN '{tier}' THEN {days}" for tier, days in EARLY_DAYS.items())
    rows = optimum.connection.execute(
        "SELECT used.container, used.name, used.bytes, used.tier, told.after, make_timestamp(used.modified_us), "
        f"make_timestamp(used.accessed_us) FROM {optimum.decisions} AS told JOIN used ON used.path = told.path "
        "WHERE used.because = 0 AND told.guard = 0 AND told.after <> told.tier "
        f"AND (used.served IS NULL OR used.served >= CASE used.tier {kept} END) "
        "ORDER BY used.bytes DESC, used.path LIMIT $1",
        [most],
    ).fetchall()
    return [
        Single(container, name, int(size), before, after, _utc(modified), None if read is None else _utc(read))
        for container, name, size, before, after, modified, read in rows
    ]


def figures(chosen: Optimum, few: Sequence[Single]) -> tuple[Move, ...]:
    """What these moves come to, by what moves from where to where."""
    import pyarrow as pa

    there = {name: _in("after", name) for name in ("cost", "month", "once", "back")}
    here = {name: _in("tier", name) for name in there}
    paths = pa.table({"path": [f"{one.container}/{one.name}" for one in few]})
    engine = chosen.connection
    engine.register("few", paths)
    rows = engine.execute(
        f"SELECT tier, after, count(*), sum(bytes)::BIGINT, sum({here['month']} - {there['month']}), "
        f"sum({there['once']}), sum({here['cost']} - {there['cost']}), sum({there['back']} - {here['back']}) "
        f"FROM {chosen.decisions} WHERE path IN (SELECT path FROM few) GROUP BY 1, 2 ORDER BY 7 DESC, 1, 2"
    ).fetchall()
    engine.unregister("few")
    found = []
    for before, after, blobs, size_, month, once, net, worst in rows:
        reads = spread(month, chosen.horizon_days) - once - net
        money = (Decimal(str(round(float(each or 0), 6))) for each in (month, once, reads, net, worst))
        found.append(Move(before, after, int(blobs), int(size_), *money))
    return tuple(found)


def _in(column: str, figure: str) -> str:
    """A figure of the tier that a column names."""
    return f"CASE {column} " + " ".join(f"WHEN '{each}' THEN {figure}_{each.lower()}" for each in TIERS) + " END"


def batches(wanted: Sequence[Single]) -> Iterator[Sequence[Single]]:
    """As many as one request takes, in their order."""
    for start in range(0, len(wanted), MOST_AT_ONCE):
        yield wanted[start : start + MOST_AT_ONCE]


def look_again(azure: Azure, storage: Storage, wanted: Sequence[Single]) -> tuple[list[Single], list[Ended]]:
    """Those that are still what was decided on, bound to their etag now; and what keeps the others."""
    ready: list[Single] = []
    kept: list[Ended] = []
    for single, found in azure.each(wanted, lambda each: storage.blob(each.container, each.name)):
        if isinstance(found, NotFound):
            kept.append(Ended(single, "changed-since", "It is not there any more."))
        elif isinstance(found, AzureError):
            kept.append(Ended(single, "refused", f"It could not be read again: {found}"))
        elif why := _changed(single, found):
            kept.append(Ended(single, "changed-since", why, found.etag))
        elif why := _kept(found):
            kept.append(Ended(single, "refused", why, found.etag))
        else:
            ready.append(replace(single, etag=found.etag))
    return ready, kept


def move(azure: Azure, storage: Storage, ready: Sequence[Single]) -> list[Ended]:
    """What became of up to 256 that `look_again` found ready: one request, then each is read again.

    Raises nothing that Azure says: it ends as the result of each.
    """
    from finops.cloud import ToTier

    wanted = [ToTier(each.container, each.name, each.after, each.priority) for each in ready]
    try:
        moved: list[Moved] | AzureError = storage.set_tiers(wanted)
    except AzureError as fault:
        if isinstance(fault, NotSent | SignInError) or 400 <= fault.status < 500:
            return [Ended(each, "failed", f"Nothing was changed: {fault}", each.etag) for each in ready]
        moved = fault
    return settle(azure, storage, ready, moved)


def settle(
    azure: Azure, storage: Storage, sent: Sequence[Single], moved: Sequence[Moved] | AzureError | None = None
) -> list[Ended]:
    """What became of those that were sent, by reading each. moved: what Azure answered, None after a crash."""
    said: dict[tuple[str, str], str] = {}
    if isinstance(moved, AzureError):
        said = {(each.container, each.name): str(moved) for each in sent}
    elif moved is not None:
        said = {
            (each.wanted.container, each.wanted.name): f"{each.status} {each.code} {each.why}".strip() for each in moved
        }
    ended = []
    for single, found in azure.each(sent, lambda each: storage.blob(each.container, each.name)):
        told = said.get((single.container, single.name), "")
        ended.append(_settled(single, found, told))
    return ended


def _settled(single: Single, found: Blob | AzureError, told: str) -> Ended:
    if isinstance(found, NotFound):
        return Ended(single, "changed-since", "It is not there any more.")
    if isinstance(found, AzureError):
        return Ended(single, "unknown", f"It could not be read back: {found}")
    there = found.tier == single.after or found.rehydrating == f"rehydrate-pending-to-{single.after.lower()}"
    overwritten = found.etag != single.etag if single.etag else _seconds(found.modified) != _seconds(single.modified)
    if overwritten:
        where = f" It is in {found.tier} now." if found.tier else ""
        return Ended(single, "changed-since", f"It was written while it was moved.{where}", found.etag)
    if there and found.rehydrating:
        return Ended(single, "done", f"It is on its way out of Archive to {single.after}.", found.etag)
    if there:
        return Ended(single, "done", f"It is in {single.after}.", found.etag)
    return Ended(single, "failed", f"It is still in {found.tier}. Azure: {told or 'no answer is known'}.", found.etag)


def _changed(single: Single, found: Blob) -> str:
    """Why it is not what was decided on, "" where it is."""
    if single.etag and found.etag != single.etag:
        return "It was written since it was decided on."
    if not single.etag and _seconds(found.modified) != _seconds(single.modified):
        return f"It was written since it was decided on, on {found.modified:%d %B %Y}."
    if found.tier != single.before:
        return f"It is in {found.tier or 'no tier'} now, not in {single.before}."
    if found.accessed and single.accessed and found.accessed - single.accessed > timedelta(seconds=1):
        return f"It was read since it was decided on, on {found.accessed:%d %B %Y}."
    return ""


def _kept(found: Blob) -> str:
    """Why it must stay where it is, "" where nothing keeps it."""
    if found.type != "BlockBlob":
        return "It is no block blob, and others have no tiers."
    if found.rehydrating:
        return "It is on its way out of Archive."
    if found.lease in ("leased", "breaking"):
        return "It is leased: somebody works with it."
    if found.hold:
        return "It is under a legal hold."
    if found.encryption_scope not in ("", "$account-encryption-key"):
        return f"It is in the encryption scope {found.encryption_scope}, where Azure changes no tiers."
    return ""


def _seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
