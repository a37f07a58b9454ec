"""Microsoft's policy clients of a simulator, and a few definitions to try them with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from azure.mgmt.policyinsights import PolicyInsightsClient
from azure.mgmt.resource.policy import PolicyClient
from estates import DEV, PROD, TENANT, group_id, workspace_id
from wire_clients import AllowHttp, Token, azure

from finops.simulator import Served

Json = dict[str, Any]
SUBSCRIPTION, GROUP, WORKSPACE = f"/subscriptions/{PROD}", group_id(PROD, "rg-ml"), workspace_id("ml-prod")
ROOT = f"/providers/Microsoft.Management/managementGroups/{TENANT}"
COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"
EFFECT = {"type": "String", "allowedValues": ["audit", "deny", "disabled"], "defaultValue": "deny"}
CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
IDENTITY = {"location": "eastus", "identity": {"type": "SystemAssigned"}}


def definition(condition: Json, effect: Any = "deny", details: Json | None = None, **more: Any) -> Json:
    then = {"effect": effect, **({"details": details} if details else {})}
    return {"properties": {"mode": "All", "policyRule": {"if": condition, "then": then}, **more}}


SPOT = definition(
    {
        "allOf": [
            {"field": "type", "equals": COMPUTES},
            {"field": f"{COMPUTES}/computeType", "equals": "AmlCompute"},
            {"field": f"{COMPUTES}/vmPriority", "notEquals": "LowPriority"},
        ]
    },
    "[parameters('effect')]",
    parameters={"effect": EFFECT},
    displayName="Clusters are spot",
)
COST_CENTER = definition(
    {"field": "tags['CostCenter']", "exists": "false"},
    "modify",
    {
        "roleDefinitionIds": [CONTRIBUTOR],
        "operations": [
            {
                "operation": "add",
                "field": "tags['CostCenter']",
                "value": "[coalesce(tryGet(resourceGroup().tags, 'CostCenter'), parameters('otherwise'))]",
            }
        ],
    },
    mode="Indexed",
    displayName="CostCenter from the group",
    parameters={"otherwise": {"type": "String", "defaultValue": "CC-0"}},
)


class Policies:
    """The clients, and short ways to what the tests do again and again."""

    def __init__(self, served: Served) -> None:
        self.served = served
        options: Json = {"base_url": served.url, "per_call_policies": [AllowHttp()]}
        self.policy = PolicyClient(Token(), PROD, **options)
        self.insights = PolicyInsightsClient(Token(), PROD, polling_interval=0, **options)
        self.http = httpx.Client(base_url=served.url, timeout=60)

    def close(self) -> None:
        for each in (self.policy, self.insights, self.http):
            each.close()

    def define(self, name: str, body: Json) -> str:
        return str(self.policy.policy_definitions.create_or_update(name, body).id)

    def assign(
        self, definition_id: str, scope: str = SUBSCRIPTION, name: str = "", top: Json | None = None, **more: Any
    ) -> str:
        """The id of an assignment that is in force."""
        name = name or definition_id.rpartition("/")[2]
        body = {"properties": {"policyDefinitionId": definition_id, **more}, **(top or {})}
        made = self.policy.policy_assignments.create(scope, name, body)
        self.served.world.clock.advance(minutes=5)
        return str(made.id)

    def put(self, path: str, body: Json, version: str = "2024-04-01") -> httpx.Response:
        return self.http.put(f"{path}?api-version={version}", json=body)

    def cluster(self, name: str, priority: str = "Dedicated", **more: Any) -> httpx.Response:
        inner = {"vmSize": "STANDARD_NC6S_V3", "vmPriority": priority}
        body = {"location": "eastus", "properties": {"computeType": "AmlCompute", "properties": inner}, **more}
        return self.put(f"{WORKSPACE}/computes/{name}", body)

    def states(self, **keep: str) -> dict[str, str]:
        """What Policy Insights says of each resource of the subscription, by name; of those that `keep` describes."""
        found = self.insights.policy_states.list_query_results_for_subscription(
            policy_states_resource="latest", subscription_id=PROD
        )
        return {
            str(one.resource_id).rpartition("/")[2]: str(one.compliance_state)
            for one in found
            if all(getattr(one, name).lower() == value.lower() for name, value in keep.items())
        }

    def evaluate(self) -> None:
        states = self.insights.policy_states
        states.begin_trigger_subscription_evaluation(subscription_id=PROD, polling_interval=0).result()


@contextmanager
def policies(folder: Path, **options: Any) -> Iterator[Policies]:
    with azure(folder, **options) as clients:
        made = Policies(clients.served)
        try:
            yield made
        finally:
            made.close()


__all__ = ["COMPUTES", "COST_CENTER", "DEV", "GROUP", "IDENTITY", "PROD", "ROOT", "SPOT", "SUBSCRIPTION", "WORKSPACE",
           "Json", "Policies", "definition", "policies"]  # fmt: skip
