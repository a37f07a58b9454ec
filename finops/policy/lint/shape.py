"""Whether a definition has what Azure and its readers need, and nothing that Azure ignores."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from finops.policy.lint import Found, Subject, part, rule

TOP = (
    "displayName",
    "description",
    "mode",
    "metadata",
    "parameters",
    "policyRule",
    "policyType",
    "version",
    "versions",
)
PARAMETER = ("type", "metadata", "defaultValue", "allowedValues", "schema")
DETAILS = {
    "modify": ("roleDefinitionIds", "operations", "conflictEffect"),
    "auditifnotexists": ("type", "name", "resourceGroupName", "existenceScope", "evaluationDelay",
                         "existenceCondition"),
    "deployifnotexists": ("type", "name", "resourceGroupName", "existenceScope", "evaluationDelay",
                          "existenceCondition", "roleDefinitionIds", "deployment", "deploymentScope"),
    "denyaction": ("actionNames", "cascadeBehaviors"),
}  # fmt: skip
MODES = ("all", "indexed")
ROLE = re.compile(r"/providers/Microsoft\.Authorization/roleDefinitions/[0-9a-f-]{36}", re.IGNORECASE)
VERSION = re.compile(r"\d+\.\d+\.\d+(-\w+)?")
# Azure's limits (azure-subscription-service-limits and the REST reference, 2025-03).
LONGEST = {"displayName": 128, "description": 512}


@rule("schema", "error")
def keys(subject: Subject) -> Iterator[Found]:
    yield from _odd(subject.properties, TOP, "")
    for name, about in subject.parameters.items():
        if isinstance(about, dict):
            yield from _odd(about, PARAMETER, f"parameters.{name}")
    yield from _odd(subject.rule, ("if", "then"), "policyRule")
    yield from _odd(subject.then, ("effect", "details"), "policyRule.then")
    known = {each for effect in subject.effects for each in DETAILS.get(effect, ())}
    if isinstance(subject.details, dict) and known:
        yield from _odd(subject.details, tuple(sorted(known)), "policyRule.then.details")


def _odd(body: object, known: tuple[str, ...], place: str) -> Iterator[Found]:
    for key in body if isinstance(body, dict) else ():
        if str(key).lower() not in {each.lower() for each in known}:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It may have {', '.join(known)}."
            yield f"{place}.{key}".lstrip("."), "is nothing that Azure knows.", hint


@rule("schema", "error")
def told(subject: Subject) -> Iterator[Found]:
    for name, longest in LONGEST.items():
        text = part(subject.properties, name)
        if not isinstance(text, str) or not text.strip():
            yield name, "is missing.", "Say it to the people who will read it in the portal."
        elif len(text) > longest:
            yield name, f"has {len(text)} characters.", f"Azure takes {longest}."
    mode = part(subject.properties, "mode")
    if not isinstance(mode, str) or (mode.lower() not in MODES and not mode.lower().startswith("microsoft.")):
        yield "mode", f"is {mode!r}.", "Write All, or Indexed for rules on tags and locations."
    metadata = part(subject.properties, "metadata")
    version = part(metadata, "version")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        yield "metadata.version", f"is {version!r}.", "Write it as 1.0.0, and raise it with each change."
    if not isinstance(part(metadata, "category"), str):
        yield "metadata.category", "is missing.", "Name the group that the portal shows it under, such as Tags."


@rule("roles-missing", "error")
def roles(subject: Subject) -> Iterator[Found]:
    if not {"modify", "deployifnotexists"} & set(subject.effects):
        return
    place = "policyRule.then.details.roleDefinitionIds"
    given = part(subject.details, "roleDefinitionIds")
    if not isinstance(given, list) or not given:
        yield place, "is missing.", "Name the roles that a remediation task needs: without one it can change nothing."
        return
    for at, each in enumerate(given):
        if not isinstance(each, str) or not ROLE.fullmatch(each):
            yield f"{place}[{at}]", f"is {each!r}.", "Write /providers/Microsoft.Authorization/roleDefinitions/<id>."


@rule("cases-missing", "error")
def cases(subject: Subject) -> Iterator[Found]:
    expected = {case.expected for case in subject.definition.cases}
    if not expected - {"none", "unknown"}:
        yield "policyRule", "has no case in which it applies.", "Add tests/<case>-<effect>.json."
    if "none" not in expected:
        yield "policyRule", "has no case in which it does not apply.", "Add tests/<case>-none.json."


@rule("gap", "error")
def gaps(subject: Subject) -> Iterator[Found]:
    for place, why in subject.policy.gaps if subject.policy else ():
        yield place, f"can never be evaluated here: {why}.", "Mend the name, or give a newer table with --aliases."
