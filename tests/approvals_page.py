"""The approvals page over hand-made findings: a state, its settings, and browsers of people who are signed in."""

from __future__ import annotations

import base64
import html
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx

from finops.config.model import JanitorSettings, Settings, StateSettings, WebSettings
from finops.state import Record, State, StoredFinding
from finops.web import app

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)  # a Monday
TENANT = "99999999-8888-7777-6666-555555555555"
KEY = "a key for tests, and for nothing else at all"
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-ml"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws-vision"
HOST = "127.0.0.1"
URL = f"http://{HOST}:8090"


def claims(name: str, *roles: str) -> dict[str, Any]:
    """Somebody's claims, as Entra ID has them."""
    return {
        "oid": f"oid-{name}",
        "name": name.title(),
        "preferred_username": f"{name}@contoso.example",
        "roles": [*roles],
    }


ANA = claims("ana", "FinOps.Approver")
BO = claims("bo", "FinOps.Approver")
OLA = claims("ola", "FinOps.Reader")  # owns what `finding` makes
RIA = claims("ria", "FinOps.Reader")
EVA = claims("eva", "Other.Role")


def usage(days: int = 90, quiet: int = 16) -> list[list[Any]]:
    """A series that ends in `quiet` days without a request, with a gap in its middle."""
    first = (NOW - timedelta(days=days)).date()
    values = [(n * 37) % 120 + 3 if n < days - quiet else 0 for n in range(days)]
    return [[(first + timedelta(days=n)).isoformat(), None if n in (30, 31) else v] for n, v in enumerate(values)]


def evidence(**other: Any) -> dict[str, Any]:
    found = {
        "title": "Endpoint that nobody calls",
        "asOf": "2026-11-16T05:00:00+00:00",
        "checks": [
            {"what": "days without requests", "field": "facts.daysWithoutRequests", "is": 16, "asked": "at least 14",
             "threshold": 14, "held": True, "unknown": None, "asOf": "2026-11-16T05:00:00+00:00"},
            {"what": "deployments", "field": "facts.deployments", "is": 2, "asked": "more than 0", "threshold": 0,
             "held": True, "unknown": None, "asOf": None},
        ],
        "lines": ["yes all of", "  yes facts.daysWithoutRequests greaterOrEquals 14"],
        "facts": {"daysWithoutRequests": {"value": 16, "asOf": "2026-11-16T05:00:00+00:00"},
                  "pricePerHour": {"reason": "no price for this size"}},
        "goesWithIt": [f"{WORKSPACE}/onlineEndpoints/chat/deployments/blue"],
        "risks": [],
        "usage": usage(),
        "usageOf": "requests a day",
        "threshold": 1,
    }  # fmt: skip
    return {**found, **other}


def of_tiers(**other: Any) -> dict[str, Any]:
    """What a finding about the tiers of a storage account has in place of the usual."""
    told = {
        "title": "Blobs in a dearer tier than they need",
        "asOf": "2026-11-16T05:00:00+00:00",
        "once": "0.014210",
        "worst": "21.910000",
        "lines": ["Hot to Archive: 915 blobs", f"finops-archive75-e71a327201: Archive after 75 days; {'p' * 250}/"],
        "facts": [["savesAMonth", "15.18 USD"], ["costsOnce", "0.01 USD"], ["agesCountFrom", "the last access"]],
        "risks": ["What is in Archive cannot be read."],
        "notes": ["Reckoned with 10.9 reads of a blob on a day on which it is read."],
    }
    account = "/subscriptions/1/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/datalake"
    return {
        "rule": "tiering",
        "resource_id": account,
        "action": "tier",
        "evidence": told,
        "monthly_cost": None,
        **other,
    }


def finding(name: str = "chat", **other: Any) -> StoredFinding:
    values: dict[str, Any] = {
        "rule": "endpoint-without-requests",
        "resource_id": f"{WORKSPACE}/onlineEndpoints/{name}",
        "generation": "2026-01-01T00:00:00Z",
        "fingerprint": "spec-1",
        "digest": "d1" * 32,
        "action": "delete",
        "why": "Nobody has called this endpoint for 16 days, yet its VMs are billed by the hour.",
        "evidence": evidence(),
        "owner": "ola@contoso.example",
        "risk": "low",
        "monthly_cost": Decimal("812.40"),
        "saving": Decimal("790.40"),
        "dependents": (),
        "not_checked": ("Callers outside this subscription.",),
        "grace_days": 5,
        "quiet": None,
    }
    return StoredFinding(**{**values, **other})


