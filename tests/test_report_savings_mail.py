"""Savings as the report tells them: the same amounts in every form, each once, and what they were worked out from."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from report_data import NOW, book
from test_report_savings import REST, WORKSPACE, claim, costs, done, saved

from finops.config.model import ReportSettings, Settings
from finops.report import Claim, Rendered, build, render
from finops.report.figures import figures

MANY = [done("2026-11-11", n, f"{WORKSPACE}/onlineEndpoints/e{n:02}") for n in range(1, 13)]
MANY_ROWS = [
    row
    for n in range(1, 13)
    for row in costs("2026-10-01", "2026-11-11", f"{n}.37", f"{WORKSPACE}/onlineEndpoints/e{n:02}")
]


def test_the_rows_the_others_and_the_parts_add_up(tmp_path: Path) -> None:
    found = saved(tmp_path, MANY, *MANY_ROWS)

    shown = sum((row.shown.amount for row in found.rows if row.shown), found.others_shown.amount)
    exact = sum((act.realised.amount for act in found.all if act.realised), Decimal(0))
    assert (len(found.rows), found.others) == (8, 4)
    assert shown == found.shown.amount
    assert exact == found.realised.amount.amount


def mail(folder: Path, claims: Sequence[Claim], *rows: dict[str, str]) -> Rendered:
    with book(folder, *REST, *rows) as loaded:
        return render(build(loaded, NOW, ReportSettings(), claims=claims), Settings())


def test_a_report_of_nothing_found_has_no_section(tmp_path: Path) -> None:
    forms = mail(tmp_path, [])

    assert "Savings" not in forms.html
    assert "SAVINGS" not in forms.text


def test_mail_and_text_say_the_same_three_amounts_and_the_same_acts(tmp_path: Path) -> None:
    claims = [
        done("2026-11-11", 1),
        done("2026-11-21", 2, f"{WORKSPACE}/computes/<b>new</b>", expected=Decimal(77)),
        done("2026-11-11", 3, f"{WORKSPACE}/computes/unnamed"),
        claim(4, f"{WORKSPACE}/computes/waits", expected=Decimal("41.50")),
    ]

    forms = mail(tmp_path, claims, *costs("2026-10-01", "2026-11-11", "10"))

    for form in (forms.html, forms.text):
        for said in ("$100", "$77", "$42", "not on the bill yet", "not known: no charge names it"):
            assert said in " ".join(form.split())
    assert "<b>new" not in forms.html


def test_an_act_that_is_not_on_the_bill_yet_shows_nothing_in_the_currency_of_the_report(tmp_path: Path) -> None:
    rows = [{**row, "BillingCurrency": "EUR"} for row in [*REST, *costs("2026-10-01", "2026-11-22", "10")]]

    with book(tmp_path, *rows) as loaded:
        forms = render(build(loaded, NOW, ReportSettings(), claims=[done("2026-11-21", currency="EUR")]), Settings())

    assert re.search(r"^chat +€0(\.00)?$", forms.text, re.MULTILINE)
    assert "$" not in forms.text


def test_a_name_of_others_acts_nowhere_in_the_section(tmp_path: Path) -> None:
    names = ["<script>x</script>", '=HYPERLINK("http://x")', "[red]x", "\u202eevil", "x" * 250]
    claims = [
        replace(done("2026-11-11", n, f"{WORKSPACE}/computes/c{n}", cost=Decimal(0)), name=name, holder=name)
        for n, name in enumerate(names)
    ]

    forms = mail(tmp_path, claims)

    assert "<script" not in forms.html
    assert "\u202e" not in forms.html + forms.text
    assert max(len(line) for line in forms.text.splitlines() if "mailto:" not in line) <= 100


def test_the_workbook_lists_every_entry_and_its_amounts_add_up(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    forms = mail(tmp_path, MANY, *MANY_ROWS)

    sheet = load_workbook(io.BytesIO(forms.workbook))["Savings"]
    header, *rows = sheet.iter_rows(values_only=True)
    place = header.index("Realised (USD)")
    assert len(rows) == 12
    assert sum(Decimal(str(row[place])) for row in rows) == sum(Decimal(f"{n}.37") for n in range(1, 13)) * 10


def test_the_section_stays_within_what_gmail_shows(tmp_path: Path) -> None:
    waiting = [claim(n, f"{WORKSPACE}/computes/c{n}") for n in range(100, 400)]

    forms = mail(tmp_path, [*MANY, *waiting], *MANY_ROWS)

    assert len(forms.html.encode()) < 80_000
    assert not re.findall(r'(?:src|href)="(?!cid:|mailto:)', forms.html)


GPU = f"{WORKSPACE}/computes/gpu"
GUARD = {"rule": "guard/scale", "source": "Spot guard", "basis": "list price", "ref": "guard-scale-1"}
WAITING = [
    claim(0, GPU, expected=Decimal(730), **GUARD),
    claim(1, GPU, expected=Decimal(300)),
    claim(2, f"{WORKSPACE}/environments/e/versions/1", expected=Decimal(0)),
    claim(3, f"{WORKSPACE}/computes/a", expected=None),
]


def test_all_that_is_not_decided_is_said_to_be_so_whatever_is_known_of_its_amount(tmp_path: Path) -> None:
    said = " ".join(mail(tmp_path, WAITING).text.split())

    assert (
        "Identified: 3 findings are not decided: 1 with an amount, 1 that saves nothing by itself, "
        "1 whose amount is not known." in said
    )


def test_what_follows_list_prices_is_said_apart_from_what_follows_the_bill(tmp_path: Path) -> None:
    said = " ".join(mail(tmp_path, WAITING).text.split())
    of_bill = " ".join(mail(tmp_path, WAITING[1:]).text.split())

    assert "$730 of it is of nodes that idle now: 730 hours at today's list price, if nothing changes." in said
    assert "those of nodes that idle follow what 730 hours of them cost at today's list price" in said
    assert "list price" not in of_bill


def test_what_is_counted_elsewhere_has_no_amount_among_the_figures(tmp_path: Path) -> None:
    with book(tmp_path, *REST) as loaded:
        report = build(loaded, NOW, ReportSettings(), claims=WAITING)

    told = {one.id: one for one in figures(report)}
    assert told["saving/1"].value is None
    assert told["saving/1"].says == "gpu, identified, counted with what the spot guard found on gpu"
    entries = [one.value for one in told.values() if one.id.startswith("saving/") and one.value]
    assert sum(entries) == told["savings/identified"].value == 730
