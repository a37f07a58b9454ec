"""A restore: the state becomes what the backup held, or stays as it is; and it is said what nobody knows any more."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import database, intent, postgresql, server
from remembering_all import acted, delivered, finding, remember

from finops.approvals.withdrawing import withdraw
from finops.errors import FinopsError
from finops.state import State
from finops.state.backup import back_up
from finops.state.engine import url_of
from finops.state.looking import as_it_is
from finops.state.restoring import Restored, restore
from finops.state.shape import tables_of
from finops.state.tables import metadata

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
WHO = "me, by finops state restore"


def rows(where: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but what a restore itself writes down."""
    with as_it_is(url_of(where), 5) as db:
        found = {
            table.name: [tuple(row) for row in db.execute(sa.select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }
    found["audit"] = [row for row in found["audit"] if row[3] != "state restored"]
    return found


@pytest.fixture
def filled(database: str) -> str:
    with State.open(database) as state:
        remember(state, NOW)
    return database


def name_of(where: str) -> str:
    return url_of(where).database.rpartition("/")[2]  # type: ignore[union-attr]


def fresh(tmp_path: Path) -> str:
    return str(tmp_path / "fresh" / "state.db")


@pytest.mark.parametrize("form", ["sqlite", "portable"])
def test_a_restore_gives_back_every_row(tmp_path: Path, form: str):
    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "state.db"), tmp_path / "b", NOW, form=form)  # type: ignore[arg-type]

    restore(fresh(tmp_path), made.path, LATER, WHO)

    assert rows(fresh(tmp_path)) == rows(str(tmp_path / "state.db"))


def test_sqlite_moves_to_postgresql_and_back(tmp_path: Path, postgresql: str):
    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "state.db"), tmp_path / "there.db", NOW)

    restore(postgresql, made.path, LATER, WHO)
    back = back_up(postgresql, tmp_path / "back.jsonl.gz", LATER)
    restore(fresh(tmp_path), back.path, LATER, WHO)

    assert rows(postgresql) == rows(fresh(tmp_path)) == rows(str(tmp_path / "state.db"))
    with State.open(postgresql) as state:
        assert state.verify_audit(made.content.trail.head).fault is None


def test_a_number_is_not_given_twice_after_a_restore(filled: str, tmp_path: Path, postgresql: str):
    engine = sa.create_engine(url_of(filled))
    with engine.begin() as db:  # as retention does
        db.execute(sa.text("DELETE FROM attempts WHERE number = 3"))
    engine.dispose()
    made = back_up(filled, tmp_path / "b", NOW, form="portable")

    for to in (fresh(tmp_path), postgresql if "postgresql" not in filled else fresh(tmp_path / "two")):
        restore(to, made.path, LATER, WHO)
        with State.open(to) as state:
            remember(state, LATER, first=9, count=1)
            assert state.letters.attempts(4)[0].number == 4


def test_the_state_that_was_there_is_put_aside(filled: str, tmp_path: Path):
    made = back_up(filled, tmp_path / "b", NOW, form="portable")
    with State.open(filled) as state:
        state.told("after", NOW)

    done = restore(filled, made.path, LATER, WHO, name=name_of(filled))

    with State.open(filled) as state:
        assert state.told_at("after") is None
    if "://" in filled:
        engine = sa.create_engine(url_of(filled))
        with engine.connect() as db:
            assert db.execute(sa.text(f"SELECT count(*) FROM {done.aside}.tellings")).scalar_one() == 4
        engine.dispose()
    else:
        with State.open(done.aside) as state:
            assert state.told_at("after") == NOW


@pytest.mark.parametrize("name", [None, "other.db"])
def test_a_state_that_is_not_empty_is_refused_without_its_name(filled: str, tmp_path: Path, name: str | None):
    made = back_up(filled, tmp_path / "b", NOW, form="portable")
    before = rows(filled)

    with pytest.raises(FinopsError, match=f"not empty.*--force-with-name {name_of(filled)}"):
        restore(filled, made.path, LATER, WHO, name=name)

    assert rows(filled) == before


