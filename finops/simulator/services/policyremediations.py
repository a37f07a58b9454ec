"""Remediation tasks: modify rules applied to resources that are there already, followed to their end.

A task is Accepted, then InProgress, and done after a minute on the simulated clock or a real one, or when asked often
enough. deployIfNotExists would deploy a template, which nothing here can: such a task fails and says so.
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.conditions import apply
from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.operations import Operation, Operations
from finops.simulator.policy import Rule, governance_of
from finops.simulator.policy.compliance import compliance_of, judged
from finops.simulator.policy.scopes import covers, existing_scope, is_group
from finops.simulator.policy.shapes import listed
from finops.simulator.services.policyassignments import existing_assignment
from finops.simulator.store import Json, inside
from finops.simulator.world import World

TYPE = "Microsoft.PolicyInsights/remediations"
PATH = f"/{{scope:path}}/providers/{TYPE}"
SECONDS = 60
# Resources of a task that names no number, and the most that it may name (azure-docs, remediate-resources).
USUAL_COUNT, MOST, USUAL_PARALLEL = 500, 50_000, 10
SHAPE: Json = {
    "policyAssignmentId": str,
    "policyDefinitionReferenceId": str,
    "resourceDiscoveryMode": str,
    "filters": {"locations": list, "resourceIds": list},
    "resourceCount": int,
    "parallelDeployments": int,
    "failureThreshold": {"percentage": int | float},
}
ENDED = {"Succeeded", "Failed", "Canceled"}
Work = Callable[[], None]


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(PATH, partial(_list, world), methods=["GET"]),
        Route(f"{PATH}/{{name}}", partial(_get, world), methods=["GET"]),
        Route(f"{PATH}/{{name}}", partial(_put, world), methods=["PUT"]),
        Route(f"{PATH}/{{name}}", partial(_delete, world), methods=["DELETE"]),
        Route(f"{PATH}/{{name}}/cancel", partial(_cancel, world), methods=["POST"]),
        # The next page of a POSTed list is fetched with GET by Microsoft's clients.
        Route(f"{PATH}/{{name}}/listDeployments", partial(_deployments, world), methods=["POST", "GET"]),
    ]


def _list(world: World, request: Request) -> Response:
    scope = existing_scope(world, request.path_params["scope"])
    found = [body for body in world.resources.of_type(TYPE) if covers(world, scope, _home(body["id"]))]
    return page(request, [_shown(body) for body in found])


def _home(remediation_id: str) -> str:
    return remediation_id[: remediation_id.lower().rindex("/providers/microsoft.policyinsights/")]


def _shown(body: Json) -> Json:
    return {key: value for key, value in body.items() if key != "deployments"}


def _id(world: World, request: Request) -> str:
    return f"{existing_scope(world, request.path_params['scope'])}/providers/{TYPE}/{request.path_params['name']}"


def _existing(world: World, request: Request) -> Json:
    found = world.resources.get(_id(world, request))
    if found is None:
        name = request.path_params["name"]
        raise WireError(404, "RemediationNotFound", f"The remediation '{name}' was not found.")
    return found


def _get(world: World, request: Request) -> Response:
    found = _existing(world, request)
    operations: Operations = request.app.state.operations
    under_way = operations.get(found["properties"]["correlationId"])
    if under_way is not None:
        operations.poll(under_way)
        found = _existing(world, request)
        if not under_way.outcome:
            _note(world, found, "InProgress")
    return ok(_shown(_existing(world, request)))


def _note(world: World, body: Json, state: str, **more: Json | str) -> None:
    changed = copy.deepcopy(body)
    changed["properties"] |= {"provisioningState": state, "lastUpdatedOn": world.clock.now().isoformat(), **more}
    world.resources.put(changed)


def _put(world: World, request: Request) -> Response:
    remediation_id = _id(world, request)
    found = world.resources.get(remediation_id)
    if found and found["properties"]["provisioningState"] not in ENDED:
        text = f"The remediation '{found['name']}' is under way and cannot be changed."
        raise WireError(400, "InvalidUpdateRemediationRequest", text)
    given = shaped(body_of(request), {"properties": SHAPE}).get("properties") or {}
    listed(given.get("filters") or {})
    rule = _rule(world, given)
    count = int(given.get("resourceCount") or USUAL_COUNT)
    if not 1 <= count <= MOST:
        raise _bad(f"The resourceCount must be between 1 and {MOST}.")
    mode = str(given.get("resourceDiscoveryMode") or "ExistingNonCompliant")
    wanted = _wanted(world, rule, _home(remediation_id), given, mode)[:count]
    now = world.clock.now().isoformat()
    properties: Json = {
        **{key: given[key] for key in SHAPE if given.get(key) is not None},
        "resourceDiscoveryMode": mode,
        "resourceCount": count,
        "parallelDeployments": int(given.get("parallelDeployments") or USUAL_PARALLEL),
        "provisioningState": "Accepted",
        "createdOn": now,
        "lastUpdatedOn": now,
        "deploymentStatus": _status(len(wanted), 0, 0),
        "statusMessage": "",
        "correlationId": str(uuid.uuid4()),
    }
    body: Json = {
        "id": found["id"] if found else remediation_id,
        "name": request.path_params["name"],
        "type": TYPE,
        "properties": properties,
        "systemData": (found or {}).get("systemData") or {"createdAt": now},
        "deployments": [],
    }
    stored = writes.put(world, request, body)
    _start(world, request, properties["correlationId"], partial(_work, world, request, stored, rule, wanted))
    return ok(_shown(stored), 200 if found else 201)


def _start(world: World, request: Request, name: str, work: Work) -> None:
    """Under way as any long-running operation, but asked after by GETting the task."""
    operations: Operations = request.app.state.operations
    now = world.clock.now()
    operations.add(
        Operation(
            name=name,
            path="",
            api_version="",
            started=now,
            due=now + timedelta(seconds=SECONDS),
            real_due=time.monotonic() + SECONDS,
            finish=work,
            retry_after=None,
            progress="InProgress",
            fate=request.scope["state"].get("fate", ""),
            polls_left=operations.polls,
        )
    )


def _rule(world: World, given: Json) -> Rule:
    assignment = existing_assignment(world, str(given.get("policyAssignmentId")))
    reference = str(given.get("policyDefinitionReferenceId") or "").lower()
    rules = [rule for rule in governance_of(world).rules() if rule.assignment["id"].lower() == assignment["id"].lower()]
    if any(rule.initiative for rule in rules) and not reference:
        raise _bad("The policyDefinitionReferenceId is required, as the policy assignment assigns a set definition.")
    found = next((rule for rule in rules if rule.reference.lower() == reference), None)
    if found is None:
        raise _bad(f"The policy assignment '{assignment['name']}' has no such definition, or is not in force yet.")
    if found.policy.effect not in ("modify", "deployIfNotExists"):
        raise _bad(f"A policy with the effect '{found.policy.effect}' cannot be remediated.")
    return found


def _wanted(world: World, rule: Rule, scope: str, given: Json, mode: str) -> list[str]:
    """The ids of what is non-compliant below `scope`: as last seen, or looked at now."""
    governance = governance_of(world)
    if mode.lower() == "reevaluatecompliance":
        if is_group(scope):
            raise _bad("ReEvaluateCompliance is not available at a management group.")
        governance.look(lambda one: one.assignment["id"] == rule.assignment["id"], scope, world.clock.now())
    names = {
        "policyAssignmentId": rule.assignment["id"].lower(),
        "policyDefinitionReferenceId": rule.reference.lower(),
        "complianceState": "noncompliant",
    }
    found = [
        str(state["resourceId"])
        for state in governance.states()
        if all(str(state.get(key) or "").lower() == value for key, value in names.items())
        and covers(world, scope, str(state["resourceId"]))
    ]
    filters = given.get("filters") or {}
    places = {str(each).replace(" ", "").lower() for each in filters.get("locations") or []}
    ids = {str(each).lower() for each in filters.get("resourceIds") or []}
    return [
        each
        for each in sorted(found, key=str.lower)
        if (not places or str((world.resources.get(each) or {}).get("location")).lower() in places)
        and (not ids or each.lower() in ids)
    ]


def _work(world: World, request: Request, task: Json, rule: Rule, wanted: list[str]) -> None:
    """Remediate each, as the assignment's identity; what is refused fails alone."""
    asked = _as_identity(request, rule)
    deployments = []
    for resource_id in wanted:
        body = world.resources.get(resource_id)
        if body is not None:
            deployments.append(_remediated(world, asked, rule, body))
    failed = [each for each in deployments if each["status"] == "Failed"]
    threshold = float((task["properties"].get("failureThreshold") or {}).get("percentage") or 1.0)
    bad = bool(failed) and len(failed) >= threshold * len(deployments)
    message = f"{len(failed)} of {len(deployments)} resources could not be remediated." if failed else ""
    current = world.resources.get(task["id"])
    if current is None:
        return
    world.resources.put({**current, "deployments": deployments})
    done = _status(len(deployments), len(deployments) - len(failed), len(failed))
    state = "Failed" if bad else "Succeeded"
    _note(world, {**current, "deployments": deployments}, state, deploymentStatus=done, statusMessage=message)


