"""A state with rows in every table, written by its own calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from finops.state import Fate, NewLetter, State, StoredFinding

DAY = timedelta(days=1)
WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


def finding(number: int, action: str = "delete") -> StoredFinding:
    resource = f"{WORKSPACE}/onlineEndpoints/e{number}"
    return StoredFinding(
        rule="silent-endpoint", resource_id=resource, generation=f"2026-01-01T00:00:{number % 60:02}+00:00",
        fingerprint=f"f{number}", digest=f"{number:064x}", action=action, why="Nobody calls it.",
        evidence={"facts": {"idleNodesLast7Days": {"value": 2}}, "lines": ["0 requests in 14 days – none"]},
        owner="ada@example.com", risk="low", monthly_cost=Decimal("120.50"), saving=Decimal("118.25"), dependents=(),
        not_checked=("quota",), grace_days=3, quiet=None,
    )  # fmt: skip


def remember(state: State, now: datetime, first: int = 1, count: int = 3) -> None:
    """Findings, one of them acted on, with all that goes along: votes, events, intents, letters, sightings."""
    for number in range(first, first + count):
        one = finding(number)
        state.first_seen(one.resource_id, "janitor", now)
        state.told(f"told/{number}", now)
        state.keep(f"kept/{number}", {"body": {"name": f"Grüße {number}"}}, now)
        with state.findings.changing() as change:
            record = change.get(change.add(one, "found", "Found.", now, "finops", "USD"))
            record = change.move(record, "pending", "Asked.", now, "finops", alive=True, asked_at=now)
            change.vote(record, f"oid-{number}", "Ada", "ada@example.com", "approve", "unused", now, now + 7 * DAY)
            record = change.move(change.get(record.number), "approved", "Yes.", now, "Ada", alive=True,
                                 approved_until=now + 7 * DAY, due_at=now)  # fmt: skip
        acted(state, now, number)
        state.letters.add(
            NewLetter(f"<{number}@x>", "weekly", "What it cost", b"\x00\xffMail", (("mail", "a@x"),)), now
        )
        delivered(state, number, now)


def acted(state: State, now: datetime, number: int) -> None:
    one = finding(number)
    with state.turn():
        intent = state.open_intent(
            now, generation=one.generation, evidence={"record": number}, afterwards=None, run=f"run-{number}",
            resource_id=one.resource_id, workspace=f"{WORKSPACE}-{number}", api_version="2024-10-01", action="delete",
            rule=one.rule, why="unused", who="finops", decision="approved", saving="118.25",
        )  # fmt: skip
        state.close_intent(intent, "done", "read back", now, "finops", {})


def delivered(state: State, number: int, now: datetime) -> None:
    letter = state.letters.number_of(f"<{number}@x>")
    assert letter is not None
    [to] = state.letters.get(letter).recipients
    attempt = state.letters.begin(letter, "mail", "smtp", f"<{number}.1@x>", [to.number], now, now + DAY, "")
    state.letters.handed(attempt, now, {})
    state.letters.end(attempt, "sent", "250", {to.number: Fate("sent")}, now)
