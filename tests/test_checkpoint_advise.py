"""`finops checkpoint advise` and `rehearse`, as people call them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from finops.checkpoint.told import Told, name_of
from finops.cli import cli

LOOP = Path(__file__).parent / "small_loop.py"
NODES = ["--size", "Standard_NC6s_v3", "--region", "westeurope"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["checkpoint", *map(str, arguments)])


def advice(*arguments: object) -> dict[str, dict[str, Any]]:
    """Rows by what they are about."""
    result = run("advise", *arguments, "-o", "json")
    assert result.exit_code == 0, result.output
    return {row["nodes"].split(" (")[0]: row for row in json.loads(result.stdout)}


def test_advice_says_what_spot_saves_net_of_what_is_done_again(small_estate: Path):
    found = advice("--estate", small_estate, *NODES, "--gb", 2)

    ours, hourly, dedicated = found["spot, this package"], found["spot, hourly, waiting for it"], found["dedicated"]
    assert ours["cost"] < hourly["cost"] < dedicated["cost"]
    assert hourly["lostMinutes"] > 20 > 2 > ours["lostMinutes"]
    assert ours["savingPercent"] == pytest.approx(100 * (1 - ours["cost"] / dedicated["cost"]), abs=0.1)


def test_a_rate_that_is_given_stands_for_azures(small_estate: Path):
    calm, wild = (advice("--estate", small_estate, *NODES, "--rate", rate) for rate in ("0-5", "20+"))

    assert calm["dedicated"]["hoursBetween"] == 39.5
    assert wild["dedicated"]["hoursBetween"] == 3.5
    assert wild["dedicated"]["interval"] < calm["dedicated"]["interval"]
    assert wild["spot, this package"]["savingPercent"] < calm["spot, this package"]["savingPercent"]


def test_a_job_that_ran_tells_its_machine_its_cost_and_its_evictions(small_estate: Path, tmp_path: Path):
    began = datetime(2026, 11, 1, tzinfo=UTC)
    for attempt, hours in ((1, 2.0), (2, 5.0)):
        one = Told(
            "train", attempt, began, began + timedelta(hours=hours), step=100, saves=50, bytes=50 * 10**9,
            stalled_seconds=10.0, size="Standard_NC6s_v3", region="westeurope",
        )  # fmt: skip
        (tmp_path / name_of(attempt)).write_text(json.dumps(one.as_json()))

    result = run("advise", "--estate", small_estate, "--checkpoints", tmp_path, "--rate", "7.5")

    assert result.exit_code == 0, result.output
    assert "a node lasts 9.9 h in the mean (7.5 % an hour, as --rate says; and 1 evictions in 7.0 h" in result.output
    assert "stops it for 200 ms" in result.output
    assert "as measured" in result.output


def test_advice_without_a_price_leaves_the_cost_open(small_estate: Path):
    result = run("advise", "--estate", small_estate, "--size", "Standard_Z9", "--region", "westeurope")

    assert result.exit_code == 0, result.output
    assert "Azure has no rate of Standard_Z9" in result.output
    assert "What it costs is not known: no price is published for Standard_Z9" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give --size and --region"),
        ([*NODES, "--rate", "often"], "Give percent an hour"),
        ([*NODES, "--hours", "0"], "Give more than 0"),
    ],
)
def test_what_cannot_be_advised_on_says_what_to_give(small_estate: Path, arguments: list[str], said: str):
    result = run("advise", "--estate", small_estate, *arguments)

    assert result.exit_code != 0
    assert said in result.output


def test_a_rehearsal_tells_what_was_lost_and_that_the_result_is_the_same(tmp_path: Path):
    hours = tmp_path / "hours.json"
    hours.write_text("[1.5, 10]")

    result = run("rehearse", "--pattern", hours, "--scale", 3600, "--keep", tmp_path / "kept", "--",
                 sys.executable, LOOP, 60, 0.02)  # fmt: skip

    assert result.exit_code == 0, result.output
    assert "1 evictions (hours; an hour passes in 1.0 s), 0 of them announced" in result.output
    assert "state the same, bit for bit; 120 of 120 steps" in result.output
    assert "minutes of each node saved beside the hourly checkpoint" in result.output
    assert (tmp_path / "kept/evicted/attempt-1.log").exists()


def test_a_rehearsal_that_ends_otherwise_fails(tmp_path: Path):
    hours = tmp_path / "hours.json"
    hours.write_text("[2.4, 14]")

    result = run("rehearse", "--pattern", hours, "--scale", 3600, "-o", "json", "--",
                 sys.executable, LOOP, 80, 0.02, 2, "--forgets")  # fmt: skip

    assert result.exit_code == 1
    assert "steps did not come out the same" in result.output
    row = json.loads(result.stdout)[0]
    assert row["sameSteps"] < row["steps"] == 160
    assert len(row["lostSeconds"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pattern", "nothing.json", "--", "true"], "neither steady, by-day, in-bursts nor a file"),
        (["--node-hours", "0", "--", "true"], "more than 0"),
        (["--", "no-such-command-there"], "no-such-command-there cannot be run"),
        (["--", "false"], "The script ended with 1 at start 1"),
        (["--keep", "/", "--", "true"], "is there already"),
    ],
)
def test_what_cannot_be_rehearsed_says_why(arguments: list[str], said: str):
    result = run("rehearse", *arguments)

    assert result.exit_code != 0
    assert said in result.output
