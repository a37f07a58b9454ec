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


def _compute(parent: str, name: str, region: str, created: int, person: str, tags: dict[str, str] | None, kind: str,
             inner: Json) -> Json:  # fmt: skip
    properties = {
        "createdOn": stamp_of(created, key_of(name)),
        "modifiedOn": stamp_of(created + 2, key_of(name)),
        "disableLocalAuth": True,
        "description": None,
        "resourceId": None,
        "computeType": kind,
        "computeLocation": region,
        "provisioningState": "Succeeded",
        "provisioningErrors": None,
        "isAttachedCompute": False,
        "properties": inner,
    }
    return child(parent, f"{ML}/workspaces/computes", name, region, tags,
                 systemData=system_data(created, person), properties=properties)  # fmt: skip


def cluster(parent: str, name: str, region: str, created: int, person: str, tags: dict[str, str] | None,
            size: str, priority: str, nodes: tuple[int, int], idle: str) -> Json:  # fmt: skip
    inner = {
        "vmSize": size.upper(),  # AML returns sizes in capitals
        "vmPriority": priority,
        "scaleSettings": {"maxNodeCount": nodes[1], "minNodeCount": nodes[0], "nodeIdleTimeBeforeScaleDown": idle},
        "subnet": None,
        "currentNodeCount": 0,
        "targetNodeCount": 0,
        "nodeStateCounts": {
            f"{state}NodeCount": 0 for state in ("preparing", "running", "idle", "unusable", "leaving", "preempted")
        },
        "allocationState": "Steady",
        "allocationStateTransitionTime": stamp_of(created),
        "errors": None,
        "remoteLoginPortPublicAccess": "Disabled",
        "osType": "Linux",
        "virtualMachineImage": None,
        "isolatedNetwork": False,
        "enableNodePublicIp": True,
    }
    return _compute(parent, name, region, created, person, tags, "AmlCompute", inner)


def instance(parent: str, name: str, region: str, created: int, person: str, tags: dict[str, str] | None,
             size: str, state: str, schedules: list[Json], idle: str | None) -> Json:  # fmt: skip
    user = guid("person", person)
    inner = {
        "vmSize": size.upper(),
        "subnet": None,
        "sshSettings": {
            "sshPublicAccess": "Disabled",
            "adminUserName": "azureuser",
            "sshPort": 4000,
            "adminPublicKey": None,
        },
        "errors": [],
        "connectivityEndpoints": {"publicIpAddress": None, "privateIpAddress": "10.0.0.4"},
        "applications": [
            {"displayName": "Jupyter Lab", "endpointUri": f"https://{name}.{region}.instances.azureml.ms/lab"},
            {"displayName": "VS Code", "endpointUri": f"https://{name}.{region}.instances.azureml.ms/vscode"},
        ],
        "state": state,
        "lastOperation": {
            "operationName": "Create",
            "operationTime": stamp_of(created + 4, key_of(name)),
            "operationStatus": "Succeeded",
            "operationTrigger": "User",
        },
        "createdBy": {"userName": person, "userOrgId": TENANT, "userId": user},
        "applicationSharingPolicy": "Personal",
        "computeInstanceAuthorizationType": "personal",
        "personalComputeInstanceSettings": {"assignedUser": {"objectId": user, "tenantId": TENANT}},
        "setupScripts": None,
        "schedules": {"computeStartStop": schedules},
        "idleTimeBeforeShutdown": idle,
        "customServices": [],
        "osImageMetadata": {
            "currentImageVersion": "26.07.14",
            "latestImageVersion": "26.10.21",
            "isLatestOsImageVersion": False,
        },
    }
    return _compute(parent, name, region, created, person, tags, "ComputeInstance", inner)


def stop_schedule(name: str, expression: str) -> Json:
    return {
        "id": guid("schedule", name, expression),
        "provisioningStatus": "Completed",
        "status": "Enabled",
        "action": "Stop",
        "triggerType": "Cron",
        "cron": {"startTime": "2026-01-01T00:00:00", "timeZone": "UTC", "expression": expression},
        "recurrence": None,
    }


