"""A test run that leaves files in the default folders fails and names them, with one worker or with several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
HOOKS = "from leaving import pytest_sessionfinish, pytest_sessionstart, pytest_terminal_summary\n"
LEAVING = """
from pathlib import Path

def test_one():
    Path("finops-data").mkdir(exist_ok=True)
    Path("finops-data", "state.db").write_text("")

def test_its_neighbour():
    pass
"""


def ran(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(HOOKS)
    (folder / "test_it.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={folder}", *options, "test_it.py"]
    others = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        command, cwd=folder, env={**others, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_a_run_that_leaves_files_fails_and_names_them_and_no_test_does(tmp_path: Path, options: tuple[str, ...]):
    result = ran(tmp_path, LEAVING, *options)

    assert result.returncode == 1
    assert str(tmp_path / "finops-data" / "state.db") in result.stdout
    assert "2 passed" in result.stdout


def test_what_stood_there_before_is_nobodys_fault(tmp_path: Path):
    (tmp_path / "finops-data").mkdir()
    (tmp_path / "finops-data" / "state.db").write_text("")

    result = ran(tmp_path, LEAVING)

    assert (result.returncode, "left behind" in result.stdout) == (0, False)
