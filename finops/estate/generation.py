"""When a resource was made: what tells it from a namesake."""

from __future__ import annotations

from finops.estate.model import Json, text

# Where ARM and its providers say it; computes of older versions have createdOn only.
CREATED = ("systemData.createdAt", "properties.creationTime", "properties.creationDate", "properties.createdOn")


def generation_of(body: Json) -> str:
    """When this very resource was made, so that a namesake is told from it; "" where Azure does not say."""
    return next((found for path in CREATED if (found := text(body, path))), "")
