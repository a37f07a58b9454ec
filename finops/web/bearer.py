"""Tokens that a proxy passes on: who issued them, for whom, until when, and whether the signature holds."""

from __future__ import annotations

from typing import Any

import jwt

# Entra ID signs with RS256. The algorithm is ours to say, never the token's: https://www.rfc-editor.org/rfc/rfc8725#section-3.1
ALGORITHM = "RS256"
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10
LIFESPAN_SECONDS = 3600
LONGEST_TOKEN = 16 * 1024


class Refused(Exception):
    """Somebody is signed in, and may not come in; the text is for them."""


class Unreachable(Exception):
    """The issuer's keys cannot be had now: nobody can be let in."""


class Bearer:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, jwks_url: str, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = jwt.PyJWKClient(jwks_url, lifespan=LIFESPAN_SECONDS, timeout=TIMEOUT_SECONDS)

    def claims(self, authorization: list[str]) -> dict[str, Any] | None:
        """The claims of the token in the Authorization header; None where there is none, or it is not valid."""
        if len(authorization) != 1 or len(authorization[0]) > LONGEST_TOKEN:
            return None
        kind, _, token = authorization[0].partition(" ")
        if kind.lower() != "bearer":
            return None
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "oid"]},
            )
        except jwt.PyJWKClientConnectionError as fault:
            raise Unreachable from fault
        except (jwt.PyJWTError, ValueError):
            return None
