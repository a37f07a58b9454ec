"""Policy and guard together, with Microsoft's own clients: new ones are refused at the door, old ones are mended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resource.policy import PolicyClient
from estates import DEV
from guarding import DEV_WORKSPACE, Guarding, guarding
from test_wire_ml import ml_client
from wire_clients import AllowHttp, Token

pytest.importorskip("azure.ai.ml")

SHIPPED = Path(__file__).parent.parent / "policies" / "dev-clusters-are-spot" / "azurepolicy.json"
TRAIN = f"{DEV_WORKSPACE}/computes/train"


def create(client: Any, name: str, tier: str = "dedicated") -> Any:
    from azure.ai.ml.entities import AmlCompute

    return client.compute.begin_create_or_update(
        AmlCompute(
            name=name,
            size="STANDARD_NC6S_V3",
            tier=tier,
            min_instances=0,
            max_instances=5,
            idle_time_before_scale_down=300,
            tags={"CostCenter": "CC-2", "Project": "ocr"},
            ssh_public_access_enabled=False,
        )
    ).result()


def deploy_policy(guard: Guarding) -> str:
    """Assign the shipped policy to the dev subscription; its message to those who are refused."""
    body = json.loads(SHIPPED.read_text("utf-8"))
    properties = body.get("properties", body)
    message = str(properties["metadata"]["nonComplianceMessage"])
    with PolicyClient(Token(), DEV, base_url=guard.served.url, per_call_policies=[AllowHttp()]) as policies:
        made = policies.policy_definitions.create_or_update("dev-clusters-are-spot", {"properties": properties})
        policies.policy_assignments.create(
            f"/subscriptions/{DEV}",
            "spot",
            {"properties": {"policyDefinitionId": made.id, "nonComplianceMessages": [{"message": message}]}},
        )
    guard.live(minutes=10)
    return message


def test_a_cluster_from_before_the_policy_is_made_anew_and_a_new_one_is_refused(tmp_path: Path):
    with guarding(tmp_path) as guard, ml_client(guard.served, "ml-dev", DEV, "rg-dev") as client:
        create(client, "train")
        before = guard.body(TRAIN)
        guard.put({**before, "systemData": {**before["systemData"], "createdBy": "ana@contoso.com"}})
        message = deploy_policy(guard)

        with pytest.raises(HttpResponseError) as refused:
            create(client, "another")
        assert refused.value.error.code == "RequestDisallowedByPolicy"
        assert message in refused.value.error.message

        guard.run()
        guard.live(days=8)
        done = guard.run()

        # The policy that forbids it denies its scaling down as well, but not that it goes.
        assert [one.result for one in done.outcomes] == ["failed", "done", "done"]
        made = client.compute.get("train")
        assert (made.tier, made.size, made.min_instances, made.max_instances, made.idle_time_before_scale_down) == (
            "low_priority", "STANDARD_NC6S_V3", 0, 5, 300,
        )  # fmt: skip
        assert made.tags == {"CostCenter": "CC-2", "Project": "ocr"}
        after = guard.body(TRAIN)
        for name in ("remoteLoginPortPublicAccess", "enableNodePublicIp", "osType"):
            assert after["properties"]["properties"][name] == before["properties"]["properties"][name]
        assert [mail["To"] for mail in guard.mails()] == ["ana@contoso.com", "ana@contoso.com"]
