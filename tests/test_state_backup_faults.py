"""Backups and restores under fire: killed anywhere, a full disk, a folder that is closed, writers, a million rows."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import database, postgresql, server
from forking import Worker, worker_of
from remembering_all import remember

from finops.errors import FinopsError
from finops.state import State
from finops.state.aside import matches_its_sum
from finops.state.backup import back_up
from finops.state.engine import url_of
from finops.state.looking import as_it_is
from finops.state.restoring import restore

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def filled(path: Path, count: int = 3) -> Path:
    with State.open(path) as state:
        remember(state, NOW, count=count)
    return path


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with worker_of("dying_state.py") as found:
        yield found


def dies(worker: Worker, what: str, after: int, state: Path | str, backup: Path) -> bool:
    """Whether it died before it was done."""
    status, _ = worker.run({"what": what, "after": after, "state": str(state), "backup": str(backup)})
    assert status in {0, -9}
    return status == -9


def steps(worker: Worker, what: str, state: Path | str, backup: Path) -> int:
    """How many steps it takes where nobody kills it."""
    status, said = worker.run({"what": what, "after": 0, "state": str(state), "backup": str(backup)})
    assert status == 0
    return int(said)


def count_in(backup: Path) -> int:
    with closing(sqlite3.connect(f"file:{backup}?mode=ro&immutable=1", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(db.execute("SELECT count(*) FROM findings").fetchone()[0])


KILLS = 12


def test_a_backup_that_is_killed_leaves_the_older_one_or_the_new_one(tmp_path: Path, worker: Worker):
    state, backup = filled(tmp_path / "state.db", count=1), tmp_path / "b.db"
    every = steps(worker, "backup", state, backup)
    older = backup.read_bytes()
    with State.open(state) as one:
        remember(one, NOW, first=10, count=1)

    died = 0
    for at in range(1, KILLS + 1):
        died += dies(worker, "backup", every * at // KILLS - 1, state, backup)

        assert count_in(backup) == (1 if backup.read_bytes() == older else 2)
        matches_its_sum(backup)  # there is none, or the right one
    assert died >= KILLS - 1
    back_up(str(state), backup, NOW, replace=True)
    assert sorted(one.name for one in tmp_path.iterdir() if "b.db" in one.name) == ["b.db", "b.db.sha256"]


def test_a_restore_that_is_killed_leaves_the_state_of_before_or_the_restored_one(tmp_path: Path, worker: Worker):
    backup, before = tmp_path / "b.db", filled(tmp_path / "before.db", count=2)
    back_up(str(filled(tmp_path / "restored.db", count=1)), backup, NOW)
    state = tmp_path / "one" / "state.db"
    state.parent.mkdir()
    shutil.copy(before, state)
    every = steps(worker, "restore", state, backup)

    died = 0
    for at in range(1, KILLS + 1):
        shutil.rmtree(state.parent)
        state.parent.mkdir()
        shutil.copy(before, state)
        died += dies(worker, "restore", every * at // KILLS - 1, state, backup)

        with State.open(state) as after:
            assert after.findings.counts()["approved"] in {1, 2}
            assert after.verify_audit().fault is None
    assert died >= KILLS - 1


def test_a_restore_into_postgresql_that_is_killed_leaves_the_one_or_the_other(
    tmp_path: Path, postgresql: str, worker: Worker
):
    backup = tmp_path / "b.db"
    back_up(str(filled(tmp_path / "restored.db", count=1)), backup, NOW)
    every = steps(worker, "restore", postgresql, backup)
    with State.open(postgresql) as state:
        remember(state, NOW, first=10, count=1)

    died, found = 0, []
    for at in range(1, 7):
        died += dies(worker, "restore", every * at // 6 - 1, postgresql, backup)

        with State.open(postgresql) as after:
            found.append(after.findings.counts()["approved"])
            assert after.verify_audit().fault is None
    assert died >= 5
    assert found == sorted(found, reverse=True)  # of two before, of one restored
    assert set(found) <= {1, 2}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("form", ["sqlite", "portable"])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing_behind(tmp_path: Path, small_disk: Path, form: str):
    state = filled(tmp_path / "state.db")
    with State.open(state) as one:
        for number in range(3):
            one.keep(f"large/{number}", os.urandom(500_000).hex(), NOW)

    with pytest.raises(FinopsError, match=r"no room|cannot be written|disk"):
        back_up(str(state), small_disk / "b", NOW, form=form)  # type: ignore[arg-type]

    assert list(small_disk.iterdir()) == []


def test_a_restore_onto_a_full_disk_leaves_the_state_as_it_was(tmp_path: Path, small_disk: Path):
    large = filled(tmp_path / "large.db")
    with State.open(large) as one:
        one.keep("large", os.urandom(800_000).hex(), NOW)
    back_up(str(large), tmp_path / "b.db", NOW)
    state = filled(small_disk / "state.db", count=1)

    with pytest.raises(FinopsError):
        restore(str(state), tmp_path / "b.db", NOW, "me", name="state.db")

    with State.open(state) as after:
        assert after.findings.counts() == {"approved": 1}
    assert [one.name for one in small_disk.iterdir() if "part" in one.name or "before" in one.name] == []


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write, root neither."""
    place = tmp_path / "closed"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path, closed: Path):
    with pytest.raises(FinopsError, match="cannot be written"):
        back_up(str(filled(tmp_path / "state.db")), closed, NOW)


