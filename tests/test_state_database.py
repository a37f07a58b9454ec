"""The database itself: its schema, its guarantees, and one clear error for whatever can be wrong with it."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import ENDED, database, intent, postgresql, server

from finops.errors import ConfigError, FinopsError
from finops.state import State
from finops.state import migrate as migrating
from finops.state.engine import engine_of, url_of
from finops.state.tables import metadata

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(database: str):
    State.open(database).close()
    engine = sa.create_engine(url_of(database))
    with engine.connect() as db:
        context = MigrationContext.configure(db, opts={"version_table": migrating.VERSIONS, "compare_type": True})
        difference = compare_metadata(context, metadata)
    engine.dispose()

    assert difference == []


def test_the_code_names_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(migrating.MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [migrating.HEAD]


def test_a_newer_schema_is_refused_and_left_alone(database: str):
    State.open(database).close()
    engine = sa.create_engine(url_of(database))
    with engine.begin() as db:
        db.execute(sa.text("UPDATE finops_schema SET version_num = '9999'"))

    with pytest.raises(FinopsError, match="has schema 9999; this version of finops knows up to 0004"):
        State.open(database)

    with engine.begin() as db:
        assert db.execute(sa.text("SELECT version_num FROM finops_schema")).scalar_one() == "9999"
    engine.dispose()


def test_tables_of_something_else_are_left_alone(postgresql: str):
    engine = sa.create_engine(url_of(postgresql))
    with engine.begin() as db:
        db.execute(sa.text("CREATE TABLE audit (mine int)"))
    engine.dispose()

    with pytest.raises(FinopsError, match=r"holds tables of something else \(audit\)"):
        State.open(postgresql)


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path):
    file = tmp_path / "theirs.db"
    theirs = sqlite3.connect(file)
    theirs.execute("CREATE TABLE photos (name text)")
    theirs.close()
    before = file.read_bytes()

    with pytest.raises(FinopsError, match="another program"):
        State.open(file)

    assert file.read_bytes() == before


def test_every_connection_writes_through_to_the_disk(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state:

        def pragmas(_: int) -> list[object]:
            with state._reading() as db:
                names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
                return [db.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(pragmas, range(8)))

    assert found == [["wal", 2, 1, 30_000]] * 8  # 2: FULL


def test_every_session_writes_through_to_the_disk(postgresql: str):
    with State.open(postgresql) as state, state._reading() as db:
        assert db.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def test_what_is_written_down_is_for_its_owner_only(tmp_path: Path):
    with State.open(tmp_path / "new" / "state.db") as state:
        state.told("x", NOW)
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in (tmp_path / "new").iterdir()}

    assert set(modes.values()) == {"0o600"}, modes


def test_a_database_that_was_removed_is_not_made_anew_while_it_is_open(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state:
        state._engine.dispose()
        for file in tmp_path.iterdir():
            file.unlink()

        with pytest.raises(FinopsError, match="is not there any more"):
            state.told("x", NOW)

    assert not (tmp_path / "state.db").exists()


def test_a_database_that_is_replaced_while_it_is_opened_is_not_used(tmp_path: Path):
    path = tmp_path / "state.db"
    State.open(path).close()
    shutil.copy(path, tmp_path / "other.db")
    engine = engine_of(url_of(path), 1)

    @sa.event.listens_for(engine, "do_connect")
    def restored(*given: object) -> None:
        (tmp_path / "other.db").replace(path)  # after it was looked at, before it is locked

    with pytest.raises(FinopsError, match="was replaced at this very moment"):
        engine.connect()


def test_a_file_gives_space_back_from_its_first_day(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state, state._reading() as db:
        assert db.exec_driver_sql("PRAGMA auto_vacuum").scalar_one() == 2


def test_foreign_keys_hold(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state, pytest.raises(FinopsError), state._writing() as db:
        db.execute(sa.text("INSERT INTO audit VALUES (1,'','','','','','{}',99,0,'','')"))


def broken(file: Path, how: str) -> None:
    State.open(file).close()
    if how == "no database":
        file.write_bytes(b"This is a letter, not a database. " * 200)
    elif how == "torn":
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
    elif how == "scribbled on":
        data = bytearray(file.read_bytes())
        data[4096 * 2 : 4096 * 6] = b"\xa5" * (4096 * 4)
        file.write_bytes(data)
    elif how == "a folder":
        file.unlink()
        file.mkdir()


@pytest.mark.parametrize("how", ["no database", "torn", "scribbled on", "a folder"])
def test_a_broken_file_is_one_clear_error(tmp_path: Path, how: str):
    file = tmp_path / "state.db"
    broken(file, how)

    with pytest.raises(FinopsError) as raised:
        State.open(file)

    assert str(file) in raised.value.what
    assert raised.value.fix


@pytest.mark.parametrize(
    "damage",
    [
        # an index that says other than its table, and an entry of an intent that is not there
        "UPDATE sqlite_master SET sql = replace(sql, '(opened_at)', '(run)') WHERE name = 'ix_intents_opened_at'",
        "INSERT INTO audit VALUES (1,'','','','','','{}',99,0,'','')",
    ],
)
def test_what_does_not_hold_together_is_found_when_it_is_opened(tmp_path: Path, damage: str):
    file = tmp_path / "state.db"
    with State.open(file) as state, state.turn():
        intent(state, NOW)
        with state._writing() as db:
            db.execute(sa.text("DELETE FROM audit"))
    db = sqlite3.connect(file)
    db.execute("PRAGMA writable_schema = ON")
    db.execute(damage)
    db.commit()
    db.close()

    with pytest.raises(FinopsError, match="is damaged"):
        State.open(file)


def test_a_locked_database_is_one_clear_error(tmp_path: Path):
    file = tmp_path / "state.db"
    State.open(file).close()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(FinopsError, match="is locked by another process") as raised:
        State.open(file, busy_seconds=0.1)

    holder.close()
    assert "fuser" in raised.value.fix


def test_a_full_disk_is_one_clear_error_and_loses_nothing(tmp_path: Path):
    file = tmp_path / "state.db"
    with State.open(file) as state:
        state.keep("before", 1, NOW)
        with state._engine.connect() as db:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
            db.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(FinopsError, match="has no room left"):
            state.keep("big", "x" * 1_000_000, NOW)

    with State.open(file) as state:
        assert list(state.kept()) == ["before"]


LIMITED = """
import resource, sys
from datetime import datetime, UTC
from finops.state import State
from finops.errors import FinopsError
now = datetime(2026, 11, 22, tzinfo=UTC)
with State.open(sys.argv[1]) as state:
    state.keep("before", 1, now)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    try:
        for number in range(100):
            state.keep(f"big/{number}", "x" * 20_000, now)
    except FinopsError as fault:
        print(fault.what)