def online_endpoint(parent: str, name: str, region: str, created: int, person: str, tags: dict[str, str],
                    traffic: dict[str, int]) -> Json:  # fmt: skip
    properties = {
        "description": None,
        "properties": {"azureml.onlineendpointid": f"{parent}/onlineEndpoints/{name}".lower()},
        "scoringUri": f"https://{name}.{region}.inference.ml.azure.com/score",
        "swaggerUri": f"https://{name}.{region}.inference.ml.azure.com/swagger.json",
        "authMode": "Key",
        "provisioningState": "Succeeded",
        "publicNetworkAccess": "Enabled",
        "traffic": traffic,
        "mirrorTraffic": {},
        "compute": None,
    }
    return child(parent, f"{ML}/workspaces/onlineEndpoints", name, region, tags, kind="Managed",
                 identity={"type": "SystemAssigned", "principalId": guid("endpoint", parent, name), "tenantId": TENANT},
                 systemData=system_data(created, person), properties=properties)  # fmt: skip


def deployment(endpoint: Json, name: str, created: int, person: str, size: str, instances: int, image: str,
               model: str) -> Json:  # fmt: skip
    """A managed deployment of an online endpoint; `image` is what its environment was built from."""
    workspace_id = endpoint["id"].split("/onlineEndpoints/")[0]
    probe = {
        "failureThreshold": 30,
        "successThreshold": 1,
        "timeout": "PT2S",
        "period": "PT10S",
        "initialDelay": "PT10S",
    }
    properties = {
        "description": None,
        "properties": {"azureml.image": image},
        "codeConfiguration": {
            "codeId": f"{workspace_id}/codes/{guid('code', endpoint['id'], name)}/versions/1",
            "scoringScript": "score.py",
        },
        "environmentId": f"{workspace_id}/environments/{model}-serving/versions/3",
        "environmentVariables": {"AZUREML_ENTRY_SCRIPT": "score.py"},
        "scaleSettings": {"scaleType": "Default"},
        "requestSettings": {"maxQueueWait": "PT0.5S", "requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 4},
        "modelMountPath": None,
        "appInsightsEnabled": True,
        "livenessProbe": probe,
        "readinessProbe": dict(probe),
        "provisioningState": "Succeeded",
        "instanceType": size,
        "model": f"{workspace_id}/models/{model}/versions/7",
        "egressPublicNetworkAccess": "Enabled",
        "endpointComputeType": "Managed",
    }
    return child(endpoint["id"], f"{ML}/workspaces/onlineEndpoints/deployments", name, endpoint["location"], {},
                 kind="Managed", sku={"name": "Default", "tier": "Standard", "capacity": instances},
                 systemData=system_data(created, person), properties=properties)  # fmt: skip


def batch_endpoint(parent: str, name: str, region: str, created: int, person: str, tags: dict[str, str]) -> Json:
    properties: Json = {
        "description": None,
        "properties": {},
        "scoringUri": f"https://{name}.{region}.inference.ml.azure.com/jobs",
        "swaggerUri": None,
        "authMode": "AADToken",
        "defaults": {"deploymentName": "default"},
        "provisioningState": "Succeeded",
    }
    return child(parent, f"{ML}/workspaces/batchEndpoints", name, region, tags,
                 identity={"type": "SystemAssigned", "principalId": guid("batch", parent, name), "tenantId": TENANT},
                 systemData=system_data(created, person), properties=properties)  # fmt: skip


def batch_deployment(endpoint: Json, created: int, person: str, cluster_id: str, model: str) -> Json:
    workspace_id = endpoint["id"].split("/batchEndpoints/")[0]
    properties: Json = {
        "description": None,
        "properties": {},
        "codeConfiguration": {"codeId": f"{workspace_id}/codes/{guid('batch', endpoint['id'])}/versions/1",
                              "scoringScript": "batch_driver.py"},
        "environmentId": f"{workspace_id}/environments/{model}-scoring/versions/2",
        "environmentVariables": {},
        "compute": cluster_id,
        "errorThreshold": -1,
        "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
        "miniBatchSize": 10,
        "loggingLevel": "Info",
        "model": {"referenceType": "Id", "assetId": f"{workspace_id}/models/{model}/versions/4"},
        "maxConcurrencyPerInstance": 2,
        "outputAction": "AppendRow",
        "outputFileName": "predictions.csv",
        "resources": {"instanceCount": 2, "instanceType": None, "properties": {}},
        "provisioningState": "Succeeded",
    }  # fmt: skip
    return child(endpoint["id"], f"{ML}/workspaces/batchEndpoints/deployments", "default", endpoint["location"], {},
                 systemData=system_data(created, person), properties=properties)  # fmt: skip


def lock(scope: str, name: str, notes: str, created: int, person: str) -> Json:
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/locks/{name}",
        "name": name,
        "type": "Microsoft.Authorization/locks",
        "properties": {"level": "CanNotDelete", "notes": notes},
        "systemData": system_data(created, person),
    }
