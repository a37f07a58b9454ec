"""Charges that are few, odd or hostile: a report that says so in every form, or a clear refusal; never a blank."""

from __future__ import annotations

import html
import io
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook
from report_data import book, charge, daily, report_of
from report_sample import sample

from finops.charges import Period
from finops.config.model import ReportSettings, Settings
from finops.errors import DataError
from finops.report import Rendered, Report, render

NAMES = [
    "<b>bold</b><script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "+1+cmd|' /C calc'!A0",
    "[red]cpu-exp-7",
    "שלום עולם",
    "مركز التكلفة",
    "👩‍🔬🚀 rocket",
    "$34.3k-$36.3k",
    "{{ 7 * 7 }} {% raw %} {x}",
    "研究開発" * 5,
    "x" * 300,
    "R&D \"quoted\" 'single' %s %(x)s",
    "\u202egpj.exe\u2066",
    "a\tb\nc",
    "-",
    "nan",
]


def forms(model: Report, **settings: object) -> Rendered:
    return render(model, Settings(report=ReportSettings(**settings)))  # type: ignore[arg-type]


def holes(text: str) -> list[str]:
    """What looks like a figure that is missing."""
    return re.findall(r"\bNone\b|\bnan\b|\bNaN\b|\{\{|\{%|<Undefined|\$ |\(\)|: ;| , |\bof of\b", text)


def seen(bundle: Rendered) -> str:
    return " ".join([bundle.subject, bundle.preheader, bundle.verdict, bundle.text])


def test_no_charges_at_all_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has a header and no charges\. Export a period that has charges"):
        report_of(tmp_path)


def test_a_week_without_charges_says_so(tmp_path: Path) -> None:
    bundle = forms(report_of(tmp_path, charge("2026-11-08", "CC-1", "2"), charge("2026-11-22", "CC-1", "2")))

    assert "Nothing was charged in the week; the week before cost $2.00." in bundle.verdict
    assert holes(seen(bundle)) == []


def test_a_first_week_says_that_nothing_lies_before_it(tmp_path: Path) -> None:
    bundle = forms(report_of(tmp_path, *daily("2026-11-15", "2026-11-22", "CC-1", "10")))

    assert bundle.verdict == "The week cost $70.00; there is nothing before it to compare with."
    assert "nothing to compare with yet" in bundle.html
    assert holes(seen(bundle)) == []


def test_a_month_of_one_day_is_reported(tmp_path: Path) -> None:
    rows = daily("2026-10-20", "2026-11-01", "CC-1", "10")

    bundle = forms(report_of(tmp_path, *rows, period=Period(date(2026, 11, 1), date(2026, 11, 2))))

    assert "$10.00" in bundle.text
    assert holes(seen(bundle)) == []


def test_a_week_that_ends_on_the_first_of_a_month_is_reported(tmp_path: Path) -> None:
    rows = daily("2026-10-20", "2026-11-02", "CC-1", "10")

    bundle = forms(
        report_of(tmp_path, *rows, period=Period.week_ending(date(2026, 11, 1)), monthly_budget=Decimal(300))
    )

    assert "November, 1 to 2 Nov" in bundle.text
    assert "$20.00" in bundle.text
    assert holes(seen(bundle)) == []


def test_a_gap_in_the_data_is_said_and_nothing_is_compared(tmp_path: Path) -> None:
    rows = [*daily("2026-11-01", "2026-11-17", "CC-1", "10"), *daily("2026-11-20", "2026-11-22", "CC-1", "10")]

    bundle = forms(report_of(tmp_path, *rows))

    for form in (bundle.text, bundle.html):
        assert "18 to 19 Nov" in form
    assert "Data incomplete" in bundle.subject
    assert "is not compared with the week before" in bundle.verdict
    assert holes(seen(bundle)) == []