def test_an_empty_state_needs_no_name(database: str, tmp_path: Path):
    with State.open(tmp_path / "other.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "other.db"), tmp_path / "b", NOW)
    State.open(database).close()

    restore(database, made.path, LATER, WHO)

    assert rows(database) == rows(str(tmp_path / "other.db"))


def test_a_state_in_use_is_refused_whatever_is_said(filled: str, tmp_path: Path):
    made = back_up(filled, tmp_path / "b", NOW, form="portable")

    with State.open(filled) as daemon:
        daemon.told("x", NOW)
        with pytest.raises(FinopsError, match="in use"):
            restore(filled, made.path, LATER, WHO, name=name_of(filled))

        assert daemon.told_at("x") == NOW
        daemon.told("y", NOW)


def test_a_state_whose_turn_is_taken_is_refused(filled: str, tmp_path: Path):
    made = back_up(filled, tmp_path / "b", NOW, form="portable")

    with State.open(filled) as daemon, daemon.turn(), pytest.raises(FinopsError, match="changing Azure now"):
        restore(filled, made.path, LATER, WHO, name=name_of(filled))


def test_a_newer_backup_is_refused(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "state.db"), tmp_path / "b.db", NOW)
    db = sqlite3.connect(made.path)
    db.execute("UPDATE finops_schema SET version_num = '9999'")
    db.commit()
    db.close()
    made.path.with_name("b.db.sha256").unlink()

    with pytest.raises(FinopsError, match="schema 9999; this version of finops knows up to"):
        restore(fresh(tmp_path), made.path, LATER, WHO)

    assert not Path(fresh(tmp_path)).exists()


def test_a_backup_whose_trail_was_changed_is_refused_unless_it_is_wanted_so(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "state.db"), tmp_path / "b.db", NOW)
    db = sqlite3.connect(made.path)
    db.execute("UPDATE audit SET why = 'nothing' WHERE number = 2")
    db.commit()
    db.close()
    made.path.with_name("b.db.sha256").unlink()

    with pytest.raises(FinopsError, match="Entry 2 was changed"):
        restore(fresh(tmp_path), made.path, LATER, WHO)

    assert not Path(fresh(tmp_path)).exists()
    assert restore(fresh(tmp_path), made.path, LATER, WHO, as_it_is=True).content.trail.entries == 1


def test_a_damaged_state_is_put_aside_and_its_log_is_not_played_into_the_new_one(tmp_path: Path):
    path = tmp_path / "state.db"
    with State.open(path) as state:
        remember(state, NOW)
    made = back_up(str(path), tmp_path / "b.db", NOW)
    path.write_bytes(b"\xa5" * 70_000)
    (tmp_path / "state.db-wal").write_bytes(b"old")

    done = restore(str(path), made.path, LATER, WHO, name="state.db")

    assert Path(done.aside).read_bytes() == b"\xa5" * 70_000
    assert not (tmp_path / "state.db-wal").exists()
    assert done.lost is None
    with State.open(path) as state:
        assert state.findings.counts() == {"approved": 3}


def test_what_was_done_since_is_told(filled: str, tmp_path: Path):
    made = back_up(filled, tmp_path / "b", NOW, form="portable")
    with State.open(filled) as state:
        remember(state, LATER, first=7, count=1)

    done = restore(filled, made.path, LATER, WHO, name=name_of(filled))

    assert done.lost is not None
    assert done.lost.same
    assert not done.lost.newer
    assert (done.lost.acts, done.lost.votes, done.lost.sent) == (1, 1, 1)
    assert done.lost.entries == 5
    assert done.lost.named == (f"delete {finding(7).resource_id}: done",)


def test_a_backup_of_another_state_is_told(filled: str, tmp_path: Path):
    with State.open(tmp_path / "other.db") as state:
        state.audit("somebody", "else", "", "", {}, NOW)
    made = back_up(str(tmp_path / "other.db"), tmp_path / "b", NOW)

    done = restore(filled, made.path, LATER, WHO, name=name_of(filled))

    assert done.lost is not None
    assert not done.lost.same


def test_an_approval_is_withdrawn_for_it_may_have_been_used_since(filled: str, tmp_path: Path):
    made = back_up(filled, tmp_path / "b", NOW, form="portable")

    done = restore(
        filled, made.path, LATER, WHO, name=name_of(filled),
        mend=lambda change, records: withdraw(change, records, LATER, WHO),
    )  # fmt: skip

    assert done.withdrawn == (1, 2, 3)
    with State.open(filled) as state:
        assert state.findings.counts() == {"pending": 3}
        assert state.findings.get(1).votes == ()
        assert state.verify_audit().fault is None


