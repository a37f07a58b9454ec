"""A setting that names a time zone."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as fault:
        raise ValueError(f"'{name}' is no time zone; write one such as Europe/Berlin") from fault
    return name


TimeZone = Annotated[str, AfterValidator(_known)]
