"""The report itself: every part that a page or a mail prints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from finops.report.model.data import Completeness
from finops.report.model.lines import Category, Details, Line, Money, Movers, Table
from finops.report.model.planned import Anomalies, Budgeted, Decision, Lost, Outlook, Status
from finops.report.model.saved import Savings
from finops.report.model.time import Curve, Day, Month
from finops.report.model.trusted import EVERYTHING, Audience, Bridge, Close, Compliance, Exemptions, Restatements
from finops.report.model.units import Units

if TYPE_CHECKING:
    from finops.charges import Period


@dataclass(frozen=True)
class Wording:
    """How the period is called, as its kind needs: a week, a month, or some days."""

    kind: Literal["week", "month", "days"]
    title: str  # "Week of 15 to 21 Nov 2026"
    subject: str  # "week to 21 Nov"
    this: str  # "This week"
    the: str  # "the week"
    before: str  # "the week before"


@dataclass(frozen=True)
class Report:
    """A cost report of one period in one currency."""

    organisation: str
    made: datetime
    version: str
    name: str
    period: Period
    before: Period | None
    wording: Wording
    currency: str
    digits: int
    basis: Literal["effective", "billed"]
    bases: tuple[str, ...]  # which of both the data states
    basis_wanted: Literal["effective", "billed"]
    kinds_told: bool  # whether the data tells purchases from usage
    statuses: tuple[Status, ...]
    total: Line
    other_total: Money
    by_cost_centre: Table
    by_service: Table
    untagged: Line
    untagged_percent: Decimal | None
    movers: Movers | None
    month: Month | None
    curve: Curve
    days: tuple[Day, ...]
    dearest_day: Day
    categories: tuple[Category, ...]
    details: Details
    savings: Savings | None  # None: nobody found anything yet
    completeness: Completeness
    other_currencies: tuple[str, ...]
    sources: tuple[str, ...]
    remarks: tuple[str, ...]  # what the charges say about themselves
    restatements: Restatements
    audience: Audience = EVERYTHING
    outlook: Outlook | None = None  # None: `no_outlook` says why
    no_outlook: str = ""
    budgets: tuple[Budgeted, ...] = ()
    not_comparable: tuple[Lost, ...] = ()  # budgets in another currency
    decisions: tuple[Decision, ...] = ()
    anomalies: Anomalies | None = None  # None: nobody looked
    units: Units | None = None
    bridge: Bridge | None = None  # None: the data states one basis only
    compliance: Compliance | None = None  # None: Azure Policy was not asked
    exemptions: Exemptions | None = None  # None: nobody looked
    audit_head: str = ""  # "412:9f2c...", to be kept outside; empty: there is no audit trail
    close: Close | None = None  # in the statement of a month that closed
