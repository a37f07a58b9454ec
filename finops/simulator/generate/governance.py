"""Locks, policies and their states, and who created what: the Activity Log."""

from __future__ import annotations

from finops.simulator.clock import stamp_of
from finops.simulator.draws import key_of
from finops.simulator.generate import bodies, ml_bodies
from finops.simulator.generate.draft import Draft
from finops.simulator.generate.organisation import ENVIRONMENTS, Place
from finops.simulator.store import Json, parts_of, type_of

STATES = "Microsoft.PolicyInsights/policyStates"
DEFINITION = "microsoft.authorization/policydefinitions/require-cost-center"
LOG_DAYS = 90  # how long the Activity Log keeps events
TAGGED_TYPES = frozenset(
    [
        "microsoft.machinelearningservices/workspaces",
        "microsoft.machinelearningservices/workspaces/onlineendpoints",
        "microsoft.machinelearningservices/workspaces/computes",
        "microsoft.storage/storageaccounts",
        "microsoft.containerregistry/registries",
    ]
)


def locks(draft: Draft, places: list[Place]) -> None:
    """Production workspaces are locked."""
    for place in places:
        if place.locked:
            body = bodies.lock(place.id, "do-not-delete", "Serves customers.", place.created, place.owner)
            draft.put(place.created, place.owner, body)


# Azure's own roles (built-in-roles, 2026): what AML gives to the identity of an online endpoint when its maker may.
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


def access(draft: Draft, places: list[Place]) -> None:
    """What the identities of endpoints may do, and which deployments of production scale by themselves."""
    by_workspace = {place.id: place for place in places}
    for body in list(draft.bodies):
        kind = type_of(body["id"])
        if kind.endswith("/onlineendpoints") and draft.chance("access", body["id"]) < 0.4:
            place = by_workspace[body["id"].split("/onlineEndpoints/")[0]]
            give_access(draft, place, body)
        elif kind.endswith("/onlineendpoints/deployments") and body["sku"]["capacity"] > 2:
            place = by_workspace[body["id"].split("/onlineEndpoints/")[0]]
            if draft.chance("autoscale", body["id"]) < 0.5:
                scale(draft, place, body)


def give_access(draft: Draft, place: Place, endpoint: Json) -> None:
    created, principal = draft.ago(91), endpoint["identity"]["principalId"]
    for scope, role in ((place.registry, ACR_PULL), (place.storage, BLOB_READER)):
        draft.put(created, "", ml_bodies.role_assignment(scope, role, principal, created, place.owner))


def scale(draft: Draft, place: Place, deployment: Json) -> None:
    words = deployment["id"].split("/")
    body = ml_bodies.autoscale(place.group, f"as-{words[-3]}-{words[-1]}", place.region, deployment["id"], 6)
    draft.put(draft.ago(91), place.owner, body)


def policies(draft: Draft) -> None:
    """A tag policy in each subscription, as a definition and its assignment."""
    for environment in ENVIRONMENTS:
        scope = f"/subscriptions/{bodies.guid(draft.key, environment)}"
        definition = f"{scope}/providers/Microsoft.Authorization/policyDefinitions/require-cost-center"
        created, person = draft.ago(250), "sp-governance"
        rule = {
            "if": {"field": "tags['CostCenter']", "exists": "false"},
            "then": {"effect": "audit"},
        }
        draft.put(created, person, {
            "id": definition,
            "name": "require-cost-center",
            "type": "Microsoft.Authorization/policyDefinitions",
            "properties": {"displayName": "Audit resources without CostCenter", "policyType": "Custom",
                           "mode": "Indexed",
                           "description": "Every resource names who pays for it.", "metadata": {"category": "Tags"},
                           "parameters": {}, "policyRule": rule},
            "systemData": bodies.system_data(created, person),
        })  # fmt: skip
        draft.put(created, person, {
            "id": f"{scope}/providers/Microsoft.Authorization/policyAssignments/cost-center",
            "name": "cost-center",
            "type": "Microsoft.Authorization/policyAssignments",
            "properties": {"displayName": "CostCenter on everything", "policyDefinitionId": definition, "scope": scope,
                           "notScopes": [], "parameters": {}, "enforcementMode": "Default", "metadata": {}},
            "systemData": bodies.system_data(created, person),
        })  # fmt: skip


