"""The main path: one short function a duty, each read -> decide -> act -> tell."""

from __future__ import annotations

from finops.jobs.claims import remembered
from finops.jobs.guarding import Guarded, Plan, guard, guard_plan
from finops.jobs.weekly import (
    Connect,
    Made,
    Weekly,
    book_of,
    charged,
    ingest,
    known_of,
    make,
    message,
    send,
    weekly_report,
)

__all__ = [
    "Connect",
    "Guarded",
    "Made",
    "Plan",
    "Weekly",
    "book_of",
    "charged",
    "guard",
    "guard_plan",
    "ingest",
    "known_of",
    "make",
    "message",
    "remembered",
    "send",
    "weekly_report",
]
