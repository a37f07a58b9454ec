"""Wrong files, dates, logins and networks: one clear message, the right exit code, nothing half-written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from finops.cli import cli
from finops.simulator import Served, serving

HEADER = "BilledCost,EffectiveCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ServiceName,ResourceId,Tags\n"
GOOD = '1.50,1.25,USD,2026-11-02 00:00:00,2026-11-03 00:00:00,Storage,/subscriptions/s,"{""CostCenter"": ""a""}"\n'
EURO = GOOD.replace("USD", "EUR")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    return result


def told(result: Result, exit_code: int, *texts: str) -> None:
    assert result.exit_code == exit_code, result.output
    for text in texts:
        assert text in result.output
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error:")]) == (exit_code != 20)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def png(file: Path) -> None:
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)


def truncated_parquet(file: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"BilledCost": ["1"] * 1000}), file)
    file.write_bytes(file.read_bytes()[:-200])


def other_parquet(file: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"colour": ["red"]}), file)


FILES: dict[str, tuple[Any, str]] = {
    "picture.csv": (png, "picture.csv"),
    "empty.csv": (lambda file: file.write_bytes(b""), "empty.csv"),
    "header-only.csv": (lambda file: file.write_text(HEADER), "header-only.csv"),
    "shopping.csv": (lambda file: file.write_text("item,price\nmilk,1\n"), "shopping.csv"),
    "truncated.parquet": (truncated_parquet, "truncated.parquet"),
    "other.parquet": (other_parquet, "other.parquet"),
    "not-gzip.csv.gz": (lambda file: file.write_text(HEADER + GOOD), "not-gzip.csv.gz"),
    "only-broken-rows.csv": (
        lambda file: file.write_text(HEADER + GOOD.replace("1.50", "much") * 3),
        "only-broken-rows.csv",
    ),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", [["charges", "show"], ["report", "render", "--out", "out"]], ids=" ".join)
def test_what_is_no_cost_data_is_named_and_nothing_is_written(name: str, command: list[str], tmp_path: Path):
    make, named = FILES[name]
    make(tmp_path / name)

    told(run(*command, name), 1, named)

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["charges", "show"], ["report", "render", "--out", "out"]], ids=" ".join)
def test_a_file_that_is_not_there_is_named(command: list[str]):
    result = run(*command, "nowhere.csv")

    assert result.exit_code in {1, 2}
    assert "nowhere.csv" in result.output


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")

    result = run("charges", "show", "dangling")

    assert result.exit_code in {1, 2}
    assert "dangling" in result.output


def test_currencies_are_not_added(tmp_path: Path):
    (tmp_path / "mixed.csv").write_text(HEADER + GOOD + EURO)

    told(run("charges", "show", "mixed.csv"), 1, "EUR", "USD", "--currency")
    told(run("report", "render", "mixed.csv", "--out", "out"), 1, "EUR", "USD", "currency")
    assert run("charges", "show", "mixed.csv", "--currency", "EUR").exit_code == 0


def test_a_broken_row_is_put_aside_and_the_result_says_so(tmp_path: Path):
    (tmp_path / "some.csv").write_text(HEADER + GOOD + GOOD.replace("1.25", "much") + GOOD)

    result = run("charges", "show", "some.csv", "-o", "csv")

    told(result, 20, "some.csv", "line 3", "much")
    assert "a,2.50,2" in result.stdout


@pytest.mark.parametrize(
    "options", [["--month", "2026-13"], ["--from", "tomorrow"], ["--from", "2026-11-05", "--to", "2026-11-01"]]
)
def test_a_wrong_date_is_wrong_usage(tmp_path: Path, options: list[str]):
    (tmp_path / "good.csv").write_text(HEADER + GOOD)

    told(run("charges", "show", "good.csv", *options), 2, options[1])


def test_a_month_without_charges_is_not_a_report_of_zero(tmp_path: Path):
    (tmp_path / "good.csv").write_text(HEADER + GOOD)

    told(run("charges", "show", "good.csv", "--month", "2025-01"), 1, "Nov 2026")
    assert run("report", "render", "good.csv", "--month", "2025-01", "--out", "out").exit_code == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def server(small_estate: Path) -> Iterator[Served]:
    with serving(small_estate) as found:
        yield found


@pytest.mark.parametrize(
    "command",
    [
        ["estate", "show"],
        ["charges", "ingest"],
        ["estate", "capture", "recorded"],
        ["report", "render", "--out", "out"],
    ],
    ids=" ".join,
)
class TestAzureThatDoesNotAnswerWell:
    def test_one_that_cannot_be_reached_is_temporary(
        self, command: list[str], small_estate: Path, monkeypatch: Any, tmp_path: Path
    ):
        with serving(small_estate) as gone:
            url = gone.url
        monkeypatch.setenv("FINOPS_AZURE__CALL_DEADLINE_SECONDS", "1")

        told(run(*command, "--azure", url), 75, "Connection refused", url.removeprefix("http://"))

        assert not (tmp_path / "out").exists()
        assert not (tmp_path / "recorded").exists()

    def test_an_expired_login_says_how_to_sign_in(self, command: list[str], server: Served):
        server.faults.rules[:] = []
        server.faults.add({"fault": "401-expired", "times": 1000})
        try:
            told(run(*command, "--azure", server.url), 1, "az login")
        finally:
            server.faults.rules[:] = []


def test_only_this_machine_may_stand_in_for_azure():
    told(run("estate", "show", "--azure", "http://example.com"), 1, "no real token may go there")


def test_a_subscription_that_refuses_is_named_and_the_result_is_partial(server: Served):
    [refused] = [
        body["subscriptionId"]
        for body in server.world.resources.of_type("subscriptions")
        if "Sandbox" in body["displayName"]
    ]
    server.faults.rules[:] = []
    server.faults.add({"fault": "403", "path": f"/subscriptions/{refused}/"})
    try:
        told(run("charges", "ingest", "--azure", server.url), 20, refused, "403")
        told(run("report", "render", "--azure", server.url, "--out", "out"), 20, "Contoso AI Sandbox is missing")
    finally:
        server.faults.rules[:] = []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "estate.json").unlink(), "estate.json"),
        (lambda folder: (folder / "estate.json").write_text('{"format": 2}'), "format 2"),
        (lambda folder: (folder / "nodes.jsonl").write_text('{"computeId": \n'), "nodes.jsonl"),
    ],
)
def test_a_broken_recording_is_named(small_estate: Path, tmp_path: Path, spoil: Any, says: str):
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(small_estate, folder)
    spoil(folder)

    told(run("estate", "show", "--estate", str(folder)), 1, says)


def test_an_estate_cannot_be_invented_below_a_file(tmp_path: Path):
    (tmp_path / "file").write_text("")

    told(run("simulate", "new", str(tmp_path / "file" / "inside")), 1, str(tmp_path / "file"), "name another folder")
