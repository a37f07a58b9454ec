"""Who is asking: by Easy Auth, by a proxy's token, or by the demo's list. Nobody comes in without a role."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from finops.approvals import Person, address
from finops.config.model import LOOPBACK, WebSettings
from finops.errors import ConfigError
from finops.served import from_here
from finops.tokens import Tokens

from .seals import Seals

COOKIE = "finops-demo"
# Long names of claims, which Easy Auth uses beside the short ones: https://learn.microsoft.com/dotnet/api/system.security.claims.claimtypes
# and https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
CLAIMS = {
    "http://schemas.microsoft.com/identity/claims/objectidentifier": "oid",
    "http://schemas.microsoft.com/identity/claims/tenantid": "tid",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "roles",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": "email",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name": "name",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "upn",
}
LONGEST_PRINCIPAL = 64 * 1024
LONGEST_ADDRESS = 320  # RFC 3696, as far as it goes


class Refused(Exception):
    """Somebody is signed in, and may not come in; the text is for them."""


@dataclass(frozen=True)
class SignedIn:
    """A person, and since when they are signed in; None: not known."""

    person: Person
    since: datetime | None


DEMO: dict[str, tuple[str, str, list[str]]] = {
    "ana": ("Ana Approver", "ana.approver@contoso.com", ["approver"]),
    "ben": ("Ben Approver", "ben.approver@contoso.com", ["approver"]),
    "rita": ("Rita Reader", "rita.reader@contoso.com", ["reader"]),
}


class People:
    """Signs in one request at a time."""

    def __init__(self, settings: WebSettings, seals: Seals) -> None:
        self._settings = settings
        self._seals = seals
        self._bearer = _bearer(settings) if settings.auth == "bearer" else None
        if settings.auth == "easyauth" and not settings.tenant_id:
            raise ConfigError("web.tenant_id is missing: people of any tenant could come in.", "Set your Entra tenant.")
        if settings.auth == "demo" and settings.host not in LOOPBACK:
            raise ConfigError(
                f"web.auth is demo and web.host is {settings.host}: anybody could sign in as anybody.",
                "Serve the demo on 127.0.0.1, or set web.auth to easyauth or bearer.",
            )

    def who(self, request: Request) -> SignedIn | None:
        """Who asks; None where nobody is signed in. Raises Refused when somebody is who may not come in."""
        if self._settings.auth == "easyauth":
            return self._easyauth(request)
        if self._bearer is not None:
            claims = self._bearer.claims(request.headers.getlist("authorization"))
            return None if claims is None else self._admitted(claims, claims.values())
        if self._settings.auth == "demo":
            return self._demo(request)
        return None

    def _easyauth(self, request: Request) -> SignedIn | None:
        """By the header that App Service and Container Apps set, and take away from what comes from outside.

        https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
        """
        given = request.headers.getlist("x-ms-client-principal")
        if not given:
            return None
        if len(given) > 1 or len(given[0]) > LONGEST_PRINCIPAL:
            raise Refused("The sign-in cannot be read.")
        try:
            principal = json.loads(base64.b64decode(given[0], validate=True))
            pairs = [(str(claim["typ"]), claim["val"]) for claim in principal["claims"]]
            role = str(principal.get("role_typ") or "roles")
        except (binascii.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
            raise Refused("The sign-in cannot be read.") from fault
        claims: dict[str, Any] = {"roles": []}
        for name, value in pairs:
            short = "roles" if name in {role, "roles"} else CLAIMS.get(name, name)
            if short == "roles":
                claims["roles"].append(value)
            else:
                claims.setdefault(short, value)
        return self._admitted(claims, [value for _, value in pairs])

    def _admitted(self, claims: dict[str, Any], values: Iterable[object]) -> SignedIn:
        """The person of an Entra token's claims, if it is of our tenant and holds a role of ours.

        values: of all claims, those too that are given more than once
        """
        settings = self._settings
        oid = claims.get("oid")
        if not isinstance(oid, str) or not oid.strip():
            raise Refused("The sign-in does not say who you are (no oid).")
        if settings.tenant_id and str(claims.get("tid", "")).lower() != settings.tenant_id.lower():
            raise Refused("You are signed in with another organisation's account.")
        given = claims.get("roles")
        held = set(given) if isinstance(given, list) and all(isinstance(role, str) for role in given) else set()
        roles = {
            ours
            for name, ours in ((settings.reader_role, "reader"), (settings.approver_role, "approver"))
            if name in held
        }
        if not roles:
            raise Refused(
                f"You are signed in, but you have neither the role {settings.reader_role} nor {settings.approver_role}."
                " An administrator assigns them in Entra ID, under Enterprise applications, Users and groups."
            )
        # Not `email` where there is another: guests bring it along, and nobody has checked it.
        # https://learn.microsoft.com/entra/identity-platform/claims-validation#validate-the-subject
        email = _text(claims, "preferred_username", "upn", "email")
        name = _text(claims, "name") or email or oid
        # A silent refresh renews `iat`, not `auth_time`, which is when the person was really there:
        # https://learn.microsoft.com/entra/identity-platform/optional-claims-reference
        since = claims.get("auth_time", claims.get("iat"))
        person = Person(oid.strip().lower(), name, email.lower(), frozenset(roles), _addresses(values))
        return SignedIn(person, _moment(since))

    def _demo(self, request: Request) -> SignedIn | None:
        if not from_here(request):
            raise Refused("The demo's sign-in works on this machine only.")
        says = self._seals.cookie_says(request.cookies.get(COOKIE, ""))
        if says is None or says[0] not in DEMO:
            return None
        name, email, roles = DEMO[says[0]]
        return SignedIn(Person(f"demo-{says[0]}", name, email, frozenset(roles)), says[1])


def _bearer(settings: WebSettings) -> Tokens:
    missing = [name for name in ("jwks_url", "issuer", "audience") if not getattr(settings, name)]
    if missing:
        raise ConfigError(
            f"web.auth is bearer and {', '.join(f'web.{name}' for name in missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing: tokens could not be checked.",
            "See docs/approvals.md for the values of Entra ID.",
        )
    return Tokens(str(settings.jwks_url), [str(settings.issuer)], [str(settings.audience)], ["oid"])


def _addresses(values: Iterable[object]) -> frozenset[str]:
    """Whatever is an address in the claims, under any name: preferred_username, upn, email, unique_name, ..."""
    each = (one for value in values for one in (value if isinstance(value, list) else [value]))
    texts = [one for one in each if isinstance(one, str) and len(one) <= LONGEST_ADDRESS]
    return frozenset(address(one).lower() for one in texts) - {""}


def _text(claims: dict[str, Any], *names: str) -> str:
    return next(
        (value.strip()[:200] for name in names if isinstance(value := claims.get(name), str) and value.strip()), ""
    )


def _moment(seconds: object) -> datetime | None:
    """A claim's time: seconds since 1970, as a number or, from Easy Auth, as text."""
    try:
        return datetime.fromtimestamp(float(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None
