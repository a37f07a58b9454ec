"""Which open cases an act of our own has ended: nobody needs to answer for them any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from finops.anomalies.cases import Case
from finops.jobs.anomalies.reading import DAY, Read
from finops.jobs.claims import said
from finops.jobs.stopped import acts_behind
from finops.report import Claim


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
