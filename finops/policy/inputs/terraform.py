"""A Terraform plan (`terraform show -json tfplan`): what azurerm and azapi would send to Azure.

Attributes are those of hashicorp/azurerm 4 and Azure/azapi 2; azapi 1 writes `body` as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from finops.policy.inputs.given import ML, Given, Json, Place, compact
from finops.policy.pending import pending

LATER = "is known only after apply"
GROUP = "Microsoft.Resources/resourceGroups"
# Types of which only tags, location and kind matter here.
PLAIN = {
    "azurerm_container_registry": "Microsoft.ContainerRegistry/registries",
    "azurerm_key_vault": "Microsoft.KeyVault/vaults",
    "azurerm_application_insights": "Microsoft.Insights/components",
    "azurerm_log_analytics_workspace": "Microsoft.OperationalInsights/workspaces",
    "azurerm_virtual_network": "Microsoft.Network/virtualNetworks",
    "azurerm_network_security_group": "Microsoft.Network/networkSecurityGroups",
    "azurerm_public_ip": "Microsoft.Network/publicIPAddresses",
    "azurerm_private_endpoint": "Microsoft.Network/privateEndpoints",
    "azurerm_user_assigned_identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "azurerm_kubernetes_cluster": "Microsoft.ContainerService/managedClusters",
    "azurerm_linux_virtual_machine": "Microsoft.Compute/virtualMachines",
    "azurerm_windows_virtual_machine": "Microsoft.Compute/virtualMachines",
    "azurerm_managed_disk": "Microsoft.Compute/disks",
    "azurerm_cognitive_account": "Microsoft.CognitiveServices/accounts",
    "azurerm_data_factory": "Microsoft.DataFactory/factories",
    "azurerm_databricks_workspace": "Microsoft.Databricks/workspaces",
}


def is_plan(found: Any) -> bool:
    return isinstance(found, dict) and "resource_changes" in found


def is_state(found: Any) -> bool:
    """Terraform's own state, or a plan without its changes: not what would be sent."""
    return isinstance(found, dict) and "terraform_version" in found and "resource_changes" not in found


def resources(found: Json, source: str, place: Place) -> list[Given]:
    """The resources that the plan creates, changes or keeps."""
    changes = [each for each in found.get("resource_changes") or [] if isinstance(each, dict) and _stays(each)]
    planned = [(each, _merged(each)) for each in changes]
    groups = {
        str(after.get("name")).lower(): after for each, after in planned if each["type"] == "azurerm_resource_group"
    }
    made = []
    for each, after in planned:
        where = f"{source}: {each.get('address', each['type'])}"
        made.append(_given(str(each["type"]), after, where, place, groups))
    return made


def _stays(change: Json) -> bool:
    actions = (change.get("change") or {}).get("actions") or []
    azure = str(change.get("type", "")).startswith(("azurerm_", "azapi_"))
    return azure and change.get("mode", "managed") == "managed" and bool({"create", "update", "no-op"} & set(actions))


def _merged(change: Json) -> Json:
    """What will be there, with a mark wherever it is known only after apply."""
    inner = change["change"]
    merged = _marked(inner.get("after") or {}, inner.get("after_unknown") or {})
    return merged if isinstance(merged, dict) else {}


def _marked(value: Any, unknown: Any, name: str = "it") -> Any:
    if unknown is True:
        return pending(f"{name} {LATER}")
    if isinstance(unknown, dict):
        known = value if isinstance(value, dict) else {}
        return {
            key: _marked(known.get(key), unknown.get(key), key)
            for key in [*known, *(k for k in unknown if k not in known)]
        }
    if isinstance(unknown, list) and isinstance(value, list):
        return [_marked(each, unknown[at] if at < len(unknown) else None, name) for at, each in enumerate(value)]
    return value


def _given(kind: str, after: Json, source: str, place: Place, groups: dict[str, Json]) -> Given:
    maker = MAKERS.get(kind)
    name = str(after.get("name") or "")
    words = f"{kind} {name}"
    if maker is None and kind in PLAIN:
        maker = lambda after: {"type": PLAIN[kind]}  # noqa: E731
    if maker is None:
        return Given(source, words, {}, skipped=f"finops does not know what {kind} sends to Azure")
    try:
        made = maker(after)
    except NotSent as reason:
        return Given(source, words, {}, skipped=str(reason))
    group = _group_of(after)
    tags = after.get("tags")
    body = compact(
        {
            "name": name,
            "location": after.get("location"),
            "tags": tags if isinstance(tags, dict) else None,
            "id": _id(after, made, group, place),
            **made,
        }
    )
    body.pop("parent", None)
    context = place.context(group)
    around = groups.get(group.lower())
    if around is not None:
        own = around.get("tags")
        context["resourceGroup"] = {"name": group, "tags": own if isinstance(own, dict) else {}}
    return Given(source, words, body, context, tags=f"tags {LATER}" if isinstance(tags, str) else "")


