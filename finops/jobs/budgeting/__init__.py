"""Budgets: check and tell, watch what runs now, keep Azure's own in step."""

from __future__ import annotations

from finops.jobs.budgeting.checking import Checked, Looked, check, look, stands
from finops.jobs.budgeting.memory import Remembered, acknowledge, mute, remembered, unmute
from finops.jobs.budgeting.outgoing import deliver
from finops.jobs.budgeting.watching import Watched, record, watch

__all__ = [
    "Checked",
    "Looked",
    "Remembered",
    "Watched",
    "acknowledge",
    "check",
    "deliver",
    "look",
    "mute",
    "record",
    "remembered",
    "stands",
    "unmute",
    "watch",
]
