"""The mails of the watch: what runs and is too much, and once more when it has ended, with every figure ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.approvals.links import base_url
from finops.approvals.naming import shown
from finops.budget.rate import CENT, Ahead, Projection
from finops.estate.ids import key
from finops.jobs.budgeting.billed import Billed, together
from finops.report.locales import writing
from finops.report.model import Money
from finops.report.render import inlined
from finops.report.rounding import rounded
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings

Json = dict[str, Any]
Shows = Callable[[str], Billed | None]  # what the charges show already of a resource, by its id
SMALL = Decimal(100)  # USD; less is told to the cent


def letter(
    why: Literal["watch", "closed"],
    to: str,
    projection: Projection,
    incident: Json,
    fresh: Sequence[Ahead],
    settings: Settings,
    shows: Shows,
) -> Json:
    """One person's mail of an incident. fresh: what it tells of, none in the last one."""
    now, rates = projection.rates.at, projection.rates
    names = {key(one.running.id) for one in fresh}
    per_hour = {key(one.running.id): Decimal(incident["told"][key(one.running.id)]["per_hour"]) for one in fresh}
    bills = {key(one.running.id): shows(one.running.id) for one in fresh}
    known = {*incident["told"], *projection.planned}
    smaller = [one.excess for one in projection.ahead if one.excess >= CENT and key(one.running.id) not in known]
    over = [
        {**was, "per_hour": _usd(Decimal(was["per_hour"])), "cost": _usd(Decimal(was["came_to"])),
         "first": datetime.fromisoformat(was["first"]), "ended": datetime.fromisoformat(was["ended"]),
         "act": shown(was.get("act", "")), "late": was.get("late", False)}
        for was in incident["told"].values() if was["ended"]
    ]  # fmt: skip
    cost = sum((one.cost for one in fresh), Decimal(0))
    came_to = sum((row["cost"].amount for row in over), Decimal(0))
    digits = 0 if why == "closed" or cost >= SMALL else 2
    # Rounded one by one, so that they add up to what the mail says of all.
    parts = [(part, rounded(part.cost, digits)) for part in projection.month_parts]
    context: Json = {
        "organisation": shown(settings.report.organisation),
        "to": to,
        "why": why,
        "rows": [_row(one, per_hour[key(one.running.id)], bills[key(one.running.id)]) for one in fresh],
        "over": over,
        "cost": _usd(cost),
        "came_to": _usd(came_to),
        "late": any(row["late"] for row in over),
        "per_hour": _usd(sum(per_hour.values(), Decimal(0))),
        "billed": together(list(bills.values())),
        "all_per_hour": _usd(rates.per_hour),
        "per_day": _usd(projection.per_day),
        "all_goes_on": projection.per_day >= rates.per_hour * 24,
        "usual": None if projection.usual_per_day is None else _usd(projection.usual_per_day),
        "usual_from": projection.usual_from,
        "month_end": _usd(sum((amount for _, amount in parts), Decimal(0))),
        "month_parts": [
            {"kind": part.kind, "name": shown(part.name), "count": part.count, "cost": _usd(amount)}
            for part, amount in parts
        ],
        "smaller": {"count": len(smaller), "per_day": _usd(sum(smaller, Decimal(0)))},
        "planned": len(projection.planned),
        "until": projection.until,
        "until_clock": f"{projection.until:%H:%M} UTC",
        "free": projection.free,
        "reasons": projection.reasons,
        "threats": [
            {"name": shown(one.budget), "left": Money(one.left, one.currency), "used_up": one.used_up}
            for one in projection.threats
        ],
        "unread": [shown(one) for one in rates.unread[:3]],
        "unpriced": [f"{shown(one.name)} ({shown(one.why_unknown)})" for one in rates.unpriced[:3]],
        "unpriced_count": len(rates.unpriced),
        "rule": _usd(settings.watch.above_usual),
        "started": datetime.fromisoformat(incident["started"]),
        "site": base_url(settings.web) if settings.web.auth != "none" else "",
        "now": now,
    }
    templates = Templates(settings.folders.reports, Words(digits, writing(settings.report.locale)))
    subject = templates.line("budget-watch.subject.txt", **context).replace("\N{WORD JOINER}", "")
    preheader = templates.line("budget-watch.preheader.txt", **context)
    html = templates.render("budget-watch.html", subject=subject, preheader=preheader, **context)
    start = incident["started"]
    about = [f"watch/{start}/closed"] if why == "closed" else [
        f"watch/{start}/{name}/{incident['told'][name]['told']}" for name in sorted(names)
    ]  # fmt: skip
    return {
        "kind": "budget-watch",
        "to": to,
        "subject": subject,
        "text": templates.render("budget-watch.txt", subject=subject, **context),
        "html": inlined(html),
        "about": about,
        "thread": f"watch/{start}",
    }


def _row(one: Ahead, per_hour: Decimal, bill: Billed | None) -> Json:
    return {
        "name": shown(one.running.name),
        "kind": one.running.kind,
        "holder": shown(one.running.workspace),
        "what": f"{one.running.count} x {one.running.size}{' spot' if one.running.spot else ''}",
        "says": shown(one.running.says),
        "per_hour": _usd(per_hour),
        "cost": _usd(one.cost),
        "usual": _usd(one.usual) if one.usual else None,
        "billed": bill,
        "command": one.running.command,
        "work": one.running.has_work,
    }


def _usd(amount: Decimal) -> Money:
    return Money(amount, "USD")
