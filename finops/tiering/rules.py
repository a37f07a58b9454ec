"""Few lifecycle rules in place of a decision for each blob, and how much of the optimum's saving they keep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.model import TIERS, Aged, spread
from finops.tiering.optimum import Move
from finops.tiering.schema import AGES, RESTS_DAYS

if TYPE_CHECKING:
    from finops.tiering.cover import Chosen, Ground, Shape
    from finops.tiering.model import Protected, Rates
    from finops.tiering.optimum import Optimum
    from finops.tiering.yields import Yields

LIMIT = 10

# Younger blobs may be temporary: what is deleted soon is not in an inventory for long, yet would pay for leaving early.
SOONEST = 7

# Where reads are not noted: a blob that was written lately is often read every day, and nothing would tell.
SOONEST_UNREAD = 30

# A rule that saves less than this share of the optimum is not worth a line of somebody's policy.
LEAST_SHARE = 0.001

CONDITIONS = {True: "daysAfterLastAccessTimeGreaterThan", False: "daysAfterModificationGreaterThan"}

# So many digits of a rule's content in its name tell what we wrote from what somebody else named alike, or changed.
SEAL_DIGITS = 10


@dataclass(frozen=True)
class LifecycleRule:
    """One rule of a management policy. prefixes: of container/name; none: the whole account.

    days: after how many days without use (by `basis`) a blob goes to a tier, for each tier that it is for.
    tags: index tags that it asks for, name and value; none: whatever blobs are tagged with.
    saving: until the horizon, of the blobs that are old enough now. blobs, bytes: of these.
    """

    name: str
    prefixes: tuple[str, ...]
    basis: str
    days: tuple[tuple[str, int], ...]
    saving: Decimal
    blobs: int
    bytes: int
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def takes(self) -> str:
        """What blobs it is for, in words."""
        asked = " and ".join(f"{name} = {value}" for name, value in self.tags)
        return (", ".join(self.prefixes) or "the whole account") + (f"; index tag {asked}" if asked else "")

    def body(self) -> dict[str, Any]:
        """As Azure takes it."""
        condition = CONDITIONS[self.basis == LAST_ACCESS]
        actions: dict[str, Any] = {f"tierTo{tier}": {condition: days} for tier, days in self.days}
        if "tierToArchive" in actions and self.basis != LAST_ACCESS:
            # Azure takes it beside the age since modification alone, and refuses it beside the last access.
            # https://learn.microsoft.com/python/api/azure-mgmt-storage/azure.mgmt.storage.models.dateaftermodification
            actions["tierToArchive"]["daysAfterLastTierChangeGreaterThan"] = RESTS_DAYS
        filters: dict[str, Any] = {"blobTypes": ["blockBlob"]}
        if self.prefixes:
            filters["prefixMatch"] = list(self.prefixes)
        if self.tags:
            filters["blobIndexMatch"] = [{"name": name, "op": "==", "value": value} for name, value in self.tags]
        definition = {"filters": filters, "actions": {"baseBlob": actions}}
        return {"enabled": True, "name": self.name, "type": "Lifecycle", "definition": definition}


def seal(body: Mapping[str, Any], account: str) -> str:
    """Digits of a rule's content, however Azure gives it back: its order of fields, 30.0 for 30, null for nothing.

    account: the name or the id of the one that it was written for: a copy on another one is not ours there
    """
    content = [body.get("enabled") is not False, str(body.get("type")).lower(), _plain(body.get("definition"))]
    content.append(account.rpartition("/")[2].lower())
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:SEAL_DIGITS]


def named(rule: LifecycleRule, account: str) -> LifecycleRule:
    """With its name, which says what it does and seals it for an account."""
    days = "-".join(f"{tier.lower()}{number}" for tier, number in rule.days)
    return replace(rule, name=f"finops-{days}-{seal(rule.body(), account)}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Ruleset:
    """Rules that together save `saving` until the horizon, of `optimum_saving` that deciding blob by blob would save.

    share: of the optimum, None where that saves nothing. moves: what the rules move at once. coming: what they are
    expected to save besides until the horizon, by blobs that grow old enough meanwhile. empty: blobs without content
    that are moved with the others; what that costs is counted. closed: beginnings of paths that no rule takes.
    aged: all that is considered, by age, as it is and as the rules leave it at once. bearable: how often a blob may be
    read on a day on which it is until nothing is saved; None: however often.
    """

    rules: tuple[LifecycleRule, ...]
    currency: str
    horizon_days: int
    saving: Decimal
    optimum_saving: Decimal
    share: Decimal | None
    coming: Decimal
    moves: tuple[Move, ...]
    empty: int
    closed: tuple[str, ...]
    aged: tuple[Aged, ...] = ()
    bearable: Decimal | None = None


def compress(
    optimum: Optimum,
    rates: Rates,
    account: str,
    protected: Sequence[Protected] = (),
    limit: int = LIMIT,
    soonest: int | None = None,
) -> Ruleset:
    """The rules that save most, at most `limit` of them. No rule takes what is protected, held or leased.

    account: its name or id. soonest: days without use before which no rule moves a blob; None: by whether reads are
    noted.
    """
    import numpy as np

    from finops.tiering import cover
    from finops.tiering.lasting import Lasting
    from finops.tiering.yields import yields

    if soonest is None:
        soonest = SOONEST if optimum.basis == LAST_ACCESS else SOONEST_UNREAD
    rows = yields(optimum, rates, protected)
    saved, barred, usable = _saved(rows)
    ground = cover.ground(rows.areas, saved, barred, rows.closed)
    least = max(float(optimum.saving) * LEAST_SHARE, 0.01)
    shapes = cover.shapes(soonest, usable)
    chosen = cover.cover(ground, shapes, limit, least) if rows.areas else []
    lasting = Lasting(optimum, rates, rows, ground) if chosen and optimum.basis == LAST_ACCESS else None
    if lasting:
        chosen = lasting.better(chosen, shapes, least)
    state = cover.state_of(ground, chosen)
    tier = _tier_in(state[rows.area], rows.age) if rows.areas else rows.tier
    after = np.maximum(tier, rows.tier)
    moved = after > rows.tier
    made = []
    for rule in chosen:
        mine = moved & _taken(ground, rule)[rows.area] & (_tier_in(np.array([rule.shape]), rows.age) == tier)
        made.append(named(_rule(rule, ground, rows, mine, after, optimum.basis), account))
        moved = moved & ~mine
    moved = after > rows.tier
    saving = _money(_difference(rows.cost, rows, after, moved).sum())
    return Ruleset(
        tuple(made),
        optimum.currency,
        optimum.horizon_days,
        saving,
        optimum.saving,
        (saving / optimum.saving).quantize(Decimal("0.0001")) if optimum.saving > 0 else None,
        _money(lasting.saved(chosen) - float(saving)) if lasting else Decimal(0),
        _moves(rows, after, moved, optimum.horizon_days),
        int(rows.blobs[moved & (rows.bytes == 0)].sum()),
        rows.closed,
        _aged(rows, after),
        lasting.bearable(chosen) if lasting and chosen else None,
    )


def _saved(rows: Yields) -> tuple[Any, Any, list[str]]:
    """Areas x ages x 3: what cooling to Cool, Cold, Archive saves, where it is barred; the tiers that can be used."""
    import numpy as np

    shape = (len(rows.areas), len(AGES), 3)
    saved, barred = np.zeros(shape), np.zeros(shape, bool)
    usable = []
    for number, tier in enumerate(TIERS[1:], 1):
        after = np.maximum(rows.tier, number)
        gain = _difference(rows.cost, rows, after, after > rows.tier)
        unknown = np.isnan(gain)
        np.add.at(saved, (rows.area, rows.age, number - 1), np.where(unknown, 0.0, gain))
        np.logical_or.at(barred, (rows.area, rows.age, number - 1), unknown)
        if (~unknown & (after > rows.tier)).any():
            usable.append(tier)
    return saved, barred, usable


def _difference(figure: Any, rows: Yields, after: Any, moved: Any) -> Any:
    """What a figure falls by for each row, 0 where nothing is moved."""
    import numpy as np

    each = np.arange(len(rows.area))
    return np.where(moved, figure[each, rows.tier] - figure[each, after], 0.0)


def _tier_in(state: Any, age: Any) -> Any:
    """The coldest tier whose age is reached, as a number of TIERS."""
    import numpy as np

    return np.where(age >= state[..., 2], 3, np.where(age >= state[..., 1], 2, np.where(age >= state[..., 0], 1, 0)))


def _taken(ground: Ground, rule: Chosen) -> Any:
    """Whether each area is taken by a rule."""
    import numpy as np

    taken = np.zeros(len(ground.areas), bool)
    for node in rule.nodes:
        taken |= ground.takes(node, rule.tag)
    return taken


def _rule(rule: Chosen, ground: Ground, rows: Yields, mine: Any, after: Any, basis: str) -> LifecycleRule:
    return LifecycleRule(
        "",
        tuple(prefix for prefix in sorted(ground.nodes[node] for node in rule.nodes) if prefix),
        basis,
        _days(rule.shape),
        _money(_difference(rows.cost, rows, after, mine).sum()),
        int(rows.blobs[mine].sum()),
        int(rows.bytes[mine].sum()),
        _tags(ground.tags[rule.tag]),
    )


def _tags(text: str) -> tuple[tuple[str, str], ...]:
    name, is_one, value = text.partition("=")
    return ((name, value),) if is_one else ()


def _days(shape: Shape) -> tuple[tuple[str, int], ...]:
    return tuple((tier, AGES[age]) for tier, age in zip(TIERS[1:], shape, strict=True) if age < len(AGES))


def _moves(rows: Yields, after: Any, moved: Any, horizon: int) -> tuple[Move, ...]:
    found = []
    for before, source in enumerate(TIERS):
        for number in range(before + 1, len(TIERS)):
            some = moved & (rows.tier == before) & (after == number)
            if not some.any():
                continue
            month = float(_difference(rows.month, rows, after, some).sum())
            once, net = float(rows.once[some, number].sum()), float(_difference(rows.cost, rows, after, some).sum())
            worst = -float(_difference(rows.back, rows, after, some).sum())
            money = (_money(each) for each in (month, once, spread(month, horizon) - once - net, net, worst))
            found.append(Move(source, TIERS[number], int(rows.blobs[some].sum()), int(rows.bytes[some].sum()), *money))
    return tuple(sorted(found, key=lambda move: (-move.net, move.before, move.after)))


def _aged(rows: Yields, after: Any) -> tuple[Aged, ...]:
    import numpy as np

    shape = (len(AGES), len(TIERS), len(TIERS))
    blobs, size = np.zeros(shape), np.zeros(shape)
    np.add.at(blobs, (rows.age, rows.tier, after), rows.blobs)
    np.add.at(size, (rows.age, rows.tier, after), rows.bytes)
    return tuple(
        Aged(AGES[age], TIERS[before], TIERS[to], int(blobs[age, before, to]), int(size[age, before, to]))
        for age, before, to in np.argwhere(blobs > 0).tolist()
    )


def _money(amount: float) -> Decimal:
    """To a millionth: sums of doubles differ below it from run to run."""
    return Decimal(str(round(float(amount), 6)))
