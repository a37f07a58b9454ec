"""What a blob costs in each tier until a horizon, as SQL over one row, so that a database reckons it for all blobs.

Keeping: what it is billed as, for so many days. Reading: as often as is forecast. Moving: the operations, reading it out
of a cooler tier, and what is left of the days that its tier asks for. Out of Archive a blob is read by rehydrating it to
Hot, where it then stays; if that comes early, the rest of Archive's days is charged too. Agrees with rates.py, which
reckons exactly, to the digits of a double; its tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from finops.tiering.model import EARLY_DAYS, GB, TIERS, Rates, TierRates
from finops.tiering.rates import READ_BLOCK

# Days in a month, wherever Microsoft's pages reckon with days.
MONTH = 30

# Days until a blob has served Archive's minimum.
SETTLED = EARLY_DAYS["Archive"]


def columns(rates: Rates, targets: Sequence[str], held: Mapping[str, Decimal], horizon: int) -> dict[str, str]:
    """SQL for a row of tier, bytes, served, reads, chance, rest, settling: for each tier in lower case, `month_*`
    (keeping it there for a month), `once_*` (moving it there), `back_*` (reading all of it once), and `cost_*` (all of
    it until the horizon, reads as forecast); NULL where it cannot go.

    targets: where blobs may go. held: GB in each tier, which decides what a GB costs.
    """
    found: dict[str, str] = {}
    for tier in TIERS:
        name = tier.lower()
        of = rates.tiers.get(tier)
        if of is None:
            found |= {f"{each}_{name}": "CAST(NULL AS DOUBLE)" for each in ("month", "once", "back", "cost")}
            continue
        month = f"{_billed(of)} * {_price(of, held)}"
        once = _once(rates, tier, targets)
        found[f"month_{name}"], found[f"once_{name}"] = month, once
        found[f"back_{name}"] = _back(rates, tier)
        if tier == "Archive":
            kept = _archived(rates, month, held, horizon)
        else:
            kept = f"{month} * {horizon / MONTH!r} + reads * ({_read(rates, of)})"
        found[f"cost_{name}"] = f"{kept} + {once}"
    return found


def _once(rates: Rates, tier: str, targets: Sequence[str]) -> str:
    """Moving it to a tier from where it is."""
    cases = [f"WHEN '{tier}' THEN 0.0"]
    for before, source in rates.tiers.items():
        if before in (tier, "Archive") or tier not in targets:
            continue
        target = rates.tiers[tier]
        cooler = TIERS.index(tier) > TIERS.index(before)
        moving = _linear(target.write_10k, target.write_gb) if cooler else _linear(source.read_10k, source.retrieval_gb)
        if source.early_days:
            left = f"coalesce(greatest({source.early_days} - served, 0), 0)"
            moving += f" + {_billed(source)} * {_number(source.early_rate)} * {left} / {MONTH}.0"
        cases.append(f"WHEN '{before}' THEN {moving}")
    return f"CASE tier {' '.join(cases)} END"


def _archived(rates: Rates, month: str, held: Mapping[str, Decimal], horizon: int) -> str:
    """Keeping it in Archive until it is read, then in Hot."""
    archive, hot = rates.tiers["Archive"], rates.tiers.get("Hot")
    days = archive.early_days
    asked = f"CASE WHEN tier = 'Archive' THEN coalesce(greatest({days} - served, 0), 0) / {days}.0 ELSE 1 END"
    early = f"{_billed(archive)} * {_number(archive.early_rate)} * ({days} - settling) / {MONTH}.0 * {asked}"
    read = f"chance * ({_linear(archive.read_10k, archive.retrieval_gb)})"
    after = "0"
    if hot is not None:
        kept = f"{_billed(hot)} * {_price(hot, held)} * ({horizon} - rest) / {MONTH}.0"
        after = f"{kept} + greatest(reads - chance, 0) * ({_read(rates, hot)})"
    return f"{month} * rest / {MONTH}.0 + {read} + {early} + {after}"


def _back(rates: Rates, tier: str) -> str:
    """Reading all of it once, straight after moving it there; from Archive that ends its stay early."""
    of = rates.tiers[tier]
    if tier != "Archive":
        return _read(rates, of)
    left = (
        f"CASE WHEN tier = 'Archive' THEN coalesce(greatest({of.early_days} - served, 0), 0) ELSE {of.early_days} END"
    )
    early = f"{_billed(of)} * {_number(of.early_rate)} * ({left}) / {MONTH}.0"
    return f"{_linear(of.read_10k, of.retrieval_gb)} + {early}"


def _read(rates: Rates, of: TierRates) -> str:
    """One read of all of it, online."""
    number = f"greatest(ceil(bytes / {READ_BLOCK}.0), 1) * " if rates.hns else ""
    return f"{number}{_number(of.read_10k / 10_000)} + bytes * {_number(of.retrieval_gb / GB)}"


def _linear(each_10k: Decimal, each_gb: Decimal) -> str:
    return f"{_number(each_10k / 10_000)} + bytes * {_number(each_gb / GB)}"


def _billed(of: TierRates) -> str:
    """GB that it is billed as."""
    size = f"greatest(bytes, {of.min_bytes})" if of.min_bytes else "bytes"
    return f"{size} / {GB}.0"


def _price(of: TierRates, held: Mapping[str, Decimal]) -> str:
    return _number(of.stored_at(held.get(of.tier, Decimal(0))))


def _number(amount: Decimal) -> str:
    """As a double, whatever its digits."""
    return f"{float(amount):.17e}"
