"""A backup: one moment of the state, whole, on the disk, read back; and never over an older one."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import gzip
import json
import os
import random
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import database, postgresql, server
from remembering_all import remember

from finops.errors import FinopsError
from finops.state import State
from finops.state.aside import noted_sum
from finops.state.backup import back_up, backups_in, keep_newest
from finops.state.engine import url_of

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def filled(database: str) -> str:
    with State.open(database) as state:
        remember(state, NOW)
    return database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    with State.open(path) as state:
        remember(state, NOW)
    return path


def folder_of(path: Path) -> dict[str, str]:
    return {one.name: oct(one.stat().st_mode & 0o777) for one in sorted(path.iterdir())}


def test_a_backup_holds_what_the_state_holds(file: Path, tmp_path: Path):
    made = back_up(str(file), tmp_path / "b.db", NOW)

    with State.open(file) as state, State.open(tmp_path / "b.db") as copied:
        assert copied.audit_head() == state.audit_head() == made.content.trail.head
        assert copied.verify_audit().fault is None
        assert copied.findings.get(1) == state.findings.get(1)
        assert copied.letters.content(1) == b"\x00\xffMail"


def test_a_backup_is_taken_in_portable_form_of_either(filled: str, tmp_path: Path):
    made = back_up(filled, tmp_path / "b.jsonl.gz", NOW, form="portable")

    with gzip.open(made.path, "rt", encoding="utf-8") as file_:
        lines = [json.loads(line) for line in file_]
    assert lines[0]["audit"] == made.content.trail.head
    assert lines[-1]["rows"] == sum(made.content.rows.values())
    assert made.content.rows["findings"] == 3


def test_a_backup_is_for_its_owner_only_with_its_sum_beside_it(file: Path, tmp_path: Path):
    (tmp_path / "backups").mkdir()

    made = back_up(str(file), tmp_path / "backups", NOW)

    name = "finops-state-20261122T060000Z.db"
    assert folder_of(tmp_path / "backups") == {name: "0o600", f"{name}.sha256": "0o600"}
    assert noted_sum(made.path) == made.sum
    checked = subprocess.run(["sha256sum", "-c", f"{name}.sha256"], cwd=tmp_path / "backups", capture_output=True)
    assert checked.returncode == 0


def test_an_older_backup_is_never_written_over(file: Path, tmp_path: Path):
    (tmp_path / "b.db").write_text("older")

    with pytest.raises(FinopsError, match="is there already"):
        back_up(str(file), tmp_path / "b.db", NOW)

    assert (tmp_path / "b.db").read_text() == "older"


def test_an_older_backup_is_replaced_where_that_was_asked_for(file: Path, tmp_path: Path):
    back_up(str(file), tmp_path / "b.db", NOW)
    with State.open(file) as state:
        remember(state, NOW, first=10)

    back_up(str(file), tmp_path / "b.db", NOW, replace=True)

    with State.open(tmp_path / "b.db") as copied:
        assert copied.findings.counts() == {"approved": 6}
    assert noted_sum(tmp_path / "b.db")


def test_the_state_is_not_migrated_by_a_backup(file: Path, tmp_path: Path):
    db = sqlite3.connect(file)
    db.execute("UPDATE finops_schema SET version_num = '9999'")
    db.commit()
    db.close()

    with pytest.raises(FinopsError, match="has schema 9999"):
        back_up(str(file), tmp_path / "b.db", NOW)

    assert list(tmp_path.glob("*b.db*")) == []


def test_a_damaged_state_gives_no_backup_and_leaves_the_older_one(file: Path, tmp_path: Path):
    back_up(str(file), tmp_path / "b.db", NOW)
    before = (tmp_path / "b.db").read_bytes()
    data = bytearray(file.read_bytes())
    data[4096 * 4 : 4096 * 6] = b"\xa5" * 4096 * 2
    file.write_bytes(data)

    with pytest.raises(FinopsError, match="damaged"):
        back_up(str(file), tmp_path / "b.db", NOW, replace=True)

    assert (tmp_path / "b.db").read_bytes() == before


@pytest.mark.parametrize("form", ["sqlite", "portable"])
def test_rows_that_refer_to_nothing_give_no_backup(file: Path, tmp_path: Path, form: str):
    db = sqlite3.connect(file)
    db.execute("DELETE FROM findings WHERE number = 1")
    db.commit()
    db.close()

    with pytest.raises(FinopsError, match="refers to a row of findings that is not there"):
        back_up(str(file), tmp_path / "b", NOW, form=form)  # type: ignore[arg-type]

    assert not (tmp_path / "b").exists()


def test_two_that_write_to_one_name_do_not_mix(file: Path, tmp_path: Path):
    from finops.state.aside import beside

    with beside(tmp_path / "b.db") as part:
        part.write_text("the first one")
        with pytest.raises(FinopsError, match="Another process is writing"):
            back_up(str(file), tmp_path / "b.db", NOW)

    assert (tmp_path / "b.db").read_text() == "the first one"


def test_a_name_that_was_taken_meanwhile_is_not_written_over(tmp_path: Path):
    from finops.state.aside import beside

    def write() -> None:
        with beside(tmp_path / "b.db") as part:
            part.write_text("ours")
            (tmp_path / "b.db").write_text("theirs")

    with pytest.raises(FinopsError, match="is there already"):
        write()

    assert [one.name for one in tmp_path.iterdir()] == ["b.db"]
    assert (tmp_path / "b.db").read_text() == "theirs"


def test_a_trail_that_is_not_whole_gives_no_backup_unless_it_is_wanted_so(filled: str, tmp_path: Path):
    engine = sa.create_engine(url_of(filled))
    with engine.begin() as db:
        db.execute(sa.text("UPDATE audit SET why = 'nothing' WHERE number = 2"))
    engine.dispose()

    with pytest.raises(FinopsError, match="Entry 2 was changed"):
        back_up(filled, tmp_path / "b", NOW)

    assert back_up(filled, tmp_path / "b", NOW, as_it_is=True).content.trail.entries == 1


def test_a_trail_sealed_with_a_key_needs_the_key(tmp_path: Path):
    with State.open(tmp_path / "state.db", audit_key=b"secret") as state:
        remember(state, NOW)

    with pytest.raises(FinopsError, match=r"state\.audit_key"):
        back_up(str(tmp_path / "state.db"), tmp_path / "b", NOW)

    assert back_up(str(tmp_path / "state.db"), tmp_path / "b", NOW, key=b"secret").content.trail.fault is None


def test_pg_dump_writes_what_pg_restore_reads(postgresql: str, tmp_path: Path):
    with State.open(postgresql) as state:
        remember(state, NOW)

    made = back_up(postgresql, tmp_path / "b.pgdump", NOW, form="pg_dump")

    assert made.path.read_bytes()[:5] == b"PGDMP"
    assert made.content.trail.entries > 0


@pytest.mark.parametrize("form", ["sqlite", "portable"])
def test_a_file_of_another_program_is_no_state(tmp_path: Path, form: str):
    theirs = sqlite3.connect(tmp_path / "theirs.db")
    theirs.execute("CREATE TABLE photos (name text)")
    theirs.close()
    before = (tmp_path / "theirs.db").read_bytes()

    with pytest.raises(FinopsError, match="no state database of finops"):
        back_up(str(tmp_path / "theirs.db"), tmp_path / "b", NOW, form=form)  # type: ignore[arg-type]

    assert (tmp_path / "theirs.db").read_bytes() == before


def test_the_newest_backups_are_kept_and_files_of_others_too(file: Path, tmp_path: Path):
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "finops-state-notes.txt").write_text("mine")
    for hour in range(4):
        back_up(str(file), folder, NOW.replace(hour=hour))

    removed = keep_newest(folder, 2)

    assert [path.name[13:28] for path in removed] == ["20261122T000000", "20261122T010000"]
    assert len(backups_in(folder)) == 2
    assert sorted(folder.glob("*.sha256")) == [Path(f"{one}.sha256") for one in backups_in(folder)]
    assert (folder / "finops-state-notes.txt").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_clear_error(file: Path, tmp_path: Path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)

    with pytest.raises(FinopsError, match="cannot be written"):
        back_up(str(file), folder, NOW)


def test_a_backup_that_is_stopped_leaves_nothing(file: Path, tmp_path: Path):
    folder = tmp_path / "backups"
    folder.mkdir()

    with pytest.raises(FinopsError, match="stopped"):
        back_up(str(file), folder, NOW, stopping=lambda: True)

    assert list(folder.iterdir()) == []
