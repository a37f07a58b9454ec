"""What we know of a resource beyond its body. A new fact is one function in one file of this folder.

    @fact("idleNodes", of=COMPUTE)
    def idle_nodes(body: Json, evidence: Evidence) -> int: ...

The function gets the ARM body and everything that was read, and returns the value (or a `Known` with a time of its
own), or raises `NotKnown` with the reason. What it takes from `evidence` raises by itself when it was not read.
`series=` names the Monitor metrics that it needs: they are then read, and recorded by `estate capture`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

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

    @property
    def meaning(self) -> str:
        """The first line of the function's docstring."""
        return (self.work.__doc__ or "").strip().partition("\n")[0]


def fact(name: str, of: str | Iterable[str] = (), series: Iterable[Series] = ()) -> Callable[[Work], Work]:
    """Mark a function as the fact `name` of resources of the types `of`, all types by default."""
    types = frozenset([of] if isinstance(of, str) else of)

    def mark(work: Work) -> Work:
        marks: list[Definition] = work.__dict__.setdefault("facts", [])
        marks.append(Definition(name, types, tuple(series), work))
        return work

    return mark


@cache
def definitions() -> tuple[Definition, ...]:
    """Every fact there is, found by listing this folder."""
    found: list[Definition] = []
    for module in pkgutil.iter_modules(__path__):
        contents = vars(importlib.import_module(f"{__name__}.{module.name}"))
        found += [one for thing in contents.values() if callable(thing) for one in getattr(thing, "facts", ())]
    return tuple(sorted(found, key=lambda one: one.name))


def series_needed() -> tuple[Series, ...]:
    """The metrics that all facts together need, each once."""
    return tuple(dict.fromkeys(series for one in definitions() for series in one.series))


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
