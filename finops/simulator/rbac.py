"""Who may do what: roles as Azure writes them, and which bearer token is whose.

A roles file is a role definition, a list of them, or
{"roles": [...], "principals": {"<bearer token>": {"name", "objectId", "assignments": [{"role", "scope"}], "graph"}}}.
Without "principals" every caller has every role of the file, everywhere. The token "*" is anybody. An application's id
stands for every token that says to be its own ("appid"), as a local server's caller with azure.client_id sends them.
"graph", beside "roles" or in a principal, lists permissions of Microsoft Graph: no role of Azure's grants one.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.requests import Request

from finops.errors import FinopsError
from finops.simulator.answers import WireError, origin
from finops.simulator.ids import is_within, parts_of
from finops.simulator.store import Json


class RoleError(FinopsError):
    """A roles file that cannot be meant."""


@dataclass(frozen=True)
class Role:
    """What a role definition allows: wildcards may stand anywhere, letter case does not matter.

    data, data_excepted: the same of what is in blobs, which no other action opens, "*" included.
    """

    name: str
    allowed: tuple[str, ...]
    excepted: tuple[str, ...]
    data: tuple[str, ...] = ()
    data_excepted: tuple[str, ...] = ()
    permission: Mapping[str, Any] = field(default_factory=dict)  # as Azure tells it to whoever holds the role

    def allows(self, action: str) -> bool:
        lower = action.lower()
        inside = _IN_BLOBS in lower
        allowed, excepted = (self.data, self.data_excepted) if inside else (self.allowed, self.excepted)
        return _any_match(allowed, lower) and not _any_match(excepted, lower)


@dataclass(frozen=True)
class Principal:
    name: str
    object_id: str
    assignments: tuple[tuple[Role, str], ...]
    graph: frozenset[str] = frozenset()

    def may(self, action: str, scope: str) -> bool:
        """An assignment holds for its scope and everything below."""
        return any(is_within(scope, at) and role.allows(action) for role, at in self.assignments)

    def may_somewhere_in(self, scope: str) -> bool:
        """Whether anything at, above or below `scope` is open to it: then `scope` shows up in lists."""
        return any(is_within(scope, at) or is_within(at, scope) for _, at in self.assignments)


class Rbac:
    """The guard at the door. Without roles everything is allowed, and no token is asked for."""

    def __init__(self, principals: Mapping[str, Principal] | None = None) -> None:
        self._principals = principals

    def check(self, request: Request) -> None:
        """Learn who asks, and refuse as Azure does: 401 for a token nobody has, 403 AuthorizationFailed."""
        path = request.scope["path"]
        # Registries know their callers by tokens of their own, see services/registry_tokens.py.
        if self._principals is None or path.startswith(("/simulator", "/api/retail/", "/registry/")):
            return
        token = request.headers.get("authorization", "").partition(" ")[2]
        principal = self._whose(token)
        if not token or principal is None:
            raise _unauthenticated(request)
        request.scope["state"]["principal"] = {"name": principal.name, "objectId": principal.object_id}
        request.scope["state"]["rights"] = principal
        needed = action_of(request.method, path)
        if needed is None:
            return
        action, scope = needed
        if not principal.may(action, scope):
            raise forbidden(principal.name, principal.object_id, action, scope)

    def named(self, token: str) -> Principal | None:
        """Whose token it is; None where everybody may do everything. KeyError for a token nobody has."""
        if self._principals is None:
            return None
        found = self._whose(token)
        if found is None:
            raise KeyError(token)
        return found

    def _whose(self, token: str) -> Principal | None:
        known = self._principals or {}
        return known.get(token) or known.get(application_of(token)) or known.get("*")

    def may(self, request: Request, action: str, scope: str) -> bool:
        """Whether the caller may; for lists that show only what one may read."""
        rights: Principal | None = request.scope["state"].get("rights")
        return rights is None or rights.may(action, scope)

    def may_ask_graph(self, request: Request, permissions: set[str]) -> bool:
        """Whether the caller has one of these permissions of Microsoft Graph, in lower case."""
        rights: Principal | None = request.scope["state"].get("rights")
        return rights is None or bool(rights.graph & permissions)

    def may_see(self, request: Request, scope: str) -> bool:
        rights: Principal | None = request.scope["state"].get("rights")
        return rights is None or rights.may_somewhere_in(scope)


def application_of(token: str) -> str:
    """The application that a token (a JWT that nobody signed) says to be of; "" where it says none."""
    part = [*token.split("."), ""][1]
    try:
        told = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return ""
    return str(told.get("appid") or "") if isinstance(told, dict) else ""


def action_of(method: str, path: str) -> tuple[str, str] | None:
    """The action that a request needs and the scope it is needed at; None where Azure asks for a token only.

    None: the list of subscriptions and Resource Graph, which show what one may read, and the status of an operation.
    """
    if path.lower().startswith(_OWN_API):
        # AML's own API beside ARM asks for the same actions.
        path = path[len(_OWN_API) :]
    lower = path.lower().rstrip("/")
    if lower == "/subscriptions" or lower == "/providers/microsoft.resourcegraph/resources":
        return None
    if re.search(r"/[a-z]*operations?(results|status)/[^/]+$", lower):
        return None
    verb = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}.get(method)
    if lower.endswith("/metrics:getbatch"):
        return "Microsoft.Insights/metrics/read", path[: path.rindex("/")]
    if lower.endswith("/eventtypes/management/values"):
        return "Microsoft.Insights/eventtypes/values/read", "/" + "/".join(path.strip("/").split("/")[:2])
    words = path.strip("/").split("/")
    named = [at for at, word in enumerate(words) if word.lower() == "providers"]
    if not named:
        return _plain_action(words, verb)
    at = named[-1]
    scope, tail = "/" + "/".join(words[:at]), words[at + 1 :]
    kinds, names = tail[1::2], tail[2::2]
    if tail[0].lower() == "microsoft.policyinsights" and len(tail) == 4:
        kinds, names = [tail[1]], [tail[2], tail[3]]
    if tail[-1].lower() == "checkpolicyrestrictions":
        return "Microsoft.PolicyInsights/checkPolicyRestrictions/read", scope  # Azure's list of operations
    if method == "POST":
        # ".../computes/c/stop" is an action on c; ".../Microsoft.CostManagement/query" one on the scope.
        action = tail[-1]
        kinds = kinds[:-1] if len(kinds) > len(names) else kinds
        within = path[: path.rindex("/")] if len(tail) > 2 and len(named) == 1 and kinds else scope
        return "/".join([tail[0], *kinds, action, "action"]), within
    extension = len(named) > 1 or (tail[0].lower() in _EXTENSIONS and "/".join(tail[:2]).lower() not in _OWN_RESOURCES)
    target = scope if extension else (path if len(kinds) == len(names) else _collection_scope(words, at))
    if tail[0].lower() == "microsoft.resources" and kinds and kinds[0].lower() == "tags":
        verb = "read" if method == "GET" else "write"
    return "/".join([tail[0], *kinds, verb or method.lower()]), target or "/"


# https://learn.microsoft.com/azure/role-based-access-control/permissions/storage: its data actions
_IN_BLOBS = "/blobservices/containers/blobs/"
_OWN_API = "/mferp/managementfrontend"
_EXTENSIONS = {
    "microsoft.insights",
    "microsoft.authorization",
    "microsoft.costmanagement",
    "microsoft.consumption",
    "microsoft.policyinsights",
    "microsoft.resources",
}


# Of those, what is a resource in a group like any other.
_OWN_RESOURCES = {"microsoft.insights/autoscalesettings", "microsoft.insights/components"}


def _collection_scope(words: list[str], at: int) -> str:
    """Where a list is asked for: the parent resource, the group or the subscription."""
    above = words[:-1]
    return "/" + "/".join(above[:at] if len(above) <= at + 2 else above)


def _plain_action(words: list[str], verb: str | None) -> tuple[str, str] | None:
    kind = {2: "subscriptions", 3: "subscriptions", 4: "subscriptions/resourceGroups"}.get(len(words))
    if words[0].lower() != "subscriptions" or kind is None or verb is None:
        return None
    if len(words) == 3:
        shown = {"resourcegroups": "resourceGroups", "resources": "resources", "locations": "locations"}
        kind = f"subscriptions/{shown.get(words[2].lower(), words[2])}"
    scope = "/" + "/".join(words[:2] if len(words) == 3 else words)
    return f"Microsoft.Resources/{kind}/{verb}", scope


def forbidden(name: str, object_id: str, action: str, scope: str) -> WireError:
    return WireError(
        403,
        "AuthorizationFailed",
        f"The client '{name}' with object id '{object_id}' does not have authorization to perform action '{action}' "
        f"over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    )


def _unauthenticated(request: Request) -> WireError:
    sent = bool(request.headers.get("authorization"))
    return WireError(
        401,
        "InvalidAuthenticationToken" if sent else "AuthenticationFailed",
        "The access token is invalid." if sent else "Authentication failed. The 'Authorization' header is missing.",
        headers={"WWW-Authenticate": f'Bearer authorization_uri="{origin(request)}/login", error="invalid_token"'},
    )


def rbac_of(source: Path | Json | list[Json] | None) -> Rbac:
    """The guard that a roles file (or what it holds) describes; None allows everything."""
    if source is None:
        return Rbac()
    if isinstance(source, Path):
        try:
            return rbac_of(json.loads(source.read_text("utf-8")))
        except (OSError, ValueError) as fault:
            raise RoleError(f"The roles in {source} cannot be read: {fault}.", "Name a JSON file.") from fault
    if isinstance(source, dict) and "roles" not in source:
        source = [source]
    given: Json = {"roles": source} if isinstance(source, list) else source
    roles = {role.name.lower(): role for role in map(_role_of, given["roles"])}
    everywhere = [{"role": name, "scope": "/"} for name in roles]
    anybody = {"name": "everyone", "assignments": everywhere, "graph": given.get("graph", [])}
    principals = given.get("principals", {"*": anybody})
    return Rbac({token: _principal_of(body, roles) for token, body in principals.items()})


def _role_of(body: Json) -> Role:
    """From the portal's spelling (Name, Actions) or ARM's (properties.roleName, permissions)."""
    inner = body.get("properties", body)
    permissions = inner.get("permissions") or [inner]

    def gathered(*keys: str) -> tuple[str, ...]:
        return tuple(action.lower() for grant in permissions for key in keys for action in grant.get(key, []))

    name = inner.get("roleName") or inner.get("Name") or inner.get("name")
    allowed, data = gathered("Actions", "actions"), gathered("DataActions", "dataActions")
    if not name or not (allowed or data):
        raise RoleError(f"{str(body)[:80]} is not a role definition.", "It needs a Name and Actions.")
    excepted = gathered("NotActions", "notActions")
    # only what is in blobs is kept apart: of no other service are data actions asked for here
    data_excepted = gathered("NotDataActions", "notDataActions")
    told: Json = {
        key[0].lower() + key[1:]: [
            action for grant in permissions for action in grant.get(key) or grant.get(key[0].lower() + key[1:]) or []
        ]
        for key in ("Actions", "NotActions", "DataActions", "NotDataActions")
    }
    told |= {"condition": inner["condition"], "conditionVersion": "2.0"} if inner.get("condition") else {}
    return Role(name, allowed + data, excepted, data, data_excepted, told)


def _principal_of(body: Json, roles: Mapping[str, Role]) -> Principal:
    held = []
    for assignment in body.get("assignments", []):
        role = roles.get(str(assignment.get("role", "")).lower())
        if role is None:
            raise RoleError(
                f"'{assignment.get('role')}' is assigned to {body.get('name')}, but not defined.",
                f"The roles of the file are: {', '.join(sorted(role.name for role in roles.values()))}.",
            )
        held.append((role, str(assignment.get("scope", "/"))))
    name = str(body.get("name", "somebody"))
    object_id = str(body.get("objectId") or uuid.uuid5(uuid.NAMESPACE_URL, name))
    graph = frozenset(str(permission).lower() for permission in body.get("graph", []))
    return Principal(name, object_id, tuple(held), graph)


def _any_match(patterns: Iterable[str], action: str) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")))


def read_action(resource: Mapping[str, Any]) -> str:
    """The action that reads `resource`, for lists that leave out what one may not read."""
    kind = parts_of(str(resource["id"])).type
    prefix = {"subscriptions": "Microsoft.Resources/subscriptions"}.get(kind, kind)
    if kind == "resourcegroups":
        prefix = "Microsoft.Resources/subscriptions/resourceGroups"
    return f"{prefix}/read"
