"""Ctrl-C in the middle leaves nothing behind: no draft, no scratch folder, no open database."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from charges_files import charge, focus
from interrupting import interrupted_at

from finops import charges
from finops.estate import folder
from finops.state import State


def test_a_file_of_an_estate_is_whole_or_as_it_was(tmp_path: Path):
    file = tmp_path / "arm.jsonl"
    file.write_text("before")

    with interrupted_at("fill", folder.__name__):
        folder.write_lines(file, [{"id": "after"}])

    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"arm.jsonl": "before"}


def test_a_file_that_was_written_leaves_no_draft(tmp_path: Path):
    folder.write_lines(tmp_path / "arm.jsonl", [{"id": "after"}])

    assert [one.name for one in tmp_path.iterdir()] == ["arm.jsonl"]


@pytest.mark.parametrize(
    ("function", "module"), [("connect", "finops.charges.engine"), ("together", "finops.charges.pair")]
)
def test_charges_that_were_not_loaded_leave_no_scratch_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, module: str
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    costs = focus(tmp_path / "costs.csv", charge("2024-09-01", "1"))

    with interrupted_at(function, module):
        charges.load([costs])

    assert list(scratch.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists what is open")
def test_a_state_that_was_not_opened_is_not_left_open(tmp_path: Path):
    file = tmp_path / "state.db"

    with interrupted_at("migrate", "finops.state.migrate"):
        State.open(file)

    assert not [one for one in Path("/proc/self/fd").iterdir() if _leads_to(one).startswith(str(file))]


def _leads_to(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""  # closed since
