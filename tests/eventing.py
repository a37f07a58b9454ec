"""A webhook on a port of 127.0.0.1, an issuer whose keys are ours, and events as Azure sends them."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from estates import DEV, PROD, TENANT

from finops.config.model import Settings
from finops.daemon.eventgrid import Webhook, app
from finops.daemon.listening import serving
from finops.state import State

Json = dict[str, Any]
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
SECRET, BEFORE = "s" * 40, "b" * 40
AUDIENCE = "api://finops-events"
EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
OURS, THEIRS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
CLUSTER = (
    f"/subscriptions/{DEV}/resourceGroups/rg-dev/providers/Microsoft.MachineLearningServices"
    "/workspaces/ml-dev/computes/gpu"
)
WRITE = "Microsoft.MachineLearningServices/workspaces/computes/write"


def settings(azure: Json | None = None, **events: Any) -> Settings:
    """Settings of a webhook that wakes at once."""
    quick = {"listen": "127.0.0.1:0", "quiet_seconds": 0, "apart_seconds": 0, "again_seconds": 0}
    subscriptions = {"subscriptions": [DEV, PROD], "tenant_id": TENANT}
    return Settings.model_validate(
        {"azure": {**subscriptions, **(azure or {})}, "daemon": {"events": {**quick, **events}}}
    )


def event(name: str = "", subject: str = CLUSTER, operation: str = WRITE, at: datetime = NOW, **other: Any) -> Json:
    """As https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions shows it, claims left out."""
    kind = {"write": "Write", "delete": "Delete", "action": "Action"}[operation.rpartition("/")[2]]
    return {
        "subject": subject,
        "eventType": f"Microsoft.Resources.Resource{kind}Success",
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%f7Z"),
        "id": name or str(uuid.uuid4()),
        "data": {
            "authorization": {"scope": subject, "action": operation, "evidence": {"role": "Subscription Admin"}},
            "claims": {"aud": "https://management.core.windows.net/", "ver": "1.0"},
            "correlationId": str(uuid.uuid4()),
            "resourceProvider": operation.partition("/")[0],
            "resourceUri": subject,
            "operationName": operation,
            "status": "Succeeded",
            "subscriptionId": DEV,
            "tenantId": TENANT,
        },
        "dataVersion": "2",
        "metadataVersion": "1",
        "topic": f"/subscriptions/{DEV}",
        **other,
    }


def as_cloud(own: Json) -> Json:
    names = {"eventType": "type", "eventTime": "time", "topic": "source"}
    kept = {
        names.get(name, name): value for name, value in own.items() if name not in ("dataVersion", "metadataVersion")
    }
    return {**kept, "specversion": "1.0"}


def validation(code: Any = "512d38b6", **data: Any) -> Json:
    own = event(subject="")
    url = "https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/finops/validate?id=512d38b6&token=1A1A"
    return {
        **own,
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": code, "validationUrl": url, **data},
    }


def token(key: Any = OURS, algorithm: str = "RS256", kid: str = "one", **other: Any) -> str:
    """What Event Grid brings along: version 1, for our application, as itself."""
    body = {
        "iss": f"https://sts.windows.net/{TENANT}/",
        "aud": AUDIENCE,
        "appid": EVENT_GRID,
        "tid": TENANT,
        "exp": datetime.now(UTC) + timedelta(hours=1),
        **other,
    }
    return jwt.encode({k: v for k, v in body.items() if v is not None}, key, algorithm, headers={"kid": kid})


@contextmanager
def issuer() -> Iterator[tuple[str, list[str]]]:
    """Where the issuer's keys are, and what it was asked."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key()))
    body = json.dumps({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}).encode()
    asked: list[str] = []

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *about: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/keys", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Posting:
    """Posts to a webhook, and sees what became of it."""

    def __init__(self, url: str, webhook: Webhook, state: State, heard: list[int]) -> None:
        self.url = url
        self.webhook = webhook
        self.state = state
        self.heard = heard
        self.headers = {"X-Finops-Events-Key": SECRET}

    def post(self, *events: Json, content: str = "application/json; charset=utf-8", **more: Any) -> httpx.Response:
        return self.send(json.dumps(list(events)).encode(), content, **more)

    def send(
        self, body: Any, content: str = "application/json", headers: dict[str, str] | None = None, query: str = ""
    ) -> httpx.Response:
        return httpx.post(
            self.url + query,
            content=body,
            headers={"Content-Type": content, **(self.headers if headers is None else headers)},
            timeout=30,
            trust_env=False,
        )

    def options(self, headers: dict[str, str] | None = None, query: str = "") -> httpx.Response:
        sent = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120", **(headers or {})}
        return httpx.request("OPTIONS", self.url + query, headers=sent, timeout=30, trust_env=False)

    def waiting(self) -> list[str]:
        return [one.id for one in self.state.daybook.events_waiting()]


@contextmanager
def posting(folder: Path, given: Settings | None = None, at: datetime = NOW, **more: Any) -> Iterator[Posting]:
    """A webhook with a secret over a database, both thrown away after the block."""
    chosen = given or settings(secret=SECRET, secret_before=BEFORE)
    heard: list[int] = []
    with State.open(folder / "state.db") as state:
        webhook = Webhook(chosen, state.daybook, lambda: heard.append(1), lambda: at, **more)
        with serving(app(webhook), "127.0.0.1:0", "daemon.events.listen") as where:
            yield Posting(f"{where.url}{chosen.daemon.events.path}", webhook, state, heard)
