"""Facts: known, unknown, and what an unknown one does to the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.conditions import UnknownFact, compile_condition, compile_policy, matches
from finops.errors import DataError


@dataclass
class Known:
    value: Any


@dataclass
class Unknown:
    reason: str


OLD = {"field": "facts.ageDays", "greaterOrEquals": 14}
QUIET = {"field": "facts.requests", "equals": 0}
FORBIDDEN = Unknown("metrics answered 403")


def holds(condition: dict[str, Any], **facts: Any) -> bool | None:
    return compile_condition(condition).holds({"name": "e"}, facts)


def test_a_known_fact_is_compared_like_a_property() -> None:
    assert holds({"allOf": [OLD, QUIET]}, ageDays=Known(20), requests=Known(0)) is True


@pytest.mark.parametrize("condition", [OLD, {"not": OLD}, {"field": "facts.ageDays", "exists": False}])
def test_an_unknown_fact_neither_satisfies_nor_clears(condition: dict[str, Any]) -> None:
    assert holds(condition, ageDays=FORBIDDEN) is None
    assert holds(condition) is None


def test_what_is_known_decides_where_it_can() -> None:
    assert holds({"allOf": [OLD, QUIET]}, ageDays=Known(3), requests=FORBIDDEN) is False
    assert holds({"anyOf": [OLD, QUIET]}, ageDays=Known(20), requests=FORBIDDEN) is True
    assert (
        holds({"value": "[or(equals(field('facts.requests'), 0), true)]", "equals": True}, requests=FORBIDDEN) is True
    )


def test_a_count_with_unknown_members_is_told_where_no_member_could_change_it() -> None:
    where = {"anyOf": [{"value": "[current()]", "equals": 1}, QUIET]}
    count = {"count": {"value": [1, 1, 2], "where": where}}

    assert holds({**count, "greaterOrEquals": 2}, requests=FORBIDDEN) is True
    assert holds({**count, "greater": 3}, requests=FORBIDDEN) is False
    assert holds({**count, "equals": 2}, requests=FORBIDDEN) is None


def test_the_answer_says_which_fact_and_why() -> None:
    condition = compile_condition({"allOf": [OLD, QUIET]})

    with pytest.raises(UnknownFact) as raised:
        matches(condition, {}, {"ageDays": Known(20), "requests": FORBIDDEN})

    assert [(each.fact, each.reason) for each in raised.value.unknown] == [("requests", "metrics answered 403")]


def test_only_facts_that_would_change_the_answer_are_named() -> None:
    policy = compile_policy(
        {"if": {"anyOf": [{"allOf": [OLD, {"value": 1, "equals": 2}]}, QUIET]}, "then": {"effect": "audit"}},
        fields="arm",
    )

    outcome = policy.evaluate({}, facts={"ageDays": Unknown("young"), "requests": FORBIDDEN})

    assert (outcome.held, outcome.effect, outcome.compliant) == (None, None, False)
    assert [each.fact for each in outcome.unknown] == ["requests"]


def test_a_condition_tells_which_facts_it_asks_for() -> None:
    assert compile_condition({"anyOf": [OLD, {"value": "[field('facts.requests')]", "equals": 1}]}).facts == {
        "ageDays",
        "requests",
    }


def test_facts_may_be_plain_values_or_json() -> None:
    assert holds(OLD, ageDays=20) is True
    assert holds(OLD, ageDays={"value": 20}) is True
    assert holds(OLD, ageDays={"reason": "not measured"}) is None


def test_a_fact_that_nothing_measures_is_refused_where_the_facts_are_known() -> None:
    with pytest.raises(DataError, match="ageDays"):
        compile_condition({"field": "facts.ageDay", "less": 1}, facts=["ageDays", "requests"])


LEAVES = st.sampled_from([OLD, QUIET, {"value": 1, "equals": 1}, {"value": 1, "equals": 2}])
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"allOf": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"anyOf": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_an_answer_that_is_given_does_not_depend_on_what_is_unknown(condition: dict[str, Any]) -> None:
    compiled = compile_condition(condition)

    told = compiled.holds({}, {"ageDays": Unknown("x"), "requests": Unknown("y")})
    possible = {compiled.holds({}, {"ageDays": age, "requests": count}) for age in (0, 99) for count in (0, 9)}

    assert told is None or possible == {told}


@given(CONDITIONS)
def test_the_explanation_agrees_with_the_answer(condition: dict[str, Any]) -> None:
    compiled = compile_condition(condition)
    facts = {"ageDays": Unknown("x"), "requests": 0}

    assert compiled.explain({}, facts).held is compiled.holds({}, facts)
