"""A step in the curve is named, where one thing made it."""

from __future__ import annotations

from pathlib import Path

from report_data import charge, daily, rendered

ROWS = daily("2026-10-01", "2026-11-22", "CC-1", "10")
ONCE = charge("2026-10-21", "CC-1", "100", "tracker", ServiceName="SaaS")


def test_the_step_of_a_day_is_named_with_its_day_and_amount(tmp_path: Path) -> None:
    forms = rendered(tmp_path, *ROWS, ONCE)

    for form in (forms.html, forms.text):
        assert "The step on 21 Oct 2026 is tracker: $100.00 more than on the day before." in " ".join(form.split())


def test_a_step_that_many_things_made_is_not_laid_on_one(tmp_path: Path) -> None:
    many = [charge("2026-10-21", "CC-1", "9", f"vm-{n}") for n in range(10)]

    assert "The step on" not in rendered(tmp_path, *ROWS, *many).text


def test_a_smooth_curve_has_no_step(tmp_path: Path) -> None:
    assert "The step on" not in rendered(tmp_path, *ROWS).text
