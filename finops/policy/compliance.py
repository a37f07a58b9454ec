"""What Azure Policy says of a scope: evaluated anew, how fresh each assignment's verdicts are, and whether we agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops import estate as estates
from finops.cloud import definitions, policystates
from finops.errors import AzureError, SignInError
from finops.estate.evidence import moment_of
from finops.policy.inforce import rules
from finops.policy.plan import is_ours
from finops.policy.reconcile import Judged, reconcile
from finops.policy.related import Beside
from finops.policy.scopes import Scope, found

if TYPE_CHECKING:
    from finops.cloud import Azure

Json = dict[str, Any]


@dataclass(frozen=True)
class Assigned:
    """One assignment: how many resources and rules are in which state, and when Azure looked last; `newest` is None
    where it has not evaluated anything yet."""

    id: str
    name: str
    ours: bool
    states: Mapping[str, int]
    newest: datetime | None


@dataclass(frozen=True)
class Compliance:
    """`non_compliant` counts resources, as Azure sums them up. `gaps` says what is missing of all this, and why."""

    scope: str
    as_of: datetime
    evaluation: str
    non_compliant: int
    assignments: tuple[Assigned, ...]
    judged: tuple[Judged, ...]
    gaps: tuple[str, ...]

    def counted(self) -> dict[str, int]:
        """How often both agree, disagree, and how often one of them has no verdict."""
        counts = Counter(one.verdict for one in self.judged)
        return {verdict: counts[verdict] for verdict in ("agree", "disagree", "not evaluated")}

    @property
    def disagreements(self) -> list[Judged]:
        return [one for one in self.judged if one.verdict == "disagree"]


def compliance(
    azure: Azure,
    scope: Scope,
    now: Callable[[], datetime],
    wait_seconds: float,
    step: Callable[[str], None] = lambda doing: None,
) -> Compliance:
    """Azure's verdicts and ours. Changes nothing but the time of Azure's evaluation; with 0 seconds not even that."""
    found(azure, scope)
    gaps: list[str] = []
    step("Waiting for Azure to evaluate")
    evaluation = _evaluation(azure, scope, wait_seconds, gaps)
    step("Reading what Azure found")
    summary = policystates.summary(azure, scope.id)
    states = list(policystates.at_scope(azure, scope.id))
    assignments = _assignments(azure, scope, states, gaps)
    step("Reading the estate")
    evidence = estates.gather(azure, now(), series=())
    estate = estates.with_facts(evidence)
    gaps += [f"{gap.scope}: {gap.what}: {gap.reason}" for gap in estate.gaps]
    step("Evaluating it here")
    in_force = rules(azure, assignments.values())
    gaps += [f"{rule.reference or rule.title} is not evaluated here: {rule.why}" for rule in in_force if rule.why]
    judged = reconcile(states, in_force, estate, Beside(azure, estate), now(), scope.id)
    ordered = sorted(judged, key=lambda one: (one.verdict != "disagree", one.rule.lower(), one.resource_id.lower()))
    results = summary.get("results")
    bad = results.get("nonCompliantResources") if isinstance(results, dict) else 0
    return Compliance(
        scope.id, now(), evaluation, int(bad or 0), by_assignment(states, assignments), tuple(ordered), tuple(gaps)
    )


def _evaluation(azure: Azure, scope: Scope, wait_seconds: float, gaps: list[str]) -> str:
    if wait_seconds <= 0:
        return "not asked for"
    if scope.kind == "management group":
        return "not asked for: Azure evaluates subscriptions and resource groups on demand, no management groups"
    try:
        if policystates.evaluate(azure, scope.id, wait_seconds):
            return "done"
    except SignInError:
        raise
    except AzureError as fault:
        gaps.append(f"Azure was not made to evaluate: {fault}")
        return "refused"
    gaps.append(f"Azure was still evaluating after {wait_seconds / 60:.0f} min; what follows may be older.")
    return "still running"


def _assignments(azure: Azure, scope: Scope, states: list[Json], gaps: list[str]) -> dict[str, Json]:
    """The assignments at, above and below the scope, and those of the states, by id in lower case."""
    known: dict[str, Json] = {}
    try:
        for body in definitions.assigned(azure, scope.id, below=scope.kind != "management group"):
            known[str(body.get("id")).lower()] = body
    except SignInError:
        raise
    except AzureError as fault:
        gaps.append(f"The assignments could not be listed: {fault}")
    other = {str(state.get("policyAssignmentId")).lower() for state in states} - known.keys()
    for its_id, state in azure.each(sorted(other), lambda one: definitions.state_of(azure, one)):
        if isinstance(state, AzureError):
            gaps.append(f"The assignment {its_id} could not be read: {state}")
        elif state is not None:
            known[its_id] = state
    return known


def by_assignment(states: list[Json], assignments: Mapping[str, Json]) -> tuple[Assigned, ...]:
    """The assignments, also those without a state; keys of `assignments` are ids in lower case."""
    counts: dict[str, Counter[str]] = {its_id: Counter() for its_id in assignments}
    newest: dict[str, datetime] = {}
    names: dict[str, str] = {}
    for state in states:
        its_id = str(state.get("policyAssignmentId")).lower()
        names[its_id] = str(state.get("policyAssignmentName") or "")
        counts.setdefault(its_id, Counter())[str(state.get("complianceState") or "").lower()] += 1
        moment = moment_of(state, "timestamp")
        if moment is not None:
            newest[its_id] = max(moment, newest.get(its_id, moment))
    return tuple(
        Assigned(
            its_id,
            str(assignments.get(its_id, {}).get("name") or names.get(its_id) or its_id.rpartition("/")[2]),
            is_ours(assignments.get(its_id, {})),
            dict(found),
            newest.get(its_id),
        )
        for its_id, found in sorted(counts.items())
    )
