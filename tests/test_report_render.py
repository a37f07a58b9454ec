"""What people read: the right words, nothing cut or broken, and no name that acts as markup."""

from __future__ import annotations

import importlib.util
import io
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image
from report_data import daily, rendered, report_of
from test_report_build import two_weeks

from finops.charges import Gap
from finops.config.model import FolderSettings, ReportSettings, Settings
from finops.errors import ConfigError, MissingExtra
from finops.mail import compose
from finops.report import render

HOSTILE = [
    "<b>bold</b><script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "[red]cpu-exp-7",
    "שלום עולם",
    "🚀 rocket",
    "$HOME {{ 7 * 7 }} {% raw %}",
    "研究開発",
    "x" * 300,
    "R&D \"quoted\" 'single'",
]


def test_the_subject_says_what_it_cost_and_how_it_changed(tmp_path: Path) -> None:
    mail = rendered(
        tmp_path, *daily("2026-11-01", "2026-11-14", "CC-1", "1000"), *daily("2026-11-15", "2026-11-22", "CC-1", "1200")
    )

    assert mail.subject == "Week to 21 Nov cost $8,400 (+20.0%), Nov $22,400"


def test_the_subject_starts_with_the_worst_and_stays_short(tmp_path: Path) -> None:
    gap = Gap("/subscriptions/9f6c", "charges", "access denied")
    rows = daily("2026-11-01", "2026-11-22", "CC-1", "12345.67")

    mail = rendered(tmp_path, *rows, monthly_budget=Decimal(100000), gaps=[gap])

    assert mail.subject.startswith("Over budget, Data incomplete: $86,420 week")
    assert len(mail.subject) <= 77


def test_what_could_not_be_read_is_said_in_both_forms(tmp_path: Path) -> None:
    gap = Gap("/subscriptions/9f6c", "charges", "access denied")

    mail = rendered(tmp_path, *two_weeks("CC-1", "1", "1"), gaps=[gap])

    for form in (mail.text, mail.html):
        assert "9f6c is missing: no permission." in form
        assert "complete to" not in form


def test_text_and_html_hold_the_same_amounts(tmp_path: Path) -> None:
    rows = [row for n in range(6) for row in two_weeks(f"CC-{n}", f"{n * 31}.49", f"{n * 33}.51", f"vm-{n}")]

    mail = rendered(tmp_path, *rows, monthly_budget=Decimal(20000))

    forms = (mail.text, re.sub("<[^>]+>", " ", mail.html))
    amounts = [set(re.findall(r"\$\d[\d,]*\d(?:\.\d+)?", form)) for form in forms]
    assert amounts[0] <= amounts[1]
    assert len(amounts[0]) > 15


def test_every_picture_is_used_and_says_its_figures_in_words(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *two_weeks("CC-1", "1000", "1200"))

    used = re.findall(r'src="cid:([^"]+)"', mail.html)
    alts = re.findall(r'alt="([^"]+)"', mail.html)
    assert sorted(used) == sorted(mail.images)
    assert "$16,600" not in alts[0]
    assert "$15,400 by 21 Nov" in alts[0]
    assert "CC-1 +$1,400" in alts[1]


def test_a_hostile_name_is_shown_and_never_acts(tmp_path: Path) -> None:
    rows = [row for n, name in enumerate(HOSTILE) for row in two_weeks(name, "100", f"{110 + n}", name)]

    mail = rendered(tmp_path, *rows, organisation="<i>Org</i>")

    for html in (mail.html, mail.page, mail.page_mail):
        assert "<script" not in html
        assert "<b>bold" not in html
        assert "<i>Org" not in html
        assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "{{ 7 * 7 }}" in mail.text
    assert "49" not in mail.subject


def test_a_name_cannot_turn_the_figure_beside_it_around(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *two_weeks("\u202eCC-1\u2066", "1", "1"))

    assert not {"\u202e", "\u2066"} & set(mail.html + mail.text)


def test_a_mail_of_200_cost_centres_fits_in_what_gmail_shows(tmp_path: Path) -> None:
    rows = [row for n in range(200) for row in two_weeks(f"CC-{n:03} of some department", "10", f"{n}", f"vm-{n}")]

    mail = rendered(tmp_path, *rows, top=40)

    assert len(mail.html.encode()) < 80_000


def test_the_page_needs_no_inline_style_and_no_script(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *two_weeks("CC-1", "1", "1"))

    assert "style=" not in mail.page
    assert "<script" not in mail.page
    assert not re.findall(r'(?:src|href)="[^"]*//', mail.page)


def test_the_mail_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *two_weeks("CC-1", "1", "1"))

    assert not re.findall(r'(?:src|background)="(?!cid:)[^"]*"', mail.html)
    assert not re.findall(r'href="(?!https://|mailto:)[^"]*"', mail.html)
    assert "url(" not in mail.html


def test_the_mail_uses_no_layout_that_outlook_does_not_know(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *two_weeks("CC-1", "1", "1"))

    for unknown in ("flex", "grid", "position:", "var(", "rgba(", "data:", "<svg", "box-shadow"):
        assert unknown not in mail.html


