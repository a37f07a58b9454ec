"""Why the figures can be relied on: the way to the invoice, what was restated, what is not governed, what closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops.report.model.lines import Money

if TYPE_CHECKING:
    from finops.charges import Period
    from finops.report.model.planned import Range

PeriodState = Literal["open", "closing", "closed"]


@dataclass(frozen=True)
class BridgeLine:
    """One step from one basis to the other. of: the earlier months that a correction belongs to, "Oct 2026"."""

    name: str
    amount: Money
    shown: Money  # to the currency's smallest unit; adds up
    charges: int
    of: tuple[str, ...]
    figure: str
    detail: str = ""  # what is behind a line whose name does not say it


@dataclass(frozen=True)
class Bridge:
    """From the effective cost of this report to what was billed. start + lines + gap = end, exactly.

    end_name: "billed for the same days", or "on the invoice of November 2026" where the period is a whole month. gap:
    what no line accounts for; zero when it closes. why_open: what it may be. included: credits, refunds, taxes and
    corrections that are in both ends alike, and so are no step from the one to the other.
    """

    start: Money
    lines: tuple[BridgeLine, ...]
    end: Money
    gap: Money
    closes: bool
    why_open: str
    shown_start: Money
    shown_end: Money
    shown_gap: Money
    end_name: str
    included: tuple[BridgeLine, ...]


@dataclass(frozen=True)
class Restated:
    """A figure that was published and has changed since."""

    period: Period
    label: str  # "week of 8 to 14 Nov 2026", "November 2026"
    published: Money
    published_at: datetime
    now: Money
    change: Money
    percent: Decimal | None
    state: PeriodState
    figure: str


@dataclass(frozen=True)
class Restatements:
    """What changed since it was published; `checked` counts the `published` figures that were looked at again."""

    rows: tuple[Restated, ...]
    checked: int
    published: int
    since: date | None  # the first published day that was looked at
    state: PeriodState  # of this report's period
    closes_on: date | None  # the day after which it does not change any more; None: closed


@dataclass(frozen=True)
class Broken:
    """One policy and the resources that do not follow it. cost: of the report's period; None: not known."""

    policy: str
    resources: int
    cost: Money | None
    figure: str


@dataclass(frozen=True)
class Compliance:
    """What Azure Policy says: resources that follow every policy, and what those cost that do not."""

    as_of: datetime
    resources: int  # evaluated
    non_compliant: int
    percent: Decimal | None  # compliant
    cost: Money | None  # of the non-compliant, each once
    rows: tuple[Broken, ...]
    gaps: tuple[str, ...]
    figure: str = "compliance"


@dataclass(frozen=True)
class Exempt:
    """One exemption. cost: what is under its scope cost in the report's period, in the report's basis."""

    scope: str
    name: str
    rules: tuple[str, ...]  # empty: all of them
    owner: str
    reason: str
    until: date | None
    status: str  # in force, expiring, expired, malformed, covers nothing
    cost: Money
    figure: str


@dataclass(frozen=True)
class Exemptions:
    """All exemptions; cost: of what is under at least one that holds, each charge once."""

    rows: tuple[Exempt, ...]
    cost: Money
    expiring: int
    expired: int
    figure: str = "exemptions"


@dataclass(frozen=True)
class Audience:
    """Whose report it is: everything (key None), or one cost centre's share."""

    key: str | None
    name: str
    recipients: tuple[str, ...] = ()


EVERYTHING = Audience(None, "")


@dataclass(frozen=True)
class Foretold:
    """A forecast made on day 7, 14 or 21 of the month against what came. said_then: False: made again from the data."""

    day: date
    said: Range | None
    middle: Money
    miss: Money  # said - came
    miss_percent: Decimal | None
    inside: bool | None  # None: there was no range
    said_then: bool


@dataclass(frozen=True)
class Close:
    """The statement of a month: the invoice, our total, the difference, and how the forecasts came out.

    invoice_from: "given" (the invoice's own total) or "charges" (BilledCost of the month; no independent figure).
    """

    month: Period
    label: str  # "November 2026"
    state: PeriodState
    closes_on: date
    invoice: Money
    invoice_from: Literal["given", "charges"]
    ours: Money  # BilledCost of the month
    difference: Money
    effective: Money
    forecasts: tuple[Foretold, ...]
    why_no_forecasts: str
    figure: str = "close"


__all__ = [
    "EVERYTHING", "Audience", "Bridge", "BridgeLine", "Broken", "Close", "Compliance", "Exempt", "Exemptions",
    "Foretold", "PeriodState", "Restated", "Restatements",
]  # fmt: skip
