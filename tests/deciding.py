"""What decisions are made of: requests, clusters that the guard found, anomalies; and the decisions of a report."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from report_data import daily, report_of

from finops.anomalies import Anomaly, Reach, Scope
from finops.report import Claim
from finops.report.known import Known, Request
from finops.report.model import Decision

ANEW = "make it anew as spot when drained"


def decided(folder: Path, known: Known, *rows: dict[str, str], **settings: Any) -> tuple[Decision, ...]:
    rows = rows or tuple(daily("2026-11-08", "2026-11-22", "CC-1", "10"))
    return report_of(folder, *rows, known=known, **settings).decisions


def request(number: int, saving: str | None, currency: str = "USD", expires: date | None = None) -> Request:
    amount = Decimal(saving) if saving else None
    return Request(number, f"delete endpoint e{number}", amount, currency, "p@contoso.com", expires)


def cluster(name: str, saving: str | None, rule: str = "spot", owner: str = "m@contoso.com", **other: Any) -> Claim:
    does = {"spot": ANEW, "scale": "set minNodeCount to 0"}[rule]
    values: dict[str, Any] = {
        "number": 0, "stage": "found", "resource_id": f"/subscriptions/s/computes/{name}", "name": name,
        "what": "compute", "holder": "ws", "rule": f"guard/{rule}", "does": does, "did": "", "cost": None,
        "expected": Decimal(saving) if saving else None, "currency": "USD", "source": "Spot guard",
        "ref": f"guard-{rule}-{name}", "owner": owner, "basis": "list price" if rule == "scale" else "bill",
    }  # fmt: skip
    return Claim(**{**values, **other})


def waste(number: int, name: str, saving: str | None, **other: Any) -> Claim:
    """What the janitor found, and asks about in the request of that number."""
    values: dict[str, Any] = {"source": "Janitor", "number": number, "ref": "", "rule": "unused", "does": "delete"}
    return replace(cluster(name, saving), **{**values, **other})


def strange(impact: str, *resources: str, state: str = "open") -> Anomaly:
    reach = Reach(Decimal(10), Decimal(20), Decimal(30))
    return Anomaly(
        "A1", Scope("cost centre", "vision"), "step", date(2026, 11, 18), date(2026, 11, 21), Decimal(impact) + 20,
        reach, Decimal(impact), None, state=state, cause="gpu: it keeps at least 4 nodes",  # type: ignore[arg-type]
        owner="vera@contoso.com", resources=resources,
    )  # fmt: skip
