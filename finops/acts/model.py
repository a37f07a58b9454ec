"""What is to be done and what came of it, as records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from finops.cloud import Azure, Json
from finops.estate.generation import generation_of
from finops.estate.ids import key, scopes, type_of
from finops.state import Intent

__all__ = ["Act", "Caps", "Outcome", "Resolved", "Result", "generation_of"]

TAG = "tag"  # the action of `tagging`, the only one that a resource without a generation allows

# done: Azure confirms it. refused: nothing was sent. changed-since: the resource is not what was decided on; nothing
# was sent. failed: sent, and read to be without effect. unknown: sent, and not yet known; `reconcile` finds out.
Result = Literal["done", "refused", "changed-since", "failed", "unknown"]

# With which version a type is read again. Checked against the providers' OpenAPI documents in November 2026.
API_VERSIONS = {
    "subscriptions": "2022-12-01",
    "resourcegroups": "2021-04-01",
    "microsoft.containerregistry/registries": "2023-07-01",
    "microsoft.containerregistry/registries/manifests": "2021-07-01",
    "microsoft.storage/storageaccounts": "2023-05-01",
}
ML_VERSION = "2024-04-01"
ML = "microsoft.machinelearningservices/"


@dataclass(frozen=True)
class Act:
    """One change that a decider wants, bound to the resource as it was when it was decided.

    generation       `generation_of` its body then; None: it is to be made, and nothing may be there
    evidence         what the decision rests on; written to the audit trail
    expected_saving  a month, in BillingCurrency; 0 for what saves nothing, None where it is not known
    request          sends ONE change to this resource or below it, through the Azure that it is given
    still_holds      asked with a body read just now ({} where nothing is there): None, or why it must not be done
    confirmed        asked with a body read after it (None: gone): None, or what is not as it should be
    afterwards       the part of the body that shows it was done; None: it is gone. Kept on the disk, for a crash
    owner            who is told, and whose acts are capped together
    decision         what allows this very act, where that is more than what allows the run
    gives_back       it takes back what we did: what protects the resource from being touched does not stop it
    """

    resource_id: str
    generation: str | None
    action: str
    why: str
    rule: str
    evidence: Json
    expected_saving: Decimal | None
    request: Callable[[Azure], Any]
    still_holds: Callable[[Json], str | None]
    confirmed: Callable[[Json | None], str | None]
    afterwards: Json | None
    owner: str = ""
    api_version: str = ""
    decision: str = ""
    gives_back: bool = False

    @property
    def version(self) -> str:
        """The API version its resource is read with, "" where none is known."""
        kind = type_of(self.resource_id)
        return self.api_version or (ML_VERSION if kind.startswith(ML) else API_VERSIONS.get(kind, ""))

    @property
    def workspace(self) -> str:
        """What is changed one at a time: its workspace, else the resource itself."""
        return next(
            (one for one in scopes(self.resource_id) if type_of(one) == f"{ML}workspaces"), key(self.resource_id)
        )


@dataclass(frozen=True)
class Names:
    """What the settings are called that a caller's caps come from, as a refusal tells people to raise them."""

    count: str = "max_acts"
    percent: str = "max_percent"
    per_owner: str = "max_per_owner"
    money: str = "max_monthly_money"
    per_hour: str = "max_per_hour"

    def of(self, section: str) -> Names:
        """The same in a section of the settings."""
        return Names(**{name: f"{section}.{value}" for name, value in vars(self).items()})


@dataclass(frozen=True)
class Caps:
    """How much may be done at once. Over any of them nothing at all is done.

    max_percent  of `population`, the resources that were looked at
    per_owner    acts for one owner; those without an owner count together
    max_monthly_money  sum of the expected savings of a month: what could be wrong by that much
    per_hour     acts of this and earlier runs within an hour, so that a run that crashes and starts anew has no new cap
    names        what the settings behind them are called
    """

    max_count: int
    max_percent: float
    per_owner: int | None
    max_monthly_money: Decimal | None
    population: int
    per_hour: int | None = None
    names: Names = field(default=Names(), compare=False)


@dataclass(frozen=True)
class Outcome:
    """What became of one act, and why. `intent` is the number it was written down under, if it came that far."""

    act: Act
    result: Result
    why: str
    intent: int | None = None


@dataclass(frozen=True)
class Resolved:
    """What reading says of an earlier intent. `outcome` None: it still cannot be told."""

    intent: Intent
    outcome: str | None
    why: str
