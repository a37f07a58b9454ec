"""The archive in the web app: for people with a role, and nothing but what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from approvals_page import ANA, EVA, RIA, Browser, settings
from report_sample import sample

from finops.config.model import MailSettings, Settings
from finops.mail import compose
from finops.report import render
from finops.report.archive import keep
from finops.state import State


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("site")
    found = settings().model_copy(update={"mail": MailSettings(outbox=folder / "outbox")})
    bundle = render(sample(folder), found)
    keep(bundle, compose(bundle, found.mail), found)
    (folder / "secret.txt").write_text("secret")
    return found


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(str(tmp_path / "state.db")) as opened:
        yield opened


@pytest.mark.parametrize("who", [ANA, RIA])
def test_readers_and_approvers_see_the_list_and_a_report(state: State, given: Settings, who: dict[str, str]) -> None:
    person = Browser(state, who, given)

    listed = person.get("/reports")
    report = person.get("/reports/cost-week-2026-11-21.html")

    assert 'href="/reports/cost-week-2026-11-21.html"' in listed.text
    assert "November is heading for" in report.text
    assert report.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(("who", "status"), [(None, 401), (EVA, 403)])
@pytest.mark.parametrize(
    "path", ["/reports", "/reports/cost-week-2026-11-21.html", "/reports/cost-week-2026-11-21.xlsx"]
)
def test_nobody_else_sees_anything(
    state: State, given: Settings, who: dict[str, str] | None, status: int, path: str
) -> None:
    answer = Browser(state, who, given).get(path)

    assert answer.status_code == status
    assert "November" not in answer.text


def test_the_address_of_the_list_may_end_in_a_slash(state: State, given: Settings) -> None:
    browser = Browser(state, RIA, given)

    assert browser.get("/reports/").text == browser.get("/reports").text


@pytest.mark.parametrize("form", ["xlsx", "eml"])
def test_files_are_saved_and_never_shown(state: State, given: Settings, form: str) -> None:
    answer = Browser(state, RIA, given).get(f"/reports/cost-week-2026-11-21.{form}")

    assert answer.headers["Content-Disposition"] == f'attachment; filename="cost-week-2026-11-21.{form}"'


@pytest.mark.parametrize(
    "path", ["..%2fsecret.txt", "%2e%2e/secret.txt", ".x", "state.db", "a%00.html", "none.html", "a" * 300 + ".html"]
)
def test_nothing_outside_of_the_archive_is_served(state: State, given: Settings, path: str) -> None:
    assert Browser(state, RIA, given).get(f"/reports/{path}").status_code == 404


def test_it_only_shows(state: State, given: Settings) -> None:
    for path in ("/reports", "/reports/cost-week-2026-11-21.html"):
        assert Browser(state, ANA, given).ask("POST", path).status_code == 405


def test_an_archive_that_is_not_there_yet_is_an_empty_list(state: State, tmp_path: Path) -> None:
    empty = settings().model_copy(update={"mail": MailSettings(outbox=tmp_path / "outbox")})

    assert "No report has been sent yet." in Browser(state, RIA, empty).get("/reports").text
    assert Browser(state, RIA, empty).get("/reports/style.css").status_code == 200
