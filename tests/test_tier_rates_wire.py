"""The rates of tiers by a price list that is asked for over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_azure import StillTime
from tier_prices import AUTUMN

from finops.cloud import Azure, connect
from finops.config.model import AzureSettings
from finops.simulator import serving
from finops.tiering import Rates
from finops.tiering.rates import filter_for, rates


@pytest.fixture(scope="module")
def azure(small_estate: Path) -> Iterator[Azure]:
    with (
        serving(small_estate) as server,
        connect(AzureSettings(endpoint=server.url), time=StillTime().time) as gateway,
    ):
        yield gateway


@pytest.mark.parametrize("hns", [False, True])
@pytest.mark.parametrize(
    ("redundancy", "tiers"),
    [
        ("LRS", ("Hot", "Cool", "Cold", "Archive")),
        ("RAGRS", ("Hot", "Cool", "Cold", "Archive")),
        ("RAGZRS", ("Hot", "Cool", "Cold")),
    ],
)
def test_every_tier_of_a_region_has_its_price(azure: Azure, redundancy: str, tiers: tuple[str, ...], hns: bool):
    found = rates(azure.retail_prices(filter_for("East US")), "East US", redundancy, hns, AUTUMN)

    assert isinstance(found, Rates), found
    assert tuple(found.tiers) == tiers
    assert found.missing == ()


def test_another_region_has_none(azure: Azure):
    found = rates(azure.retail_prices(filter_for("atlantis")), "atlantis", "LRS", False, AUTUMN)

    assert not isinstance(found, Rates)
