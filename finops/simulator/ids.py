"""The parts of an ARM id."""

from __future__ import annotations

from dataclasses import dataclass

from finops.simulator.store import type_of


@dataclass(frozen=True)
class Parts:
    """What an id names, as the caller spelled it; "" where a part is absent."""

    id: str
    subscription: str
    group: str
    type: str
    name: str
    is_collection: bool

    @property
    def namespace(self) -> str:
        return self.type.partition("/")[0]

    @property
    def kind(self) -> str:
        """The type without its namespace."""
        return self.type.partition("/")[2]


def parts_of(path: str) -> Parts:
    """The parts of "/subscriptions/S/resourceGroups/G/providers/NS/type/name[/type/name]", or of a collection of such.

    The last "providers" counts: ".../clusters/c/providers/Microsoft.Authorization/locks/l" is a lock.
    """
    resource_id = "/" + path.strip("/")
    words = resource_id[1:].split("/")
    lower = [word.lower() for word in words]
    subscription = words[1] if len(words) > 1 and lower[0] == "subscriptions" else ""
    group = words[3] if len(words) > 3 and lower[2] == "resourcegroups" else ""
    if "providers" not in lower:
        return Parts(resource_id, subscription, group, type_of(resource_id), words[-1], len(words) % 2 == 1)
    last = len(lower) - 1 - lower[::-1].index("providers")
    tail = words[last + 1 :]
    kinds, names = tail[1::2], tail[2::2]
    is_collection = len(kinds) > len(names)
    return Parts(
        resource_id, subscription, group, "/".join([tail[0], *kinds]) if tail else "", words[-1], is_collection
    )


def parent_of(resource_id: str) -> str:
    """The id one level up: of a compute its workspace, of a workspace its group, of a group its subscription."""
    words = resource_id.strip("/").split("/")
    above = words[:-2]
    if len(above) >= 2 and above[-2].lower() == "providers":
        above = above[:-2]
    return "/" + "/".join(above) if above else ""


def is_within(resource_id: str, scope: str) -> bool:
    """Whether `resource_id` is `scope` or lies below it."""
    inner, outer = resource_id.lower().rstrip("/"), scope.lower().rstrip("/")
    return outer in ("", inner) or inner.startswith(outer + "/")
