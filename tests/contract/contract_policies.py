"""One of everything that Azure Policy answers, from definitions to remediations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contract_drive import Driver

Json = dict[str, Any]
VERSION, EXEMPTION, INSIGHTS, RESTRICTIONS = "2023-04-01", "2022-07-01-preview", "2021-10-01", "2023-03-01"
AUTHORIZATION, POLICY = "Microsoft.Authorization", "Microsoft.PolicyInsights"
CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
TAG = {
    "displayName": "Owner on everything",
    "mode": "Indexed",
    "metadata": {"category": "Tags"},
    "parameters": {"owner": {"type": "String", "defaultValue": "ana"}},
    "policyRule": {
        "if": {"field": "tags['Owner']", "exists": "false"},
        "then": {
            "effect": "modify",
            "details": {
                "roleDefinitionIds": [CONTRIBUTOR],
                "operations": [{"operation": "add", "field": "tags['Owner']", "value": "[parameters('owner')]"}],
            },
        },
    },
}
DENY = {
    "displayName": "No clusters of GPUs",
    "mode": "All",
    "policyRule": {
        "if": {"field": "Microsoft.MachineLearningServices/workspaces/computes/vmSize", "like": "Standard_NC*"},
        "then": {"effect": "deny"},
    },
}


def drive_policies(driver: Driver, subscription: str, workspace: str) -> None:
    """At a subscription, a management group, a resource group and a resource."""
    root = f"/providers/Microsoft.Management/managementGroups/{driver.world.stamp['tenantId']}"
    for scope in (root, subscription):
        _definitions(driver, scope)
    group = "/".join(workspace.split("/")[:5])
    own = f"{subscription}/providers/{AUTHORIZATION}"
    identity = {"location": "eastus", "identity": {"type": "SystemAssigned"}}
    for scope in (subscription, group):
        assignments = f"{scope}/providers/{AUTHORIZATION}/policyAssignments"
        told = {"policyDefinitionId": f"{own}/policyDefinitions/owner", "displayName": "Owner"}
        driver.ask("PUT", f"{assignments}/owner", {"properties": told, **identity}, VERSION)
        messages = [{"message": "No GPUs here."}]
        told = {"policyDefinitionId": f"{own}/policySetDefinitions/ours", "nonComplianceMessages": messages}
        driver.ask("PUT", f"{assignments}/ours", {"properties": told, **identity}, VERSION)
        driver.ask("PATCH", f"{assignments}/ours", {"identity": {"type": "SystemAssigned"}}, VERSION)
        for path in (assignments, f"{assignments}/ours", f"{assignments}/none"):
            driver.ask("GET", path, version=VERSION)
    _exemptions(driver, f"{subscription}/providers/{AUTHORIZATION}/policyAssignments/owner", group)
    driver.world.clock.advance(minutes=20)
    _insights(driver, subscription, group, f"{group}/providers/{AUTHORIZATION}/policyAssignments/owner")
    refused = {
        "location": "eastus",
        "properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_NC6"}},
    }
    driver.ask("PUT", f"{workspace}/computes/gpu", refused, "2024-04-01")
    for scope in (subscription, group):
        for name in ("owner", "ours", "none"):
            path = f"{scope}/providers/{AUTHORIZATION}/policyAssignments/{name}"
            driver.ask("DELETE", path, version=VERSION)
    for scope in (subscription, root):
        for name in ("policySetDefinitions/ours", "policyDefinitions/owner", "policyDefinitions/gpu"):
            driver.ask("DELETE", f"{scope}/providers/{AUTHORIZATION}/{name}", version=VERSION)
    driver.world.clock.advance(minutes=20)


def _definitions(driver: Driver, scope: str) -> None:
    own = f"{scope}/providers/{AUTHORIZATION}"
    driver.ask("PUT", f"{own}/policyDefinitions/owner", {"properties": TAG}, VERSION)
    driver.ask("PUT", f"{own}/policyDefinitions/gpu", {"properties": DENY}, VERSION)
    members = [
        {"policyDefinitionId": f"{own}/policyDefinitions/{name}", "policyDefinitionReferenceId": name}
        for name in ("owner", "gpu")
    ]
    for _ in range(2):
        ours = {"properties": {"displayName": "Ours", "policyDefinitions": members}}
        driver.ask("PUT", f"{own}/policySetDefinitions/ours", ours, VERSION)
    for kind, name in (("policyDefinitions", "owner"), ("policySetDefinitions", "ours")):
        for path in (
            f"{own}/{kind}",
            f"{own}/{kind}/{name}",
            f"{own}/{kind}/none",
            f"/providers/{AUTHORIZATION}/{kind}",
        ):
            driver.ask("GET", path, version=VERSION)
        driver.ask("GET", f"/providers/{AUTHORIZATION}/{kind}/none", version=VERSION)


def _exemptions(driver: Driver, assignment: str, group: str) -> None:
    exemptions = f"{group}/providers/{AUTHORIZATION}/policyExemptions"
    body = {"properties": {"policyAssignmentId": assignment, "exemptionCategory": "Waiver", "description": "A trial."}}
    driver.ask("PUT", f"{exemptions}/trial", body, EXEMPTION)
    driver.ask("PUT", f"{exemptions}/trial", body, EXEMPTION)
    places = [{"name": "here", "selectors": [{"kind": "resourceLocation", "in": ["eastus"]}]}]
    driver.ask("PATCH", f"{exemptions}/trial", {"properties": {"resourceSelectors": places}}, EXEMPTION)
    for path in (exemptions, f"{exemptions}/trial", f"{exemptions}/none"):
        driver.ask("GET", path, version=EXEMPTION)
    driver.ask("DELETE", f"{exemptions}/trial", version=EXEMPTION)
    driver.ask("DELETE", f"{exemptions}/trial", version=EXEMPTION)


def _insights(driver: Driver, subscription: str, group: str, assignment: str) -> None:
    for scope in (subscription, group):
        states = f"{scope}/providers/{POLICY}/policyStates/latest"
        driver.ask("POST", f"{states}/queryResults", version="2019-10-01")
        driver.ask("POST", f"{states}/summarize", version="2019-10-01")
        content = {"type": "Microsoft.Storage/storageAccounts", "name": "fresh", "location": "eastus"}
        pending = [{"field": "tags"}, {"field": "name", "values": ["a", "b"]}]
        asked = {"resourceDetails": {"resourceContent": content}, "pendingFields": pending}
        driver.ask("POST", f"{scope}/providers/{POLICY}/checkPolicyRestrictions", asked, RESTRICTIONS)
    tasks = f"{group}/providers/{POLICY}/remediations"
    task = {"properties": {"policyAssignmentId": assignment, "resourceCount": 3}}
    driver.ask("PUT", f"{tasks}/tag", task, INSIGHTS)
    for _ in range(3):
        driver.ask("GET", f"{tasks}/tag", version=INSIGHTS)
    driver.ask("GET", tasks, version=INSIGHTS)
    for method in ("POST", "GET"):
        driver.ask(method, f"{tasks}/tag/listDeployments", version=INSIGHTS)
    driver.ask("PUT", f"{tasks}/again", task, INSIGHTS)
    driver.ask("POST", f"{tasks}/again/cancel", version=INSIGHTS)
    driver.ask("GET", f"{tasks}/none", version=INSIGHTS)
    for _ in range(3):
        driver.ask("GET", f"{tasks}/again", version=INSIGHTS)
    for name in ("tag", "again", "none"):
        driver.ask("DELETE", f"{tasks}/{name}", version=INSIGHTS)
