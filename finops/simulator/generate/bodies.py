"""ARM bodies as Azure returns them (field for field after recorded answers of 2022 to 2025)."""

from __future__ import annotations

import uuid
from typing import Any

from finops.simulator.clock import stamp_of
from finops.simulator.draws import key_of
from finops.simulator.store import Json

TENANT = "5b0f6a3e-8c1d-4f4b-9a55-3a1f0c0de001"
ML = "Microsoft.MachineLearningServices"


def guid(*parts: object) -> str:
    """An id that looks random and is the same for the same parts."""
    return str(uuid.UUID(int=(key_of(*parts) << 64) | key_of(*parts, "low"), version=4))


def system_data(created: int, person: str) -> Json:
    return {
        "createdAt": stamp_of(created, key_of(person, created)),
        "createdBy": person,
        "createdByType": "Application" if person.startswith("sp-") else "User",
        "lastModifiedAt": stamp_of(created + 3, key_of(person, created, 1)),
        "lastModifiedBy": person,
        "lastModifiedByType": "Application" if person.startswith("sp-") else "User",
    }


def subscription(subscription_id: str, name: str, tags: dict[str, str]) -> Json:
    return {
        "id": f"/subscriptions/{subscription_id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription_id,
        "tenantId": TENANT,
        "displayName": name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
        "tags": tags,
    }


def resource_group(subscription_id: str, name: str, region: str, tags: dict[str, str]) -> Json:
    return {
        "id": f"/subscriptions/{subscription_id}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": region,
        "tags": tags,
        "properties": {"provisioningState": "Succeeded"},
    }


def resource(group: str, full_type: str, name: str, region: str, tags: dict[str, str] | None, **more: Any) -> Json:
    """A resource of that type in the group (an id) named; `more` are top-level fields."""
    body = {"id": f"{group}/providers/{full_type}/{name}", "name": name, "type": full_type, "location": region, **more}
    if tags is not None:
        body["tags"] = tags
    return body


def child(parent: str, full_type: str, name: str, region: str, tags: dict[str, str] | None, **more: Any) -> Json:
    """A resource below another: the last word of its type names the collection."""
    body = {
        "id": f"{parent}/{full_type.rsplit('/', 1)[-1]}/{name}",
        "name": name,
        "type": full_type,
        "location": region,
        **more,
    }
    if tags is not None:
        body["tags"] = tags
    return body


def storage_account(group: str, name: str, region: str, sku: str, created: int, tags: dict[str, str]) -> Json:
    services = {
        name: {"keyType": "Account", "enabled": True, "lastEnabledTime": stamp_of(created)} for name in ("file", "blob")
    }
    endpoints = {
        name_: f"https://{name}.{name_}.core.windows.net/" for name_ in ("dfs", "web", "blob", "queue", "table", "file")
    }
    properties = {
        "defaultToOAuthAuthentication": False,
        "publicNetworkAccess": "Enabled",
        "keyCreationTime": {"key1": stamp_of(created), "key2": stamp_of(created)},
        "allowCrossTenantReplication": False,
        "privateEndpointConnections": [],
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": True,
        "isHnsEnabled": False,
        "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
        "supportsHttpsTrafficOnly": True,
        "encryption": {"services": services, "keySource": "Microsoft.Storage"},
        "accessTier": "Hot",
        "provisioningState": "Succeeded",
        "creationTime": stamp_of(created),
        "primaryEndpoints": endpoints,
        "primaryLocation": region,
        "statusOfPrimary": "available",
    }
    return resource(group, "Microsoft.Storage/storageAccounts", name, region, tags,
                    sku={"name": sku, "tier": sku.split("_")[0]}, kind="StorageV2", properties=properties)  # fmt: skip


