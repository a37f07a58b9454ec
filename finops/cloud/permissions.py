"""Which permission a refused call lacked, and where."""

from __future__ import annotations

import re

# "The client 'x' with object id 'y' does not have authorization to perform action 'A' over scope 'S' or ..."
_SAID = re.compile(r"perform action '([^']+)' over scope '([^']+)'", re.I)
_SAID_ANY = re.compile(r"(?:action|permission)s?:? '?((?:Microsoft\.)[\w./]+)'?", re.I)

# POSTs that read: the action is their own, not <name>/action.
_ACTIONS = {
    "microsoft.costmanagement/query": "Microsoft.CostManagement/query/action",
    "microsoft.costmanagement/forecast": "Microsoft.CostManagement/forecast/action",
    "microsoft.resourcegraph/resources": "Microsoft.ResourceGraph/resources/read",
    "microsoft.policyinsights/checkpolicyrestrictions": "Microsoft.PolicyInsights/checkPolicyRestrictions/read",
    "microsoft.policyinsights/policystates/queryresults": "Microsoft.PolicyInsights/policyStates/queryResults/action",
}


def missing_permission(message: str, method: str, path: str) -> str:
    """What to grant so that the call works: Azure's own words where it names the action, else derived from the call."""
    said = _SAID.search(message)
    if said:
        return f"Grant the identity {said[1]} at {said[2]}. A new role assignment takes some minutes to apply."
    named = _SAID_ANY.search(message)
    action = named[1] if named else needed_action(method, path)
    return f"Grant the identity {action} at {scope_of(path)}. A new role assignment takes some minutes to apply."


def needed_action(method: str, path: str) -> str:
    """The Azure RBAC action that `method` on `path` needs."""
    clean = path.partition("?")[0].strip("/")
    if clean.lower().endswith("metrics:getbatch"):
        return "Microsoft.Insights/metrics/read (Monitoring Reader)"
    after = f"/{clean}".rpartition("/providers/")[2] if "/providers/" in f"/{clean}" else ""
    if not after:
        kind = "subscriptions/resourceGroups" if "/resourcegroups" in f"/{clean.lower()}" else "subscriptions"
        return f"Microsoft.Resources/{kind}/{_verb(method)}"
    parts = after.split("/")
    provider, rest = parts[0], parts[1:]
    kinds = rest[::2]
    if method.upper() == "POST" and rest:
        dotted = "/".join([provider, *kinds]) if len(rest) % 2 else "/".join([provider, *kinds, rest[-1]])
        return _ACTIONS.get(dotted.lower(), f"{dotted}/action")
    return "/".join([provider, *kinds, _verb(method)])


def scope_of(path: str) -> str:
    """The scope at which a role for `path` is usually granted: its resource group, else subscription or management
    group, else the path."""
    found = re.match(
        r"(?i)/subscriptions/[^/?]+(/resourcegroups/[^/?]+)?|/providers/microsoft\.management/managementgroups/[^/?]+",
        path,
    )
    return found[0] if found else (path.partition("?")[0].partition("/providers/")[0] or "the tenant root")


def _verb(method: str) -> str:
    return {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method.upper(), "write")
