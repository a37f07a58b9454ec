"""What is remembered of savings: what was found, what people decided on it, what was done and undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from finops.approvals.naming import DONE, VERBS, holder_of, kind_of, name_of
from finops.approvals.votes import ran_out
from finops.approvals.whose import of_janitor
from finops.estate.planned import planned_end
from finops.jobs import guard_claims, tier_claims
from finops.jobs.act_claims import made_at
from finops.report import Claim

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import Event, Record, State

MIN_NODES = "minNodes"  # in the evidence of an intent that scales a cluster to zero: nodes that never went away before
# Denied, snoozed, exempt and stale are nobody's plan; kept and gone never were or are no more.
STAGES: dict[str, Literal["found", "decided", "done"]] = {
    **dict.fromkeys(("found", "asked", "pending", "failed", "expired"), "found"),
    **dict.fromkeys(("approved", "scheduled", "quiet"), "decided"),
    **dict.fromkeys(("acted", "confirmed", "restored"), "done"),
}


def remembered(settings: Settings) -> tuple[Claim, ...]:
    """The claims of the state database of `settings`; none where there is no database, and none is made."""
    from finops.state import State
    from finops.state.engine import url_of

    url = url_of(settings.state.url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return ()
    with State.open(settings.state.url) as state:
        return claims_of(state, settings.report.currency or "")


def claims_of(state: State, currency: str = "") -> tuple[Claim, ...]:
    """One claim for each finding that still waits, is decided, or was acted on, for each change of the guard, and for
    each account that was tiered.

    currency: that in which the guard expects savings
    """
    return (*_janitors(state), *guard_claims.done(state, currency), *tier_claims.claims(state))


def said(act: Claim) -> str:
    """ "deleted on 26 Nov as approved": what was done, when, and by whose word."""
    when = f" on {act.since:%-d %b}" if act.since else ""
    return f"{act.did}{when} {'as approved' if act.source == 'Janitor' else f'by the {act.source.lower()}'}"


def _janitors(state: State) -> tuple[Claim, ...]:
    found, _, _ = state.findings.all(status=tuple(STAGES), order="number", limit=None)
    records = [record for record in found if of_janitor(record)]
    done = {one.number for one in records if STAGES[one.status] == "done"}
    steps: dict[int, list[Event]] = {number: [] for number in done}
    for event in state.findings.events() if done else ():
        if event.finding in done:
            steps[event.finding].append(event)
    scaled = {one.number for one in records if one.finding.action == "scaleToZero"} & done
    kept = _kept(state) if scaled else {}
    return tuple(
        _scaled(one, record, kept) if record.number in scaled else one
        for record in records
        for one in [_claim(record, steps.get(record.number, ()))]
    )


def _kept(state: State) -> dict[int, int]:
    """How many nodes never went away before a cluster was scaled to zero, by the number of its finding."""
    found = {}
    for intent in state.intents_since(datetime.min.replace(tzinfo=UTC)):
        told = intent.evidence.get(MIN_NODES)
        if intent.action == "scaleToZero" and isinstance(told, int):
            found[int(intent.evidence["record"])] = told
    return found


def _scaled(one: Claim, record: Record, kept: Mapping[int, int]) -> Claim:
    """A cluster that lives on: its own effect is the idle nodes, not that it was used less."""
    fact = (record.finding.evidence.get("facts") or {}).get("idleNodesLast7Days") or {}
    nodes = kept.get(record.number) or int(fact.get("value") or 0)
    return replace(one, measure="idle", kept=nodes)


def _claim(record: Record, steps: Iterable[Event]) -> Claim:
    finding = record.finding
    since, until, quiet = _life(steps)
    return Claim(
        number=record.number,
        stage=STAGES[record.status],
        resource_id=finding.resource_id,
        name=name_of(finding.resource_id),
        what=kind_of(finding.resource_id),
        holder=holder_of(finding.resource_id),
        rule=finding.rule,
        does=VERBS.get(finding.action, finding.action),
        did=DONE.get(finding.action, finding.action),
        expected=finding.saving,
        cost=finding.monthly_cost,
        currency=record.currency,
        created=made_at(finding.generation),
        since=since,
        until=until,
        quiet=quiet,
        watched=record.quiet_until if record.status == "quiet" else None,
        ends=planned_end(finding.evidence.get("tags")),
        owner=finding.owner,
        lapsed=ran_out(record),
    )


def _life(steps: Iterable[Event]) -> tuple[datetime | None, datetime | None, datetime | None]:
    """When the act was done, when it was undone, and when the quiet step that led to it began."""
    since = until = quiet = None
    for step in steps:
        if step.before == step.after:
            continue
        if step.after == "quiet":
            quiet = step.at
        elif step.after == "acted":
            since = since or step.at
        elif step.after == "restored":
            until = step.at
        elif step.after != "confirmed":
            since = quiet = None  # what was quiet got its work back, or the act failed
    return since, until, quiet
