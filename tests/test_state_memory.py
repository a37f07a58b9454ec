"""What is remembered: first seen, told, kept; the same on SQLite and PostgreSQL."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from databases import database, postgresql, server

from finops.errors import DataError
from finops.state import State

NOW = datetime(2026, 11, 22, 6, 0, 0, 123, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
DEV = "/subscriptions/2222/resourceGroups/rg-dev"
GPU = f"{DEV}/providers/Microsoft.MachineLearningServices/workspaces/ml/computes/gpu"


def test_the_first_sighting_is_remembered_however_the_id_is_spelled(database: str):
    with State.open(database) as state:
        state.first_seen(GPU, "dedicated", NOW, "made 1")
    with State.open(database) as state:
        again = state.first_seen(GPU.upper() + "/", "dedicated", LATER, "made 1")

    assert again == NOW


def test_a_resource_made_anew_is_seen_for_the_first_time(database: str):
    with State.open(database) as state:
        state.first_seen(GPU, "dedicated", NOW, "made 1")

        assert state.first_seen(GPU, "dedicated", LATER, "made 2") == LATER


def test_what_was_mended_and_comes_back_is_seen_for_the_first_time(database: str):
    with State.open(database) as state:
        state.first_seen(GPU, "dedicated", NOW)

        forgotten = state.forget_absent("dedicated", [], within=[DEV.upper()])

        assert forgotten == 1
        assert state.first_seen(GPU, "dedicated", LATER) == LATER


def test_absence_in_what_was_not_read_completely_proves_nothing(database: str):
    with State.open(database) as state:
        state.first_seen(GPU, "dedicated", NOW)

        forgotten = state.forget_absent("dedicated", [], within=["/subscriptions/2222/resourceGroups/rg-de", ""])

        assert forgotten == 0


def test_only_what_is_absent_is_forgotten(database: str):
    with State.open(database) as state:
        state.seen([(GPU, "dedicated", "a"), (f"{GPU}2", "dedicated", "a"), (GPU, "untagged", "a")], NOW)

        forgotten = state.forget_absent("dedicated", [(GPU.lower(), "dedicated", "a")], within=[DEV])

        assert forgotten == 1
        assert state.first_seen(GPU, "dedicated", LATER, "a") == state.first_seen(GPU, "untagged", LATER, "a") == NOW


def test_something_is_told_once(database: str):
    with State.open(database) as state:
        first = state.told("spot/gpu", NOW)
    with State.open(database) as state:
        second = state.told("spot/gpu", LATER)

        assert (first, second, state.told_at("spot/gpu")) == (True, False, NOW)


def test_what_was_never_told_has_no_time(database: str):
    with State.open(database) as state:
        assert state.told_at("never") is None


def test_what_is_kept_comes_back_as_it_was(database: str):
    body = {"name": "gpu", "tags": {"a": "\u00e9\u2028\U0001f600", "nul": "\0"}, "n": [1, 2.5, None, True]}
    with State.open(database) as state:
        state.keep("spot/gpu", {"old": 1}, NOW)
        state.keep("spot/gpu", body, NOW)
        state.keep("other", 1, NOW)
    with State.open(database) as state:
        kept = state.kept("spot/")
        state.drop("spot/gpu")

        assert kept == {"spot/gpu": body}
        assert list(state.kept()) == ["other"]


@pytest.mark.parametrize("text", ["nul \0", "half a character \ud83d", "x" * 10_000, "' OR 1=1 --", "%s :name $1"])
def test_odd_text_is_no_fault(database: str, text: str):
    with State.open(database) as state:
        state.first_seen(f"/subscriptions/{text}", text, NOW, text)
        state.told(text, NOW)
        state.keep(text, text, NOW)
        state.audit(text, text, text, text, {text[:9]: text}, NOW)

        assert state.told(text, NOW) is False
        assert state.first_seen(f"/subscriptions/{text}", text, LATER, text) == NOW
        assert state.verify_audit().fault is None


def test_times_are_kept_in_utc_and_must_say_their_zone(database: str):
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-8)))
    with State.open(database) as state:
        state.told("here", elsewhere)

        assert state.told_at("here") == NOW
        assert state.told_at("here").tzinfo == UTC
        with pytest.raises(DataError, match="time zone"):
            state.told("there", NOW.replace(tzinfo=None))


def test_what_json_has_no_word_for_is_written_as_text(database: str):
    with State.open(database) as state:
        state.keep("money", {"saving": Decimal("1.10"), "at": NOW}, NOW)

        assert state.kept("money") == {"money": {"saving": "1.10", "at": str(NOW)}}


def test_no_number_is_no_evidence(database: str):
    with State.open(database) as state, pytest.raises(DataError, match="written down"):
        state.audit("me", "did", GPU, "why", {"cost": float("nan")}, NOW)
