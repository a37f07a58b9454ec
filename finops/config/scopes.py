"""Settings by scope: an ARM id stands for itself and all below it, and the nearest one that is named counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

_GROUP, _RESOURCE = r"/resourceGroups/[^/]+", r"/providers/[^/]+(/[^/]+/[^/]+)+"
_SCOPE = re.compile(rf"/subscriptions/[^/]+({_GROUP})?({_RESOURCE})*/?", re.IGNORECASE)
EVERYTHING = "/"
T = TypeVar("T")


def nearest(by_scope: Mapping[str, T], resource_id: str, usual: T) -> T:
    """What is said of the nearest scope of a resource, which ends at a "/"; `usual` where none is named."""
    known = {_plain(scope): said for scope, said in by_scope.items()}
    name = _plain(resource_id)
    while name and name not in known:
        name = name.rpartition("/")[0]
    return known.get(name, usual)


def checked(by_scope: dict[str, T], or_more: str = "") -> dict[str, T]:
    """As it is, where each name is a subscription, a group or a resource. or_more: what else is, as advice."""
    for scope in by_scope:
        if not _SCOPE.fullmatch(scope) and not (or_more and scope == EVERYTHING):
            raise ValueError(f"'{scope}' is no scope; write /subscriptions/GUID, or a resource's whole id{or_more}")
    return by_scope


def _plain(scope: str) -> str:
    return scope.strip().rstrip("/").lower()
