"""Policies at the door: modify and append change what is written, deny and denyAction refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from finops.conditions import Change as Edit
from finops.conditions import Explanation, Outcome, apply
from finops.simulator import writes
from finops.simulator.ids import is_within
from finops.simulator.policy import Rule, governance_of
from finops.simulator.policy.compliance import judged, surroundings
from finops.simulator.policy.refusal import refusal
from finops.simulator.store import Json
from finops.simulator.world import World

CHANGING, REFUSING = {"modify", "append"}, {"deny", "audit", "modify", "append"}


def amends(world: World, request: Request, change: writes.Change) -> Json:
    """The body as the modify and append rules in force leave it."""
    body = change.after or {}
    # What was to be looked at by now is looked at before this write, not after it.
    governance_of(world).settle()
    if not _is_asked(request):
        return body
    wanted: list[tuple[Rule, Edit]] = []
    for rule in _enforced(world, request, body):
        if rule.policy.effect in CHANGING:
            told = judged(world, rule, body, api_version=_version(request))
            wanted += [(rule, edit) for edit in told.changes if edit.needed and not edit.conflict]
    return apply(body, _agreed(change, wanted))


def admits(world: World, request: Request, change: writes.Change) -> None:
    """Raise what Azure answers where a rule in force forbids the change."""
    if change.verb == "delete":
        _deletion(world, request, change)
    if change.verb != "write" or change.after is None or not _is_asked(request):
        return
    body = change.after
    violations = []
    for rule in _enforced(world, request, body):
        if rule.policy.effect in REFUSING:
            told = judged(world, rule, body, api_version=_version(request))
            if told.denied or _failed(rule, told):
                violations.append((rule, _explained(world, rule, body, _version(request))))
    if violations:
        raise refusal(change.resource_id, "write", violations)


def _deletion(world: World, request: Request, change: writes.Change) -> None:
    violations = []
    gone = [change.before] if change.before else []
    below = [body for body in world.resources.children(change.resource_id) if is_within(body["id"], change.resource_id)]
    for body in [*gone, *below]:
        for rule in _enforced(world, request, body):
            if rule.policy.effect != "denyAction" or "delete" not in _actions(rule):
                continue
            if body in below and _lets_go(rule):
                continue
            if judged(world, rule, body).held:
                violations.append((rule, _explained(world, rule, body, "")))
    if violations:
        raise refusal(change.resource_id, "delete", violations)


def _actions(rule: Rule) -> list[str]:
    return [str(each).lower() for each in rule.details.get("actionNames") or []]


def _lets_go(rule: Rule) -> bool:
    """Whether a resource may go when what it lies in goes (cascadeBehaviors; "deny" unless told)."""
    told = rule.details.get("cascadeBehaviors") or {}
    return str(told.get("resourceGroup") or "deny").lower() == "allow"


def _enforced(world: World, request: Request, body: Json) -> Iterator[Rule]:
    governance = governance_of(world)
    tags_only = request.scope["path"].lower().endswith("/providers/microsoft.resources/tags/default")
    for rule in governance.rules_for(body):
        # The tags API writes nothing but tags: rules that do not mention any are not asked.
        if tags_only and "tags" not in str(rule.definition["properties"]["policyRule"]).lower():
            continue
        if rule.is_enforced and rule.policy.idle is None and not governance.exemptions_of(rule, body["id"]):
            yield rule


def _is_asked(request: Request) -> bool:
    """Azure Policy looks at what is written, with PUT and PATCH, not at actions that are POSTed."""
    return request.method in ("PUT", "PATCH", "DELETE")


def _failed(rule: Rule, told: Outcome) -> bool:
    """A template function that fails is an implicit deny; what only we cannot evaluate is let through."""
    return told.held is None and told.not_evaluated is not None and not rule.policy.gaps


def _explained(world: World, rule: Rule, body: Json, api_version: str) -> Explanation:
    context = rule.context(surroundings(world, body, api_version))
    return rule.policy.explain(body, now=world.clock.now(), context=context)


def _version(request: Request) -> str:
    return str(request.query_params.get("api-version") or "")


def _agreed(change: writes.Change, wanted: list[tuple[Rule, Edit]]) -> list[Edit]:
    """The edits that no other contradicts; of two that do, the one whose conflictEffect is deny.

    Two of these refuse the request; where none is, none is applied.
    https://learn.microsoft.com/azure/governance/policy/concepts/effect-modify (conflictEffect)
    """
    found: list[Edit] = []
    for field in dict.fromkeys(edit.field.lower() for _, edit in wanted):
        edits = [(rule, edit) for rule, edit in wanted if edit.field.lower() == field]
        values: list[Any] = []
        for _, edit in edits:
            if (edit.operation, edit.value) not in values:
                values.append((edit.operation, edit.value))
        firm = [(rule, edit) for rule, edit in edits if _conflict_effect(rule) == "deny"]
        if len(values) == 1:
            found.append(edits[0][1])
        elif len(firm) == 1:
            found.append(firm[0][1])
        elif firm:
            raise refusal(change.resource_id, "write", [(rule, Explanation("", "", None)) for rule, _ in firm])
    return found


def _conflict_effect(rule: Rule) -> str:
    return str(rule.details.get("conflictEffect") or "deny").lower() if isinstance(rule.details, dict) else "deny"
