"""ISO 8601 durations as ARM writes them."""

from __future__ import annotations

import re

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$")


def minutes_of(text: object, default: int) -> int:
    """Minutes in a duration such as "PT120S", rounded up; `default` where there is none."""
    found = _DURATION.match(str(text or ""))
    if not found or not any(found.groups()):
        return default
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * 1440 + hours * 60 + minutes + -(-seconds // 60)
