"""Accounts made up of few areas, their optimum and the rules that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tier_inventories import ACCOUNT, NOW, write_inventory
from tier_prices import sample_rates

from finops.tiering.access import learn
from finops.tiering.inventory import read_inventory
from finops.tiering.model import TIERS, Account, Protected, Rates
from finops.tiering.optimum import Optimum, optimum
from finops.tiering.plan import TierPlan, plan
from finops.tiering.plan import best as best_of
from finops.tiering.rules import Ruleset, compress


def storage(**more: Any) -> Account:
    known: dict[str, Any] = {
        "id": f"/subscriptions/s/resourcegroups/r/providers/microsoft.storage/storageaccounts/{ACCOUNT}",
        "name": ACCOUNT,
        "subscription": "s",
        "region": "westus",
        "redundancy": "LRS",
        "kind": "StorageV2",
        "hns": False,
        "default_tier": "Hot",
        "tracking": True,
        "tiers": TIERS,
    }
    return Account(**(known | more))


def optimum_of(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    protected: Sequence[Protected] = (),
    rates: Rates | None = None,
    account: Account | None = None,
    **more: Any,
) -> Optimum:
    """The optimum of an account that holds `rows`; its connection stays open."""
    place = write_inventory(folder, rows, format="parquet", **more)
    inventory = read_inventory([place], ACCOUNT, NOW, folder / "spool")
    return optimum(inventory, rates or sample_rates(), learn(inventory), account or storage(), protected)


def rules_of(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    protected: Sequence[Protected] = (),
    rates: Rates | None = None,
    **more: Any,
) -> Ruleset:
    return compress(optimum_of(folder, rows, protected, rates), rates or sample_rates(), ACCOUNT, protected, **more)


def plan_of(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    existing: Mapping[str, Any] | None = None,
    protected: Sequence[Protected] = (),
    unresolved: Sequence[str] = (),
    account: Account | None = None,
    rates: Rates | None = None,
    **more: Any,
) -> TierPlan:
    """What would be planned for an account that holds `rows`."""
    place = write_inventory(folder, rows, format="parquet", **more)
    kept, prices = account or storage(), rates or sample_rates()
    with read_inventory([place], ACCOUNT, NOW, folder / "spool") as inventory:
        chosen = best_of(kept, inventory, prices, protected, unresolved)
        return plan(kept, inventory, prices, chosen, existing, protected, unresolved)
