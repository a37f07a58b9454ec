"""`finops demo`: what a newcomer runs first."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from finops.cli.demo_waste import GRACE_DAYS
from finops.state import State


def demo(*arguments: str, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "finops", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def left(small_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What the demo left and printed, on the estate that the other tests use too."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(small_estate, folder / "estate")
    result = demo("--once", "--out", str(folder))
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_it_leaves_report_outbox_and_summary(left: tuple[Path, str]):
    folder, _ = left

    assert (folder / "report" / "index.html").is_file()
    assert {file.suffix for file in (folder / "outbox").iterdir()} == {".eml"}
    assert len(list((folder / "outbox").glob("cost-week-*.eml"))) == 1
    assert json.loads((folder / "summary.json").read_text())["complete"] is True


def test_it_says_in_a_few_lines_what_it_found_and_where_to_look(left: tuple[Path, str]):
    folder, printed = left

    assert len([line for line in printed.splitlines() if line.strip()]) <= 14
    assert str(folder / "report" / "index.html") in printed
    assert "paid for and idle" in printed


def test_what_waits_is_as_many_and_as_much_in_the_terminal_in_the_mail_and_on_the_page(left: tuple[Path, str]):
    folder, printed = left
    waste = json.loads((folder / "summary.json").read_text())["waste"]
    waiting, saving = waste["waiting"], f"{waste['waitingSaving']:,.0f}"
    [mail] = (folder / "outbox").glob("cost-week-*.eml")
    body = message_from_bytes(mail.read_bytes(), policy=default).get_body(("plain",))
    with State.open(folder / "janitor" / "state.db") as state:
        _, open_, _ = state.findings.all(status=("asked", "pending"), limit=0)

    assert body is not None
    assert waiting == open_ > 0
    assert f"{waiting} findings worth {saving} USD a month wait for approval" in printed
    assert f"${saving} a month: approve or refuse {waiting} requests" in " ".join(body.get_content().split())


def test_requests_outlast_the_week_that_the_walk_lets_go_by(left: tuple[Path, str]):
    asked, ends = [], []
    with State.open(left[0] / "janitor" / "state.db") as state:
        for record in state.findings.all(status=("pending",), limit=None)[0]:
            asked.append(record.asked_at)
            ends.append(record.expires_at)

    assert min(end for end in ends if end) > max(day for day in asked if day) + timedelta(days=GRACE_DAYS + 7)


def test_budgets_anomalies_and_what_runs_are_mailed_where_they_must(left: tuple[Path, str]):
    folder, printed = left
    seen = json.loads((folder / "summary.json").read_text())["seen"]

    assert seen["alerts"] > 0
    assert seen["anomalies"] > 0
    assert seen["perDay"] > 0
    assert list((folder / "outbox").glob("budget-alert*.eml"))
    assert list((folder / "outbox").glob("anomaly*.eml"))
    assert "budget thresholds crossed" in printed


def test_the_summary_adds_up(left: tuple[Path, str]):
    folder, _ = left
    found = json.loads((folder / "summary.json").read_text(), parse_float=Decimal, parse_int=Decimal)

    assert sum(found["costCentres"].values()) == found["cost"]


def test_every_path_that_is_said_is_there(left: tuple[Path, str]):
    folder, printed = left

    said = [Path(word) for word in printed.split() if word.startswith(str(folder))]
    assert len(said) == 3
    assert all(path.is_file() for path in said)
    assert Path(json.loads((folder / "summary.json").read_text())["mail"]).is_file()


def test_what_is_printed_last_answers_as_the_report_did(left: tuple[Path, str]):
    folder, printed = left
    serve, explain, close = (
        [os.path.abspath(word) if "/" in word and word != "month/forecast" else word for word in line.split()[1:]]
        for line in printed.splitlines()
        if line.strip().startswith("finops ")
    )
    command = [sys.executable, "-m", "finops"]

    with subprocess.Popen([*command, *serve], stdout=subprocess.PIPE, text=True) as azure:
        assert azure.stdout
        assert "2026-11-18 12:00 UTC" in azure.stdout.readline()
        told = [
            subprocess.run([*command, *asked], capture_output=True, text=True, timeout=100, check=False)
            for asked in (explain, close)
        ]
        azure.send_signal(signal.SIGINT)

    [report] = (folder / "report").glob("cost-week-*.json")
    figures = json.loads(report.read_text())["figures"]
    middle = next(one["value"] for one in figures if one["id"] == "month/forecast")
    assert [one.returncode for one in told] == [0, 0], told[0].stderr
    assert f"month/forecast: {middle} USD" in told[0].stdout
    assert "Invoice of October 2026" in told[1].stdout


def test_once_without_a_folder_is_refused():
    result = demo("--once")

    assert result.returncode == 2
    assert "--once needs --out" in result.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")

    result = demo("--once", "--out", str(tmp_path / "file" / "inside"))

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert str(tmp_path / "file") in result.stderr


def test_it_serves_the_report_until_it_is_ended(left: tuple[Path, str]):
    folder, _ = left
    command = [sys.executable, "-m", "finops", "demo", "--out", str(folder), "--port", "0", "--no-browser"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        url = next(line.split()[1] for line in running.stdout if line.strip().startswith("Report"))
        page = fetched(url)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)

    assert "cost-week" in page
    assert "Traceback" not in errors


def fetched(url: str) -> str:
    """The page at `url`, as soon as it is served."""
    until = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
