"""Until when an owner plans to need a resource, by its tag."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

END = "EndDate"  # as the janitor's rules read it


def planned_end(tags: Any) -> date | None:
    """The day in the resource's own tag; None where there is none that can be read."""
    if not isinstance(tags, Mapping):
        return None
    given = next((value for name, value in tags.items() if str(name).lower() == END.lower()), None)
    try:
        return date.fromisoformat(str(given).strip()[:10])
    except ValueError:
        return None
