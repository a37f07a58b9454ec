"""Carry out a plan: create and update what is finops' own, each by itself, and say which roles are still missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from finops.cloud import definitions
from finops.errors import AzureError, FinopsError, NotFound, TemporaryError
from finops.policy.diff import STAMPS, differences
from finops.policy.plan import Plan, Step, fitting, with_members

if TYPE_CHECKING:
    from finops.cloud import Azure

Json = dict[str, Any]

# Azure may not know for some seconds yet what it has just accepted.
NOT_YET = {"policydefinitionnotfound", "policysetdefinitionnotfound"}
NOT_YET_SECONDS = (2, 4, 8, 16)
FIXES = {
    "invalidpolicyparameterupdate": "While it is assigned, a parameter can only be added, and only with a "
    "defaultValue. Keep the old ones in {source}, or give the folder another name.",
    "unusedpolicyparameters": "Remove the parameters that Azure names from {source}.",
    "policydefinitionquotaexceeded": "Azure takes 500 definitions a scope: remove some that nobody uses.",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a step: "created", "updated", "unchanged", "left alone" (with `fault`) or "failed" (with it)."""

    step: Step
    done: str
    body: Json | None = None
    fault: FinopsError | None = None


@dataclass(frozen=True)
class MissingRole:
    """A role that the identity of an assignment needs, and does not have or may not have (`seen` False)."""

    assignment: str
    principal: str
    role: str
    scope: str
    seen: bool

    @property
    def command(self) -> str:
        """How a person with the right to do so grants it; finops itself never grants roles."""
        return (
            f"az role assignment create --assignee-object-id {self.principal} --assignee-principal-type "
            f'ServicePrincipal --role "{self.role}" --scope {self.scope}'
        )


def deploy(azure: Azure, plan: Plan, tell: Callable[[Outcome], None] = lambda outcome: None) -> list[Outcome]:
    """Do the steps. One that Azure refuses is named and stops no other; what needed it is done without it."""
    outcomes: list[Outcome] = []
    for step in plan.steps:
        before = {outcome.step.id.lower(): outcome for outcome in outcomes}
        outcome = _done(azure, _as_far_as_possible(step, before), before)
        outcomes.append(outcome)
        tell(outcome)
    return outcomes


def missing_roles(azure: Azure, outcomes: Iterable[Outcome], scope: str) -> list[MissingRole]:
    """The roles that the identities of the assignments still need at `scope`."""
    return [
        missing
        for outcome in outcomes
        if outcome.step.roles and outcome.body is not None
        for missing in needed_roles(azure, outcome.step.name, principal_of(outcome.body), outcome.step.roles, scope)
    ]


def needed_roles(
    azure: Azure, assignment: str, principal: str, roles: Iterable[str], scope: str
) -> Iterator[MissingRole]:
    """Those of `roles` that an identity does not have at all of `scope`."""
    held, seen = _held(azure, principal, scope)
    for role in roles:
        if role.rpartition("/")[2].lower() not in held:
            yield MissingRole(assignment, principal, _role_name(azure, role), scope, seen)


def principal_of(assignment: Json) -> str:
    """The object id of an assignment's identity; "(unknown)" where Azure does not tell it."""
    identity = assignment.get("identity") or {}
    users = identity.get("userAssignedIdentities") or {}
    told = [identity.get("principalId"), *(each.get("principalId") for each in users.values() if each)]
    return next((str(one) for one in told if one), "(unknown)")


def sent(before: Json | None, after: Json) -> Json:
    """The body of the PUT: all that we want, and what others added to it meanwhile and we do not speak of."""
    if before is None:
        return after
    theirs = before.get("properties") or {}
    kept = {name: value for name, value in (theirs.get("metadata") or {}).items() if name not in STAMPS}
    wanted = after["properties"]
    body: Json = {"properties": {**wanted, "metadata": {**kept, **wanted["metadata"]}}}
    if "policyDefinitionId" in wanted:
        read_only = ("scope", "effectiveDefinitionVersion", "latestDefinitionVersion", "metadata", "instanceId")
        others = {name: value for name, value in theirs.items() if name not in read_only}
        body["properties"] = {**others, **body["properties"]}
        identity = _identity(before.get("identity")) or after.get("identity")
        location = before.get("location") or after.get("location")
        body |= {name: value for name, value in (("identity", identity), ("location", location)) if value}
    return body


def _done(azure: Azure, step: Step, before: Mapping[str, Outcome]) -> Outcome:
    if step.fault:
        return Outcome(step, "left alone", step.before, step.fault)
    try:
        fresh = definitions.state_of(azure, step.id)
        if fresh != step.before:
            return Outcome(step, "left alone", fresh, _changed(step))
        if step.action == "keep":
            return Outcome(step, "unchanged", fresh)
        return _written(azure, step, any(before[each].done == "created" for each in _needs(step) if each in before))
    except AzureError as fault:
        return Outcome(step, "failed", None, _explained(step, fault))


