"""Budgets in the report that cannot be held against its charges: said where the reader looks first."""

from __future__ import annotations

from pathlib import Path

from report_data import NOW, book, daily

from finops import report
from finops.config.model import ReportSettings, Settings
from finops.jobs.knowing import known_by_charges
from finops.report import Rendered, Report

REST = daily("2026-10-01", "2026-11-21", "CC-1", "100")


def made(
    folder: Path, budgets: dict[str, object], share: str | None = None, *more: dict[str, str]
) -> tuple[Report, Rendered]:
    settings = Settings(budgets=budgets, report=ReportSettings(currency="USD"))  # type: ignore[arg-type]
    with book(folder, *REST, *more) as loaded:
        known = known_by_charges(loaded, settings, NOW)
        found = report.build(loaded, NOW, settings.report, known=known, share=share)
    return found, report.render(found, settings)


def test_a_budget_in_another_currency_is_the_status_and_a_warning(tmp_path: Path):
    found, forms = made(tmp_path, {"all": {"amount": 1000, "currency": "EUR"}})

    assert [status.word for status in found.statuses] == ["Budget not comparable"]
    assert forms.subject.startswith("Budget not comparable: ")
    assert "The budget for everything is in EUR, and its charges are in USD" in forms.warnings[0]
    assert "no budget is set" not in forms.text
    assert "the budget cannot be compared" in forms.text


def test_a_budget_of_other_charges_than_the_report_is_said_as_well(tmp_path: Path):
    euros = daily("2026-10-01", "2026-11-21", "CC-1", "5", BillingCurrency="EUR")

    found, forms = made(tmp_path, {"all": {"amount": 1000, "currency": "EUR"}}, None, *euros)

    assert [status.word for status in found.statuses] == ["Budget not comparable"]
    assert "The budget for everything is in EUR, and this report is in USD" in forms.warnings[0]


def test_what_is_wrong_with_the_budget_of_another_is_not_a_share_s_matter(tmp_path: Path):
    found, forms = made(tmp_path, {"all": {"amount": 1000, "currency": "EUR"}}, "CC-1")

    assert [status.word for status in found.statuses] == ["No budget set"]
    assert forms.warnings == ()
