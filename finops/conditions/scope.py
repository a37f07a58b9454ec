"""What one evaluation sees: the resource, its facts, its surroundings, and what keeps an answer from being given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

Json = dict[str, Any]


class Fact(Protocol):
    """What is known of one fact: an object with `value` where it is known, and with `reason` where it is not."""


class Undecided(Exception):
    """An expression has no answer. `fact` names the unknown fact; without one, Azure could not tell either.

    A failed evaluation is an implicit deny in Azure; here it is neither "holds" nor "does not hold".
    https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#avoiding-template-failures
    """

    def __init__(self, reason: str, fact: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fact = fact


class TemplateError(Undecided):
    """A template function was given what it cannot work on."""


# Resource groups come from ARM as the first, and Azure Policy knows them as the second.
GROUP, POLICY_GROUP = "microsoft.resources/resourcegroups", "microsoft.resources/subscriptions/resourcegroups"


class Scope:
    """One resource under evaluation. `slots` hold the members that the enclosing counts are at."""

    __slots__ = ("api_version", "body", "context", "facts", "now", "origin", "slots", "type")

    def __init__(
        self,
        body: Json,
        facts: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        api_version: str | None = None,
        slots: int = 0,
        origin: Scope | None = None,
    ) -> None:
        self.body = body
        self.facts = facts
        self.context = context
        self.now = now
        self.api_version = api_version
        self.slots: list[Any] = [None] * slots
        self.origin = self if origin is None else origin
        kind = body.get("type")
        low = kind.lower() if type(kind) is str else type_of(body)
        self.type = POLICY_GROUP if low == GROUP else low

    def beside(self, body: Json) -> Scope:
        """The scope of a related resource: its own fields, but `field()` still reads the first resource."""
        return Scope(body, self.facts, self.context, self.now, None, len(self.slots), self.origin)


Read = Callable[[Scope], Any]
Test = Callable[[Scope], "bool | None"]


def type_of(body: Json) -> str:
    """The resource type in lower case, from the id where the body does not say; "" where neither does."""
    for name in ("type", "Type"):
        if isinstance(body.get(name), str):
            return POLICY_GROUP if body[name].lower() == GROUP else str(body[name]).lower()
    found = body.get("id")
    return type_in(found) if isinstance(found, str) else ""


def type_in(resource_id: str) -> str:
    """The resource type that an ARM id names, in lower case."""
    parts = resource_id.strip("/").lower().split("/")
    if "providers" not in parts:
        kinds = parts[::2]
        if kinds == ["subscriptions"]:
            return "microsoft.resources/subscriptions"
        return POLICY_GROUP if kinds[1:] == ["resourcegroups"] else ""
    last = len(parts) - 1 - parts[::-1].index("providers")
    return "/".join(parts[last + 1 : last + 2] + parts[last + 2 :: 2])
