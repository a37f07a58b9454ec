"""ipRangeContains: whether one range of addresses lies within another."""

from __future__ import annotations

import ipaddress
from typing import Any

from finops.conditions.functions.arguments import a_text
from finops.conditions.scope import TemplateError


def ip_range_contains(outer: Any, inner: Any) -> bool:
    """False where either is no range; an error where one is IPv4 and the other IPv6 (Azure's text)."""
    wide, narrow = (_bounds(a_text("ipRangeContains", each)) for each in (outer, inner))
    if wide is None or narrow is None:
        return False
    if wide[0] != narrow[0]:
        raise TemplateError(f"ipRangeContains() mixes IPv{wide[0]} and IPv{narrow[0]}: {outer} and {inner}")
    return wide[1] <= narrow[1] and narrow[2] <= wide[2]


def _bounds(text: str) -> tuple[int, int, int] | None:
    """The family, the first and the last address of "10.0.0.1", "10.0.0.0/8" or "10.0.0.1-10.0.0.9"."""
    try:
        if "-" in text:
            first, last = (ipaddress.ip_address(each.strip()) for each in text.split("-", 1))
            if first.version != last.version or int(first) > int(last):
                return None
            return first.version, int(first), int(last)
        found = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    return found.version, int(found.network_address), int(found.broadcast_address)


FUNCTIONS = {"ipRangeContains": (ip_range_contains, 2, 2)}
