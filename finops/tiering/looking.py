"""What Azure tells of one storage account before anything is planned: itself, its policy, its prices, its readers."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, DataError, UsageError
from finops.tiering.account import account, protected_containers
from finops.tiering.counting import Counted, Uncounted, counted
from finops.tiering.model import Account, Protected, Rates
from finops.tiering.optimum import HORIZON_DAYS
from finops.tiering.rates import filter_for, rates
from finops.tiering.readers import Reading, assets, reading

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.estate import Estate

STORAGE_VERSION = "2023-05-01"
ACCOUNTS = "microsoft.storage/storageaccounts"


@dataclass(frozen=True)
class Seen:
    """policy: as ARM gives it, None where the account has none. protected: the blobs that stay where they are.
    unresolved: what may read others, as sentences. times: how often a blob is read on a day on which it is, as a
    person says or else as Monitor counted."""

    account: Account
    policy: Mapping[str, Any] | None
    protected: tuple[Protected, ...]
    unresolved: tuple[str, ...]
    rates: Rates
    times: float | Counted | Uncounted


def look(
    azure: Azure,
    estate: Estate,
    name: str | None,
    now: datetime,
    protect: Sequence[Protected] = (),
    horizon_days: int = HORIZON_DAYS,
    currency: str = "USD",
    read: Reading | None = None,
) -> Seen:
    """The account of that name, or the only one there is; prices in `currency`, as Azure publishes them in it.

    read: what `everything_read` found, for whoever looks at several accounts.
    Raises DataError where nothing can be planned for it, and says why; UsageError where --protect names a container
    that the account does not have."""
    id = the_one(estate, name)  # noqa: A001
    try:
        service = azure.get(f"{id}/blobServices/default", STORAGE_VERSION)
    except AzureError:
        service = None
    found = account(azure.get(id, STORAGE_VERSION), service)
    if found.refusal:
        raise DataError(f"Nothing is planned for {found.name}: {found.refusal}.", "")
    prices = rates(
        azure.retail_prices(filter_for(found.region), currency),
        found.region,
        found.redundancy,
        found.hns,
        now,
        currency,
        created=found.created,
        until=now + timedelta(days=horizon_days),
    )
    if not isinstance(prices, Rates):
        raise DataError(f"Nothing is planned for {found.name}: {prices.reason}.", "")
    containers = list(azure.pages(f"{id}/blobServices/default/containers", STORAGE_VERSION))
    _there(found.name, containers, protect)
    who = (read or everything_read(azure, estate)).of(found)
    return Seen(
        found,
        azure.state_of(f"{id}/managementPolicies/default", STORAGE_VERSION),
        (*protect, *protected_containers(containers), *who.protected),
        who.unresolved,
        prices,
        counted(azure, found, now),
    )


def everything_read(azure: Azure, estate: Estate) -> Reading:
    """What jobs, schedules and deployments read of any account."""
    return reading(estate, assets(azure, estate))


def _there(account: str, containers: Sequence[Mapping[str, Any]], protect: Sequence[Protected]) -> None:
    names = sorted(str(each.get("name")) for each in containers)
    for each in protect:
        if each.container and each.container not in names:
            near = difflib.get_close_matches(each.container, names, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names[:10]) or 'none'}."
            # What stands in the settings is not what somebody just wrote: other accounts go on.
            fault = UsageError if each.source == "--protect" else DataError
            raise fault(f"{account} has no container '{each.container}' to protect.", hint)


def the_one(estate: Estate, name: str | None) -> str:
    """The id of the account of that name (or id). An account's name is its own in all of Azure."""
    ids = {each.id.rpartition("/")[2]: str(each.body.get("id") or each.id) for each in estate.of_type(ACCOUNTS)}
    if name is None:
        if len(ids) != 1:
            known = ", ".join(sorted(ids)[:10]) or "none"
            raise UsageError(f"There are {len(ids)} storage accounts ({known}).", "Name one: --account NAME.")
        return next(iter(ids.values()))
    wanted = name.strip().rstrip("/").rpartition("/")[2].lower()
    if wanted not in ids:
        near = difflib.get_close_matches(wanted, ids, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(ids)[:10]) or 'none'}."
        raise UsageError(f"There is no storage account '{name}' that can be read.", hint)
    return ids[wanted]
