"""Over a limit nothing is done, and the message says which setting it is, what is held back, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from approvals_page import NOW, WORKSPACE, opened, put

from finops import janitor as rules_of
from finops.config.model import JanitorSettings, Settings
from finops.jobs.sweeping.bounds import Bounds
from finops.state import Record, State

LARGE = {"max_acts": 100, "max_percent": 100, "max_per_owner": 100, "max_monthly_money": None}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def wanted(state: State, *owners: str, saving: str | None = "10") -> list[Record]:
    money = Decimal(saving) if saving else None
    return [
        put(state, "approved", resource_id=f"{WORKSPACE}/onlineEndpoints/e{n}", owner=owner, saving=money,
            monthly_cost=money)
        for n, owner in enumerate(owners)
    ]  # fmt: skip


def held(state: State, records: list[Record], looked_at: int = 100, **limits: Any) -> dict[int, str]:
    own = JanitorSettings(**{**LARGE, **limits})
    rules = rules_of.rules(rules_of.folders(Settings(janitor=own)), own)
    state.keep("janitor/looked-at", {"endpoint-without-requests": looked_at}, NOW)
    return Bounds(own, state, rules).refused(records, NOW)


@pytest.mark.parametrize(
    ("limits", "says", "within"),
    [
        ({"max_acts": 1}, "3 changes are wanted; the limit is 1.", [1]),
        ({"max_percent": 2}, "3 of 100 resources would be changed; the limit is 2 %.", [1, 2]),
        ({"max_per_owner": 1}, "2 changes concern ann@contoso.com; the limit is 1.", [1, 3]),
        ({"max_monthly_money": 15}, "The changes concern 30 a month; the limit is 15.", [1]),
    ],
)
def test_each_limit_names_its_setting_what_it_holds_back_and_what_is_within_it(
    state: State, limits: dict[str, Any], says: str, within: list[int]
):
    records = wanted(state, "ann@contoso.com", "ann@contoso.com", "ben@contoso.com")

    found = held(state, records, **limits)

    [why] = set(found.values())
    [setting] = limits
    only = " ".join(f"--only {number}" for number in within)
    assert sorted(found) == [1, 2, 3]
    assert why == (
        f"{says} Nothing was changed. Raise janitor.{setting} if this is right. Held back: findings 1, 2, 3. "
        f"Or do what is within the limit: finops janitor apply {only} --execute"
    )


def test_where_nothing_is_within_the_limit_no_command_is_offered(state: State):
    [why] = held(state, wanted(state, "ann@contoso.com"), max_acts=0).values()

    assert why.endswith("Raise janitor.max_acts if this is right. Held back: finding 1.")


def test_what_costs_nobody_knows_how_much_names_itself_and_the_limit(state: State):
    [one, other] = wanted(state, "ann@contoso.com", "ben@contoso.com", saving=None)

    [why] = set(held(state, [one, other], max_monthly_money=15).values())

    assert one.finding.resource_id in why
    assert "the limit janitor.max_monthly_money cannot be kept" in why
    assert "Leave it out, or take that limit away if this is right." in why


def test_more_than_was_looked_at_asks_to_look_again(state: State):
    [why] = set(held(state, wanted(state, "a@x.de", "b@x.de"), looked_at=1).values())

    assert "only 1 were looked at" in why
    assert "Look at all of them again first." in why
