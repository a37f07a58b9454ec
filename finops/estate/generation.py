"""When a resource was made: what tells it from a namesake."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from finops.estate.model import Json, text

# Two things of one name cannot be made within one: a deletion lies between them.
A_SECOND = timedelta(seconds=1)
FRACTION = re.compile(r"(\.\d{1,6})\d*")  # ARM writes up to seven digits, which Python does not read everywhere

# Where ARM and its providers say it; computes of older versions have createdOn only.
CREATED = ("systemData.createdAt", "properties.creationTime", "properties.creationDate", "properties.createdOn")


def generation_of(body: Json) -> str:
    """When this very resource was made, so that a namesake is told from it; "" where Azure does not say."""
    return next((found for path in CREATED if (found := text(body, path))), "")


def same_generation(one: str, other: str) -> bool:
    """Whether both are of the same resource: moments are compared, not their spelling.

    Resource Graph and ARM write fractions of a second with more or fewer digits. "" says nothing, and is like nothing.
    """
    if not one or not other:
        return False
    if one == other:
        return True
    first, second = _moment(one), _moment(other)
    return first is not None and second is not None and abs(first - second) < A_SECOND


def _moment(generation: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(FRACTION.sub(r"\1", generation))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
