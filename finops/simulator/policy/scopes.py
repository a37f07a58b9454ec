"""Where policy objects live and what lies below them, management groups included."""

from __future__ import annotations

from finops.simulator.answers import WireError
from finops.simulator.ids import is_within, parts_of
from finops.simulator.services.arm import existing, existing_subscription
from finops.simulator.store import inside
from finops.simulator.world import World

DEFINITIONS = "Microsoft.Authorization/policyDefinitions"
SETS = "Microsoft.Authorization/policySetDefinitions"
ASSIGNMENTS = "Microsoft.Authorization/policyAssignments"
EXEMPTIONS = "Microsoft.Authorization/policyExemptions"
GROUPS = "/providers/microsoft.management/managementgroups/"


def home_of(policy_object_id: str) -> str:
    """The scope that a policy object was made at; "" for a built-in."""
    return policy_object_id[: policy_object_id.lower().rindex("/providers/microsoft.authorization/")]


def is_group(scope: str) -> bool:
    return f"{scope.lower()}/".startswith(GROUPS)


def covers(world: World, scope: str, resource_id: str) -> bool:
    """Whether `resource_id` (a scope too) is `scope` or lies below it."""
    if not is_group(scope):
        return is_within(resource_id, scope)
    return scope.lower() in groups_above(world, resource_id)


def groups_above(world: World, scope: str) -> list[str]:
    """The management groups that hold `scope`, from the nearest to the tenant's root; in lower case.

    An estate may hold management groups as ARM returns them with $expand=children: `properties.details.parent.id` and
    `properties.children`. A subscription that none of them names lies directly in the root, named as the tenant is.
    """
    root = f"{GROUPS}{world.stamp.get('tenantId') or 'root'}".lower()
    parents: dict[str, str] = {}
    for group in world.resources.of_type("microsoft.management/managementgroups"):
        parent = inside(group, "properties", "details", "parent").get("id")
        if parent:
            parents[group["id"].lower()] = str(parent).lower()
        for child in inside(group, "properties").get("children") or []:
            parents[str(child["id"]).lower()] = group["id"].lower()
    low = scope.lower().rstrip("/")
    at = low if is_group(low) else f"/subscriptions/{parts_of(low).subscription}"
    found = [at] if is_group(at) else []
    while at != root:
        above = parents.get(at, root)
        if above in found:
            break
        at = above
        found.append(at)
    return found


def existing_scope(world: World, scope: str) -> str:
    """`scope` as the estate spells it; 404 where there is no such thing. "" is the tenant."""
    parts = parts_of(scope)
    if not scope.strip("/"):
        return ""
    if is_group(parts.id):
        found = world.resources.get(parts.id)
        if found is None and parts.id.lower() != groups_above(world, "/subscriptions/x")[-1]:
            raise WireError(404, "ManagementGroupNotFound", f"Management group '{parts.name}' was not found.")
        return str(found["id"]) if found else parts.id
    if parts.type == "subscriptions":
        return str(existing_subscription(world, parts.name)["id"])
    return str(existing(world, parts)["id"])