def states(draft: Draft) -> list[Json]:
    """The latest state of each resource under its subscription's tag policy."""
    found = []
    for body in sorted(draft.world.resources.all(), key=lambda body: str(body["id"]).lower()):
        kind = type_of(body["id"])
        if kind not in TAGGED_TYPES:
            continue
        compliant = "CostCenter" in (body.get("tags") or {})
        parts = parts_of(body["id"])
        scope = f"/subscriptions/{parts['subscriptions']}"
        found.append(
            {
                "@odata.id": None,
                "@odata.context": f"https://management.azure.com{scope}/providers/{STATES}/$metadata#latest/$entity",
                "timestamp": stamp_of(draft.ago(0.6), key_of(body["id"])),
                "resourceId": body["id"],
                "policyAssignmentId": f"{scope}/providers/microsoft.authorization/policyassignments/cost-center",
                "policyDefinitionId": f"{scope}/providers/{DEFINITION}",
                "effectiveParameters": "",
                "isCompliant": compliant,
                "subscriptionId": parts["subscriptions"],
                "resourceType": body["type"],
                "resourceLocation": body.get("location"),
                "resourceGroup": parts["resourcegroups"],
                "resourceTags": "tbd",
                "policyAssignmentName": "cost-center",
                "policyAssignmentOwner": "tbd",
                "policyAssignmentParameters": "{}",
                "policyAssignmentScope": scope,
                "policyDefinitionName": "require-cost-center",
                "policyDefinitionAction": "audit",
                "policyDefinitionCategory": "tbd",
                "policySetDefinitionId": "",
                "policySetDefinitionName": "",
                "policySetDefinitionOwner": "",
                "policySetDefinitionCategory": "",
                "policySetDefinitionParameters": "",
                "managementGroupIds": bodies.TENANT,
                "policyDefinitionReferenceId": "",
                "complianceState": "Compliant" if compliant else "NonCompliant",
                "policyDefinitionGroupNames": [""],
                "policyDefinitionVersion": "1.0.0",
                "policySetDefinitionVersion": "",
                "policyAssignmentVersion": "1.0.0",
            }
        )
    return found


def activity(draft: Draft) -> list[Json]:
    """Who wrote what in the last 90 days, oldest first."""
    events = [
        (at, event(resource_id, verb, at, person))
        for at, person, verb, resource_id in draft.written
        if person and draft.ago(LOG_DAYS) <= at <= draft.as_of and "/" in type_of(resource_id)
    ]
    return [one for _, one in sorted(events, key=lambda pair: (pair[0], pair[1]["eventDataId"]))]


def event(resource_id: str, verb: str, at: int, person: str) -> Json:
    """A finished administrative operation, as the Activity Log lists it."""
    parts, kind = parts_of(resource_id), type_of(resource_id)
    subscription = parts["subscriptions"]
    operation, stamp = f"{kind}/{verb}", stamp_of(at, key_of(resource_id, verb))
    number = bodies.guid("event", resource_id, verb, at)
    correlation = bodies.guid("correlation", resource_id, verb, at)
    return {
        "authorization": {"action": operation, "scope": resource_id},
        "caller": person,
        "channels": "Operation",
        "claims": {"name": person.split("@")[0]},
        "correlationId": correlation,
        "description": "",
        "eventDataId": number,
        "eventName": {"value": "EndRequest", "localizedValue": "End request"},
        "category": {"value": "Administrative", "localizedValue": "Administrative"},
        "eventTimestamp": stamp,
        "id": f"{resource_id}/events/{number}/ticks/{621_355_968_000_000_000 + at * 600_000_000}",
        "level": "Informational",
        "operationId": correlation,
        "operationName": {"value": operation, "localizedValue": operation},
        "resourceGroupName": parts.get("resourcegroups", ""),
        "resourceProviderName": {"value": kind.split("/")[0], "localizedValue": kind.split("/")[0]},
        "resourceType": {"value": kind, "localizedValue": kind},
        "resourceId": resource_id,
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "subStatus": {"value": "Created" if verb == "write" else "OK", "localizedValue": ""},
        "submissionTimestamp": stamp,
        "subscriptionId": subscription,
        "tenantId": bodies.TENANT,
        "properties": {"statusCode": "Created", "serviceRequestId": None},
    }
