"""Have Azure mend what breaks a rule with modify or deployIfNotExists: capped, started once, followed to the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops.cloud import definitions, policystates, remediations
from finops.errors import AzureError, UsageError
from finops.policy.deploy import MissingRole, needed_roles, principal_of
from finops.policy.inforce import Rule, rules
from finops.policy.scopes import LONGEST, Scope, found

if TYPE_CHECKING:
    from finops.cloud import Azure

Json = dict[str, Any]

MENDING = {"modify", "deployIfNotExists"}
# "Complete" and "Succeeded" both end well (remediations 2021-10-01).
ENDED_WELL, ENDED_BADLY = {"succeeded", "complete"}, {"failed", "canceled"}
POLL_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)


@dataclass(frozen=True)
class Target:
    """A rule with what breaks it: ids of resources. `missing` are the roles without which Azure could mend nothing."""

    rule: Rule
    resources: tuple[str, ...]
    missing: tuple[MissingRole, ...] = ()

    @property
    def name(self) -> str:
        return self.rule.reference or str(self.rule.assignment.get("name"))


@dataclass(frozen=True)
class Task:
    """A remediation task as it stood when it was last looked at. `failures` are (resource, why)."""

    target: Target
    id: str
    state: str
    joined: bool
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    message: str = ""
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def ended(self) -> bool:
        return self.state.lower() in ENDED_WELL | ENDED_BADLY

    @property
    def well(self) -> bool:
        """Whether everything that it was to mend is mended."""
        return self.state.lower() in ENDED_WELL and not self.failed


def targets(azure: Azure, scope: Scope, name: str) -> list[Target]:
    """What `name` (an assignment, or one rule in it) would mend at `scope`. Changes nothing.

    Raises UsageError where nothing is called so, or nothing that is can mend.
    """
    found(azure, scope)
    everything = rules(azure, definitions.assigned(azure, scope.id))
    named = [rule for rule in everything if name.lower() in _names(rule)]
    if not named:
        there = sorted({each for rule in everything for each in _names(rule)[:2] if each})
        raise UsageError(
            f"Nothing that is assigned at {scope.id} is called {name}.",
            f"Assigned are {', '.join(there[:20]) or 'none'}. `finops policy deploy` assigns.",
        )
    broken = [rule for rule in named if rule.policy is None]
    mending = [rule for rule in named if rule.policy and rule.policy.effect in MENDING]
    if not mending and broken:
        raise AzureError(f"{name} cannot be read: {broken[0].why}", "Mend that first.")
    if not mending:
        effects = ", ".join(sorted({rule.policy.effect for rule in named if rule.policy}))
        raise UsageError(
            f"{name} has the effect {effects}: nothing that Azure could mend by itself.",
            "Only modify and deployIfNotExists are remediated. `finops guard plan` shows what the guard can mend.",
        )
    return [_target(azure, scope, rule) for rule in mending]


def start(
    azure: Azure, scope: Scope, targets: list[Target], now: datetime, at_most: int
) -> Iterator[Task | AzureError]:
    """A task for each target that has something to mend; one that runs already is joined, no second one started.

    Raises UsageError, before anything is started, where there is more to mend than `at_most` or a role is missing.
    """
    work = [target for target in targets if target.resources]
    count = sum(len(target.resources) for target in work)
    if count > at_most:
        raise UsageError(
            f"{count} resources would be changed; the limit is {at_most}. Nothing was started.",
            f"Look at them with --what-if, then give --at-most {count}.",
        )
    for missing in (each for target in work for each in target.missing if each.seen):
        raise AzureError(
            f"The identity of {missing.assignment} lacks the role {missing.role}. Nothing was started.",
            f"Grant it: {missing.command}",
        )
    return _started(azure, scope, work, now)


def follow(azure: Azure, task: Task, until: float, tell: Callable[[Task], None] = lambda task: None) -> Task:
    """The task at its end, or as it stands at `until` on the gateway's clock; what failed is named."""
    number = 0
    while not task.ended:
        wait = POLL_SECONDS[min(number, len(POLL_SECONDS) - 1)]
        if azure.time.monotonic() + wait > until:
            break
        azure.time.sleep(wait)
        number += 1
        fresh = _task(task.target, remediations.state_of(azure, task.id), task.joined)
        if (fresh.state, fresh.succeeded, fresh.failed) != (task.state, task.succeeded, task.failed):
            tell(fresh)
        task = fresh
    return _with_failures(azure, task) if task.failed else task


