"""`finops estate`: what people see, and the exit codes that programs see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from estates import PROD, points, small_bodies, workspace_id, write_estate

from finops.cli import cli

WS = workspace_id("ml-prod")
LOCKS_GAP = {
    "scope": f"/subscriptions/{PROD}",
    "what": "Microsoft.Authorization/locks",
    "reason": "403 AuthorizationFailed: no",
    "status": 403,
}


def finops(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    silent = points(f"{WS}/onlineEndpoints/silent", "RequestsPerMinute", [0.0] * 400)
    return write_estate(tmp_path / "small", None, None, silent)


def test_show_counts_what_there_is(folder):
    shown = finops("estate", "show", folder)

    assert shown.exit_code == 0
    assert "contoso-ml, as of 2026-11-22 06:00 UTC, complete" in shown.stdout
    assert "microsoft.machinelearningservices/workspaces/computes" in shown.stdout
    assert "Contoso ML production" in shown.stdout


def test_show_as_json_tells_all_of_it(folder):
    shown = json.loads(finops("estate", "show", folder, "-o", "json").stdout)[0]

    assert shown["complete"] is True
    assert shown["gaps"] == []
    assert shown["resources"]["microsoft.machinelearningservices/workspaces"] == 3
    assert [one["resources"] for one in shown["subscriptions"]] == [21, 3]
    requests = next(one for one in shown["facts"] if one["fact"] == "requestsLast14Days")
    assert (requests["known"], requests["unknown"]) == (1, 2)


def test_a_folder_can_be_named_either_way(folder):
    assert finops("estate", "show", "--estate", folder).stdout == finops("estate", "show", folder).stdout


def test_naming_it_both_ways_is_a_wrong_call(folder):
    shown = finops("estate", "show", folder, "--azure", "http://127.0.0.1:9")

    assert shown.exit_code == 2
    assert "Give one of them" in shown.stderr


def test_a_recording_with_a_gap_says_so_and_exits_20(tmp_path):
    folder = write_estate(tmp_path / "half", small_bodies(), [], complete=False, gaps=[LOCKS_GAP])

    shown = finops("estate", "show", folder)

    assert shown.exit_code == 20
    assert "INCOMPLETE" in shown.stdout
    assert f"/subscriptions/{PROD}: Microsoft.Authorization/locks: 403" in shown.stderr


def test_capture_writes_an_estate_that_show_reads(folder, tmp_path):
    captured = finops("estate", "capture", tmp_path / "one", "--estate", folder, "--name", "october")

    shown = finops("estate", "show", tmp_path / "one", "-o", "json")

    assert captured.exit_code == 0
    assert f"Recorded october as of 2026-11-22 06:00 UTC in {tmp_path / 'one'}" in captured.stdout
    assert json.loads(shown.stdout)[0]["name"] == "october"


def test_capturing_half_of_it_exits_20_and_names_the_rest(tmp_path):
    folder = write_estate(tmp_path / "half", small_bodies(), [], complete=False, gaps=[LOCKS_GAP])

    captured = finops("estate", "capture", tmp_path / "one", "--estate", folder)

    assert captured.exit_code == 20
    assert "Microsoft.Authorization/locks" in captured.stderr
    assert json.loads((tmp_path / "one" / "estate.json").read_text())["complete"] is False


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda folder: (folder / "estate.json").unlink(), "was not recorded to the end"),
        (lambda folder: (folder / "estate.json").write_text('{"format": 2}'), "says format 2"),
        (lambda folder: (folder / "arm" / "subscriptions.jsonl").write_text("{"), "subscriptions.jsonl, line 1"),
        (lambda folder: next((folder / "metrics").iterdir()).write_bytes(b"PAR1"), "is not a whole Parquet file"),
    ],
    ids=["no stamp", "format 2", "broken line", "truncated parquet"],
)
def test_a_broken_recording_is_named_without_a_traceback(folder, break_it, says):
    break_it(folder)

    shown = finops("estate", "show", folder)

    assert shown.exit_code == 1
    assert says in shown.stderr
    assert "Traceback" not in shown.output
    assert shown.stdout == ""


def test_a_folder_that_is_not_there_is_named(tmp_path):
    shown = finops("estate", "show", tmp_path / "nowhere")

    assert shown.exit_code == 1
    assert "nowhere does not exist" in shown.stderr


def test_help_says_whether_it_changes_anything():
    for command in ("capture", "show"):
        assert "Changes nothing" in finops("estate", command, "--help").stdout
