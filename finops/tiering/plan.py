"""What tiering an account would do, save and cost: few lifecycle rules, held against the optimum and against today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

from finops.errors import DataError
from finops.tiering.access import learn
from finops.tiering.counting import Counted, Often, Uncounted, weighed
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.model import Account, Aged, Aside, Protected, Rates, spread
from finops.tiering.optimum import ARCHIVE_CHANCE, HORIZON_DAYS, Move, Optimum, optimum
from finops.tiering.policy import is_ours, merged, rules_in
from finops.tiering.rules import LIMIT, LifecycleRule, Ruleset, compress
from finops.tiering.waking import APPROVAL, GOES_ON, Waking, waking

if TYPE_CHECKING:
    from finops.tiering.inventory import Inventory

_OPERATIONS = Decimal(10_000)
# No chance is as small: no blob that is elsewhere may go to Archive.
_NEVER = -1.0


@dataclass(frozen=True)
class TierPlan:
    """What would be done to one account. Money in `currency`; of the blobs that are old enough now, if not said else.

    blobs, bytes: of the whole inventory, which is as of `as_of`. basis: "last access" or "modification", what ages
    count from. confidence: of the forecast of reads.
    Where the basis is modification, nothing is known of reads: confidence, reads, net, stay, optimum, share, coming
    and of_today are None, payback_days is without reads, and what rules and moves save is by writes taken for reads,
    not to be told. See `unread`.
    month: what keeping them costs less, a month. once: what moving them costs. reads: what reading them is expected to
    cost more until the horizon. net: what all this saves until then. worst: what reading all of them back once would
    cost more than now. payback_days: until `once` is earned again, by what is saved less expected reads; None: never.
    stay: what the considered blobs cost until the horizon if nothing is done. optimum: what deciding blob by blob would
    save. share: of it kept by the rules, None where it saves nothing. coming: what blobs that grow old enough until
    the horizon are expected to save besides.
    policy: the whole policy to write, None where it is refused or nothing is to be written. kept: the names of other
    people's rules in it. replaced: of ours that are in force now.
    refusals: why it must not be carried out. unresolved: what may read blobs that cannot be told. no_archive: why
    nothing is archived, "" where something may be. notes: what is to be known beside the figures.
    noting_month: what noting reads costs a month with the tracking that is on, None where it is off or has no price.
    fingerprint: of what it does and what it was reckoned from.
    aged: what is considered, by age, as it is and as the rules leave it at once.
    often: how often a blob is read on a day on which it is, None where reads are not noted. bearable: how often it may
    be until the rules, with what is coming, save nothing; None: however often.
    waking: what bringing blobs out of Archive takes, None where Archive has no price.
    """

    account: Account
    currency: str
    as_of: datetime
    basis: str
    confidence: float | None
    horizon_days: int
    blobs: int
    bytes: int
    month: Decimal
    once: Decimal
    reads: Decimal | None
    net: Decimal | None
    worst: Decimal
    payback_days: int | None
    stay: Decimal | None
    optimum: Decimal | None
    share: Decimal | None
    coming: Decimal | None
    moves: tuple[Move, ...]
    rules: tuple[LifecycleRule, ...]
    policy: Mapping[str, Any] | None
    kept: tuple[str, ...]
    replaced: tuple[str, ...]
    aside: tuple[Aside, ...]
    refusals: tuple[str, ...]
    unresolved: tuple[str, ...]
    no_archive: str
    notes: tuple[str, ...]
    noting_month: Decimal | None
    fingerprint: str
    aged: tuple[Aged, ...] = ()
    often: Often | None = None
    bearable: Decimal | None = None
    waking: Waking | None = None

    @property
    def moved_blobs(self) -> int:
        return sum(move.blobs for move in self.moves)

    @property
    def moved_bytes(self) -> int:
        return sum(move.bytes for move in self.moves)

    @property
    def worst_high(self) -> Decimal | None:
        """`worst` with what is in Archive read back at high priority; None where nothing goes there at once."""
        return self.waking.urgent(self.moves) if self.waking else None

    @property
    def of_today(self) -> Decimal | None:
        """The share of what the considered blobs cost that is saved until the horizon, None where they cost nothing."""
        if self.net is None or not self.stay:
            return None
        return (self.net / self.stay).quantize(Decimal("0.0001"))

    @property
    def unread(self) -> Decimal:
        """What is saved until the horizon if nothing that was moved is read."""
        return _kept(self.month, self.horizon_days) - self.once


def best(
    account: Account,
    inventory: Inventory,
    rates: Rates,
    protected: Sequence[Protected] = (),
    unresolved: Sequence[str] = (),
    horizon_days: int = HORIZON_DAYS,
    times: float | Counted | Uncounted = 1.0,
) -> Optimum:
    """The cheapest tier of every blob, where nothing is archived that may be wanted at once. times: how often a blob is
    read on a day on which it is, or what Monitor counted."""
    chance = _NEVER if barred(inventory, unresolved) else ARCHIVE_CHANCE
    access, often = weighed(learn(inventory), inventory, times)
    return replace(optimum(inventory, rates, access, account, protected, horizon_days, chance), often=often)


def barred(inventory: Inventory, unresolved: Sequence[str]) -> str:
    """Why nothing is archived, as a clause; "" where something may be."""
    if unresolved:
        return "what reads its blobs cannot be told"
    if inventory.unproven:
        return "the inventory cannot be known to be whole"
    if untold := [name for name in ("LeaseState", "LegalHold") if name in inventory.absent]:
        return f"the inventory does not tell {' and '.join(untold)}, so that what is in use or held cannot be told"
    return "" if inventory.basis == LAST_ACCESS else "reads are not noted, only writes"


def plan(
    account: Account,
    inventory: Inventory,
    rates: Rates,
    chosen: Optimum,
    existing: Mapping[str, Any] | None = None,
    protected: Sequence[Protected] = (),
    unresolved: Sequence[str] = (),
    limit: int = LIMIT,
) -> TierPlan:
    """chosen: as `best` found it. existing: the account's management policy as ARM gives it, None where it has none."""
    found = compress(chosen, rates, account.id, protected, limit)
    month, once, reads = (_sum(found.moves, figure) for figure in ("month", "once", "reads"))
    known = chosen.basis == LAST_ACCESS
    gained = found.saving + once if known else _kept(month, chosen.horizon_days)
    now = rules_in(existing)
    others = [str(rule["name"]) for rule in now if not is_ours(rule, account.id)]
    policy, refusals = _policy(account, existing, found.rules, chosen.basis, found.saving + found.coming)
    seal = {
        "account": account.id,
        "existing": now,
        "rules": [rule.body() for rule in found.rules],
        "as_of": inventory.as_of.isoformat(),
        "blobs": inventory.blobs,
        "bytes": inventory.bytes,
        "moves": [(move.before, move.after, move.blobs, move.bytes, str(move.net)) for move in found.moves],
    }
    return TierPlan(
        account=account,
        currency=chosen.currency,
        as_of=inventory.as_of,
        basis=chosen.basis,
        confidence=chosen.confidence if known else None,
        horizon_days=chosen.horizon_days,
        blobs=inventory.blobs,
        bytes=inventory.bytes,
        month=month,
        once=once,
        reads=reads if known else None,
        net=found.saving if known else None,
        worst=_sum(found.moves, "worst"),
        payback_days=_payback(once, gained, chosen.horizon_days),
        stay=chosen.stay if known else None,
        optimum=found.optimum_saving if known else None,
        share=found.share if known else None,
        coming=found.coming if known else None,
        moves=found.moves,
        rules=found.rules,
        policy=policy,
        kept=tuple(others),
        replaced=tuple(str(rule["name"]) for rule in now if is_ours(rule, account.id)),
        aside=_aside(chosen.aside, found.empty),
        refusals=refusals,
        unresolved=tuple(unresolved),
        no_archive=barred(inventory, unresolved),
        notes=(
            *_unrecorded(account, known),
            *_unmatched(chosen, protected),
            *_tagged(chosen, rates, found.rules),
            *_notes(inventory, rates, found.empty, others),
            *_often(chosen, found),
            *_to_come(found),
            *_lasting(found.rules, rates),
        ),
        noting_month=_noting(chosen, rates) if account.tracking else None,
        fingerprint=hashlib.sha256(json.dumps(seal, sort_keys=True).encode()).hexdigest(),
        aged=found.aged,
        often=chosen.often,
        bearable=found.bearable,
        waking=waking(rates),
    )