def key_vault(group: str, name: str, region: str, created: int, person: str, tags: dict[str, str]) -> Json:
    properties = {
        "sku": {"family": "A", "name": "standard"},
        "tenantId": TENANT,
        "accessPolicies": [],
        "enabledForDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "vaultUri": f"https://{name}.vault.azure.net/",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
    }
    return resource(group, "Microsoft.KeyVault/vaults", name, region, tags,
                    systemData=system_data(created, person), properties=properties)  # fmt: skip


def app_insights(group: str, name: str, region: str, created: int, tags: dict[str, str]) -> Json:
    properties = {
        "ApplicationId": name,
        "AppId": guid("appid", group, name),
        "Application_Type": "web",
        "Flow_Type": "Redfield",
        "Request_Source": "IbizaMachineLearningExtension",
        "InstrumentationKey": "(redacted)",
        "CreationDate": stamp_of(created),
        "TenantId": group.split("/")[2],
        "provisioningState": "Succeeded",
        "RetentionInDays": 90,
        "IngestionMode": "LogAnalytics",
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
    }
    return resource(group, "microsoft.insights/components", name, region, tags, kind="web", etag='"0000"',
                    properties=properties)  # fmt: skip


def registry(group: str, name: str, region: str, sku: str, created: int, person: str, tags: dict[str, str]) -> Json:
    properties = {
        "loginServer": f"{name}.azurecr.io",
        "creationDate": stamp_of(created),
        "provisioningState": "Succeeded",
        "adminUserEnabled": True,
        "policies": {
            "quarantinePolicy": {"status": "disabled"},
            "trustPolicy": {"type": "Notary", "status": "disabled"},
            "retentionPolicy": {"days": 7, "lastUpdatedTime": stamp_of(created), "status": "disabled"},
        },
        "publicNetworkAccess": "Enabled",
        "zoneRedundancy": "Disabled",
    }
    return resource(group, "Microsoft.ContainerRegistry/registries", name, region, tags,
                    sku={"name": sku, "tier": sku}, properties=properties,
                    systemData=system_data(created, person))  # fmt: skip


def workspace(
    group: str, name: str, region: str, created: int, person: str, companions: dict[str, str], tags: dict[str, str]
) -> Json:
    """`companions` are the ids of its storageAccount, keyVault, applicationInsights and containerRegistry."""
    identity = guid("workspace", group, name)
    own = f"{group}/providers/{ML}/workspaces/{name}"
    properties = {
        "friendlyName": name,
        "description": "",
        **companions,
        "hbiWorkspace": False,
        "tenantId": TENANT,
        "imageBuildCompute": None,
        "provisioningState": "Succeeded",
        "v1LegacyMode": False,
        "softDeleteEnabled": False,
        "creationTime": stamp_of(created),
        "notebookInfo": {
            "resourceId": key_of(identity).to_bytes(8, "big").hex(),
            "fqdn": f"ml-{name}-{region}-{identity}.{region}.notebooks.azure.net",
            "isPrivateLinkEnabled": False,
            "notebookPreparationError": None,
        },
        "storageHnsEnabled": False,
        "workspaceId": identity,
        "linkedModelInventoryArmId": None,
        "privateLinkCount": 0,
        "publicNetworkAccess": "Enabled",
        "discoveryUrl": f"https://{region}.api.azureml.ms/discovery",
        "mlFlowTrackingUri": f"azureml://{region}.api.azureml.ms/mlflow/v1.0{own}",
        "enableDataIsolation": False,
    }
    return resource(group, f"{ML}/workspaces", name, region, tags,
                    kind="Default", sku={"name": "Basic", "tier": "Basic"}, etag=None,
                    identity={"type": "SystemAssigned", "principalId": guid("principal", identity), "tenantId": TENANT},
                    systemData=system_data(created, person), properties=properties)  # fmt: skip


def lock(scope: str, name: str, notes: str, created: int, person: str) -> Json:
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/locks/{name}",
        "name": name,
        "type": "Microsoft.Authorization/locks",
        "properties": {"level": "CanNotDelete", "notes": notes},
        "systemData": system_data(created, person),
    }
