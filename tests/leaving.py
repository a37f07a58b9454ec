"""Tests write into folders of their own: a run that leaves files in the default ones, below the current folder, fails.

Looked at once, by the process that the others work for, after these have ended: a test cannot fail by its neighbour's.
"""

from __future__ import annotations

from pathlib import Path

import pytest

LEFT = "finops-data"
_BEFORE = pytest.StashKey[frozenset[Path]]()
_SINCE = pytest.StashKey[list[Path]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    if not _is_worker(session):
        session.config.stash[_BEFORE] = _below(Path(LEFT).absolute())


@pytest.hookimpl(trylast=True)  # after xdist has ended its workers
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _is_worker(session):
        return
    since = sorted(_below(Path(LEFT).absolute()) - session.config.stash[_BEFORE])
    session.config.stash[_SINCE] = since
    if since and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    since = config.stash.get(_SINCE, [])
    if since:
        terminalreporter.section("left behind", red=True)
        for path in since[:10]:
            terminalreporter.line(str(path), red=True)
        terminalreporter.line(f"{len(since)} in all: give the settings of these tests folders of their own.")


def _below(folder: Path) -> frozenset[Path]:
    """`folder` and all that lies below it; nothing where there is none."""
    return frozenset([folder, *folder.rglob("*")]) if folder.exists() else frozenset()


def _is_worker(session: pytest.Session) -> bool:
    return hasattr(session.config, "workerinput")
