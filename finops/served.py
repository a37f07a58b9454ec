"""What holds wherever we answer over HTTP: the name we were asked by, whether from this machine, what goes along."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import Message, Send

from finops.config.strict import LOOPBACK

# What a proxy adds: then whoever asks is not on this machine, whatever the connection says.
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-original-host", "x-real-ip")
_HOST = re.compile(r"(?:(?P<name>[a-z0-9._-]+)|\[(?P<address>[0-9a-f:.]+)\])(?::[0-9]{1,5})?\Z")


def host_of(given: Sequence[str]) -> str:
    """The name in the one Host header, in lower case and without its port; "" for none, several, or nonsense."""
    found = _HOST.match(given[0].lower()) if len(given) == 1 else None
    return (found["name"] or found["address"]) if found else ""


def from_here(request: Request) -> bool:
    """Whether whoever asks sits at this machine: asked over loopback, by a loopback name, through no proxy."""
    client = request.client.host if request.client else ""
    # Not request.url: where the Host header is nonsense, that names the address that we listen at.
    named = host_of(request.headers.getlist("host"))
    return client in LOOPBACK and named in LOOPBACK and not any(header in request.headers for header in FORWARDED)


def sealed(send: Send, headers: Mapping[str, str]) -> Send:
    """`send`, with these headers in every answer, whoever made it."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = MutableHeaders(scope=message)
            for name, value in headers.items():
                given[name] = value
        await send(message)

    return sent