def _aside(aside: Sequence[Aside], moved: int) -> tuple[Aside, ...]:
    """What is not considered, without the empty blobs that rules move with the others: those are among the moves."""
    of = [replace(each, blobs=each.blobs - moved) if each.reason == "empty" else each for each in aside]
    return tuple(each for each in of if each.blobs)


def _policy(
    account: Account, existing: Mapping[str, Any] | None, rules: Sequence[LifecycleRule], basis: str, saving: Decimal
) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
    """The policy to write, or why there is none to write."""
    if not rules:
        return None, ()
    refusals = []
    if saving <= 0:
        refusals.append("The rules would cost more than they save.")
    if basis == LAST_ACCESS and not account.tracking:
        refusals.append(
            "The rules count from the last access, and the account does not note it any more. "
            "Turn last access tracking on again."
        )
    try:
        policy = merged(existing, rules, account.id)
    except DataError as fault:
        refusals.append(str(fault))
    return (None if refusals else policy), tuple(refusals)


def _to_come(found: Ruleset) -> tuple[str, ...]:
    if not found.rules or found.moves:
        return ()
    coming = f"{found.coming:,.2f} {found.currency} in {found.horizon_days} days"
    return (f"No blob is old enough yet: nothing is moved at once. Those that grow old enough are to save {coming}.",)


def _kept(month: Decimal, horizon: int) -> Decimal:
    return spread(month, horizon).quantize(Decimal("0.000001"))


