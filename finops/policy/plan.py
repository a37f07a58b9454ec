"""What deploying would do: each definition, initiative and assignment as it is, as it shall be, and what differs."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from finops.cloud import definitions
from finops.errors import AzureError, FinopsError, UsageError
from finops.policy.bundle import Bundle, Item, local_name, roles_in
from finops.policy.diff import Difference, differences
from finops.policy.scopes import GUID, Scope, found

if TYPE_CHECKING:
    from finops.cloud import Azure

Json = dict[str, Any]
States = Mapping[str, Json | AzureError | None]

# In the metadata of all that was created from here. What lacks it is somebody else's and is left alone.
OWNER = {"managedBy": "aml-finops"}
NOT_OURS = "NotOurs"
DEFINITION_KEYS = ("displayName", "description", "mode", "parameters", "policyRule")
INITIATIVE_KEYS = ("displayName", "description", "parameters", "policyDefinitionGroups")
KINDS = {"definition": "policyDefinitions", "initiative": "policySetDefinitions", "assignment": "policyAssignments"}


@dataclass(frozen=True)
class Options:
    """How to assign. `parameters` by assigned name; `identity` is the id of a user-assigned one, "" for its own."""

    parameters: Mapping[str, Json]
    location: str = ""
    identity: str = ""
    enforced: bool = True


@dataclass(frozen=True)
class Step:
    """One thing to create, update, leave as it is, or leave alone because of `fault`.

    omitted   members of an initiative that are not in it, as their definitions are not there
    roles     the roles that the identity of an assignment needs, by id
    """

    kind: str
    name: str
    id: str
    source: str
    after: Json
    before: Json | None = None
    fault: FinopsError | None = None
    differences: tuple[Difference, ...] = ()
    omitted: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        if self.fault:
            return "refuse"
        return "create" if self.before is None else "update" if self.differences else "keep"


@dataclass(frozen=True)
class Plan:
    """The steps in the order in which they can be done; `faults` are files that cannot be used, `left` the ids of
    what was created from here and is in the folder no more, `notes` what a person should know."""

    scope: Scope
    steps: tuple[Step, ...]
    faults: tuple[tuple[str, FinopsError], ...] = ()
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> list[Step]:
        return [step for step in self.steps if step.action in {"create", "update"}]

    @property
    def whole(self) -> bool:
        """Whether nothing had to be left out."""
        return not self.faults and not any(step.fault or step.omitted for step in self.steps)


def plan(azure: Azure, bundle: Bundle, scope: Scope, options: Options) -> Plan:
    """What deploying `bundle` at `scope` would do. Changes nothing. Raises NotFound where there is no such scope."""
    body = found(azure, scope)
    states = _states(azure, bundle, scope)
    first = [_compared(step, states) for step in _definitions(bundle, scope)]
    second = [_compared(_initiative(item, first, scope, states), states) for item in bundle.initiatives]
    roles, notes = _roles(azure, bundle)
    ready = {step.name.lower(): step for step in [*first, *second]}
    third = [_assignment(item, ready[item.name.lower()], bundle, scope, options, roles) for item in bundle.assigned]
    location, told = _location(azure, third, states, scope, options, body)
    third = [_compared(_located(step, states, location), states) for step in third]
    steps = (*first, *second, *third)
    left, unseen = _left_over(azure, scope, {step.id.lower() for step in steps})
    return Plan(scope, steps, bundle.faults, left, (*notes, *told, *unseen))


def definition_body(item: Item) -> Json:
    """What is sent of a definition, with the mark of its owner."""
    kept = {key: item.properties[key] for key in DEFINITION_KEYS if key in item.properties}
    metadata = {**_metadata(item), **OWNER}
    return {"properties": {"mode": "All", **kept, "policyType": "Custom", "metadata": metadata}}


def initiative_body(item: Item, there: Mapping[str, str]) -> tuple[Json, tuple[str, ...]]:
    """What is sent of an initiative, and the members that are left out of it.

    there: the ids of the definitions in the folder that are or will be in Azure, by name in lower case. A member
    that Azure brings itself needs no entry; it is told by its name, which is a GUID.
    """
    members, omitted = [], []
    for each in item.members:
        name = local_name(each)
        its_id = there.get(name.lower()) or (str(each.get("policyDefinitionId")) if re.fullmatch(GUID, name) else "")
        if its_id:
            reference = each.get("policyDefinitionReferenceId") or name
            members.append({**each, "policyDefinitionId": its_id, "policyDefinitionReferenceId": reference})
        else:
            omitted.append(name)
    kept = {key: item.properties[key] for key in INITIATIVE_KEYS if key in item.properties}
    metadata = {**_metadata(item), **OWNER}
    properties = {**kept, "policyType": "Custom", "metadata": metadata, "policyDefinitions": item.members}
    return {"properties": with_members(properties, members)}, tuple(omitted)


def with_members(initiative: Json, members: list[Json]) -> Json:
    """The properties of an initiative with other members: Azure refuses parameters that none of them uses."""
    from finops.conditions.parameters import used_in

    fewer = len(members) < len(initiative["policyDefinitions"])
    used = used_in([each.get("parameters") for each in members])
    kept = {name: about for name, about in (initiative.get("parameters") or {}).items() if name.lower() in used}
    return {**initiative, **({"parameters": kept} if fewer else {}), "policyDefinitions": members}


def fitting(assignment: Json, of: Json) -> Json:
    """The properties of an assignment without what the definition or initiative `of` does not know (any more)."""
    declared = of.get("parameters") or {}
    known = {each["policyDefinitionReferenceId"] for each in of.get("policyDefinitions") or []}
    messages = assignment["nonComplianceMessages"]
    return {
        **assignment,
        "parameters": {name: value for name, value in assignment["parameters"].items() if name in declared},
        "nonComplianceMessages": [
            each for each in messages if each.get("policyDefinitionReferenceId") in {None, *known}
        ],
    }


def is_ours(body: Json) -> bool:
    """Whether it was created from here."""
    metadata = (body.get("properties") or {}).get("metadata")
    return isinstance(metadata, dict) and all(metadata.get(key) == value for key, value in OWNER.items())


def assignment_name(name: str, longest: int) -> str:
    """`name`, or where it is too long its beginning and a digest of it, so that it stays the same every time."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - 9].rstrip('-. ')}-{hashlib.sha256(name.lower().encode()).hexdigest()[:8]}"


