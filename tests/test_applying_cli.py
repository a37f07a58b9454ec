"""`finops janitor apply` and `undo`, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from applying import HOME, SILENT, Applying, applying, empty_endpoint, silence, whole
from click.testing import CliRunner, Result

from finops.cli import cli

EMPTY = f"{HOME}/onlineEndpoints/empty"


def call(janitor: Applying, folder: Path, *words: str) -> Result:
    file = folder / "finops.yaml"
    settings = json.loads(janitor.settings.model_dump_json(include={"azure", "janitor", "mail"}, exclude_defaults=True))
    settings["state"] = {"url": str(folder / "state.db")}
    file.write_text(json.dumps(settings))
    return CliRunner().invoke(cli, ["janitor", *words, "--config", str(file)])


def test_apply_says_what_it_would_do_and_changes_nothing(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)

        result = call(janitor, tmp_path, "apply")

        assert result.exit_code == 0, result.output
        assert "would" in result.output
        assert "Nothing was changed. 1 changes are due: run it with --execute" in result.output
        assert janitor.changes() == []


def test_apply_and_undo(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)

        applied = call(janitor, tmp_path, "apply", "--execute", "-o", "json")
        assert applied.exit_code == 0, applied.output
        assert "Undo it: finops janitor undo 1" in applied.output
        assert janitor.body(EMPTY) is None
        undone = call(janitor, tmp_path, "undo", "1")

        assert undone.exit_code == 0, undone.output
        assert "fields of 1 resources are equal, 0 differ." in undone.output
        assert "Cannot come back: Its keys" in undone.output
        assert janitor.body(EMPTY) is not None


def test_what_is_held_back_exits_20(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), max_acts=0) as janitor:
        janitor.approved(EMPTY)

        result = call(janitor, tmp_path, "apply", "--execute")

        assert result.exit_code == 20
        assert "the limit is 0" in result.output


def test_an_undo_that_is_not_equal_exits_20_and_lists_what_differs(tmp_path: Path):
    with applying(tmp_path, *whole(), metrics=silence(SILENT)) as janitor:
        janitor.approved(SILENT)
        janitor.apply()
        janitor.when(
            lambda one: one["method"] == "PUT" and "roleassignments" in one["path"],
            lambda: janitor.change(SILENT, description="another"),
        )

        result = call(janitor, tmp_path, "undo", "1")

        assert result.exit_code == 20, result.output
        assert "properties.description" in result.output
        assert "another" in result.output


def test_an_undo_that_stops_says_how_to_go_on(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        janitor.approved(EMPTY)
        janitor.apply()
        (tmp_path / "STOP").touch()

        result = call(janitor, tmp_path, "undo", "1")

        assert result.exit_code == 1
        assert "goes on where it was" in result.output


@pytest.mark.parametrize("words", [("apply",), ("undo", "1")])
def test_a_recording_cannot_be_changed(tmp_path: Path, words: tuple[str, ...]):
    with applying(tmp_path, empty_endpoint()) as janitor:
        result = call(janitor, tmp_path, *words, "--estate", str(tmp_path / "estate"))

    assert result.exit_code == 2
    assert "a recording cannot be changed" in result.output


def test_there_is_no_finding_of_that_number(tmp_path: Path):
    with applying(tmp_path, empty_endpoint()) as janitor:
        result = call(janitor, tmp_path, "undo", "77")

    assert result.exit_code == 1
    assert "There is no finding 77" in result.output
