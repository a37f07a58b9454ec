"""One condition about one value: what each operator finds, and what each field reads."""

from __future__ import annotations

from typing import Any

import pytest

from finops.conditions import compile_condition

CLUSTER = {
    "id": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws/computes/gpu",
    "name": "gpu",
    "type": "Microsoft.MachineLearningServices/workspaces/computes",
    "location": "West Europe",
    "identity": {"type": "SystemAssigned"},
    "tags": {"costcenter": "cc-42", "Acct.Owner": "ada", "it's": "so"},
    "properties": {
        "computeType": "AmlCompute",
        "properties": {"vmSize": "STANDARD_NC6S_V3", "vmPriority": "Dedicated", "scaleSettings": {"minNodeCount": 1}},
    },
}


def holds(condition: dict[str, Any], body: Any = None, **more: Any) -> bool | None:
    return compile_condition(condition, **more).holds(CLUSTER if body is None else body)


@pytest.mark.parametrize(
    ("value", "operator", "wanted"),
    [
        ("Spot", "equals", "sPOT"),
        ("443", "equals", 443),
        (443, "equals", "443"),
        ("TRUE", "equals", True),
        (None, "equals", None),
        ({"A": 1}, "equals", {"a": "1"}),
        (1, "notEquals", True),
        (None, "notEquals", "x"),
        ("cc-42", "like", "CC-*"),
        ("a.b", "notLike", "a?b?"),
        ("Dev", "like", "dEV"),
        ("devel", "notLike", "dev"),
        ("dev-box-1", "like", "dev*1"),
        ("dev-box-2", "notLike", "dev*1"),
        (1234, "contains", "23"),
        (1234, "notContains", "32"),
        ("b", "greater", "2024-01-01T00:00:00Z"),
        ("ab12", "match", "??##"),
        ("AB12", "notMatch", "ab##"),
        ("AB12", "matchInsensitively", "ab##"),
        ("ab1", "notMatchInsensitively", "ab##"),
        ("Standard_NC6", "contains", "nc"),
        (["dev", "Test"], "contains", "test"),
        (None, "notContains", "x"),
        ("eu", "in", ["US", "EU"]),
        (8080, "in", ["80", "8080"]),
        (None, "notIn", ["a"]),
        ({"CostCenter": "x"}, "containsKey", "costcenter"),
        ("text", "notContainsKey", "t"),
        ("9", "less", 10),
        ("10", "less", "9"),  # two texts are ordered as text, which is why built-ins pad with zeros
        (0, "greaterOrEquals", 0),
        ("2024-01-01T02:00:00+02:00", "lessOrEquals", "2024-01-01T00:00:00Z"),
        ("2023-05-01-preview", "greater", "2023-05-01"),
        (None, "equals", ""),
        ("", "exists", True),
        (None, "exists", "false"),
    ],
)
def test_a_value_meets_the_condition(value: Any, operator: str, wanted: Any) -> None:
    assert holds({"value": value, operator: wanted}) is True


@pytest.mark.parametrize(
    ("value", "operator", "wanted"),
    [
        ("Spot", "notEquals", "spot"),
        (True, "equals", 1),
        ("05", "equals", 5),
        ("", "equals", None),
        (None, "like", "*"),
        (None, "contains", ""),
        (["a"], "like", "*"),
        ("abc", "match", "##?"),
        ("AB", "match", "ab"),
        (None, "in", ["a"]),
        ("x", "containsKey", "x"),
        (None, "less", 5),
        (None, "greater", 5),
        (False, "exists", False),
    ],
)
def test_a_value_does_not_meet_the_condition(value: Any, operator: str, wanted: Any) -> None:
    assert holds({"value": value, operator: wanted}) is False


