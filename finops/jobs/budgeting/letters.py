"""What budget mails say: one letter a person, worst budget first, with every figure ready for the templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.approvals.links import base_url
from finops.approvals.naming import shown
from finops.budget import Standing, Threshold
from finops.budget.standing import percent_of
from finops.jobs.budgeting.drivers import Drivers, Stop
from finops.report.locales import writing
from finops.report.model import Money, Range
from finops.report.plans import SAID, record_of
from finops.report.promise import promise
from finops.report.render import inlined
from finops.report.rounding import rounded
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings

Json = dict[str, Any]
Why = Literal["crossed", "escalated", "corrected", "closed"]
RANKS = {"crossed": 0, "escalated": 1, "corrected": 2, "closed": 3}
WHOLE = 6  # budgets that a mail shows whole; the others are a line each
SMALL = Decimal(100)  # budgets below it are told to the cent


@dataclass(frozen=True)
class Item:
    """One budget in one letter. told: the thresholds that this mail is about; first_at: when others were told."""

    why: Why
    standing: Standing
    thresholds: tuple[Threshold, ...] = ()
    first_at: datetime | None = None
    first_to: tuple[str, ...] = ()
    drivers: Drivers | None = None
    stops: tuple[Stop, ...] = ()
    looked: bool = False  # at what runs now
    not_read: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What people call the budget."""
        return shown(self.standing.budget.title)

    @property
    def rank(self) -> tuple[int, int, Decimal]:
        """Worst first: what was crossed now, over before likely, by how much of the budget."""
        order = list(SAID)
        return (RANKS[self.why], order.index(self.standing.status), -self.standing.likely / self.standing.budget.amount)


@dataclass
class Letter:
    """All that one person is told in one run. keys: what makes it the same letter after a crash."""

    to: str
    items: list[Item] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


def written(letter: Letter, settings: Settings, now: datetime) -> Json:
    """The letter as subject, text and HTML, ready to be kept and put into the outbox."""
    items = sorted(letter.items, key=lambda one: one.rank)
    worst = items[0]
    digits = 2 if min(one.standing.budget.amount for one in items) < SMALL else 0
    templates = Templates(settings.folders.reports, Words(digits, writing(settings.report.locale)))
    context: Json = {
        "organisation": shown(settings.report.organisation),
        "to": letter.to,
        "items": [_figures(one, settings.report.cost_centres, templates.words) for one in items[:WHOLE]],
        "rest": [_figures(one, settings.report.cost_centres, templates.words) for one in items[WHOLE:]],
        "count": len(items),
        "site": base_url(settings.web) if settings.web.auth != "none" else "",
        "now": now,
    }
    context["worst"] = context["items"][0]
    subject = templates.line("budget-alert.subject.txt", **context).replace("\N{WORD JOINER}", "")
    preheader = templates.line("budget-alert.preheader.txt", **context)
    html = templates.render("budget-alert.html", subject=subject, preheader=preheader, **context)
    return {
        "kind": "budget-alert",
        "to": letter.to,
        "subject": subject,
        "text": templates.render("budget-alert.txt", subject=subject, **context),
        "html": inlined(html),
        "about": letter.keys,
        "thread": worst.standing.thread,
    }


