"""The rules in force: each assignment with the definitions that it assigns, read from Azure and compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from finops.cloud import definitions
from finops.conditions import Policy, compile_policy, shipped_aliases
from finops.conditions.calls import compile_value
from finops.conditions.compiler import Compiler
from finops.conditions.parameters import resolve
from finops.conditions.scope import Undecided
from finops.errors import AzureError, DataError

if TYPE_CHECKING:
    from finops.cloud import Azure

Json = dict[str, Any]
KINDS_OF_SET = "/policysetdefinitions/"


@dataclass(frozen=True)
class Rule:
    """One definition as one assignment assigns it. `policy` is None where it could not be read or compiled: `why`."""

    assignment: Json
    definition_id: str
    reference: str
    title: str
    policy: Policy | None
    why: str = ""
    roles: tuple[str, ...] = ()

    @property
    def settings(self) -> Json:
        return self.assignment.get("properties") or {}

    @property
    def scope(self) -> str:
        """Where it is assigned."""
        its_id = str(self.assignment.get("id"))
        return its_id[: its_id.lower().rindex("/providers/microsoft.authorization/")]

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others in policy states: the assignment, and the reference within its initiative."""
        return str(self.assignment.get("id")).lower(), self.reference.lower()

    @property
    def is_plain(self) -> bool:
        """Whether it governs all of its scope: without resource selectors and overrides, which only Azure applies."""
        return not self.settings.get("resourceSelectors") and not self.settings.get("overrides")

    @property
    def context(self) -> Json:
        """What policy() tells within it."""
        return {
            "assignmentId": self.assignment.get("id"),
            "definitionId": self.definition_id,
            "setDefinitionId": self.settings.get("policyDefinitionId") if self.reference else "",
            "definitionReferenceId": self.reference,
        }


def rules(azure: Azure, assignments: Iterable[Json]) -> list[Rule]:
    """The rules of the assignments. One that cannot be read or compiled says why, and stops no other."""
    listed = list(assignments)
    known = _fetched(azure, {_assigned(each) for each in listed})
    members = {
        str(member.get("policyDefinitionId"))
        for body in known.values()
        if isinstance(body, dict)
        for member in (body.get("properties") or {}).get("policyDefinitions") or []
    }
    known |= _fetched(azure, members)
    return [rule for each in listed for rule in _rules(each, known)]


def _fetched(azure: Azure, ids: set[str]) -> dict[str, Json | str]:
    """Definitions by id in lower case, or why one could not be read."""
    found: dict[str, Json | str] = {}
    for one, body in azure.each(sorted(ids), partial(definitions.state_of, azure)):
        found[one.lower()] = (
            body.what if isinstance(body, AzureError) else f"{one} is not there" if body is None else body
        )
    return found


def _assigned(assignment: Json) -> str:
    return str((assignment.get("properties") or {}).get("policyDefinitionId") or "")


def _rules(assignment: Json, known: Mapping[str, Json | str]) -> list[Rule]:
    wanted = _assigned(assignment)
    body = known[wanted.lower()]
    given = (assignment.get("properties") or {}).get("parameters") or {}
    if isinstance(body, str):
        return [Rule(assignment, wanted, "", str(assignment.get("name")), None, body)]
    if KINDS_OF_SET not in wanted.lower():
        return [_rule(assignment, body, wanted, "", given)]
    properties = body.get("properties") or {}
    c = Compiler(shipped_aliases(), {}, source=str(body.get("name")))
    found = []
    for member in properties.get("policyDefinitions") or []:
        its_id, reference = str(member.get("policyDefinitionId")), str(member.get("policyDefinitionReferenceId") or "")
        definition = known[its_id.lower()]
        try:
            if isinstance(definition, str):
                raise DataError(definition, "")
            c.parameters = resolve(properties.get("parameters") or {}, given, c)
            c.declared = frozenset(str(name).lower() for name in properties.get("parameters") or {})
            handed = {
                name: {"value": _value(each.get("value"), f"{reference}.{name}", c)}
                for name, each in (member.get("parameters") or {}).items()
            }
            found.append(_rule(assignment, definition, its_id, reference, handed))
        except (DataError, Undecided) as fault:
            found.append(Rule(assignment, its_id, reference, reference, None, str(fault)))
    return found


def _value(given: Any, place: str, c: Compiler) -> Any:
    """What an initiative hands to a member."""
    value = compile_value(given, place, c)
    if not value.constant:
        raise DataError(f"{place} depends on the resource.", "")
    return value.value


def _rule(assignment: Json, definition: Json, its_id: str, reference: str, given: Json) -> Rule:
    from finops.policy.bundle import roles_in

    properties = definition.get("properties") or {}
    title, roles = str(properties.get("displayName") or definition.get("name")), roles_in(properties)
    try:
        policy, why = compile_policy(definition, given, strict=False, facts=()), ""
    except DataError as fault:
        policy, why = None, fault.what
    return Rule(assignment, its_id, reference, title, policy, why, roles)
