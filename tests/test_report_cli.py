"""`finops report`: what it prints, writes and answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from report_data import COLUMNS, book, daily

from finops.cli import cli


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, ["report", *arguments], env=environment)


@pytest.fixture(autouse=True)
def remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state database of this test alone."""
    monkeypatch.setenv("FINOPS_STATE__URL", str(tmp_path / "state.db"))


@pytest.fixture
def costs(tmp_path: Path) -> str:
    book(tmp_path, *daily("2025-11-01", "2025-11-22", "CC-1", "100")).close()
    return str(tmp_path / "charges.csv")


def test_render_leaves_a_page_and_says_where(costs: str, tmp_path: Path) -> None:
    result = run("render", costs, "--week-ending", "2025-11-21", "--out", str(tmp_path / "out"))

    assert result.exit_code == 0
    assert str(tmp_path / "out" / "index.html") in result.output
    assert (tmp_path / "out" / "index.html").is_file()


def test_render_prints_exact_figures_for_programs(costs: str, tmp_path: Path) -> None:
    result = run(
        "render", costs, "--from", "2025-11-02", "--to", "2025-11-04", "--out", str(tmp_path / "out"), "-o", "json"
    )

    [row] = json.loads(result.stdout)
    assert (row["from"], row["to"], row["cost"], row["charges"]) == ("2025-11-02", "2025-11-05", 300, 3)


def test_a_report_with_missing_days_is_made_and_exits_20(costs: str, tmp_path: Path) -> None:
    result = run("render", costs, "--week-ending", "2025-11-24", "--out", str(tmp_path / "out"))

    assert result.exit_code == 20
    assert "not all in yet" in result.output
    assert (tmp_path / "out" / "index.html").is_file()


def test_send_leaves_the_mail_once(costs: str, tmp_path: Path) -> None:
    outbox = str(tmp_path / "outbox")
    first = run("send", costs, "--week-ending", "2025-11-21", FINOPS_MAIL__OUTBOX=outbox)
    second = run("send", costs, "--week-ending", "2025-11-21", FINOPS_MAIL__OUTBOX=outbox)

    assert "Left in" in first.output
    assert "nothing was sent" in second.output
    assert len(list(Path(outbox).iterdir())) == 1


def test_a_revision_is_sent_on_purpose_and_says_so(costs: str, tmp_path: Path) -> None:
    outbox = str(tmp_path / "outbox")
    run("send", costs, "--week-ending", "2025-11-21", FINOPS_MAIL__OUTBOX=outbox)

    run("send", costs, "--week-ending", "2025-11-21", "--revision", "2", FINOPS_MAIL__OUTBOX=outbox)

    mails = sorted(Path(outbox).iterdir())
    assert len(mails) == 2
    assert b"Subject: Corrected: Week to 21 Nov" in mails[1].read_bytes().replace(b"\r\n ", b" ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "2026-13"], "2026-13"),
        (["--from", "2025-11-01"], "--from and --to go together"),
        (["--from", "2025-11-05", "--to", "2025-11-04"], "lies before"),
        (["--week-ending", "2025-11-2x"], "2025-11-2x"),
        (["--month", "2025-11", "--week-ending", "2025-11-21"], "More than one period"),
    ],
)
def test_a_period_that_cannot_be_meant_is_wrong_usage(
    costs: str, tmp_path: Path, arguments: list[str], said: str
) -> None:
    result = run("render", costs, *arguments, "--out", str(tmp_path / "out"))

    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "out").exists()


def test_a_file_without_charges_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(",".join(COLUMNS) + "\n")

    result = run("render", str(tmp_path / "empty.csv"), "--out", str(tmp_path / "out"))

    assert result.exit_code == 1
    assert "no charges" in result.output
    assert not (tmp_path / "out").exists()
