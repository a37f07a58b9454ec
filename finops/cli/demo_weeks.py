"""The demo over weeks: budgets, anomalies and what runs are looked at, people decide, and the charges show it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.jobs import Weekly
    from finops.simulator import Served

Step = Callable[[str], None]

APPROVERS = ("ana", "ben")  # the demo's own people: what is of high risk needs two
APPROVED = 8  # of what waits, dearest first: within what the janitor may do in a run


def watched(azure: Azure, settings: Settings, simulator: Served, step: Step) -> dict[str, Any]:
    """Look at anomalies, budgets and what runs now, as the daemon does, and mail what is due."""
    from finops.jobs import anomalies, budgeting, charged
    from finops.jobs.budgeting.watching import read_rates
    from finops.state import State

    now = simulator.world.clock.now()
    step("Looking at budgets, anomalies and what runs now")
    rates = read_rates(azure, now)
    with State.open(settings.state.url) as state, charged(azure, settings, None, now) as book:
        strange = anomalies.watch(azure, book, state, settings, now)
        checked = budgeting.check(book, settings, state, now, lambda: rates)
        running = budgeting.watch(lambda: rates, settings, state, lambda: book)
        budgeting.deliver(state, settings, now)
    return {
        "alerts": len(checked.alerts),
        "anomalies": len(strange.new),
        "mails": sum(len(mails) for mails in (strange.mails, checked.mails, running.mails)),
        "perDay": running.projection.per_day,
    }


def approve(settings: Settings, simulator: Served, step: Step) -> int:
    """Approve what saves most of what waits, as the demo's people would on the page. How many."""
    from finops.approvals import Desk
    from finops.approvals.people import Person
    from finops.state import State
    from finops.web.people import DEMO

    step("Approving what saves most, as two approvers would")
    now = simulator.world.clock.now()
    people = [Person(oid, name, email, frozenset(roles)) for oid, (name, email, roles) in DEMO.items()]
    with State.open(settings.state.url) as state:
        desk = Desk(state, settings.janitor)
        waiting, _, _ = state.findings.all(status=("pending",), limit=None)
        dearest = sorted(waiting, key=lambda one: -(one.finding.saving or Decimal(0)))[:APPROVED]
        for person in people:
            if person.oid in APPROVERS:
                rows = [(one.number, one.finding.digest) for one in dearest]
                desk.approve(rows, person, now, "Nobody needs it any more.")
        decided, _, _ = state.findings.all(status=("approved",), limit=None)
    return len(decided)


def scale(azure: Azure, settings: Settings, simulator: Served, weekly: Weekly, step: Step) -> int:
    """Do what the report asks of clusters that keep idle nodes, as an admin would who has the guard enforce it there.

    How many clusters the guard set right. That they should be spot is a decision of its own: exempt from it here.
    """
    import yaml

    from finops.jobs import guard
    from finops.state import State

    step("Setting clusters right that never scale down, as the report asks")
    figures = weekly.made.figures
    refs = {ref for one in figures.decisions if one.kind in ("scale", "budget") for ref in one.refs}
    entries = figures.savings.all if figures.savings else ()
    scopes = {one.resource_id: "enforce" for one in entries if one.ref in refs}
    now = simulator.world.clock.now()
    until, owner = (now + timedelta(days=90)).date(), settings.mail.finance[0]
    kept = {"owner": owner, "reason": "Spot is decided apart.", "until": until, "rules": ["spot"]}
    file = settings.janitor.tombstones.parent / "exemptions.yaml"
    file.write_text(yaml.safe_dump({"exemptions": [{"scope": one, **kept} for one in scopes]}), "utf-8")
    enforced = settings.guard.model_copy(update={"scopes": scopes, "exemptions": file})
    with State.open(settings.state.url) as state:
        run = guard(azure, settings.model_copy(update={"guard": enforced}), state, now, enforce=True)
    return sum(one.result == "done" and one.act.action == "scale" for one in run.outcomes)


def pass_weeks(
    azure: Azure, settings: Settings, simulator: Served, weeks: int, step: Step
) -> tuple[list[dict[str, Any]], Weekly]:
    """Let weeks pass, carry out each day what is approved, and report each week: what they said of savings, the last.

    Graces end on days of their own, and an approval holds for some days only: whoever looks once a week misses both.
    """
    from finops import jobs
    from finops.jobs.sweeping.applying import apply
    from finops.state import State

    told: list[dict[str, Any]] = []
    for week in range(1, weeks + 1):
        step(f"Week {week}: carrying out each day what is approved")
        for _ in range(7):
            with State.open(settings.state.url) as state:
                apply(azure, settings, state, simulator.world.clock.now(), execute=True)
            simulator.world.clock.advance(hours=24)
        seen = watched(azure, settings, simulator, step)
        weekly = jobs.weekly_report(azure, settings, simulator.world.clock.now(), step)
        told.append({**said(weekly), **seen})
    return told, weekly


def said(weekly: Weekly) -> dict[str, Any]:
    """What one report says of savings, for scripts: the three amounts are never added."""
    figures = weekly.made.figures
    saved = figures.savings
    return {
        "week": figures.wording.title,
        "cost": figures.total.cost.amount,
        "realised": saved.realised.amount.amount if saved else Decimal(0),
        "acts": saved.realised.count if saved else 0,
        "approvedMonthly": saved.approved.amount.amount if saved else Decimal(0),
        "identifiedMonthly": saved.identified.amount.amount if saved else Decimal(0),
        "restated": len(figures.restatements.rows),
        "mail": str(weekly.mail),
    }


def line(seen: dict[str, Any]) -> str:
    alerts = f"{seen['alerts']} budget {'threshold' if seen['alerts'] == 1 else 'thresholds'} crossed"
    anomalies = f"{seen['anomalies']} new {'anomaly' if seen['anomalies'] == 1 else 'anomalies'}"
    return f"{alerts}, {anomalies}; what runs now costs {seen['perDay']:,.0f} USD a day; {seen['mails']} mails"


def lines(told: list[dict[str, Any]], currency: str) -> list[str]:
    """A line a week under a heading, in columns; amounts in `currency`."""
    rows = [
        (
            one["week"],
            f"{one['cost']:,.0f}",
            f"{one['realised']:,.0f}",
            str(one["acts"]),
            f"{one['approvedMonthly']:,.0f}",
            f"{one['identifiedMonthly']:,.0f}",
        )
        for one in told
    ]
    heads = (f"In {currency}", "cost", "saved so far", "by acts", "approved/month", "waiting/month")
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in (heads, *rows)
    ]


__all__ = ["approve", "line", "lines", "pass_weeks", "said", "scale", "watched"]
