"""What an action that leaves a resource in place takes from it, and what of that may be given back.

Only what still holds what we wrote is ours to give back: anything else was set by somebody who meant it.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

from finops.estate.ids import type_of
from finops.estate.model import Json, at
from finops.spot.durations import duration
from finops.tombstones.comparing import alike
from finops.tombstones.gathering import ONLINE
from finops.tombstones.model import Piece

LONGEST_IDLE, IDLE = timedelta(minutes=30), "PT2M"  # a cluster with longer idle time than the first gets the second
SCALE = "properties.properties.scaleSettings"
ROUTES = ("traffic", "mirrorTraffic")


def taken(action: str, body: Json) -> Json:
    """What `action` writes to a resource as it is in `body`: dotted path -> value. Nothing where it is so already."""
    if action == "traffic0":
        held = {f"properties.{name}": at(body, f"properties.{name}") for name in ROUTES}
        return {path: dict.fromkeys(value, 0) for path, value in held.items() if shares(value)}
    if action in {"archive", "disable"}:
        path, value = {"archive": ("properties.isArchived", True), "disable": ("properties.isEnabled", False)}[action]
        return {} if at(body, path) is value else {path: value}
    if action not in {"scaleToZero", "minNodes0"}:
        return {}
    wanted: Json = {f"{SCALE}.minNodeCount": 0} if at(body, f"{SCALE}.minNodeCount") else {}
    idle = duration(str(at(body, f"{SCALE}.nodeIdleTimeBeforeScaleDown") or ""))
    if action == "scaleToZero" and idle is not None and idle > LONGEST_IDLE:
        wanted[f"{SCALE}.nodeIdleTimeBeforeScaleDown"] = IDLE
    return wanted


def owed(action: str, main: Piece, now: Json, deployments: frozenset[str] | None = None) -> tuple[Json, list[str]]:
    """What is to be given back (dotted path -> value), and a sentence for each field that somebody has set since.

    deployments: names, in lower case, of those that are there; traffic cannot be given to others. None: not looked at
    """
    wanted: Json = {}
    conflicts = []
    for path, ours in taken(action, main.body).items():
        was, holds = at(main.body, path), at(now, path)
        name = path.rpartition(".")[2]
        if isinstance(ours, bool):
            was = not ours
        if _as(was, holds):
            continue
        if not _as(ours, holds):
            conflicts.append(f"its {name} is {holds!r} by now, and was {was!r}")
        elif isinstance(was, dict) and deployments is not None and not _named(was) <= deployments:
            gone = ", ".join(sorted(_named(was) - deployments))
            conflicts.append(f"its {name} was {was!r}, and there is no deployment {gone} any more")
        else:
            wanted[path] = copy.deepcopy(was)
    return wanted, conflicts


def routes_owed(main: Piece, now: Json) -> Json:
    """Of an endpoint that is made again, by name: routes that nobody has set since.

    One that holds a part of what it held lost the rest with its deployments.
    """
    names = ROUTES if type_of(main.id) == ONLINE else ("defaults",)
    found = {}
    for name in names:
        was, holds = shares(at(main.body, f"properties.{name}")), shares(at(now, f"properties.{name}"))
        if was and holds != was and holds.items() <= was.items():
            found[name] = copy.deepcopy(at(main.body, f"properties.{name}"))
    return found


def shares(value: Any) -> Json:
    """Deployments that get anything. A share of 0 is the same as none."""
    return {name: share for name, share in value.items() if share} if isinstance(value, dict) else {}


def _named(value: Json) -> set[str]:
    return {name.lower() for name in shares(value)}


def _as(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return shares(one) == shares(other)
    return alike(one, other)