def _written(azure: Azure, step: Step, patient: bool) -> Outcome:
    doing = f"the {step.kind} {step.name}"
    word = "created" if step.before is None else "updated"
    for wait in (*(NOT_YET_SECONDS if patient else ()), None):
        try:
            body = definitions.put(azure, step.id, sent(step.before, step.after), doing)
            break
        except NotFound as fault:
            if wait is None or fault.code.lower() not in NOT_YET:
                raise
            azure.time.sleep(wait)
        except AzureError as fault:
            if fault.code != "OutcomeUnknown" and not isinstance(fault, TemporaryError):
                raise
            # the answer was lost on the way: what is there now tells
            found = definitions.state_of(azure, step.id)
            if found is None or differences(found, step.after):
                raise
            body = found
            break
    odd = differences(body, step.after)
    if odd:
        what = f"Azure accepted {doing}, but keeps it otherwise: {odd[0]}."
        return Outcome(step, "failed", body, AzureError(what, f"Look at {step.id} in the portal."))
    return Outcome(step, word, body)


def _as_far_as_possible(step: Step, before: Mapping[str, Outcome]) -> Step:
    """The step without what could not be created before it: members of an initiative, an assignment's parameters."""
    if step.fault or step.kind == "definition":
        return step
    properties = step.after["properties"]
    if step.kind == "assignment":
        of = before[properties["policyDefinitionId"].lower()]
        if _is_missing(of):
            what = f"{step.name} is not assigned, as the {of.step.kind} {of.step.name} could not be created."
            return replace(step, fault=AzureError(what, "Mend that first."))
        fitted = {**step.after, "properties": fitting(properties, of.step.after["properties"])}
        return replace(step, after=fitted)
    all_of = properties["policyDefinitions"]
    lost = {each["policyDefinitionId"].lower() for each in all_of} & {
        its_id for its_id, outcome in before.items() if _is_missing(outcome)
    }
    members = [each for each in all_of if each["policyDefinitionId"].lower() not in lost]
    if not lost:
        return step
    if not members:
        return replace(step, fault=AzureError(f"No member of {step.name} could be created.", "Mend them first."))
    after = {**step.after, "properties": with_members(properties, members)}
    omitted = tuple(each["policyDefinitionId"].rpartition("/")[2] for each in all_of if each not in members)
    return replace(step, after=after, omitted=(*step.omitted, *omitted))


def _is_missing(outcome: Outcome) -> bool:
    """Whether it was to be created and is not there."""
    return outcome.fault is not None and outcome.step.before is None and outcome.body is None


def _needs(step: Step) -> set[str]:
    properties = step.after["properties"]
    members = [each["policyDefinitionId"] for each in properties.get("policyDefinitions", [])]
    return {each.lower() for each in [*members, properties.get("policyDefinitionId", "")]}


def _changed(step: Step) -> AzureError:
    return AzureError(
        f"The {step.kind} {step.name} was changed by somebody since it was looked at. It was left alone.",
        "Look at the difference anew, and deploy again.",
        code="ChangedSince",
    )


def _explained(step: Step, fault: AzureError) -> FinopsError:
    """Azure's refusal, with the file that is to be mended."""
    fix = FIXES.get(fault.code.lower(), "").format(source=step.source)
    if not fix and fault.status == 400:
        fix = f"Mend what Azure names in {step.source}."
    return type(fault)(fault.what, fix or fault.fix, fault.status, fault.code)


def _identity(identity: Any) -> Json | None:
    """An identity as it is sent: its type, and the user-assigned ones by id."""
    if not isinstance(identity, dict) or identity.get("type") in (None, "None"):
        return None
    users = identity.get("userAssignedIdentities")
    return {"type": identity["type"], **({"userAssignedIdentities": {each: {} for each in users}} if users else {})}


def _held(azure: Azure, principal: str, scope: str) -> tuple[set[str], bool]:
    """The roles, by GUID, that an identity has at all of `scope`; and whether that could be read."""
    try:
        found = definitions.roles_of(azure, principal, scope)
    except AzureError:
        return set(), False
    held = set()
    for each in found:
        properties = each.get("properties") or {}
        at = str(properties.get("scope") or "").lower().rstrip("/")
        if f"{scope.lower()}/".startswith(f"{at}/") and str(properties.get("principalId")).lower() == principal.lower():
            held.add(str(properties.get("roleDefinitionId")).rpartition("/")[2].lower())
    return held, True


def _role_name(azure: Azure, role: str) -> str:
    try:
        return definitions.role_name(azure, role) or role
    except AzureError:
        return role.rpartition("/")[2]
