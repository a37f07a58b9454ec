"""Every case of every waste rule, and what the rules that we ship must be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from finops.config import folder
from finops.janitor.cases import Case, verdict
from finops.janitor.check import LEAST, check
from finops.janitor.reading import read, rule_of
from finops.policy.check import Checked

CHECKED = check(folder("janitor"))
CASES = [(one, case) for one in CHECKED for case in one.cases if isinstance(case, Case)]
SHIPPED = {
    "batch-endpoint-never-invoked": "delete",
    "cluster-idle-nodes": "scaleToZero",
    "cluster-untagged": "delete",
    "cluster-unused": "delete",
    "deployment-without-requests": "delete",
    "dev-endpoint-past-end-date": "delete",
    "endpoint-failed": "delete",
    "endpoint-without-deployments": "delete",
    "endpoint-without-requests": "delete",
    "environment-version-unused": "archive",
    "image-stale": "deleteImage",
    "image-untagged": "deleteImage",
    "instance-idle": "stop",
    "instance-owner-left": "stop",
    "instance-stopped-long": "delete",
    "schedule-feeds-nothing": "disable",
}

each_rule = pytest.mark.parametrize("checked", CHECKED, ids=lambda one: one.name)


@pytest.mark.parametrize(("checked", "case"), CASES, ids=[f"{one.name}/{case.name}" for one, case in CASES])
def test_case_is_decided_as_named(checked: Checked, case: Case) -> None:
    rule = rule_of(read(checked.file), parameters=case.parameters)

    assert verdict(case.decided(rule)) == case.expected, case.told(rule)


@each_rule
def test_its_cases_would_notice_a_change_of_the_rule(checked: Checked) -> None:
    assert checked.score is not None
    assert checked.score.all > 5
    assert checked.score.percent >= LEAST, [f"{one.place}: {one.what}" for one in checked.score.survivors]


@each_rule
def test_nothing_is_wrong_with_it(checked: Checked) -> None:
    assert [str(found) for found in checked.findings if found.level != "note"] == []


@each_rule
def test_each_case_says_why(checked: Checked) -> None:
    from finops.conditions import read_rule

    assert all(read_rule(case.file).get("why") for case in checked.cases)


WASTE = [(one, case) for one, case in CASES if case.expected == "waste"]
STRANGE: list[Any] = [0, 1, -1, 13, 10**9, 0.5, float("nan"), True, False, None, "", "403", "(untagged)", [], {}]


@pytest.mark.parametrize(("checked", "case"), WASTE, ids=[f"{one.name}/{case.name}" for one, case in WASTE])
def test_without_a_fact_nothing_is_waste_that_some_value_of_it_would_keep(checked: Checked, case: Case) -> None:
    rule = rule_of(read(checked.file), parameters=case.parameters)

    for name in [*sorted(rule.condition.facts), "locked"]:
        unknown = replace(case, facts={**case.facts, name: {"reason": "403"}})
        if verdict(unknown.decided(rule)) == "waste":
            others = [replace(case, facts={**case.facts, name: value}) for value in STRANGE]
            assert {verdict(one.decided(rule)) for one in others} == {"waste"}, name


@pytest.mark.parametrize("value", [None, "", "many", "=cmd()", [], {}, [403]], ids=repr)
def test_a_fact_of_a_kind_that_it_cannot_be_is_never_waste(value: Any) -> None:
    """Whatever Azure may answer one day: words, lists and nulls count for nothing."""
    for checked, case in WASTE:
        rule = rule_of(read(checked.file), parameters=case.parameters)
        for name in rule.condition.facts:
            asked = next(leaf.asked for leaf in rule.leaves if leaf.subject == f"facts.{name}")
            if isinstance(asked, int) and not isinstance(asked, bool) and name in case.facts:
                told = replace(case, facts={**case.facts, name: value})
                unless = name in ("servingDeployments", "daysWithoutRequests") and rule.name == "endpoint-failed"
                assert unless or verdict(told.decided(rule)) != "waste", (case.name, name)


def test_what_is_shipped_does_what_it_is_known_for() -> None:
    assert {one.name: rule_of(read(one.file)).action for one in CHECKED} == SHIPPED


def test_the_readme_lists_every_rule() -> None:
    text = (folder("janitor") / "README.md").read_text("utf-8")

    assert [name for name in SHIPPED if f"`{name}`" not in text] == []
