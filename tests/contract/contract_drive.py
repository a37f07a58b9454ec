"""One representative request, or a few, for every route of the simulator, made against a generated estate."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from contract_policies import drive_policies
from contract_storage import drive_storage

from finops.simulator.serve import app_of

Json = dict[str, Any]
AML = "Microsoft.MachineLearningServices"
EACH_TYPE = 6


@dataclass(frozen=True)
class Answer:
    """What was asked, which route answered, and what it said."""

    method: str
    path: str
    version: str
    route: str
    status: int
    body: Any
    location: str = ""
    text: str = ""


class Driver:
    """A simulator in this process, and everything it has answered."""

    def __init__(self, folder: Path) -> None:
        self.app = app_of(folder)
        self.answers: list[Answer] = []
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1")

    @property
    def world(self) -> Any:
        return self.app.world

    def ask(self, method: str, path: str, body: Any = None, version: str = "", **query: str) -> Answer:
        """Ask, note the answer, and poll what it starts to its end."""
        asked = {**query, "api-version": version} if version else query
        reply = self._runner.run(self._client.request(method, path, params=asked or None, json=body))
        content = reply.json() if reply.content and "json" in reply.headers.get("content-type", "") else None
        link = reply.headers.get("azure-asyncoperation") or reply.headers.get("location") or ""
        answer = Answer(method, path, version, self._route(method, path), reply.status_code, content, link, reply.text)
        self.answers.append(answer)
        if reply.status_code in {201, 202} and link:
            self._poll(link)
        return answer

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *fault: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def _poll(self, link: str) -> None:
        for _ in range(5):
            reply = self._runner.run(self._client.get(link))
            if reply.status_code != 202 and (not reply.content or reply.json().get("status") != "InProgress"):
                return

    def _route(self, method: str, path: str) -> str:
        for route in self.app._inner.router.routes:
            found = getattr(route, "path_regex", None)
            if found and found.match(path) and method in (route.methods or set()) and "{operation}" not in route.path:
                return f"{method} {route.path}"
        return ""


def drive(driver: Driver) -> None:
    """Everything: reads first, then writes, deletions last."""
    world = driver.world
    subscription = world.resources.of_type("subscriptions")[0]["id"]
    workspace = _with_most(world, f"{AML.lower()}/workspaces")
    free = _unlocked(world, f"{AML.lower()}/workspaces")
    _inventory(driver, subscription, workspace)
    _learning_reads(driver, workspace)
    _monitoring(driver, subscription, workspace)
    _costs(driver, subscription)
    _policies(driver, subscription, workspace)
    _errors(driver, subscription, workspace)
    _tags_and_locks(driver, free)
    drive_policies(driver, "/".join(free.split("/")[:3]), free)
    _learning_writes(driver, free)
    drive_storage(driver, _unlocked(world, "microsoft.storage/storageaccounts"))
    group = "/".join(free.split("/")[:5])
    driver.ask("PUT", f"{group}-new", {"location": "eastus", "tags": {"CostCenter": "ml"}}, "2024-03-01")
    driver.ask("PATCH", f"{group}-new", {"tags": {"CostCenter": "data"}}, "2024-03-01")
    driver.ask("DELETE", f"{group}-new", version="2024-03-01")


def _with_most(world: Any, kind: str) -> str:
    """The id of the resource of one type that has most below it."""
    return str(max(world.resources.of_type(kind), key=lambda body: len(world.resources.children(body["id"])))["id"])


def _unlocked(world: Any, kind: str) -> str:
    """The id of a resource of one type that no lock holds, neither on it nor above it."""
    locked = [body["id"].lower().partition("/providers/microsoft.authorization/")[0] for body in _locks(world)]
    free = (body["id"] for body in world.resources.of_type(kind))
    return str(next(each for each in free if not any(f"{each.lower()}/".startswith(f"{scope}/") for scope in locked)))


def _locks(world: Any) -> list[Json]:
    return [*world.resources.of_type("microsoft.authorization/locks")]


def _inventory(driver: Driver, subscription: str, workspace: str) -> None:
    group = "/".join(workspace.split("/")[:5])
    for path in ("/subscriptions", "/tenants", subscription, f"{subscription}/locations"):
        driver.ask("GET", path, version="2022-12-01")
    for path in ("resourcegroups", "resources"):
        driver.ask("GET", f"{subscription}/{path}", version="2024-03-01")
    driver.ask("GET", f"{group}/resources", version="2024-03-01")
    driver.ask("GET", f"{subscription}/resources", version="2024-03-01", **{"$top": "2", "$expand": "createdTime"})
    kinds: dict[str, int] = {}
    for body in list(driver.world.resources.all()):
        kinds[body.get("type", "")] = kinds.get(body.get("type", ""), 0) + 1
        if kinds[body.get("type", "")] <= EACH_TYPE:
            driver.ask("GET", body["id"])
    query = "resources | where type =~ 'microsoft.machinelearningservices/workspaces' | project id, name, tags"
    graph: Json = {"subscriptions": [subscription.split("/")[2]], "query": query}
    driver.ask("POST", "/providers/Microsoft.ResourceGraph/resources", graph, "2022-10-01")


def _learning_reads(driver: Driver, workspace: str) -> None:
    subscription, world = "/".join(workspace.split("/")[:3]), driver.world
    for scope in (subscription, "/".join(workspace.split("/")[:5])):
        driver.ask("GET", f"{scope}/providers/{AML}/workspaces", version="2024-04-01")
    collections = (
        "computes", "onlineEndpoints", "batchEndpoints", "serverlessEndpoints", "jobs", "schedules", "datastores",
        "environments", "components", "models", "codes", "data",
    )  # fmt: skip
    for kind in collections:
        driver.ask("GET", f"{workspace}/{kind}", version="2024-04-01")
    for kind in ("environments", "components", "models", "codes", "data"):
        driver.ask("GET", f"{workspace}/{kind}/any/versions", version="2024-04-01")
    for container in world.resources.of_type(f"{AML}/workspaces/environments", workspace):
        driver.ask("GET", f"{container['id']}/versions", version="2024-04-01", listViewType="All")
    driver.ask("GET", f"{workspace}/schedules", version="2024-04-01", listViewType="All")
    for endpoint in world.resources.of_type(f"{AML}/workspaces/batchEndpoints")[:EACH_TYPE]:
        for prefix in ("", "/mferp/managementfrontend"):
            jobs = driver.ask("GET", f"{prefix}{endpoint['id']}/jobs")
            for job in jobs.body["value"][:1]:
                driver.ask("GET", f"{prefix}{job['id']}")
    for path in ("/discovery", "/discovery/workspaces/any"):
        driver.ask("GET", path)
    for kind in ("onlineEndpoints", "batchEndpoints"):
        for endpoint in world.resources.of_type(f"{AML}/workspaces/{kind}")[:EACH_TYPE]:
            driver.ask("GET", f"{endpoint['id']}/deployments", version="2024-04-01")
    clusters = world.resources.of_type(f"{AML}/workspaces/computes", workspace)
    for cluster in [body for body in clusters if body["properties"]["computeType"] == "AmlCompute"]:
        driver.ask("POST", f"{cluster['id']}/listNodes", version="2024-04-01")
        driver.ask("GET", f"{cluster['id']}/listNodes", version="2024-04-01")
    for registry in world.resources.of_type("microsoft.containerregistry/registries")[:1]:
        driver.ask("GET", f"{registry['id']}/listUsages", version="2023-07-01")
    for kind in ("usages", "vmSizes"):
        driver.ask("GET", f"{subscription}/providers/{AML}/locations/eastus/{kind}", version="2024-04-01")


def _monitoring(driver: Driver, subscription: str, workspace: str) -> None:
    namespace = f"{AML}/workspaces"
    day = f"{driver.world.clock.now():%Y-%m-%d}"
    span = f"{day}T00:00:00Z/{day}T06:00:00Z"
    asked = {"metricnames": "Idle Nodes", "timespan": span, "interval": "PT1H", "aggregation": "average"}
    driver.ask("GET", f"{workspace}/providers/Microsoft.Insights/metrics", version="2023-10-01", **asked)
    driver.ask("GET", f"{workspace}/providers/Microsoft.Insights/metricDefinitions", version="2023-10-01")
    wide = {**asked, "region": "eastus", "metricnamespace": namespace, "$filter": "Microsoft.ResourceId eq '*'"}
    driver.ask("GET", f"{subscription}/providers/Microsoft.Insights/metrics", version="2023-10-01", **wide)
    batch = {
        "starttime": f"{day}T00:00:00Z", "endtime": f"{day}T06:00:00Z", "interval": "PT1H", "aggregation": "average",
        "metricnames": "Idle Nodes", "metricnamespace": namespace,
    }  # fmt: skip
    ids = {"resourceids": [workspace]}
    driver.ask("POST", f"{'/'.join(workspace.split('/')[:3])}/metrics:getBatch", ids, "2024-02-01", **batch)
    since = {"$filter": f"eventTimestamp ge '{day}T00:00:00Z'"}
    driver.ask(
        "GET",
        f"{subscription}/providers/Microsoft.Insights/eventtypes/management/values",
        version="2015-04-01",
        **since,
    )


def _costs(driver: Driver, subscription: str) -> None:
    here, version = f"{subscription}/providers/Microsoft.CostManagement", "2023-11-01"
    total = {"totalCost": {"name": "Cost", "function": "Sum"}}
    by_tag = [{"type": "TagKey", "name": "CostCenter"}, {"type": "Dimension", "name": "ServiceName"}]
    for granularity in ("None", "Daily", "Monthly"):
        dataset = {"granularity": granularity, "aggregation": total, "grouping": by_tag}
        driver.ask(
            "POST", f"{here}/query", {"type": "ActualCost", "timeframe": "TheLastMonth", "dataset": dataset}, version
        )
    today = driver.world.clock.now().date()
    period = {"from": f"{today:%Y-%m}-01T00:00:00Z", "to": f"{today:%Y-%m}-28T00:00:00Z"}
    ahead = {
        "type": "ActualCost", "timeframe": "Custom", "timePeriod": period, "includeActualCost": True,
        "includeFreshPartialCost": False, "dataset": {"granularity": "Daily", "aggregation": total},
    }  # fmt: skip
    driver.ask("POST", f"{here}/forecast", ahead, version)
    driver.ask("GET", f"{here}/dimensions", version=version, **{"$expand": "properties/data", "$top": "5"})
    told = {"at-80": {"enabled": True, "operator": "GreaterThan", "threshold": 80, "contactEmails": ["a@contoso.com"]}}
    budget = {
        "category": "Cost", "amount": 1000, "timeGrain": "Monthly", "notifications": told,
        "timePeriod": {"startDate": "2026-01-01T00:00:00Z"},
    }  # fmt: skip
    for provider in ("Microsoft.CostManagement", "Microsoft.Consumption"):
        budgets = f"{subscription}/providers/{provider}/budgets"
        driver.ask("PUT", f"{budgets}/b", {"properties": budget}, version)
        driver.ask("PUT", f"{budgets}/b", {"properties": budget}, version)
        for path in (budgets, f"{budgets}/b", f"{budgets}/none"):
            driver.ask("GET", path, version=version)
        driver.ask("DELETE", f"{budgets}/b", version=version)
    destination = {"resourceId": f"{subscription}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/costs"}
    export = {
        "format": "Csv", "deliveryInfo": {"destination": {**destination, "container": "c", "rootFolderPath": "r"}},
        "definition": {"type": "ActualCost", "timeframe": "MonthToDate", "dataSet": {"granularity": "Daily"}},
        "schedule": {
            "status": "Active", "recurrence": "Daily",
            "recurrencePeriod": {"from": "2026-12-01T00:00:00Z", "to": "2027-12-01T00:00:00Z"},
        },
    }  # fmt: skip
    one = f"{here}/exports/nightly"
    driver.ask("PUT", one, {"properties": export}, version)
    driver.ask("PUT", one, {"properties": export}, version)
    driver.ask("POST", f"{one}/run", version=version)
    for path in (f"{here}/exports", one, f"{one}/runHistory", f"{here}/exports/none"):
        driver.ask("GET", path, version=version)
    driver.ask("DELETE", one, version=version)
    details = {"metric": "ActualCost", "timePeriod": {"start": f"{today:%Y-%m}-01", "end": f"{today}"}}
    started = driver.ask("POST", f"{here}/generateCostDetailsReport", details, version)
    report = driver.ask("GET", started.location.partition("127.0.0.1")[2].partition("?")[0], version=version)
    link = report.body["manifest"]["blobs"][0]["blobLink"].partition("127.0.0.1")[2]
    path, _, query = link.partition("?")
    driver.ask("GET", path, **dict(pair.split("=") for pair in query.split("&")))
    driver.ask("GET", "/api/retail/prices", **{"$filter": "serviceName eq 'Virtual Machines'"})


def _policies(driver: Driver, subscription: str, workspace: str) -> None:
    for scope in (subscription, "/".join(workspace.split("/")[:5]), workspace):
        states = f"{scope}/providers/Microsoft.PolicyInsights/policyStates/latest"
        driver.ask("POST", f"{states}/queryResults", version="2019-10-01", **{"$top": "20"})
        driver.ask("POST", f"{states}/summarize", version="2019-10-01")
    states = f"{subscription}/providers/Microsoft.PolicyInsights/policyStates/latest"
    driver.ask("GET", f"{states}/queryResults", version="2024-10-01", **{"$top": "2"})
    driver.ask("POST", f"{states}/triggerEvaluation", version="2019-10-01")


def _errors(driver: Driver, subscription: str, workspace: str) -> None:
    nowhere = "/subscriptions/00000000-0000-0000-0000-00000000000f"
    driver.ask("GET", nowhere, version="2022-12-01")
    driver.ask("GET", f"{nowhere}/resourcegroups", version="2024-03-01")
    driver.ask("GET", f"{subscription}/resourcegroups/nobody", version="2024-03-01")
    driver.ask("POST", f"{nowhere}/providers/Microsoft.CostManagement/query", {}, "2023-11-01")
    driver.ask("POST", f"{subscription}/providers/Microsoft.CostManagement/query", {}, "2023-11-01")
    for kind in ("computes", "onlineEndpoints", "batchEndpoints", "jobs"):
        driver.ask("GET", f"{workspace}/{kind}/nobody", version="2024-04-01")
    states = f"{nowhere}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    driver.ask("POST", states, version="2019-10-01")
    driver.ask("POST", "/providers/Microsoft.ResourceGraph/resources", {"query": "elephants"}, "2022-10-01")


def _tags_and_locks(driver: Driver, workspace: str) -> None:
    tags = f"{workspace}/providers/Microsoft.Resources/tags/default"
    driver.ask("GET", tags, version="2024-03-01")
    merge = {"operation": "Merge", "properties": {"tags": {"Owner": "ana"}}}
    driver.ask("PATCH", tags, merge, "2024-03-01")
    driver.ask("PUT", tags, {"properties": {"tags": {"Owner": "ana", "CostCenter": "ml"}}}, "2024-03-01")
    driver.ask("DELETE", tags, version="2024-03-01")
    for scope in ("/".join(workspace.split("/")[:3]), "/".join(workspace.split("/")[:5]), workspace):
        locks = f"{scope}/providers/Microsoft.Authorization/locks"
        driver.ask("PUT", f"{locks}/keep", {"properties": {"level": "CanNotDelete", "notes": "ours"}}, "2020-05-01")
        for path in (locks, f"{locks}/keep", f"{locks}/none"):
            driver.ask("GET", path, version="2020-05-01")
        driver.ask("DELETE", f"{locks}/keep", version="2020-05-01")


def _learning_writes(driver: Driver, workspace: str) -> None:
    version, here = "2024-04-01", "eastus"
    cluster = {
        "location": here,
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "STANDARD_DS3_V2", "vmPriority": "LowPriority", "osType": "Linux",
                "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2M"},
            },
        },
    }  # fmt: skip
    compute = f"{workspace}/computes/spot"
    driver.ask("PUT", compute, cluster, version)
    driver.ask("PUT", compute, cluster, version)
    driver.ask("PATCH", compute, {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 3}}}}, version)
    driver.ask("GET", compute, version=version)
    instance = {
        "location": here,
        "properties": {"computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}},
    }
    box = f"{workspace}/computes/box"
    driver.ask("PUT", box, instance, version)
    for action in ("stop", "start", "restart"):
        driver.ask("POST", f"{box}/{action}", version=version)
    driver.ask("POST", f"{box}/updateIdleShutdownSetting", {"idleTimeBeforeShutdown": "PT30M"}, version)
    driver.ask("GET", box, version=version)
    for kind in ("online", "batch", "serverless"):
        endpoint = f"{workspace}/{kind}Endpoints/ask-me"
        driver.ask("PUT", endpoint, _endpoint(kind, here), version)
        driver.ask("PATCH", endpoint, {"tags": {"CostCenter": "ml"}}, version)
        driver.ask("GET", endpoint, version=version)
        driver.ask("POST", f"{endpoint}/listKeys", version=version)
        if kind != "serverless":
            deployment = f"{endpoint}/deployments/blue"
            driver.ask("PUT", deployment, _deployment(kind, here, workspace), version)
            driver.ask("PATCH", deployment, {"tags": {"CostCenter": "ml"}}, version)
            driver.ask("GET", deployment, version=version)
            if kind == "batch":
                for prefix in ("", "/mferp/managementfrontend"):
                    driver.ask("POST", f"{prefix}{endpoint}/jobs", {"properties": {"deploymentName": "blue"}})
            if kind == "online":
                _access(driver, endpoint, deployment)
            driver.ask("DELETE", deployment, version=version)
        driver.ask("DELETE", endpoint, version=version)
    job = f"{workspace}/jobs/try-it"
    command = {
        "jobType": "Command", "command": "python train.py", "environmentId": "azureml:sklearn:1", "computeId": compute,
        "experimentName": "try",
    }  # fmt: skip
    driver.ask("PUT", job, {"properties": command}, version)
    driver.ask("POST", f"{job}/cancel", version=version)
    driver.ask("GET", job, version=version)
    driver.ask("DELETE", job, version=version)
    schedule = f"{workspace}/schedules/nightly"
    plan = {
        "trigger": {"triggerType": "Cron", "expression": "0 2 * * *"},
        "action": {"actionType": "CreateJob", "jobDefinition": command},
    }
    driver.ask("PUT", schedule, {"properties": plan}, version)
    driver.ask("GET", schedule, version=version)
    driver.ask("DELETE", schedule, version=version)
    _assets(driver, workspace)
    for path in (compute, box):
        driver.ask("DELETE", path, version=version, underlyingResourceAction="Delete")
    driver.ask(
        "PUT", f"{workspace}-new", {"location": here, "properties": {}, "identity": {"type": "SystemAssigned"}}, version
    )
    driver.ask("PATCH", f"{workspace}-new", {"tags": {"CostCenter": "ml"}}, version)
    driver.ask("DELETE", f"{workspace}-new", version=version)


def _assets(driver: Driver, workspace: str) -> None:
    """A version of each kind of asset, the way from new to archived to gone."""
    version = "2024-04-01"
    contents: dict[str, Json] = {
        "environments": {"image": "mcr.microsoft.com/x:1"},
        "models": {"modelUri": "azureml://x", "modelType": "custom_model"},
        "data": {"dataUri": "azureml://x", "dataType": "uri_file"},
        "components": {"componentSpec": {}},
        "codes": {"codeUri": "https://x.invalid/code"},
    }
    for kind, content in contents.items():
        one = f"{workspace}/{kind}/mine/versions/1"
        driver.ask("PUT", one, {"properties": content}, version)
        driver.ask("PUT", one, {"properties": {**content, "isArchived": True}}, version)
        driver.ask("PUT", f"{workspace}/{kind}/mine", {"properties": {"isArchived": True}}, version)
        for path in (one, f"{workspace}/{kind}/mine", f"{workspace}/{kind}/mine/versions"):
            driver.ask("GET", path, version=version)
        for path in (one, one, f"{workspace}/{kind}/mine"):
            driver.ask("DELETE", path, version=version)
    driver.ask("PATCH", f"{workspace}/schedules/nightly", {}, version)


def _access(driver: Driver, endpoint: str, deployment: str) -> None:
    """Role assignments and an autoscale setting of an endpoint, and the directory."""
    roles = f"{endpoint}/providers/Microsoft.Authorization/roleAssignments"
    one = f"{roles}/{uuid.UUID(int=7)}"
    reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    person = next(iter(driver.world.directory.values()))["id"]
    driver.ask("PUT", one, {"properties": {"roleDefinitionId": reader, "principalId": person}}, "2022-04-01")
    for path in (roles, one):
        driver.ask("GET", path, version="2022-04-01")
    driver.ask("DELETE", one, version="2022-04-01")
    driver.ask("GET", f"{endpoint}/providers/Microsoft.Authorization/permissions", version="2022-04-01")
    group = f"{'/'.join(endpoint.split('/')[:5])}/providers/Microsoft.Insights/autoscaleSettings"
    profile = {"name": "p", "capacity": {"minimum": "1", "maximum": "2", "default": "1"}, "rules": []}
    setting = {"location": "eastus", "properties": {"targetResourceUri": deployment, "profiles": [profile]}}
    version = "2022-10-01"
    driver.ask("PUT", f"{group}/as", setting, version)
    driver.ask("PATCH", f"{group}/as", {"properties": {"enabled": True}}, version)
    subscription = "/".join(endpoint.split("/")[:3])
    for path in (f"{group}/as", group, f"{subscription}/providers/Microsoft.Insights/autoscaleSettings"):
        driver.ask("GET", path, version=version)
    driver.ask("DELETE", f"{group}/as", version=version)
    driver.ask("GET", "/graph/v1.0/users")
    driver.ask("GET", f"/graph/v1.0/users/{person}")
    driver.ask("POST", "/graph/v1.0/$batch", {"requests": [{"id": "1", "method": "GET", "url": f"/users/{person}"}]})
    driver.ask("POST", "/graph/v1.0/directoryObjects/getByIds", {"ids": [person]})


def _endpoint(kind: str, location: str) -> Json:
    body: Json = {"location": location, "properties": {"authMode": "Key"}}
    return {**body, "sku": {"name": "Consumption"}} if kind == "serverless" else body


def _deployment(kind: str, location: str, workspace: str) -> Json:
    if kind == "batch":
        model = {"referenceType": "Id", "assetId": f"{workspace}/models/m/versions/1"}
        return {"location": location, "properties": {"model": model, "compute": f"{workspace}/computes/spot"}}
    properties = {
        "endpointComputeType": "Managed",
        "instanceType": "Standard_DS3_v2",
        "model": f"{workspace}/models/m/versions/1",
    }
    return {"location": location, "sku": {"name": "Default", "capacity": 1}, "properties": properties}


def undriven(driver: Driver) -> Iterator[str]:
    """Routes of Azure's API here that no request has reached."""
    asked = {answer.route for answer in driver.answers}
    for route in driver.app._inner.router.routes:
        for method in sorted((getattr(route, "methods", None) or set()) - {"HEAD"}):
            name = f"{method} {route.path}"
            # What registries say of images is held to azure-containerregistry, in tests/test_wire_registry*.py, and
            # mail to azure-communication-email, in tests/test_mail_azure.py; of Graph's mail there is no document here.
            # Blobs are held to azure-storage-blob, in tests/test_wire_storage_blobs.py. Of Event Grid and vaults there
            # is no document here: see tests/test_events_simulated.py and tests/test_secrets.py.
            ours = route.path.startswith(("/simulator", "/registry", "/acs", "/keyvault", "/{account}/"))
            ours = ours or "{operation}" in route.path
            ours = ours or route.path.endswith(("/sendMail", "/sentitems/messages", "/discovery/v2.0/keys"))
            ours = ours or "/Microsoft.EventGrid/" in route.path
            if not ours and name not in asked:
                yield name


def short(answer: Answer) -> str:
    return f"{answer.method} {answer.path} -> {answer.status}: {json.dumps(answer.body)[:300]}"
