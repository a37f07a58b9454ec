"""A setting that says where to listen: "host:port"; an IPv6 address stands in brackets."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_LISTEN = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})\Z")


def _address(listen: str) -> str:
    found = _LISTEN.match(listen)
    if found is None or int(found["port"]) > 65535:
        raise ValueError("write it as host:port, such as 127.0.0.1:9465 or [::1]:9465")
    return listen


Listen = Annotated[str, AfterValidator(_address)]
