"""What a report knows besides the charges: from the estate, Azure Policy, the state, the forecast and the budgets.

Each part is optional. None, or an empty text beside it, means that nobody looked; the report then says nothing of it,
or says why it cannot. jobs/weekly gathers all of it; a test gives what it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.report.claim import Claim
from finops.report.evicted import NOTHING_TOLD, Accounts

if TYPE_CHECKING:
    from finops.anomalies import Anomaly
    from finops.anomalies.cases import Case
    from finops.budget import Budget as Settled
    from finops.budget import GoesOn, Standing
    from finops.exemptions import Listed
    from finops.forecast import Outlook


@dataclass(frozen=True)
class Request:
    """One approval that waits. saving: a month, in `currency`; None: not known."""

    number: int
    name: str
    saving: Decimal | None
    currency: str
    owner: str
    expires: date | None
    resource_id: str = ""


@dataclass(frozen=True)
class NodeHours:
    """Node-hours of one cluster in the period, as Monitor counted its nodes, and those of them without a job.

    None: not known, and `why` says why.
    """

    resource_id: str
    hours: Decimal | None
    idle: Decimal | None
    why: str = ""


@dataclass(frozen=True)
class Predictions:
    """Requests that a deployment answered in the period (Monitor, RequestsPerMinute added up)."""

    resource_id: str
    name: str
    count: Decimal | None
    why: str = ""


@dataclass(frozen=True)
class Work:
    """What ran in the period: by cluster, by deployment, and how many jobs completed.

    instances: ids of compute instances, whose hours are no node-hours. why_no_*: where nothing could be asked.
    """

    nodes: tuple[NodeHours, ...] = ()
    predictions: tuple[Predictions, ...] = ()
    jobs_completed: int | None = None
    instances: frozenset[str] = frozenset()
    why_no_nodes: str = ""
    why_no_jobs: str = ""
    why_no_predictions: str = ""


@dataclass(frozen=True)
class Verdicts:
    """Azure Policy's verdicts: resources it evaluated, and which do not follow which policy (title -> ids)."""

    as_of: datetime
    resources: int
    broken: Mapping[str, tuple[str, ...]]
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """A figure as it was sent: the total of a period, in a basis, for an audience ("": everything)."""

    period: Period
    basis: str
    currency: str
    amount: Decimal
    at: datetime
    audience: str = ""


@dataclass(frozen=True)
class Said:
    """A forecast as it was sent: where the month was to end."""

    month: date
    through: date
    low: Decimal | None
    middle: Decimal
    high: Decimal | None
    currency: str
    basis: str
    audience: str = ""


@dataclass(frozen=True)
class NotStanding:
    """A budget that cannot be held against the charges, and why: it is in another currency."""

    budget: Settled
    why: str


@dataclass(frozen=True)
class Known:
    """Everything that is no charge. outlook: finops.forecast; standings: finops.budget; anomalies: finops.anomalies."""

    claims: tuple[Claim, ...] = ()
    outlook: Outlook | None = None
    no_outlook: str = ""
    standings: tuple[Standing, ...] = ()
    not_standing: tuple[NotStanding, ...] = ()
    goes_on: tuple[GoesOn, ...] = ()
    strange: tuple[Case, ...] = ()  # of which what goes on is found, for everything and for each cost centre
    anomalies: tuple[Anomaly, ...] | None = None
    anomalies_of: Period | None = None
    no_anomalies: str = ""
    requests: tuple[Request, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)  # of resources, by id in lower case
    work: Work | None = None
    verdicts: Verdicts | None = None
    exemptions: tuple[Listed, ...] | None = None
    audit_head: str = ""
    published: tuple[Published, ...] = ()
    said: tuple[Said, ...] = ()
    not_read: str = ""  # why the estate was not
    told: Accounts = NOTHING_TOLD  # by training jobs, of what evictions had them run again
    remarks: tuple[str, ...] = ()  # what a reader should know of all this, in sentences


NOTHING = Known()


__all__ = [
    "NOTHING", "Claim", "Known", "NodeHours", "NotStanding", "Predictions", "Published", "Request", "Said", "Verdicts",
    "Work",
]  # fmt: skip
