"""What the storage service refuses in a lifecycle policy about days since the tier was changed."""

from __future__ import annotations

from typing import Any

import pytest
from storing import lifecycle, rule

from finops.simulator.answers import WireError
from finops.simulator.storage.rules import checked

ACCOUNT = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
REST = {"daysAfterLastTierChangeGreaterThan": 7}


def policy(subject: str, **when: float) -> Any:
    found = rule("r", tierToArchive={**when, **REST})
    found["definition"]["actions"] = {subject: found["definition"]["actions"]["baseBlob"]}
    return lifecycle(found)["properties"]["policy"]


@pytest.mark.parametrize("since", ["daysAfterLastAccessTimeGreaterThan", "daysAfterCreationGreaterThan"])
def test_days_since_the_tier_changed_are_refused_beside_anything_but_modification(since: str):
    with pytest.raises(WireError, match="can be used only with daysAfterModificationGreaterThan"):
        checked(policy("baseBlob", **{since: 30}), ACCOUNT)


def test_days_since_the_tier_changed_are_taken_beside_modification_and_for_versions_beside_creation():
    assert checked(policy("baseBlob", daysAfterModificationGreaterThan=30), ACCOUNT)
    assert checked(policy("version", daysAfterCreationGreaterThan=30), ACCOUNT)