def put(state: State, status: str = "pending", currency: str = "USD", now: datetime = NOW, **other: Any) -> Record:
    """A finding in the state, as a sweep would have left it."""
    with state.findings.changing() as change:
        number = change.add(finding(**other), "found", "Found by the sweep.", now, "finops janitor", currency)
        record = change.get(number)
        times = {"asked_at": now, "due_at": now + timedelta(days=7), "expires_at": now + timedelta(days=14)}
        for step in ("asked", status) if status not in {"found", "asked"} else (status,):
            if step != record.status:
                record = change.move(record, step, "As the test wants it.", now, "finops janitor", alive=True, **times)
    return record


def settings(auth: str = "easyauth", **web: Any) -> Settings:
    given = {"auth": auth, "tenant_id": TENANT, "secret_key": KEY, "fresh_minutes": 0, **web}
    return Settings(web=WebSettings(**given), janitor=JanitorSettings(mode="act"), state=StateSettings())


def principal(claims: dict[str, Any], **other: Any) -> str:
    """The header that Easy Auth sends for these claims."""
    base = "http://schemas.microsoft.com/identity/claims"
    pairs: list[tuple[str, Any]] = []
    for name, value in {"tid": TENANT, **claims, **other}.items():
        long = {"oid": f"{base}/objectidentifier", "tid": f"{base}/tenantid"}.get(name, name)
        pairs += [(long, one) for one in value] if isinstance(value, list) else [(long, value)]
    body = {"auth_typ": "aad", "claims": [{"typ": typ, "val": val} for typ, val in pairs], "name_typ": "name",
            "role_typ": "roles"}  # fmt: skip
    return base64.b64encode(json.dumps(body).encode()).decode()


class Browser:
    """A person in front of the page, as a browser without JavaScript would be."""

    def __init__(
        self, state: State, who: dict[str, Any] | None = ANA, given: Settings | None = None, now: datetime = NOW
    ) -> None:
        self.site = app(state, given or settings(), lambda: now)
        self.headers = {"X-MS-CLIENT-PRINCIPAL": principal(who)} if who else {}
        self.cookies = httpx.Cookies()
        self.address = HOST

    def ask(self, method: str, path: str, headers: Any = (), **other: Any) -> httpx.Response:
        """One request; redirects are not followed, cookies are kept. A list of headers replaces the browser's own."""
        sent = headers if isinstance(headers, list) else [*self.headers.items(), *dict(headers).items()]

        async def asked() -> httpx.Response:
            wire = httpx.ASGITransport(self.site, raise_app_exceptions=False, client=(self.address, 50000))
            async with httpx.AsyncClient(transport=wire, base_url=URL, cookies=self.cookies) as client:
                answer = await client.request(method, path, headers=sent, **other)
                self.cookies = client.cookies
                return answer

        return anyio.run(asked)

    def get(self, path: str, **other: Any) -> httpx.Response:
        return self.ask("GET", path, **other)

    def post(self, path: str, fields: dict[str, Any], **other: Any) -> httpx.Response:
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null", **other.pop("headers", {})}
        return self.ask("POST", path, data=fields, headers=headers, **other)

    def csrf(self, path: str = "/findings?status=all") -> str:
        """The token in the forms of a page; "" where it has none."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(path).text)
        return html.unescape(found[1]) if found else ""

    def decide(self, *records: Record, action: str = "approve", at: str = "list", **fields: Any) -> httpx.Response:
        """Send the list's form, or with at="finding" that of a finding's own page."""
        rows = [f"{one.number}:{one.finding.digest}" for one in records]
        form = {"csrf": self.csrf(), "from": at, "action": action, "row": rows, "back": "/findings"}
        return self.post("/decide", {**form, **fields})


def opened(tmp_path: Path) -> State:
    return State.open(tmp_path / "state.db")


def text(answer: Any) -> str:
    """What a page says, without its markup, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())
