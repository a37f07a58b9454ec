"""How the report looks: no sideways scroll, nothing that shuts people out, nothing that Outlook does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import axe, chromium
from mail_linter import lint
from report_data import daily, rendered
from report_sample import closed, sample

from finops.config.model import MailSettings, ReportSettings, Settings, WebSettings
from finops.mail import compose
from finops.report import Rendered, render
from finops.report.archive import keep
from finops.report.files import write

SETTINGS = Settings(web=WebSettings(auth="demo", public_url="https://finops.contoso.example"))
LONG = "a-name-without-any-place-to-break-it-that-somebody-once-gave-to-it-and-nobody-changed"
FORMS = ["mail", "no-style", "page", "closed", "germany", "hostile", "archive"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each form as a file: its address."""
    folder = tmp_path_factory.mktemp("looks")
    model = sample(folder)
    mail = render(model, SETTINGS)
    found = {"mail": put(folder / "mail", mail), "page": put(folder / "page", mail, page=True)}
    bare = re.sub(r"<style.*?</style>", "", mail.page_mail, flags=re.DOTALL)
    (folder / "mail" / "bare.html").write_text(bare, "utf-8")
    found["no-style"] = (folder / "mail" / "bare.html").as_uri()
    found["closed"] = put(folder / "closed", render(closed(model), SETTINGS))
    found["germany"] = put(folder / "germany", render(model, Settings(report=ReportSettings(locale="de_DE"))))
    found["hostile"] = put(folder / "hostile", render(sample(folder, {"CC-4300": LONG}), SETTINGS))
    kept = Settings(mail=MailSettings(outbox=folder / "archive" / "outbox"))
    keep(mail, compose(mail, kept.mail), kept)
    found["archive"] = (folder / "archive" / "reports" / "index.html").as_uri()
    return found


def put(folder: Path, bundle: Rendered, page: bool = False) -> str:
    write(folder, bundle, compose(bundle, MailSettings()))
    return (folder / (f"{bundle.name}.html" if page else f"{bundle.name}-mail.html")).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("width", [320, 375, 600, 1100])
@pytest.mark.parametrize("form", FORMS)
def test_nothing_scrolls_sideways(browser: Any, pages: dict[str, str], form: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(pages[form])

    wide = page.evaluate("document.documentElement.scrollWidth")

    page.close()
    assert wide <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("form", ["mail", "page", "closed", "archive"])
def test_axe_finds_nothing(browser: Any, pages: dict[str, str], form: str, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 600, "height": 900}, color_scheme=scheme)
    page.goto(pages[form])

    found = axe(page)

    page.close()
    assert found == []


def test_the_first_screen_of_a_desktop_answers_where_why_and_what_to_do(browser: Any, pages: dict[str, str]) -> None:
    page = browser.new_page(viewport={"width": 600, "height": 800})
    page.goto(pages["mail"])

    places = page.evaluate(
        """() => Object.fromEntries([".badge", "h1", ".tile", ".push"].map(
            name => [name, [...document.querySelectorAll(name)].at(-1).getBoundingClientRect().bottom]))"""
    )

    page.close()
    assert places[".badge"] < 100
    assert places["h1"] < 240
    assert places[".tile"] < 460
    assert places[".push"] < 800


@pytest.mark.parametrize("form", ["mail", "closed"])
def test_the_first_screen_of_a_phone_holds_the_dearest_decisions_and_the_button(
    browser: Any, pages: dict[str, str], form: str
) -> None:
    page = browser.new_page(viewport={"width": 375, "height": 812})
    page.goto(pages[form])

    places = page.evaluate(
        """() => Object.fromEntries(["h1", ".tile", ".space", ".push"].map(
            name => [name, document.querySelector(name).getBoundingClientRect().bottom]))"""
    )

    page.close()
    assert places["h1"] < 240
    assert places[".space"] < 700
    assert places[".push"] < 812


@pytest.mark.parametrize("which", ["weekly", "closed", "small"])
def test_the_linter_finds_nothing(tmp_path: Path, which: str) -> None:
    if which == "small":
        mail = rendered(tmp_path, *daily("2026-11-01", "2026-11-22", "CC-1", "100"))
    else:
        model = sample(tmp_path)
        mail = render(closed(model) if which == "closed" else model, SETTINGS)

    assert lint(mail.html) == []


def test_every_mail_is_well_under_what_gmail_shows(tmp_path: Path) -> None:
    mail = render(sample(tmp_path), SETTINGS)

    assert len(mail.html.encode()) < 60_000
    assert len(compose(mail, MailSettings()).as_bytes()) < 300_000