def _figures(one: Item, names: Mapping[str, str], words: Words) -> Json:
    """One budget as the templates see it."""
    standing, budget = one.standing, one.standing.budget

    def money(amount: Decimal) -> Money:
        return Money(amount, standing.currency)

    def mark(threshold: Threshold) -> Json:
        limit = money(threshold.limit(budget.amount))
        return {"on": threshold.on, "percent": threshold.percent, "amount": limit}

    reach, ends = standing.forecast, None
    if reach is not None and reach.low is not None and reach.high is not None:
        ends = Range(money(reach.low), money(reach.middle), money(reach.high))
    word, tone = SAID[standing.status].word, SAID[standing.status].tone
    if one.why == "closed":
        word, tone = (
            ("Closed over budget", "bad") if standing.known > budget.amount else ("Closed within budget", "good")
        )
        if standing.gaps and tone == "good":
            word, tone = "Data incomplete", "watch"
    over = standing.known - budget.amount
    named = (
        names.get(budget.scope.values[0], "") if budget.scope.kind == "tag" and len(budget.scope.values) == 1 else ""
    )
    return {
        "why": one.why,
        "name": shown(budget.name),
        "title": one.title,
        "inside": one.title[:1].lower() + one.title[1:] if one.title == "Everything" else one.title,
        "for": shown(f"{budget.scope.said}{f' ({named})' if named else ''}"),
        "status": standing.status,
        "word": word,
        "tone": tone,
        "period": standing.label,
        "every": budget.every,
        "ended": standing.ended,
        "amount": money(budget.amount),
        "spent": money(standing.spent),
        "later": money(standing.later) if standing.later else None,
        "known": money(standing.known),
        "known_percent": _whole(percent_of(standing.known, budget.amount)),
        "through": (standing.until or standing.period.start).date() - timedelta(days=1),
        "left": money(standing.left),
        "over": money(over) if over > 0 else None,
        "percent": _whole(standing.percent),
        "gone": rounded(standing.gone_percent, 0),
        "no_day": not standing.gone_percent,
        "at_least": standing.at_least,
        "range": ends,
        "promise": promise(record_of(standing.track) if standing.track else None, words),
        "middle": money(reach.middle) if reach is not None else None,
        "likely": standing.status == "over likely",
        "likely_over": money(reach.middle - budget.amount) if reach and reach.middle > budget.amount else None,
        "runs_out": standing.runs_out,
        "gap": standing.gap
        and {
            "before": standing.gap.before.label,
            "cost": money(standing.gap.before.cost),
            "base": money(standing.gap.base) if standing.gap.base else None,
            "new": money(standing.gap.new),
        },
        "goes_on": [
            {
                "name": shown(each.name),
                "more": money(each.more),
                "per_day": money(each.per_day),
                "in_mean": money(each.in_mean),
                "whole": money(each.per_day * each.days),
                "first": each.first,
                "until": each.until,
            }
            for each in standing.goes_on
        ],
        "chance": None if over > 0 else standing.chance_over,
        "no_forecast": standing.no_forecast,
        "basis": standing.basis,
        "basis_note": standing.basis_note,
        "until": standing.complete_until,
        "gaps": [shown(gap) for gap in standing.gaps],
        "thresholds": [mark(t) for t in _telling(one)],
        "marks": [mark(t) for t in _named(one)],
        "first_at": one.first_at,
        "first_to": ", ".join(one.first_to),
        "escalates": budget.escalate,
        "drivers": one.drivers,
        "stops": one.stops,
        "looked": one.looked,
        "not_read": one.not_read,
    }


def _telling(one: Item) -> list[Threshold]:
    """The thresholds worth naming: a forecast of what is spent by now says nothing more."""
    spent = one.standing.known
    return [t for t in one.thresholds if t.on == "actual" or t.limit(one.standing.budget.amount) > spent]


def _named(one: Item) -> list[Threshold]:
    """Of the thresholds, what the subject names: the furthest of what is spent, and of the forecast.

    A threshold is told once a period, so no two mails of a budget and a period name the same ones.
    """
    found = {}
    # Of what is not reached any more, the lowest says most.
    for threshold in sorted(
        _telling(one) or one.thresholds,
        key=lambda each: each.limit(one.standing.budget.amount),
        reverse=one.why == "corrected",
    ):
        found[threshold.on] = threshold
    return [found[on] for on in ("actual", "forecast") if on in found]


def _whole(percent: Decimal) -> Decimal:
    """Rounded down: 99.9 % is not yet all of it."""
    return percent.quantize(Decimal(1), rounding="ROUND_FLOOR")