def test_the_trail_says_that_it_was_restored(filled: str, tmp_path: Path):
    made = back_up(filled, tmp_path / "b", NOW, form="portable")

    restore(filled, made.path, LATER, WHO, name=name_of(filled))

    with State.open(filled) as state:
        last = state.audit_entries()[-1]
        assert (last["what"], last["who"]) == ("state restored", WHO)
        assert state.verify_audit(made.content.trail.head).fault is None


def test_an_open_intent_stays_open_to_be_resolved_by_reading(filled: str, tmp_path: Path):
    with State.open(filled) as state, state.turn():
        intent(state, NOW)
    made = back_up(filled, tmp_path / "b", NOW, form="portable")

    done = restore(filled, made.path, LATER, WHO, name=name_of(filled))

    assert done.content.open_intents == 1
    with State.open(filled) as state:
        assert [one.resource_id for one in state.pending_intents()] == ["/x"]


def test_a_lease_from_before_is_nobodys_and_its_numbers_are_not_given_again(filled: str, tmp_path: Path):
    with State.open(filled) as state:
        state.daybook.lease("daemon", "a", 3600, LATER)
    made = back_up(filled, tmp_path / "b", NOW, form="portable")

    restore(filled, made.path, LATER, WHO, name=name_of(filled))

    with State.open(filled) as state:
        taken = state.daybook.lease("daemon", "b", 60, LATER + timedelta(seconds=1))
        assert taken is not None
        assert taken.fence > 1000


@pytest.mark.parametrize("form", ["sqlite", "portable"])
def test_a_changed_byte_anywhere_is_seen(tmp_path: Path, form: str):
    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "state.db"), tmp_path / "b", NOW, form=form)  # type: ignore[arg-type]
    whole = made.path.read_bytes()
    random_ = random.Random(7)

    for _ in range(50):
        data = bytearray(whole)
        data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
        made.path.write_bytes(data)
        with pytest.raises(FinopsError):
            restore(fresh(tmp_path), made.path, LATER, WHO)

    assert not Path(fresh(tmp_path)).exists()


@pytest.mark.parametrize("cut", [0, 5, 40, 0.5, 0.99])
def test_a_portable_backup_that_was_cut_off_is_refused_without_its_sum_too(tmp_path: Path, cut: float):
    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "state.db"), tmp_path / "b", NOW, form="portable")
    made.path.with_name("b.sha256").unlink()
    data = made.path.read_bytes()
    made.path.write_bytes(data[: int(cut * len(data)) if cut < 1 else int(cut)])

    with pytest.raises(FinopsError):
        restore(fresh(tmp_path), made.path, LATER, WHO)


def test_a_portable_backup_that_was_written_anew_is_refused_without_its_sum_too(tmp_path: Path):
    import gzip

    with State.open(tmp_path / "state.db") as state:
        remember(state, NOW)
    made = back_up(str(tmp_path / "state.db"), tmp_path / "b", NOW, form="portable")
    made.path.with_name("b.sha256").unlink()
    made.path.write_bytes(gzip.compress(gzip.decompress(made.path.read_bytes()).replace(b"unused", b"needed")))

    with pytest.raises(FinopsError, match="its sum differs"):
        restore(fresh(tmp_path), made.path, LATER, WHO)


def test_pg_dump_restores_into_an_empty_database_only(postgresql: str, server: str, tmp_path: Path):
    import psycopg

    with State.open(postgresql) as state:
        remember(state, NOW)
    made = back_up(postgresql, tmp_path / "b.pgdump", NOW, form="pg_dump")
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE DATABASE moved")
    moved = server.replace("/postgres?", "/moved?")

    restore(moved, made.path, LATER, WHO)

    assert rows(moved) == rows(postgresql)
    with pytest.raises(FinopsError, match="not empty"):
        restore(moved, made.path, LATER, WHO, name="moved")


def test_a_file_of_something_else_is_no_backup(tmp_path: Path):
    (tmp_path / "letter").write_text("Dear Ada, here is a letter, not a backup.")

    with pytest.raises(FinopsError, match="is no backup"):
        restore(fresh(tmp_path), tmp_path / "letter", LATER, WHO)
