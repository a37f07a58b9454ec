"""Dates in another locale: those inside sentences that the program made, too."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from budgeting import book, days, mails, settings
from report_sample import sample

from finops.config.model import ReportSettings, Settings
from finops.jobs import budgeting
from finops.jobs.knowing import known_by_charges
from finops.report import build, render
from finops.report.dated import dated, month_dated
from finops.report.locales import writing
from finops.state import State

NOW = datetime(2026, 12, 3, 12, tzinfo=UTC)
ROWS = [
    *days("2026-08-01", "2026-12-02", "40", ResourceId="/r/base", ResourceName="base"),
    *days("2026-11-02", "2026-12-02", "60", ResourceId="/r/office", ResourceName="office"),
]
# "21 Nov" is English: it is "21. Nov." in German and "21 nov." in French.
ENGLISH = re.compile(
    r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d|\b(?:October|December|May|March) \d{4}|\bfor (?:Oct|Dec)\b|\bOctober\b"
)


@pytest.mark.parametrize(
    ("ours", "german", "french"),
    [
        ("it is used up about 26 Dec", "it is used up about 26. Dez.", "it is used up about 26 déc."),
        ("complete to 1 Oct 2026.", "complete to 1. Okt. 2026.", "complete to 1 oct. 2026."),
        ("started Tue 1 Dec 08:12 UTC", "started Di., 1. Dez. 08:12 UTC", "started mar. 1 déc. 08:12 UTC"),
        ("Data of 3 to 9 May 2026 lacks", "Data of 3.–9. Mai 2026 lacks", "Data of 3–9 mai 2026 lacks"),
        ("raise the budget for Dec", "raise the budget for Dez", "raise the budget for déc."),
        ("invoice of October 2026", "invoice of Oktober 2026", "invoice of octobre 2026"),
    ],
)
def test_a_sentence_has_the_dates_of_the_locale(ours: str, german: str, french: str) -> None:
    assert dated(ours, writing("de_DE")) == german
    assert dated(ours, writing("fr_FR")) == french
    assert dated(ours, writing("en")) == ours


@pytest.mark.parametrize(
    "name", ["run-12-Dec", "jobs/3 Oct/model", "May Wong", "March", "30 Feb", "/r/1 Dec.ckpt", "400 Decoders"]
)
def test_a_name_is_no_date(name: str) -> None:
    assert dated(name, writing("de_DE")) == name


def test_a_month_alone_is_told_where_nothing_else_can_stand() -> None:
    assert month_dated("Oct to Dec", writing("de_DE")) == "Okt to Dez"
    assert month_dated("October", writing("fr_FR")) == "octobre"


@pytest.mark.parametrize("locale", ["de_DE", "fr_FR"])
def test_no_part_of_the_report_has_an_english_date(tmp_path: Path, locale: str) -> None:
    mail = render(sample(tmp_path), Settings(report=ReportSettings(locale=locale)))

    for part in (mail.subject, mail.text, _read(mail.html)):
        assert ENGLISH.findall(part) == []


@pytest.mark.parametrize("locale", ["de_DE", "fr_FR"])
def test_at_the_turn_of_a_month_neither_report_nor_budget_mail_has_one(tmp_path: Path, locale: str) -> None:
    given = settings(tmp_path, "{all: {amount: 2000, thresholds: [5, 100]}}", report={"locale": locale})

    with book(tmp_path, *ROWS, now=NOW) as costs, State.open(tmp_path / "state.db") as state:
        report = render(build(costs, NOW, given.report, known=known_by_charges(costs, given, NOW)), given)
        budgeting.check(costs, given, state, NOW)
        budgeting.deliver(state, given, NOW)

    (mailed,) = mails(tmp_path / "outbox")
    parts = [report.subject, report.text, _read(report.html), str(mailed["subject"])]
    for part in (*parts, _body(mailed, "plain"), _read(_body(mailed, "html"))):
        assert ENGLISH.findall(part) == []


def _body(mailed: EmailMessage, kind: str) -> str:
    body = mailed.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def _read(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
