"""Sentences of the report at their edges: one of a thing, nothing, an amount without a whole, a share of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report_data import charge, daily, rendered
from report_sample import reach, sample

from finops.config.model import Settings
from finops.report import Rendered, Report, render


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return sample(tmp_path_factory.mktemp("sample"))


def words_of(mail: Rendered) -> str:
    return " ".join(mail.text.split())


def test_one_figure_that_was_published_before_is_no_plural(model: Report):
    one = replace(model, restatements=replace(model.restatements, rows=(), published=1, checked=1))

    assert "The one figure that was published before has not changed." in words_of(render(one, Settings()))


def test_a_range_whose_ends_read_alike_is_one_amount_in_the_subject(model: Report):
    assert model.outlook is not None
    narrow = replace(model, outlook=replace(model.outlook, range=reach("-4701", "-4700", "-4699")))

    assert "Nov −$4.70k" in render(narrow, Settings()).subject
    assert "4.70k to" not in render(narrow, Settings()).subject
    assert "4.70k–" not in render(narrow, Settings()).subject


def test_cost_without_a_cost_centre_is_no_share_of_a_total_below_zero(tmp_path: Path):
    mail = rendered(tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "-4"))

    assert "Without a cost centre $0.00 in the week" in words_of(mail)


RISING = [
    *daily("2026-11-01", "2026-11-22", "CC-1", "100", "steady"),
    *daily("2026-11-15", "2026-11-22", "CC-1", "50", "trainer"),
    charge("2026-11-16", None, "5"),
]


def test_a_share_names_what_in_it_moved_and_not_itself(tmp_path: Path):
    mail = rendered(tmp_path, *RISING, share="CC-1")

    assert "CC-1 drove" not in mail.verdict
    assert mail.verdict.endswith("; mainly trainer, which is new (+$350).")


def test_a_share_has_no_row_of_what_is_not_in_it(tmp_path: Path):
    mail = rendered(tmp_path, *RISING, share="CC-1")

    assert "(untagged) $0" not in words_of(mail)
    assert "Everything else" not in mail.text
