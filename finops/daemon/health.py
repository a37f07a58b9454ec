"""Whether the daemon is alive: its own loop beats, not only its process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .pulse import Pulse


def unwell(pulse: Pulse, monotonic: float, heartbeat_seconds: float) -> str:
    """Why it is to be started again; "" while all is well."""
    beat_at = pulse.beat_at
    if beat_at is None:
        return "The loop that begins duties has not begun yet."
    silent = monotonic - beat_at
    if silent <= heartbeat_seconds:
        return ""
    return f"The loop that begins duties has not beaten for {silent:.0f} s; {heartbeat_seconds:g} s are allowed."
