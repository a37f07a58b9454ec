"""The whole report on three estates and on real charges: parts make totals, and every form says the same."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from adding_up import amiss
from approvals_page import RIA, Browser
from approvals_page import settings as of_web
from report_data import COLUMNS, charge
from same_figures import differences, printed, read, said_in

from finops import charges, jobs
from finops.charges import Period
from finops.config.model import MailSettings, ReportSettings, Settings, StateSettings
from finops.mail import compose
from finops.report import Rendered, Report, archive
from finops.report.known import Published
from finops.report.model import Money
from finops.simulator import new_estate
from finops.simulator.generate import AS_OF
from finops.state import State

SAMPLED = datetime(2024, 10, 15, 9, tzinfo=UTC)
WEEK = Period(date(2026, 11, 8), date(2026, 11, 15))


@dataclass(frozen=True)
class Case:
    """Charges, and how they are reported. The first source is an estate's."""

    sources: list[str]
    settings: Settings
    now: datetime
    period: Period | None = None
    published: tuple[Published, ...] = ()


def settings_of(folder: Path, **report: str) -> Settings:
    return Settings(
        report=ReportSettings(organisation="Contoso", **report),  # type: ignore[arg-type]
        mail=MailSettings(outbox=folder / "outbox"),
        budgets={"all": 20_000},  # type: ignore[dict-item]
        state=StateSettings(url=str(folder / "state.db")),
    )


def estate_of(folder: Path, seed: int, size: str = "small") -> list[str]:
    new_estate(folder / "estate", seed, size)
    return [str(folder / "estate" / "charges")]


def several_subscriptions(folder: Path) -> Case:
    return Case(estate_of(folder, 3), settings_of(folder), AS_OF)


def billed_and_restated(folder: Path) -> Case:
    """Billed cost, of an estate whose week was published with another total."""
    settings = settings_of(folder, basis="billed")
    was = Published(WEEK, "billed", "USD", Decimal("7000.25"), AS_OF - timedelta(days=7))
    return Case(estate_of(folder, 11), settings, AS_OF, published=(was,))


def two_currencies(folder: Path) -> Case:
    """An estate in dollars beside a company that is billed in yen, reported in dollars."""
    sources = estate_of(folder, 23)
    file = folder / "yen.csv"
    days = [AS_OF.date() - timedelta(days=n) for n in range(60, 1, -1)]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        others = {"BillingCurrency": "JPY", "SubAccountId": "/subscriptions/jp"}
        writer.writerows(charge(str(day), "tokyo", "12345", "vm-jp", **others) for day in days)
    return Case([*sources, str(file)], settings_of(folder, currency="USD"), AS_OF)


def checked(case: Case) -> Report:
    """The report of `case` was made, and its parts, its forms and its archive agree."""
    with charges.load(case.sources, now=case.now) as book:
        known = jobs.known_of(book, case.settings, case.now, case.period, remembers=False)
        known = replace(known, published=(*known.published, *case.published))
        made = jobs.make(book, case.settings, case.now, case.period, known=known)
    mail = compose(made.forms, case.settings.mail)
    kept = archive.keep(made.forms, mail, case.settings)
    served = over_http(case, made.forms)

    assert amiss(made.figures) == []
    assert differences(made.figures, made.forms, mail) == []
    assert printed(made.figures) <= said_in(made.forms.text)
    assert kept.with_suffix(".json").read_bytes() == made.forms.figures
    assert kept.with_suffix(".xlsx").read_bytes() == made.forms.workbook
    # Lines of the text may end as a mail's or as a file's.
    assert kept.with_suffix(".txt").read_text("utf-8").split() == made.forms.text.split()
    assert differences(made.figures, served, mail) == []
    assert printed(made.figures) <= said_in(read(served.page))
    return made.figures


def over_http(case: Case, forms: Rendered) -> Rendered:
    """The report as the web app serves it to a reader who follows the links of its list."""
    given = case.settings.model_copy(update={"web": of_web().web})
    with State.open(given.state.url) as state:
        reader = Browser(state, RIA, given, case.now)
        listed = re.findall(r'href="(/reports/[^"]+)"', reader.get("/reports").text)
        links = {link.rpartition(".")[2]: link for link in listed if Path(link).stem == forms.name}
        got = {form: reader.get(links[form]) for form in ("html", "json", "txt", "xlsx")}
    assert {one.status_code for one in got.values()} == {200}
    return replace(
        forms,
        page=got["html"].text,
        figures=got["json"].content,
        text=got["txt"].text,
        workbook=got["xlsx"].content,
    )


@pytest.mark.parametrize("make", [several_subscriptions, billed_and_restated, two_currencies])
def test_parts_make_the_whole_and_every_form_says_so(tmp_path: Path, make: Callable[[Path], Case]) -> None:
    case = make(tmp_path)

    model = checked(case)

    rows = [
        row
        for file in sorted(Path(case.sources[0]).rglob("*.parquet"))
        for row in pq.read_table(file, columns=["ChargePeriodStart", "EffectiveCost", "BilledCost"]).to_pylist()
        if model.period.start <= row["ChargePeriodStart"] < model.period.end
    ]
    effective, billed = (sum((row[name] for row in rows), Decimal(0)) for name in ("EffectiveCost", "BilledCost"))
    assert model.bridge
    assert model.bridge.start.amount == effective > 0
    assert model.bridge.end.amount == billed > 0
    assert model.total.cost.amount == (billed if model.basis == "billed" else effective)


def test_a_figure_that_was_published_otherwise_is_restated_in_every_form(tmp_path: Path) -> None:
    model = checked(billed_and_restated(tmp_path))

    [row] = model.restatements.rows
    assert (row.published.amount, row.now) == (Decimal("7000.25"), model.total.cost)


def test_another_currency_is_named_and_not_added(tmp_path: Path) -> None:
    model = checked(two_currencies(tmp_path))

    assert (model.currency, model.other_currencies) == ("USD", ("JPY",))
    assert "tokyo" not in [row.key for row in model.by_cost_centre.all if row.cost.amount]


def test_the_real_sample_makes_the_whole_too(shared_data: Path, tmp_path: Path) -> None:
    sample = shared_data / "cost_exports/focus/focus_sample_1000.csv"
    month = Period.month("2024-09")

    model = checked(Case([str(sample)], settings_of(tmp_path), SAMPLED, month))

    with sample.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    used = [Decimal(row["EffectiveCost"]) for row in rows if row["ChargePeriodStart"].startswith("2024-09")]
    invoiced = [Decimal(row["BilledCost"]) for row in rows if row["BillingPeriodStart"].startswith("2024-09")]
    assert model.total.cost.amount == sum(used)
    assert model.bridge
    assert model.bridge.end.amount == sum(invoiced)


def test_a_table_that_does_not_add_up_is_found(tmp_path: Path) -> None:
    model = checked(several_subscriptions(tmp_path))
    days = (replace(model.days[0], cost=Money(model.days[0].cost.amount + 1, "USD")), *model.days[1:])

    assert [one.partition(":")[0] for one in amiss(replace(model, days=days))] == ["the days"]
