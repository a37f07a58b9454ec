"""ARM bodies by id, as Azure returns them; ids are compared in lower case with a "/" boundary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]


class Store:
    """What exists. Bodies are kept as given; callers that change one put it back, so that the listeners hear of it."""

    def __init__(self) -> None:
        self._bodies: dict[str, Json] = {}
        self._types: dict[str, dict[str, Json]] = {}
        self._listeners: list[Callable[[str, Json | None], None]] = []

    def __len__(self) -> int:
        return len(self._bodies)

    def __contains__(self, resource_id: str) -> bool:
        return resource_id.lower() in self._bodies

    def get(self, resource_id: str) -> Json | None:
        return self._bodies.get(resource_id.lower())

    def put(self, body: Json) -> Json:
        key = body["id"].lower()
        self._bodies[key] = body
        self._types.setdefault(type_of(key), {})[key] = body
        for heard in self._listeners:
            heard(key, body)
        return body

    def delete(self, resource_id: str) -> Json | None:
        """Take one body out; its children stay (see `children`)."""
        key = resource_id.lower()
        self._types.get(type_of(key), {}).pop(key, None)
        body = self._bodies.pop(key, None)
        if body is not None:
            for heard in self._listeners:
                heard(key, None)
        return body

    def listen(self, heard: Callable[[str, Json | None], None]) -> None:
        """Call `heard(id in lower case, body)` after each `put`, and with None after each `delete`."""
        self._listeners.append(heard)

    def of_type(self, resource_type: str, under: str = "") -> list[Json]:
        """All of one type, by id, anywhere below `under`."""
        prefix = under.lower().rstrip("/") + "/" if under else ""
        found = self._types.get(resource_type.lower(), {})
        return [found[key] for key in sorted(found) if key.startswith(prefix)]

    def children(self, resource_id: str) -> list[Json]:
        """Everything below one id, nearest and furthest alike."""
        prefix = resource_id.lower().rstrip("/") + "/"
        return [body for key, body in sorted(self._bodies.items()) if key.startswith(prefix)]

    def all(self) -> Iterator[Json]:
        yield from list(self._bodies.values())


def type_of(resource_id: str) -> str:
    """The resource type that an ARM id names, in lower case.

    "/subscriptions/s" is "subscriptions", ".../resourceGroups/g" is "resourcegroups",
    ".../providers/Microsoft.X/a/1/b/2" is "microsoft.x/a/b" (the last provider counts, as for locks on a resource).
    """
    parts = resource_id.lower().strip("/").split("/")
    if "providers" in parts:
        last = len(parts) - 1 - parts[::-1].index("providers")
        return "/".join([parts[last + 1], *parts[last + 2 :: 2]])
    if len(parts) >= 4 and parts[2] == "resourcegroups":
        return "resourcegroups"
    return parts[0] if parts else ""


def inside(body: object, *names: str) -> Json:
    """The object found by going into `body` by `names`; an empty one where there is none."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, dict) else {}


def whole(value: object, otherwise: int) -> int:
    """`value` as a whole number that is not below zero; recordings hold null and text in places."""
    if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()):
        return max(0, int(value))
    return otherwise


def parts_of(resource_id: str) -> dict[str, str]:
    """An ARM id's segments by the lower-case name before each: {"subscriptions": "...", "resourcegroups": "..."}."""
    parts = resource_id.strip("/").split("/")
    return {name.lower(): value for name, value in zip(parts[::2], parts[1::2], strict=False)}
