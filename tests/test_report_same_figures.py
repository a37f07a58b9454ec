"""The same figures stand in mail, text, page, workbook, archive and JSON: on three estates and on the real sample."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from report_data import daily, report_of
from report_sample import closed, sample, usd
from same_figures import differences, printed, said_in

from finops import charges, jobs
from finops.config.model import ReportSettings, Settings, StateSettings
from finops.mail import compose
from finops.report import Report, build, render
from finops.simulator import new_estate
from finops.simulator.generate import AS_OF

SAMPLED = datetime(2024, 10, 15, 9, tzinfo=UTC)


def checked(model: Report, settings: Settings | None = None) -> None:
    given = settings or Settings()
    bundle = render(model, given)

    assert differences(model, bundle, compose(bundle, given.mail)) == []
    assert printed(model) <= said_in(bundle.text)


def test_the_fullest_report_says_the_same_in_every_form(tmp_path: Path) -> None:
    checked(sample(tmp_path))


def test_the_statement_of_a_month_says_the_same_in_every_form(tmp_path: Path) -> None:
    checked(closed(sample(tmp_path)))


@pytest.mark.parametrize("seed", [1, 7, 23])
def test_three_estates_say_the_same_in_every_form(tmp_path: Path, seed: int) -> None:
    new_estate(tmp_path / "estate", seed, "small")
    now = AS_OF
    settings = Settings(
        report=ReportSettings(organisation=f"Estate {seed}"),
        budgets={"all": 20_000},
        state=StateSettings(url=str(tmp_path / "state.db")),
    )
    with charges.load([str(tmp_path / "estate" / "charges")], now=now) as book:
        known = jobs.known_of(book, settings, now, remembers=False)
        model = jobs.make(book, settings, now, known=known).figures

    assert model.outlook is not None
    checked(model, settings)


def test_the_real_sample_says_the_same_in_every_form(shared_data: Path) -> None:
    settings = ReportSettings()
    with charges.load([shared_data / "cost_exports/focus/focus_sample_1000.csv"]) as book:
        model = build(book, SAMPLED, settings)

    checked(model, Settings(report=settings))


def test_an_export_of_one_basis_says_the_same_in_every_form(shared_data: Path) -> None:
    with charges.load([shared_data / "cost_exports/finops_toolkit/EA_ActualCost_Small.csv"]) as book:
        model = build(book, SAMPLED, ReportSettings())

    checked(model)


def test_a_figure_that_one_form_lacks_is_found(tmp_path: Path) -> None:
    model = report_of(tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "100"))
    bundle = render(model, Settings())

    short = replace(bundle, text=bundle.text.replace("$700.00", "$701.00"))

    assert differences(model, bundle) == []
    assert any("$700.00" in one for one in differences(model, short))


def test_a_row_that_does_not_add_up_is_found(tmp_path: Path) -> None:
    model = report_of(tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "100"))
    line = replace(model.by_cost_centre.all[0], cost=usd(Decimal("699.99")))
    wrong = replace(model, by_cost_centre=replace(model.by_cost_centre, all=(line, *model.by_cost_centre.all[1:])))

    assert any("cost of cost centres" in one for one in differences(wrong, render(model, Settings())))
