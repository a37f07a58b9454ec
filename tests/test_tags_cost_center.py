"""What is done about a CostCenter: inherited where Azure says it, proposed where it is nearly right, else asked."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from finops.estate import Estate, Gap, Known, Resource
from finops.tags import Finding, allowed_value, findings

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/1111"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-ml"
STORE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/data"


def estate(store: Any = None, group: Any = None, owner: str = "", gaps: tuple[Gap, ...] = ()) -> Estate:
    facts = {"costLast30Days": Known(Decimal("7.5"), NOW)} | ({"owner": Known(owner, NOW)} if owner else {})
    return Estate(
        NOW,
        {
            STORE.lower(): Resource(STORE, {"id": STORE, "tags": store}, facts),
            GROUP.lower(): Resource(GROUP, {"id": GROUP, "tags": group or {}}),
        },
        gaps,
    )


def store(found: Estate, allowed: list[str] | None = None) -> Finding | None:
    return next((one for one in findings(found, allowed or []) if one.id == STORE), None)


def kind(*args: Any, allowed: list[str] | None = None, **more: Any) -> str:
    found = store(estate(*args, **more), allowed)
    return found.kind if found else "right"


def test_a_resource_with_its_own_is_right():
    assert kind({"CostCenter": "CC-1"}) == "right"


MISSING = [None, {}, {"CostCenter": ""}, {"CostCenter": "  "}, {"Owner": "ana"}, "text", {"CostCenter": 3}]


@pytest.mark.parametrize("tags", MISSING)
def test_a_missing_one_is_inherited_from_the_group(tags: Any):
    found = store(estate(tags, {"CostCenter": "CC-1"}))

    assert found
    assert (found.kind, found.value, found.source) == ("inherit", "CC-1", GROUP)


def test_a_missing_one_above_which_there_is_none_is_asked_of_the_owner():
    assert kind({}, owner="ana@contoso.com") == "ask"


def test_where_nobody_is_known_it_is_reported_with_its_cost():
    found = store(estate({}))

    assert found
    assert (found.kind, found.cost) == ("report", Decimal("7.5"))


@pytest.mark.parametrize(
    "name", ["costcenter", "COSTCENTER", "Cost-Center", "cost_centre", "CostCenters", "Cost center"]
)
def test_a_name_that_is_nearly_right_is_proposed(name: str):
    assert kind({name: "CC-1"}, {"CostCenter": "CC-1"}) == "propose"


@pytest.mark.parametrize("name", ["Center", "Cost", "CostOwner", "Region"])
def test_another_name_is_another_tag(name: str):
    assert kind({name: "CC-1"}, {"CostCenter": "CC-1"}) == "inherit"


def test_two_names_with_different_values_propose_none_of_them():
    found = store(estate({"Cost-Center": "CC-1", "CostCentre": "CC-2"}))

    assert found
    assert (found.kind, found.value) == ("propose", "")


@pytest.mark.parametrize("value", ["cc-4300", "CC 4300", " CC-4300 ", "CC4300"])
def test_a_value_that_is_spelt_otherwise_is_proposed(value: str):
    found = store(estate({"CostCenter": value}), ["CC-4300", "CC-4301"])

    assert found
    assert (found.kind, found.value) == ("propose", "CC-4300")


@pytest.mark.parametrize("value", ["CC-4302", "CC-43", "CC-430", "other"])
def test_another_number_is_never_taken_for_a_near_miss(value: str):
    assert kind({"CostCenter": value}, allowed=["CC-4300", "CC-4301"], owner="a@b.c") == "ask"


def test_a_word_with_a_slip_of_the_pen_is_proposed():
    assert allowed_value("reserch", ["research", "platform"]) == ("research", False)


def test_a_word_that_is_near_two_proposes_neither():
    assert allowed_value("team-x", ["team-a", "team-b"]) == ("", False)


def test_what_is_not_allowed_above_is_not_inherited():
    assert kind({}, {"CostCenter": "CC-9"}, allowed=["CC-4300"]) == "report"


def test_what_is_misspelt_above_is_not_inherited_but_proposed():
    found = store(estate({}, {"Cost-Center": "CC-1"}))

    assert found
    assert (found.kind, found.value) == ("propose", "CC-1")


def test_above_with_several_values_lends_none():
    assert kind({}, {"Cost-Center": "CC-1", "CostCentre": "CC-2"}) == "report"


def test_above_that_could_not_be_read_is_not_skipped():
    found = estate({}, gaps=(Gap(SUBSCRIPTION, "Microsoft.ResourceGraph/resources", "403"),))

    one = store(found)

    assert one
    assert (one.kind, "could not be read" in one.why) == ("report", True)
