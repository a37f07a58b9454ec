"""One account planned from what Azure tells now: what it is, its inventory, the rules or moves, and what they save."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from finops.errors import UsageError
from finops.tiering.fetching import inventory_of as fetched
from finops.tiering.inventory import read_inventory
from finops.tiering.looking import Seen, look, the_one
from finops.tiering.model import Protected
from finops.tiering.plan import best, plan

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.estate import Estate
    from finops.tiering.inventory import Inventory
    from finops.tiering.optimum import Optimum
    from finops.tiering.plan import TierPlan
    from finops.tiering.readers import Reading


@dataclass(frozen=True)
class Reckoned:
    """A plan with what it was made of."""

    plan: TierPlan
    seen: Seen
    optimum: Optimum


def seen_of(
    azure: Azure, settings: Settings, estate: Estate, name: str | None, now: datetime, protect: Sequence[str] = (),
    read: Reading | None = None,
) -> Seen:  # fmt: skip
    """What Azure tells of one account, with what `protect` and the settings protect in it: CONTAINER[/PREFIX].

    read: as `look` takes it
    """
    own, found = settings.tiering, the_one(estate, name)
    account = found.rpartition("/")[2]
    kept = [_protected(text, "--protect") for text in protect]
    kept += [_protected(text, "tiering.protect") for text in _own(own.protect, account, [])]
    seen = look(azure, estate, found, now, kept, currency=own.currency, read=read)
    return replace(seen, times=_own(own.reads_a_day, account, seen.times))


def _own(told: Mapping[str, Any], account: str, usual: Any) -> Any:
    """What a setting says of an account, whose name has no case."""
    return next((told[each] for each in told if each.lower() == account.lower()), usual)


@contextmanager
def inventory_of(azure: Azure, seen: Seen, paths: Sequence[Path], now: datetime) -> Iterator[Inventory]:
    """The inventory in `paths`, or else the account's own."""
    with TemporaryDirectory(prefix="finops-tier-") as folder:
        if paths:
            with read_inventory(paths, seen.account.name, now, Path(folder)) as inventory:
                yield inventory
            return
        with fetched(azure, seen.account, now, Path(folder)) as inventory:
            yield inventory


@contextmanager
def reckoned(azure: Azure, seen: Seen, paths: Sequence[Path], now: datetime) -> Iterator[Reckoned]:
    """The plan of one account. Its tables are there while the block runs."""
    with inventory_of(azure, seen, paths, now) as inventory:
        chosen = best(seen.account, inventory, seen.rates, seen.protected, seen.unresolved, times=seen.times)
        made = plan(seen.account, inventory, seen.rates, chosen, seen.policy, seen.protected, seen.unresolved)
        yield Reckoned(made, seen, chosen)


def _protected(text: str, by: str) -> Protected:
    container, _, prefix = text.partition("/")
    if not container:
        raise UsageError(f"{by} '{text}' names no container.", "Write it as container, or container/folder/.")
    return Protected(container, prefix, f"protected by {by} {text}", by)
