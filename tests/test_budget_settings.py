"""Budgets in the settings: one line is enough, and what cannot be meant is said with its path and a remedy."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from finops.budget import Budget, Scope, Threshold, budgets_of
from finops.config.model import Settings
from finops.config.reading import gather


def read(text: str) -> tuple[Budget, ...]:
    return budgets_of(Settings.model_validate(yaml.safe_load(text)))


def problem(tmp_path: Path, text: str) -> str:
    """What `finops config check` says first."""
    file = tmp_path / "finops.yaml"
    file.write_text(text, "utf-8")
    found = gather(file).problems[0]
    return f"{found.what} {found.fix}"


def test_a_thousand_a_month_for_everything_is_one_line():
    budget = read("budgets: {all: 1000}")[0]

    assert (budget.amount, budget.every, budget.scope) == (Decimal(1000), "month", Scope("all"))


def test_a_budget_without_recipients_is_told_to_finance():
    budget = read("{budgets: {all: 5}, mail: {finance: [a@x.example, b@x.example]}}")[0]

    assert budget.to == ("a@x.example", "b@x.example")


def test_an_arm_id_as_the_name_is_the_scope():
    budget = read("budgets: {/subscriptions/ABC-1: 5}")[0]

    assert budget.scope == Scope("subscription", "/subscriptions/abc-1")


@pytest.mark.parametrize(
    ("written", "scope"),
    [
        ("all", Scope("all")),
        ("{workspace: ML-Dev}", Scope("workspace", name="ml-dev")),
        ("{group: rg-ml}", Scope("group", name="rg-ml")),
        ("{tag: {CostCenter: CC-4300}}", Scope("tag", name="CostCenter", values=("CC-4300",))),
        ("{tag: {env: [dev, test]}}", Scope("tag", name="env", values=("dev", "test"))),
        ("{subscription: ABC}", Scope("subscription", "/subscriptions/abc")),
        ("/subscriptions/a/resourceGroups/RG", Scope("group", "/subscriptions/a/resourcegroups/rg", "rg")),
    ],
)
def test_every_scope_can_be_written(written: str, scope: Scope):
    assert read(f"budgets: {{one: {{amount: 5, scope: {written}}}}}")[0].scope == scope


def test_thresholds_out_of_order_and_twice_are_told_once_each_lowest_first():
    budget = read(
        'budgets: {all: {amount: 1000, thresholds: [100, 50, "50%", {forecast: 100}, {actual_amount: 500}]}}'
    )[0]

    assert budget.thresholds == (
        Threshold("actual", Decimal(50)),
        Threshold("forecast", Decimal(100)),
        Threshold("actual", Decimal(100)),
    )


def test_the_basis_is_that_of_the_report_unless_the_budget_names_its_own():
    budgets = read("{budgets: {all: 5, cash: {amount: 5, scope: all, basis: billed}}, report: {basis: effective}}")

    assert [one.basis for one in budgets] == ["effective", "billed"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budgets: {all: 1k}", "budgets.all.amount is '1k'"),
        ("budgets: {all: -5}", "greater than 0"),
        ("budgets: {all: 0}", "greater than 0"),
        ("budgets: {all: .nan}", "finite number"),
        ("budgets: {all: .inf}", "finite number"),
        ("budgets: {all: true}", "Give its keys: amount"),
        ("budgets: {all: null}", "Give its keys: amount"),
        ("budgets: {all: 1,000}", "write 1000 for 1,000"),
        ("budgets: {4300: 5}", "put names in quotes"),
        ("budgets: {research: 5}", "the budget 'research' has no scope; give it one"),
        ("budgets: {all: {amount: 5, amuont: 6}}", "Did you mean budgets.all.amount?"),
        ("budgets: {all: {amount: 5, scope: {tag: CC}}}", "this is no scope; write all"),
        ("budgets: {all: {amount: 5, scope: /providers/x}}", "is no scope; write all"),
        ("budgets: {all: {amount: 5, thresholds: [most]}}", "budgets.all.thresholds.0 is 'most'"),
        ("budgets: {all: {amount: 5, thresholds: [{forcast: 80}]}}", "{forecast: 100}"),
        ("budgets: {all: {amount: 5, thresholds: [1001]}}", "less than or equal to 1000"),
        ("budgets: {all: {amount: 5, every: fortnight}}", "'month', 'quarter' or 'year'"),
        ("budgets: {all: {amount: 5, currency: dollars}}", "budgets.all.currency is 'dollars'"),
        ("budgets: {all: {amount: 5, to: finance}}", "budgets.all.to.0 is 'finance'"),
        ("budgets: {all: {amount: 5, escalate: {after_days: 2}}}", "budgets.all.escalate.to"),
        ("budgets: {all: {amount: 5, start: 2026-03-01, end: 2026-02-01}}", "lies before start"),
        ("budgets: {all: 5, ALL: {amount: 6, scope: all}}", "differ in case only"),
        ("budgets: 1000", "budgets is 1000"),
        ("watch: {above_usual: 0}", "watch.above_usual is 0"),
    ],
)
def test_what_is_wrong_is_said_with_its_path_and_a_remedy(tmp_path: Path, text: str, said: str):
    assert said in problem(tmp_path, text)


def test_a_problem_names_the_file_it_was_found_in(tmp_path: Path):
    assert "finops.yaml" in problem(tmp_path, "budgets: {all: {amount: 5, thresholds: [1001]}}")
