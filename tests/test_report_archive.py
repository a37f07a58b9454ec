"""The archive of sent reports: what it holds, that it stays, and that nothing else can be read through it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from report_data import book, daily
from report_sample import sample

from finops.cli import cli
from finops.config.model import FolderSettings, MailSettings, Settings
from finops.mail import compose
from finops.report import Rendered, Report, render
from finops.report.archive import file_in, folder_of, index, keep, kept


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return sample(tmp_path_factory.mktemp("sample"))


def site(folder: Path) -> Settings:
    return Settings(mail=MailSettings(outbox=folder / "outbox"))


def put(model: Report, settings: Settings, revision: int = 1) -> Rendered:
    bundle = render(model, settings)
    keep(bundle, compose(bundle, settings.mail, revision), settings, revision)
    return bundle


def test_a_report_is_kept_in_every_form_with_an_index(model: Report, tmp_path: Path) -> None:
    settings = site(tmp_path)

    put(model, settings)

    folder = tmp_path / "reports"
    page = (folder / "index.html").read_text("utf-8")
    assert {path.suffix for path in folder.glob("cost-week-*")} == {".html", ".txt", ".xlsx", ".json", ".eml", ".png"}
    assert 'href="cost-week-2026-11-21.html"' in page
    assert "Over budget likely" in page
    assert "style=" not in page
    assert "<script" not in page


def test_what_was_published_stays_as_it_was(model: Report, tmp_path: Path) -> None:
    settings = site(tmp_path)
    put(model, settings)
    first = (tmp_path / "reports" / "cost-week-2026-11-21.html").read_text("utf-8")

    put(replace(model, organisation="Somebody else"), settings)

    assert (tmp_path / "reports" / "cost-week-2026-11-21.html").read_text("utf-8") == first


def test_a_corrected_report_lies_beside_the_first(model: Report, tmp_path: Path) -> None:
    settings = site(tmp_path)
    put(model, settings)

    put(replace(model, organisation="Corrected"), settings, revision=2)

    page = (tmp_path / "reports" / "cost-week-2026-11-21-r2.html").read_text("utf-8")
    assert 'src="cost-week-2026-11-21-r2-cost.png"' in page
    assert [one.name for one in kept(tmp_path / "reports")] == ["cost-week-2026-11-21-r2", "cost-week-2026-11-21"]


def test_every_link_of_the_archive_leads_to_a_file(model: Report, tmp_path: Path) -> None:
    settings = site(tmp_path)
    put(model, settings)
    put(model, settings, revision=2)
    folder = tmp_path / "reports"

    import re

    for page in folder.glob("*.html"):
        for link in re.findall(r'(?:href|src)="([^":]+)"', page.read_text("utf-8")):
            assert (folder / link).is_file(), f"{page.name} leads to {link}"


def test_a_file_that_tells_of_no_report_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "notes.json").write_text("[1, 2]")
    (folder / "broken.json").write_text("{")
    (folder / "odd.json").write_text(json.dumps({"title": "x", "from": "yesterday"}))

    page = index(site(tmp_path))

    assert "No report has been sent yet." in page.read_text("utf-8")


def test_the_folder_is_the_one_of_the_settings(tmp_path: Path) -> None:
    settings = site(tmp_path)

    assert folder_of(settings) == tmp_path / "reports"
    own = settings.model_copy(update={"report": settings.report.model_copy(update={"archive": tmp_path / "kept"})})
    assert folder_of(own) == tmp_path / "kept"


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", ".hidden.json", "a/b.html", "secret.txt\n", "x.py", "", "index", "link.txt", "/etc/passwd"],
)
def test_nothing_but_a_file_of_the_archive_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / ".hidden.json").write_text("{}")

    assert file_in(folder, name) is None


def test_names_of_people_and_machines_are_escaped_in_the_index(model: Report, tmp_path: Path) -> None:
    settings = site(tmp_path)
    put(model, settings)
    file = tmp_path / "reports" / "cost-week-2026-11-21.json"
    told = json.loads(file.read_text("utf-8")) | {"subject": "<script>alert(1)</script>", "statuses": [
        {"word": "<b>", "tone": '"onload="x'}]}  # fmt: skip
    file.write_text(json.dumps(told))

    page = index(settings).read_text("utf-8")

    assert "<script" not in page
    assert "onload=" not in page


def test_each_send_writes_it_and_the_command_lists_it(tmp_path: Path) -> None:
    book(tmp_path, *daily("2025-11-01", "2025-11-22", "CC-1", "100")).close()
    run = CliRunner()
    config = tmp_path / "finops.yaml"
    config.write_text(
        f"mail: {{outbox: {tmp_path / 'outbox'}}}\nstate: {{url: {tmp_path / 'state.db'}}}\n"
        f"charges: {{sources: [{tmp_path / 'charges.csv'}]}}\n"
    )

    sent = run.invoke(cli, ["report", "send", "--week-ending", "2025-11-21", "--config", str(config)])
    listed = run.invoke(cli, ["report", "archive", "--config", str(config), "-o", "json"])

    assert sent.exit_code in (0, 20), sent.output
    assert [row["name"] for row in json.loads(listed.output)] == ["cost-week-2025-11-21"]
    assert (tmp_path / "reports" / "index.html").is_file()


def test_your_own_index_wins(model: Report, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "archive.html").write_text("{{ reports | length }} reports, mine")
    settings = site(tmp_path).model_copy(update={"folders": FolderSettings(reports=tmp_path / "own")})

    put(model, settings)

    assert (tmp_path / "reports" / "index.html").read_text("utf-8") == "1 reports, mine"
