"""What refers to what: every ARM id that stands in the properties of another body, and where it stands."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from finops.estate.ids import key
from finops.estate.model import Json, at
from finops.estate.notes import NOTES

PREFIXES = ("/subscriptions/", "azureml:/subscriptions/")
DEEPEST = 24


@dataclass(frozen=True)
class Reference:
    """`path` in the body of `source` names `target`; both ids in lower case."""

    source: str
    path: str
    target: str


@dataclass(frozen=True)
class References:
    """All references of an estate, by their target."""

    by_target: Mapping[str, list[Reference]] = field(default_factory=dict)

    def to(self, resource_id: str) -> list[Reference]:
        """Those to this very id."""
        return self.by_target.get(key(resource_id), [])

    def into(self, resource_id: str) -> list[Reference]:
        """Those to this id or to anything below it, from outside of it."""
        name = key(resource_id)
        below = name + "/"
        start = bisect_left(self._targets, below)
        found = list(self.to(name))
        for target in self._targets[start:]:
            if not target.startswith(below):
                break
            found += self.by_target[target]
        return [one for one in found if one.source != name and not one.source.startswith(below)]

    @property
    def _targets(self) -> list[str]:
        found: list[str] | None = self.__dict__.get("_sorted")
        if found is None:
            found = self.__dict__["_sorted"] = sorted(self.by_target)
        return found


def references(bodies: Mapping[str, Json]) -> References:
    """Every reference in `bodies`."""
    found: dict[str, list[Reference]] = {}
    for source, body in bodies.items():
        for path, target in ids_in(at(body, "properties"), "properties"):
            if target != source:
                found.setdefault(target, []).append(Reference(source, path, target))
    return References(found)


def ids_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Dotted path and ARM id in lower case of each id in a value from outside."""
    if isinstance(value, str):
        written = value.strip()
        if written[:23].lower().startswith(PREFIXES):
            yield path, key(written.removeprefix("azureml:"))
    elif depth < DEEPEST:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name.lower() not in NOTES:
                    yield from ids_in(inner, f"{path}.{name}", depth + 1)
        elif isinstance(value, list):
            for inner in value:
                yield from ids_in(inner, path, depth + 1)
