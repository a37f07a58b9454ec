"""What a policy does once its condition holds: effects, changes, related resources, and what is never evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from finops.conditions import Wanted, apply, catalogue, compile_policy
from finops.errors import DataError

ACCOUNT = "Microsoft.Storage/storageAccounts"
ANY = {"field": "type", "exists": True}
GROUP = {"resourceGroup": {"name": "rg", "tags": {"CostCenter": "cc-42"}}}


def policy(effect: str, details: Any = None, rule: Any = ANY, **more: Any) -> Any:
    then = {"effect": effect} if details is None else {"effect": effect, "details": details}
    return compile_policy({"mode": "All", "policyRule": {"if": rule, "then": then}}, **more)


def account(**more: Any) -> dict[str, Any]:
    return {"type": ACCOUNT, "name": "st1", "id": f"/subscriptions/s/resourceGroups/rg/providers/{ACCOUNT}/st1", **more}


@pytest.mark.parametrize(("effect", "told"), [("Deny", "deny"), ("AUDIT", "audit"), ("denyaction", "denyAction")])
def test_an_effect_is_told_in_azures_spelling(effect: str, told: str) -> None:
    assert policy(effect).evaluate(account()).effect == told


def test_a_condition_that_does_not_hold_is_compliant() -> None:
    outcome = policy("deny", rule={"field": "kind", "equals": "x"}).evaluate(account())

    assert (outcome.held, outcome.effect, outcome.compliant) == (False, None, True)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"value": "[newGuid()]", "equals": "x"}, "not available"),
        ({"value": "[paramters('a')]", "equals": "x"}, "did you mean parameters()"),
        ({"field": "Microsoft.Sql/servers/state", "equals": "x"}, "not in the alias table"),
        ({"value": "[substring('ab', 0, 3)]", "equals": "x"}, "outside"),
        ({"value": "[utcNow()]", "less": "x"}, "`now`"),
        ({"value": "[subscription().displayName]", "equals": "x"}, "displayName"),
    ],
)
def test_what_cannot_be_evaluated_is_never_compliant(condition: Any, why: str) -> None:
    outcome = policy("audit", rule=condition).evaluate(account())

    assert (outcome.held, outcome.effect, outcome.compliant) == (None, None, False)
    assert why in (outcome.not_evaluated or "")


@pytest.mark.parametrize(
    ("mode", "effect", "why"),
    [
        ("Microsoft.Kubernetes.Data", "deny", "mode Microsoft.Kubernetes.Data"),
        ("Indexed", "disabled", "disabled"),
        ("All", "addToNetworkGroup", "Network Manager"),
    ],
)
def test_what_azure_resource_manager_does_not_evaluate_is_not_evaluated_here(mode: str, effect: str, why: str) -> None:
    outcome = compile_policy({"mode": mode, "policyRule": {"if": ANY, "then": {"effect": effect}}}).evaluate(account())

    assert (outcome.effect, outcome.compliant) == (None, False)
    assert why in (outcome.not_evaluated or "")


def test_mode_indexed_leaves_out_groups_and_types_without_tags() -> None:
    indexed = compile_policy({"mode": "Indexed", "policyRule": {"if": ANY, "then": {"effect": "audit"}}})

    assert indexed.evaluate(account(location="westeurope")).held is True
    assert indexed.evaluate({"type": "Microsoft.Resources/subscriptions/resourceGroups", "tags": {}}).held is False
    assert indexed.evaluate({"type": "Microsoft.MachineLearningServices/workspaces/jobs"}).held is False


def test_a_rule_that_names_aliases_but_no_type_is_about_the_types_of_its_aliases() -> None:
    closed = policy("deny", rule={"field": f"{ACCOUNT}/allowBlobPublicAccess", "notEquals": False})

    assert closed.evaluate(account(properties={})).held is True
    assert closed.evaluate({"type": "Microsoft.Web/sites"}).held is False


def test_a_null_that_a_rule_compares_with_is_an_error_as_in_azure() -> None:
    outcome = policy("deny", rule={"field": "name", "equals": "[tryGet(field('tags'), 'x')]"}).evaluate(
        account(tags={})
    )

    assert (outcome.held, outcome.compliant) == (None, False)


def test_modify_tells_the_tag_that_it_would_inherit() -> None:
    inherit = {
        "operations": [
            {
                "operation": "addOrReplace",
                "field": "tags['CostCenter']",
                "value": "[resourceGroup().tags['costcenter']]",
            }
        ]
    }

    outcome = policy("modify", inherit).evaluate(account(tags={"costCenter": "old", "Owner": "ada"}), context=GROUP)

    [change] = outcome.changes
    assert (change.operation, change.before, change.value, change.needed) == ("addOrReplace", "old", "cc-42", True)
    assert apply(account(tags={"costCenter": "old"}), outcome.changes)["tags"] == {"costCenter": "cc-42"}


def test_a_group_without_the_tag_gives_nothing_to_inherit() -> None:
    rule = {"value": "[resourceGroup().tags['CostCenter']]", "notEquals": ""}
    inherit = policy("modify", {"operations": []}, rule)

    assert inherit.evaluate(account(), context={"resourceGroup": {"name": "rg", "tags": {}}}).held is False
    assert inherit.evaluate(account()).held is None  # the id names the group, but nobody told its tags


NO_B = "[equals(field('tags.b'), '')]"


@pytest.mark.parametrize(
    ("operation", "tags", "result"),
    [
        ({"operation": "add", "field": "tags.a", "value": "new"}, {"a": "old"}, {"a": "old"}),
        ({"operation": "add", "field": "tags.a", "value": "new"}, None, {"a": "new"}),
        ({"operation": "remove", "field": "tags['A']"}, {"a": "old", "b": "1"}, {"b": "1"}),
        ({"operation": "addOrReplace", "field": "tags.a", "value": "x", "condition": NO_B}, {"b": "1"}, {"b": "1"}),
        ({"operation": "addOrReplace", "field": "tags.a", "value": "x", "condition": NO_B}, {}, {"a": "x"}),
    ],
)  # fmt: skip
def test_operations_of_modify(operation: Any, tags: Any, result: Any) -> None:
    body = account(tags=tags)

    assert apply(body, policy("modify", {"operations": [operation]}).evaluate(body).changes)["tags"] == result


def test_append_meets_another_value_so_azure_denies() -> None:
    append = policy("append", [{"field": f"{ACCOUNT}/minimumTlsVersion", "value": "TLS1_2"}])

    assert append.evaluate(account(properties={})).denied is False
    outcome = append.evaluate(account(properties={"minimumTlsVersion": "TLS1_0"}))
    assert outcome.denied is True
    assert "TLS1_0" in outcome.changes[0].conflict


def test_modify_of_what_azure_cannot_change_is_refused() -> None:
    fixed = {
        "name": "Microsoft.Test/t/fixed",
        "defaultPath": "properties.fixed",
        "defaultMetadata": {"attributes": "None"},
    }
    table = catalogue([{"namespace": "Microsoft.Test", "resourceTypes": [{"resourceType": "t", "aliases": [fixed]}]}])
    details = {"operations": [{"operation": "addOrReplace", "field": "Microsoft.Test/t/fixed", "value": 1}]}

    with pytest.raises(DataError, match="cannot change"):
        policy("modify", details, aliases=table)


LIFECYCLE = {
    "type": f"{ACCOUNT}/managementPolicies",
    "name": "default",
    "existenceCondition": {
        "count": {"field": f"{ACCOUNT}/managementPolicies/policy.rules[*]",
                  "where": {"field": f"{ACCOUNT}/managementPolicies/policy.rules[*].enabled", "equals": True}},
        "greater": 0,
    },
}  # fmt: skip


def lifecycle(*enabled: bool, under: str = "st1") -> dict[str, Any]:
    return {
        "id": f"/subscriptions/s/resourceGroups/rg/providers/{ACCOUNT}/{under}/managementPolicies/default",
        "type": f"{ACCOUNT}/managementPolicies",
        "name": "DefaultManagementPolicy",
        "properties": {"policy": {"rules": [{"enabled": each} for each in enabled]}},
    }


@pytest.mark.parametrize(
    ("related", "held"),
    [
        ([], True),
        ([lifecycle(False)], True),
        ([lifecycle(False, True)], False),
        ([lifecycle(True, under="another")], True),
        (None, None),
    ],
)
def test_audit_if_not_exists_looks_below_the_resource(related: Any, held: bool | None) -> None:
    found = policy("auditIfNotExists", {**LIFECYCLE, "name": "default"}, {"field": "type", "equals": ACCOUNT})

    outcome = found.evaluate(account(), related=related)

    assert outcome.held is held
    assert outcome.effect == ("auditIfNotExists" if held else None)


def test_related_resources_are_asked_for_only_where_the_condition_holds() -> None:
    asked: list[Wanted] = []

    def related(wanted: Wanted) -> list[dict[str, Any]]:
        asked.append(wanted)
        return []

    found = policy("deployIfNotExists", LIFECYCLE, {"field": "type", "equals": ACCOUNT})
    found.evaluate({"type": "Microsoft.Web/sites"}, related=related)
    found.evaluate(account(), related=related)

    assert asked == [Wanted(f"{ACCOUNT}/managementPolicies", "default", "resourceGroup", "", account()["id"])]


@dataclass
class Unreadable:
    reason: str


def test_related_resources_that_could_not_be_read_leave_the_answer_open() -> None:
    found = policy("auditIfNotExists", LIFECYCLE)

    outcome = found.evaluate(account(), related=lambda wanted: Unreadable("403 on the account"))

    assert (outcome.held, outcome.compliant) == (None, False)
    assert "403 on the account" in (outcome.not_evaluated or "")


@pytest.mark.parametrize(
    ("details", "held"),
    [
        ({"type": "Microsoft.Insights/diagnosticSettings"}, False),
        ({"type": "Microsoft.Insights/other"}, True),
        ({"type": "Microsoft.Insights/diagnosticSettings", "name": "AUDIT"}, False),
        ({"type": "Microsoft.Insights/diagnosticSettings", "name": "other"}, True),
        ({"type": "Microsoft.Insights/diagnosticSettings", "resourceGroupName": "RG"}, False),
        ({"type": "Microsoft.Insights/diagnosticSettings", "resourceGroupName": "r"}, True),
        ({"type": "Microsoft.Insights/diagnosticSettings", "name": "[concat('st1/', 'audit')]"}, False),
    ],
)
def test_related_resources_are_told_by_type_name_and_group(details: Any, held: bool) -> None:
    kind = "Microsoft.Insights/diagnosticSettings"
    setting = {"id": f"/subscriptions/s/resourceGroups/Rg/providers/{kind}/Audit", "name": "st1/Audit", "type": kind}

    assert policy("auditIfNotExists", details).evaluate(account(), related=[setting]).held is held


@pytest.mark.parametrize(
    ("operation", "field", "value", "result"),
    [
        ("addOrReplace", "properties.rules[*].a", 9, [{"a": 9}, {"a": 9, "b": {"c": 3}}]),
        ("add", "properties.rules[*].a", 9, [{"a": 1}, {"a": 9, "b": {"c": 3}}]),
        ("add", "properties.rules[*]", {"a": 7}, [{"a": 1}, {"b": {"c": 3}}, {"a": 7}]),
        ("addOrReplace", "properties.rules[*]", {"a": 7}, [{"a": 7}]),
        ("remove", "properties.rules[*]", {"a": 1}, [{"b": {"c": 3}}]),
        ("remove", "properties.rules[*].b.c", None, [{"a": 1}, {"b": {}}]),
        ("addOrReplace", "PROPERTIES.Rules[*].b.c", 4, [{"a": 1, "b": {"c": 4}}, {"b": {"c": 4}}]),
    ],
)
def test_operations_on_arrays(operation: str, field: str, value: Any, result: Any) -> None:
    body = account(properties={"rules": [{"a": 1}, {"b": {"c": 3}}]})
    details = {"operations": [{"operation": operation, "field": field, "value": value}]}

    changes = policy("modify", details, fields="arm").evaluate(body).changes

    assert apply(body, changes) == account(properties={"rules": result})
    assert apply(apply(body, changes), ()) == account(properties={"rules": result})
    assert body == account(properties={"rules": [{"a": 1}, {"b": {"c": 3}}]})


def test_a_resource_may_be_its_own_related_resource() -> None:
    details = {
        "type": ACCOUNT,
        "name": "[field('name')]",
        "existenceCondition": {"field": "kind", "equals": "StorageV2"},
    }
    found = policy("auditIfNotExists", details)

    assert found.evaluate(account(kind="StorageV2")).held is False
    assert found.evaluate(account(kind="BlobStorage")).held is True


def test_field_within_an_existence_condition_is_of_the_first_resource() -> None:
    details = {"type": "Microsoft.Test/t", "existenceCondition": {"field": "name", "equals": "[field('name')]"}}
    found = policy("auditIfNotExists", details)

    assert found.evaluate(account(), related=[{"type": "Microsoft.Test/t", "name": "st1"}]).held is False
    assert found.evaluate(account(), related=[{"type": "Microsoft.Test/t", "name": "other"}]).held is True


def test_an_explanation_shows_every_expression_with_what_is_there() -> None:
    found = policy("auditIfNotExists", LIFECYCLE, {"allOf": [{"field": "type", "equals": ACCOUNT}]})

    told = str(found.explain(account(), related=[lifecycle(False)]))

    assert told.splitlines()[:3] == [
        "yes if, then auditIfNotExists",
        "  yes all of",
        f'    yes field "type" equals "{ACCOUNT}"  (it is "{ACCOUNT}")',
    ]
    assert "(it is false)" in told
