"""Retention: what is past its time is forgotten, its space given back; nothing that anybody still needs."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import database, intent, postgresql, server
from remembering_all import DAY, acted, delivered, finding, remember
from report_data import NOW as REPORTED
from report_data import book as loaded
from report_data import charge

from finops.config import load
from finops.config.retention import KeepSettings
from finops.jobs.claims import claims_of
from finops.jobs.knowing import known_by_state
from finops.report.savings import savings
from finops.state import NewLetter, State
from finops.state.keeping import Keep

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
KEEP = Keep(**KeepSettings().model_dump())
EVERYTHING = Keep(runs_days=0, events_days=0, evidence_days=0, sightings_days=0, tellings_days=0, letters_days=0)


def ended(state: State, number: int, status: str, now: datetime) -> None:
    with state.findings.changing() as change:
        change.move(change.get(number), status, "Over.", now, "finops", alive=False)


def test_what_was_not_seen_for_long_is_forgotten_while_others_are_seen(database: str):
    with State.open(database) as state:
        state.first_seen("/old", "janitor", NOW - 200 * DAY)
        state.first_seen("/new", "janitor", NOW)

        assert state.forget(KEEP, NOW)["sightings"] == 1
        assert state.sightings("janitor") == {"/new": NOW}


def test_nothing_seen_is_forgotten_while_nobody_looks(database: str):
    with State.open(database) as state:
        state.first_seen("/old", "janitor", NOW - 500 * DAY)

        assert state.forget(KEEP, NOW)["sightings"] == 0


def test_a_telling_is_forgotten_after_its_days(database: str):
    with State.open(database) as state:
        state.told("old", NOW - 801 * DAY)
        state.told("new", NOW - 799 * DAY)

        assert state.forget(KEEP, NOW)["tellings"] == 1
        assert state.told_at("new")


def test_letters_that_everybody_got_are_forgotten_and_others_never(database: str):
    long_ago = NOW - 900 * DAY
    with State.open(database) as state:
        remember(state, long_ago, count=2)
        state.letters.add(NewLetter("<owed@x>", "weekly", "s", b"mail", (("mail", "a@x"),)), long_ago)
        state.letters.add(NewLetter("<3@x>", "weekly", "s", b"mail", (("mail", "a@x"),)), NOW)

        assert state.forget(KEEP, NOW)["letters"] == 2
        assert {one.message_id for one in state.letters.newest()} == {"<owed@x>", "<3@x>"}
        assert state.letters.count() == {"waiting": 2}


def test_evidence_of_a_life_that_ended_without_an_act_is_forgotten(database: str):
    long_ago = NOW - 200 * DAY
    with State.open(database) as state:
        remember(state, long_ago)
        ended(state, 1, "gone", long_ago)
        ended(state, 2, "confirmed", long_ago)

        assert state.forget(KEEP, NOW)["evidence"] == 1
        assert state.forget(KEEP, NOW)["evidence"] == 0
        assert state.findings.get(1).finding.evidence["forgotten"]
        assert state.findings.get(2).finding.evidence == finding(2).evidence
        assert state.findings.get(3).finding.evidence == finding(3).evidence
        assert state.verify_audit().fault is None


def test_runs_are_forgotten_and_the_last_success_of_each_duty_is_not(database: str):
    with State.open(database) as state:
        for days in (900, 800, 1):
            slot = NOW - days * DAY
            number = state.daybook.begin("guard", slot, f"r{days}", "me", 1, slot)
            assert number
            state.daybook.end(number, "done", "", (), {}, slot)

        assert state.forget(KEEP, NOW)["runs"] == 2
        assert state.forget(EVERYTHING, NOW + DAY)["runs"] == 0
        assert state.daybook.last("guard")


def test_the_trail_acts_findings_votes_and_keepsakes_are_never_forgotten(database: str):
    with State.open(database) as state:
        remember(state, NOW - 3000 * DAY)
        ended(state, 1, "gone", NOW - 3000 * DAY)
        with state.turn():
            intent(state, NOW - 3000 * DAY)
        before = (state.audit_entries(), state.intents_since(NOW - 4000 * DAY), state.kept(), state.findings.events(),
                  [state.findings.votes(number) for number in (1, 2, 3)])  # fmt: skip

        state.forget(EVERYTHING, NOW)

        assert before == (state.audit_entries(), state.intents_since(NOW - 4000 * DAY), state.kept(),
                          state.findings.events(), [state.findings.votes(number) for number in (1, 2, 3)])  # fmt: skip
        assert len(state.pending_intents()) == 1


def year(state: State, now: datetime) -> None:
    """A year in which something ended each week: acted on, gone, kept, restored."""
    for week in range(52):
        then, number = now - timedelta(weeks=52 - week), week + 1
        remember(state, then, first=number, count=1)
        status = ("confirmed", "gone", "kept", "restored", "")[week % 5]
        if status in {"confirmed", "restored"}:
            with state.findings.changing() as change:
                change.move(change.get(number), "acted", "Sent.", then, "finops", alive=True)
            ended(state, number, "confirmed", then)
        if status and status != "confirmed":
            ended(state, number, status, then)


def test_a_years_report_figures_are_the_same_before_and_after(database: str, tmp_path: Path):
    weeks = [REPORTED - timedelta(days=back) for back in range(3, 360, 7)]
    rows = [
        charge(f"{day:%Y-%m-%d}", "ml", "4.25", finding(one).resource_id) for one in range(1, 53, 4) for day in weeks
    ]
    book = loaded(tmp_path, *rows)
    with State.open(database) as state:
        year(state, REPORTED)
        known = known_by_state(state, REPORTED, "USD")
        before = savings(claims_of(state, "USD"), book, "USD", 2, REPORTED)
        assert before.all

        forgotten = state.forget(replace(EVERYTHING, tellings_days=400, letters_days=400), REPORTED)
        state.shrink()

        assert forgotten["evidence"] == 21
        assert known_by_state(state, REPORTED, "USD") == known
        assert savings(claims_of(state, "USD"), book, "USD", 2, REPORTED) == before


def test_the_file_becomes_smaller(tmp_path: Path):
    path = tmp_path / "state.db"
    with State.open(path) as state:
        for number in range(40):
            state.letters.add(NewLetter(f"<{number}@x>", "weekly", "s", b"x" * 200_000, ()), NOW - 900 * DAY)
        before = path.stat().st_size

        assert state.forget(KEEP, NOW)["letters"] == 40
        assert state.shrink() > 7_000_000
        assert path.stat().st_size < before - 7_000_000
        assert state.letters.add(NewLetter("<new@x>", "weekly", "s", b"x", ()), NOW)
        assert state.letters.number_of("<new@x>") == 41


def test_a_file_from_before_space_was_given_back_is_written_anew_once(tmp_path: Path):
    path = tmp_path / "state.db"
    db = sqlite3.connect(path)
    db.executescript((Path(__file__).parent / "schemas" / "0003.sqlite.sql").read_text("utf-8"))
    db.close()
    with State.open(path) as state:
        for number in range(100):
            state.letters.add(NewLetter(f"<old{number}@x>", "weekly", "s", b"x" * 300_000, ()), NOW - 900 * DAY)
        before = path.stat().st_size
        state.forget(KEEP, NOW)

        assert state.shrink() > 20_000_000
        assert path.stat().st_size < before / 4
        state.check()
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA auto_vacuum").fetchone()[0] == 2
    db.close()
