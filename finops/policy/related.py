"""Related resources, for rules that ask whether something exists beside one: from the estate, else from Azure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, NotFound
from finops.estate import queries
from finops.estate.ids import key

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.conditions import Wanted
    from finops.estate import Estate

Json = dict[str, Any]

# Single children that an estate does not hold, with the version that reads them: (name, API version).
CHILDREN = {
    "microsoft.storage/storageaccounts/managementpolicies": ("default", "2023-05-01"),
    "microsoft.storage/storageaccounts/blobservices": ("default", "2023-05-01"),
}
READ = {*queries.TYPES, queries.COMPUTE}


@dataclass(frozen=True)
class NotRead:
    """Why it cannot be told what is there."""

    reason: str


class Beside:
    """Answers what `finops.conditions` wants to know. What was not read is never taken for absent."""

    def __init__(self, azure: Azure, estate: Estate) -> None:
        self._azure = azure
        self._estate = estate
        self._known: dict[str, list[Json] | NotRead] = {}

    def __call__(self, wanted: Wanted) -> list[Json] | NotRead:
        kind = wanted.type.lower()
        if kind in READ:
            found = [resource.body for resource in self._estate.of_type(kind)]
            return found if self._estate.complete else NotRead("parts of the estate could not be read")
        if kind in CHILDREN and wanted.below:
            name, version = CHILDREN[kind]
            path = f"{wanted.below}/{wanted.type.rpartition('/')[2]}/{name}"
            if key(path) not in self._known:
                self._known[key(path)] = self._asked(path, version)
            return self._known[key(path)]
        return NotRead(f"finops does not read {wanted.type}")

    def _asked(self, path: str, version: str) -> list[Json] | NotRead:
        try:
            return [self._azure.get(path, version)]
        except NotFound:
            return []
        except AzureError as fault:
            return NotRead(fault.what)
