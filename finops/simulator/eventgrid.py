"""Event Grid in small: posts what happens in the estate to webhooks on this machine, as Azure does elsewhere."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from finops.config.strict import LOOPBACK
from finops.simulator.store import Json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from finops.simulator.world import World

EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7"  # its application, the same in every tenant
KINDS = {"write": "Write", "delete": "Delete", "action": "Action"}
SUCCESS = [f"Microsoft.Resources.Resource{kind}Success" for kind in KINDS.values()]
# Seconds until it is tried again, as long as nothing but 2xx comes back; Azure goes on for a day, we do not:
# https://learn.microsoft.com/azure/event-grid/delivery-and-retry#retry-schedule
RETRIES = (10, 30, 60)
TIMEOUT = 30
TAKEN = range(200, 205)


@dataclass
class Subscription:
    """One event subscription: its body as ARM returns it, and what is not shown of it."""

    body: Json
    address: str
    headers: dict[str, str]
    posted: list[Json] = field(default_factory=list)  # for tests: when, what was answered, how many events

    @property
    def clouds(self) -> bool:
        return str(self.body["properties"].get("eventDeliverySchema", "")).lower() == "cloudeventschemav1_0"


@dataclass
class Delivery:
    subscription: Subscription
    events: list[Json]
    at: float
    tries: int = 0


class EventGrid:
    """All event subscriptions of one world, and the thread that posts; it ends when nothing is left to be posted."""

    def __init__(self, world: World) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._clock = world.clock
        self._tenant = str(world.stamp.get("tenantId", ""))
        self._key: RSAPrivateKey | None = None
        self._waiting: deque[Delivery] = deque()
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None

    def happened(self, resource_id: str, operation: str, who: Json) -> None:
        """Something succeeded: post it to whoever wants it. `operation` is as in the Activity Log, ".../write"."""
        kind = KINDS.get(operation.rpartition("/")[2])
        if kind is None:
            return
        event = self._event(resource_id, f"Microsoft.Resources.Resource{kind}Success", operation, who)
        for scope, subscription in list(self.subscriptions.items()):
            above = scope.partition("/providers/microsoft.eventgrid/")[0]
            if f"{resource_id.lower()}/".startswith(f"{above}/") and _wanted(subscription, event):
                self._post(Delivery(subscription, [event], time.monotonic()))

    def agrees(self, subscription: Subscription) -> str:
        """The handshake: "Succeeded", "AwaitingManualAction", or "Failed". Waits for the webhook."""
        if subscription.clouds:
            asked = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
            status, headers, _ = self._send(subscription, "OPTIONS", b"", asked)
            agreed = headers.get("webhook-allowed-origin", "") in {"eventgrid.azure.net", "*"}
            return "Succeeded" if status in TAKEN and agreed else "Failed"
        code = str(uuid.uuid4())
        scope = str(subscription.body["id"]).lower().partition("/providers/microsoft.eventgrid/")[0]
        url = f"https://rp-simulated.eventgrid.azure.net:553/eventsubscriptions/validate?id={code}&token=simulated"
        sent = {
            "id": str(uuid.uuid4()),
            "topic": scope,
            "subject": "",
            "data": {"validationCode": code, "validationUrl": url},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": self._now(),
            "metadataVersion": "1",
            "dataVersion": "2",
        }
        kind = {"aeg-event-type": "SubscriptionValidation", "Content-Type": "application/json; charset=utf-8"}
        status, _, said = self._send(subscription, "POST", json.dumps([sent]).encode(), kind)
        try:
            answered = json.loads(said).get("validationResponse")
        except (ValueError, AttributeError):
            answered = None
        if status == 200 and answered == code:
            return "Succeeded"
        return "AwaitingManualAction" if status == 200 else "Failed"

    def keys(self) -> Json:
        """The public half of what tokens are signed with, as an issuer publishes it."""
        import jwt

        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._signing().public_key()))
        return {"keys": [{**public, "kid": "simulated", "use": "sig"}]}

    def _event(self, resource_id: str, kind: str, operation: str, who: Json) -> Json:
        """https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions; most claims are left out."""
        subscription = resource_id.split("/")[2] if resource_id.lower().startswith("/subscriptions/") else ""
        claim = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
        return {
            "subject": resource_id,
            "eventType": kind,
            "eventTime": self._now(),
            "id": str(uuid.uuid4()),
            "data": {
                "authorization": {"scope": resource_id, "action": operation, "evidence": {"role": "Contributor"}},
                "claims": {claim: who["name"], "ver": "1.0"},
                "correlationId": str(uuid.uuid4()),
                "resourceProvider": operation.partition("/")[0],
                "resourceUri": resource_id,
                "operationName": operation,
                "status": "Succeeded",
                "subscriptionId": subscription,
                "tenantId": self._tenant,
            },
            "dataVersion": "2",
            "metadataVersion": "1",
            "topic": f"/subscriptions/{subscription}",
        }

    def _now(self) -> str:
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")

    def _post(self, delivery: Delivery) -> None:
        with self._turn:
            self._waiting.append(delivery)
            self._turn.notify()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="posts events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._turn:
                if not self._waiting:
                    self._thread = None
                    return
                delivery = min(self._waiting, key=lambda one: one.at)
                wait = delivery.at - time.monotonic()
                if wait > 0:
                    self._turn.wait(wait)
                    continue
                self._waiting.remove(delivery)
            self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        subscription = delivery.subscription
        content, body = _as_sent(delivery.events, subscription.clouds)
        kind = {"aeg-event-type": "Notification", "aeg-delivery-count": str(delivery.tries)}
        status, _, _ = self._send(subscription, "POST", json.dumps(body).encode(), {**kind, "Content-Type": content})
        subscription.posted.append({"status": status, "events": len(delivery.events), "at": time.monotonic()})
        if status not in TAKEN and delivery.tries < len(RETRIES):
            again = Delivery(
                subscription, delivery.events, time.monotonic() + RETRIES[delivery.tries], delivery.tries + 1
            )
            with self._turn:
                self._waiting.append(again)

    def _send(
        self, subscription: Subscription, method: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Status (0: nobody answers), headers in lower case, body. Only to this machine; redirects are not followed."""
        to = urlsplit(subscription.address)
        assert to.hostname in LOOPBACK
        line = http.client.HTTPConnection(to.hostname or "", to.port or 80, timeout=TIMEOUT)
        try:
            path = (to.path or "/") + (f"?{to.query}" if to.query else "")
            line.request(method, path, body or None, {**headers, **subscription.headers, **self._token(subscription)})
            answer = line.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read(65536)
        except (OSError, http.client.HTTPException):
            return 0, {}, b""
        finally:
            line.close()

    def _token(self, subscription: Subscription) -> dict[str, str]:
        """What Entra ID would give Event Grid for the webhook's application: of version 1, by what others report
        (https://github.com/MicrosoftDocs/azure-docs/issues/67301). Whether the handshake of CloudEvents carries it,
        Microsoft does not say; here it does.
        """
        told = subscription.body["properties"]["destination"]["properties"]
        tenant, audience = told.get("azureActiveDirectoryTenantId"), told.get("azureActiveDirectoryApplicationIdOrUri")
        if not tenant or not audience:
            return {}
        import jwt

        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(hours=1),
            "appid": EVENT_GRID,
            "tid": tenant,
            "ver": "1.0",
        }
        return {"Authorization": f"Bearer {jwt.encode(claims, self._signing(), 'RS256', headers={'kid': 'simulated'})}"}

    def _signing(self) -> RSAPrivateKey:
        if self._key is None:
            from cryptography.hazmat.primitives.asymmetric import rsa

            self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._key


def _wanted(subscription: Subscription, event: Json) -> bool:
    """By the kinds that are named, and by filters of the form that our own command uses; in any letter case."""
    chosen = subscription.body["properties"].get("filter") or {}
    kinds = [str(kind).lower() for kind in chosen.get("includedEventTypes") or SUCCESS]
    if event["eventType"].lower() not in kinds:
        return False
    for one in chosen.get("advancedFilters") or []:
        named = [str(value).lower() for value in one.get("values") or []]
        if str(one.get("key")).lower() == "data.operationname" and event["data"]["operationName"].lower() not in named:
            return False
    return True


def _as_sent(events: list[Json], clouds: bool) -> tuple[str, Any]:
    """One at a time, as where no batches were asked for; https://learn.microsoft.com/azure/event-grid/cloud-event-schema"""
    if not clouds:
        return "application/json; charset=utf-8", events
    names = {"eventType": "type", "eventTime": "time", "topic": "source"}
    left = {"dataVersion", "metadataVersion"}
    found = [{names.get(name, name): value for name, value in one.items() if name not in left} for one in events]
    return "application/cloudevents+json; charset=utf-8", {**found[0], "specversion": "1.0"}
