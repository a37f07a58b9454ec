"""Signed text: the token in each form, bound to its reader, and the cookie of the demo's sign-in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from hmac import compare_digest

from itsdangerous import BadSignature, URLSafeTimedSerializer

from finops.config.model import WebSettings
from finops.config.secrets import keys
from finops.errors import ConfigError

Keys = Callable[[], list[str]]
SHORTEST_KEY = 32  # characters
FORM_SECONDS = 8 * 3600  # a working day: a form that was left open overnight is to be looked at anew
COOKIE_SECONDS = 12 * 3600


def keys_of(settings: WebSettings) -> Keys:
    """The keys that sign, the oldest first: the last one does. Read anew each time, so that they can be replaced.

    Made up for the demo, where nobody has to share it; otherwise it must be given.
    """
    secret = settings.secret_key
    if secret is None:
        if settings.auth == "demo":
            invented = [secrets.token_urlsafe(32)]
            return lambda: invented
        raise ConfigError(
            "web.secret_key is missing: nothing could be signed.",
            f"Give {SHORTEST_KEY} random characters or more as FINOPS_WEB__SECRET_KEY; every process needs the same.",
        )

    def read() -> list[str]:
        found = keys(secret)
        shortest = min(map(len, found), default=0)
        if shortest < SHORTEST_KEY:
            raise ConfigError(
                f"web.secret_key has {shortest} characters: it could be guessed.",
                f"Give {SHORTEST_KEY} random characters or more, such as `openssl rand -base64 32` prints.",
            )
        return found[::-1]

    read()
    return read


class Seals:
    """Signs with one key, with another salt for each purpose. Times are those of the real clock."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @property
    def _forms(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._keys(), salt="finops.web.form")

    @property
    def _cookies(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._keys(), salt="finops.web.demo")

    def form(self, oid: str) -> str:
        """A token that lets `oid`, and nobody else, send a form."""
        return str(self._forms.dumps(oid))

    def fits(self, token: str, oid: str) -> bool:
        try:
            bound = self._forms.loads(token, max_age=FORM_SECONDS)
        except BadSignature:
            return False
        return isinstance(bound, str) and compare_digest(bound.encode(), oid.encode())

    def cookie(self, name: str) -> str:
        return str(self._cookies.dumps(name))

    def cookie_says(self, cookie: str) -> tuple[str, datetime] | None:
        """Who it was made for, and when; None if it is not ours, or old."""
        try:
            name, made = self._cookies.loads(cookie, max_age=COOKIE_SECONDS, return_timestamp=True)
        except BadSignature:
            return None
        return (name, made) if isinstance(name, str) else None
