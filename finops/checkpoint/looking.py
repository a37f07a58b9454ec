"""What lies in a place that keeps checkpoints: for people who look, verify and make room. Claims nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from finops.checkpoint.faults import Damaged, Newer, StoreFault
from finops.checkpoint.format import Footer, read_chunk, read_footer
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep, reasons
from finops.checkpoint.stores import Store
from finops.checkpoint.together.sets import delete, digest, left_over, parts_of
from finops.checkpoint.writing import get


@dataclass(frozen=True)
class Damage:
    """Bytes `start` to `stop` of `file` are not what was written, or not there; None: where is not known."""

    file: str
    start: int | None
    stop: int | None
    how: str


@dataclass(frozen=True)
class Seen:
    """One checkpoint, with all its parts. meta: as it was saved; empty where its end is damaged.

    read: whether every byte was held against its checksum, or only beginning and end were looked at. unread: why
    nothing can be said of it.
    """

    name: Name
    nbytes: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)
    damage: tuple[Damage, ...] = ()
    read: bool = False
    unread: str = ""
    parts: int = 0

    @property
    def is_good(self) -> bool:
        """As far as it was read."""
        return not self.damage and not self.unread

    @property
    def state(self) -> str:
        if self.damage:
            return "damaged"
        if self.unread:
            return "not readable"
        return "whole" if self.read else "looks whole"


def checkpoints(store: Store) -> list[Name]:
    """Newest first; of several processes', the manifest of each set."""
    return [name for name in store.names() if name.world == 1]


def look(store: Store, name: Name, thorough: bool) -> Seen:
    """thorough: read every byte, else only the beginning and the end of each file."""
    seen, footer = _of_file(store, name, thorough)
    if footer is None or footer.meta.get("world", 1) == 1:
        return seen
    try:
        parts = parts_of(get(store, name))
    except Damaged as fault:
        return replace(seen, damage=seen.damage or (Damage(str(name), None, None, _how(fault)),))
    except (Newer, StoreFault) as fault:
        return replace(seen, unread=str(fault))
    there = set(store.names())
    for part, was in parts:
        seen = _with(seen, _of_part(store, part, was, thorough) if part in there else _missing(part))
    return replace(seen, parts=len(parts))


def _of_file(store: Store, name: Name, thorough: bool) -> tuple[Seen, Footer | None]:
    nbytes = 0
    try:
        with store.open(name) as source:
            nbytes = source.size()
            footer = read_footer(source)
            damage = tuple(_damaged_chunks(source, footer)) if thorough else ()
    except Damaged as fault:
        return Seen(name, nbytes, damage=(Damage(str(name), 0, nbytes, _how(fault)),)), None
    except (Newer, StoreFault) as fault:
        return Seen(name, nbytes, unread=str(fault)), None
    return Seen(name, nbytes, footer.meta, damage, read=thorough), footer


def _how(fault: Damaged) -> str:
    """What is wrong, without the file, which is told beside it."""
    how = fault.what.partition(" is damaged: ")[2] or fault.what
    return how[:1].upper() + how[1:]


def _of_part(store: Store, part: Name, was: str, thorough: bool) -> Seen:
    seen, footer = _of_file(store, part, thorough)
    if footer is None or digest(footer) == was:
        return seen
    how = "It is whole, and not the part that its set was made of."
    return replace(seen, damage=(Damage(str(part), 0, seen.nbytes, how),))


def _missing(part: Name) -> Seen:
    return Seen(part, damage=(Damage(str(part), None, None, "The part of this process is missing."),))


def _with(seen: Seen, part: Seen) -> Seen:
    return replace(
        seen,
        nbytes=seen.nbytes + part.nbytes,
        damage=seen.damage + part.damage,
        unread=seen.unread or part.unread,
        read=seen.read and part.read,
    )


