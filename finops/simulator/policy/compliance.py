"""The compliance state of one resource under one rule, as Policy Insights tells it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from finops.conditions import Outcome, Wanted
from finops.simulator.ids import parts_of
from finops.simulator.policy.rules import Rule
from finops.simulator.policy.scopes import groups_above
from finops.simulator.store import Json, inside, type_of
from finops.simulator.world import World


def judged(world: World, rule: Rule, body: Json, context: Json | None = None, api_version: str = "") -> Outcome:
    """What `rule` says of `body` now."""
    return rule.policy.evaluate(
        body,
        related=lambda wanted: related(world, body, wanted),
        now=world.clock.now(),
        context=rule.context(surroundings(world, body, api_version)),
    )


def is_about(world: World, rule: Rule, body: Json) -> bool:
    """Whether `rule` is about resources such as `body` at all: if not, it has no state."""
    told = rule.applies.evaluate(body, now=world.clock.now(), context=rule.context(surroundings(world, body)))
    return told.held is not False and told.not_evaluated is None


def surroundings(world: World, body: Json, api_version: str = "") -> Json:
    """What resourceGroup(), subscription() and requestContext() tell beside `body`."""
    parts = parts_of(str(body["id"]))
    home = f"/subscriptions/{parts.subscription}"
    found: Json = {
        "resourceGroup": world.resources.get(f"{home}/resourceGroups/{parts.group}") if parts.group else None,
        "subscription": world.resources.get(home),
        "requestContext": {"apiVersion": api_version} if api_version else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def related(world: World, body: Json, wanted: Wanted) -> Iterable[Json]:
    """The resources among which a rule looks for one that should exist."""
    parts = parts_of(str(body["id"]))
    home = f"/subscriptions/{parts.subscription}"
    group = wanted.resource_group or parts.group
    under = wanted.below or (home if wanted.scope == "subscription" or not group else f"{home}/resourceGroups/{group}")
    return world.resources.of_type(wanted.type, under=under)


def compliance_of(world: World, rule: Rule, body: Json, exempt: bool = False) -> str | None:
    """Compliant, NonCompliant, Exempt, Unknown or Error; None where the rule is not about `body`."""
    if rule.policy.idle is not None or not is_about(world, rule, body):
        return None
    if exempt:
        return "Exempt"
    if rule.policy.effect == "manual":
        return str(rule.details.get("defaultState") or "Unknown")
    if rule.policy.effect == "denyAction":
        return "Protected"
    told = judged(world, rule, body)
    if told.held is None:
        return "Error"
    return "NonCompliant" if told.held else "Compliant"


def state_of(world: World, rule: Rule, body: Json, at: datetime, exempt: bool) -> Json | None:
    """The record that policyStates/latest/queryResults shows, None where the rule is not about `body`."""
    compliance = compliance_of(world, rule, body, exempt)
    if compliance is None:
        return None
    resource_id = str(body["id"])
    parts, settings = parts_of(resource_id), rule.settings
    kind = "Microsoft.Resources/subscriptions/resourceGroups" if parts.type == "resourcegroups" else body.get("type")
    initiative = rule.initiative or {}
    return {
        "timestamp": zulu(at),
        "resourceId": resource_id,
        "policyAssignmentId": rule.assignment["id"].lower(),
        "policyDefinitionId": rule.definition["id"].lower(),
        "effectiveParameters": "",
        "isCompliant": compliance != "NonCompliant",
        "subscriptionId": parts.subscription,
        "resourceType": kind or f"Microsoft.Resources/{type_of(resource_id)}",
        "resourceLocation": body.get("location") or "",
        "resourceGroup": parts.group,
        "resourceTags": json.dumps(body.get("tags") or {}, separators=(",", ":")),
        "policyAssignmentName": rule.assignment["name"],
        "policyAssignmentOwner": "tbd",
        "policyAssignmentParameters": json.dumps(settings.get("parameters") or {}, separators=(",", ":")),
        "policyAssignmentScope": rule.scope,
        "policyDefinitionName": rule.definition["name"],
        "policyDefinitionAction": rule.policy.effect.lower(),
        "policyDefinitionCategory": inside(rule.definition, "properties", "metadata").get("category") or "tbd",
        "policySetDefinitionId": str(initiative.get("id") or "").lower(),
        "policySetDefinitionName": initiative.get("name") or "",
        "policySetDefinitionOwner": "",
        "policySetDefinitionCategory": inside(initiative, "properties", "metadata").get("category") or "",
        "policySetDefinitionParameters": "",
        "managementGroupIds": ",".join(each.rpartition("/")[2] for each in groups_above(world, resource_id)),
        "policyDefinitionReferenceId": rule.reference.lower(),
        "complianceState": compliance,
        "policyDefinitionGroupNames": list(rule.groups) or [""],
        "policyDefinitionVersion": inside(rule.definition, "properties").get("version") or "1.0.0",
        "policySetDefinitionVersion": inside(initiative, "properties").get("version") or "",
        "policyAssignmentVersion": "",
    }


def zulu(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
