"""Every case of every waste rule, and what the rules that we ship must be."""

from __future__ import annotations

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


def test_what_is_shipped_does_what_it_is_known_for() -> None:
    assert {one.name: rule_of(read(one.file)).action for one in CHECKED} == SHIPPED


def test_the_readme_lists_every_rule() -> None:
    text = (folder("janitor") / "README.md").read_text("utf-8")

    assert [name for name in SHIPPED if f"`{name}`" not in text] == []
