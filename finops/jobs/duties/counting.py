"""Duties about money: what runs now, what was charged, how budgets stand, what is off."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from finops.jobs.duties import counts as n
from finops.jobs.duties.figures import of_charges
from finops.jobs.duties.model import Done, Work, came_to, patient

if TYPE_CHECKING:
    from finops.config.model import Settings

# What looks at charges waits so long for the day's ingest, then takes what is there.
NEW = timedelta(hours=20)
WAITS = timedelta(hours=6)


@patient
def watch(work: Work) -> Done:
    """What runs now x price now; what is too much is mailed once. Knows charges only from the store."""
    from finops.jobs import budgeting
    from finops.jobs.budgeting.charging import opened_once
    from finops.jobs.budgeting.watching import read_rates

    settings = work.settings
    with work.azure() as azure, opened_once(settings, work.now) as book:
        work.step("Looking at what runs")
        done = budgeting.watch(lambda: read_rates(azure, work.now), settings, work.state, book)
    rates = done.projection.rates
    unread = [f"not read: {gap}" for gap in rates.unread]
    dark = [f"{one.name} in {one.workspace} has no known price: {one.why_unknown}" for one in rates.unpriced]
    counts = {
        n.RATE: float(rates.per_hour),
        n.AT_RISK: float(done.projection.cost),
        n.named(n.ALERTS, "watch"): len(done.mails),
        n.named(n.UNREAD, "watch"): len(unread),
        n.named(n.KEPT_UNKNOWN, "watch"): len(dark),
    }
    return came_to((*unread, *dark, *done.problems), counts, [f"Told: {letter['subject']}" for letter in done.mails])


@patient
def ingest(work: Work) -> Done:
    """What was asked for before is replaced: twice is as once. Files that are configured are only looked at."""
    from finops.jobs.budgeting.charging import book_of

    work.step("Asking what it costs")
    with book_of(work.settings, work.now, work.azure) as book:
        gaps = [f"Charges below {gap.scope} could not be read: {gap.what}: {gap.reason}" for gap in book.gaps]
        rejected = [f"{row.file}, line {row.line}: {row.reason}" for row in book.rejected]
        return came_to((*gaps, *rejected), of_charges(book))


@patient
def budgets(work: Work) -> Done:
    """Each threshold is told once a period. Waits for the day's ingest."""
    from finops.jobs import budgeting
    from finops.jobs.budgeting.watching import read_rates
    from finops.jobs.weekly import charged

    settings = work.settings
    if not settings.budgets:
        return Done("done", ("No budget is in the settings.",))
    if why := waits_for_charges(work):
        return Done("held", (why,))
    with work.azure() as azure, charged(azure, fresh(work), None, work.now) as book:
        done = budgeting.check(book, settings, work.state, work.now, lambda: read_rates(azure, work.now), work.step)
        figures = of_charges(book)
    standing = done.looked.current()
    gaps = sorted({gap for one in done.looked.standings for gap in one.gaps})
    counts = {
        **figures,
        n.OVER: sum(one.known > one.budget.amount for one in standing),
        n.named(n.ALERTS, "budgets"): len(done.alerts),
        n.named(n.UNREAD, "budgets"): len(gaps),
    }
    return came_to((*done.looked.problems, *gaps), counts, [f"Told: {letter['subject']}" for letter in done.mails])


@patient
def anomalies(work: Work) -> Done:
    """Each case is told once. Waits for the day's ingest."""
    from finops.jobs import anomalies as job
    from finops.jobs.weekly import charged

    if why := waits_for_charges(work):
        return Done("held", (why,))
    with work.azure() as azure, charged(azure, fresh(work), None, work.now) as book:
        done = job.watch(azure, book, work.state, work.settings, work.now, step=work.step)
        figures = of_charges(book)
    states = Counter(case.anomaly.state for case in job.cases(work.state))
    counts = {
        **figures,
        **{n.named(n.ANOMALIES, state): count for state, count in states.items()},
        n.named(n.ALERTS, "anomalies"): len(done.mails),
        n.named(n.UNREAD, "anomalies"): len(done.gaps),
    }
    said = [done.why] if done.why else []
    problems = [*(f"not read: {gap}" for gap in done.gaps), *done.problems]
    return came_to(problems, counts, [*said, *(f"Told: {letter['subject']}" for letter in done.mails)])


def waits_for_charges(work: Work) -> str:
    """Why the duty waits: the charges of today are still to be asked for. "" where it is not to wait."""
    from finops.jobs.weekly import asked_at

    if work.settings.charges.sources or work.slot is None or work.now - work.slot >= WAITS:
        return ""
    asked = asked_at(work.settings)
    if asked is not None and work.now - asked < NEW:
        return ""
    return "It waits for the duty ingest: the charges of today are not asked for yet."


def fresh(work: Work) -> Settings:
    """The settings that read the store where it is as new as it should be; else those that ask Cost Management."""
    from finops.jobs.weekly import asked_at, at_hand

    asked = None if work.settings.charges.sources else asked_at(work.settings)
    return at_hand(work.settings) if asked is not None and work.now - asked < NEW else work.settings
