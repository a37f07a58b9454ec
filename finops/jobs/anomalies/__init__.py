"""Anomalies: judge the charges, keep a case for each, find its cause, tell it once, carry it until it is closed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from finops.anomalies import Anomaly
from finops.anomalies.cases import (
    Case,
    bar_of,
    case_of,
    cases,
    explain,
    false_positive,
    looked,
    plan,
    plans,
    raised,
    resolve,
    scope_of,
)
from finops.charges import Period
from finops.jobs.anomalies.reading import DAY
from finops.jobs.anomalies.watching import Look, Watched, caused, look, watch

if TYPE_CHECKING:
    from finops.state import State

__all__ = [
    "Case",
    "Look",
    "Watched",
    "bar_of",
    "case_of",
    "cases",
    "caused",
    "evaluated",
    "explain",
    "false_positive",
    "look",
    "open_cases",
    "plan",
    "plans",
    "raised",
    "resolve",
    "scope_of",
    "watch",
]


def open_cases(state: State | None, currency: str = "") -> tuple[Anomaly, ...] | None:
    """The cases that are not closed, for a report; None where nobody has looked yet."""
    if evaluated(state) is None:
        return None
    mine = [one for one in cases(state) if one.is_open and currency in ("", one.currency)]
    return tuple(replace(one.so_far, resources=one.ids) for one in mine)


def evaluated(state: State | None) -> Period | None:
    """The days that were judged when somebody last looked."""
    days = looked(state)
    return Period(days[0], days[1] + DAY) if days else None
