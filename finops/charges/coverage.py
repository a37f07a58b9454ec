"""Days of which charges ought to be here and are not: nothing at all, a subscription that fell silent, never asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from finops.charges.period import Period

DAY = timedelta(days=1)

# A subscription is expected to go on when it was charged on so many of the seven days up to its last one.
_STEADY = 5
# One that has been silent for longer was closed, or its charges moved: not every report of a year is to say so.
_FORGOTTEN = timedelta(days=35)


@dataclass(frozen=True)
class Gap:
    """Charges that ought to be here and are not."""

    scope: str
    what: str
    reason: str


Days = Mapping[str, frozenset[date]]
"""The days of each scope: a subscription, or a billing account where the charges name none."""


def scoped(rows: Iterable[tuple[str | None, date]]) -> Days:
    """(id as written, day) as days per scope: "/subscriptions/X" and "X" are one."""
    names: dict[str, str] = {}
    found: dict[str, set[date]] = {}
    for written, day in rows:
        name = (written or "").strip().lower()
        bare = re.sub(r"^/subscriptions/", "", name).rstrip("/")
        names[bare] = max(names.get(bare, ""), name, key=len)
        found.setdefault(bare, set()).add(day)
    return {names[bare]: frozenset(days) for bare, days in found.items()}


def missing(period: Period, charged: Days, asked: Days, until: date) -> list[Gap]:
    """What lacks inside `period`.

    charged: days with charges. asked: days that were asked from Azure, where anything was; others know no such thing.
    until: the day from which on nothing is expected yet.
    """
    days = [day for day in period.days if day < until]
    never = _never_asked(days, asked)
    every = frozenset().union(*charged.values())
    holes = _holes(days, every) if every else []
    unasked = {day for gap in never for day in gap[1]}
    found = [
        Gap(scope, f"charges of {label}", "these days were never asked for: ingest them")
        for scope, lacking in never
        for label in _labels(lacking)
    ]
    found += [
        Gap(
            "all subscriptions",
            f"charges of {label}",
            "nothing at all was charged, while days before and after have charges",
        )
        for label in _labels([day for day in holes if day not in unasked])
    ]
    for scope, last, lacking in _fallen_silent(days, charged, every, until):
        left = [day for day in lacking if day not in unasked]
        reason = f"its charges stop after {_said(last)}, those of others go on"
        found += [Gap(scope or "no subscription", f"charges of {label}", reason) for label in _labels(left)]
    return found


def _holes(days: list[date], every: frozenset[date]) -> list[date]:
    """Of `days`, those without charges between the first day and the last that have some.

    Where charges are few and far between, as in a sample, an empty day means nothing: a hole has steady charges on one
    of its sides, or most days around it are charged.
    """
    first, last = min(every), max(every)
    is_dense = 2 * len(every) > (last - first).days
    lacking = [day for day in days if first < day < last and day not in every]
    return [day for day in lacking if is_dense or _is_beside_steady(day, every)]


def _is_beside_steady(day: date, every: frozenset[date]) -> bool:
    before = max(known for known in every if known < day)
    after = min(known for known in every if known > day)
    week = range(7)
    return (
        sum(before - n * DAY in every for n in week) >= _STEADY
        or sum(after + n * DAY in every for n in week) >= _STEADY
    )


def _never_asked(days: list[date], asked: Days) -> list[tuple[str, list[date]]]:
    """Days that no ingest asked of a scope, up to the newest that one asked of any."""
    if not asked:
        return []
    newest = max(max(known) for known in asked.values() if known)
    lacking = [(scope, [day for day in days if day <= newest and day not in known]) for scope, known in asked.items()]
    return [(scope, unasked) for scope, unasked in sorted(lacking) if unasked]


def _fallen_silent(
    days: list[date], charged: Days, every: frozenset[date], until: date
) -> list[tuple[str, date, list[date]]]:
    """(scope, its last day, days of others that it lacks) where steady charges end and no weekend explains it."""
    found = []
    for scope, own in sorted(charged.items()):
        known = sorted(day for day in own if day < until)
        if not known or max(own) >= until:
            continue
        last = known[-1]
        lacking = [day for day in days if day > last and day in every]
        silence = max((day for day in every if day < until), default=last) - last
        pauses = [later - earlier - DAY for earlier, later in pairwise(known)]
        is_steady = sum(last - 7 * DAY < day for day in known) >= _STEADY
        if lacking and is_steady and silence > max(pauses, default=0 * DAY) and days[0] - last <= _FORGOTTEN:
            found.append((scope, last, lacking))
    return found


def _labels(days: list[date]) -> list[str]:
    """Runs of days as people say them."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][-1] == DAY:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [Period(run[0], run[-1] + DAY).label for run in runs]


def _said(day: date) -> str:
    return Period(day, day + DAY).label
