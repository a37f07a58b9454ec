"""The fingerprint: the same for what was made again alike, another for another spec. And what acting saves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from finops import janitor
from finops.config import folder
from finops.estate import Known
from finops.janitor import Quiet
from finops.janitor.fingerprint import fingerprint
from finops.janitor.money import saving_of

RULES = {rule.name: rule for rule in janitor.rules(folder("janitor"))}
SUBNET = "/subscriptions/1111/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s"


def cluster(**inner: Any) -> dict[str, Any]:
    spec = {"vmSize": "STANDARD_NC6S_V3", "scaleSettings": {"minNodeCount": 1, "maxNodeCount": 4}, **inner}
    return {"id": "/x", "location": "westeurope", "properties": {"computeType": "AmlCompute", "properties": spec}}


@pytest.mark.parametrize(
    "inner",
    [
        {"virtualMachineImage": None, "errors": [{"code": "Quota"}], "currentNodeCount": 3},
        {"nodeStateCounts": {"idleNodeCount": 2}, "allocationState": "Resizing", "subnet": {}},
    ],
    ids=["null", "state"],
)
def test_what_azure_adds_and_what_says_nothing_is_no_spec(inner: dict[str, Any]):
    assert fingerprint(cluster(**inner)) == fingerprint(cluster())


def test_an_id_in_the_spec_is_the_same_in_any_letter_case():
    one, other = cluster(subnet={"id": SUBNET}), cluster(subnet={"id": SUBNET.lower()})

    assert fingerprint(one) == fingerprint(other) != fingerprint(cluster())


@pytest.mark.parametrize(
    "inner", [{"vmSize": "STANDARD_NC24S_V3"}, {"vmPriority": "LowPriority"}, {"scaleSettings": {"maxNodeCount": 4}}]
)
def test_another_spec_has_another_fingerprint(inner: dict[str, Any]):
    assert fingerprint(cluster(**inner)) != fingerprint(cluster())


def test_a_quiet_step_that_sets_the_minimum_leaves_the_fingerprint():
    quiet = Quiet("minNodes0", 14)
    after = cluster(scaleSettings={"minNodeCount": 0, "maxNodeCount": 4})

    assert fingerprint(cluster(), quiet) == fingerprint(after, quiet)
    assert fingerprint(cluster(), Quiet("traffic0", 7)) != fingerprint(after, Quiet("traffic0", 7))


def held(**values: Any) -> dict[str, Known]:
    return {name: Known(value, datetime(2026, 11, 17, tzinfo=UTC)) for name, value in values.items()}


def test_what_is_deleted_or_stopped_saves_what_it_cost():
    for name in ("endpoint-without-requests", "instance-idle"):
        assert saving_of(RULES[name], held(), Decimal("412.50")) == Decimal("412.50")


def test_what_is_not_known_to_cost_is_not_known_to_save():
    assert saving_of(RULES["endpoint-without-requests"], held(pricePerHour=Decimal("3")), None) is None


def test_an_archived_version_saves_nothing():
    assert saving_of(RULES["environment-version-unused"], held(), Decimal("5")) == Decimal(0)


@pytest.mark.parametrize(("idle", "nodes", "saved"), [(1, 4, "25.00"), (4, 4, "100.00"), (6, 4, "100.00")])
def test_a_cluster_saves_its_idle_share_and_never_more_than_it_costs(idle: int, nodes: int, saved: str):
    known = held(idleNodesLast7Days=idle, nodes=nodes)

    assert saving_of(RULES["cluster-idle-nodes"], known, Decimal("100")) == Decimal(saved)


def test_without_nodes_now_a_clusters_share_is_not_known():
    assert saving_of(RULES["cluster-idle-nodes"], held(idleNodesLast7Days=1, nodes=0), Decimal("100")) is None


def test_a_quiet_step_is_part_of_the_rule():
    assert replace(RULES["cluster-untagged"]).quiet == Quiet("minNodes0", 14)
