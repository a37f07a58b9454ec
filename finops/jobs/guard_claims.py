"""The guard's changes as savings: what it found, what it announced, and what it did."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.approvals.naming import holder_of, kind_of, name_of
from finops.estate.generation import generation_of
from finops.estate.planned import planned_end
from finops.jobs.act_claims import amount_of, made_at, of_act
from finops.report import Claim
from finops.report.claim import Measure
from finops.report.measuring import acts_on
from finops.report.savings import savings
from finops.spot.durations import duration

if TYPE_CHECKING:
    from finops.charges import Charges
    from finops.jobs.guarding.plan import Line
    from finops.state import Intent, State

SOURCE = "Spot guard"
DONE = "done"
LEFT = "it may not grow any more, and where its work runs since is not known"
WAITED = "the charges do not tell for how long nodes had waited for work"


def done(state: State, currency: str) -> Iterator[Claim]:
    """What the guard changed, by its intents. currency: that of the savings it expected."""
    letting_go: dict[str, Intent] = {}
    frozen: dict[str, Intent] = {}
    for intent in state.intents_since(datetime.min.replace(tzinfo=UTC)):
        if intent.outcome != DONE or not intent.rule.startswith("guard/"):
            continue
        name = intent.resource_id.rstrip("/").lower()
        match intent.action:
            case "delete to make anew as spot":
                letting_go[name] = intent
            case "make anew as spot" if name in letting_go:
                frozen.pop(name, None)
                yield _converted(intent, letting_go.pop(name), currency)
            case "freeze":
                frozen[name] = intent
            case "thaw":
                frozen.pop(name, None)
            case "scale":
                yield _scaled(intent, currency)
            case "tag":
                yield _claim(intent, currency, "set its tag CostCenter", "given its tag CostCenter", "none")
    for intent in frozen.values():
        one = _claim(intent, currency, "stop it from growing", "stopped from growing", "unknown")
        yield replace(one, cannot=LEFT)


def waiting(lines: Iterable[Line], promises: Collection[str], currency: str) -> Iterator[Claim]:
    """What the guard finds now: decided, where its owner was told the day in a scope that is enforced; else found."""
    from finops.jobs.guarding.plan import GRACE

    for line in lines:
        if line.rule not in {"spot", "scale"} or line.status == "keep":
            continue
        told = line.rule == "scale" or f"{GRACE}{line.key}" in promises
        decided = line.mode == "enforce" and told and line.status in {"grace", "wait", "due"}
        yield Claim(
            number=0,
            stage="decided" if decided else "found",
            resource_id=line.id,
            name=name_of(line.id),
            what=kind_of(line.id),
            holder=holder_of(line.id),
            rule=f"guard/{line.rule}",
            does=line.action,
            did="",
            expected=line.saving,
            cost=line.cost,
            currency=currency,
            source=SOURCE,
            ref=_ref(line),
            owner=line.owner,
            basis="list price" if line.rule == "scale" else "bill",
        )


def left(
    lines: Sequence[Line], done: Collection[Claim], book: Charges, currency: str, now: datetime
) -> tuple[Line, ...]:
    """The lines, each with what there is left to save where one of the acts `done` changed its cluster: as reported."""
    claims = list(waiting(lines, (), currency))
    if not any(acts_on(one, done) for one in claims):
        return tuple(lines)
    found = {one.ref: one for one in savings([*done, *claims], book, currency, 2, now).all if not one.is_done}
    told = []
    for line in lines:
        one = found.get(_ref(line))
        if one and line.saving is not None and one.why and one.counted_with is None:
            known = one.expected is not None
            saving = one.expected.amount.quantize(Decimal("0.01")) if one.expected else None
            line = replace(line, saving=saving, saving_says=one.why if known else f"not known: {one.why}")
        told.append(line)
    return tuple(told)


def _ref(line: Line) -> str:
    return f"guard-{line.rule}-{hashlib.sha256(line.key.encode()).hexdigest()[:8]}"


def _converted(made: Intent, let_go: Intent, currency: str) -> Claim:
    before = made.evidence.get("before") or {}
    one = _claim(made, currency, "make it anew as spot", "made anew as spot", "price")
    return replace(one, expected=amount_of(let_go), ends=planned_end(before.get("tags")))


def _scaled(intent: Intent, currency: str) -> Claim:
    seen, wanted = intent.evidence.get("seen") or {}, intent.evidence.get("wanted") or {}
    kept, keeps = (int(scale.get("minNodeCount") or 0) for scale in (seen, wanted))
    changed = {name: wanted[name] for name in wanted if wanted[name] != seen.get(name)}
    said = ", ".join(f"{name} to {value}" for name, value in changed.items())
    one = _claim(intent, currency, f"set {said}", _set(changed), "idle")
    one = replace(one, basis="list price")
    if kept > keeps:
        return replace(one, kept=kept, keeps=keeps)
    return replace(one, measure="unknown", cannot=WAITED)


def _set(changed: Mapping[str, Any]) -> str:
    """ "set to 0 nodes when idle": a change of scale settings, as people say it who know none of Azure's names."""
    least, most, idle = (changed.get(name) for name in ("minNodeCount", "maxNodeCount", "nodeIdleTimeBeforeScaleDown"))
    if least is not None:
        return f"set to {least} {'node' if least == 1 else 'nodes'} when idle"
    if most is not None:
        return f"set to {most} {'node' if most == 1 else 'nodes'} at most"
    waited = duration(idle) if isinstance(idle, str) else None
    if waited is not None:
        return f"set to let go of idle nodes after {waited.total_seconds() / 60:g} minutes"
    return "given other scale settings"


def _claim(intent: Intent, currency: str, does: str, did: str, measure: Measure) -> Claim:
    body = intent.evidence.get("before")
    one = of_act(intent, currency, does, did, measure, SOURCE, f"guard-{intent.number}")
    if not intent.generation and isinstance(body, dict):
        return replace(one, created=made_at(generation_of(body)))
    return one