def _damaged_chunks(source: Any, footer: Footer) -> Iterator[Damage]:
    """Each stretch of damaged chunks once."""
    held = memoryview(bytearray(min(footer.chunk, footer.body)))
    begun: int | None = None
    for index in range(len(footer.sums)):
        start, stop = footer.span(index)
        try:
            read_chunk(source, footer, index, held[: stop - start])
        except Damaged:
            begun = start if begun is None else begun
            continue
        if begun is not None:
            yield _stretch(source, begun, start)
            begun = None
    if begun is not None:
        yield _stretch(source, begun, footer.body)


def _stretch(source: Any, start: int, stop: int) -> Damage:
    return Damage(source.name.rpartition("/")[2], start, stop, "They do not fit their checksums.")


def rule_of(seen: Iterable[Seen]) -> Keep:
    """What the newest of them was saved with; the usual where none says."""
    return next((Keep(**one.meta["keep"]) for one in seen if "keep" in one.meta), Keep())


def kept_for(keep: Keep | None, seen: Iterable[Seen]) -> dict[Name, list[str]]:
    """Which rules keep which, job by job. keep: the rule; None: what each job was saved with."""
    found: dict[Name, list[str]] = {}
    for mine in _by_job(seen).values():
        metrics = {one.name: one.meta.get("metrics", {}) for one in mine}
        found |= reasons(keep or rule_of(mine), metrics, metrics)
    return found


@dataclass(frozen=True)
class Clearing:
    """What can be deleted without losing anything, with why. stays: the others. strays: parts of no checkpoint.

    refused: why a job keeps all of its checkpoints.
    """

    gone: list[tuple[Seen, str]]
    stays: list[Seen]
    strays: list[Name]
    refused: list[str]


def clearing(store: Store, keep: Keep | None = None, damaged: bool = False) -> Clearing:
    """Reads in full what is to stay as the newest, so that one at least is known to be whole (G3).

    keep: as for `kept_for`. damaged: also those that are. What cannot be read stays, whatever the rule says.
    """
    there = store.names()
    seen = [look(store, name, thorough=False) for name in there if name.world == 1]
    gone: list[tuple[Seen, str]] = []
    stays = [one for one in seen if one.unread]
    refused = []
    for job, mine in _by_job(seen).items():
        rule = keep or rule_of(mine)
        good, bad = _sorted_out(store, mine, rule)
        kept = kept_for(rule, good)
        if not good:
            refused.append(f"Of {job!r} none is whole: nothing is deleted.")
            stays += bad
            continue
        gone += [(one, "no rule keeps it") for one in good if one.name not in kept]
        stays += [one for one in good if one.name in kept]
        lost = [one for one in bad if damaged and one.damage]
        gone += [(one, "it is damaged") for one in lost]
        stays += [one for one in bad if one not in lost]
    newest = max((one.name for one in seen), default=None)
    strays = left_over(there, newest) if newest else []
    by_age = sorted(gone, key=lambda one: one[0].name)
    return Clearing(by_age, sorted(stays, key=lambda one: one.name, reverse=True), strays, refused)


def clear(store: Store, what: Clearing) -> None:
    """Delete what `clearing` found."""
    there = store.names()
    for one, _ in what.gone:
        delete(store, one.name, there)
    for stray in what.strays:
        store.delete(stray)


def _sorted_out(store: Store, mine: list[Seen], rule: Keep) -> tuple[list[Seen], list[Seen]]:
    """Those of which the `rule.newest` newest were read in full and are whole, or look so; and the others."""
    good, bad = list[Seen](), list[Seen]()
    for one in mine:
        if one.is_good and sum(each.read for each in good) < rule.newest:
            one = look(store, one.name, thorough=True)
        (good if one.is_good else bad).append(one)
    return good, bad


def _by_job(seen: Iterable[Seen]) -> dict[str, list[Seen]]:
    """Those that can be read, newest first. One whose end is damaged counts to the job of the newest."""
    found: dict[str, list[Seen]] = {}
    told = sorted((one for one in seen if not one.unread), key=lambda one: one.name, reverse=True)
    usual = next((str(one.meta["job"]) for one in told if "job" in one.meta), "")
    for one in told:
        found.setdefault(str(one.meta.get("job", usual)), []).append(one)
    return found
