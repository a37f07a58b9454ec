"""A rule that is wrong is refused with the place, the value and what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finops.conditions import compile_condition, compile_policy, read_aliases, read_rule
from finops.errors import DataError, FinopsError

SIZE = "Microsoft.MachineLearningServices/workspaces/computes/vmSize"
DENY = {"effect": "deny"}
SET = {"operations": [{"operation": "set", "field": "tags.a", "value": "b"}]}


def refused(rule: Any, **more: Any) -> str:
    with pytest.raises(DataError) as raised:
        compile_policy(rule, source="policies/spot/azurepolicy.json", **more)
    assert raised.value.fix
    return str(raised.value)


@pytest.mark.parametrize(
    ("condition", "place", "word"),
    [
        ({"allOf": [{"field": "type", "equal": "x"}]}, "policyRule.if.allOf[0]", "'equals'"),
        ({"anyof": [], "field": "type"}, "policyRule.if", "beside"),
        ({"allof": {}}, "policyRule.if.allof", "list"),
        ({"field": "type"}, "policyRule.if", "no condition"),
        ({"field": "type", "equals": 1, "in": [1]}, "policyRule.if", "equals or in"),
        ({"field": "type", "value": 1, "equals": 1}, "policyRule.if", "field or value"),
        ({"equals": 1}, "policyRule.if", "neither"),
        ({"field": SIZE.replace("vmSize", "vmSzie"), "equals": 1}, "policyRule.if.field", SIZE),
        ({"field": "locaton", "equals": 1}, "policyRule.if.field", "'location'"),
        ({"field": "properties.x", "equals": 1}, "policyRule.if.field", "alias"),
        ({"field": "facts['']", "equals": 1}, "policyRule.if.field", "facts.name"),
        ({"field": 5, "equals": 1}, "policyRule.if.field", "number 5"),
        ({"field": "name", "in": "a"}, "policyRule.if.in", "list"),
        ({"field": "name", "exists": "maybe"}, "policyRule.if.exists", "maybe"),
        ({"value": "[concat('a'", "equals": 1, "x": 1}, "policyRule.if", "'x'"),
        ({"value": "[concat('a']", "equals": 1}, "policyRule.if.value", "','"),
        ({"value": "[length()]", "equals": 1}, "policyRule.if.value", "takes 1"),
        ({"value": "[current()]", "equals": 1}, "policyRule.if.value", "count"),
        ({"count": {"field": "tags[*]"}, "equals": 1, "where": {}}, "policyRule.if", "'where'"),
        ({"count": {}, "equals": 1}, "policyRule.if.count", "exactly one"),
        ({"count": {"value": [1], "name": "a b"}, "equals": 1}, "policyRule.if.count.name", "letters"),
        ({"count": {"field": SIZE}, "equals": 1}, "policyRule.if.count.field", "[*]"),
    ],
)
def test_a_condition_that_is_wrong_is_refused_with_place_and_remedy(condition: Any, place: str, word: str) -> None:
    told = refused({"if": condition, "then": DENY})

    assert told.startswith(f"policies/spot/azurepolicy.json: {place} ")
    assert word in told


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("text", "not an object"),
        ({}, "policyRule.if is missing"),
        ({"if": {"value": 1, "equals": 1}}, "policyRule.then is missing"),
        ({"if": {"value": 1, "equals": 1}, "then": {}}, "policyRule.then.effect is missing"),
        ({"if": {"value": 1, "equals": 1}, "then": {"effect": "denny"}}, "Did you mean 'deny'?"),
        ({"displayName": "x"}, "policyRule is missing"),
        ({"mode": "All", "properties": {"mode": "All", "policyRule": {}}}, "both in and outside"),
        ({"if": {"value": 1, "equals": 1}, "then": {"effect": "auditIfNotExists"}}, "then.details"),
        ({"if": {"value": 1, "equals": 1}, "then": {"effect": "modify", "details": SET}}, "Operations are"),
    ],
)  # fmt: skip
def test_a_rule_that_is_wrong_is_refused(rule: Any, word: str) -> None:
    assert word in refused(rule)


def definition(value: str = "[parameters('size')]", **about: Any) -> dict[str, Any]:
    return {
        "parameters": {"size": {"type": "String", **about}},
        "policyRule": {"if": {"field": "name", "equals": value}, "then": DENY},
    }


@pytest.mark.parametrize(
    ("rule", "given", "word"),
    [
        (definition(), {}, "'size', which has no value"),
        (definition("[parameters('sice')]"), {"size": "a"}, "Did you mean 'size'?"),
        (definition(), {"sise": "a"}, "Did you mean 'size'?"),
        (definition(), {"size": 5}, "parameters.size is 5, which is no text"),
        (definition(allowedValues=["small", "large"]), {"size": "smal"}, "Did you mean 'small'?"),
        (definition(type="Sting"), {}, "Did you mean 'string'?"),
        (definition(type="DateTime"), {"size": "soon"}, "no date"),
        (definition(type="DateTime"), {"size": 5}, "no date"),
        (definition(type="Integer"), {"size": 1.5}, "no whole number"),
        (definition(type="Boolean"), {"size": "yes"}, "no boolean"),
        (definition(type="Array", allowedValues=["a", "b"]), {"size": ["a", "c"]}, '"c", which is not allowed'),
    ],
)
def test_parameters_are_checked(rule: Any, given: Any, word: str) -> None:
    assert word in refused(rule, parameters=given)


def test_parameters_may_come_as_an_assignment_has_them() -> None:
    policy = compile_policy(definition(defaultValue="small"), {"SIZE": {"value": "Large"}})

    assert policy.parameters == {"size": "Large"}
    assert policy.evaluate({"name": "large"}).effect == "deny"
    assert compile_policy(definition(defaultValue="small")).evaluate({"name": "small"}).effect == "deny"


def test_the_janitors_rules_may_name_plain_paths_but_not_misspell_their_root() -> None:
    assert compile_condition({"field": "properties.state", "equals": "On"}).holds({"properties": {"state": "on"}})

    with pytest.raises(DataError, match="Did you mean 'properties'"):
        compile_condition({"field": "propertis", "equals": "On"})


def test_a_file_that_is_not_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    rule = tmp_path / "rule.json"
    rule.write_text('{"if": \n  {,}}')

    with pytest.raises(FinopsError, match="line 2, column 4"):
        read_rule(rule)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    rule = tmp_path / "rule.json"
    rule.write_text('{"if": {"field": "a", "equals": 1, "equals": 2}}')

    with pytest.raises(DataError, match="'equals' twice"):
        read_rule(rule)


@pytest.mark.parametrize("text", ["{", '{"value": 5}', '[{"namespace": 1}, 2]', "a"])
def test_a_table_of_aliases_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    table = tmp_path / "aliases.json"
    table.write_text(text)

    with pytest.raises(DataError, match="not a table of aliases"):
        read_aliases(table)
