"""The one table of Azure permissions: each action, the feature that needs it, who sends it, and why.

Names as in https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations (2026-10). What
reads bears the reader's token, what changes the executor's (finops.cloud.gateway): so does each action belong to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Who = Literal["reader", "executor"]
ML = "Microsoft.MachineLearningServices/workspaces"
LOCATIONS = "Microsoft.MachineLearningServices/locations"
ACR = "Microsoft.ContainerRegistry/registries"
STORAGE = "Microsoft.Storage/storageAccounts"
AUTH = "Microsoft.Authorization"
POLICY = "Microsoft.PolicyInsights"
BUDGETS = "Microsoft.Consumption/budgets"
BLOBS = f"{STORAGE}/blobServices/containers/blobs"


@dataclass(frozen=True)
class Need:
    """One action. data: it opens what is in a resource, and stands among a role's DataActions.

    asked_by_azure: Azure asks for it beside the action that is sent; no request of ours has its name.
    """

    feature: str
    who: Who
    action: str
    why: str
    data: bool = False
    asked_by_azure: bool = False


def _reads(feature: str, *rows: tuple[str, str]) -> tuple[Need, ...]:
    return tuple(Need(feature, "reader", action, why) for action, why in rows)


def _changes(feature: str, *rows: tuple[str, str]) -> tuple[Need, ...]:
    return tuple(Need(feature, "executor", action, why) for action, why in rows)


# Azure asks for these of whoever makes something that is in a subnet or has an identity (azure-docs, 2026).
_LINKED = (
    ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "what is made has an identity that people made"),
    ("Microsoft.Network/virtualNetworks/subnets/join/action", "what is made is in a subnet"),
)


def _linked(feature: str) -> tuple[Need, ...]:
    return tuple(Need(feature, "executor", action, why, asked_by_azure=True) for action, why in _LINKED)


TAGS = ("Microsoft.Resources/tags/read", "the last look before a change: a tag may protect it, at any level above")

NEEDS: tuple[Need, ...] = (
    *_reads(
        "estate",
        ("Microsoft.Resources/subscriptions/read", "which subscriptions there are"),
        ("Microsoft.Resources/subscriptions/resourceGroups/read", "tags and names of groups"),
        ("Microsoft.ResourceGraph/resources/read", "the list of all resources"),
        (f"{AUTH}/locks/read", "what is locked is never touched"),
        (f"{AUTH}/roleAssignments/read", "who owns what, and what an undo would have to give back"),
        (f"{ML}/read", "workspaces"),
        (f"{ML}/computes/read", "clusters and instances"),
        (f"{ML}/computes/listNodes/action", "which nodes of a cluster work"),
        (f"{ML}/jobs/read", "what runs, and what ran last"),
        (f"{ML}/schedules/read", "what will run"),
        (f"{ML}/environments/read", "environments"),
        (f"{ML}/environments/versions/read", "the images that they use"),
        (f"{ML}/components/versions/read", "the environments that components use"),
        (f"{ML}/onlineEndpoints/read", "online endpoints"),
        (f"{ML}/onlineEndpoints/deployments/read", "their deployments"),
        (f"{ML}/batchEndpoints/read", "batch endpoints"),
        (f"{ML}/batchEndpoints/*/read", "their deployments and jobs"),
        (f"{ML}/serverlessEndpoints/read", "serverless endpoints"),
        (f"{ACR}/read", "registries"),
        (f"{STORAGE}/read", "storage accounts"),
        ("Microsoft.KeyVault/vaults/read", "whose a workspace's Key Vault is"),
        ("Microsoft.Insights/components/read", "whose a workspace's Application Insights are"),
        ("Microsoft.Insights/autoscalesettings/read", "what scales an endpoint"),
        ("Microsoft.Insights/eventtypes/values/read", "who made something, and when"),
        ("Microsoft.Insights/metrics/read", "whether something is used; at the subscription, as Monitor's batches are"),
    ),
    *_reads("charges", ("Microsoft.CostManagement/query/action", "what it costs")),
    *_reads("check", (f"{AUTH}/permissions/read", "what is granted: `finops permissions check`")),
    Need("check", "executor", f"{AUTH}/permissions/read", "what is granted: `finops permissions check`"),
    *_reads("guard", TAGS),
    *_changes(
        "guard",
        ("Microsoft.Resources/tags/write", "a missing CostCenter is written where its value is known"),
        (f"{ML}/computes/write", "a cluster's nodes, minimum and idle time"),
    ),
    *_reads(
        "guard recreate",
        (f"{POLICY}/checkPolicyRestrictions/read", "whether a policy would refuse the spot cluster"),
        (f"{LOCATIONS}/vmSizes/read", "whether the size is offered as spot"),
        (f"{LOCATIONS}/usages/read", "whether the spot quota has room"),
    ),
    *_changes("guard recreate", (f"{ML}/computes/delete", "a drained dedicated cluster goes, to be made anew as spot")),
    *_linked("guard recreate"),
    *_reads(
        "images",
        (f"{ACR}/metadata/read", "repositories, manifests and tags"),
        (f"{ACR}/pull/read", "what an image consists of, and what it refers to"),
    ),
    *_reads("janitor act", TAGS),
    *_changes("janitor stop", (f"{ML}/computes/stop/action", "an idle instance is stopped")),
    *_changes("janitor scale", (f"{ML}/computes/write", "a cluster's minimum becomes 0, also as a quiet step")),
    *_changes("janitor traffic", (f"{ML}/onlineEndpoints/write", "its traffic is taken away first")),
    *_changes("janitor computes", (f"{ML}/computes/delete", "an unused cluster or instance is deleted")),
    *_changes("janitor endpoints", (f"{ML}/onlineEndpoints/delete", "an unused endpoint is deleted")),
    *_changes("janitor deployments", (f"{ML}/onlineEndpoints/deployments/delete", "an unused deployment is deleted")),
    *_changes("janitor batch", (f"{ML}/batchEndpoints/delete", "a batch endpoint that nobody calls is deleted")),
    *_changes("janitor archive", (f"{ML}/environments/versions/write", "an unused version is archived")),
    *_changes("janitor disable", (f"{ML}/schedules/write", "a schedule that feeds nothing is switched off")),
    *_changes("janitor images", (f"{ACR}/artifacts/delete", "an image that nothing reaches is deleted")),
    *_reads(
        "tier",
        (f"{STORAGE}/blobServices/read", "whether last access is tracked"),
        (f"{STORAGE}/blobServices/containers/read", "containers, and what is immutable"),
        (f"{STORAGE}/managementPolicies/read", "the rules that there are"),
        (f"{STORAGE}/inventoryPolicies/read", "the inventories that there are"),
        (f"{ML}/datastores/read", "which containers trainings read"),
        (f"{ML}/data/versions/read", "which paths are data of a workspace"),
        (f"{ML}/models/versions/read", "which paths are models"),
    ),
    Need(
        "tier", "reader", f"{BLOBS}/read", "inventories, and the lists of small accounts; without it, give --inventory",
        data=True,
    ),
    *_reads("tier apply", TAGS),
    *_changes(
        "tier apply",
        (f"{STORAGE}/managementPolicies/write", "lifecycle rules, everybody else's as they are"),
        (f"{STORAGE}/managementPolicies/delete", "rules of ours, where there were none before"),
    ),
    *_changes("tier tracking", (f"{STORAGE}/blobServices/write", "last access tracking is switched on")),
    *_changes(
        "tier inventory",
        (f"{STORAGE}/blobServices/containers/write", "the container of a daily inventory"),
        (f"{STORAGE}/inventoryPolicies/write", "its rule"),
        (f"{STORAGE}/inventoryPolicies/delete", "the same, taken back"),
    ),
    Need("tier blobs", "executor", f"{BLOBS}/write", "blobs of small accounts are moved one by one", data=True),
    *_reads("compliance", (f"{POLICY}/policyStates/queryResults/action", "what Azure Policy found")),
    *_reads(
        "policy compliance",
        (f"{POLICY}/policyStates/queryResults/action", "what Azure Policy found"),
        (f"{POLICY}/policyStates/summarize/action", "how much does not comply"),
        (f"{POLICY}/policyStates/triggerEvaluation/action", "Azure evaluates anew, where it is waited for"),
        (f"{AUTH}/policyAssignments/read", "which policies are assigned"),
        (f"{AUTH}/policyDefinitions/read", "what they say, to compare"),
        (f"{AUTH}/policySetDefinitions/read", "the same of initiatives"),
    ),
    *_reads(
        "policy deploy",
        ("Microsoft.Resources/subscriptions/read", "the scope"),
        ("Microsoft.Resources/subscriptions/resourceGroups/read", "the same"),
        (f"{AUTH}/policyDefinitions/read", "what is there, shown before it is changed"),
        (f"{AUTH}/policySetDefinitions/read", "the same of initiatives"),
        (f"{AUTH}/policyAssignments/read", "the same of assignments"),
        (f"{AUTH}/roleAssignments/read", "whether the assignment's identity may do what its rule does"),
        (f"{AUTH}/roleDefinitions/read", "the names of roles that it lacks"),
    ),
    *_changes(
        "policy deploy",
        (f"{AUTH}/policyDefinitions/write", "definitions"),
        (f"{AUTH}/policySetDefinitions/write", "initiatives"),
        (f"{AUTH}/policyAssignments/write", "assignments"),
    ),
    *_reads(
        "policy remediate",
        (f"{POLICY}/policyStates/queryResults/action", "what breaks the rule"),
        (f"{POLICY}/remediations/read", "how far a task is"),
        (f"{POLICY}/remediations/listDeployments/action", "what failed in it"),
    ),
    *_changes("policy remediate", (f"{POLICY}/remediations/write", "Azure is asked to mend")),
    *_reads(
        "budget sync",
        ("Microsoft.Resources/subscriptions/read", "the scopes of budgets"),
        ("Microsoft.Resources/subscriptions/resourceGroups/read", "the same"),
        (f"{BUDGETS}/read", "the budgets that there are"),
    ),
    *_changes(
        "budget sync",
        (f"{BUDGETS}/write", "budgets are made and changed"),
        (f"{BUDGETS}/delete", "a budget of ours that is in the settings no more"),
    ),
    *_reads(
        "undo",
        (f"{ACR}/metadata/read", "whether the image is there"),
        (f"{ACR}/pull/read", "which of its layers are"),
    ),
    *_changes(
        "undo",
        (f"{ML}/computes/write", "a cluster or an instance is made again"),
        (f"{ML}/computes/start/action", "an instance is started"),
        (f"{ML}/computes/stop/action", "one that was stopped is stopped again"),
        (f"{ML}/onlineEndpoints/write", "endpoints, and their traffic"),
        (f"{ML}/onlineEndpoints/deployments/write", "deployments"),
        (f"{ML}/batchEndpoints/write", "batch endpoints"),
        (f"{ML}/batchEndpoints/deployments/write", "their deployments"),
        (f"{ML}/environments/versions/write", "an archived version is given back"),
        (f"{ML}/schedules/write", "a schedule is switched on"),
        ("Microsoft.Insights/autoscalesettings/write", "what scaled an endpoint"),
        (f"{AUTH}/roleAssignments/write", "the roles of an endpoint's identity; without it, commands are named"),
        (f"{ACR}/pull/read", "a registry asks for it of whoever pushes"),
        (f"{ACR}/push/write", "an image is pushed again"),
    ),
    *_linked("undo"),
    Need(
        "key vault", "reader", "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        "secrets that are given as keyvault:NAME; on that vault only", data=True,
    ),
)  # fmt: skip
