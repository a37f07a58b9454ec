"""What the watch tells: an incident begins with the first thing that is too much, and ends when all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.approvals.naming import shown
from finops.budget.rate import HOUR, Ahead, Projection
from finops.estate.ids import key
from finops.jobs.budgeting.alarms import Shows, letter
from finops.jobs.claims import said
from finops.report.claim import ours_on

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.report import Claim

Json = dict[str, Any]
RISE = Decimal("1.5")  # what costs so many times what was told of it is told again
ON = Decimal("0.5")  # what costs less than this part of what was told of it has come to an end
LONG = timedelta(hours=3)  # what ended between two looks further apart may have ended long before the second
UNREADABLE = "What was remembered of what is left on cannot be read, as another version wrote it; it is told anew."
NOBODY = "What runs is too much, and nobody is named to be told; set watch.to or mail.finance."
_TOLD = {"name", "workspace", "kind", "per_hour", "told", "first", "came_to", "ended", "rate", "seen"}


@dataclass(frozen=True)
class Told:
    """The incident as it is now, the letters, and the ids that they tell of. problem: why nobody could be told."""

    incident: Json | None
    letters: tuple[Json, ...] = ()
    ids: tuple[str, ...] = ()
    problem: str = ""


def seen(kept: Json | None, projection: Projection, acts: Sequence[Claim] = ()) -> tuple[Json | None, str]:
    """The incident brought up to this look: what each thing came to by now, and whether it is still on.

    None where there is none, or none that this version can read; then, why. acts: what we did ourselves.
    """
    if kept is None:
        return None, ""
    now = projection.rates.at
    try:
        told = {name: _seen(name, was, projection, now, acts) for name, was in kept["told"].items()}
        incident = {"started": kept["started"], "told": told, "threats": list(kept["threats"])}
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return None, UNREADABLE
    if any(not was.keys() >= _TOLD for was in told.values()):
        return None, UNREADABLE
    return incident, ""


def told_of(projection: Projection, incident: Json | None, settings: Settings, shows: Shows) -> Told:
    """What is to be told of a look. `incident` is brought up to it.

    An incident begins with the first thing told and ends when all of them have: the last mail closes its thread.
    """
    now = projection.rates.at
    open_: dict[str, Json] = dict(incident["told"]) if incident else {}
    people = list(dict.fromkeys(settings.watch.to or settings.mail.finance))
    fresh = [one for one in projection.culprits if _is_news(one, open_, projection)]
    problem = ""
    if fresh and (incident is None or _is_enough(fresh, projection, incident, settings)):
        if people:
            for one in fresh:
                name = key(one.running.id)
                open_[name] = _told(one, open_.get(name), projection, now)
            incident = {
                "started": incident["started"] if incident else now.isoformat(),
                "told": open_,
                "threats": sorted(
                    {one.budget for one in projection.threats} | set(incident["threats"] if incident else ())
                ),
            }
            letters = [letter("watch", to, projection, incident, fresh, settings, shows) for to in people]
            return Told(incident, tuple(letters), tuple(key(one.running.id) for one in fresh))
        problem = NOBODY
    if incident is None or any(_is_on(was) for was in open_.values()):
        return Told(incident, problem=problem)
    letters = [letter("closed", to, projection, incident, (), settings, shows) for to in people]
    return Told(None, tuple(letters), problem=problem)


def _told(one: Ahead, was: Json | None, projection: Projection, now: datetime) -> Json:
    """What is remembered of a thing that is told now. What it came to when it was told before counts on."""
    rate = f"{_rate_of(projection, key(one.running.id)) or Decimal(0):f}"
    return {
        "name": shown(one.running.name),
        "workspace": shown(one.running.workspace),
        "kind": one.running.kind,
        "per_hour": rate,
        "told": now.isoformat(),
        "first": was["first"] if was else now.isoformat(),
        "came_to": was["came_to"] if was else "0",
        "ended": "",
        "rate": rate,
        "seen": now.isoformat(),
        "late": bool(was and was.get("late")),
    }


def _seen(name: str, was: Json, projection: Projection, now: datetime, acts: Sequence[Claim]) -> Json:
    """It is taken to have run since the last look as it did then: at most that long where it has ended since, and
    until we stopped it ourselves where we did.

    `ended` stays once it is set, until the thing is told again: left on anew, it is news.
    """
    last = datetime.fromisoformat(was["seen"])
    rate = _rate_of(projection, name)
    if rate is None:
        rate = Decimal(was["rate"])  # what could not be read or has no price this time has not ended for that
    if rate < Decimal(was["per_hour"]) * ON:
        rate = Decimal(0)
    ending = _is_on(was) and not rate
    act = _act_on(name, was, now, acts) if ending else None
    end = max(act.since, last) if act and act.since else now
    hours = max(timedelta(0), end - last) / HOUR
    came_to = Decimal(was["came_to"]) + Decimal(was["rate"]) * Decimal(str(hours))
    late = was.get("late", False) or (end - last > LONG and not act)
    more = {"ended": end.isoformat(), "act": said(act) if act else "", "late": late}
    return {
        **was, "came_to": f"{came_to:.6f}", "rate": f"{rate:f}", "seen": now.isoformat(), **(more if ending else {})
    }  # fmt: skip


def _act_on(name: str, was: Json, now: datetime, acts: Sequence[Claim]) -> Claim | None:
    """What we did ourselves about a thing since it was told, and did not undo."""
    told = datetime.fromisoformat(was["told"])
    return next((one for one in ours_on(name, acts) if one.since and told <= one.since <= now), None)


def _is_on(was: Json) -> bool:
    return Decimal(was["rate"]) > 0


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
    return (_rate_of(projection, key(one.running.id)) or Decimal(0)) >= Decimal(was["per_hour"]) * RISE


def _rate_of(projection: Projection, name: str) -> Decimal | None:
    """USD an hour of all that one resource runs; None where nobody knows."""
    own = [one.per_hour for one in projection.rates.running if key(one.id) == name]
    if None in own or (not own and projection.rates.hides(name)):
        return None
    return sum((one for one in own if one is not None), Decimal(0))
