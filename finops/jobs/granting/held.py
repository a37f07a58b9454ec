"""What is granted, as Azure reckons it: an action is held where one role has it and does not except it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from finops.jobs.granting.needs import Need

Json = dict[str, Any]
State = Literal["granted", "missing", "unknown"]
READS = re.compile(r"(?i).*/read")


@dataclass(frozen=True)
class Surplus:
    """An action, or a pattern of them, that is granted and that nothing needs. changes: it can do more than read."""

    pattern: str
    changes: bool
    data: bool
    needed: int  # how many of the actions under the pattern are needed


def state_of(need: Need, permissions: Sequence[Json]) -> State:
    """unknown: only a role with a condition grants it, and conditions are not evaluated here."""
    conditional = False
    for permission in permissions:
        if _grants(permission, need.action, need.data):
            if not permission.get("condition"):
                return "granted"
            conditional = True
    return "unknown" if conditional else "missing"


def surplus(needs: Iterable[Need], permissions: Sequence[Json]) -> list[Surplus]:
    """What is granted beyond the needs, pattern by pattern: what can change something first."""
    wanted = {(need.action.lower(), need.data) for need in needs}
    found: dict[tuple[str, bool], Surplus] = {}
    for permission in permissions:
        for data, name, excepted in ((False, "actions", "notActions"), (True, "dataActions", "notDataActions")):
            for pattern in permission.get(name) or ():
                if (pattern.lower(), data) in wanted:
                    continue
                if any(_covers(other, pattern) for other in permission.get(excepted) or ()):
                    continue
                under = sum(_matches(pattern, action) for action, its in wanted if its == data)
                found.setdefault((pattern.lower(), data), Surplus(pattern, not READS.fullmatch(pattern), data, under))
    return sorted(found.values(), key=lambda one: (not one.changes, one.data, one.pattern.lower()))


def _grants(permission: Json, action: str, data: bool) -> bool:
    names = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    allowed, excepted = (permission.get(name) or () for name in names)
    # A need may itself be a pattern: all of it has to be allowed, and nothing of it excepted.
    return any(_covers(one, action) for one in allowed) and not any(_touch(one, action) for one in excepted)


def _covers(pattern: str, action: str) -> bool:
    """Whether `pattern` allows all that `action` means; a "*" in it stands for any text, and for nothing less."""
    return _matches(pattern, action)


def _touch(one: str, other: str) -> bool:
    """Whether some action is under both; both may be patterns."""
    return _matches(one, other) or _matches(other, one) or _overlap(one.lower(), other.lower())


def _matches(pattern: str, action: str) -> bool:
    return bool(_pattern(pattern.lower()).fullmatch(action.lower()))


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _overlap(one: str, other: str) -> bool:
    """Whether two patterns have a text in common: both are walked through together."""
    reached = {(0, 0)}
    seen = set(reached)
    while reached:
        a, b = reached.pop()
        if a == len(one) and b == len(other):
            return True
        steps = set()
        if a < len(one) and one[a] == "*":
            steps |= {(a + 1, b)} | ({(a, b + 1)} if b < len(other) else set())
        if b < len(other) and other[b] == "*":
            steps |= {(a, b + 1)} | ({(a + 1, b)} if a < len(one) else set())
        if a < len(one) and b < len(other) and one[a] == other[b]:
            steps.add((a + 1, b + 1))
        reached |= steps - seen
        seen |= steps
    return False
