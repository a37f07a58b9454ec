"""What blobs cost in each tier until a horizon, as SQL that a database reckons for one blob or for the sum of many.

Keeping: what they are billed as, for so many days. Reading: as often as is forecast. Moving: the operations, reading
them out of a cooler tier, and what is left of the days that their tier asks for. Out of Archive blobs are read by
rehydrating them to Hot, where they then stay; if that comes early, the rest of Archive's days is charged too.

Every cost is linear in a few sums (`Terms`), so what is right for one blob is right for all blobs of one forecast and
tier together. Agrees with rates.py, which reckons exactly, to the digits of a double; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finops.errors import DataError
from finops.tiering.model import EARLY_DAYS, EARLY_MONTH_DAYS, GB, TIERS, Rates, TierRates, spread
from finops.tiering.rates import READ_BLOCK

# Days until a blob has served Archive's minimum.
SETTLED = EARLY_DAYS["Archive"]


@dataclass(frozen=True)
class Terms:
    """SQL for what costs are linear in.

    blobs: how many. gb: theirs. billed: GB that they are billed as where small ones count for more. remaining: those
    times the days left of their tier's minimum. blocks: what one read of all of them counts as (blobs, but in an
    account with a hierarchical namespace).
    """

    blobs: str
    gb: str
    billed: str
    remaining: str
    blocks: str

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return ("blobs", "gb", "billed", "remaining", "blocks")

    @classmethod
    def only(cls, name: str, hns: bool) -> Terms:
        """1 of one of them, 0 of the others: what a cost then is, is its factor."""
        ones = {name} if hns or name != "blobs" else {"blobs", "blocks"}
        return cls(**{each: "1.0::DOUBLE" if each in ones else "0.0::DOUBLE" for each in cls.names()})


def of_blob(rates: Rates) -> Terms:
    """For a row of bytes, tier and served."""
    billed = f"greatest(bytes, {smallest(rates)}) / {GB}.0"
    days = " ".join(f"WHEN '{tier}' THEN {of.early_days}" for tier, of in rates.tiers.items() if of.early_days)
    left = f"CASE WHEN served IS NULL THEN 0.0 ELSE {billed} * greatest(CASE tier {days} ELSE 0 END - served, 0) END"
    blocks = f"greatest(ceil(bytes / {READ_BLOCK}.0), 1)" if rates.hns else "1.0"
    return Terms("1.0", f"bytes / {GB}.0", billed, left if days else "0.0", blocks)


def smallest(rates: Rates) -> int:
    """As how many bytes the tiers that have a smallest billed size bill a smaller blob."""
    sizes = {of.min_bytes for of in rates.tiers.values() if of.min_bytes}
    if len(sizes) > 1:
        raise DataError(f"The tiers bill small blobs as {sorted(sizes)} bytes.", "Report this: one size is expected.")
    return max(sizes, default=0)


def columns(
    rates: Rates, targets: Sequence[str], held: Mapping[str, Decimal], horizon: int, terms: Terms, part: float = 1.0
) -> dict[str, str]:
    """SQL for a row with tier, reads, chance, rest, settling (see access.forecast): for each tier in lower case,
    `month_*` (keeping them there for a month), `once_*` (moving them there), `back_*` (reading all of them once,
    straight after that) and `cost_*` (all of it until the horizon, with reads as forecast); NULL where they cannot go.

    targets: where blobs may go. held: GB in each tier, which decides what a GB costs. part: as of access.Access.
    """
    found: dict[str, str] = {}
    for tier in TIERS:
        name, of = tier.lower(), rates.tiers.get(tier)
        if of is None:
            found |= {f"{each}_{name}": "CAST(NULL AS DOUBLE)" for each in ("month", "once", "back", "cost")}
            continue
        month = f"{_billed(of, terms)} * {_price(of, held)}"
        once = _once(rates, tier, targets, terms)
        if tier == "Archive":
            kept = _archived(rates, month, held, horizon, terms, part)
        else:
            kept = f"{month} * {spread(1.0, horizon)!r} + reads * ({_read(of, terms, part)})"
        found |= {f"month_{name}": month, f"once_{name}": once, f"back_{name}": _back(of, terms)}
        found[f"cost_{name}"] = f"{kept} + {once}"
    return found


def _once(rates: Rates, tier: str, targets: Sequence[str], terms: Terms) -> str:
    """Moving them to a tier from where they are: to a colder one, as nothing is moved to a hotter tier."""
    cases, of = [f"WHEN '{tier}' THEN 0.0"], rates.tiers[tier]
    for before in TIERS[: TIERS.index(tier)] if tier in targets else ():
        if source := rates.tiers.get(before):
            early = f"{terms.remaining} * {_number(source.early_rate / EARLY_MONTH_DAYS)}"
            cases.append(f"WHEN '{before}' THEN {_linear(of.write_10k, of.write_gb, terms)} + {early}")
    return f"CASE tier {' '.join(cases)} END"


def _archived(rates: Rates, month: str, held: Mapping[str, Decimal], horizon: int, terms: Terms, part: float) -> str:
    """Keeping them in Archive until they are read, then in Hot."""
    archive, hot = rates.tiers["Archive"], rates.tiers.get("Hot")
    early = f"({_early(archive, terms)}) * (1 - settling / {SETTLED}.0)"
    read = f"chance * ({_linear(archive.read_10k, archive.retrieval_gb, terms)})"
    after = "0.0"
    if hot is not None:
        kept = f"{_billed(hot, terms)} * {_price(hot, held)} * ({horizon} - rest) * {spread(1.0, 1)!r}"
        after = f"{kept} + greatest(reads - chance, 0) * ({_read(hot, terms, part)})"
    return f"{month} * rest * {spread(1.0, 1)!r} + {read} + {early} + {after}"


def _back(of: TierRates, terms: Terms) -> str:
    if of.tier != "Archive":
        return _read(of, terms)
    return f"{_linear(of.read_10k, of.retrieval_gb, terms)} + {_early(of, terms)}"


def _early(archive: TierRates, terms: Terms) -> str:
    """Leaving Archive at once: all of its days if they have just come, else those that are left."""
    rate = archive.early_rate / EARLY_MONTH_DAYS
    here, just = f"{terms.remaining} * {_number(rate)}", f"{_billed(archive, terms)} * {_number(rate * SETTLED)}"
    return f"CASE WHEN tier = 'Archive' THEN {here} ELSE {just} END"


def _read(of: TierRates, terms: Terms, part: float = 1.0) -> str:
    """One read of all of them, online, or of a part of each: an operation at least."""
    each, less = of.read_10k / 10_000, Decimal(min(part, 1.0))
    operations = f"{terms.blocks} * {_number(each * less)}"
    if less < 1:
        operations += f" + {terms.blobs} * {_number(each * (1 - less))}"
    return f"{operations} + {terms.gb} * {_number(of.retrieval_gb * Decimal(part))}"


def _linear(each_10k: Decimal, each_gb: Decimal, terms: Terms) -> str:
    return f"{terms.blobs} * {_number(each_10k / 10_000)} + {terms.gb} * {_number(each_gb)}"


def _billed(of: TierRates, terms: Terms) -> str:
    return f"({terms.billed if of.min_bytes else terms.gb})"


def _price(of: TierRates, held: Mapping[str, Decimal]) -> str:
    return _number(of.stored_at(held.get(of.tier, Decimal(0))))


def _number(amount: Decimal) -> str:
    """As a double, whatever its digits."""
    return f"{float(amount):.17e}"
