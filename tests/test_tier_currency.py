"""Plans in the currency in which the account is billed: its own prices, never those of another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from storing import storage_estate
from tier_estates import reported

from finops.cli import cli
from finops.simulator import serving
from finops.simulator.generate.retail import blob_items
from finops.simulator.serve import Served
from finops.simulator.simulation import write

RATE = 0.5


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = storage_estate(tmp_path_factory.mktemp("estate") / "estate")
    dollars = list(blob_items("eastus"))
    euros = [
        {**item, "currencyCode": "EUR", **{name: float(item[name]) * RATE for name in ("retailPrice", "unitPrice")}}
        for item in dollars
    ]
    write(folder / "prices.jsonl", [*dollars, *euros])
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def inventory(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported(served, tmp_path_factory.mktemp("inventory"))


def run(served: Served, inventory: Path, monkeypatch: pytest.MonkeyPatch, currency: str) -> Result:
    monkeypatch.setenv("FINOPS_TIERING__CURRENCY", currency)
    arguments = ["tier", "plan", "--inventory", str(inventory), "--azure", served.url, "-o", "json"]
    return CliRunner().invoke(cli, arguments)


def plan(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)[0]
    return found


def test_prices_are_those_of_the_currency_asked_for(served: Served, inventory: Path, monkeypatch: pytest.MonkeyPatch):
    euros = plan(run(served, inventory, monkeypatch, "EUR"))
    dollars = plan(run(served, inventory, monkeypatch, "USD"))

    assert (euros["currency"], dollars["currency"]) == ("EUR", "USD")
    assert euros["savingMonth"] == pytest.approx(dollars["savingMonth"] * RATE, rel=1e-3)
    assert euros["policy"] == dollars["policy"]


def test_a_currency_without_prices_is_refused_by_name(served: Served, inventory: Path, monkeypatch: pytest.MonkeyPatch):
    result = run(served, inventory, monkeypatch, "CHF")

    assert result.exit_code == 1
    assert "no price is published for blob storage in eastus in CHF" in result.stderr
    assert result.stdout == ""


def test_a_currency_that_is_none_is_an_error_of_the_settings(
    served: Served, inventory: Path, monkeypatch: pytest.MonkeyPatch
):
    result = run(served, inventory, monkeypatch, "euro")

    assert (result.exit_code, "tiering.currency" in result.stderr) == (1, True), result.output
