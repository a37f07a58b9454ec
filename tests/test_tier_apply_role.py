"""The roles that tiering asks for are enough to plan, to apply and to undo, and hold nothing that these leave alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from estates import PROD, group, job, workspace, workspace_id
from fake_azure import StillTime
from storing import AS_OF, NAME, storage_estate
from test_tier_plan import blobs
from tier_applying import Tiering, tiering

from finops import estate
from finops.cloud import connect
from finops.config.model import AzureSettings, Settings
from finops.errors import AzureError
from finops.jobs.tiering.planning import reckoned, seen_of
from finops.simulator import serving
from finops.simulator.rbac import action_of

READER, PLANS, ROLE = (
    json.loads((Path(__file__).parent.parent / "docs" / f"{name}-role.json").read_text("utf-8"))
    for name in ("reader", "tiering-reader", "tiering")
)
WS = workspace_id("ml")


def asked(requests: list[dict[str, Any]], *verbs: str) -> set[str]:
    """The rights that requests took, of some verbs or of all; those of the content of blobs are not told by a path."""
    needed = (action_of(one["method"], one["path"]) for one in requests)
    found = {action.lower() for action, _ in filter(None, needed)}
    return {action for action in found if not verbs or action.rpartition("/")[2] in verbs}


def given(*roles: dict[str, Any]) -> set[str]:
    return {action.lower() for role in roles for action in role["Actions"]}


def planned(folder: Path, *roles: dict[str, Any]) -> tuple[set[str], tuple[str, ...]]:
    """What was asked for a plan, its inventory read from the account, and what may read blobs that cannot be told."""
    train = job(WS, "train")
    train["properties"] |= {"inputs": {"data": {"jobInputType": "uri_folder", "uri": "azureml:cifar:3"}}}
    cifar = {"id": f"{WS}/data/cifar/versions/3", "properties": {"dataUri": "azureml://datastores/sets/paths/cifar/"}}
    store = {"datastoreType": "AzureBlob", "accountName": NAME, "containerName": "raw"}
    more = [group(PROD, "rg-ml"), workspace(WS), train, cifar, {"id": f"{WS}/datastores/sets", "properties": store}]
    place = storage_estate(folder / "estate", blobs("raw", 3, 300), more=more)
    with (
        serving(place, roles=list(roles)) as served,
        connect(AzureSettings(endpoint=served.url), time=StillTime().time) as azure,
    ):
        seen = seen_of(azure, Settings(), estate.read(azure, AS_OF), NAME, AS_OF)
        with reckoned(azure, seen, [], AS_OF) as made:
            return asked(served.requests), made.plan.unresolved


def test_a_plan_takes_what_its_roles_hold_and_each_of_it(tmp_path: Path):
    taken, unresolved = planned(tmp_path, READER, PLANS)

    assert unresolved == ()
    assert taken - given(READER) == given(PLANS)


def test_without_the_right_to_read_blobs_no_inventory_is_read(tmp_path: Path):
    with pytest.raises(AzureError, match="Storage Blob Data Reader"):
        planned(tmp_path, READER, {**PLANS, "DataActions": []})


def changed(account: Tiering) -> set[str]:
    """The rights of the requests that changed something. None took one that no role holds."""
    assert asked(account.served.requests) <= given(READER, PLANS, ROLE)
    return asked(account.served.requests, "write", "delete")


def test_the_role_is_enough_and_holds_no_change_that_is_not_made(tmp_path: Path):
    with tiering(tmp_path / "rules") as account:
        account.apply()
        account.undo()
        rules = changed(account)
    own = {"tracked": False, "tracking": True, "inventory": False, "inventory_rule": "finops-inventory"}
    with tiering(tmp_path / "setting-up", **own) as account:  # type: ignore[arg-type]
        account.apply()
        account.undo()
        setting_up = changed(account)

    assert rules | setting_up == {one for one in given(ROLE) if not one.endswith("/read")}
