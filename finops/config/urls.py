"""Which addresses of the web settings may hold: https, so that nobody in between reads or changes what is said."""

from __future__ import annotations

from urllib.parse import urlsplit

from .strict import LOOPBACK


def safe(url: str) -> str:
    """`url`, if it is an https:// address, or an http:// one of this machine. ValueError, which does not repeat it."""
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0 and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        whole = False
    if not whole or parts.username is not None or parts.fragment:
        raise ValueError("it is no address; write it as https://host/path, without a user or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError("only https:// is accepted, or http:// on 127.0.0.1, ::1 or localhost")
    return url
