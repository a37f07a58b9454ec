"""Rules that people were asked about, weighed anew: a plan of today differs a little, and theirs may be as good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.errors import DataError
from finops.jobs.tiering.proposing import Proposal
from finops.tiering.inventory import LAST_ACCESS
from finops.tiering.model import TIERS, spread
from finops.tiering.policy import is_ours, merged, rules_in
from finops.tiering.rules import CONDITIONS, LifecycleRule
from finops.tiering.weighing import Weighed, weigh
from finops.tiering.yields import yields

if TYPE_CHECKING:
    from finops.jobs.tiering.planning import Reckoned

# Of what the rules of today would save; with less, people are asked about those.
LEAST = Decimal("0.8")
# Of the bytes that rules move: so much may lie in lots with a blob that today's plan would not archive.
SLACK = Decimal("0.05")
# Of what the account's blobs cost: by less than this, rules in force are left as they are.
NEARLY = Decimal("0.02")
# Of what they were set for: the same.
TENTH = Decimal("0.1")


def as_approved(made: Reckoned, approved: Mapping[str, Any]) -> Proposal | None:
    """What was asked about, with what it comes to today; None where the plan of today is to be asked about instead."""
    plan = made.plan
    rules = _sound(made, approved.get("rules") or ())
    if not rules:
        return None
    try:
        policy = merged(made.seen.policy, rules, made.seen.account.id)
    except DataError:
        return None
    weighed, today = _weighed(made, rules), _weighed(made, plan.rules)
    if weighed is None or today is None or weighed.net <= 0 or weighed.net < today.net * LEAST:
        return None
    proposed = Proposal(made.seen, replace(plan, rules=tuple(rules), policy=policy), (), weighed.moves)
    return None if proposed.still(approved) else proposed


def good_enough(made: Reckoned, month: Decimal) -> bool:
    """Whether our rules in force are nearly as good as those of today: rules that change every day help nobody.

    month: what they were to save a month when they were set
    """
    ours = [rule for rule in rules_in(made.seen.policy) if is_ours(rule, made.seen.account.id)]
    rules = _sound(made, ours)
    if not rules or any(rule.get("enabled") is not True for rule in ours):
        return False
    weighed, today = _weighed(made, rules), _weighed(made, made.plan.rules)
    if weighed is None or today is None:
        return False
    set_for = spread(month, made.plan.horizon_days)
    return today.net - weighed.net <= max(weighed.stay * NEARLY, set_for * TENTH)


def _sound(made: Reckoned, bodies: Sequence[Mapping[str, Any]]) -> list[LifecycleRule] | None:
    """Rules that are of ours, count from what the plan counts from, and take nothing that no rule may take."""
    rules = [rule for rule in map(_rule, bodies) if rule is not None]
    if len(rules) != len(bodies) or any(rule.basis != made.plan.basis for rule in rules):
        return None
    closed = yields(made.optimum, made.seen.rates, made.seen.protected).closed
    return None if any(_overlap(rule, each) for rule in rules for each in closed) else rules


def _weighed(made: Reckoned, rules: Sequence[LifecycleRule]) -> Weighed | None:
    """What rules come to today; None: it cannot be told."""
    found = weigh(made.optimum, made.seen.rates, rules)
    return None if found is None or found.barred > found.bytes * SLACK else found


def _rule(body: Mapping[str, Any]) -> LifecycleRule | None:
    """A rule of ours from its body, None where it is not one as we write them."""
    definition = body["definition"]
    actions, filters = definition["actions"]["baseBlob"], definition["filters"]
    last = any(CONDITIONS[True] in when for when in actions.values())
    days = tuple(
        (tier, int(actions[f"tierTo{tier}"][CONDITIONS[last]])) for tier in TIERS[1:] if f"tierTo{tier}" in actions
    )
    tags = tuple((each["name"], each["value"]) for each in filters.get("blobIndexMatch") or ())
    found = LifecycleRule(
        body["name"], tuple(filters.get("prefixMatch") or ()), LAST_ACCESS if last else "modification", days,
        Decimal(0), 0, 0, tags,
    )  # fmt: skip
    return found if found.body() == body else None


def _overlap(rule: LifecycleRule, closed: str) -> bool:
    return not rule.prefixes or any(closed.startswith(each) or each.startswith(closed) for each in rule.prefixes)
