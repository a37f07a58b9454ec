"""Recorded cases of others, run through `conditions`: microsoft/regorus, Azure's documentation, every built-in policy.

Each test names the cases where we differ, and why; a new difference fails.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finops.conditions import (
    Alias,
    Aliases,
    Outcome,
    Policy,
    TemplateError,
    apply,
    catalogue,
    compile_condition,
    compile_policy,
    read_aliases,
)
from finops.conditions.aliases import type_in_alias
from finops.conditions.functions import FUNCTIONS, call
from finops.errors import DataError

# What regorus' own test runner assumes where a case gives no context.
CONTEXT = {
    "resourceGroup": {"name": "myResourceGroup", "location": "eastus"},
    "subscription": {"subscriptionId": "00000000-0000-0000-0000-000000000000"},
}

NOW = datetime(2025, 2, 20, 12, tzinfo=UTC)

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
        now=NOW,
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


DOCS = "azure_docs_cases.json"


def told(case: Mapping[str, Any], documented: Mapping[str, Any], aliases: Aliases, everything: Aliases) -> bool:
    """Whether we do what one row of Azure's documentation says."""
    body = documented["resource_for_condition"]
    kind = case["kind"]
    if kind == "field_selection":
        value = compile_condition({"field": case["field"], "exists": True}, aliases=aliases).explain(body).value
        return (value if "[*]" in case["field"] else [value]) == case["expected_selected_values"]
    if kind == "expression":
        found = compile_condition({"value": case["expression"], "exists": True}, aliases=aliases).explain(body)
        return found.value == case["expected_value"]
    if kind == "condition":
        return compile_condition(case["condition"], aliases=aliases).holds(body) is case["expected"]
    if kind == "rule":
        outcome = compile_policy(case["policy_rule"], aliases=everything).evaluate(case["resource"])
        return (f"effect:{outcome.effect}" if outcome.held else "not_applicable (condition false)") == case["expected"]
    if kind == "documented_condition":
        return not compile_condition(case["condition"], aliases=everything).gaps
    return modified(case, everything) == MODIFIED[case["id"].removeprefix("arraymod/")]


RULES = [{"value": "10.0.0.1", "action": "Allow"}]
NEW: dict[str, Any] = {"": [{"value": "9.9.9.9"}], "[*]": {"value": "9.9.9.9"}, "[*].action": "Deny"}
# What each effect and operation makes of no ipRules, and of RULES; read off the documentation's tables.
MODIFIED = {
    "append/None/ipRules": (NEW[""], RULES),
    "modify/add/ipRules": (NEW[""], RULES),
    "modify/addOrReplace/ipRules": (NEW[""], NEW[""]),
    "append/None/ipRules[*]": ([NEW["[*]"]], [*RULES, NEW["[*]"]]),
    "modify/add/ipRules[*]": ([NEW["[*]"]], [*RULES, NEW["[*]"]]),
    "modify/addOrReplace/ipRules[*]": ([NEW["[*]"]], [NEW["[*]"]]),
    "append/None/ipRules[*].action": (None, RULES),
    "modify/add/ipRules[*].action": (None, RULES),
    "modify/addOrReplace/ipRules[*].action": (None, [{"value": "10.0.0.1", "action": "Deny"}]),
}


def modified(case: Mapping[str, Any], aliases: Aliases) -> tuple[Any, Any]:
    one = {"field": case["alias"], "value": NEW[case["alias"].partition("ipRules")[2]]}
    details: Any = [one] if case["operation"] is None else {"operations": [{**one, "operation": case["operation"]}]}
    rule = {"if": {"field": "type", "exists": True}, "then": {"effect": case["effect"], "details": details}}
    policy = compile_policy(rule, aliases=aliases)
    results = []
    for acls in ({}, {"ipRules": RULES}):
        body = {"type": "Microsoft.Storage/storageAccounts", "properties": {"networkAcls": acls}}
        changed = apply(body, policy.evaluate(body).changes)
        results.append(changed["properties"]["networkAcls"].get("ipRules"))
    return results[0], results[1]


def test_we_do_what_every_row_of_the_documentation_says(cases: Path, shared_data: Path) -> None:
    documented = read(cases / DOCS)
    aliases = Aliases(Alias(name, "microsoft.test/resourcetype", path) for name, path in documented["aliases"].items())
    everything = read_aliases(shared_data / "policy" / DUMP)

    misses = [case["id"] for case in documented["cases"] if not told(case, documented, aliases, everything)]

    print(f"\n{len(documented['cases']) - len(misses)} of {len(documented['cases'])} rows agree")  # noqa: T201
    assert misses == []