def _states(azure: Azure, bundle: Bundle, scope: Scope) -> dict[str, Json | AzureError | None]:
    """What Azure has under each id that we may write, by id in lower case. Raises the fault where nothing at all
    could be read."""
    ids = [_id(scope, "initiative" if item.is_initiative else "definition", item) for item in bundle.items.values()]
    ids += [_id(scope, "assignment", item) for item in bundle.assigned]
    states: dict[str, Json | AzureError | None] = {}
    for one, state in azure.each(ids, partial(definitions.state_of, azure)):
        states[one.lower()] = state
    faults = [state for state in states.values() if isinstance(state, AzureError)]
    if faults and len(faults) == len(states):
        raise faults[0]
    return states


def _id(scope: Scope, kind: str, item: Item) -> str:
    if kind == "assignment":
        name = assignment_name(item.name, scope.longest_assignment)
        return f"{scope.id}/providers/Microsoft.Authorization/{KINDS[kind]}/{name}"
    return f"{scope.definitions_at}/providers/Microsoft.Authorization/{KINDS[kind]}/{item.name}"


def _compared(step: Step, states: States) -> Step:
    before = states[step.id.lower()]
    if isinstance(before, AzureError):
        return replace(step, fault=step.fault or before)
    if before is None:
        return step
    if not is_ours(before):
        return replace(step, before=before, fault=_foreign(step))
    return replace(step, before=before, differences=differences(before, step.after))


def _foreign(step: Step) -> AzureError:
    return AzureError(
        f"The {step.kind} {step.name} exists and was not created by finops. It was left alone.",
        f"Rename the folder of {step.source}; or, to hand it over, write "
        f'"managedBy": "{OWNER["managedBy"]}" into the metadata of {step.id}.',
        code=NOT_OURS,
    )


def _definitions(bundle: Bundle, scope: Scope) -> list[Step]:
    return [
        Step("definition", item.name, _id(scope, "definition", item), item.source, definition_body(item))
        for item in bundle.definitions
    ]


def _initiative(item: Item, definitions: list[Step], scope: Scope, states: States) -> Step:
    """A definition that is not ours, or cannot be used, is no member; but one that already is a member stays, so
    that a mistake in one file does not take a rule away that is in force."""
    its_id = _id(scope, "initiative", item)
    there = {step.name.lower(): step.id for step in definitions if not _is_foreign(step)}
    before = states[its_id.lower()]
    if isinstance(before, dict):
        members = (before.get("properties") or {}).get("policyDefinitions") or []
        there = {local_name(each).lower(): each["policyDefinitionId"] for each in members} | there
    body, omitted = initiative_body(item, there)
    fault = None
    if not body["properties"]["policyDefinitions"]:
        fault = AzureError(f"None of the members of {item.name} can be deployed.", "Mend them first.")
    return Step("initiative", item.name, its_id, item.source, body, fault=fault, omitted=omitted)


def _is_foreign(step: Step) -> bool:
    return isinstance(step.fault, AzureError) and step.fault.code == NOT_OURS


