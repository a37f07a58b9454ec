"""Savings on spot nodes net of what evictions had jobs run again, as the jobs told beside their checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from azurite_service import Azurite
from guarding import GPU
from report_data import NOW, book
from test_report_savings_guard import REST, act, amount, hours

from finops import jobs, report
from finops.checkpoint.told import Told, name_of
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings, ReportSettings, Settings, StateSettings
from finops.estate.ids import key
from finops.jobs.evictions import told_by_jobs
from finops.report import Claim
from finops.report.evicted import Accounts, Again
from finops.report.explain import explain
from finops.report.figures import figures
from finops.report.known import Known
from finops.report.model import Report

DAY = datetime(2026, 11, 15, 12, tzinfo=UTC)
ROWS = [*hours("2026-10-01", "2026-11-11", "10", "3"), *hours("2026-11-12", "2026-11-21", "10", "1")]
GROSS = 10 * 10 * 2


def attempt(number: int, began: float, last: float, kept: tuple[int, float] | None = None, **other: Any) -> Told:
    """Hours since noon of the 15th. kept: the attempt that it went on from, and the hour of the snapshot."""
    one = Told("run_1", number, DAY + timedelta(hours=began), DAY + timedelta(hours=last), compute_id=GPU.upper())
    if kept:
        one = replace(one, restored=kept[0], restored_at=DAY + timedelta(hours=kept[1]))
    return replace(one, **other)


def told(folder: Path, *attempts: Told) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for one in attempts:
        (folder / name_of(one.attempt)).write_text(json.dumps(one.as_json()))
    return folder


def on(cluster: str = GPU, day: str = "2026-11-15", much: str = "5") -> Accounts:
    return Accounts(
        frozenset({key(cluster)}), (Again(key(cluster), datetime.fromisoformat(day).date(), Decimal(much)),)
    )


def made(folder: Path, accounts: Accounts, *claims: Claim) -> Report:
    folder.mkdir(exist_ok=True)
    with book(folder, *hours("2026-10-01", "2026-11-22", "24", "1", REST), *ROWS) as loaded:
        known = Known(claims=claims or (act("price"),), told=accounts)
        return report.build(loaded, NOW, ReportSettings(), known=known)


# What is taken off


def test_hours_that_were_run_again_are_taken_off_at_what_they_would_never_have_cost(tmp_path: Path) -> None:
    found = made(tmp_path, on(much="5")).savings

    assert found
    [one] = found.all
    assert amount(one) == GROSS - 5 * 3
    assert one.again and one.again.amount == 15  # noqa: PT018 - the second says nothing without the first
    assert found.realised.amount.amount == found.shown.amount == GROSS - 15
    assert one.how.endswith("- 5 hours that jobs ran again after evictions")


def test_evictions_before_the_act_are_of_no_saving(tmp_path: Path) -> None:
    found = made(tmp_path, on(day="2026-11-10")).savings

    assert found
    assert amount(found.all[0]) == GROSS


def test_no_more_is_taken_off_than_was_charged_for(tmp_path: Path) -> None:
    found = made(tmp_path, on(much="500")).savings

    assert found
    assert amount(found.all[0]) == 10 * 10 * 2 - 100 * 3
    assert found.all[0].why == "an hour costs more since, or evictions cost more than was saved"


def test_of_a_cluster_whose_jobs_tell_nothing_it_is_said_to_be_unknown(tmp_path: Path) -> None:
    quiet, silent = made(tmp_path / "a", on(much="0")), made(tmp_path / "b", on(REST))

    assert [one.savings.all[0].evicted for one in (quiet, silent) if one.savings] == [False, True]


def test_an_act_that_is_not_measured_by_the_price_is_left_alone(tmp_path: Path) -> None:
    found = made(tmp_path, on(), act("idle", kept=1)).savings

    assert found
    assert found.all[0].again is None


# What the report says


def test_the_report_says_what_was_taken_off_and_for_how_many_hours(tmp_path: Path) -> None:
    bundle = report.render(made(tmp_path, on(much="12.5")), Settings())

    said = " ".join(bundle.text.split())
    assert "the cost before, less the cost since, less re-done work: 12.5 hours, $37.50" in said
    assert "$162" in said
    assert "is taken off, at the price of an hour before" in said
    assert "is not known, as jobs do not state it" not in said
    assert "less re-done work: 12.5 hours, $37.50" in bundle.html


def test_without_evictions_nothing_is_said_of_them(tmp_path: Path) -> None:
    bundle = report.render(made(tmp_path, on(much="0")), Settings())

    assert "re-done" not in bundle.text
    assert "is not known, as jobs" not in bundle.text


def test_what_was_taken_off_can_be_explained(tmp_path: Path) -> None:
    one = made(tmp_path, on())
    with book(tmp_path, *ROWS) as loaded:
        found = explain(one, loaded, "savings/again", Known(claims=(act("price"),)))

    assert {"savings/again", "savings/again/hours"} <= {each.id for each in figures(one)}
    assert (found.total, found.figure.value) == (15, 15)


# What is read


def test_what_jobs_told_is_read_below_the_folders_each_eviction_once(tmp_path: Path) -> None:
    one, two = attempt(1, 0, 5, nodes=2), attempt(2, 6, 9, (1, 4), nodes=2, restoring_seconds=900.0)
    told(tmp_path / "store" / "run_1", one, two)
    told(tmp_path / "copy" / "deep" / "run_1", one)

    found, remarks = told_by_jobs([f"{tmp_path}/store", f"{tmp_path}/copy", str(tmp_path)], None)

    assert found == Accounts(frozenset({key(GPU)}), (Again(key(GPU), DAY.date(), Decimal("2.5")),))
    assert remarks == ()


def test_two_jobs_of_one_name_are_two(tmp_path: Path) -> None:
    told(tmp_path / "a", attempt(1, 0, 5), attempt(2, 6, 9, (1, 4)))
    told(tmp_path / "b", attempt(1, 1, 5), attempt(2, 6, 9, (1, 3)))

    found, _ = told_by_jobs([str(tmp_path)], None)

    assert sorted(one.hours for one in found.again) == [1, 2]


def test_one_that_ran_outside_azure_ml_is_of_no_cluster(tmp_path: Path) -> None:
    told(tmp_path, *(replace(one, compute_id="") for one in (attempt(1, 0, 5), attempt(2, 6, 9, (1, 4)))))

    assert told_by_jobs([str(tmp_path)], None) == (Accounts(), ())


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    told(tmp_path, attempt(1, 0, 5))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / name_of(1)).write_text("{")

    found, remarks = told_by_jobs([str(tmp_path), f"{tmp_path}/away"], None)

    assert found.clusters == {key(GPU)}
    assert [remark.partition(":")[0] for remark in remarks] == [
        "What a training job told could not be read",
        "Evictions of training jobs were not read",
    ]


def test_the_folders_of_the_settings_are_what_a_report_knows(tmp_path: Path) -> None:
    folder = told(tmp_path / "jobs", attempt(1, 0, 5), attempt(2, 6, 9, (1, 4)))
    (folder / name_of(3)).write_text("{")
    settings = Settings(
        report=ReportSettings(checkpoints=[str(folder), "https://store.blob.core.windows.net/jobs"]),
        state=StateSettings(url=str(tmp_path / "state.db")),
    )

    with book(tmp_path, *hours("2026-10-01", "2026-11-22", "24", "1", REST), *ROWS) as loaded:
        known = jobs.known_of(loaded, settings, NOW)
        one = jobs.make(loaded, settings, NOW, claims=[act("price")], known=known)

    assert "less re-done work: 1.0 hours, $3" in " ".join(one.forms.text.split())
    assert [remark for remark in known.remarks if "told could not be read" in remark]
    assert [remark for remark in known.remarks if "is in Azure, which was not asked" in remark]


# In Azure


@pytest.fixture
def azure() -> Iterator[Azure]:
    with connect(AzureSettings(endpoint="http://127.0.0.1:9")) as azure:
        yield azure


def put(azurite: Azurite, name: str, content: str) -> None:
    azurite.put([(f"jobs/{name}", content.encode())])


def test_a_container_of_a_datastore_is_read_as_folders_are(azurite: Azurite, azure: Azure) -> None:
    for one in (attempt(1, 0, 5), attempt(2, 6, 9, (1, 4))):
        put(azurite, f"azureml/run_1/checkpoints/{name_of(one.attempt)}", json.dumps(one.as_json()))
    put(azurite, f"azureml/run_2/{name_of(1)}", "{")
    put(azurite, "azureml/run_2/attempt-0001.step-000000000007.ckpt", "x")
    account = azurite.account()
    address = account["properties"]["primaryEndpoints"]["blob"]

    found, remarks = told_by_jobs([f"{address}jobs/azureml"], azure)

    assert found == Accounts(frozenset({key(GPU)}), (Again(key(GPU), DAY.date(), Decimal(1)),))
    assert [remark.partition(": ")[2].split(" ")[0] for remark in remarks] == [f"azureml/run_2/{name_of(1)}"]


def test_a_container_that_is_away_is_said(azurite: Azurite, azure: Azure) -> None:
    address = azurite.account()["properties"]["primaryEndpoints"]["blob"]

    found, remarks = told_by_jobs([f"{address}nowhere"], azure)

    assert found == Accounts()
    assert "were not read" in remarks[0]
