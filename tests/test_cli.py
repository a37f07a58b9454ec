"""The command line's frame: printing, exit codes, and what a person is told."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from finops.cli import cli
from finops.cli.output import note, show
from finops.errors import PARTIAL, FinopsError, MissingExtra, TemporaryError, UsageError

ROWS = [
    {"name": "[red]cpu-exp-7", "cost": Decimal("1234.5600000000000000001"), "note": None},
    {"name": "=cmd()", "cost": Decimal("-5.00"), "note": "line\x1b[31m"},
]


def printed(capsys: pytest.CaptureFixture[str], output: str, rows: list[dict[str, object]] | None = None) -> str:
    show(ROWS if rows is None else rows, output)
    return capsys.readouterr().out


def test_a_name_in_brackets_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]):
    assert "[red]cpu-exp-7" in printed(capsys, "table")


def test_a_name_cannot_colour_the_terminal(capsys: pytest.CaptureFixture[str]):
    assert "\x1b" not in printed(capsys, "table")


@pytest.mark.parametrize("output", ["table", "json", "jsonl", "csv", "yaml"])
def test_amounts_keep_every_digit(capsys: pytest.CaptureFixture[str], output: str):
    assert "1234.5600000000000000001" in printed(capsys, output).replace(",234", "234")


def test_csv_holds_no_formula_and_numbers_stay_numbers(capsys: pytest.CaptureFixture[str]):
    rows = list(csv.DictReader(io.StringIO(printed(capsys, "csv"))))

    assert (rows[1]["name"], rows[1]["cost"]) == ("'=cmd()", "-5.00")


@pytest.mark.parametrize(
    ("output", "empty"), [("json", "[]"), ("jsonl", ""), ("yaml", "[]"), ("table", "Nothing to show.")]
)
def test_no_rows_print_as_no_rows(capsys: pytest.CaptureFixture[str], output: str, empty: str):
    assert printed(capsys, output, []).strip() == empty


def test_json_and_yaml_read_back(capsys: pytest.CaptureFixture[str]):
    assert json.loads(printed(capsys, "json"), parse_float=Decimal)[0]["cost"] == ROWS[0]["cost"]
    assert yaml.safe_load(printed(capsys, "yaml"))[1]["name"] == "=cmd()"


def test_a_note_goes_beside_the_data(capsys: pytest.CaptureFixture[str]):
    note("2 rows were put aside")

    assert capsys.readouterr() == ("", "2 rows were put aside\n")


@pytest.mark.parametrize(
    ("fault", "exit_code"),
    [
        (FinopsError("It broke.", "Mend it."), 1),
        (UsageError("No.", "Yes."), 2),
        (TemporaryError("Throttled.", "Wait."), 75),
        (MissingExtra("finops x", "ml"), 1),
    ],
)
def test_an_error_is_one_line_with_its_remedy_and_its_exit_code(fault: FinopsError, exit_code: int):
    @click.command()
    def broken() -> None:
        raise fault

    group = type(cli)("finops")
    group.get_command = lambda ctx, name: broken  # type: ignore[method-assign]

    result = CliRunner().invoke(group, ["broken"])

    assert (result.exit_code, result.output) == (exit_code, f"Error: {fault}\n")
    assert fault.fix in result.output


def test_a_missing_extra_says_what_to_install():
    assert "pip install 'aml-finops[daemon]'" in str(MissingExtra("finops charges", "daemon"))


def test_an_unknown_command_is_answered_with_the_nearest():
    result = CliRunner().invoke(cli, ["chargse", "show"])

    assert result.exit_code == 2
    assert "Did you mean 'charges'?" in result.output


def test_azure_and_estate_together_are_refused(tmp_path: Path):
    result = CliRunner().invoke(cli, ["estate", "show", "--azure", "http://127.0.0.1:1", "--estate", str(tmp_path)])

    assert result.exit_code == 2
    assert "Give one" in result.output


def test_config_show_masks_nothing_but_secrets_and_names_origins(tmp_path: Path):
    file = tmp_path / "site.yaml"
    file.write_text("report: {currency: EUR}")

    result = CliRunner().invoke(cli, ["config", "show", "--config", str(file), "-o", "json"])

    (row,) = [row for row in json.loads(result.output) if row["setting"] == "report.currency"]
    assert (row["value"], row["origin"]) == ("EUR", str(file))


def test_config_show_prints_budgets_as_settings_are_written(tmp_path: Path):
    file = tmp_path / "site.yaml"
    file.write_text("budgets: {all: 1000}")

    shown = CliRunner().invoke(cli, ["config", "show", "--config", str(file)]).output

    assert '"amount": 1000' in " ".join(shown.split())
    assert "Decimal(" not in shown


def test_config_check_lists_every_problem_and_fails(tmp_path: Path):
    file = tmp_path / "site.yaml"
    file.write_text("report: {curency: EUR, top: 99}")

    result = CliRunner().invoke(cli, ["config", "check", "--config", str(file)])

    assert result.exit_code == 1
    assert "Did you mean report.currency?" in result.output
    assert "report.top is 99" in result.output


def test_done_in_part_has_an_exit_code_of_its_own():
    assert PARTIAL == 20
