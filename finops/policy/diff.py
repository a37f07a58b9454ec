"""What differs between a definition, initiative or assignment as it is and as it shall be, line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

LONGEST = 160
# What Azure fills in by itself, and what it compares without regard to case.
STAMPS = ("createdBy", "createdOn", "updatedBy", "updatedOn")
DEFAULTS = {"enforcementMode": "Default", "policyType": "Custom"}
WITHOUT_CASE = ("mode", "type", "policyDefinitionId", "policyType", "enforcementMode")


@dataclass(frozen=True)
class Difference:
    """One place (a path such as `policyRule.then.effect`) with what is there and what shall be; None: nothing."""

    place: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.place}: + {shown(self.after)}"
        if self.after is None:
            return f"{self.place}: - {shown(self.before)}"
        return f"{self.place}: {shown(self.before)} -> {shown(self.after)}"


def differences(before: Json, after: Json) -> tuple[Difference, ...]:
    """Where `before` (as Azure has it) is not yet as `after` wants it.

    Only what `after` speaks of is compared, and the whole of that: what Azure or a person added beside it, such as
    stamps in the metadata, scopes left out or resource selectors, stays as it is.
    """
    mine, theirs = after.get("properties", {}), before.get("properties") or {}
    found: list[Difference] = []
    for name, wanted in mine.items():
        there = _child(theirs, name)
        if there is None:
            there = DEFAULTS.get(name)
        if name == "metadata":
            there = {key: _child(there, key) for key in wanted}
        elif name == "policyDefinitions":
            there, wanted = _members(there, wanted), _members(wanted, wanted)
        found += _between(there, wanted, name)
    if "identity" in after and not (before.get("identity") or {}).get("type", "").replace("None", ""):
        found.append(Difference("identity", None, after["identity"].get("type")))
        found += _between(before.get("location"), after.get("location"), "location")
    return tuple(found)


def shown(value: Any) -> str:
    """A value on one line, in JSON, and not endless."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _between(before: Any, after: Any, place: str) -> Iterator[Difference]:
    if _nothing(before, place) and _nothing(after, place):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*after, *(name for name in before if not _has(after, name))]:
            yield from _between(_child(before, name), _child(after, name), f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and _nested(before, after):
        for number in range(max(len(before), len(after))):
            one, other = (each[number] if number < len(each) else None for each in (before, after))
            yield from _between(one, other, f"{place}[{number}]")
    elif not _same(before, after, place):
        yield Difference(place, before, after)


def _same(before: Any, after: Any, place: str) -> bool:
    if isinstance(before, str) and isinstance(after, str) and place.rpartition(".")[2] in WITHOUT_CASE:
        return before.lower() == after.lower()
    if isinstance(before, bool) is not isinstance(after, bool):
        return False
    return bool(before == after)


def _members(there: Any, wanted: list[Json]) -> Json:
    """The members of an initiative by their reference, each with the keys that we state."""
    stated: Mapping[str, Json] = {str(each.get("policyDefinitionReferenceId")): each for each in wanted}
    found = {}
    for each in there or []:
        name = str(each.get("policyDefinitionReferenceId"))
        keys = stated.get(name) or each
        found[name] = {key: each.get(key) or None for key in ("policyDefinitionId", "parameters", *keys)}
    return found


def _nothing(value: Any, place: str) -> bool:
    """Of a property, Azure gives back "", [] or {} where nothing was sent, or nothing where they were. Further down
    an empty list is a value."""
    return value is None or ("." not in place and value in ("", [], {}))


def _nested(*lists: list[Any]) -> bool:
    return any(isinstance(each, dict | list) for one in lists for each in one)


def _has(body: Json, name: str) -> bool:
    return any(key.lower() == name.lower() for key in body)


def _child(body: Any, name: str) -> Any:
    """A property, whatever the case of its name."""
    if not isinstance(body, dict):
        return None
    if name in body:
        return body[name]
    return next((value for key, value in body.items() if key.lower() == name.lower()), None)
