"""An attempt begins only for whom the mail is still owed, and only while no other is open: by the database itself."""

# ruff: noqa: F401, F811 - fixtures are imported, and asked for by their names
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from databases import database, postgresql, server

from finops.state import Busy, Fate, State
from finops.state.letters import NewLetter

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


def begun(state: State, letter: int, *to: int) -> int:
    return state.letters.begin(letter, "mail", "smtp", "<a@contoso.com>", to, NOW, NOW + timedelta(minutes=5))


def test_who_has_it_is_not_sent_it_again(database: str):
    with State.open(database) as state:
        state.letters.add(NewLetter("<a@contoso.com>", "report", "The week", b"x", (("mail", "ann@contoso.com"),)), NOW)
        number = state.letters.number_of("<a@contoso.com>")
        assert number is not None
        [ann] = state.letters.get(number).recipients
        first = begun(state, number, ann.number)
        state.letters.end(first, "sent", "", {ann.number: Fate("sent")}, NOW)

        with pytest.raises(Busy, match="Nothing was sent twice"):
            begun(state, number, ann.number)
        assert len(state.letters.attempts(number)) == 1
