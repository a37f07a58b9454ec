"""Template expressions and functions, where Azure's own documentation says what they return."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finops.conditions import compile_condition, compile_policy, read_aliases, shipped_aliases
from finops.conditions.functions import FUNCTIONS, call
from finops.conditions.scope import TemplateError

NOW = datetime(2025, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)
WORKSPACE = {
    "id": "/subscriptions/00a/resourceGroups/RG-ml/providers/Microsoft.MachineLearningServices/workspaces/ws",
    "name": "ws",
    "type": "Microsoft.MachineLearningServices/workspaces",
    "tags": {"env": "dev"},
}


def value(expression: str, parameters: Any = None, **more: Any) -> Any:
    told = compile_condition({"value": expression, "exists": True}, parameters).explain(WORKSPACE, now=NOW, **more)
    return told.why.reason if told.why else told.value


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("[concat('it''s ', 'a', 1)]", "it's a1"),
        ("[ if ( equals(field('name'), 'ws'), 'yes', int('x') ) ]", "yes"),
        ("[parameters('p').list[1]['Key']]", "v"),
        ("[field('tags').ENV]", "dev"),
        ("[field('tags.none')]", ""),
        ("[length(field('tags'))]", 1),
        ("[resourceGroup().name]", "RG-ml"),
        ("[subscription().subscriptionId]", "00a"),
        ("[utcNow()]", "2025-03-01T12:30:15.2500000Z"),
        ("[addDays(utcNow(), -1)]", "2025-02-28T12:30:15.2500000Z"),
        ("[requestContext().apiVersion]", "9999-12-31"),
        ("[and(true, not(false()))]", True),
        ("[add(-2, 3.5)]", 1.5),
        ("[ipRangeContains('192.168.0.1-192.168.0.9', '192.168.0.4')]", True),
        ("[uniqueString('test')]", "rbgf3xv4ufgzg"),
        ("[uniqueString('hello', 'world')]", "a7wkljktk6wne"),
        ("[first(field(('type')))]", "M"),
        ("[intersection(createObject('env', 'dev'), field('tags'))]", {"env": "dev"}),
        ("[tryGet(field('tags'), 'none')]", None),
        ("[coalesce(null, 'x')]", "x"),
    ],
)
def test_an_expression_returns(expression: str, result: Any) -> None:
    assert value(expression, {"p": {"list": [0, {"key": "v"}]}}) == result


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("[parameters('p').none]", "there is no property"),
        ("[parameters('p').list[9]]", "no member 9"),
        ("[substring('ab', 1, 5)]", "outside"),
        ("[resourceGroup().tags.x]", "resourceGroup().tags is not known"),
        ("[policy().assignmentId]", "context['policy']"),
        ("[requestContext().identity.oid]", "identity"),
        ("[ipRangeContains('10.0.0.0/8', '::1')]", "mixes IPv4 and IPv6"),
        ("[resourceId('a', 'b')]", "not available in policy rules"),
        ("[conact('a')]", "did you mean concat()"),
        ("[json('{')]", "cannot read"),
    ],
)
def test_an_expression_that_fails_says_why(expression: str, why: str) -> None:
    assert why in value(expression, {"p": {"list": []}})


def test_the_callers_context_wins_over_what_the_id_tells() -> None:
    context = {"resourceGroup": {"name": "other", "tags": {"Owner": "ada"}}, "utcNow": "2020-01-01T00:00:00Z"}

    assert value("[resourceGroup().name]", context=context) == "other"
    assert value("[resourceGroup().tags['owner']]", context=context) == "ada"
    assert value("[utcNow()]", context=context) == "2020-01-01T00:00:00Z"


def test_what_depends_on_parameters_alone_is_computed_once() -> None:
    policy = compile_policy(
        {
            "parameters": {"list": {"type": "Array", "defaultValue": ["a", "B"]}},
            "policyRule": {
                "if": {"field": "name", "in": "[union(parameters('list'), createArray('ws'))]"},
                "then": {"effect": "audit"},
            },
        }
    )

    assert policy.evaluate(WORKSPACE).effect == "audit"
    assert (policy.declared, policy.used) == ({"list"}, {"list"})


def test_no_function_fails_other_than_with_a_reason() -> None:
    odd = [None, True, -1, 2.5, "", "a", [], [1], {}, {"a": []}, 10**30]
    for name, function in FUNCTIONS.items():
        for one in odd:
            for two in odd:
                args = [one, two, one][: max(function.least, min(2, function.most))]
                with suppress(TemplateError):
                    call(name, args)


def test_the_shipped_table_knows_what_we_govern() -> None:
    table = shipped_aliases()

    [priority] = table.named("microsoft.machinelearningservices/workspaces/COMPUTES/vmPriority")
    assert priority.path == "properties.properties.vmPriority"
    assert table.as_of == "2024-05"
    assert table.named("Microsoft.Storage/storageAccounts/managementPolicies/policy.rules[*].enabled")
    assert table.near("Microsoft.MachineLearningServices/workspaces/computes/vmprioritty") == priority.name


def test_azures_own_answer_is_a_table_with_versions(tmp_path: Path) -> None:
    file = tmp_path / "aliases.json"
    file.write_text(
        """[{"namespace": "Microsoft.Test", "resourceTypes": [{"resourceType": "t", "capabilities": "None", "aliases": [
        {"name": "Microsoft.Test/t/tier", "defaultPath": "sku.tier",
         "paths": [{"path": "properties.tier", "apiVersions": ["2015-01-01"]}]}]}]}]"""
    )
    table = read_aliases(file)
    condition = compile_condition({"field": "Microsoft.Test/t/tier", "equals": "old"}, aliases=table)
    body = {"type": "Microsoft.Test/t", "sku": {"tier": "new"}, "properties": {"tier": "old"}}

    assert condition.holds(body) is False
    assert condition.holds(body, api_version="2015-01-01") is True
    assert table.untaggable == {"microsoft.test/t"}
