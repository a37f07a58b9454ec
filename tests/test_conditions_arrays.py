"""[*] and count: all members, how many members, and what `where` sees."""

from __future__ import annotations

from typing import Any

import pytest

from finops.conditions import Alias, Aliases, compile_condition

RULES = "Microsoft.Test/walls/rules[*]"
TABLE = Aliases(
    Alias(f"Microsoft.Test/walls/{name}", "microsoft.test/walls", path)
    for name, path in {
        "rules": "properties.rules",
        "rules[*]": "properties.rules[*]",
        "rules[*].port": "properties.rules[*].properties.port",
        "rules[*].from[*]": "properties.rules[*].properties.from[*]",
    }.items()
)


def wall(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Microsoft.Test/walls", "properties": {"rules": [{"properties": rule} for rule in rules]}}


def holds(condition: dict[str, Any], body: dict[str, Any], parameters: dict[str, Any] | None = None) -> bool | None:
    return compile_condition(condition, parameters, TABLE).holds(body)


def test_all_members_must_meet_the_condition() -> None:
    condition = {"field": f"{RULES}.port", "less": 1024}

    assert holds(condition, wall({"port": 22}, {"port": 80}))
    assert holds(condition, wall({"port": 22}, {"port": 8080})) is False


def test_an_empty_array_meets_every_condition_and_a_missing_one_is_judged_as_a_missing_value() -> None:
    equals, differs = ({"field": f"{RULES}.port", operator: 22} for operator in ("equals", "notEquals"))
    missing = {"type": "Microsoft.Test/walls", "properties": {}}

    assert holds(equals, wall()) is True
    assert holds(equals, missing) is False
    assert holds(differs, missing) is True
    assert holds({"field": f"{RULES}.port", "exists": True}, missing) is False


@pytest.mark.parametrize(("body", "count"), [(wall(), 0), ({"type": "Microsoft.Test/walls"}, 0), (wall({}, {}), 2)])
def test_a_count_without_where_is_the_length(body: dict[str, Any], count: int) -> None:
    assert holds({"count": {"field": RULES}, "equals": count}, body)


def test_where_sees_one_member_and_all_of_the_resource() -> None:
    condition = {
        "count": {
            "field": RULES,
            "where": {"allOf": [{"field": f"{RULES}.port", "equals": 22}, {"field": "tags.env", "equals": "dev"}]},
        },
        "equals": 1,
    }

    assert holds(condition, {**wall({"port": 22}, {"port": 80}), "tags": {"env": "dev"}})
    assert holds(condition, {**wall({"port": 22}, {"port": 80}), "tags": {"env": "prod"}}) is False


def test_an_array_within_the_member_is_that_members() -> None:
    open_to_all = {
        "count": {"field": f"{RULES}.from[*]", "where": {"value": "[current()]", "equals": "*"}},
        "greater": 0,
    }
    condition = {"count": {"field": RULES, "where": open_to_all}, "equals": 1}

    assert holds(condition, wall({"from": ["*", "10.0.0.1"]}, {"from": ["10.0.0.2"]}, {}))


def test_nested_stars_are_counted_one_by_one() -> None:
    body = wall({"from": ["a", "b"]}, {"from": ["c"]})

    assert holds({"count": {"field": f"{RULES}.from[*]"}, "equals": 3}, body)
    assert holds({"count": {"field": f"{RULES}.from[*]", "where": {"field": f"{RULES}.from[*]", "equals": "c"}},
                  "equals": 1}, body)  # fmt: skip


def test_current_names_a_member_its_property_or_the_index_of_a_value_count() -> None:
    condition = {
        "count": {
            "value": "[parameters('allowed')]",
            "name": "one",
            "where": {
                "count": {
                    "field": RULES,
                    "where": {"value": f"[equals(current('{RULES}.port'), current('one').port)]", "equals": True},
                },
                "greater": 0,
            },
        },
        "equals": "[length(parameters('allowed'))]",
    }

    assert holds(condition, wall({"port": 22}, {"port": 80}), {"allowed": [{"port": 80}, {"port": 22}]})
    assert holds(condition, wall({"port": 22}), {"allowed": [{"port": 80}, {"port": 22}]}) is False


def test_field_of_the_counted_array_is_a_list_of_one_within_where() -> None:
    where = {"value": f"[length(field('{RULES}.port'))]", "equals": 1}

    assert holds({"count": {"field": RULES, "where": where}, "equals": 2}, wall({"port": 1}, {"port": 2}))


def test_an_array_of_another_type_of_resource_has_no_members() -> None:
    body = {**wall({"port": 22}), "type": "Microsoft.Test/doors"}

    assert holds({"count": {"field": f"{RULES}.from[*]"}, "equals": 0}, body)
    assert holds({"count": {"field": RULES}, "equals": 0}, body)


def test_an_alias_within_a_count_has_its_path_of_the_api_version() -> None:
    table = Aliases(
        [
            Alias("Microsoft.Test/walls/rules[*]", "microsoft.test/walls", "properties.rules[*]", {"2015": "rules[*]"}),
            Alias("Microsoft.Test/walls/rules[*].port", "microsoft.test/walls", "properties.rules[*].port",
                  {"2015": "rules[*].p"}),
        ]
    )  # fmt: skip
    open_ports = {"count": {"field": RULES, "where": {"field": f"{RULES}.port", "equals": 22}}, "equals": 1}
    condition = compile_condition(open_ports, aliases=table)
    body = {"type": "Microsoft.Test/walls", "rules": [{"p": 22}], "properties": {"rules": [{"port": 22}, {"port": 22}]}}

    assert condition.holds(body) is False
    assert condition.holds(body, api_version="2015") is True


def test_a_field_whose_name_comes_from_a_count_is_looked_up_each_time() -> None:
    condition = {
        "count": {
            "value": ["Owner", "CostCenter"],
            "name": "tag",
            "where": {"field": "[concat('tags[', current('tag'), ']')]", "exists": False},
        },
        "greater": 0,
    }

    assert holds(condition, {"tags": {"owner": "ada"}})
    assert holds(condition, {"tags": {"owner": "ada", "costCenter": "x"}}) is False
