"""Findings on the command line: the numbers that commands take are the IDs that `finops janitor list` prints."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from finops.cli.remembering import finding_number
from finops.errors import UsageError


@click.command()
@click.argument("number", type=finding_number)
@click.option("--only", type=finding_number, multiple=True)
def echo(number: int, only: tuple[int, ...]) -> None:
    click.echo(repr((number, only)))


@pytest.mark.parametrize("given", ["12", "12-3f9a1c2b", "12-3F9A1C2B"])
def test_a_finding_is_named_by_its_number_or_by_the_id_that_is_printed(given: str):
    result = CliRunner().invoke(echo, [given, "--only", given, "--only", "3"])

    assert result.output == "(12, (12, 3))\n"


@pytest.mark.parametrize("given", ["chat", "12-", "12-xyz", ""])
def test_what_is_no_id_is_refused_in_a_sentence(given: str):
    result = CliRunner().invoke(echo, [given])

    assert isinstance(result.exception, UsageError)
    assert f"'{given}' is no ID." in str(result.exception)