@pytest.mark.parametrize(("value", "wanted"), [("abc", 5), (True, 5), ([1], 5), ({}, "a")])
def test_values_of_two_kinds_cannot_be_ordered_so_nothing_is_told(value: Any, wanted: Any) -> None:
    condition = compile_condition({"not": {"value": value, "greater": wanted}})

    assert condition.holds({}) is None
    assert "cannot be ordered against" in str(condition.explain({}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "microsoft.machinelearningservices/workspaces/computes"),
        ("name", "GPU"),
        ("fullName", "ws/gpu"),
        ("Location", "WestEurope"),
        ("location", "[concat('West', ' ', 'europe')]"),
        ("identity.type", "systemassigned"),
        ("tags.CostCenter", "cc-42"),
        ("tags['CostCenter']", "cc-42"),
        ("tags[CostCenter]", "cc-42"),
        ("[concat('tags[', 'COSTCENTER', ']')]", "cc-42"),
        ("tags['Acct.Owner']", "ada"),
        ("tags.Acct.Owner", "ada"),
        ("tags['it''s']", "so"),
        ("Microsoft.MachineLearningServices/workspaces/computes/vmSize", "Standard_NC6s_v3"),
        ("MICROSOFT.MachineLearningServices/workspaces/computes/scaleSettings.minNodeCount", 1),
        ("properties.computeType", "amlcompute"),
        ("properties['properties'].VMPRIORITY", "dedicated"),
    ],
)
def test_a_field_is_read_without_regard_to_case(field: str, value: Any) -> None:
    assert holds({"field": field, "equals": value}) is True


def test_a_resource_group_and_a_subscription_have_the_types_that_policies_name() -> None:
    group = {"id": "/subscriptions/s/resourceGroups/rg", "name": "rg", "type": "Microsoft.Resources/resourceGroups"}

    assert holds({"field": "type", "equals": "Microsoft.Resources/subscriptions/resourceGroups"}, group)
    assert holds({"field": "type", "equals": "Microsoft.Resources/subscriptions"}, {"id": "/subscriptions/s"})
    assert holds({"field": "name", "equals": "s"}, {"id": "/subscriptions/s"})


def test_an_alias_of_another_type_is_missing() -> None:
    storage = {"type": "Microsoft.Storage/storageAccounts", "properties": {"properties": {"vmSize": "x"}}}

    assert holds({"field": "Microsoft.MachineLearningServices/workspaces/computes/vmSize", "exists": False}, storage)


def test_an_alias_of_a_whole_namespace_reads_the_path_of_the_resource_at_hand() -> None:
    offer = {"imageReference": {"offer": "ubuntu"}}
    machine = {"type": "Microsoft.Compute/virtualMachines", "properties": {"storageProfile": offer}}
    fleet = {"virtualMachineProfile": {"storageProfile": offer}}
    scale_set = {"type": "Microsoft.Compute/virtualMachineScaleSets", "properties": fleet}

    for body in (machine, scale_set):
        assert holds({"field": "Microsoft.Compute/imageOffer", "equals": "Ubuntu"}, body)


@pytest.mark.parametrize(
    "body", [{}, {"tags": None}, {"tags": []}, {"properties": None}, {"properties": "x"}, {"type": 5}]
)
def test_a_body_that_is_not_as_documented_reads_as_missing(body: dict[str, Any]) -> None:
    alias = "Microsoft.MachineLearningServices/workspaces/computes/vmPriority"

    assert holds({"allOf": [{"field": "tags.x", "exists": False}, {"field": alias, "exists": False}]}, body)


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ({"allOf": []}, True),
        ({"anyOf": []}, False),
        ({"not": {"anyOf": [{"value": 1, "equals": 2}]}}, True),
        ({"ALLOF": [{"Field": "name", "EQUALS": "gpu"}, {"not": {"field": "kind", "exists": True}}]}, True),
    ],
)
def test_logic(condition: dict[str, Any], answer: bool) -> None:
    assert holds(condition) is answer


def test_text_with_two_brackets_is_text_and_not_an_expression() -> None:
    assert holds({"field": "name", "equals": "[[x]"}, {"name": "[x]"})
    assert holds({"field": "name", "equals": "[x"}, {"name": "[x"})
