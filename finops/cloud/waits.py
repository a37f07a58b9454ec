"""How long Azure asks us to wait, read from an answer's headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Seen in production: retry-after, x-ms-ratelimit-microsoft.costmanagement-{qpu,entity,tenant,client,clienttype}-
# retry-after, and the storage family's x-ms-retry-after-ms. "remaining" headers hold counts, not seconds.
SECONDS = "retry-after"
MILLISECONDS = "retry-after-ms"


def asked_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """The longest wait in seconds that any of the retry-after headers asks for; None without a readable one."""
    waits = [
        wait
        for name, value in headers.items()
        if (wait := _wait(name.lower(), value.strip(), headers, now)) is not None
    ]
    return max(waits, default=None)


def quota_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until Resource Graph grants the next query, when this answer says that none is left."""
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    if lower.get("x-ms-user-quota-remaining") != "0":
        return None
    parts = lower.get("x-ms-user-quota-resets-after", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return None
    return max(0.0, hours * 3600 + minutes * 60 + seconds)


def come_back(now: datetime, seconds: float) -> str:
    """A sentence that says when the same call may work again."""
    when = (now + timedelta(seconds=seconds)).astimezone(UTC)
    return f"Try again after {when:%Y-%m-%d %H:%M:%S} UTC."


def _wait(name: str, value: str, headers: Mapping[str, str], now: datetime) -> float | None:
    if not name.endswith((SECONDS, MILLISECONDS)):
        return None
    try:
        number = float(value)
    except ValueError:
        return _until(value, headers, now) if name == SECONDS else None
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return max(0.0, number / 1000 if name.endswith(MILLISECONDS) else number)


def _until(date: str, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until an HTTP date, by Azure's own clock (its `Date` header) where it tells: ours may be wrong."""
    theirs = next((value for name, value in headers.items() if name.lower() == "date"), None)
    try:
        until = parsedate_to_datetime(date)
        start = parsedate_to_datetime(theirs) if theirs else now
    except ValueError:
        return None
    if until.tzinfo is None or start.tzinfo is None:
        return None
    return max(0.0, (until - start).total_seconds())
