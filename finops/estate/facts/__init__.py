"""What we know of a resource beyond its body. A new fact is one function in one file of this folder.

    @fact("idleNodes", of=COMPUTE)
    def idle_nodes(body: Json, evidence: Evidence) -> int: ...

The function gets the ARM body and everything that was read, and returns the value (or a `Known` with a time of its
own), or raises `NotKnown` with the reason. What it takes from `evidence` raises by itself when it was not read.
`series=` names the Monitor metrics that it needs, `needs=` what must be listed (names of finops.estate.queries): both
are then read, and recorded by `estate capture`. What `on_request=True` facts need is read only where they are asked
for by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from finops.estate import queries
from finops.estate.evidence import Evidence, NotKnown, Series
from finops.estate.ids import type_of
from finops.estate.model import Fact, Json, Known, Unknown

Work = Callable[[Json, Evidence], Any]


@dataclass(frozen=True)
class Definition:
    """One fact: its name under `facts.*`, the types that have it (none: every type), the metrics that it needs."""

    name: str
    types: frozenset[str]
    series: tuple[Series, ...]
    work: Work
    needs: frozenset[str] = frozenset()
    on_request: bool = False

    @property
    def meaning(self) -> str:
        """The first line of the function's docstring."""
        return (self.work.__doc__ or "").strip().partition("\n")[0]


def fact(
    name: str,
    of: str | Iterable[str] = (),
    series: Iterable[Series] = (),
    needs: Iterable[str] = (),
    on_request: bool = False,
) -> Callable[[Work], Work]:
    """Mark a function as the fact `name` of resources of the types `of`, all types by default."""
    types = frozenset([of] if isinstance(of, str) else of)

    def mark(work: Work) -> Work:
        marks: list[Definition] = work.__dict__.setdefault("facts", [])
        marks.append(Definition(name, types, tuple(series), work, frozenset(needs), on_request))
        return work

    return mark


@cache
def definitions() -> tuple[Definition, ...]:
    """Every fact there is, found by listing this folder."""
    found: list[Definition] = []
    for module in pkgutil.iter_modules(__path__):
        home = f"{__name__}.{module.name}"
        here = [thing for thing in vars(importlib.import_module(home)).values() if callable(thing)]
        found += [one for thing in here if thing.__module__ == home for one in getattr(thing, "facts", ())]
    return tuple(sorted(found, key=lambda one: one.name))


# Types of which nothing is listed unless they are asked for, and what lists them.
LISTED_ON_REQUEST = {
    queries.SCHEDULE: queries.SCHEDULES,
    queries.ENVIRONMENT: queries.ENVIRONMENTS,
    queries.ENVIRONMENT_VERSION: queries.ENVIRONMENTS,
    queries.BATCH_JOB: queries.BATCH_JOBS,
    queries.ROLE_ASSIGNMENT: queries.ROLES,
}


def everything() -> frozenset[str]:
    """Every fact and every type that can be asked for."""
    return frozenset(one.name for one in definitions()) | frozenset(LISTED_ON_REQUEST)


def needed(asked: Iterable[str] | None) -> tuple[frozenset[str], tuple[Series, ...]]:
    """What must be listed and which metrics must be read for facts and resource types, by name.

    None asks for the facts that need no more than what is read anyway.
    """
    names = None if asked is None else set(asked)
    chosen = [one for one in definitions() if (not one.on_request if names is None else one.name in names)]
    lists = {need for one in chosen for need in one.needs}
    lists |= {need for kind, need in LISTED_ON_REQUEST.items() if kind in {name.lower() for name in names or ()}}
    return frozenset(lists), tuple(dict.fromkeys(series for one in chosen for series in one.series))


@cache
def definitions_for(resource_type: str) -> tuple[Definition, ...]:
    """The facts that resources of one type have."""
    return tuple(one for one in definitions() if not one.types or resource_type in one.types)


def facts_of(body: Json, evidence: Evidence) -> dict[str, Fact]:
    """Every fact that a resource of this type has."""
    return {one.name: _measured(one, body, evidence) for one in definitions_for(type_of(body["id"]))}


def _measured(one: Definition, body: Json, evidence: Evidence) -> Fact:
    try:
        value = one.work(body, evidence)
    except NotKnown as reason:
        return Unknown(str(reason))
    return value if isinstance(value, Known) else Known(value, evidence.as_of)
