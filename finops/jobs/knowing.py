"""Gather what a report knows besides charges: from the state, the estate, Azure Policy, budgets and the forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.cloud import policystates
from finops.errors import AzureError, FinopsError, SignInError
from finops.estate.evidence import Evidence, moment_of
from finops.estate.ids import key
from finops.estate.model import Estate, text
from finops.estate.model import Known as Fact
from finops.exemptions import Exemptions, by_file, by_tag
from finops.forecast.charged import last_complete
from finops.jobs import guard_claims, published
from finops.jobs.claims import claims_of
from finops.jobs.stopped import cases_now
from finops.jobs.workload import work_of
from finops.report.build import basis_of, currency_of
from finops.report.foreseeing import foreseen, lasting
from finops.report.known import Known, NotStanding, Request, Verdicts
from finops.report.periods import choose, last_day, midnight_after, month_to

if TYPE_CHECKING:
    from finops.anomalies.cases import Case
    from finops.budget import Standing
    from finops.charges import Charges
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.estate.model import Json
    from finops.jobs.guarding.plan import Line
    from finops.state import State

WAITS = "pending"
DAY = timedelta(days=1)


@contextmanager
def remembering(settings: Settings) -> Iterator[State | None]:
    """The state database, where there is one already; none is made to look."""
    from finops.config.secrets import sealing
    from finops.state import State
    from finops.state.engine import url_of

    url = url_of(settings.state.url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield None
        return
    with State.open(settings.state.url, audit_key=sealing(settings.state.audit_key)) as state:
        yield state


def known_by_charges(
    book: Charges, settings: Settings, now: datetime, period: Period | None = None, state: State | None = None
) -> Known:
    """What follows from the charges and the settings: the forecast, and how the budgets stand.

    state: what is remembered, for what open anomalies add to the forecast if they go on; without it the charges tell.
    """
    chosen = choose(book, now, settings.report.week_ends, period).period
    month = month_to(chosen, last_complete(book, now))
    through = last_day(month)
    currency, _ = currency_of(book, settings.report)
    strange = cases_now(state)
    outlook, why = foreseen(book, basis_of(book, settings.report), currency, through, strange=strange)
    if state is None and outlook is not None:
        strange = _strange(book, settings, now)
    standings, not_standing = _standings(book, settings, month, now, strange)
    outlook, goes_on = lasting(outlook, strange, book, basis_of(book, settings.report), currency)
    return Known(
        outlook=outlook,
        no_outlook=why,
        standings=standings,
        goes_on=goes_on,
        strange=strange,
        not_standing=not_standing,
    )


def _strange(book: Charges, settings: Settings, now: datetime) -> tuple[Case, ...]:
    """What the charges alone show to go on, where nothing is remembered of them."""
    from finops.jobs.anomalies import caused, look

    return tuple(
        caused(one, book, found.read, None, now, settings.charges.late_hours)
        for found in look(book, settings, None, now)
        for one in found.found
        if one.going_on and one.last >= found.read.through
    )


def known_by_state(state: State | None, now: datetime, currency: str = "") -> Known:
    """What is remembered: savings, requests that wait, anomalies, earlier figures, the audit trail's head."""
    from finops.jobs.anomalies import evaluated, open_cases

    if state is None:
        return Known()
    kept = state.kept("report/")
    head = state.audit_head()
    _, ended, _ = state.findings.all(status=("expired",), limit=0, now=now)
    return Known(
        claims=claims_of(state, currency),
        anomalies=open_cases(state, currency),
        anomalies_of=evaluated(state),
        requests=tuple(_requests(state, now)),
        remarks=(_ended(ended),) if ended else (),
        audit_head=head if not head.startswith("0:") else "",
        published=tuple(published.published(kept)),
        said=tuple(published.forecasts(kept)),
    )


def known_by_estate(
    azure: Azure, evidence: Evidence, estate: Estate, settings: Settings, period: Period, now: datetime, currency: str,
    days: int, promises: Mapping[str, Json] = {},
) -> Known:  # fmt: skip
    """What is read from Azure: what ran, what the guard finds, Azure Policy's verdicts, exemptions, owners.

    days: so far back Monitor was read; promises: what the guard told owners.
    """
    guard = settings.guard
    filed = by_file(guard.exemptions, now, guard.exemption_days) if guard.exemptions else []
    exemptions = Exemptions([*by_tag(estate.resources.values(), now, guard.exemption_days), *filed])
    lines = _guard_lines(azure, estate, settings, exemptions, promises, now, currency)
    return Known(
        claims=tuple(guard_claims.waiting(lines, promises, currency)),
        owners=_owners(estate),
        work=work_of(evidence, estate, period, days),
        verdicts=verdicts(azure, now),
        exemptions=tuple(exemptions.listed(estate, now, guard.expiring_days)),
    )