def _as_identity(request: Request, rule: Rule) -> Request:
    """The request that made the task, as if the assignment's identity had sent it."""
    who = (rule.assignment.get("identity") or {}).get("principalId") or "policy"
    state = {**request.scope["state"], "principal": {"name": who, "objectId": who}}
    return Request({**request.scope, "state": state, "method": "PUT"})


def _remediated(world: World, asked: Request, rule: Rule, body: Json) -> Json:
    now = world.clock.now().isoformat()
    done: Json = {
        "remediatedResourceId": body["id"],
        "deploymentId": f"{_group_of(body['id'])}/providers/Microsoft.Resources/deployments/{uuid.uuid4()}",
        "status": "Succeeded",
        "resourceLocation": body.get("location") or "",
        "createdOn": now,
        "lastUpdatedOn": now,
    }
    if rule.policy.effect != "modify":
        fault = {"code": "NotSimulated", "message": "The simulator deploys no templates."}
        return {**done, "status": "Failed", "error": fault}
    if compliance_of(world, rule, body) != "NonCompliant":
        return done
    try:
        changed = apply(body, [edit for edit in judged(world, rule, body).changes if edit.needed])
        writes.put(world, asked, changed)
    except WireError as refused:
        fault = inside(refused.body, "error")
        return {**done, "status": "Failed", "error": {"code": fault["code"], "message": fault["message"]}}
    return done


