"""Whether what was made again is what was there: field by field, without what Azure sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finops.estate.ids import key
from finops.estate.model import text
from finops.spot.durations import duration
from finops.tombstones.model import Content, Json
from finops.tombstones.sending import own

MISSING = "(not there)"


@dataclass(frozen=True)
class Comparison:
    """Of one piece: paths that are equal, and those that differ with what they were and are."""

    id: str
    what: str
    equal: tuple[str, ...]
    different: tuple[tuple[str, Any, Any], ...]

    @property
    def same(self) -> bool:
        return not self.different


def compare(what: str, resource_id: str, before: Json, after: Json | None) -> Comparison:
    """`before` and `after` a resource was made again. Null, {} and [] all say "not set"."""
    if after is None:
        return Comparison(resource_id, what, (), ((resource_id, "there", "gone"),))
    was, now = dict(_flat(own(what, before))), dict(_flat(own(what, after)))
    equal, different = [], []
    state = text(after, "properties.provisioningState")
    if state.lower() not in {"", "succeeded", text(before, "properties.provisioningState").lower()}:
        different.append(("properties.provisioningState", "Succeeded", state))
    for path in sorted(was.keys() | now.keys()):
        one, other = was.get(path, MISSING), now.get(path, MISSING)
        if alike(one, other, exactly=_written_by_people(path)):
            equal.append(path)
        else:
            different.append((path, one, other))
    return Comparison(resource_id, what, tuple(equal), tuple(different))


def same(before: Content, now: Content) -> bool:
    """Whether two readings of one resource say the same, apart from what Azure sets."""

    def plain(content: Content) -> list[tuple[str, str, Json]]:
        found = [(one.what, key(one.id), dict(_flat(own(one.what, one.body)))) for one in content.pieces]
        return sorted(found, key=lambda one: one[:2])

    return plain(before) == plain(now) and before.image == now.image


def alike(one: Any, other: Any, exactly: bool = False) -> bool:
    """Whether Azure takes two values for the same. exactly: every letter counts."""
    if isinstance(one, str) and isinstance(other, str) and not exactly:
        # "East US" is eastus, STANDARD_DS3_V2 is Standard_DS3_v2, PT120S is PT2M; ids are in letters of Azure's choice.
        if one.replace(" ", "").lower() == other.replace(" ", "").lower():
            return True
        return duration(one) is not None and duration(one) == duration(other)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _written_by_people(path: str) -> bool:
    """Whether every letter of the value counts."""
    names = path.split(".")
    return "tags" in names[:2] or names[-1] in {"description", "displayName"} or "environmentVariables" in names


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            named = key(name) if str(name).startswith("/") else str(name)
            yield from _flat(inner, f"{path}.{named}" if path else named)
            if inner == {} and ".userAssignedIdentities" in path:
                yield f"{path}.{named}", {}
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{place}]")
    elif value is not None:
        yield path, value
