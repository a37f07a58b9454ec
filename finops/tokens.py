"""Tokens of Entra ID that others bring: who issued them, for whom, until when, and whether the signature holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jwt

# Entra ID signs with RS256. The algorithm is ours to say, never the token's: https://www.rfc-editor.org/rfc/rfc8725#section-3.1
ALGORITHM = "RS256"
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10
LIFESPAN_SECONDS = 3600
LONGEST_TOKEN = 16 * 1024
# Once the keys could not be had, nobody waits for them again so soon: each try may take TIMEOUT_SECONDS of a thread.
PAUSE_SECONDS = 5


class Unreachable(Exception):
    """The issuer's keys cannot be had now: nobody can be let in."""


class Tokens:
    """Checks tokens of known issuers for known audiences; `needed` claims must be in them, beside exp, iss and aud."""

    def __init__(
        self, jwks_url: str, issuers: Sequence[str], audiences: Sequence[str], needed: Sequence[str] = ()
    ) -> None:
        self._issuers = list(issuers)
        self._audiences = list(audiences)
        self._needed = ["exp", "iss", "aud", *needed]
        self._keys = jwt.PyJWKClient(jwks_url, lifespan=LIFESPAN_SECONDS, timeout=TIMEOUT_SECONDS)
        self._not_before = float("-inf")

    def claims(self, authorization: Sequence[str]) -> dict[str, Any] | None:
        """The claims of the token in the Authorization header; None where there is none, or it is not valid."""
        if len(authorization) != 1 or len(authorization[0]) > LONGEST_TOKEN:
            return None
        kind, _, token = authorization[0].partition(" ")
        if kind.lower() != "bearer":
            return None
        if time.monotonic() < self._not_before:
            raise Unreachable
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuers,
                audience=self._audiences,
                leeway=LEEWAY_SECONDS,
                options={"require": self._needed},
            )
        except jwt.PyJWKClientConnectionError as fault:
            self._not_before = time.monotonic() + PAUSE_SECONDS
            raise Unreachable from fault
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
