"""`finops tier apply` and `finops tier undo`, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result
from storing import ACCOUNT, NAME, storage_estate
from tier_applying import Tiering, tiering

from finops.cli import cli


def call(account: Tiering, folder: Path, *words: str) -> Result:
    file = folder / "finops.yaml"
    told = account.settings.model_dump_json(include={"azure", "tiering", "mail"}, exclude_defaults=True)
    file.write_text(json.dumps(json.loads(told) | {"state": {"url": str(folder / "state.db")}}))
    return CliRunner().invoke(cli, ["tier", *words, "--config", str(file)])


def test_apply_says_what_it_would_do_then_does_it_and_undo_takes_it_back(tmp_path: Path):
    with tiering(tmp_path) as account:
        said = call(account, tmp_path, "apply")
        assert (said.exit_code, account.changes()) == (0, []), said.output
        done = call(account, tmp_path, "apply", "--execute", "-o", "json")
        rules = account.rules()
        would = call(account, tmp_path, "undo")
        undone = call(account, tmp_path, "undo", "--execute")

    assert "Nothing was changed. 1 changes are due: run it with --execute" in said.output
    assert (done.exit_code, would.exit_code, undone.exit_code) == (0, 0, 0), undone.output
    [row] = json.loads(done.stdout)
    assert (row["Account"], row["Result"], row["movedBlobs"] > 0) == (NAME, "done", True)
    assert rules != []
    assert "Take out finops-" in " ".join(would.output.split())
    assert account.rules() == []


def test_what_is_held_back_exits_20(tmp_path: Path):
    with tiering(tmp_path, max_acts=0) as account:
        result = call(account, tmp_path, "apply", "--execute")

    assert (result.exit_code, "the limit is 0" in result.output) == (20, True)


def test_a_recording_cannot_be_changed(tmp_path: Path):
    estate = storage_estate(tmp_path / "estate", [])

    result = CliRunner().invoke(cli, ["tier", "apply", "--estate", str(estate)])

    assert (result.exit_code, "a recording cannot be changed" in result.output) == (2, True)


def test_a_scope_that_is_none_is_an_error_of_the_settings(tmp_path: Path):
    file = tmp_path / "finops.yaml"
    file.write_text(json.dumps({"tiering": {"scopes": {ACCOUNT.rpartition("/")[2]: "ask"}}}))

    result = CliRunner().invoke(cli, ["tier", "apply", "--config", str(file)])

    assert (result.exit_code, "is no scope" in result.output) == (1, True)
