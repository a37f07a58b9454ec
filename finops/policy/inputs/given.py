"""A resource as somebody is about to create it, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from finops.conditions.surroundings import Partial

Json = dict[str, Any]

ML = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True)
class Place:
    """Where a resource will be, as far as the caller says so. A None is not known; {} says that there are no tags."""

    subscription: str = ""
    group: str = ""
    workspace: str = ""
    group_tags: Json | None = None
    subscription_tags: Json | None = None

    def context(self, group: str = "") -> Json:
        """What resourceGroup() and subscription() answer."""
        name = group or self.group
        around: Json = {"name": name} if name else {}
        above: Json = {"subscriptionId": self.subscription} if self.subscription else {}
        told = {} if self.group_tags is None else {"tags": self.group_tags}
        above |= {} if self.subscription_tags is None else {"tags": self.subscription_tags}
        return {
            "resourceGroup": Partial("resourceGroup", **around, **told),
            "subscription": Partial("subscription", **above),
        }

    def id_of(self, kind: str, *names: str, group: str = "") -> str:
        """The ARM id that a resource will have; "" where the place is not known."""
        group = group or self.group
        if not group or not all(names):
            return ""
        subscription = self.subscription or "00000000-0000-0000-0000-000000000000"
        if kind.lower() == "microsoft.resources/resourcegroups":
            return f"/subscriptions/{subscription}/resourceGroups/{names[-1]}"
        provider, *types = kind.split("/")
        ways = "".join(f"/{a}/{b}" for a, b in zip(types, names, strict=False))
        return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}{ways}"


@dataclass(frozen=True)
class Given:
    """One resource of an input.

    source   the file, and where in it
    words    what it is, for people: "compute cluster gpu-dev"
    body     as it would be sent to Azure Resource Manager
    context  what resourceGroup() and subscription() answer
    skipped  why it cannot be evaluated; "" where it can
    tags     why its tags are not known; "" where they are
    """

    source: str
    words: str
    body: Json
    context: Json = field(default_factory=dict)
    skipped: str = ""
    tags: str = ""

    @property
    def kind(self) -> str:
        return str(self.body.get("type", ""))


def compact(body: Json) -> Json:
    """`body` without the keys that have no value."""
    return {key: value for key, value in body.items() if value is not None}
