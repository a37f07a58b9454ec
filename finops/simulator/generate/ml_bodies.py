"""ARM bodies of what lives in a workspace: computes, endpoints, deployments."""

from __future__ import annotations

from finops.simulator.clock import stamp_of
from finops.simulator.draws import key_of
from finops.simulator.generate.bodies import ML, TENANT, child, guid, system_data
from finops.simulator.store import Json


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
               model: str, environment: str) -> Json:  # fmt: skip
    """A managed deployment of an online endpoint; `image` is what its `environment` (name/version) was built from."""
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
        "environmentId": f"{workspace_id}/environments/{environment.replace('/', '/versions/')}",
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


def batch_deployment(endpoint: Json, created: int, person: str, cluster_id: str, model: str, environment: str) -> Json:
    workspace_id = endpoint["id"].split("/batchEndpoints/")[0]
    properties: Json = {
        "description": None,
        "properties": {},
        "codeConfiguration": {"codeId": f"{workspace_id}/codes/{guid('batch', endpoint['id'])}/versions/1",
                              "scoringScript": "batch_driver.py"},
        "environmentId": f"{workspace_id}/environments/{environment.replace('/', '/versions/')}",
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


def batch_job(endpoint: Json, name: str, created: int, person: str, cluster_id: str) -> Json:
    """One invocation of a batch endpoint, over."""
    properties = {
        "name": name,
        "deploymentName": "default",
        "status": "Completed",
        "provisioningState": "Succeeded",
        "compute": {"target": cluster_id, "instanceCount": 2},
        "interactionEndpoints": {},
    }
    return {
        "id": f"{endpoint['id']}/jobs/{name}",
        "name": name,
        "type": f"{ML}/workspaces/batchEndpoints/jobs",
        "properties": properties,
        "systemData": system_data(created, person),
    }


def environment(workspace_id: str, name: str, latest: int, created: int, person: str) -> Json:
    """The container of an environment's versions."""
    properties: Json = {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": False,
        "latestVersion": str(latest),
        "nextVersion": str(latest + 1),
        "provisioningState": "Succeeded",
    }
    return {
        "id": f"{workspace_id}/environments/{name}",
        "name": name,
        "type": f"{ML}/workspaces/environments",
        "properties": properties,
        "systemData": system_data(created, person),
    }


def environment_version(container: Json, version: int, created: int, person: str, archived: bool = False) -> Json:
    """A version as AML tells it: a base image and what conda adds to it."""
    properties: Json = {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": archived,
        "isAnonymous": False,
        "environmentType": "UserCreated",
        "image": f"mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:2026{version:02d}01.v1",
        "condaFile": f"name: {container['name']}\nchannels: [conda-forge]\ndependencies: [python=3.1{version % 4}]\n",
        "osType": "Linux",
        "autoRebuild": "Disabled",
        "provisioningState": "Succeeded",
    }
    return {
        "id": f"{container['id']}/versions/{version}",
        "name": str(version),
        "type": f"{ML}/workspaces/environments/versions",
        "properties": properties,
        "systemData": system_data(created, person),
    }


def schedule(workspace_id: str, name: str, created: int, person: str, action: Json, enabled: bool = True) -> Json:
    """A nightly schedule."""
    trigger = {
        "triggerType": "Cron",
        "expression": "0 2 * * *",
        "timeZone": "UTC",
        "startTime": "2026-01-05T00:00:00",
        "endTime": None,
    }
    properties: Json = {
        "description": None,
        "displayName": name,
        "isEnabled": enabled,
        "tags": {},
        "properties": {},
        "trigger": trigger,
        "action": action,
        "provisioningState": "Succeeded",
    }
    return {
        "id": f"{workspace_id}/schedules/{name}",
        "name": name,
        "type": f"{ML}/workspaces/schedules",
        "properties": properties,
        "systemData": system_data(created, person),
    }


def nightly_job(compute_id: str | None, environment_id: str, command: str) -> Json:
    """What a schedule starts every night; without a compute it runs on AML's own (serverless)."""
    job: Json = {
        "jobType": "Command",
        "command": command,
        "environmentId": environment_id,
        "experimentName": "nightly",
        "displayName": "nightly",
        "isArchived": False,
        "inputs": {},
        "outputs": {},
        "tags": {},
        "properties": {},
        "resources": {"instanceCount": 1, "instanceType": None if compute_id else "Standard_DS3_v2", "properties": {}},
    }
    return {"actionType": "CreateJob", "jobDefinition": {**job, "computeId": compute_id}}


def role_assignment(scope: str, role: str, principal: str, created: int, person: str) -> Json:
    """What an identity may do on `scope`; `role` is the GUID of a role definition."""
    name = guid("role assignment", scope, role, principal)
    subscription = "/".join(scope.split("/")[:3])
    properties: Json = {
        "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "scope": scope,
        "condition": None,
        "conditionVersion": None,
        "createdOn": stamp_of(created),
        "updatedOn": stamp_of(created),
        "createdBy": guid("person", person),
        "updatedBy": guid("person", person),
        "delegatedManagedIdentityResourceId": None,
        "description": None,
    }
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": properties,
    }


def autoscale(group: str, name: str, region: str, deployment_id: str, most: int) -> Json:
    """Monitor's rule that adds an instance to a deployment when its processors are busy, and takes it away."""

    def rule(operator: str, threshold: int, direction: str) -> Json:
        return {
            "metricTrigger": {
                "metricName": "CpuUtilizationPercentage",
                "metricNamespace": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
                "metricResourceUri": deployment_id,
                "timeGrain": "PT1M",
                "statistic": "Average",
                "timeWindow": "PT5M",
                "timeAggregation": "Average",
                "operator": operator,
                "threshold": threshold,
                "dimensions": [],
                "dividePerInstance": False,
            },
            "scaleAction": {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": "PT5M"},
        }

    capacity = {"minimum": "1", "maximum": str(most), "default": "1"}
    rules = [rule("GreaterThan", 70, "Increase"), rule("LessThan", 30, "Decrease")]
    properties: Json = {
        "name": name,
        "enabled": True,
        "targetResourceUri": deployment_id,
        "targetResourceLocation": region,
        "profiles": [{"name": "by load", "capacity": capacity, "rules": rules}],
        "notifications": [],
    }
    body_id = f"{group}/providers/Microsoft.Insights/autoscaleSettings/{name}"
    return {
        "id": body_id,
        "name": name,
        "type": "Microsoft.Insights/autoscaleSettings",
        "location": region,
        "tags": {},
        "properties": properties,
    }
