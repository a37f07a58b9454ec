"""What people said of findings, as exemptions: for whatever would take the resource of another finding along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from finops.approvals.votes import ASIDE
from finops.approvals.whose import of_janitor
from finops.exemptions import Exemption
from finops.state import State


def words(state: State, now: datetime) -> Iterator[Exemption]:
    """Of each finding that is denied, snoozed or exempt until a day to come, that its resource is to stay.

    What a tag or the exemptions file exempts has no such day: that counts by itself, as long as it is there.
    """
    for status in (*ASIDE, "quiet"):  # a word on a quiet one stands while what was done is taken back
        for record in state.findings.all(status=status, limit=None)[0]:
            until = record.snoozed_until
            if of_janitor(record) and until is not None and until > now:
                said = "denied, snoozed or exempt" if status == "quiet" else status
                source = f"finding {record.number}, which is {said}"
                yield Exemption(record.finding.resource_id, until.date(), record.note, "", source)
