"""What is proposed for one account: few rules, or single moves where the account is small; with what it costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.jobs.tiering.moves import blob_of
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.policy import rules_in
from finops.tiering.rules import SOONEST, SOONEST_UNREAD
from finops.tiering.singles import Single, figures, singles

if TYPE_CHECKING:
    from finops.config.tiering import TieringSettings
    from finops.jobs.tiering.moves import Blob
    from finops.jobs.tiering.planning import Reckoned
    from finops.tiering.looking import Seen
    from finops.tiering.optimum import Move
    from finops.tiering.plan import TierPlan

ARCHIVE = "Archive"
# What was approved may come to this much more, or save this much less, without being asked about again.
SPREAD = Decimal("1.25")
# Of money: or so much more, as nobody is to be asked again for cents.
CENTS = Decimal("0.50")
GB = Decimal(2**30)


@dataclass(frozen=True)
class Proposal:
    """Rules, or `moves` of single blobs in place of them. figures: what they come to, by what moves from where to
    where. Money in the currency of the plan."""

    seen: Seen
    plan: TierPlan
    singles: tuple[Single, ...]
    figures: tuple[Move, ...]

    @property
    def name(self) -> str:
        return self.seen.account.name

    @property
    def archives(self) -> bool:
        """Whether any of it ends in Archive, now or later."""
        if self.singles:
            return any(single.after == ARCHIVE for single in self.singles)
        return any(tier == ARCHIVE for rule in self.plan.rules for tier, _ in rule.days)

    @property
    def nothing(self) -> bool:
        return not self.singles and not self.plan.rules

    @property
    def rules(self) -> list[dict[str, Any]]:
        """What would be set, as Azure takes it; none where single blobs are moved."""
        return [] if self.singles else [rule.body() for rule in self.plan.rules]

    @property
    def blobs(self) -> int:
        return sum(move.blobs for move in self.figures)

    @property
    def bytes(self) -> int:
        return sum(move.bytes for move in self.figures)

    def sum(self, figure: str) -> Decimal:
        """Of all moves: month, once, worst."""
        return sum((getattr(move, figure) for move in self.figures), Decimal(0))

    @property
    def evidence(self) -> dict[str, Any]:
        """What people, and the audit trail, are to know of it; plain values."""
        plan = self.plan
        return {
            "asOf": plan.as_of.isoformat(), "basis": plan.basis, "currency": plan.currency, "plan": plan.fingerprint,
            "rules": self.rules, "singles": len(self.singles), "blobs": self.blobs, "bytes": self.bytes,
            "stored": plan.bytes, "month": str(self.sum("month")), "once": str(self.sum("once")),
            "worst": str(self.sum("worst")),
            "moves": [
                [m.before, m.after, m.blobs, m.bytes, *map(str, (m.month, m.once, m.reads, m.net, m.worst))]
                for m in self.figures
            ],
        }  # fmt: skip

    @property
    def digest(self) -> str:
        """Of the account, the rules and the figures: what is approved."""
        of = [self.seen.account.id, self.rules, [named(one) for one in self.singles], self.evidence["moves"]]
        of += [self.evidence[name] for name in ("month", "once", "worst")]
        return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()

    @property
    def says(self) -> str:
        """One sentence."""
        plan = self.plan
        what = "Single moves take" if self.singles else "1 rule moves" if len(plan.rules) == 1 else (
            f"{len(plan.rules)} rules move"
        )  # fmt: skip
        return (
            f"{what} {self.blobs:,} blobs, {size(self.bytes)}; saves {self.sum('month'):,.2f} {plan.currency} a month, "
            f"costs {self.sum('once'):,.2f} once, {self.sum('worst'):,.2f} more if all of it is read back."
        )

    def still(self, approved: Mapping[str, Any]) -> str:
        """ "" where it is what was approved, in its rules and its magnitude; else what is other."""
        if self.rules != approved.get("rules"):
            return "the rules are others"
        if bool(self.singles) != bool(approved.get("singles")):
            return "single blobs are moved in place of rules" if self.singles else "rules are set in place of moves"
        now = self.evidence
        for name, said, more in (
            ("bytes", "more would be moved", Decimal(0)), ("blobs", "more blobs would be moved", Decimal(0)),
            ("once", "it costs more", CENTS), ("worst", "it may cost more", CENTS),
        ):  # fmt: skip
            known = Decimal(approved.get(name) or 0)
            if Decimal(now[name]) > max(known * SPREAD, known + more):
                return said
        if not self.singles and Decimal(now["month"]) * SPREAD < Decimal(approved.get("month") or 0):
            return "it saves less"
        return ""


def proposal(made: Reckoned, small: int, moved: Container[Blob] = ()) -> Proposal:
    """Single moves where the account has at most `small` blobs, or where few are to move and no rule can tell them.

    moved: those that were moved since the inventory, by `blob_of`
    """
    plan, chosen = made.plan, made.optimum
    if plan.blobs > small and (plan.rules or sum(move.blobs for move in chosen.moves) > small):
        return Proposal(made.seen, plan, (), plan.moves)
    soonest = SOONEST if plan.basis == LAST_ACCESS else SOONEST_UNREAD
    latest = plan.as_of - timedelta(days=soonest)
    few = tuple(
        one
        for one in singles(chosen)
        if max(one.modified, one.accessed or one.modified) <= latest and blob_of(one) not in moved
    )
    return Proposal(made.seen, replace(plan, rules=()), few, figures(chosen, few) if few else ())


def dear(proposed: Proposal, own: TieringSettings) -> str:
    """Why it costs more than the settings allow, "" where it does not."""
    currency, once, worst = proposed.plan.currency, proposed.sum("once"), proposed.sum("worst")
    if own.max_once is not None and once > own.max_once:
        said = f"Moving costs {once:,.2f} {currency} once; the limit is {own.max_once}."
        return f"{said} Raise tiering.max_once if this is right."
    if own.max_worst is not None and worst > own.max_worst:
        said = f"Reading all of it back would cost {worst:,.2f} {currency}; the limit is {own.max_worst}."
        return f"{said} Raise tiering.max_worst if this is right."
    return ""


def in_force(proposed: Proposal) -> bool:
    """Whether the rules that would be set are there already."""
    policy = proposed.plan.policy or {}
    return not proposed.singles and list(policy.get("rules") or ()) == list(rules_in(proposed.seen.policy))


def named(single: Single) -> str:
    return f"{single.container}/{single.name} {single.before} {single.after} {single.modified:%Y-%m-%dT%H:%M:%S}"


def size(number: int) -> str:
    """Bytes for people; Azure's GB are GiB."""
    return f"{number / GB / 1024:,.1f} TiB" if number >= 1024 * GB else f"{number / GB:,.1f} GiB"
