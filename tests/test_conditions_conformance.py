"""Recorded cases of others, run through `conditions`: microsoft/regorus, Azure's documentation, every built-in policy.

Each test names the cases where we differ, and why; a new difference fails.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from finops.conditions import Aliases, Outcome, Policy, TemplateError, catalogue, compile_condition, compile_policy
from finops.conditions.functions import FUNCTIONS, call
from finops.errors import DataError

# What regorus' own test runner assumes where a case gives no context.
CONTEXT = {
    "resourceGroup": {"name": "myResourceGroup", "location": "eastus"},
    "subscription": {"subscriptionId": "00000000-0000-0000-0000-000000000000"},
}

# Cases where Azure's documentation or its built-in definitions speak against regorus.
DIFFERS = {
    "parse_errors/guid_compile_error": "guid() is available in policy rules; regorus has not implemented it",
    "parse_errors/uniquestring_compile_error": "uniqueString() is used by 23 built-in definitions",
}


@pytest.fixture(scope="session")
def cases(shared_data: Path) -> Path:
    folder = shared_data / "policy_cases"
    if not folder.is_dir():
        pytest.skip(f"no policy cases at {folder}")
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def table(name: str | None, cases: Path) -> Aliases:
    return catalogue(read(cases / f"regorus_{name}")) if name else Aliases([])


def answer(case: Mapping[str, Any], aliases: Aliases) -> tuple[str, Policy | None, Outcome | None]:
    """What we say of one case, in regorus' words."""
    try:
        policy = compile_policy(
            case["policy_definition"] or case["policy_rule"],
            case["parameters"],
            aliases,
            fields="any",
            strict=False,
        )
    except DataError as refused:
        return f"error: {refused}", None, None
    outcome = policy.evaluate(
        case["resource"] or {},
        related=[each["response"] for each in case["related_resources"] or [] if each.get("response")],
        context=case["context"] or CONTEXT,
        api_version=case["api_version"],
    )
    if outcome.effect:
        return f"effect:{outcome.effect}", policy, outcome
    if outcome.held is False:
        return "not_applicable (condition false)", policy, outcome
    return f"not evaluated: {outcome.not_evaluated} {outcome.unknown}", policy, outcome


def agrees(case: Mapping[str, Any], said: str, policy: Policy | None, outcome: Outcome | None) -> bool:
    if case["expected"].endswith("_error"):
        return said.startswith("error")
    return said.lower() == case["expected"].lower() and _details_agree(case["expected_details"], policy, outcome)


def _details_agree(wanted: Any, policy: Policy | None, outcome: Outcome | None) -> bool:
    if not wanted or policy is None or outcome is None:
        return True
    listed = wanted.get("operations", []) if isinstance(wanted, dict) else wanted
    told = [(change.field, change.value) for change in outcome.changes]
    if [(each["field"], each["value"]) for each in listed] != told:
        return False
    return policy.existence is None or policy.existence.kind.value == wanted["type"]


def test_we_agree_with_regorus_on_every_evaluation_but_those_named(cases: Path) -> None:
    found = read(cases / "regorus_evaluation_cases.json")["cases"]
    tables = {name: table(name, cases) for name in {case["alias_catalogue"] for case in found}}

    misses = {
        case["id"]: f"{case['expected']} / {said}"
        for case in found
        for said, policy, outcome in [answer(case, tables[case["alias_catalogue"]])]
        if not agrees(case, said, policy, outcome)
    }

    print(f"\n{len(found) - len(misses)} of {len(found)} evaluations agree")  # noqa: T201
    assert {name: miss for name, miss in misses.items() if name not in DIFFERS} == {}


RENAMED = {"int_div": "div", "int_mod": "mod", "logic_all": "and", "logic_any": "or"}


def returned(case: Mapping[str, Any]) -> tuple[bool, Any]:
    """Whether the function returned, and what."""
    name = case["function"].removeprefix("azure.policy.").removeprefix("fn.")
    name, args = RENAMED.get(name, name.replace("_", "")), case["args"]
    if name in FUNCTIONS:
        try:
            return True, call(name, args)
        except TemplateError as failed:
            return False, failed.reason
    return expressed(name, args)


def expressed(name: str, args: list[Any]) -> tuple[bool, Any]:
    """The functions that are part of the expression language, called through a condition."""
    if name == "resolvefield":
        body, path = args
        given, expression = {}, {"field": path, "equals": None}
    elif name == "getparameter":
        body, given = {}, {**args[1], **args[0]}
        expression = {"value": f"[parameters('{args[2]}')]", "equals": None}
    else:
        body, given = {}, {f"p{at}": arg for at, arg in enumerate(args)}
        listed = ", ".join(f"parameters('{each}')" for each in given)
        expression = {"value": f"[{name}({listed})]", "equals": None}
    try:
        told = compile_condition(expression, given, Aliases([]), fields="any").explain(body)
    except DataError as refused:
        return False, str(refused)
    missing = told.why is not None or (name == "resolvefield" and told.value is None)
    return not missing, told.why or told.value


def test_we_agree_with_regorus_on_every_template_function(cases: Path) -> None:
    found = read(cases / "regorus_template_function_cases.json")["cases"]
    misses = {}
    for case in found:
        worked, value = returned(case)
        wanted = case.get("want")
        right = worked and value == wanted and (isinstance(value, bool) == isinstance(wanted, bool))
        if "want_error" in case or case.get("want_undefined"):
            right = not worked
        if not right:
            misses[case["id"]] = (case["args"], wanted, value)

    print(f"\n{len(found) - len(misses)} of {len(found)} function calls agree")  # noqa: T201
    assert misses == {}
