"""Who may post events: Event Grid with a token of our tenant, whoever knows the secret, or on this machine anybody."""

from __future__ import annotations

import hmac
from enum import Enum
from typing import TYPE_CHECKING

from starlette.requests import Request

from finops.config.events import SHORTEST_SECRET
from finops.config.strict import LOOPBACK
from finops.errors import ConfigError, FinopsError
from finops.served import from_here
from finops.tokens import Tokens, Unreachable

from .listening import parted

if TYPE_CHECKING:
    from finops.config.events import EventSettings
    from finops.config.model import Settings

HEADER, PARAMETER = "x-finops-events-key", "key"
LONGEST_SECRET = 1024
# Where Entra ID of each cloud is, and who issues its tokens of version 1 and 2.
# https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud,
# https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer (2026-11)
AUTHORITIES = {
    "public": ("https://login.microsoftonline.com", "https://sts.windows.net"),
    "usgovernment": ("https://login.microsoftonline.us", "https://sts.windows.net"),
    "china": ("https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn"),
}


class Verdict(Enum):
    """What becomes of a request."""

    COME_IN = 200
    NOT_KNOWN = 401
    NOT_ALLOWED = 403
    NOT_NOW = 503


class Senders:
    """Checks one request at a time. ConfigError where anybody on the network could post."""

    def __init__(self, settings: Settings) -> None:
        events = settings.daemon.events
        self._secrets = [one for one in (events.secret, events.secret_before) if one]
        self._tokens = _tokens(events, settings.azure.cloud) if events.audience else None
        self._apps = {one.lower() for one in events.senders}
        if not self._secrets and self._tokens is None and parted(events.listen or ":0")[0] not in LOOPBACK:
            raise ConfigError(
                f"daemon.events.listen is {events.listen}, and nothing says who may post events there.",
                "Set daemon.events.audience and tenant_id, or daemon.events.secret, or listen on 127.0.0.1.",
            )

    def verdict(self, request: Request) -> Verdict:
        """Whether a request that posts events may. Asks for the issuer's keys now and then, and waits for them."""
        if not self._secrets and self._tokens is None:
            return Verdict.COME_IN if from_here(request) else Verdict.NOT_ALLOWED
        try:
            if self._knows_secret(request):
                return Verdict.COME_IN
        except FinopsError:
            return Verdict.NOT_NOW
        if self._tokens is None:
            return Verdict.NOT_KNOWN
        try:
            claims = self._tokens.claims(request.headers.getlist("authorization"))
        except Unreachable:
            return Verdict.NOT_NOW
        if claims is None:
            return Verdict.NOT_KNOWN
        # Tokens of version 1 name the application appid, those of version 2 azp.
        app = claims.get("appid", claims.get("azp"))
        return Verdict.COME_IN if isinstance(app, str) and app.lower() in self._apps else Verdict.NOT_ALLOWED

    def may_ask(self, request: Request) -> Verdict:
        """Whether a request of the CloudEvents handshake is answered with consent.

        The secret is part of the address that is asked. Whether a token comes along Microsoft does not say; who brings
        one must bring a good one. Consent lets nobody in: each delivery is checked again.
        """
        if self._tokens is not None and "authorization" not in request.headers:
            return Verdict.COME_IN
        return self.verdict(request)

    def _knows_secret(self, request: Request) -> bool:
        given = [*request.headers.getlist(HEADER), *request.query_params.getlist(PARAMETER)]
        # A file that is just being replaced may be empty for a moment: that is no secret.
        if len(given) != 1 or not SHORTEST_SECRET <= len(given[0]) <= LONGEST_SECRET:
            return False
        sent = given[0].encode("utf-8", "replace")
        # Asked for each time, as a secret may be rotated; all are compared, in the same time whichever it is.
        found = [hmac.compare_digest(sent, one.get_secret_value().encode()) for one in self._secrets]
        return any(found)


def _tokens(events: EventSettings, cloud: str) -> Tokens:
    return Tokens(keys_of(events, cloud), issuers_of(events, cloud), events.audience)


def keys_of(events: EventSettings, cloud: str) -> str:
    """Where the keys are that tokens are signed with."""
    return events.jwks_url or f"{AUTHORITIES[cloud][0]}/{events.tenant_id}/discovery/v2.0/keys"


def issuers_of(events: EventSettings, cloud: str) -> list[str]:
    login, sts = AUTHORITIES[cloud]
    return events.issuers or [f"{sts}/{events.tenant_id}/", f"{login}/{events.tenant_id}/v2.0"]
