"""What the watch tells: an incident begins with the first thing that is too much, and ends when all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.approvals.naming import shown
from finops.budget.rate import Ahead, Projection
from finops.estate.ids import key
from finops.report.locales import writing
from finops.report.model import Money
from finops.report.render import inlined
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings

Json = dict[str, Any]
RISE = Decimal("1.5")  # what costs so many times what was told of it is told again
ON = Decimal("0.5")  # what costs less than this part of what was told of it has come to an end
SMALL = Decimal(100)  # USD; less is told to the cent


def told_of(
    projection: Projection, incident: Json | None, settings: Settings, now: datetime
) -> tuple[Json | None, list[Json], list[str]]:
    """The incident as it is now, the letters, and the ids that they tell of.

    An incident begins with the first thing told and ends when all of them have: the last mail closes its thread.
    """
    open_: dict[str, Json] = dict(incident["told"]) if incident else {}
    current = {key(one.running.id): one for one in projection.ahead}
    is_unsure = bool(projection.rates.unread)
    for name, was in open_.items():
        one = current.get(name)
        rate = one.running.per_hour if one else Decimal(0)
        total = _rate_of(projection, name) if one else rate
        is_on = (total or Decimal(0)) >= Decimal(was["per_hour"]) * ON
        # What could not be read this time has not ended for that.
        was["ended"] = "" if is_on or (is_unsure and one is None) else was.get("ended") or now.isoformat()
    fresh = [one for one in projection.culprits if _is_news(one, open_, projection)]
    threatened = sorted({one.budget for one in projection.threats} | set(incident["threats"] if incident else ()))
    if fresh and (incident is None or _is_enough(fresh, projection, incident, settings)):
        started = incident["started"] if incident else now.isoformat()
        for one in fresh:
            name = key(one.running.id)
            open_[name] = {
                "name": shown(one.running.name),
                "workspace": shown(one.running.workspace),
                "kind": one.running.kind,
                "per_hour": f"{_rate_of(projection, name):f}",
                "told": now.isoformat(),
                "first": open_.get(name, {}).get("first", now.isoformat()),
                "ended": "",
            }
        incident = {"started": started, "told": open_, "threats": threatened}
        letters = [_letter("watch", person, projection, incident, fresh, settings, now) for person in _people(settings)]
        return incident, letters, [key(one.running.id) for one in fresh]
    if incident is None:
        return None, [], []
    incident = {**incident, "told": open_}
    if all(was["ended"] for was in open_.values()):
        return None, [_letter("closed", to, projection, incident, (), settings, now) for to in _people(settings)], []
    return incident, [], []


def _is_enough(fresh: Sequence[Ahead], projection: Projection, incident: Json, settings: Settings) -> bool:
    """Whether what nobody was told of yet is worth a mail of its own, beside what they know."""
    more = sum((one.excess for one in fresh), Decimal(0))
    threatened = {one.budget for one in projection.threats} - set(incident["threats"])
    return more >= settings.watch.above_usual or bool(threatened)


def _is_news(one: Ahead, open_: Json, projection: Projection) -> bool:
    """Whether nobody was told of it, or of much less, since it was last off."""
    was = open_.get(key(one.running.id))
    if was is None or was["ended"]:
        return True
    return _rate_of(projection, key(one.running.id)) >= Decimal(was["per_hour"]) * RISE


def _rate_of(projection: Projection, name: str) -> Decimal:
    """USD an hour of all that one resource runs."""
    own = (one.per_hour for one in projection.rates.running if key(one.id) == name)
    return sum((one for one in own if one is not None), Decimal(0))


def _people(settings: Settings) -> list[str]:
    return list(dict.fromkeys(settings.watch.to or settings.mail.finance))


def _letter(
    why: str, to: str, projection: Projection, incident: Json, fresh: Sequence[Ahead], settings: Settings, now: datetime
) -> Json:
    def usd(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount, "USD")

    names = {key(one.running.id) for one in fresh}
    rows = [
        {
            "name": shown(one.running.name),
            "kind": one.running.kind,
            "holder": shown(one.running.workspace),
            "what": f"{one.running.count} x {one.running.size}{' spot' if one.running.spot else ''}",
            "says": shown(one.running.says),
            "per_hour": usd(_rate_of(projection, key(one.running.id))),
            "cost": usd(one.cost),
            "usual": usd(one.usual) if one.usual else None,
            "command": one.running.command,
            "work": one.running.has_work,
        }
        for one in projection.culprits
        if key(one.running.id) in names or why == "closed"
    ]
    over = [
        {**was, "per_hour": usd(Decimal(was["per_hour"])), "cost": usd(_came_to(was, now)),
         "first": datetime.fromisoformat(was["first"]), "ended": datetime.fromisoformat(was["ended"])}
        for was in incident["told"].values() if was["ended"]
    ]  # fmt: skip
    costs = [row["cost"].amount for row in rows if isinstance(row["cost"], Money)]
    closed = [row["cost"].amount for row in over if isinstance(row["cost"], Money)]
    context: Json = {
        "organisation": shown(settings.report.organisation),
        "to": to,
        "why": why,
        "rows": rows,
        "over": over,
        "cost": usd(sum(costs, Decimal(0))),
        "came_to": usd(sum(closed, Decimal(0))),
        "per_hour": usd(sum((_rate_of(projection, name) for name in names), Decimal(0))),
        "all_per_hour": usd(projection.rates.per_hour),
        "per_day": usd(projection.per_day),
        "usual": usd(projection.usual_per_day),
        "usual_from": projection.usual_from,
        "excess": usd(projection.excess),
        "month_end": usd(projection.month_end),
        "until": projection.until,
        "until_clock": f"{projection.until:%H:%M} UTC",
        "free": projection.free,
        "reasons": projection.reasons,
        "threats": [
            {"name": shown(one.budget), "left": Money(one.left, one.currency), "used_up": one.used_up}
            for one in projection.threats
        ],
        "unread": [shown(one) for one in projection.rates.unread[:3]],
        "unpriced": [f"{shown(one.name)} ({shown(one.why_unknown)})" for one in projection.rates.unpriced[:3]],
        "unpriced_count": len(projection.rates.unpriced),
        "rule": usd(settings.watch.above_usual),
        "started": datetime.fromisoformat(incident["started"]),
        "now": now,
    }
    digits = 0 if sum(costs, Decimal(0)) >= SMALL or not costs else 2
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


def _came_to(was: Json, now: datetime) -> Decimal:
    """About what it cost from when it was told to its end."""
    end = datetime.fromisoformat(was["ended"]) if was["ended"] else now
    hours = max(timedelta(0), end - datetime.fromisoformat(was["first"])) / timedelta(hours=1)
    return Decimal(was["per_hour"]) * Decimal(str(hours))