def test_equal_figures_give_equal_bytes(tmp_path: Path) -> None:
    model = report_of(tmp_path, *two_weeks("CC-1", "1000", "1200"), *two_weeks(None, "3", "4", "x"))

    assert render(model, Settings()) == render(model, Settings())


def test_pictures_are_small_and_of_few_colours(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *two_weeks("CC-1", "1000", "1200"), monthly_budget=Decimal(20000))

    for png in mail.images.values():
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.mode == "P"
        assert len(png) < 40_000


@pytest.mark.parametrize("cost", ["0", "-3", "0.00000080000"])
def test_a_week_of_next_to_nothing_still_makes_a_report(tmp_path: Path, cost: str) -> None:
    mail = rendered(tmp_path, *two_weeks("CC-1", cost, cost))

    assert "To the last digit" in mail.text


def test_a_first_week_says_that_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    mail = rendered(tmp_path, *daily("2026-11-15", "2026-11-22", "CC-1", "10"))

    assert "nothing before it to compare with" in mail.text
    assert "%" not in mail.subject


def test_your_own_template_wins_over_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "weekly.subject.txt").write_text("{{ report.organisation }}: {{ report.total.cost | money }}")
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"), organisation="R&D")

    mail = render(model, Settings(folders=FolderSettings(reports=tmp_path / "own")))

    assert mail.subject == "R&D: $14.00"


def test_a_template_that_asks_for_an_unknown_figure_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "weekly.subject.txt").write_text("fine\n{{ report.forecast }}")
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))

    with pytest.raises(ConfigError, match=r"own/weekly.subject.txt, line 2, could not be filled in"):
        render(model, Settings(folders=FolderSettings(reports=tmp_path / "own")))


def test_a_broken_template_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "weekly.txt").write_text("one\n{% if %}")
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))

    with pytest.raises(ConfigError, match=r"weekly.txt, line 2"):
        render(model, Settings(folders=FolderSettings(reports=tmp_path / "own")))


def test_a_folder_of_templates_that_is_not_there_is_refused(tmp_path: Path) -> None:
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))

    with pytest.raises(ConfigError, match="not a folder"):
        render(model, Settings(report=ReportSettings(), folders=FolderSettings(reports=tmp_path / "absent")))


def test_a_figure_that_is_not_known_and_used_as_if_it_were_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "weekly.footer.txt").write_text("one\n\n{{ report.outlook.middle | money }}")
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))

    with pytest.raises(ConfigError, match=r"own/weekly.footer.txt, line 3, could not be filled in"):
        render(model, Settings(folders=FolderSettings(reports=tmp_path / "own")))


def test_a_sentence_with_too_many_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "weekly.driver.txt").write_text("one\ntwo\nthree")
    model = report_of(tmp_path, *two_weeks("CC-1", "100", "200"))

    with pytest.raises(ConfigError, match=r"weekly.driver.txt came to 3 lines; it must have 2"):
        render(model, Settings(folders=FolderSettings(reports=tmp_path / "own")))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("This weak: x", "is not a phrase of ours"),
        ("This week: 7", "has no words"),
        ("- This week", "no list of phrases"),
        ("a: [", "is not YAML"),
    ],
)
def test_words_that_are_none_are_refused(tmp_path: Path, words: str, said: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "words.yaml").write_text(words)
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))

    with pytest.raises(ConfigError, match=said):
        render(model, Settings(folders=FolderSettings(reports=tmp_path / "own")))


def test_an_unknown_locale_is_refused(tmp_path: Path) -> None:
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))

    with pytest.raises(ConfigError, match=r"report.locale is xx_XX"):
        render(model, Settings(report=ReportSettings(locale="xx_XX")))


def test_what_is_asked_for_is_attached_beside_the_workbook_and_named(tmp_path: Path) -> None:
    settings = Settings(report=ReportSettings(attach=["csv"]))
    mail = render(report_of(tmp_path, *two_weeks("CC-1", "1", "2")), settings)

    names = [part.get_filename() for part in compose(mail, settings.mail).iter_attachments()]

    assert names == ["cost-week-2026-11-21.xlsx", "cost-week-2026-11-21-lines.csv"]
    assert "Attached: cost-week-2026-11-21.xlsx, cost-week-2026-11-21-lines.csv." in " ".join(mail.text.split())


def test_a_pdf_shows_the_page_and_needs_its_extra(tmp_path: Path) -> None:
    model = report_of(tmp_path, *two_weeks("CC-1", "1", "2"))
    settings = Settings(report=ReportSettings(attach=["pdf"]))

    if importlib.util.find_spec("weasyprint") is None:
        with pytest.raises(MissingExtra, match="pdf"):
            render(model, settings)
    else:
        assert render(model, settings).attachments["cost-week-2026-11-21.pdf"].startswith(b"%PDF-")


def test_without_the_extra_a_pdf_is_refused_with_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['weasyprint'] = None\n"
        "from finops.report.pdf import pdf\n"
        "from finops.errors import MissingExtra\n"
        "try:\n    pdf(None, {}, {})\nexcept MissingExtra as said:\n    print(said)"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "pip install 'aml-finops[pdf]'" in said