def _assignment(
    item: Item, of: Step, bundle: Bundle, scope: Scope, options: Options, roles: Mapping[str, tuple[str, ...]]
) -> Step:
    its_id = _id(scope, "assignment", item)
    name = its_id.rpartition("/")[2]
    declared = of.after["properties"].get("parameters") or {}
    given = options.parameters.get(item.name, {})
    missing = [each for each, about in declared.items() if "defaultValue" not in about and each not in given]
    properties: Json = {
        "displayName": item.title,
        "description": str(item.properties.get("description") or ""),
        "policyDefinitionId": of.id,
        "parameters": given,
        "enforcementMode": "Default" if options.enforced else "DoNotEnforce",
        "nonComplianceMessages": _messages(item, of, bundle),
        "metadata": {"assignedBy": OWNER["managedBy"], **OWNER},
    }
    body: Json = {"properties": fitting(properties, of.after["properties"])}
    needed = tuple(dict.fromkeys(role for part in _parts(item) for role in roles.get(part, ())))
    if needed:
        own: Json = {"type": "SystemAssigned"}
        theirs: Json = {"type": "UserAssigned", "userAssignedIdentities": {options.identity: {}}}
        body["identity"] = theirs if options.identity else own
    fault: FinopsError | None = None
    if of.fault:
        fault = AzureError(f"{name} is not assigned, as the {of.kind} {of.name} is left alone.", "Mend that first.")
    elif missing:
        fault = UsageError(
            f"{item.name} is not assigned: {' and '.join(missing)} {'has' if len(missing) == 1 else 'have'} no value.",
            f"Write {missing[0]}: VALUE into a file, and give it as --parameters FILE.",
        )
    return Step("assignment", name, its_id, item.source, body, fault=fault, roles=needed)


def _messages(item: Item, of: Step, bundle: Bundle) -> list[Json]:
    """What somebody reads who was denied: the definition's own words for it, else its description."""
    if not item.is_initiative:
        text = _why(item)
        return [{"message": text}] if text else []
    found = []
    for member in of.after["properties"]["policyDefinitions"]:
        definition = _named(bundle, local_name(member))
        text = _why(definition) if definition else ""
        if text:
            found.append({"message": text, "policyDefinitionReferenceId": member["policyDefinitionReferenceId"]})
    return found


def _why(item: Item) -> str:
    return str(_metadata(item).get("nonComplianceMessage") or item.properties.get("description") or "")


def _named(bundle: Bundle, name: str) -> Item | None:
    return next((item for item in bundle.definitions if item.name.lower() == name.lower()), None)


def _metadata(item: Item) -> Json:
    metadata = item.properties.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _parts(item: Item) -> list[str]:
    return [local_name(each).lower() for each in item.members] if item.is_initiative else [item.name.lower()]


def _roles(azure: Azure, bundle: Bundle) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The roles that each definition needs, by name in lower case; those of Azure's own are read from Azure."""
    roles = {item.name.lower(): roles_in(item.properties) for item in bundle.definitions}
    own = {each["policyDefinitionId"] for item in bundle.initiatives for each in item.members
           if local_name(each).lower() not in roles and re.fullmatch(GUID, local_name(each))}  # fmt: skip
    notes = []
    for its_id, body in azure.each(sorted(own), partial(definitions.state_of, azure)):
        if isinstance(body, AzureError):
            notes.append(f"Whether {its_id} needs an identity could not be read: {body.what}")
        elif body:
            roles[local_name({"policyDefinitionId": its_id}).lower()] = roles_in(body.get("properties"))
    return roles, notes


def _location(
    azure: Azure, assignments: list[Step], states: States, scope: Scope, options: Options, body: Json
) -> tuple[str, list[str]]:
    """Where new identities are kept, and what to say of it."""
    chosen = options.location or str(body.get("location") or "")
    new = [step for step in assignments if "identity" in step.after and states[step.id.lower()] is None]
    if chosen or scope.kind != "subscription" or not new:
        return chosen, []
    try:
        groups = list(azure.pages(f"{scope.id}/resourcegroups", "2025-04-01"))
    except AzureError:
        return "", []
    counts = Counter(str(group.get("location")) for group in groups)
    usual = min(counts, key=lambda place: (-counts[place], place), default="")
    note = f"Identities are kept in {usual}, where most resource groups are. --location says otherwise."
    return usual, [note] if usual else []


def _located(step: Step, states: States, location: str) -> Step:
    """An assignment with an identity, with the location that Azure wants beside it. One that is there stays, as it
    can never be changed."""
    if "identity" not in step.after:
        return step
    before = states[step.id.lower()]
    location = (str(before.get("location") or "") if isinstance(before, dict) else "") or location
    if location:
        return replace(step, after={**step.after, "location": location})
    fault = UsageError(f"The assignment {step.name} has an identity, which needs a location.", "Give --location.")
    return replace(step, fault=step.fault or fault)


def _left_over(azure: Azure, scope: Scope, wanted: Iterable[str]) -> tuple[tuple[str, ...], list[str]]:
    """The ids of what finops created and no longer wants; and what could not be looked at."""
    wanted = set(wanted)
    lists = {
        "definitions": partial(definitions.custom, azure, scope.definitions_at, KINDS["definition"]),
        "initiatives": partial(definitions.custom, azure, scope.definitions_at, KINDS["initiative"]),
        "assignments": partial(definitions.assigned, azure, scope.id),
    }
    left: list[str] = []
    notes: list[str] = []
    for what, listed in lists.items():
        try:
            ids = [str(body.get("id")) for body in listed() if is_ours(body)]
        except AzureError as fault:
            notes.append(f"Whether {what} are left over could not be looked at: {fault.what}")
            continue
        here = f"{scope.id if what == 'assignments' else scope.definitions_at}/providers/microsoft.authorization/"
        left += [one for one in ids if one.lower() not in wanted and one.lower().startswith(here.lower())]
    return tuple(left), notes