def _names(rule: Rule) -> list[str]:
    definition = rule.definition_id.rpartition("/")[2]
    return [str(rule.assignment.get("name")).lower(), rule.reference.lower(), definition.lower()]


def _target(azure: Azure, scope: Scope, rule: Rule) -> Target:
    assignment, reference = (text.replace("'", "''") for text in (str(rule.assignment.get("id")), rule.reference))
    where = f"complianceState eq 'NonCompliant' and policyAssignmentId eq '{assignment}'"
    if rule.reference:
        where += f" and policyDefinitionReferenceId eq '{reference}'"
    ids = {str(state.get("resourceId")) for state in policystates.at_scope(azure, scope.id, where)}
    principal = principal_of(rule.assignment)
    missing = needed_roles(azure, str(rule.assignment.get("name")), principal, rule.roles, rule.scope)
    return Target(rule, tuple(sorted(ids, key=str.lower)), tuple(missing))


def _started(azure: Azure, scope: Scope, work: list[Target], now: datetime) -> Iterator[Task | AzureError]:
    running = [body for body in remediations.listed(azure, scope.id) if not _task_ended(body)] if work else []
    for target in work:
        try:
            own = next((body for body in running if _is_of(body, target.rule)), None)
            yield _task(target, own, True) if own else _task(target, _begun(azure, scope, target, now), False)
        except AzureError as fault:
            yield type(fault)(f"{target.name} is not mended: {fault.what}", fault.fix, fault.status, fault.code)


def _begun(azure: Azure, scope: Scope, target: Target, now: datetime) -> Json:
    properties: Json = {
        "policyAssignmentId": target.rule.assignment["id"],
        "resourceDiscoveryMode": "ExistingNonCompliant",
        "resourceCount": len(target.resources),  # what was looked at and no more, whatever is found by then
    }
    if target.rule.reference:
        properties["policyDefinitionReferenceId"] = target.rule.reference
    stamp = f"-{now:%Y%m%d%H%M%S}"
    name = re.sub(r"[^-\w]", "-", f"finops-{target.name}")[: LONGEST - len(stamp)] + stamp
    return remediations.start(azure, scope.id, name, properties)


def _task_ended(body: Json) -> bool:
    state = str((body.get("properties") or {}).get("provisioningState") or "").lower()
    return state in ENDED_WELL | ENDED_BADLY


def _is_of(body: Json, rule: Rule) -> bool:
    properties = body.get("properties") or {}
    named = str(properties.get("policyAssignmentId")).lower(), str(properties.get("policyDefinitionReferenceId") or "")
    return (named[0], named[1].lower()) == rule.key


def _task(target: Target, body: Json, joined: bool) -> Task:
    properties = body.get("properties") or {}
    counts = properties.get("deploymentStatus") or {}
    return Task(
        target,
        str(body.get("id")),
        str(properties.get("provisioningState") or ""),
        joined,
        int(counts.get("totalDeployments") or 0),
        int(counts.get("successfulDeployments") or 0),
        int(counts.get("failedDeployments") or 0),
        str(properties.get("statusMessage") or ""),
    )


def _with_failures(azure: Azure, task: Task) -> Task:
    from dataclasses import replace

    failures = []
    try:
        for each in remediations.deployments(azure, task.id):
            if str(each.get("status")).lower() not in {"succeeded", "complete"}:
                error = each.get("error") or {}
                why = f"{error.get('code') or each.get('status')}: {error.get('message') or 'no reason given'}"
                failures.append((str(each.get("remediatedResourceId")), why))
    except AzureError as fault:
        failures.append((task.id, f"what failed could not be listed: {fault.what}"))
    return replace(task, failures=tuple(failures))