@pytest.mark.parametrize("cost", ["0", "-4", "0.0000004"])
def test_a_total_of_zero_or_below_is_printed_as_it_is(tmp_path: Path, cost: str) -> None:
    rows = daily("2026-11-01", "2026-11-14", "CC-1", "10") + daily("2026-11-15", "2026-11-22", "CC-1", cost)

    bundle = forms(report_of(tmp_path, *rows, monthly_budget=Decimal(200)))

    amount = {"0": "$0.00", "-4": "−\u2060$28.00", "0.0000004": "less than $0.01"}[cost]
    assert amount in bundle.text
    assert amount in bundle.html
    assert holes(seen(bundle)) == []


def test_one_cost_centre_alone_is_all_of_it(tmp_path: Path) -> None:
    bundle = forms(report_of(tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "100")))

    assert "(untagged)" in bundle.text
    assert holes(seen(bundle)) == []


@pytest.mark.parametrize("top", [12, 40])
def test_300_cost_centres_fit_in_what_gmail_shows(tmp_path: Path, top: int) -> None:
    rows = [
        row
        for n in range(300)
        for row in (
            *daily("2026-11-08", "2026-11-14", f"CC-{n:03} of a department with a long name", "10", f"vm-{n}"),
            *daily("2026-11-15", "2026-11-22", f"CC-{n:03} of a department with a long name", f"{n}", f"vm-{n}"),
        )
    ]

    bundle = forms(report_of(tmp_path, *rows, top=top), top=top)

    assert len(bundle.html.encode()) < 80_000
    assert f"Other ({300 - top})" in bundle.text
    sheet = load_workbook(io.BytesIO(bundle.workbook))["By cost centre"]
    assert sheet.max_row == 1 + 301 + 2


def test_the_fullest_mail_fits_too(tmp_path: Path) -> None:
    model = sample(tmp_path)

    assert len(forms(model).html.encode()) < 80_000


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_ever_a_name(tmp_path: Path, name: str) -> None:
    rows = daily("2026-11-08", "2026-11-14", name, "100", name) + daily("2026-11-15", "2026-11-22", name, "170", name)

    bundle = forms(report_of(tmp_path, *rows, organisation=name))

    for markup in (bundle.html, bundle.page, bundle.page_mail):
        assert "<script" not in markup
        assert "<b>bold" not in markup
        assert not {"\u202e", "\u2066", "\x00"} & set(markup)
    assert "49" not in bundle.subject
    cells = [cell for sheet in load_workbook(io.BytesIO(bundle.workbook)) for row in sheet for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert len(bundle.images) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_in_every_part_of_the_fullest_report(tmp_path: Path, name: str) -> None:
    model = sample(tmp_path, {"CC-4300": name})

    bundle = forms(model)

    assert "<script" not in bundle.html + bundle.page
    assert len(bundle.subject) <= 77


def test_right_to_left_names_stand_apart_from_the_figures_beside_them(tmp_path: Path) -> None:
    bundle = forms(sample(tmp_path, {"CC-4300": "שלום עולם"}))

    assert "\u2068CC-4300 שלום עולם\u2069 +$1,247" in bundle.text
    assert "\u2068CC-4300 שלום עולם\u2069" in bundle.html


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "¥7,000"), ("EUR", "€7,000"), ("CHF", "CHF\u00a07,000")])
def test_another_currency_is_written_as_its_own(tmp_path: Path, currency: str, amount: str) -> None:
    rows = daily("2026-11-08", "2026-11-22", "CC-1", "1000", BillingCurrency=currency)

    bundle = forms(report_of(tmp_path, *rows))

    assert amount in bundle.text
    assert amount in html.unescape(bundle.html)
    assert f"({currency})" in load_workbook(io.BytesIO(bundle.workbook))["Lines"]["G1"].value


def test_currencies_are_never_added(tmp_path: Path) -> None:
    rows = daily("2026-11-08", "2026-11-22", "CC-1", "1000") + daily(
        "2026-11-08", "2026-11-22", "CC-1", "5", BillingCurrency="EUR"
    )

    with book(tmp_path, *rows) as loaded:
        assert loaded.currencies == ["EUR", "USD"]
    bundle = forms(report_of(tmp_path, *rows, currency="USD"), currency="USD")

    assert "also holds charges in EUR" in " ".join(bundle.text.split())
