"""Which open cases an act of our own has ended, or is the reason of: nobody needs to answer for them any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from finops.anomalies.cases import Case
from finops.jobs.anomalies.reading import DAY, Read
from finops.jobs.claims import said
from finops.jobs.stopped import acts_behind
from finops.report import Claim
from finops.report.claim import ours_on

# What was taken away stays on the bill for as long as it can still be brought back.
QUARANTINE = timedelta(days=30)


def gained_by(case: Case, acts: Sequence[Claim]) -> Case:
    """The case, explained where it costs less since we acted on what is behind most of it: that is what we did it for.
    What was done late in a day shows on the next; what shows before it was done has another reason."""
    one = case.anomaly
    if one.state != "open" or one.impact >= 0 or not case.ids:
        return case
    for act in ours_on(case.ids[0], acts):
        if act.since and one.first - QUARANTINE <= act.since.date() <= one.first:
            return replace(case, anomaly=replace(one, state="explained", why=f"{act.name} was {said(act)}"))
    return case


def ended_by(case: Case, acts: Sequence[Claim], seen: Read, now: datetime) -> Case:
    """The case, closed where we changed what is behind most of it, and no day since is off."""
    one = case.so_far
    if one.state != "open" or one.going_on or one.impact <= 0 or not case.ids:
        return case
    for act, day in acts_behind(case, acts):
        # What was stopped late in a day is charged on the next, too.
        if day < seen.through and one.last <= day + DAY and one.last < seen.through:
            why = f"{act.name} was {said(act)}"
            return replace(case, anomaly=replace(case.anomaly, state="resolved", why=why), ended=now, by_act=True)
    return case
