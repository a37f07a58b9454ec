"""Azure's eviction rates: asked of Resource Graph, written for jobs, and read by them as their first guess."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from fake_azure import FakeAzure, connected, ok

from finops.checkpoint.cadence import PRIOR_HOURS, prior_hours
from finops.checkpoint.prior import by_rate, hours_between
from finops.cli import cli
from finops.cloud import Azure
from finops.spot.evictions import rates

GRAPH = "/providers/Microsoft.ResourceGraph/resources"


@pytest.fixture
def fake() -> Iterator[FakeAzure]:
    with FakeAzure() as server:
        yield server


@pytest.fixture
def azure(fake: FakeAzure) -> Iterator[Azure]:
    with connected(fake) as gateway:
        yield gateway


# What a rate says


@pytest.mark.parametrize(
    ("said", "hours"), [("0-5", 39.5), ("5-10", 12.8), ("15-20", 5.2), ("20+", 3.5), ("10", 9.5), (" 7.5 % ", 12.8)]
)
def test_a_share_that_goes_each_hour_is_a_mean_life(said: str, hours: float) -> None:
    assert hours_between(said) == pytest.approx(hours, abs=0.05)


def test_a_rate_of_nothing_promises_no_eternity() -> None:
    assert hours_between("0") == pytest.approx(999.5, abs=0.1)


@pytest.mark.parametrize("said", ["", "often", "10-5", "100", "-5", "5-", "1e9", "nan"])
def test_what_is_no_rate_is_none(said: str) -> None:
    assert hours_between(said) is None


# What a job makes of it


def test_a_rate_can_be_said_in_the_jobs_environment() -> None:
    assert prior_hours({"FINOPS_EVICTION_RATE": "20+"}) == pytest.approx(3.5, abs=0.05)


def test_hours_that_are_said_outright_win() -> None:
    assert prior_hours({"FINOPS_EVICTION_RATE": "20+", "FINOPS_CHECKPOINT_EVICTION_HOURS": "2"}) == 2


def test_of_a_file_the_line_of_its_own_machine_counts(tmp_path: Path) -> None:
    file = tmp_path / "rates.json"
    file.write_text(json.dumps({"asOf": "2026-11-23", "rates": {"standard_nc6s_v3/westeurope": "15-20"}}))
    env = {"FINOPS_EVICTION_RATE": str(file)}

    assert by_rate("Standard_NC6s_v3", "West Europe", env) == pytest.approx(5.2, abs=0.05)
    assert prior_hours(env, "Standard_NC6s_v3", "eastus") == prior_hours(env) == PRIOR_HOURS


@pytest.mark.parametrize("text", ["", "[]", "{", '{"rates": 3}', '{"rates": {"a/b": 7}}', "\xff"])
def test_a_file_that_says_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rates.json"
    file.write_bytes(text.encode("latin-1"))

    assert by_rate("a", "b", {"FINOPS_EVICTION_RATE": str(file)}) is None


# What Azure is asked


def test_they_are_asked_of_the_whole_tenant_for_the_machines_in_use(fake: FakeAzure, azure: Azure) -> None:
    row = {"id": "x", "size": "standard_nc6s_v3", "location": "westeurope", "rate": "5-10"}
    other = {**row, "id": "y", "location": "eastus", "rate": "20+"}
    page = {"data": [row, other], "count": 2, "totalRecords": 2, "resultTruncated": "false"}
    fake.on("POST", GRAPH, ok(page))

    found = rates(azure, {("Standard_NC6s_v3", "westeurope"), ("Standard_D2", "eastus"), ("x') or ('", "eastus")})

    assert [(one.size, one.region, one.said) for one in found] == [("Standard_NC6s_v3", "westeurope", "5-10")]
    assert "subscriptions" not in fake.asked[0].json
    assert "in~ ('standard_d2', 'standard_nc6s_v3')" in fake.asked[0].json["query"]


def test_without_machines_nothing_is_asked(fake: FakeAzure, azure: Azure) -> None:
    assert rates(azure, set()) == []
    assert fake.count() == 0


# The command


def test_rates_of_the_clusters_of_an_estate_are_written_for_jobs(small_estate: Path, tmp_path: Path) -> None:
    out = tmp_path / "rates.json"
    done = CliRunner().invoke(
        cli, ["checkpoint", "rates", "--estate", str(small_estate), "--out", str(out), "-o", "json"]
    )

    assert done.exit_code == 0, done.output
    written = json.loads(out.read_text())["rates"]
    assert written
    assert all(hours_between(said) for said in written.values())
    place = next(iter(written)).split("/")
    assert by_rate(*place, {"FINOPS_EVICTION_RATE": str(out)}) == hours_between(written["/".join(place)])


def test_a_size_without_a_region_is_refused() -> None:
    assert CliRunner().invoke(cli, ["checkpoint", "rates", "--size", "Standard_D2"]).exit_code != 0
