"""`finops guard` as people call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from guarding import GPU, dedicated, estate_of, guarding

from finops.cli import cli


def call(*args: str | Path, folder: Path, **settings: Any) -> Result:
    config = folder / "finops.yaml"
    places = {
        "state": {"url": str(folder / "state.db")},
        "mail": {"outbox": str(folder / "outbox"), "owner_domains": ["contoso.com"]},
        "charges": {"store": str(folder / "charges")},
        "guard": {"kill_switch": str(folder / "STOP"), **settings},
    }
    config.write_text(json.dumps(places))
    return CliRunner().invoke(cli, ["guard", *map(str, args), "--config", str(config)])


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    return estate_of(tmp_path / "estate", dedicated(tags={"finops:keep": "2026-12-01;summer model", "CostCenter": "x"}))


def test_a_plan_of_a_recording_names_what_is_kept_and_why(recorded: Path, tmp_path: Path):
    result = call("plan", "--all", "-o", "json", "--estate", recorded, folder=tmp_path, mode="enforce")

    [line] = [line for line in json.loads(result.stdout) if line["Id"] == GPU]
    assert (line["Rule"], line["Status"]) == ("spot", "keep")
    assert "summer model" in line["Until"]


def test_a_plan_leaves_nothing_behind(recorded: Path, tmp_path: Path):
    call("plan", "--estate", recorded, folder=tmp_path)

    assert not (tmp_path / "state.db").exists()
    assert not (tmp_path / "outbox").exists()


def test_what_could_not_be_read_is_said_and_exits_20(recorded: Path, tmp_path: Path):
    result = call("plan", "--estate", recorded, folder=tmp_path)

    assert result.exit_code == 20
    assert "What it costs is not known" in result.stderr


def test_a_recording_is_not_run(recorded: Path, tmp_path: Path):
    result = call("run", "--estate", recorded, folder=tmp_path)

    assert result.exit_code == 2
    assert "finops guard plan --estate" in result.stderr


def test_a_run_without_enforce_changes_nothing_and_says_how_to(tmp_path: Path):
    with guarding(tmp_path, dedicated(priority="LowPriority", low=1)) as guard:
        result = call("run", "--azure", guard.served.url, folder=tmp_path, mode="enforce")

        assert guard.changes() == []
        assert "run it with --enforce" in result.stderr


def test_a_run_with_enforce_says_what_it_did(tmp_path: Path):
    with guarding(tmp_path, dedicated(priority="LowPriority", low=1)) as guard:
        result = call("run", "--enforce", "--azure", guard.served.url, folder=tmp_path, mode="enforce", max_percent=100)

        assert guard.scale()["minNodeCount"] == 0
        assert "done: scale" in result.stderr
        assert "Mail: " in result.stderr


def test_exemptions_are_listed(recorded: Path, tmp_path: Path):
    result = call("exemptions", "-o", "csv", "--estate", recorded, folder=tmp_path)

    assert f"{GPU},2026-12-01,expiring,summer model,ana@contoso.com" in result.stdout


def test_a_mode_that_does_not_exist_is_named_with_its_setting(tmp_path: Path):
    result = call("plan", folder=tmp_path, mode="enforced")

    assert result.exit_code == 1
    assert "guard.mode" in result.stderr


def test_a_scope_that_is_no_id_is_named(tmp_path: Path):
    result = call("plan", folder=tmp_path, scopes={"my-subscription": "enforce"})

    assert result.exit_code == 1
    assert "'my-subscription' is no scope" in result.stderr
