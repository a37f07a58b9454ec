"""Why a blob, or all blobs below a prefix, should be in a tier: what each tier would cost, and what the rules do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.errors import DataError
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.model import TIERS, Protected, spread
from finops.tiering.schema import MARK, said

if TYPE_CHECKING:
    from finops.tiering.optimum import Optimum
    from finops.tiering.rules import LifecycleRule

_MOST_LOTS = 200


@dataclass(frozen=True)
class Lot:
    """Blobs of one tier that are meant for the same one by the optimum (`best`) and by the rules (`ruled`).

    rule: the name of the rule that moves them, "" where none does. reason: why they are not considered, "" where they
    are; then there are no costs. youngest, oldest: whole days since they were used, by the plan's basis.
    reads: expected until the horizon, of all of them. chance: the mean chance that one is read until then.
    costs: until the horizon in each tier, moving and expected reads included; without the tiers they cannot go to.
    Where reads are not known, reads and chance are None, costs are without reads, and best is by writes taken for them.
    """

    tier: str
    best: str
    ruled: str
    rule: str
    reason: str
    blobs: int
    bytes: int
    youngest: int | None = None
    oldest: int | None = None
    reads: Decimal | None = None
    chance: Decimal | None = None
    costs: Mapping[str, Decimal] | None = None


def explain(
    optimum: Optimum, rules: Sequence[LifecycleRule], protected: Sequence[Protected], what: str
) -> tuple[Lot, ...]:
    """The lots of the blob of that path (container/name), else of all whose paths begin so; largest first.

    Raises DataError where the inventory has none.
    """
    engine = optimum.connection
    one = engine.execute("SELECT count(*) FROM used WHERE path = $1", [what]).fetchall()[0][0]
    where = "path = $1" if one else "starts_with(path, $1)"
    lots = [*_considered(optimum, rules, protected, where, what), *_aside(optimum, where, what)]
    if not lots:
        raise DataError(
            f"The inventory has no blob '{what}', and none below it.",
            "Write it as container/name, or container/folder.",
        )
    return tuple(sorted(lots, key=lambda lot: (-lot.bytes, lot.reason, lot.tier, lot.best, lot.rule))[:_MOST_LOTS])


def _considered(
    optimum: Optimum, rules: Sequence[LifecycleRule], protected: Sequence[Protected], where: str, what: str
) -> list[Lot]:
    known = optimum.basis == LAST_ACCESS
    span = spread(1.0, optimum.horizon_days)
    figure = "sum(cost_{0})" if known else f"sum(month_{{0}} * {span} + once_{{0}})"
    costs = ", ".join(
        f"CASE WHEN count(cost_{tier}) = count(*) THEN {figure.format(tier)} END" for tier in map(str.lower, TIERS)
    )
    rows = optimum.connection.execute(
        f"SELECT guard, tier, after, rule, count(*), sum(bytes)::BIGINT, min(age), max(age), sum(reads), avg(chance), "
        f"{costs} FROM (SELECT *, {ruled_sql(rules)} AS rule FROM {optimum.decisions} WHERE {where}) AS told "
        "GROUP BY ALL",
        [what],
    ).fetchall()
    found = []
    for guard, tier, after, rule, blobs, size, youngest, oldest, reads, chance, *sums in rows:
        if guard:
            reason = f"in {tier}, which has no known price" if guard < 0 else protected[guard - 1].reason
            found.append(Lot(tier, tier, tier, "", reason, int(blobs), int(size), int(youngest), int(oldest)))
            continue
        name, ruled = ("", tier) if rule is None else (rules[rule // len(TIERS)].name, TIERS[rule % len(TIERS)])
        told = {each: _money(cost) for each, cost in zip(TIERS, sums, strict=True) if cost is not None}
        found.append(
            Lot(tier, after, ruled, name, "", int(blobs), int(size), int(youngest), int(oldest),
                _money(reads) if known else None, _money(chance) if known else None, told)
        )  # fmt: skip
    return found


def ruled_sql(rules: Sequence[LifecycleRule]) -> str:
    """Which rule and tier a blob comes to, as one number: the coldest, as Azure takes the cheapest of all actions."""
    cases = []
    for number in range(len(TIERS) - 1, 0, -1):
        tiers = ", ".join(f"'{tier}'" for tier in TIERS[:number])
        for place, rule in enumerate(rules):
            days = dict(rule.days).get(TIERS[number])
            if days is None:
                continue
            taken = " OR ".join(f"starts_with(path, {_quoted(prefix)})" for prefix in rule.prefixes) or "true"
            for tag, value in rule.tags:
                ending = _quoted(f"{MARK}{tag}={value}{MARK}")
                taken = f"({taken}) AND ends_with(area, {ending})"
            # A blob that is as cold already stays, whatever a rule for warmer tiers says.
            cases.append(f"WHEN age >= {days} AND tier IN ({tiers}) AND ({taken}) THEN {place * len(TIERS) + number}")
    return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS INTEGER)"


def _aside(optimum: Optimum, where: str, what: str) -> list[Lot]:
    rows = optimum.connection.execute(
        "SELECT because, coalesce(tier, ''), count(*), coalesce(sum(bytes), 0)::BIGINT FROM used "
        f"WHERE because <> 0 AND {where} GROUP BY ALL",
        [what],
    ).fetchall()
    return [Lot(tier, tier, tier, "", said(because), int(blobs), int(size)) for because, tier, blobs, size in rows]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _money(amount: float | None) -> Decimal:
    return Decimal(str(round(amount or 0.0, 6)))