def _group_of(resource_id: str) -> str:
    words = resource_id.split("/")
    return "/".join(words[:5] if len(words) > 4 and words[3].lower() == "resourcegroups" else words[:3])


def _status(total: int, succeeded: int, failed: int) -> Json:
    return {"totalDeployments": total, "successfulDeployments": succeeded, "failedDeployments": failed}


def _bad(message: str) -> WireError:
    return WireError(400, "InvalidCreateRemediationRequest", f"The remediation request is invalid. {message}")


def _cancel(world: World, request: Request) -> Response:
    found = _existing(world, request)
    if found["properties"]["provisioningState"] in ENDED:
        text = f"The remediation '{found['name']}' is over and cannot be cancelled."
        raise WireError(400, "InvalidCancelRemediationRequest", text)
    operations: Operations = request.app.state.operations
    under_way = operations.get(found["properties"]["correlationId"])
    if under_way is not None:
        under_way.finish = partial(_note, world, found, "Canceled")
    _note(world, found, "Cancelling")
    return ok(_shown(_existing(world, request)))


def _deployments(world: World, request: Request) -> Response:
    found = _existing(world, request)
    return page(request, found.get("deployments") or [], key=lambda each: str(each["remediatedResourceId"]).lower())


def _delete(world: World, request: Request) -> Response:
    found = world.resources.get(_id(world, request))
    if found is None:
        return ok(None, 204)
    if found["properties"]["provisioningState"] not in ENDED:
        text = f"The remediation '{found['name']}' is under way: cancel it first."
        raise WireError(400, "InvalidDeleteRemediationRequest", text)
    writes.delete(world, request, found["id"])
    return ok(_shown(found))
