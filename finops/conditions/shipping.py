"""How aliases.csv.gz is made, the alias table that comes with aml-finops: python -m finops.conditions.shipping DUMP

DUMP is alias_name_to_default_path_2024-05.csv.gz, "alias,path" lines of every provider, from
Azure/azure-policy@f4a50bac (MIT, Copyright (c) Microsoft Corporation). Newer aliases of the types that we govern are
added by hand.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

from finops.conditions.aliases import SHIPPED, type_in_alias

ML = "Microsoft.MachineLearningServices/workspaces"
GOVERNED = (
    "microsoft.machinelearningservices/",
    "microsoft.storage/storageaccounts",
    "microsoft.containerregistry/",
    "microsoft.resources/",
    "microsoft.compute/virtualmachines",
    "microsoft.compute/virtualmachinescalesets",
    "microsoft.compute/disks",
    "microsoft.compute/image",
)
# Aliases of a namespace, which read another path in each type that has them.
SHARED = {
    "properties.storageProfile.": "microsoft.compute/virtualmachines",
    "properties.virtualMachineProfile.": "microsoft.compute/virtualmachinescalesets",
    "properties.creationData.": "microsoft.compute/disks",
}
# Newer than the dump; seen in jeircul/azure-policy-aliases@914f647c (MIT), a dump of Get-AzPolicyAlias.
# Each reads properties.<name>, but sku and what is below it, which is not in properties.
ADDED = {
    ML: """
        storageAccounts storageAccounts[*] keyVaults keyVaults[*] containerRegistries containerRegistries[*]
        existingWorkspaces existingWorkspaces[*] hubResourceId associatedWorkspaces associatedWorkspaces[*]
        enableDataIsolation managedNetwork managedNetwork.isolationMode managedNetwork.networkId
        managedNetwork.outboundRules managedNetwork.status managedNetwork.status.status
        managedNetwork.status.sparkReady managedNetwork.firewallSku managedNetwork.changeableIsolationModes
        managedNetwork.changeableIsolationModes[*] workspaceHubConfig workspaceHubConfig.defaultWorkspaceResourceGroup
        serverlessComputeSettings serverlessComputeSettings.serverlessComputeCustomSubnet
        serverlessComputeSettings.serverlessComputeNoPublicIP systemDatastoresAuthMode ipAllowlist ipAllowlist[*]
        allowRoleAssignmentOnRG enableServiceSideCMKEncryption enableSimplifiedCmk enableSoftwareBillOfMaterials
        networkAcls networkAcls.defaultAction networkAcls.ipRules networkAcls.ipRules[*] networkAcls.ipRules[*].value
        provisionNetworkNow agentsEndpointUri""",
    f"{ML}/serverlessEndpoints": """
        authMode capacityReservation capacityReservation.capacityReservationGroupId
        capacityReservation.endpointReservedCapacity inferenceEndpoint inferenceEndpoint.uri offer offer.offerName
        offer.publisher provisioningState sku sku.name sku.tier sku.size sku.family sku.capacity
        marketplaceSubscriptionId modelSettings modelSettings.modelId endpointState contentSafety
        contentSafety.contentSafetyStatus""",
}
# Types with tags and a location (TrackedResource in azure-rest-api-specs): mode Indexed evaluates these, not the rest.
TRACKED = frozenset(
    f"{namespace}/{kind}"
    for namespace, kinds in {
        "microsoft.machinelearningservices": """
            workspaces workspaces/computes workspaces/onlineendpoints registries
            workspaces/onlineendpoints/deployments workspaces/batchendpoints
            workspaces/batchendpoints/deployments workspaces/serverlessendpoints
            workspaces/privateendpointconnections
        """,
        "microsoft.storage": """
            storageaccounts
        """,
        "microsoft.containerregistry": """
            registries registries/tasks registries/webhooks registries/replications registries/agentpools
            registries/buildtasks
        """,
        "microsoft.compute": """
            virtualmachines disks virtualmachinescalesets virtualmachines/extensions virtualmachines/runcommands
            virtualmachinescalesets/virtualmachines virtualmachinescalesets/virtualmachines/runcommands images
        """,
        "microsoft.resources": """
            deploymentscripts templatespecs templatespecs/versions
        """,
    }.items()
    for kind in kinds.split()
)  # fmt: skip


def rows(dump: Path) -> list[list[str]]:
    """(alias, path) of the governed types, and the resource type as a third column where the alias does not tell it."""
    with gzip.open(dump, "rt", encoding="utf-8", newline="") as lines:
        found = [_row(name, path) for name, path in csv.reader(lines) if name.lower().startswith(GOVERNED)]
    known = {row[0].lower() for row in found}
    for kind, names in ADDED.items():
        for name in names.split():
            path = name if name.split(".")[0] == "sku" else f"properties.{name}"
            if f"{kind}/{name}".lower() not in known:
                found.append([f"{kind}/{name}", path])
    return found


def _row(name: str, path: str) -> list[str]:
    kind = next((kind for head, kind in SHARED.items() if path.startswith(head)), "")
    return [name, path, kind] if "/" not in type_in_alias(name) else [name, path]


def write(dump: Path, to: Path = SHIPPED) -> int:
    """Writes the table, the same bytes each time. Returns how many aliases it has."""
    found = rows(dump)
    kinds = {row[2] if len(row) > 2 else type_in_alias(row[0]) for row in found}
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(
        ["# Made by finops/conditions/shipping.py, which says from what. alias, default path, resource type"]
    )
    table.writerow(["#as-of", "2024-05"])
    table.writerows(["#untaggable", kind] for kind in sorted(kinds - TRACKED))
    table.writerows(found)
    to.write_bytes(gzip.compress(out.getvalue().encode(), 9, mtime=0))
    return len(found)


if __name__ == "__main__":
    sys.stdout.write(f"{write(Path(sys.argv[1]))} aliases written to {SHIPPED}\n")
