"""Azure's own linter beside ours: the snippets of its documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from policy_files import EFFECT, body, write

from finops.conditions import shipped_aliases
from finops.policy.content import read
from finops.policy.lint import lint

# Rules of Azure's linter that ours has by the same name, and the level that it gives them here.
OURS = {
    "blocking-effect-on-role-assignments", "broad-type-matching-operator", "deeply-nested-field-alias",
    "effect-allowed-values-should-not-mix-incompatible-effects", "effect-parameter-missing-allowed-values",
    "effect-parameter-missing-default-value", "equality-check-on-numeric-field", "hard-coded-policy-enforcement-effect",
    "like-notlike-without-wildcards", "match-without-wildcards", "nested-same-type-quantifiers-should-be-flattened",
    "parameter-missing-description", "parameter-missing-display-name", "request-context-identity-is-enforcement-only",
    "risky-effect-parameter-default-value", "simplify-multiple-equals-to-in", "simplify-multiple-notequals-to-notin",
    "tryget-use-with-null-coercing-operator", "type-condition-first-in-allof",
    "unguarded-request-context-identity-access", "unguarded-tryget-operator-value", "unnecessary-quantifier-wrapper",
}  # fmt: skip
# The compiler itself refuses this one.
BY_ANOTHER_NAME = {"all-parameter-references-must-resolve": "compile"}
# They need the type of every alias, which no public table has; the last has no example of what is wrong.
LEFT_OUT = {"conditional-field-alias", "ordering-operator-on-incompatible-field-type",
            "policy-rule-references-multiple-resource-types"}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> list[dict[str, Any]]:
    text = (shared_data / "policy_cases/azure_policy_linter_examples.json").read_text("utf-8")
    listed: list[dict[str, Any]] = json.loads(text)["cases"]
    return listed


def definition_of(snippet: dict[str, Any]) -> dict[str, Any]:
    """A whole definition around what the documentation shows of one."""
    keys = {key.lower() for key in snippet}
    if "policyrule" in keys:
        rule = dict(snippet["policyRule"])
        rule.setdefault("if", {"field": "type", "equals": "a/b"})
        return body(parameters=snippet.get("parameters", {}), policyRule=rule)
    rule = {"if": {"field": "type", "equals": "a/b"}, "then": {"effect": "[parameters('effect')]"}}
    if "parameters" in keys:
        return body(parameters=snippet["parameters"], policyRule=rule)
    if keys & {"if", "then"}:
        return body(policyRule=rule | snippet)
    if keys == {"allowedvalues"}:
        return body(parameters={"effect": {"type": "String", **snippet}}, policyRule=rule)
    if all(isinstance(value, dict) and "type" in value for value in snippet.values()):
        return body(parameters={"effect": EFFECT, **snippet}, policyRule=rule)
    return body(policyRule=rule | {"if": snippet})


def found(tmp_path: Path, number: int, snippet: dict[str, Any]) -> set[str]:
    folder = write(tmp_path, definition_of(snippet), name=f"snippet-{number}")
    (definition,) = read(folder).definitions
    return {each.rule for each in lint(definition, shipped_aliases())}


def is_wrong(case: dict[str, Any], corpus: list[dict[str, Any]]) -> bool | None:
    """What the documentation says of a snippet: of two that it calls examples, the first is the wrong one."""
    if case["kind"] == "correct":
        return False
    if case["kind"] in ("violation", "Triggers the rule", "Implicit empty-string comparison"):
        return True
    if case["kind"] == "Explicit fallback":
        return False
    same = [each for each in corpus if each["rule"] == case["rule"]]
    return same.index(case) == 0


def test_every_rule_of_azures_linter_is_ours_or_left_out_for_a_reason(corpus: list[dict[str, Any]]) -> None:
    assert {case["rule"] for case in corpus} == OURS | set(BY_ANOTHER_NAME) | LEFT_OUT


def test_what_azures_linter_calls_wrong_is_found_and_what_it_calls_right_is_not(
    corpus: list[dict[str, Any]], tmp_path: Path
) -> None:
    judged = [case for case in corpus if case["rule"] not in LEFT_OUT]

    wrong = [
        (case["rule"], case["kind"], case["snippet"])
        for number, case in enumerate(judged)
        if (BY_ANOTHER_NAME.get(case["rule"], case["rule"]) in found(tmp_path, number, case["snippet"]))
        is not is_wrong(case, corpus)
    ]

    assert len(judged) >= 46
    assert wrong == []
