"""Findings, rules and people for the tests of approvals: small builders with everything in sight."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops import approvals
from finops.approvals import Changes, Desk, Person
from finops.conditions import compile_condition
from finops.config.model import JanitorSettings, Settings
from finops.estate import Gap
from finops.estate.ids import key
from finops.exemptions import Exemptions
from finops.janitor import Finding, Found, Kept, Rule
from finops.state import Record, State

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
DAY = timedelta(days=1)
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-ml"
ENDPOINT = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints/chat"

ANA = Person("oid-ana", "Ana Approver", "ana@contoso.example", frozenset({"reader", "approver"}))
BO = Person("oid-bo", "Bo Approver", "bo@contoso.example", frozenset({"reader", "approver"}))
OLA = Person("oid-ola", "Ola Owner", "ola@contoso.example", frozenset({"reader", "approver"}))
RIA = Person("oid-ria", "Ria Reader", "ria@contoso.example", frozenset({"reader"}))


ALWAYS = compile_condition({"field": "type", "exists": True}, {}, fields="arm", facts=())


def endpoint(name: str) -> str:
    return ENDPOINT.replace("/chat", f"/{name}")


def finding(name: str = "chat", **other: Any) -> Finding:
    values: dict[str, Any] = {
        "rule": "endpoint-without-requests",
        "resource_id": endpoint(name),
        "generation": "2026-01-01T00:00:00Z",
        "fingerprint": "spec-1",
        "digest": "d1" * 32,
        "action": "delete",
        "why": "Nobody has called it for 30 days.",
        "evidence": {"title": "Endpoint without requests", "lines": ["30 days without requests; 14 are asked for."]},
        "owner": "ola@contoso.example",
        "risk": "low",
        "monthly_cost": Decimal("812.40"),
        "saving": Decimal("700"),
        "dependents": (),
        "not_checked": (),
        "grace_days": 5,
        "quiet": None,
    }
    return Finding(**{**values, **other})


def rule(name: str = "endpoint-without-requests", **other: Any) -> Rule:
    values: dict[str, Any] = {
        "name": name,
        "title": "Endpoint without requests",
        "why": "Nobody calls it.",
        "type": "microsoft.machinelearningservices/workspaces/onlineendpoints",
        "condition": ALWAYS,
        "parameters": {},
        "action": "delete",
        "quiet": None,
        "grace_days": 5,
        "risk": "low",
        "persist_runs": 1,
        "digest": "rule-1",
        "mode": "act",
    }
    return Rule(**{**values, **other})


def settings(**janitor: Any) -> Settings:
    return Settings(janitor=JanitorSettings(**{"mode": "act", **janitor}))


def sweep(
    state: State,
    now: datetime,
    *findings: Finding,
    rules: Iterable[Rule] | None = None,
    kept: Iterable[Kept] = (),
    gaps: Iterable[Gap] = (),
    present: Iterable[str] = (),
    exemptions: Exemptions | None = None,
    looked_at: int = 10,
    told: bool = True,
    **janitor: Any,
) -> Changes:
    """Record what a sweep found; with `told`, owners and approvers get to know at once."""
    configured = settings(**janitor)
    asked = list(rules) if rules is not None else [rule()]
    found = Found(tuple(findings), tuple(kept), {one.name: looked_at for one in asked}, tuple(gaps))
    there = {key(one.resource_id) for one in findings} | {key(name) for name in present}
    changes = approvals.record(state, found, asked, now, configured, there, "USD", exemptions)
    if told:
        tell(state, now, **janitor)
    return changes


def tell(state: State, now: datetime, **janitor: Any) -> None:
    waiting, _, _ = state.findings.all(status=("asked", "pending"), limit=None)
    approvals.told(state, [one for one in waiting if one.asked_at is None], settings(**janitor).janitor, now)


def pending(state: State, now: datetime = MONDAY, **other: Any) -> Record:
    """A finding that waits for a decision since `now`."""
    sweep(state, now, finding(**other))
    return only(state, other.get("name", "chat"))


def only(state: State, name: str = "chat") -> Record:
    """The latest life of what was found on an endpoint."""
    found, _, _ = state.findings.all(search=f"/onlineendpoints/{name}", order="number", limit=None)
    return found[-1]


def desk(state: State, **janitor: Any) -> Desk:
    return Desk(state, settings(**janitor).janitor)


def row(record: Record) -> list[tuple[int, str]]:
    return [(record.number, record.finding.digest)]


def history(state: State, record: Record) -> list[str]:
    return [event.after for event in state.findings.history(record.number)]


def opened(tmp_path: Path) -> State:
    return State.open(tmp_path / "state.db")
