"""The role that we ask for is enough to read everything, and holds nothing that reading does without."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from finops import estate
from finops.charges import Period, ingest
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.errors import FinopsError
from finops.simulator import serving

ROLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "docs" / "reader-role.json").read_text("utf-8"))

UNTRIED = {
    # No estate of the simulator has one.
    "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints/read",
    # Azure answers both to whoever may read anything there, and so does the simulator; Microsoft's own roles list them.
    "Microsoft.ResourceGraph/resources/read",
    "Microsoft.Resources/subscriptions/read",
}


def seen(folder: Path, store: Path, actions: list[str]) -> tuple[set[str], int]:
    """The ids that a reader with `actions` gets to see, and how many things it is refused."""
    role = {**ROLE, "Actions": actions}
    with serving(folder, roles=[role]) as server, connect(AzureSettings(endpoint=server.url)) as azure:
        now = server.world.clock.now().astimezone(UTC)
        found = estate.read(azure, now)
        subscriptions = [str(one["subscriptionId"]) for one in azure.subscriptions()]
        with ingest(azure, subscriptions, Period(now.date().replace(day=1), now.date()), store, now) as book:
            return set(found.resources), len(found.gaps) + len(book.gaps)


@pytest.fixture(scope="module")
def all_of_it(small_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return seen(small_estate, tmp_path_factory.mktemp("all"), ["*"])[0]


def test_the_reader_role_is_enough(small_estate: Path, tmp_path: Path, all_of_it: set[str]):
    found, refused = seen(small_estate, tmp_path, ROLE["Actions"])

    assert (found, refused) == (all_of_it, 0)


@pytest.mark.parametrize("action", [action for action in ROLE["Actions"] if action not in UNTRIED])
def test_each_action_of_the_role_is_needed(small_estate: Path, tmp_path: Path, all_of_it: set[str], action: str):
    rest = [one for one in ROLE["Actions"] if one != action]

    try:
        found, refused = seen(small_estate, tmp_path, rest)
    except FinopsError:
        return

    assert found != all_of_it or refused