def test_each_backup_is_one_moment_while_others_write(database: str, tmp_path: Path):
    """A thousand writes that each leave as many tellings as entries of the trail, and one more keepsake than before."""
    stop = threading.Event()
    with State.open(database) as state:

        def write() -> None:
            for number in range(1000):
                state.told(f"t/{number}", NOW)
                state.audit("me", "told", "", "", {"number": number}, NOW)
                if stop.is_set():
                    return

        writer = threading.Thread(target=write)
        writer.start()
        seen = []
        try:
            while writer.is_alive() and len(seen) < 5:
                made = back_up(database, tmp_path / f"{len(seen)}", NOW)
                rows = made.content.rows
                seen.append(rows["audit"])
                assert made.content.trail.fault is None
                assert rows["tellings"] - rows["audit"] in {0, 1}
        finally:
            stop.set()
            writer.join()

    assert seen == sorted(seen)
    assert len(set(seen)) > 1
    to = str(tmp_path / "restored" / "state.db")
    restore(to, tmp_path / "0", NOW, "me")
    with as_it_is(url_of(to), 5) as db:
        assert db.execute(sa.text("SELECT count(*) FROM tellings")).scalar_one() - seen[0] in {0, 1}


def test_writers_do_not_wait_for_a_backup_and_what_they_write_is_not_in_it(tmp_path: Path):
    path = filled(tmp_path / "state.db")
    wrote: list[bool] = []
    with State.open(path, busy_seconds=0.05) as state:
        state.keep("large", "x" * 20_000_000, NOW)  # several steps of a backup

        def stopping() -> bool:
            wrote.append(state.told(f"meanwhile/{len(wrote)}", NOW))
            return False

        back_up(str(path), tmp_path / "b.db", NOW, stopping=stopping)

    assert len(wrote) > 2
    assert all(wrote)
    with State.open(tmp_path / "b.db") as copied:
        assert copied.told_at("meanwhile/0") is None


PROBE = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from finops.state.backup import back_up
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
back_up(sys.argv[1], Path(sys.argv[2]), datetime(2026, 11, 22, tzinfo=UTC), form=sys.argv[3])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("form", ["sqlite", "portable"])
def test_a_backup_of_many_rows_takes_little_memory(tmp_path: Path, form: str):
    path = tmp_path / "state.db"
    State.open(path).close()
    moment = NOW.isoformat(timespec="microseconds")
    db = sqlite3.connect(path)
    db.executemany(
        "INSERT INTO sightings VALUES ('janitor', ?, '', ?, ?)",
        ((f"/subscriptions/s/resourcegroups/g/providers/x/{number}", moment, moment) for number in range(100_000)),
    )
    db.commit()
    db.close()

    done = subprocess.run(
        [sys.executable, "-c", PROBE, path, tmp_path / "b", form], capture_output=True, text=True, check=True
    )

    assert path.stat().st_size > 15_000_000
    assert float(done.stdout) < 64, done.stdout  # MiB, alembic's import included
