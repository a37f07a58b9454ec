"""`finops state check`: what is wrong with a state is seen, and what is well is said to be."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import os
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from databases import database, intent, postgresql, server
from remembering_all import remember

from finops.cli import cli
from finops.errors import PARTIAL
from finops.state import State
from finops.state.backup import back_up
from finops.state.checking import check
from finops.state.engine import url_of

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def filled(database: str) -> str:
    with State.open(database) as state:
        remember(state, NOW)
    return database


@pytest.fixture
def file(tmp_path: Path) -> str:
    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    return str(tmp_path / "state.db")


def by_hand(where: str, *statements: str) -> None:
    engine = sa.create_engine(url_of(where))
    with engine.begin() as db:
        for statement in statements:
            db.execute(sa.text(statement))
    engine.dispose()


def results(where: str, now: datetime = NOW, key: bytes | None = None) -> dict[str, str]:
    return {one.name: one.result for one in check(where, now, key)}


def said(where: str, name: str, now: datetime = NOW) -> str:
    return next(f"{one.result}: {one.said} {one.fix}" for one in check(where, now) if one.name == name)


def test_a_state_that_is_well_has_no_fault(filled: str):
    found = results(filled, datetime.now(UTC))  # the server has a clock of its own

    assert set(found.values()) <= {"ok", "note"}
    assert {"integrity", "schema", "audit trail", "acts", "open acts", "clock", "size"} <= set(found)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE audit SET why = 'nothing' WHERE number = 2", "audit trail"),
        ("DELETE FROM audit WHERE number = 1", "audit trail"),
        ("UPDATE intents SET evidence = '{}' WHERE number = 2", "acts"),
        ("UPDATE intents SET outcome = NULL WHERE number = 1", "acts"),
        ("UPDATE intents SET resource_id = '/other' WHERE number = 3", "acts"),
        ("UPDATE finops_schema SET version_num = '9999'", "schema"),
        ("ALTER TABLE letters DROP COLUMN link", "schema"),
        ("DROP TABLE attempts", "schema"),
    ],
)
def test_what_was_changed_by_hand_is_a_fault(filled: str, statement: str, name: str):
    by_hand(filled, statement)

    assert results(filled)[name] == "fault"


def test_flipped_bits_are_a_fault_or_not_seen_and_never_a_crash(file: str):
    whole, random_ = Path(file).read_bytes(), random.Random(3)
    found = set()
    for _ in range(60):
        data = bytearray(whole)
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
        Path(file).write_bytes(data)
        found |= {one.result for one in check(file, NOW)}

    assert "fault" in found


def test_text_that_is_none_is_a_fault(file: str):
    by_hand(file, "UPDATE intents SET action = CAST(x'ff61' AS TEXT) WHERE number = 1")

    assert "fault" in results(file).values()


def test_a_row_that_refers_to_nothing_is_a_fault(file: str):
    by_hand(file, "DELETE FROM findings WHERE number = 1")

    assert said(file, "integrity").startswith("fault")


@pytest.mark.parametrize("name", ["letters", "findings"])
def test_numbers_that_would_be_given_twice_are_a_fault(file: str, name: str):
    by_hand(file, f"UPDATE sqlite_sequence SET seq = 1 WHERE name = '{name}'")

    assert name in said(file, "numbers")


def test_a_trail_whose_key_was_not_given_could_not_be_looked_at(tmp_path: Path):
    with State.open(tmp_path / "state.db", audit_key=b"k") as state:
        remember(state, NOW)

    assert results(str(tmp_path / "state.db"))["audit trail"] == "unknown"
    assert results(str(tmp_path / "state.db"), key=b"k")["audit trail"] == "ok"


def test_an_act_that_stays_open_is_a_fault_after_some_hours(filled: str):
    with State.open(filled) as state, state.turn():
        intent(state, NOW)

    assert said(filled, "open acts", NOW + timedelta(hours=1)).startswith("note")
    assert said(filled, "open acts", NOW + timedelta(hours=3)).startswith("fault")


def test_a_clock_that_was_set_back_is_a_fault(file: str):
    assert "2026-11-22 06:00:00" in said(file, "clock", NOW - timedelta(days=1))
    assert results(file, NOW - timedelta(days=1))["clock"] == "fault"


def test_the_clock_of_the_server_is_compared(postgresql: str):
    with State.open(postgresql) as state:
        remember(state, NOW)

    assert results(postgresql, NOW)["clock"] == "fault"
    assert results(postgresql, datetime.now(UTC))["clock"] == "ok"


@pytest.mark.parametrize("end", ["", "-wal"])
def test_a_file_that_others_can_open_is_a_fault(file: str, end: str):
    with State.open(file) as state:
        state.told("x", NOW)
        os.chmod(f"{file}{end}", 0o640)

        assert f"chmod 600 {file}{end}" in said(file, "permissions")


def test_a_folder_that_everybody_may_write_is_a_fault(file: str, tmp_path: Path):
    tmp_path.chmod(0o777)

    assert "Everybody may write" in said(file, "permissions")


def test_a_long_log_is_told(file: str):
    with State.open(file) as state:
        state.told("x", NOW)
        os.truncate(f"{file}-wal", 80 * 1024 * 1024)

        assert said(file, "log").startswith("note: The write-ahead log is 80.0 MiB long")


def test_an_older_schema_is_told_and_left_as_it_is(tmp_path: Path):
    db = sqlite3.connect(tmp_path / "state.db")
    db.executescript((Path(__file__).parent / "schemas" / "0002.sqlite.sql").read_text("utf-8"))
    db.close()

    assert said(str(tmp_path / "state.db"), "schema").startswith("note: Schema 0002")
    assert said(str(tmp_path / "state.db"), "schema").startswith("note: Schema 0002")


def config(tmp_path: Path, where: str) -> list[str]:
    (tmp_path / "finops.yaml").write_text(f"state: {{url: '{where}'}}\n")
    return ["--config", str(tmp_path / "finops.yaml")]


def test_the_command_exits_zero_one_and_twenty(file: str, tmp_path: Path):
    run = CliRunner().invoke

    assert run(cli, ["state", "check", *config(tmp_path, file)]).exit_code == 0
    by_hand(file, "UPDATE intents SET evidence = '{}' WHERE number = 2")
    broken = run(cli, ["state", "check", *config(tmp_path, file)])
    assert (broken.exit_code, "Error: acts: not well." in broken.output) == (1, True)
    with State.open(tmp_path / "sealed.db", audit_key=b"k") as state:
        state.audit("me", "x", "", "", {}, NOW)
    assert run(cli, ["state", "check", *config(tmp_path, str(tmp_path / "sealed.db"))]).exit_code == PARTIAL


def test_the_commands_back_up_look_at_it_and_restore(file: str, tmp_path: Path):
    run, settings = CliRunner().invoke, config(tmp_path, file)
    (tmp_path / "backups").mkdir()

    made = run(cli, ["state", "backup", str(tmp_path / "backups"), "--keep", "3", *settings])
    [backup] = (tmp_path / "backups").glob("*.db")
    looked = run(cli, ["state", "check", "--backup", str(backup), *settings])
    refused = run(cli, ["state", "restore", str(backup), *settings])
    done = run(cli, ["state", "restore", str(backup), "--force-with-name", "state.db", *settings])

    assert (made.exit_code, looked.exit_code, refused.exit_code, done.exit_code) == (0, 0, 2, 0), done.output
    assert "It holds together" in made.output.replace("it holds", "It holds")
    assert "3 approvals were withdrawn" in done.output
    assert "have to say so again" in done.output
    assert run(cli, ["audit", "verify", *settings]).exit_code == 0
