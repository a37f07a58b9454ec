"""What counts as a difference between a policy in Azure and in the folder, and what does not."""

from __future__ import annotations

from typing import Any

from finops.policy.diff import differences


def lines(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [str(each) for each in differences({"properties": before}, {"properties": after})]


def test_what_azure_stamps_is_no_difference():
    before = {
        "displayName": "A", "policyType": "Custom", "version": "1.0.0", "versions": ["1.0.0"],
        "metadata": {"category": "Tags", "createdBy": "x", "createdOn": "2026-01-01", "updatedOn": None},
    }  # fmt: skip

    assert lines(before, {"displayName": "A", "metadata": {"category": "Tags"}}) == []


def test_nothing_and_empty_are_alike_where_azure_writes_either():
    assert lines({"displayName": "A"}, {"displayName": "A", "description": "", "parameters": {}}) == []


def test_an_empty_list_that_is_given_is_not_the_default():
    wanted = {"parameters": {"sizes": {"value": []}}}

    assert lines({"parameters": {}}, wanted) == ['parameters.sizes: + {"value": []}']
    assert lines({"parameters": {"sizes": {"value": ["a"]}}}, wanted) == ['parameters.sizes.value: ["a"] -> []']


def test_an_empty_list_within_a_rule_is_not_nothing():
    before = {"policyRule": {"if": {"field": "location", "in": []}}}

    assert lines(before, {"policyRule": {"if": {"field": "location"}}}) == ["policyRule.if.in: - []"]


def test_the_place_of_a_change_is_named_down_to_the_value():
    before = {"policyRule": {"if": {"allOf": [{"field": "type", "equals": "a"}]}, "then": {"effect": "audit"}}}
    after = {"policyRule": {"if": {"allOf": [{"field": "type", "equals": "b"}]}, "then": {"effect": "deny"}}}

    assert lines(before, after) == [
        'policyRule.if.allOf[0].equals: "a" -> "b"',
        'policyRule.then.effect: "audit" -> "deny"',
    ]


def test_what_somebody_added_within_a_rule_is_a_difference():
    before = {"policyRule": {"if": {"field": "type", "equals": "a", "notEquals": "b"}}}

    assert lines(before, {"policyRule": {"if": {"field": "type", "equals": "a"}}}) == ['policyRule.if.notEquals: - "b"']


def test_what_we_do_not_speak_of_is_left_as_it_is():
    before = {"displayName": "A", "notScopes": ["/subscriptions/x"], "resourceSelectors": [{"name": "eu"}]}

    assert lines(before, {"displayName": "A"}) == []


def test_ids_and_modes_are_compared_without_case():
    before = {"mode": "indexed", "policyDefinitionId": "/SUBSCRIPTIONS/x"}

    assert lines(before, {"mode": "Indexed", "policyDefinitionId": "/subscriptions/X"}) == []


def test_members_are_told_by_their_reference_not_by_their_place():
    a = {"policyDefinitionReferenceId": "a", "policyDefinitionId": "/a", "definitionVersion": "1.*.*"}
    b = {"policyDefinitionReferenceId": "b", "policyDefinitionId": "/b", "parameters": {}}
    wanted = [{"policyDefinitionReferenceId": "b", "policyDefinitionId": "/b"}, {**a, "definitionVersion": "1.*.*"}]

    assert lines({"policyDefinitions": [a, b]}, {"policyDefinitions": wanted}) == []
    assert lines({"policyDefinitions": [a, b]}, {"policyDefinitions": wanted[:1]})[0].startswith(
        "policyDefinitions.a: - "
    )


def test_true_is_not_one():
    assert lines({"parameters": {"a": {"value": 1}}}, {"parameters": {"a": {"value": True}}}) != []


def test_an_assignment_that_enforces_by_default_need_not_say_so():
    assert lines({}, {"enforcementMode": "Default"}) == []
    assert lines({"enforcementMode": "DoNotEnforce"}, {"enforcementMode": "Default"}) != []


def test_an_identity_is_wanted_only_where_there_is_none():
    wanted = {"properties": {}, "identity": {"type": "SystemAssigned"}, "location": "eastus"}

    assert [str(each) for each in differences({"properties": {}}, wanted)] == [
        'identity: + "SystemAssigned"',
        'location: + "eastus"',
    ]
    assert differences({"properties": {}, "identity": {"type": "UserAssigned"}, "location": "x"}, wanted) == ()
