"""Reads all that the guard decides by: the estate with its costs, today's prices, and the exemptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from finops import estate
from finops.charges import Charges
from finops.errors import AzureError, DataError, SignInError
from finops.estate import Estate
from finops.estate.ids import key
from finops.exemptions import Exemptions, by_file, by_tag
from finops.jobs import guard_claims
from finops.jobs.claims import claims_of
from finops.jobs.guarding import owing
from finops.jobs.guarding.plan import GRACE, Context, Plan, lines, looked_at
from finops.jobs.weekly import charged
from finops.prices import UnknownPrice, priority_of, vm_filter, vm_hour
from finops.spot import Prices

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import GuardSettings, Settings
    from finops.state import State


def guard_plan(
    azure: Azure,
    settings: Settings,
    now: datetime,
    state: State | None = None,
    step: Callable[[str], None] = lambda doing: None,
) -> Plan:
    """What the guard would do, and why. Changes nothing. Without `state` nobody counts as told."""
    guard = settings.guard
    filed = by_file(guard.exemptions, now, guard.exemption_days) if guard.exemptions else []
    step("Reading the estate")
    evidence = estate.gather(azure, now)
    step("Asking what it costs")
    problems: list[str] = []
    with book_or_none(azure, settings, now, problems) as book:
        found = estate.with_facts(evidence, book)
        currency = book.currencies[0] if book and len(book.currencies) == 1 else ""
        step("Comparing it with the rules")
        exemptions = Exemptions([*by_tag(found.resources.values(), now, guard.exemption_days), *filed])
        context = Context(found, guard, exemptions, state.kept(GRACE) if state else {}, now)
        planned = tuple(lines(context, prices_of(azure, now, currency or "USD")))
        if state and book and currency:
            planned = guard_claims.left(planned, claims_of(state, currency), book, currency, now)
    problems += [f"{gap.what} below {gap.scope} could not be read: {gap.reason}" for gap in found.gaps]
    listed = exemptions.listed(found, now, guard.expiring_days)
    if state:
        planned = (*owing.lines(state, guard), *planned)
    return Plan(
        as_of=now,
        lines=planned,
        exemptions=tuple(listed),
        problems=tuple(problems),
        remarks=tuple(_remarks(guard, found, exemptions)),
        currency=currency,
        looked_at=looked_at(found),
        estate=found,
    )


@contextmanager
def book_or_none(azure: Azure, settings: Settings, now: datetime, problems: list[str]) -> Iterator[Charges | None]:
    """The charges to tell costs by; without them the run goes on, and costs are not known."""
    try:
        book = charged(azure, settings, None, now)
    except SignInError:
        raise
    except (DataError, AzureError) as fault:
        problems.append(f"What it costs is not known: {fault.what}")
        yield None
        return
    with book:
        problems += [f"Charges below {gap.scope} could not be read: {gap.reason}" for gap in getattr(book, "gaps", ())]
        yield book


def prices_of(azure: Azure, now: datetime, currency: str) -> Callable[[str, str], Prices]:
    """Today's retail prices of a size in a region, each asked once."""
    known: dict[tuple[str, str], Prices] = {}

    def prices(size: str, region: str) -> Prices:
        asked = (size.lower(), region)
        if asked not in known:
            known[asked] = _ask(azure, size, region, now, currency)
        return known[asked]

    return prices


def _ask(azure: Azure, size: str, region: str, now: datetime, currency: str) -> Prices:
    unknown = ""
    if not size or not region:
        unknown = "Azure does not say its VM size and region"
    else:
        try:
            items = list(azure.retail_prices(vm_filter(size, region), currency))
            spot = priority_of("LowPriority", now)
            return Prices(
                vm_hour(items, size, region, at=now, currency=currency),
                vm_hour(items, size, region, at=now, priority=spot, currency=currency),
            )
        except (AzureError, DataError) as fault:
            unknown = fault.what
    return Prices(UnknownPrice(unknown), UnknownPrice(unknown))


def _remarks(guard: GuardSettings, found: Estate, exemptions: Exemptions) -> Iterator[str]:
    for scope in guard.scopes:
        if key(scope) not in found.resources:
            yield f"guard.scopes names {scope}, which is not in the estate: no mode applies by it."
    for one in exemptions.all:
        if one.problem:
            yield f"The exemption of {one.scope} ({one.source}) still keeps, but: {one.problem}"
