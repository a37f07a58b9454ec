"""The role that we ask for is enough to read everything, and holds nothing that reading does without."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from estates import AML, PROD, endpoint, group_id, job, small_bodies, workspace_id, write_estate

from finops import estate, prices
from finops.charges import Period, ingest
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.errors import DataError, FinopsError
from finops.simulator import serving

ROLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "docs" / "reader-role.json").read_text("utf-8"))

CHARGES = "Microsoft.CostManagement/query/action"
UNTRIED = {
    # No estate of the simulator has one.
    "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints/read",
    # Azure answers both to whoever may read anything there, and so does the simulator; Microsoft's own roles list them.
    "Microsoft.ResourceGraph/resources/read",
    "Microsoft.Resources/subscriptions/read",
    CHARGES,
}


def seen(folder: Path, store: Path, actions: list[str]) -> tuple[set[str], int]:
    """The ids that a reader with `actions` gets to see, and how many things it is refused."""
    role = {**ROLE, "Actions": actions}
    # What a directory allows is no action of a role: Microsoft Graph's User.Read.All is granted by itself.
    roles = {"roles": [role], "graph": ["User.Read.All"]}
    with serving(folder, roles=roles) as server, connect(AzureSettings(endpoint=server.url)) as azure:
        now = server.world.clock.now().astimezone(UTC)
        found = estate.read(azure, now, facts=estate.everything(), pricing=prices)
        subscriptions = [str(one["subscriptionId"]) for one in azure.subscriptions()]
        try:
            with ingest(azure, subscriptions, Period(now.date().replace(day=1), now.date()), store, now) as book:
                return set(found.resources), len(found.gaps) + len(book.gaps)
        except DataError:  # asked, and there are none
            return set(found.resources), len(found.gaps)


def a_bit_of_everything(folder: Path) -> Path:
    """An estate with one of each kind, so that the reading is short: it is read once for each action."""
    scope = group_id(PROD, "rg-ml")
    ws = workspace_id("ml-prod")
    unsigned = {**endpoint(ws, "unsigned"), "systemData": {"createdAt": "2026-08-01T08:00:00Z"}}
    others = [
        {
            "id": f"{at}/providers/{kind}/one",
            "name": "one",
            "type": kind,
            "location": "eastus",
            "properties": {"scope": at},
        }
        for at, kind in (
            (scope, "Microsoft.ContainerRegistry/registries"),
            (scope, "Microsoft.KeyVault/vaults"),
            (scope, "microsoft.insights/components"),
            (scope, "microsoft.insights/autoscalesettings"),
            (scope, "Microsoft.Authorization/roleAssignments"),
        )
    ]
    nightly = {"id": f"{ws}/schedules/nightly", "name": "nightly", "type": f"{AML}/schedules", "properties": {}}
    trained = job(ws, "trained")
    trained["properties"]["jobs"] = {"train": {"componentId": f"{ws}/components/train/versions/1"}}
    component = {
        "id": f"{ws}/components/train/versions/1",
        "name": "1",
        "type": f"{AML}/components/versions",
        "properties": {"componentSpec": {}},
    }
    return write_estate(folder, [*small_bodies(), unsigned, *others, nightly, trained, component])


@pytest.fixture(scope="module")
def one_of_each(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    folder = a_bit_of_everything(tmp_path_factory.mktemp("estate") / "one")
    return folder, seen(folder, tmp_path_factory.mktemp("all"), ["*"])[0]


def test_the_reader_role_is_enough(small_estate: Path, tmp_path: Path):
    everything, _ = seen(small_estate, tmp_path / "all", ["*"])

    found, refused = seen(small_estate, tmp_path / "role", ROLE["Actions"])

    assert (found, refused) == (everything, 0)


@pytest.mark.parametrize("action", [action for action in ROLE["Actions"] if action not in UNTRIED])
def test_each_action_of_the_role_is_needed(one_of_each: tuple[Path, set[str]], tmp_path: Path, action: str):
    folder, everything = one_of_each
    rest = [one for one in ROLE["Actions"] if one != action]

    try:
        found, refused = seen(folder, tmp_path, rest)
    except FinopsError:
        return

    assert found != everything or refused


def test_charges_are_refused_without_their_action(small_estate: Path, tmp_path: Path):
    rest = [one for one in ROLE["Actions"] if one != CHARGES]

    with (
        serving(small_estate, roles=[{**ROLE, "Actions": rest}]) as server,
        connect(AzureSettings(endpoint=server.url)) as azure,
    ):
        now = server.world.clock.now().astimezone(UTC)
        subscriptions = [str(one["subscriptionId"]) for one in azure.subscriptions()]
        with pytest.raises(FinopsError):
            ingest(azure, subscriptions, Period(now.date().replace(day=1), now.date()), tmp_path, now)


def test_nothing_is_refused_to_the_role_where_there_is_one_of_each(one_of_each: tuple[Path, set[str]], tmp_path: Path):
    folder, everything = one_of_each

    assert seen(folder, tmp_path, ROLE["Actions"]) == (everything, 0)
