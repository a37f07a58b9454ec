"""Who we are: one explicit identity, asked for a token once and then from memory."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError

from finops.config.model import AzureSettings
from finops.errors import AzureError, SignInError

from .clouds import Cloud

# A token is renewed when it has less than this left, as azure-core does (DEFAULT_REFRESH_WINDOW_SECONDS).
RENEW_BEFORE_SECONDS = 300
_NOWHERE = "00000000-0000-0000-0000-000000000000"
AZ_TIMEOUT_SECONDS = 30  # `az account get-access-token` takes 1 to 3 s, far longer on a cold disk


class Source(Protocol):
    """What azure-identity's credentials offer."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken: ...


class Tokens:
    """A credential that remembers: AzureCliCredential starts a process for every token it is asked for."""

    def __init__(self, source: Source, fix: str, clock: Callable[[], float] = time.time) -> None:
        self.source = source
        self._fix = fix
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], AccessToken] = {}

    def get_token(self, *scopes: str, claims: str | None = None, **options: Any) -> AccessToken:
        """A token for `scopes`; with `claims` (a challenge by Azure) always a new one."""
        with self._lock:
            known = self._known.get(scopes)
            if claims is None and known and known.expires_on - self._clock() > RENEW_BEFORE_SECONDS:
                return known
            try:
                token = self.source.get_token(*scopes, **({"claims": claims} if claims else {}))
            except ClientAuthenticationError as fault:  # CredentialUnavailableError is one of them
                raise SignInError(f"Not signed in to Azure: {_first_line(fault).rstrip('.')}.", self._fix) from fault
            self._known[scopes] = token
            return token

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        token = self.get_token(*scopes, claims=(options or {}).get("claims"))
        return AccessTokenInfo(token.token, token.expires_on)

    def forget(self) -> None:
        """Drop every token: Azure has just refused one."""
        with self._lock:
            self._known.clear()


class Nobody:
    """The identity towards a local server: a token that is worth nothing anywhere, as nobody signed it.

    client_id: whose it is told to be, so that the server can tell two identities apart.
    """

    def __init__(self, client_id: str | None = None) -> None:
        self._who = {"appid": client_id} if client_id else {}

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        until = int(time.time()) + 24 * 3600
        audience = scopes[0].removesuffix("/.default") if scopes else ""
        told: dict[str, object] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{_NOWHERE}/",
            "nbf": 0,
            "iat": 0,
            "exp": until,
        }
        told |= self._who
        parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, told))
        return AccessToken(".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + ".", until)


def tokens_of(settings: AzureSettings, cloud: Cloud) -> Tokens:
    """The tokens of the identity that the settings name.

    Explicit, never DefaultAzureCredential: falling back silently to a developer's `az login` is the failure that
    https://learn.microsoft.com/python/api/overview/azure/identity-readme (best practices) warns of.
    """
    return Tokens(Nobody(settings.client_id) if cloud.local else _source(settings, cloud), sign_in_fix(settings))


def reads_only(doing: str) -> AzureError:
    """The refusal of a change over a connection for reading: azure.executor says that who reads may not change."""
    return AzureError(
        f"{doing} would change Azure, and this connection only reads: azure.executor is another identity. "
        "It was not called.",
        "Run the command that is for it; a command that only looks changes nothing.",
        code="ReadsOnly",
    )


def sign_in_fix(settings: AzureSettings) -> str:
    """What a person does about a refused or missing login of this identity."""
    if settings.identity == "managed":
        which = f"the identity {settings.client_id}" if settings.client_id else "a managed identity"
        return f"Check that this machine has {which}, or set azure.identity to cli and run `az login`."
    if settings.identity == "workload":
        return (
            "Check the pod's service account: the workload identity webhook sets AZURE_FEDERATED_TOKEN_FILE, "
            "AZURE_CLIENT_ID and AZURE_TENANT_ID."
        )
    tenant = f" --tenant {settings.tenant_id}" if settings.tenant_id else ""
    return f"Run `az login{tenant}`."


def _source(settings: AzureSettings, cloud: Cloud) -> Source:
    from azure.identity import AzureCliCredential, ManagedIdentityCredential, WorkloadIdentityCredential

    if settings.identity == "managed":
        return ManagedIdentityCredential(client_id=settings.client_id)
    if settings.identity == "workload":
        # The credential's own complaint about a missing variable is a bare ValueError.
        asked = {
            "tenant_id": settings.tenant_id or os.environ.get("AZURE_TENANT_ID"),
            "client_id": settings.client_id or os.environ.get("AZURE_CLIENT_ID"),
            "token_file_path": os.environ.get("AZURE_FEDERATED_TOKEN_FILE"),
        }
        missing = [name for name, value in asked.items() if not value]
        if missing:
            raise SignInError(f"The workload identity lacks {' and '.join(missing)}.", sign_in_fix(settings))
        return WorkloadIdentityCredential(**asked, authority=cloud.authority)
    return AzureCliCredential(tenant_id=settings.tenant_id or "", process_timeout=AZ_TIMEOUT_SECONDS)


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or ["no reason given"])[0][:300]
