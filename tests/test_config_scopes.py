"""The nearest scope counts: for the guard, for tiering and for who is asked alike."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from finops.config.model import GuardSettings, JanitorSettings
from finops.config.scopes import nearest
from finops.config.tiering import TieringSettings

WHOLE = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Storage/storageAccounts/A"


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (["/"], "/"),
        (["/", "/subscriptions/s"], "/subscriptions/s"),
        (["/subscriptions/S", "/subscriptions/s/resourcegroups/rg/"], "/subscriptions/s/resourcegroups/rg/"),
        ([WHOLE.upper(), "/subscriptions/s/resourceGroups/rg"], WHOLE.upper()),
        (["/subscriptions/s/resourceGroups/r", f"{WHOLE}2", "/subscriptions/other"], "usual"),
    ],
)
def test_the_nearest_scope_that_is_named_counts(named: list[str], said: str):
    assert nearest({scope: scope for scope in named}, WHOLE, "usual") == said


@pytest.mark.parametrize(
    "scope", ["prod", "/subscriptions/", "/subscriptions/S/resourceGroups", f"{WHOLE}/blobServices"]
)
def test_what_names_nothing_is_no_scope_wherever_it_stands(scope: str):
    for settings, said in (
        (GuardSettings, {"scopes": {scope: "warn"}}),
        (TieringSettings, {"scopes": {scope: "ask"}}),
        (JanitorSettings, {"approvers": {scope: ["a@b.example"]}}),
    ):
        with pytest.raises(ValidationError, match="is no scope"):
            settings(**said)


def test_everything_has_approvers_and_no_mode():
    assert JanitorSettings(approvers={"/": ["a@b.example"]}).approvers
    with pytest.raises(ValidationError, match="is no scope"):
        GuardSettings(scopes={"/": "warn"})
