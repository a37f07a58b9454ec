"""A registry's own tokens: one sign-in a registry, one token a scope, both remembered.

Microsoft's azure-containerregistry 1.2.0 asks for both anew with every call, after a refusal: four requests in place of
one (its expiry test is the wrong way round, and it keeps no access token).
"""

from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from finops.errors import AccessDenied, AzureError, SignInError

from .calls import Answer
from .faults import azure_error
from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Where a token does not say how long it lives. ACR: access tokens 75 min, refresh tokens 3 h (AAD-OAuth.md, 2024).
SHORTEST_SECONDS = 300.0
# A registry whose refresh token says who we are decides by repository (ABAC): it grants nothing for all at once.
BY_REPOSITORY = "aad_identity"


class RegistryTokens:
    """The tokens of one registry. Times are counted from when a token came, so that clocks need not agree."""

    def __init__(self, azure: Azure, server: str, acting: bool = False) -> None:
        self._azure = azure
        self._entra = azure.acting_tokens if acting else azure.tokens
        self._server = server
        self._lock = threading.RLock()
        self._refresh: tuple[str, float] = ("", 0.0)
        self._access: dict[str, tuple[str, float]] = {}
        self._by_repository = False

    def token(self, repository: str, actions: str) -> str:
        """A token for `actions` ("metadata_read", "pull,push") on `repository`; for the list of them without one."""
        with self._lock:
            refresh = self._refresh_token()
            name = repository if self._by_repository else "*"
            scope = f"repository:{name}:{actions}" if repository else "registry:catalog:*"
            known, until = self._access.get(scope, ("", 0.0))
            if known and self._azure.time.monotonic() < until:
                return known
            form = {"grant_type": "refresh_token", "service": self._server, "scope": scope, "refresh_token": refresh}
            token = self._asked("/oauth2/token", form, "access_token", f"read {self._server}")
            self._access[scope] = (token, self._until(token))
            return token

    def forget(self) -> None:
        """Drop every token: the registry has just refused one."""
        with self._lock:
            self._refresh = ("", 0.0)
            self._access.clear()

    def _refresh_token(self) -> str:
        token, until = self._refresh
        if token and self._azure.time.monotonic() < until:
            return token
        entra = self._entra.get_token(self._azure.cloud.registry_scope).token
        form = {"grant_type": "access_token", "service": self._server, "access_token": entra}
        token = self._asked("/oauth2/exchange", form, "refresh_token", f"sign in to {self._server}")
        self._refresh = (token, self._until(token))
        self._by_repository = BY_REPOSITORY in claims(token)
        return token

    def _asked(self, path: str, form: dict[str, str], name: str, doing: str) -> str:
        address = self._azure.cloud.registry(self._server) + path
        answer = self._azure.send(
            "registry", "POST", address, None, content=urlencode(form).encode(), headers=FORM, read=True,
            scope=self._server, doing=doing, also={401, 403},
        )  # fmt: skip
        if answer.status >= 300:
            raise refused(self._server, answer, doing)
        try:
            token = json.loads(answer.body)[name]
        except (ValueError, KeyError, TypeError) as fault:
            raise AzureError(
                f"{self._server} answered no {name} to {doing}.", "Run it again; a proxy may stand in between.",
                code="OddAnswer",
            ) from fault  # fmt: skip
        return str(token)

    def _until(self, token: str) -> float:
        told = claims(token)
        try:
            lasts = float(told["exp"]) - float(told["iat"])
        except (KeyError, TypeError, ValueError):
            lasts = SHORTEST_SECONDS
        return self._azure.time.monotonic() + max(0.0, lasts * 0.9)


def claims(token: str) -> Json:
    """What a token (a JWT) says of itself; {} where it cannot be read. Its signature is the registry's business."""
    part = [*token.split("."), ""][1]
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def refused(server: str, answer: Answer, doing: str) -> AzureError:
    """The error for a registry that says 401 or 403 to a token that is new. No SignInError: others may well answer."""
    fault = azure_error(
        answer.status, answer.headers, answer.body, doing=doing, method="POST", path=f"/{server}", sign_in_fix=""
    )
    if isinstance(fault, SignInError | AccessDenied):
        return AccessDenied(
            fault.what,
            f"Give this identity AcrPull on {server} (a registry that decides by repository needs Container Registry "
            "Repository Reader and Catalog Lister), and check that the registry admits this network.",
            fault.status,
            fault.code,
        )
    return fault
