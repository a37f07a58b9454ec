"""Who somebody is on the page: all of their addresses, and when they were really there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from approvals_page import ANA, OLA, Browser, opened, put, settings, text

from finops.state import State

EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    "more",
    [
        {"email": "Boss@contoso.example"},
        {"upn": "boss@contoso.example"},
        {"unique_name": "boss@contoso.example"},
        {"emails": ["a@contoso.example", "boss@contoso.example"]},
        {EMAIL: "boss@contoso.example"},
        {"upn": "boss_contoso.example#EXT#@corp.onmicrosoft.com"},
    ],
)
def test_an_owner_of_high_risk_is_known_by_any_address_of_the_sign_in(state: State, more: dict[str, Any]):
    record = put(state, owner="boss@contoso.example", risk="high")
    browser = Browser(state, {**ANA, **more})

    answer = browser.decide(record, at="finding")

    assert (answer.status_code, state.findings.get(record.number).votes) == (409, ())
    assert "others must approve it" in text(answer)
    assert "Approve: delete it" not in text(browser.get(f"/findings/{record.number}"))


def ago(minutes: int) -> str:
    return str(int((datetime.now(UTC) - timedelta(minutes=minutes)).timestamp()))


def test_an_old_sign_in_does_not_end_the_owners_grace(state: State):
    record = put(state)
    browser = Browser(state, {**OLA, "iat": ago(61)}, settings(fresh_minutes=60))

    answer = browser.decide(record, action="go", at="finding")

    assert (answer.status_code, state.findings.get(record.number).due_at) == (403, record.due_at)
    assert "sign in again" in text(browser.get(f"/findings/{record.number}"))
    assert browser.decide(record, action="keep", at="finding", reason="demo").status_code == 200


def test_a_fresh_sign_in_ends_it(state: State):
    record = put(state)

    answer = Browser(state, {**OLA, "iat": ago(1)}, settings(fresh_minutes=60)).decide(record, action="go")

    assert answer.status_code == 200


@pytest.mark.parametrize(("auth_time", "status"), [(61, 403), (1, 200)])
def test_when_the_person_was_there_counts_not_when_the_token_was_renewed(state: State, auth_time: int, status: int):
    record = put(state)
    who = {**ANA, "iat": ago(62 - auth_time), "auth_time": ago(auth_time)}

    assert Browser(state, who, settings(fresh_minutes=60)).decide(record).status_code == status
