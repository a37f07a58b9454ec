"""What an estate is made of: resources with their facts, each known or unknown with a reason, and the gaps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from itertools import islice, takewhile
from typing import Any

from finops.estate.ids import ALIASES, key, type_of

Json = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """A fact that Azure gave us, and until when it is true."""

    value: Any
    as_of: datetime


@dataclass(frozen=True)
class Unknown:
    """A fact that we do not have. Whoever meets one keeps the resource, and repeats the reason."""

    reason: str


Fact = Known | Unknown


@dataclass(frozen=True)
class Gap:
    """Something that could not be read: below which scope, what, and why. `status` and `code` are Azure's own."""

    scope: str
    what: str
    reason: str
    status: int = 0
    code: str = ""


@dataclass(frozen=True)
class Resource:
    """One ARM resource, its body as Azure returned it."""

    id: str
    body: Json
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The resource type in lower case."""
        return type_of(self.id)


@dataclass(frozen=True)
class Usage:
    """How much a resource was used, day by day (UTC, oldest first): `of` says what is counted. A day without data is
    left out, it is not zero."""

    of: str = ""
    days: tuple[tuple[date, float], ...] = ()


def no_usage(resource_id: str) -> Usage:
    """Where nothing was measured."""
    return Usage()


@dataclass(frozen=True)
class Estate:
    """Everything that could be read, by id in lower case, and everything that could not."""

    as_of: datetime
    resources: Mapping[str, Resource]
    gaps: tuple[Gap, ...] = ()
    measured: Callable[[str], Usage] = field(default=no_usage, compare=False, repr=False)
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)  # what was listed whole, below where
    jobs_since: Mapping[str, datetime] = field(default_factory=dict, repr=False)  # workspaces, and how far back

    def usage(self, resource_id: str) -> Usage:
        """What Monitor measured of it, day by day; empty where the metrics were not read or there are none."""
        return self.measured(key(resource_id))

    def merged(self, resources: Mapping[str, Resource], gaps: tuple[Gap, ...] = ()) -> Estate:
        """This estate and what was found in another way: images, for example."""
        more = {key(name): one for name, one in resources.items()}
        return replace(self, resources={**self.resources, **more}, gaps=(*self.gaps, *gaps))

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for was read. What is not there is proven absent only then."""
        return not self.gaps

    def of_type(self, resource_type: str) -> list[Resource]:
        """All resources of one type, by id."""
        name = resource_type.lower()
        return list(self._by_type.get(ALIASES.get(name, name), ()))

    def children(self, resource_id: str) -> list[Resource]:
        """Everything below one id, nearest and furthest alike."""
        below = key(resource_id) + "/"
        start = bisect_left(self._names, below)
        return [
            self.resources[name]
            for name in takewhile(lambda name: name.startswith(below), islice(self._names, start, None))
        ]

    def types(self) -> dict[str, int]:
        """How many resources there are of each type."""
        return {name: len(found) for name, found in sorted(self._by_type.items())}

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self.resources)

    @cached_property
    def _by_type(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for name in self._names:
            found.setdefault(self.resources[name].type, []).append(self.resources[name])
        return {name: tuple(resources) for name, resources in found.items()}


def at(body: Any, path: str) -> Any:
    """The value at a dotted path such as "properties.properties.vmPriority"; None where there is none.

    Bodies come from outside and may lack anything: a body that is not as documented never ends a run.
    """
    for name in path.split("."):
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body


def text(body: Any, path: str) -> str:
    """The text at a dotted path; "" where there is none, or something else."""
    found = at(body, path)
    return found if isinstance(found, str) else ""
