"""The preview: the report in every form, made anew when a template is saved, on this machine only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from awake import awake
from browsing import serving
from report_sample import sample

from finops.config import folder
from finops.config.model import FolderSettings, Settings
from finops.report import Report, render
from finops.report.preview import app, stamp


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


@pytest.fixture
def browser(model: Report, own: Path) -> Iterator[httpx.Client]:
    settings = Settings(folders=FolderSettings(reports=own))
    with (
        serving(app(lambda: render(model, settings), [own, folder("reports")], own)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def version(browser: httpx.Client) -> str:
    return browser.get("/").text.partition('data-version="')[2].partition('"')[0]


@pytest.mark.parametrize("form", ["mail", "plain", "page", "text"])
def test_every_form_is_shown(browser: httpx.Client, form: str) -> None:
    answer = browser.get(f"/view/{form}")

    assert answer.status_code == 200
    assert "Contoso Research" in answer.text
    assert "script" not in answer.headers["Content-Security-Policy"]


def test_pictures_and_styles_are_there(browser: httpx.Client) -> None:
    for path in ("/view/cost-week-2026-11-21-cost.png", "/view/style.css", "/preview.css", "/preview.js"):
        assert browser.get(path).status_code == 200, path
    for path in ("/view/secret.css", "/words.yaml", "/view/other.png"):
        assert browser.get(path).status_code == 404, path


def test_a_saved_template_is_told_at_once_and_shown(browser: httpx.Client, own: Path) -> None:
    before = version(browser)
    threading.Timer(0.5, lambda: (own / "weekly.verdict.txt").write_text("All is well.")).start()

    with awake() as seconds:
        changed = browser.get("/changed", params={"since": before})
        took = seconds()

    assert changed.text != before
    assert took < 10
    assert "All is well." in browser.get("/view/mail").text


def test_a_wrong_template_shows_its_file_and_line_until_it_is_mended(browser: httpx.Client, own: Path) -> None:
    file = own / "weekly.verdict.txt"
    file.write_text("fine\n{{ report.forecast }}")

    wrong = browser.get("/view/mail").text
    file.unlink()

    assert f"{file}, line 2" in wrong
    assert "Contoso Research" in browser.get("/view/mail").text


def test_another_host_name_and_other_methods_are_refused(browser: httpx.Client) -> None:
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert browser.post("/").status_code == 405


def test_files_of_editors_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("1")
    before = stamp([tmp_path])

    (tmp_path / ".a.html.swp").write_text("2")
    (tmp_path / "a.html~").write_text("3")

    assert stamp([tmp_path]) == before
