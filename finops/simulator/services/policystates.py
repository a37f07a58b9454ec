"""Policy Insights: the state of each resource under each policy, queried, summed up, and evaluated on demand.

Facts (Microsoft's examples and azure-mgmt-policyinsights 1.0.1): results are POSTed for, and so are their next pages;
newer clients GET them; values of a filter compare in any letter case here, as complianceState is spelled both ways in
Microsoft's own answers. What an estate recorded stands until its assignment is evaluated here (see policy.governance).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import operations
from finops.simulator.answers import WireError, link, ok, opened, origin, sealed
from finops.simulator.odata import BadFilter, Value, compiled
from finops.simulator.policy import governance_of
from finops.simulator.policy.scopes import covers, existing_scope, is_group
from finops.simulator.services.cost.book import scope_clause
from finops.simulator.services.cost.wire import not_found
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

PAGE = 1000
# https://learn.microsoft.com/azure/governance/policy/concepts/compliance-states (read November 2026)
RANK = ("noncompliant", "compliant", "error", "conflicting", "protected", "exempt", "unknown")
PREFIX = "/{scope:path}/providers/Microsoft.PolicyInsights/policyStates"


def routes(world: World) -> list[BaseRoute]:
    governance_of(world)
    return [
        Route(f"{PREFIX}/latest/triggerEvaluation", partial(triggered, world), methods=["POST"]),
        Route(f"{PREFIX}/{{kind}}/queryResults", partial(queried, world), methods=["POST", "GET"]),
        Route(f"{PREFIX}/latest/summarize", partial(summarized, world), methods=["POST"]),
    ]


def queried(world: World, request: Request) -> Response:
    if request.path_params["kind"].lower() not in {"latest", "default"}:
        raise WireError(400, "InvalidPolicyStatesResource", "The policy states resource must be default or latest.")
    asked = request.query_params
    if asked.get("$apply"):
        raise WireError(400, "InvalidApplyInQueryString", "$apply is not simulated: group the states yourself.")
    states = _ordered(_chosen(world, request), asked.get("$orderby") or "timestamp desc")
    top = asked.get("$top")
    if top is not None:
        if not top.isdigit() or int(top) < 1:
            raise WireError(400, "InvalidTopInQueryString", f"The $top value '{top}' is invalid.")
        states = states[: int(top)]
    token = opened(asked.get("$skiptoken")) or "0"
    if not token.isdigit():
        raise WireError(400, "InvalidSkipTokenInQueryString", "The $skiptoken is invalid.")
    start, size = int(token), int(request.app.state.page_size or PAGE)
    context = f"{_base(request)}/$metadata#latest"
    wanted = [name.strip().lower() for name in (asked.get("$select") or "").split(",") if name.strip()]
    shown = []
    for state in states[start : start + size]:
        kept = {key: value for key, value in state.items() if not wanted or key.lower() in wanted}
        shown.append({"@odata.id": None, "@odata.context": f"{context}/$entity", **kept})
    more = start + size < len(states)
    following = link(request, **{"$skiptoken": sealed(str(start + size))}) if more else None
    return ok(
        {
            "@odata.nextLink": following,
            "@odata.context": context,
            "@odata.count": len(shown),
            "value": shown,
        }
    )


def summarized(world: World, request: Request) -> Response:
    states = _chosen(world, request)
    assignments: dict[str, list[Json]] = {}
    for state in states:
        assignments.setdefault(_text(state, "policyAssignmentId").lower(), []).append(state)
    context = f"{_base(request)}/$metadata#summary"
    return ok(
        {
            "@odata.context": context,
            "@odata.count": 1,
            "value": [
                {
                    "@odata.id": None,
                    "@odata.context": f"{context}/$entity",
                    "results": _results(request, states),
                    "policyAssignments": [_assignment(request, one) for _, one in sorted(assignments.items())],
                }
            ],
        }
    )


def triggered(world: World, request: Request) -> Response:
    """202, and minutes later 200 without a body; the states of the scope are as of then."""
    scope = _scope(world, request)

    def evaluated() -> None:
        governance_of(world).look(lambda rule: True, f"/{scope}", world.clock.now())

    result = f"/{scope}/providers/Microsoft.PolicyInsights/asyncOperationResults"
    return operations.start(world, request, 300, evaluated, result_path=result)


def _assignment(request: Request, states: list[Json]) -> Json:
    definitions: dict[tuple[str, str], list[Json]] = {}
    for state in states:
        key = (_text(state, "policyDefinitionId").lower(), _text(state, "policyDefinitionReferenceId"))
        definitions.setdefault(key, []).append(state)
    return {
        "policyAssignmentId": _text(states[0], "policyAssignmentId").lower(),
        "policySetDefinitionId": _text(states[0], "policySetDefinitionId").lower(),
        "results": _results(request, states),
        "policyDefinitions": [
            {
                "policyDefinitionId": definition,
                "policyDefinitionReferenceId": reference,
                "effect": _text(some[0], "policyDefinitionAction"),
                "results": _results(request, some, with_policies=False),
            }
            for (definition, reference), some in sorted(definitions.items())
        ],
    }


def _results(request: Request, states: list[Json], with_policies: bool = True) -> Json:
    """Resources and policies by compliance. Of several states of one resource, the worst counts (see RANK)."""
    resources = _worst(states, "resourceId")
    policies = _worst(states, "policyDefinitionId")
    result: Json = {
        "queryResultsUri": f"{_base(request)}/latest/queryResults?api-version=2019-10-01&$filter=IsCompliant eq false",
        "nonCompliantResources": resources["noncompliant"],
        "resourceDetails": [{"complianceState": state, "count": count} for state, count in sorted(resources.items())],
        "policyDetails": [{"complianceState": state, "count": count} for state, count in sorted(policies.items())],
    }
    return {**result, "nonCompliantPolicies": policies["noncompliant"]} if with_policies else result


def _worst(states: Iterable[Json], key: str) -> Counter[str]:
    found: dict[str, str] = {}
    for state in states:
        name, compliance = _text(state, key).lower(), _text(state, "complianceState").lower()
        if name not in found or _rank(compliance) < _rank(found[name]):
            found[name] = compliance
    return Counter(found.values())


def _rank(compliance: str) -> int:
    return RANK.index(compliance) if compliance in RANK else len(RANK)


def _chosen(world: World, request: Request) -> list[Json]:
    """The states of the scope, between $from and $to (a day back from now unless said), that $filter keeps."""
    scope, asked = _scope(world, request), request.query_params
    now = world.clock.now()
    until = _moment(asked.get("$to"), now)
    since = _moment(asked.get("$from"), until - timedelta(days=1))
    keep: Callable[[Json], bool] = lambda state: True  # noqa: E731
    if asked.get("$filter"):
        try:
            keep = compiled(asked["$filter"], _known, ignore_case=True)
        except BadFilter as fault:
            raise WireError(400, "InvalidFilterInQueryString", f"Invalid filter: {fault}") from fault
    # Without $from and $to "latest" is the latest state of each resource, however old: an estate holds no others.
    by_time = "$from" in asked or "$to" in asked
    return [
        state
        for state in governance_of(world).states()
        if _belongs(world, state, scope)
        and (not by_time or since <= _moment(_text(state, "timestamp"), now) <= until)
        and keep(state)
    ]


def _belongs(world: World, state: Json, scope: str) -> bool:
    """A scope is a subscription, group or resource; or a policy assignment, definition or set under a subscription."""
    low = f"/{scope}".lower()
    for kind, key in (
        ("policyassignments", "policyAssignmentId"),
        ("policydefinitions", "policyDefinitionId"),
        ("policysetdefinitions", "policySetDefinitionId"),
    ):
        if f"/providers/microsoft.authorization/{kind}/" in low:
            return low.rpartition("/")[2] == _text(state, key).lower().rpartition("/")[2] and covers(
                world, low.partition("/providers/microsoft.authorization/")[0], _text(state, "resourceId")
            )
    return covers(world, low, _text(state, "resourceId"))


def _scope(world: World, request: Request) -> str:
    """The scope asked for, when the subscription and group in it exist."""
    scope = str(request.path_params["scope"]).strip("/")
    if is_group(f"/{scope}"):
        existing_scope(world, "/".join(scope.split("/")[:4]))
        return scope
    holder = "/".join(scope.split("/")[:4]) if "/resourcegroups/" in scope.lower() else "/".join(scope.split("/")[:2])
    if scope.lower().startswith("subscriptions/") and scope_clause(holder, world) is None:
        raise not_found(holder)
    return scope


def _known(name: str) -> Value | None:
    """Fields are named in any letter case; an unknown one reads as null, since states hold what Azure recorded."""

    def read(state: Any) -> object:
        if name.lower() == "iscompliant":
            return _text(state, "complianceState").lower() == "compliant"
        return next((value for key, value in state.items() if key.lower() == name.lower()), None)

    return read


def _ordered(states: list[Json], by: str) -> list[Json]:
    """By the named fields; ids break ties, so that pages never overlap."""
    ordered = sorted(states, key=lambda state: (_text(state, "resourceId"), _text(state, "policyAssignmentId")))
    for item in reversed(by.split(",")):
        name, _, direction = item.strip().partition(" ")
        read = _known(name)
        assert read is not None
        ordered.sort(key=lambda state: str(read(state) or ""), reverse=direction.strip().lower() == "desc")
    return ordered


def _text(state: Json, key: str) -> str:
    return str(state.get(key) or "")


def _moment(text: str | None, usual: datetime) -> datetime:
    if not text:
        return usual
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WireError(400, "InvalidDateTimeInQueryString", f"'{text}' is not a date and time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=usual.tzinfo)


def _base(request: Request) -> str:
    path = request.scope["path"]
    return f"{origin(request)}{path[: path.lower().index('/policystates') + len('/policystates')]}"
