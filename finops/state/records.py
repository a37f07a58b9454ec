"""How values are written: canonical JSON, clean text, times as UTC text, ids in lower case."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from finops.errors import DataError

Json = dict[str, Any]

LONGEST_TEXT = 4000  # characters of a reason; Azure's own messages are cut at 600


def canonical(value: Any) -> str:
    """`value` as JSON that is the same for the same content. What JSON has no word for is written as text."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)
    except (ValueError, TypeError, RecursionError) as fault:
        raise DataError(
            f"This cannot be written down: {fault}.", "Evidence is plain JSON with finite numbers and text as keys."
        ) from fault


def digest(value: Any) -> str:
    """SHA-256 of `value` in canonical JSON, in hex."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def clean(text: str) -> str:
    """`text` as both databases take it: no NUL (PostgreSQL), no lone surrogates, not endless."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:LONGEST_TEXT]


def key_of(resource_id: str) -> str:
    """The form in which ids are compared."""
    return clean(resource_id).strip().rstrip("/").lower()


def written(moment: datetime) -> str:
    """`moment` as text that sorts by time."""
    if moment.tzinfo is None:
        raise DataError(f"{moment} has no time zone.", "Times are aware and UTC.")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)
