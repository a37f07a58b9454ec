"""Whose a finding is: the janitor's, or of another duty that asks on the same page. Each carries out only its own."""

from __future__ import annotations

from finops.state import Record

TIERING = "tiering"  # the rule of findings about access tiers; `finops tier apply` makes and carries them out


def of_janitor(record: Record) -> bool:
    """Whether a rule of the janitor found it."""
    return record.finding.rule != TIERING
