"""A saving as it is remembered: who found what on which resource, what was decided, done and undone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol, TypeVar

from finops.estate.ids import key, scopes

# whole: what the resource cost before, less what it costs since. price: it lives on at another price of an hour; its
# hours since, at the price before, less what was charged for them. idle: it keeps fewer nodes that nothing uses; the
# node-hours that the nodes kept before would have taken, less those it took, at the price before. none: an act that
# changes no cost, such as a tag. stored: an account that keeps its blobs at another price; what it keeps since, at the
# price of a GB before, less all that was charged for its blobs. unknown: what the charges cannot tell.
Measure = Literal["whole", "price", "idle", "stored", "none", "unknown"]
Basis = Literal["bill", "list price"]


@dataclass(frozen=True)
class Claim:
    """What is remembered of one saving: found, decided or done. Times are of the act itself.

    ref: what the report calls it by, unique over all sources; by default the number of the finding.
    quiet: when a quiet step before it began. It was charged on, all or in part: those days are no cost of before.
    watched: until when such a step lasts that is not over yet.
    kept, keeps: nodes that never went away before and since, where it is measured by them ("idle").
    ends: the day its owner had planned it to go, told before it was acted on.
    basis: what `expected` follows from: the bill of the 30 days before, or today's list price of 730 hours.
    """

    number: int
    stage: Literal["found", "decided", "done"]
    resource_id: str
    name: str
    what: str
    holder: str
    rule: str
    does: str
    did: str
    expected: Decimal | None  # a month
    cost: Decimal | None  # a month, before
    currency: str
    created: datetime | None = None  # the resource
    since: datetime | None = None
    until: datetime | None = None  # undone
    quiet: datetime | None = None
    watched: datetime | None = None
    source: str = "Janitor"
    ref: str = ""
    measure: Measure = "whole"
    kept: int = 0
    keeps: int = 0
    ends: date | None = None
    cannot: str = ""  # why what it saved cannot be known, where that is known beforehand
    owner: str = ""
    lapsed: bool = False  # it was approved, and not done while that held
    basis: Basis = "bill"

    @property
    def id(self) -> str:
        return key(self.resource_id)

    @property
    def called(self) -> str:
        """ "finding 3"; "change 12 of the spot guard"; "what the spot guard found on gpu"."""
        if not self.ref:
            return f"finding {self.number}"
        source = self.source.lower()
        return f"change {self.number} of the {source}" if self.number else f"what the {source} found on {self.name}"

    @property
    def stands(self) -> bool:
        """Whether it was done, was not undone, and is of a kind that changes what its resource costs."""
        return self.stage == "done" and self.since is not None and self.until is None and self.measure != "none"

    @property
    def lives_on(self) -> bool:
        """Whether the resource is used as before, so that what it costs moves with its use as well."""
        return self.measure in {"price", "idle", "stored"}


class Act(Protocol):
    """What was remembered or measured of something that we may have done: a Claim, a Saving."""

    @property
    def resource_id(self) -> str: ...

    @property
    def stands(self) -> bool: ...


A = TypeVar("A", bound=Act)


def ours_on(resource_id: str, acts: Iterable[A]) -> list[A]:
    """Our acts on a resource, or on what holds it, that stand. Of which days they are is the caller's to say."""
    ids = scopes(resource_id)
    return [one for one in acts if one.stands and key(one.resource_id) in ids]


__all__ = ["Claim", "Measure", "ours_on"]