def together(*parts: Known) -> Known:
    """One `Known` of several that know different things; the first that says anything counts.

    Claims of savings are of different acts: all of them count.
    """
    nothing = vars(Known())
    found = parts[0]
    for part in parts[1:]:
        found = replace(found, claims=(*found.claims, *part.claims))
        told = {name: value for name, value in vars(part).items() if value != nothing[name]}
        here = {name for name, value in vars(found).items() if value != nothing[name]}
        found = replace(found, **{name: value for name, value in told.items() if name not in here})
    return found


def verdicts(azure: Azure, now: datetime) -> Verdicts | None:
    """Azure Policy's latest verdicts on every subscription; None where it could be asked about none of them."""
    broken: dict[str, set[str]] = {}
    seen: set[str] = set()
    moments: list[datetime] = []
    gaps: list[str] = []
    scopes = [f"/subscriptions/{one['subscriptionId']}" for one in azure.subscriptions()]
    for scope, found in azure.each(scopes, lambda scope: list(policystates.at_scope(azure, scope))):
        if isinstance(found, SignInError):
            raise found
        if isinstance(found, AzureError):
            gaps.append(f"{scope}: {found.what}")
            continue
        for state in found:
            name = key(text(state, "resourceId"))
            seen.add(name)
            moments += [moment] if (moment := moment_of(state, "timestamp")) else []
            if text(state, "complianceState").lower() == "noncompliant":
                title = text(state, "policyAssignmentName") or text(state, "policyDefinitionName")
                reference = text(state, "policyDefinitionReferenceId")
                broken.setdefault(f"{title}: {reference}" if reference else title, set()).add(name)
    if len(gaps) == len(scopes):
        return None
    policies = {title: tuple(sorted(ids)) for title, ids in sorted(broken.items())}
    return Verdicts(max(moments, default=now), len(seen), policies, tuple(gaps))


def _standings(
    book: Charges, settings: Settings, period: Period, now: datetime, strange: Sequence[Case]
) -> tuple[tuple[Standing, ...], tuple[NotStanding, ...]]:
    """How each budget stands at the end of `period`, and of which that cannot be told."""
    from finops.budget import budgets_of, period_of
    from finops.jobs.budgeting.checking import stands

    last = last_day(period)
    at = min(now, midnight_after(last, now))
    found, others = [], []
    for budget in budgets_of(settings):
        mine = period_of(budget, last)
        if mine is None:
            continue
        try:
            found.append(stands(budget, book, at, mine, found_strange=strange))
        except FinopsError as fault:
            others.append(NotStanding(budget, str(fault)))
    return tuple(found), tuple(others)


def _ended(count: int) -> str:
    said = f"{count} requests of the janitor ended undecided, and nothing is done with them"
    if count == 1:
        said = "1 request of the janitor ended undecided, and nothing is done with it"
    return f"{said}; the sweep asks again about what is still there."


def _requests(state: State, now: datetime) -> Iterable[Request]:
    from finops.approvals.naming import VERBS, kind_of, name_of

    records, _, _ = state.findings.all(status=(WAITS,), order="number", limit=None, now=now)
    for record in records:
        finding = record.finding
        name = (
            f"{VERBS.get(finding.action, finding.action)} {kind_of(finding.resource_id)} {name_of(finding.resource_id)}"
        )
        yield Request(
            number=record.number,
            name=name,
            saving=finding.saving,
            currency=record.currency,
            owner=finding.owner,
            expires=record.expires_at.date() if record.expires_at else None,
            resource_id=finding.resource_id,
        )


def _guard_lines(
    azure: Azure, estate: Estate, settings: Settings, exemptions: Exemptions, promises: Mapping[str, Json],
    now: datetime, currency: str,
) -> list[Line]:  # fmt: skip
    from finops.jobs.guarding.plan import Context, lines
    from finops.jobs.guarding.reading import prices_of

    context = Context(estate, settings.guard, exemptions, promises, now)
    return lines(context, prices_of(azure, now, currency))


def _owners(estate: Estate) -> Mapping[str, str]:
    found = {}
    for name, resource in estate.resources.items():
        fact = resource.facts.get("owner")
        if isinstance(fact, Fact) and fact.value:
            found[name] = str(fact.value)
    return found


__all__ = ["known_by_charges", "known_by_estate", "known_by_state", "remembering", "together", "verdicts"]