DUMP = "alias_name_to_default_path_2024-05.csv.gz"
SAMPLES: dict[str, Any] = {"array": ["a"], "object": {"a": "a"}, "boolean": True, "integer": 1, "float": 1.5,
                           "datetime": "2024-01-01T00:00:00Z"}  # fmt: skip


def sample(about: Mapping[str, Any]) -> Any:
    allowed = about.get("allowedValues")
    wanted = about["type"].lower()
    if allowed:
        return [allowed[0]] if wanted == "array" and not isinstance(allowed[0], list) else allowed[0]
    return SAMPLES.get(wanted, "a")


def test_every_built_in_definition_can_be_evaluated_or_says_why_not(shared_data: Path) -> None:
    aliases = read_aliases(shared_data / "policy" / DUMP)
    with gzip.open(shared_data / "policy" / "all_public_rules.jsonl.gz", "rt") as lines:
        definitions = [json.loads(line) for line in lines]
    refused, incomplete, elsewhere, evaluated, manager = [], {}, 0, 0, 0
    for each in definitions:
        given = {
            name: sample(about) for name, about in (each["parameters"] or {}).items() if "defaultValue" not in about
        }
        try:
            policy = compile_policy(each, given, aliases, strict=False)
        except DataError as fault:
            refused.append(f"{each['path']}: {fault}")
            continue
        managed = (each["mode"] or "").lower() in ("all", "indexed")
        manager += managed
        elsewhere += policy.mode not in ("all", "indexed")
        odd = [reason for _, reason in policy.gaps if "is not in the alias table" not in reason]
        if policy.mode in ("all", "indexed") and policy.gaps:
            incomplete[each["path"]] = odd
        evaluated += managed and not policy.gaps

    told = f"{evaluated} are evaluable, {len(incomplete)} name an alias that is newer than the table"
    print(f"\n{len(definitions)} built-ins: {elsewhere} are evaluated elsewhere; of {manager} for ARM {told}")  # noqa: T201
    assert refused == []
    assert gaps_left(definitions, aliases) == []
    assert [reason for reasons in incomplete.values() for reason in reasons] == []


def gaps_left(definitions: list[dict[str, Any]], aliases: Aliases) -> list[Any]:
    """What is left that cannot be evaluated, once the table has every alias that the definitions name."""
    named: set[str] = set()
    for each in definitions:
        named |= set(ALIAS.findall(json.dumps(each["policyRule"])))
    added = [Alias(name, type_in_alias(name), "properties.x[*]" if "[*]" in name else "properties.x")
             for name in named if not aliases.named(name)]  # fmt: skip
    whole = Aliases([*aliases, *added])
    left: list[Any] = []
    for each in definitions:
        if (each["mode"] or "").lower() in ("all", "indexed"):
            given = {
                name: sample(about) for name, about in (each["parameters"] or {}).items() if "defaultValue" not in about
            }
            left += compile_policy(each, given, whole).gaps
    return left


ALIAS = re.compile(r"[\"'](Microsoft\.[A-Za-z.]+/[A-Za-z0-9/.\-]+/[A-Za-z0-9.\[\]*/\-]+)[\"']", re.IGNORECASE)


def test_what_regorus_refuses_to_parse_we_refuse_too(cases: Path) -> None:
    found = read(cases / "regorus_parser_cases.json")["cases"]
    misses = []
    for case in found:
        try:
            rule = json.loads(case["policy_rule"], object_pairs_hook=unique)
            aliases = Aliases([])
            policy = compile_policy(rule, case.get("parameters"), aliases, fields="any", strict=False)
            outcome = policy.evaluate(case.get("resource") or {}, context=case.get("context") or CONTEXT)
            said = outcome.effect or "undefined"
        except (DataError, ValueError) as fault:
            said = "error"
            if "has no value" in str(fault) and "want_effect" not in case:
                continue
        wanted = "error" if case.get("want_parse_error") else case.get("want_effect") or "undefined"
        if said.lower() != wanted.lower() and ("resource" in case or wanted == "error"):
            misses.append((case["note"], wanted, said))

    print(f"\n{len(found) - len(misses)} of {len(found)} parser cases agree")  # noqa: T201
    assert misses == []


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("twice")
    return dict(pairs)
