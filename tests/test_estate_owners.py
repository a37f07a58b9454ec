"""Whose a resource is: one rule for what is decided, swept, guarded, and found off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from finops.estate.ids import key
from finops.estate.model import Estate, Known, Resource
from finops.estate.owners import owner_of
from finops.jobs.anomalies.witness import look_in_azure

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/rg"
CLUSTER = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml/computes/gpu"
MAKER = {"createdBy": "priya@contoso.example", "createdByType": "User"}


class OneResource:
    """An Azure that has one resource, and no log of it."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def get(self, path: str, version: str) -> dict[str, Any]:
        return self.body

    def pages(self, *asked: Any) -> list[dict[str, Any]]:
        return []


def owners(tags: dict[str, str]) -> tuple[str, str]:
    """By the estate, and by what an anomaly asks of Azure."""
    body = {"id": CLUSTER, "tags": tags, "systemData": MAKER}
    known = Resource(CLUSTER, body, {"owner": Known(MAKER["createdBy"], NOW)})
    azure: Any = OneResource(body)
    seen = look_in_azure(azure, (CLUSTER,), NOW.date(), NOW.date(), NOW)
    return owner_of(known, Estate(NOW, {key(CLUSTER): known})), seen.owner


@pytest.mark.parametrize(
    ("tags", "owner"),
    [({"Owner": "vera@contoso.example"}, "vera@contoso.example"), ({}, "priya@contoso.example"),
     ({"Owner": "the ml team"}, "priya@contoso.example")],
)  # fmt: skip
def test_its_own_owner_tag_names_the_owner_before_who_made_it(tags: dict[str, str], owner: str):
    assert owners(tags) == (owner, owner)