def _unrecorded(account: Account, known: bool) -> tuple[str, ...]:
    if known:
        return ()
    if account.tracking:
        return (
            "The account notes reads and the inventory lacks them: add LastAccessTime to its fields, then plan again.",
        )
    return (
        "Turn last access tracking on first and plan again after 30 days: then what is read can be told from the rest.",
    )


def _often(chosen: Optimum, found: Ruleset) -> tuple[str, ...]:
    if chosen.often is None:
        return ()
    if not found.rules or found.bearable is None:
        return (chosen.often.said,)
    return (chosen.often.said, f"The rules save nothing any more where it is {found.bearable:,.0f} reads or more.")


def _unmatched(chosen: Optimum, protected: Sequence[Protected]) -> tuple[str, ...]:
    """What a person asked to protect and is not there: a name spelled wrong would protect nothing, unseen."""
    found = []
    for each in protected:
        if each.source != "--protect":
            continue
        beginning = f"{each.container}/{each.prefix}"
        if not chosen.connection.execute(
            "SELECT 1 FROM used WHERE starts_with(path, $1) LIMIT 1", [beginning]
        ).fetchall():
            found.append(f"No blob is {each.reason}.")
    return tuple(found)


def _payback(once: Decimal, gained: Decimal, horizon: int) -> int | None:
    """Whole days until `once` is earned again, if `gained` comes in evenly until the horizon."""
    if gained <= 0:
        return None
    return int((once * horizon / gained).to_integral_value(ROUND_CEILING))


def _notes(inventory: Inventory, rates: Rates, empty: int, others: Sequence[str]) -> tuple[str, ...]:
    found = []
    if inventory.unproven:
        found.append(f"The inventory cannot be known to be whole: {inventory.unproven}.")
    if inventory.absent:
        found.append(f"The inventory lacks {', '.join(inventory.absent)}: what they would tell is taken to be unset.")
    if empty:
        found.append(f"{empty:,} blobs without content are moved with the others, at the price of the operations.")
    if others:
        found.append(f"What the rules of others do ({', '.join(others)}) is not in the figures.")
    return (*found, *rates.missing)


def _lasting(rules: Sequence[LifecycleRule], rates: Rates) -> tuple[str, ...]:
    """What the rules go on doing, and what Archive means.

    https://learn.microsoft.com/azure/storage/blobs/archive-rehydrate-overview#lifecycle-management
    """
    found = [GOES_ON] if rules else []
    archiving = [rule for rule in rules if any(tier == "Archive" for tier, _ in rule.days)]
    if not archiving:
        return tuple(found)
    prices = waking(rates)
    found += [*([prices.said] if prices else []), APPROVAL]
    if not any(rule.basis == LAST_ACCESS for rule in archiving):
        return tuple(found)
    return (
        *found,
        "Who takes a blob out of Archive has to read it within the day, to copy it instead, or to have its prefix "
        "protected first: rehydrating is no access, and the rules would archive it again.",
    )


def _tagged(chosen: Optimum, rates: Rates, rules: Sequence[LifecycleRule]) -> tuple[str, ...]:
    """What index tags cost, where rules ask for some. They cost the same in every tier, so that no move changes it."""
    names = dict.fromkeys(name for rule in rules for name, _ in rule.tags)
    if not names:
        return ()
    tags = "sum(CASE WHEN json_valid(tags) THEN len(json_keys(tags)) END)"
    count = int(chosen.connection.execute(f"SELECT {tags} FROM fields WHERE tags IS NOT NULL").fetchall()[0][0] or 0)
    price = next((of.tags_10k_month for of in rates.tiers.values() if of.tags_10k_month is not None), None)
    cost = "" if price is None else f" They cost about {count * price / _OPERATIONS:,.2f} {rates.currency} a month."
    return (
        f"Rules ask for the index tag {', '.join(names)}: a blob that is not tagged so, or no longer, is not moved by "
        f"them. The account keeps {count:,} tags.{cost}",
    )


def _noting(chosen: Optimum, rates: Rates) -> Decimal | None:
    """Azure charges one other operation for noting a read:
    https://learn.microsoft.com/azure/storage/blobs/lifecycle-management-overview#move-data-based-on-last-accessed-time"""
    rows = chosen.connection.execute(f"SELECT tier, sum(reads) FROM {chosen.cells} GROUP BY tier").fetchall()
    times = chosen.access.times if chosen.access else 1.0
    total = Decimal(0)
    for tier, reads in rows:
        price = rates.tiers[tier].other_10k if tier in rates.tiers else None
        if price is None and reads:
            return None
        total += Decimal(str((reads or 0) / times)) * (price or 0) / _OPERATIONS
    return (total / spread(Decimal(1), chosen.horizon_days)).quantize(Decimal("0.000001"))


def _sum(moves: Sequence[Move], figure: str) -> Decimal:
    return sum((getattr(move, figure) for move in moves), Decimal(0))