class NotSent(Exception):
    """Why a planned resource cannot be turned into what Azure would be sent."""


def _group_of(after: Json) -> str:
    known = after.get("resource_group_name")
    if isinstance(known, str) and "\ufdd0" not in known:
        return known
    for key in ("machine_learning_workspace_id", "parent_id", "storage_account_id", "id"):
        parts = str(after.get(key) or "").strip("/").split("/")
        if len(parts) > 3 and parts[2].lower() == "resourcegroups":
            return parts[3]
    return ""


def _id(after: Json, made: Json, group: str, place: Place) -> str | None:
    parent = str(made.get("parent") or "")
    leaf, name = str(made["type"]).rpartition("/")[2], str(after.get("name") or made.get("name") or "")
    if parent.startswith("/subscriptions/") and "/providers/" in parent:
        return f"{parent}/{leaf}/{name}"
    if parent.startswith("/subscriptions/") and "/resourcegroups/" in parent.lower():
        return f"{parent}/providers/{made['type']}/{name}"
    if made["type"] == GROUP:
        return place.id_of(GROUP, name, group=name) or None
    return place.id_of(made["type"], name, group=group) or None if made["type"].count("/") == 1 else None


def _first(after: Json, name: str) -> Json:
    """A nested block: Terraform writes it as a list of one."""
    found = after.get(name)
    inner = found[0] if isinstance(found, list) and found else found
    return inner if isinstance(inner, dict) else {}


def _cluster(after: Json) -> Json:
    scale = _first(after, "scale_settings")
    settings = {
        "minNodeCount": scale.get("min_node_count"),
        "maxNodeCount": scale.get("max_node_count"),
        "nodeIdleTimeBeforeScaleDown": scale.get("scale_down_nodes_after_idle_duration"),
    }
    inner = {"vmSize": after.get("vm_size"), "vmPriority": after.get("vm_priority"), "scaleSettings": compact(settings)}
    return _compute("AmlCompute", inner, after)


def _compute(kind: str, inner: Json, after: Json) -> Json:
    return {"type": f"{ML}/computes", "parent": after.get("machine_learning_workspace_id"),
            "properties": {"computeType": kind, "properties": compact(inner)}}  # fmt: skip


def _instance(after: Json) -> Json:
    return _compute("ComputeInstance", {"vmSize": after.get("virtual_machine_size")}, after)


def _workspace(after: Json) -> Json:
    return {"type": ML, "kind": after.get("kind"), "properties": compact({"friendlyName": after.get("friendly_name")})}


def _account(after: Json) -> Json:
    tier, copies = after.get("account_tier"), after.get("account_replication_type")
    return {"type": "Microsoft.Storage/storageAccounts", "kind": after.get("account_kind") or "StorageV2",
            "sku": {"name": f"{tier}_{copies}", "tier": tier},
            "properties": compact({"accessTier": after.get("access_tier")})}  # fmt: skip


def _lifecycle(after: Json) -> Json:
    rules = [
        {"name": rule.get("name"), "enabled": rule.get("enabled"), "type": "Lifecycle"}
        for rule in after.get("rule") or []
        if isinstance(rule, dict)
    ]
    return {"type": "Microsoft.Storage/storageAccounts/managementPolicies", "name": "default",
            "parent": after.get("storage_account_id"), "properties": {"policy": {"rules": rules}}}  # fmt: skip


def _any(after: Json) -> Json:
    """azapi_resource: the body is ARM's own already."""
    kind = str(after.get("type") or "").split("@")[0]
    if "/" not in kind or "\ufdd0" in kind:
        raise NotSent("its type is known only after apply")
    body = after.get("body")
    if isinstance(body, str) and "\ufdd0" not in body:
        try:
            body = json.loads(body)
        except ValueError as fault:
            raise NotSent(f"its body is no JSON: {fault}") from fault
    if not isinstance(body, dict):
        raise NotSent("its body is known only after apply" if body else "it has no body")
    kept = {key: body[key] for key in ("properties", "sku", "kind", "identity", "tags", "location") if key in body}
    return {"type": kind, "parent": after.get("parent_id"), **kept}


def _partly(after: Json) -> Json:
    raise NotSent("it changes a part of a resource that the plan does not show")


MAKERS: dict[str, Callable[[Json], Json]] = {
    "azurerm_machine_learning_compute_cluster": _cluster,
    "azurerm_machine_learning_compute_instance": _instance,
    "azurerm_machine_learning_workspace": _workspace,
    "azurerm_resource_group": lambda after: {"type": GROUP},
    "azurerm_storage_account": _account,
    "azurerm_storage_management_policy": _lifecycle,
    "azapi_resource": _any,
    "azapi_update_resource": _partly,
    "azapi_resource_action": _partly,
}
