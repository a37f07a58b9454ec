"""Links for mails: signed, good for seven days, leading to the page behind its sign-in. They act on nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from finops.config.model import WebSettings

DAYS = 7
SALT = "finops.web.link"
# Nobody's name, address or resource is in a link: it is passed on, logged and scanned.
Place = Literal["mine", "pending"] | int


def link(settings: WebSettings, to: Place) -> str | None:
    """The address of a finding by its number, of the reader's own findings, or of those that wait; None without a page.

    Without a key it is the plain address of the page, which asks for the same sign-in.
    """
    if settings.auth == "none":
        return None
    base = base_url(settings)
    if settings.secret_key is None:
        return base + path_of(to)
    from itsdangerous import URLSafeTimedSerializer

    from finops.config.secrets import keys

    return f"{base}/m/{URLSafeTimedSerializer(keys(settings.secret_key)[::-1], salt=SALT).dumps(to)}"


def place(keys: Sequence[str], token: str) -> Place | None:
    """Where a link that we signed with one of `keys` leads; None for any other, and for an old one."""
    from itsdangerous import BadSignature, URLSafeTimedSerializer

    try:
        to = URLSafeTimedSerializer(list(keys), salt=SALT).loads(token, max_age=DAYS * 24 * 3600)
    except BadSignature:
        return None
    return to if to in ("mine", "pending") or (type(to) is int and to > 0) else None


def path_of(to: Place) -> str:
    if to == "mine":
        return "/findings?owner=me"
    if to == "pending":
        return "/findings"
    return f"/findings/{to}"


def base_url(settings: WebSettings) -> str:
    """Where people open the page."""
    if settings.public_url:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