"""


def test_a_write_that_the_system_cuts_off_is_one_clear_error_and_loses_nothing(tmp_path: Path):
    file = tmp_path / "state.db"
    said = subprocess.run([sys.executable, "-c", LIMITED, file], capture_output=True, text=True, check=True).stdout

    with State.open(file) as state:
        kept = state.kept()

    assert "fault of its disk" in said or "no room left" in said
    assert "before" in kept
    assert len(kept) < 20


# As root everything may be written, so it is tried as a user who owns nothing.
OPENED = """
import os, sys
import finops.state.store, sqlalchemy.dialects.sqlite.pysqlite
from finops.state import State
from finops.errors import FinopsError
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
try:
    State.open(sys.argv[1])
except FinopsError as fault:
    print(fault)
"""


@pytest.mark.parametrize("what", ["the file", "its folder"])
def test_what_may_not_be_written_is_one_clear_error(what: str):
    import tempfile

    folder = Path(tempfile.mkdtemp())  # pytest's own are closed to other users
    folder.chmod(0o777)
    file = folder / "state.db"
    State.open(file).close()
    file.chmod(0o444 if what == "the file" else 0o666)
    if what == "its folder":
        folder.chmod(0o555)

    said = subprocess.run([sys.executable, "-c", OPENED, file], capture_output=True, text=True, check=True).stdout

    assert str(file) in said
    assert "write access" in said


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://u:hunter2@h/d", "://", "oracle://x"])
def test_what_cannot_keep_state_is_refused_without_its_password(url: str):
    with pytest.raises(ConfigError) as raised:
        State.open(url)

    assert "hunter2" not in str(raised.value)


def test_a_server_that_is_not_there_is_one_clear_error_without_the_password():
    with pytest.raises(FinopsError, match="cannot be reached") as raised:
        State.open("postgresql://finops:hunter2@127.0.0.1:1/finops")

    assert "hunter2" not in str(raised.value)
    assert "postgresql://finops:***@127.0.0.1:1/finops" in str(raised.value)


def test_a_database_that_is_not_there_is_one_clear_error(server: str):
    with pytest.raises(FinopsError, match="does not exist"):
        State.open(server.replace("/postgres?", "/nowhere?"))


def test_a_standby_is_one_clear_error(postgresql: str):
    State.open(postgresql).close()
    import psycopg

    with psycopg.connect(postgresql, autocommit=True) as db:
        name = db.execute("SELECT current_database()").fetchone()[0]
        db.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with State.open(postgresql) as state, pytest.raises(FinopsError, match="cannot be written"):
        state.told("x", NOW)


def test_a_lost_server_is_one_clear_error_and_the_next_call_connects_anew(postgresql: str):
    import psycopg

    with State.open(postgresql) as state, psycopg.connect(postgresql, autocommit=True) as db:

        def write() -> None:
            with state._writing() as ours:
                db.execute(ENDED)
                ours.execute(sa.text("SELECT 1"))

        with pytest.raises(FinopsError, match="cannot be reached"):
            write()

        assert state.told("x", NOW) is True


OPENING = "import sys; from finops.state import State; State.open(sys.argv[1]).close()"


def test_many_processes_open_a_new_database_at_once(database: str):
    started = [
        subprocess.Popen([sys.executable, "-c", OPENING, database], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[1] for process in started]

    assert said == [""] * 3


def test_entries_of_many_writers_form_one_trail(database: str):
    with State.open(database) as one, State.open(database) as two:

        def write(number: int) -> None:
            (one, two)[number % 2].audit("me", "did", f"/{number}", "why", {}, NOW)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(60)))

        assert (one.verify_audit().entries, one.verify_audit().fault) == (60, None)


COMES_AND_GOES = """
import sys
from datetime import datetime, UTC
from finops.state import State
with State.open(sys.argv[1]) as state:
    for number in range(50):
        state.keep(f"theirs/{sys.argv[2]}/{number}", {"x": "y" * 300}, datetime(2026, 11, 23, 6, tzinfo=UTC))
"""


def test_a_second_state_in_a_process_drops_none_of_its_locks_so_that_others_who_come_and_go_harm_nothing(
    tmp_path: Path,
):
    """As a report opens the database once more within the daemon, while people run commands beside it."""
    file = tmp_path / "state.db"
    with State.open(file) as ours:
        ours.keep("ours/first", {}, NOW)
        log = (tmp_path / "state.db-wal").stat().st_ino
        State.open(file).close()

        for time in range(2):
            subprocess.run([sys.executable, "-c", COMES_AND_GOES, file, str(time)], check=True)
            for number in range(50):
                ours.keep(f"ours/{time}/{number}", {"x": "z" * 300}, NOW)
        assert (tmp_path / "state.db-wal").stat().st_ino == log

    with State.open(file) as state:
        assert (len(state.kept("theirs/")), len(state.kept("ours/"))) == (100, 101)
