"""A served estate with a storage account, its inventory, and runs of `tier apply` and `tier undo` over it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fake_azure import StillTime
from meanwhile import meanwhile
from storing import ACCOUNT, EVERY_HABIT, storage_estate
from tier_estates import reported

from finops.cloud import connect
from finops.config.model import AzureSettings, MailSettings, Settings
from finops.config.tiering import TieringSettings
from finops.jobs.tiering.applied import Applied
from finops.jobs.tiering.applying import apply
from finops.jobs.tiering.undoing import undo
from finops.simulator import Served, serving
from finops.state import State

Json = dict[str, Any]
POLICY = f"{ACCOUNT}/managementPolicies/default"
SERVICE = f"{ACCOUNT}/blobServices/default"
INVENTORY = f"{ACCOUNT}/inventoryPolicies/default"
ZONES = "Standard_ZRS"  # where no Archive is offered, so that nothing needs an approval


class Tiering:
    """One account of a served estate, and what is done to it."""

    def __init__(self, served: Served, state: State, folder: Path, place: Path | None, **own: Any) -> None:
        self.served, self.state, self.inventory = served, state, place
        self.settings = Settings(
            azure=AzureSettings(endpoint=served.url),
            tiering=TieringSettings(kill_switch=folder / "STOP", **own),
            mail=MailSettings(outbox=folder / "outbox"),
        )

    def set(self, **own: Any) -> None:
        self.settings = self.settings.model_copy(update={"tiering": self.settings.tiering.model_copy(update=own)})

    @property
    def now(self) -> Any:
        return self.served.world.clock.now()

    def apply(self, execute: bool = True, **more: Any) -> Applied:
        paths = [self.inventory] if self.inventory else []
        with connect(self.settings.azure, acting=True, time=StillTime().time) as azure:
            return apply(azure, self.settings, self.state, self.now, execute, paths=paths, **more)

    def undo(self, execute: bool = True, **more: Any) -> Applied:
        with connect(self.settings.azure, acting=True, time=StillTime().time) as azure:
            return undo(azure, self.settings, self.state, self.now, execute, **more)

    def body(self, resource_id: str) -> Json | None:
        return copy.deepcopy(self.served.world.resources.get(resource_id))

    def faults(self, *rules: Json) -> None:
        """From now on."""
        self.served.faults.rules.clear()
        self.served.faults.add(list(rules))

    def when(self, method: str, path: str, nth: int, then: Callable[[], None]) -> None:
        """Do `then` when the nth such request comes in, before it is answered: what others do while we work."""
        meanwhile(self.served, lambda asked: asked["method"] == method and path in asked["path"], then, nth)

    def put(self, body: Json) -> None:
        self.served.world.resources.put(body)

    def govern(self, *rules: Json) -> None:
        """Lifecycle rules that somebody else wrote."""
        body = {"id": POLICY, "name": "DefaultManagementPolicy", "properties": {"policy": {"rules": list(rules)}}}
        self.served.world.resources.put(body)

    def rules(self) -> list[Json]:
        """Those in force."""
        found = self.body(POLICY)
        return found["properties"]["policy"]["rules"] if found else []

    def changes(self) -> list[str]:
        """What was asked of Azure that changes something, as METHOD path."""
        return [
            f"{one['method']} {one['path'].lower().partition('/storageaccounts/')[2]}"
            for one in self.served.requests
            if one["method"] in {"PUT", "PATCH", "DELETE", "POST"} and "storageaccounts" in one["path"].lower()
        ]


@contextmanager
def tiering(
    folder: Path, told: Sequence[Any] = EVERY_HABIT, *, sku: str = ZONES, tracked: bool = True,
    inventory: bool = True, inventory_rule: str | None = None, properties: Json | None = None, **own: Any,
) -> Iterator[Tiering]:  # fmt: skip
    """The account, its inventory already written where `inventory`, in the mode enforce if `own` says no other."""
    own.setdefault("mode", "enforce")
    own.setdefault("small_account", 0)
    own["inventory"] = inventory_rule
    estate = storage_estate(folder / "estate", told, sku=sku, tracked=tracked, properties=properties)
    with serving(estate, retry_after=0) as served, State.open(folder / "state.db") as state:
        place = reported(served, folder / "inventory", tracked=tracked) if inventory else None
        served.requests.clear()
        yield Tiering(served, state, folder, place, **own)


def results(done: Applied) -> list[tuple[str, str]]:
    return [(line.what, line.result) for line in done.lines]
