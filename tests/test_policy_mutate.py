"""Mutants of a rule, and proofs that one changes nothing."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest
from policy_files import COMPUTES, RULE, STORAGE, account, body, parameter, rule, write

from finops.conditions import compile_policy, shipped_aliases
from finops.policy.content import read
from finops.policy.expressions import tree, variants, written
from finops.policy.mutate import mutants
from finops.policy.proof import equivalent
from finops.policy.scoring import score


def changes(condition: Any) -> set[str]:
    """What is changed within a condition, without the place."""
    return {
        f"{mutant.place.removeprefix('policyRule.if')}: {mutant.what}"
        for mutant in mutants({"policyRule": {"if": condition, "then": {"effect": "audit"}}})
        if mutant.place.startswith("policyRule.if")
    }


def test_operators_are_flipped_and_values_changed() -> None:
    assert changes({"field": "kind", "equals": "x"}) == {": equals became notEquals", ".equals: 'x' became 'x~'"}
    assert changes({"value": "[length('a')]", "less": 2}) >= {
        ": less became lessOrEquals", ": less became greaterOrEquals", ".less: 2 became 1", ".less: 2 became 3"
    }  # fmt: skip
    assert changes({"field": "kind", "exists": "true"}) == {".exists: became False"}


def test_a_list_loses_each_of_its_members() -> None:
    assert changes({"field": "kind", "in": ["a", "b"]}) == {
        ": in became notIn", ".in[0]: 'a' was left out", ".in[1]: 'b' was left out"
    }  # fmt: skip


def test_branches_are_dropped_and_logic_is_swapped() -> None:
    leaves = [{"field": "kind", "equals": "x"}, {"not": {"field": "name", "equals": "y"}}]

    assert changes({"allOf": leaves}) >= {
        ": allOf became anyOf", ".allOf[0]: was left out", ".allOf[1]: was left out", ".allOf[1]: not was left out"
    }  # fmt: skip


def test_a_count_loses_its_where_and_a_tag_its_name() -> None:
    counted = {"count": {"value": "[parameters('x')]", "where": {"field": "tags['a']", "equals": "b"}}, "greater": 0}

    assert changes(counted) >= {".count.where: was left out", ".count.where.field: a became a~"}


def test_effects_defaults_operations_and_mode_are_changed() -> None:
    effect = parameter("Modify", allowedValues=["Modify", "Disabled"])
    definition = body(parameters={"effect": effect, "days": parameter(3, "Integer")})
    definition["policyRule"] = rule(RULE["if"], details={
        "operations": [{"operation": "add", "field": "tags['a']", "value": "b"}]})  # fmt: skip

    told = {f"{mutant.place}: {mutant.what}" for mutant in mutants(definition)}

    assert told >= {
        "parameters.effect.defaultValue: became 'Disabled'", "parameters.days.defaultValue: 3 became 4",
        "policyRule.then.details.operations[0]: was left out", "mode: became Indexed",
        "policyRule.then.details.operations[0].operation: add became addOrReplace",
        "policyRule.then.details.operations[0].value: 'b' became 'b~'",
    }  # fmt: skip


def test_the_definition_itself_is_left_alone() -> None:
    definition = body()
    before = copy.deepcopy(definition)

    list(mutants(definition))

    assert definition == before


EXPRESSION = (
    "[if(contains(field('a'), 'H'), add(int(first(split(field('b').x['c d'], ':'))), -1), parameters('it''s'))]"
)


def test_an_expression_is_written_back_as_it_was() -> None:
    found = tree(EXPRESSION)

    assert found is not None
    assert tree(f"[{written(found)}]") == found


def test_parts_of_an_expression_are_changed_one_by_one() -> None:
    found = tree("[if(contains('ab', 'a'), add(1, 2), 0)]")

    assert found is not None
    assert {what for what, _ in variants(found)} >= {
        "the branches of if() changed places", "contains() was negated", "add() became sub()", "1 became 2",
        "'ab' became 'ab~'",
    }  # fmt: skip
    assert len({written(other) for _, other in variants(found)}) == len(list(variants(found)))


def proof(before: Any, after: Any, mode: str = "All", other: str = "All") -> str:
    return equivalent(
        body(policyRule=rule(before), mode=mode), body(policyRule=rule(after), mode=other), shipped_aliases()
    )


A, B = {"field": "kind", "equals": "a"}, {"field": "name", "equals": "b"}
TYPE = {"field": "type", "equals": COMPUTES}
SIZE = {"field": f"{COMPUTES}/vmSize", "like": "Standard_N*"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"allOf": [A, {"anyOf": [A, B]}]}, {"allOf": [A]}),
        ({"not": {"anyOf": [A, B]}}, {"allOf": [{"not": A}, {"field": "name", "notEquals": "b"}]}),
        ({"allOf": [TYPE, SIZE]}, {"allOf": [SIZE]}),
        ({"allOf": [{"field": "kind", "exists": True}, A]}, {"allOf": [A]}),
    ],
)
def test_what_nothing_could_notice_is_proved(before: Any, after: Any) -> None:
    assert proof(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"allOf": [A, B]}, {"anyOf": [A, B]}),
        ({"allOf": [A, B]}, {"allOf": [A]}),
        ({"allOf": [TYPE, {"not": SIZE}]}, {"allOf": [{"not": SIZE}]}),
        ({"allOf": [TYPE, A]}, {"allOf": [A]}),
        ({"anyOf": [{"allOf": [TYPE, SIZE]}, {"not": TYPE}]}, {"allOf": [TYPE, SIZE]}),
        ({"allOf": [{"field": "kind", "exists": True}, {"field": "kind", "equals": ""}]},
         {"allOf": [{"field": "kind", "equals": ""}]}),
        ({"field": "kind", "equals": "a"}, {"field": "kind", "equals": "A"}),
    ],
)  # fmt: skip
def test_what_a_case_could_notice_or_nobody_proved_is_not(before: Any, after: Any) -> None:
    assert proof(before, after) == ""


def test_the_mode_matters_where_the_rule_can_be_about_groups() -> None:
    assert proof(TYPE, TYPE, "All", "Indexed")
    assert proof(A, A, "All", "Indexed") == ""
    group = {"field": "type", "equals": "Microsoft.Resources/subscriptions/resourceGroups"}
    assert proof(group, group, "All", "Indexed") == ""


def test_every_proof_for_a_shipped_policy_holds_for_every_combination_of_its_cases_parts() -> None:
    """Bodies and surroundings of all cases are crossed; a mutant that was proved must decide as the policy does."""
    from finops.config import folder

    checked = 0
    for definition in read(folder("policies")).definitions:
        plain = [case for case in definition.cases if not case.parameters.get("effect")]
        crossed = list(itertools.product(plain[:12], plain[:12]))
        for mutant, _ in score(definition).proved:
            for body_of, around in crossed:
                values = {**body_of.parameters, **around.parameters}
                ours = definition.compiled(values)
                theirs = compile_policy(mutant.properties, values)
                told = [one.evaluate(body_of.resource, None, around.related, None, around.context).held
                        for one in (ours, theirs)]  # fmt: skip
                assert told[0] == told[1], (definition.name, mutant.place, mutant.what, body_of.name, around.name)
                checked += 1
    assert checked > 1000


def test_a_weak_set_of_cases_lets_mutants_live(tmp_path: Path) -> None:
    folder = write(tmp_path, cases={"old-audit": account(), "new-none": account("StorageV2")})

    (definition,) = read(folder).definitions
    found = score(definition)

    assert {f"{mutant.place}: {mutant.what}" for mutant in found.survivors} == {"policyRule.if.allOf[0]: was left out"}
    assert definition.item.properties["policyRule"]["if"]["allOf"][0]["equals"] == STORAGE
