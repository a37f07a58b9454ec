"""The needs put together as the two roles that are given: what they hold, where, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from finops.jobs.granting.features import Feature
from finops.jobs.granting.needs import NEEDS, Need, Who

NAMES: dict[Who, str] = {"reader": "AML FinOps Reader", "executor": "AML FinOps Executor"}
SAID: dict[Who, str] = {
    "reader": "What aml-finops reads with the features that are enabled. Changes nothing.",
    "executor": "What aml-finops changes with the features that are enabled, and nothing else.",
}
ANYWHERE = "/subscriptions/REPLACE-ME"
VAULT = f"{ANYWHERE}/resourceGroups/REPLACE-ME/providers/Microsoft.KeyVault/vaults/REPLACE-ME"
MANAGEMENT_GROUP = "/providers/microsoft.management/managementgroups/"


@dataclass(frozen=True)
class Role:
    """A custom role and the scopes that it is given at."""

    who: Who
    name: str
    said: str
    needs: tuple[Need, ...]
    scopes: tuple[str, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(need.action for need in self.needs if not need.data))

    @property
    def data_actions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(need.action for need in self.needs if need.data))

    @property
    def definition(self) -> dict[str, Any]:
        """As `az role definition create` and the portal take it."""
        return {
            "Name": self.name,
            "IsCustom": True,
            "Description": self.said,
            "Actions": list(self.actions),
            "NotActions": [],
            "DataActions": list(self.data_actions),
            "NotDataActions": [],
            "AssignableScopes": list(self.assignable),
        }

    @property
    def assignable(self) -> tuple[str, ...]:
        """Where it can be given: subscriptions for what is below them, as groups come and go."""
        return tuple(dict.fromkeys("/".join(scope.split("/")[:3]) if _in_subscription(scope) else scope
                                   for scope in self.scopes))  # fmt: skip


def roles(chosen: Sequence[Feature], scopes: dict[Who, Sequence[str]], vault: str = VAULT) -> list[Role]:
    """A role for the reader and one for the executor.

    What opens data is a role of its own at management groups, where Azure takes no DataActions (role-definitions,
    "Custom role limits"); what opens secrets is one in any case, as it is for one vault only.
    """
    names = {one.name for one in chosen}
    found = []
    for who in ("reader", "executor"):
        who_: Who = "reader" if who == "reader" else "executor"
        mine = [need for need in NEEDS if need.feature in names and need.who == who_]
        at = tuple(scopes[who_])
        apart = any(scope.lower().startswith(MANAGEMENT_GROUP) for scope in at)
        secret = [need for need in mine if need.feature == "key vault"]
        data = [need for need in mine if need.data and apart and need not in secret]
        plain = [need for need in mine if need not in secret and need not in data]
        for name, needs, where in (
            ("", plain, at),
            (" Data", data, (ANYWHERE,)),
            (" Secrets", secret, (vault,)),
        ):
            if needs:
                found.append(Role(who_, NAMES[who_] + name, SAID[who_], tuple(needs), where))
    return found


def why(needs: Iterable[Need]) -> str:
    """Why one action is needed, each reason once."""
    return "; ".join(dict.fromkeys(need.why for need in needs))


def _in_subscription(scope: str) -> bool:
    return scope.lower().startswith("/subscriptions/")
