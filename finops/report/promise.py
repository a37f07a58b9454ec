"""What the range of a forecast promises: the one place that all mails, pages and sheets have it from."""

from __future__ import annotations

from decimal import Decimal

from finops.forecast import LEVEL
from finops.report.model import Record
from finops.report.words import Words


def promise(record: Record | None, words: Words, level: Decimal = LEVEL) -> str:
    """ "8 in 10"; where such ranges held less often than that, how often they did: "held 5 of 9 times"."""
    if record is None or record.kept(level):
        return words.say("{n} in 10", n=f"{level * 10:.0f}")
    return words.say("held {inside} of {of} times", inside=words.number(record.inside), of=words.number(record.of))
