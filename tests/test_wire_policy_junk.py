"""Nothing that is sent about policies breaks the server: junk is refused in an error body, never with a 500."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest
from policy_clients import COST_CENTER, GROUP, IDENTITY, SPOT, SUBSCRIPTION, WORKSPACE, Json, policies
from test_wire_junk import JUNK, places, spoilt

OWN = f"{SUBSCRIPTION}/providers/Microsoft.Authorization"
SET = {
    "properties": {
        "parameters": {"e": {"type": "String", "defaultValue": "audit"}},
        "policyDefinitions": [
            {
                "policyDefinitionId": f"{OWN}/policyDefinitions/spot",
                "policyDefinitionReferenceId": "a",
                "parameters": {"effect": {"value": "[parameters('e')]"}},
                "groupNames": ["g"],
            }
        ],
    }
}
ASSIGNMENT = {
    **IDENTITY,
    "properties": {
        "policyDefinitionId": f"{OWN}/policySetDefinitions/ours",
        "parameters": {"e": {"value": "deny"}},
        "notScopes": [GROUP],
        "nonComplianceMessages": [{"message": "No.", "policyDefinitionReferenceId": "a"}],
        "overrides": [{"kind": "policyEffect", "value": "audit", "selectors": [{"kind": "x", "in": ["a"]}]}],
        "resourceSelectors": [{"name": "n", "selectors": [{"kind": "resourceLocation", "in": ["eastus"]}]}],
        "metadata": {"version": "1.0.0"},
    },
}
EXEMPTION = {
    "properties": {
        "policyAssignmentId": f"{OWN}/policyAssignments/ours",
        "exemptionCategory": "Waiver",
        "expiresOn": "2027-01-01T00:00:00Z",
        "policyDefinitionReferenceIds": ["a"],
    }
}
TASK = {
    "properties": {
        "policyAssignmentId": f"{OWN}/policyAssignments/tag",
        "filters": {"locations": ["eastus"], "resourceIds": [WORKSPACE]},
        "resourceCount": 5,
        "failureThreshold": {"percentage": 0.5},
        "resourceDiscoveryMode": "ReEvaluateCompliance",
    }
}
RESTRICTIONS = {
    "resourceDetails": {
        "resourceContent": {"type": "Microsoft.Storage/storageAccounts", "name": "x", "tags": {"a": "b"}},
        "scope": GROUP,
    },
    "pendingFields": [{"field": "tags"}, {"field": "name", "values": ["a"]}],
    "includeAuditEffect": True,
}
CALLS: list[tuple[str, str, Json]] = [
    ("PUT", f"{OWN}/policyDefinitions/junk", SPOT),
    ("PUT", f"{OWN}/policyDefinitions/junk", COST_CENTER),
    ("PUT", f"{OWN}/policySetDefinitions/junk", SET),
    ("PUT", f"{OWN}/policyAssignments/junk", ASSIGNMENT),
    ("PATCH", f"{OWN}/policyAssignments/tag", ASSIGNMENT),
    ("PUT", f"{GROUP}/providers/Microsoft.Authorization/policyExemptions/junk", EXEMPTION),
    ("PUT", f"{SUBSCRIPTION}/providers/Microsoft.PolicyInsights/remediations/junk", TASK),
    ("POST", f"{GROUP}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions", RESTRICTIONS),
]


@pytest.mark.parametrize("seed", range(4))
def test_junk_about_policies_is_refused_and_never_breaks_the_server(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    broken = []

    with policies(tmp_path, polls=0) as azure:
        azure.assign(azure.define("spot", SPOT))
        azure.assign(azure.define("tag", COST_CENTER), top=IDENTITY)
        azure.policy.policy_set_definitions.create_or_update("ours", copy.deepcopy(SET))
        azure.assign(f"{OWN}/policySetDefinitions/ours")
        for at in range(200):
            method, path, body = chance.choice(CALLS)
            body = spoilt(body, chance.choice(places(body)), chance.choice(JUNK))
            answers = [azure.http.request(method, path, json=body)]
            if at % 10 == 0:
                azure.served.world.clock.advance(minutes=20)
                answers += [azure.cluster(f"c{at}")]
                states = f"{SUBSCRIPTION}/providers/Microsoft.PolicyInsights/policyStates/latest"
                answers += [azure.http.post(f"{states}/queryResults"), azure.http.post(f"{states}/summarize")]
                answers += [azure.http.get(f"{OWN}/{kind}") for kind in ("policyDefinitions", "policyAssignments")]
            broken += [(one.request.url.path, body) for one in answers if one.status_code >= 500]

    assert broken == []
