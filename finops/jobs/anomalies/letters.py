"""What the mails of a case say: one when it is found, one when it is closed, both in one thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.approvals.naming import shown
from finops.jobs.anomalies.kept import Case
from finops.report.locales import writing
from finops.report.model import Money, Range
from finops.report.render import inlined
from finops.report.templates import Templates
from finops.report.words import Words, name, shortened

if TYPE_CHECKING:
    from finops.config.model import Settings

Json = dict[str, Any]
KIND = "anomaly"
OWN = 5
"""New cases of one run that get a mail of their own; the others are lines in the mail of the largest."""
SMALL = Decimal(100)
LONGEST = 60
"""Letters of a name in a sentence. A tag may have 256; `finops anomaly show` prints them all."""


def first_mail(due: Sequence[Case], settings: Settings, now: datetime) -> Iterator[tuple[Case, list[Json]]]:
    """Each case as told, with its letters. Of many, the largest have letters of their own."""
    ranked = sorted(due, key=lambda case: (-abs(case.anomaly.impact), case.id))
    rest = ranked[OWN:]
    for place, case in enumerate(ranked):
        if place >= OWN:
            yield replace(case, told=now), []
            continue
        people = people_of(case, settings)
        letters = [_letter("found", case, to, settings, now, rest if not place else ()) for to in people]
        subject = letters[0]["subject"] if letters else ""
        yield replace(case, told=now if people else None, subject=subject, people=tuple(people)), letters


def closing(case: Case, settings: Settings, now: datetime) -> list[Json]:
    """The last mail, to those who got the first."""
    return [_letter("closed", case, to, settings, now, ()) for to in case.people]


def people_of(case: Case, settings: Settings) -> list[str]:
    owner = [case.anomaly.owner] if settings.anomalies.owners and case.anomaly.owner else []
    found = {one.lower(): one for one in [*(settings.anomalies.to or settings.mail.finance), *owner]}
    return list(found.values())


def _letter(
    why: Literal["found", "closed"], case: Case, to: str, settings: Settings, now: datetime, rest: Sequence[Case]
) -> Json:
    digits = 2 if abs(case.anomaly.impact) < SMALL else 0
    templates = Templates(settings.folders.reports, Words(digits, writing(settings.report.locale)))
    names = settings.report.cost_centres
    context: Json = {
        "organisation": shown(settings.report.organisation),
        "to": to,
        "why": why,
        "case": _figures(case, names),
        "rest": [_figures(one, names) for one in rest],
        "now": now,
    }
    # One subject for the whole thread: Gmail shows only such mails together.
    subject = f"Re: {case.subject}" if why == "closed" else _line(templates, "anomaly.subject.txt", context)
    preheader = _line(templates, "anomaly.preheader.txt", context)
    html = templates.render("anomaly.html", subject=subject, preheader=preheader, **context)
    return {
        "kind": KIND,
        "to": to,
        "subject": subject,
        "text": templates.render("anomaly.txt", subject=subject, **context),
        "html": inlined(html),
        "about": [f"anomaly/{case.id}/{why}"],
        "thread": f"anomaly/{case.id}",
    }


def _line(templates: Templates, name: str, context: Json) -> str:
    return templates.line(name, **context).replace("\N{WORD JOINER}", "")


def _figures(case: Case, names: Any) -> Json:
    """One case as the templates see it."""
    one = case.anomaly

    def money(amount: Decimal) -> Money:
        return Money(amount, case.currency)

    named = names.get(one.scope.key, "") if one.scope.kind == "cost centre" else ""
    reach = one.expected
    return {
        "id": one.id,
        "name": _name(f"{one.scope.key} {named}"),
        "scope": one.scope.kind,
        "kind": one.kind,
        "first": one.first,
        "last": one.last,
        "days": (one.last - one.first).days + 1,
        "on": one.going_on,
        "actual": money(one.actual),
        "expected": money(reach.middle),
        "range": Range(money(reach.low), money(reach.middle), money(reach.high)),
        "impact": money(one.impact),
        "size": money(abs(one.impact)),
        "over": one.impact > 0,
        "percent": one.percent,
        "state": one.state,
        "why": shown(one.why),
        "who": shown(case.who),
        "cause": shown(one.cause),
        "evidence": [shown(each) for each in one.evidence],
        "also": [f"{scope.kind} {_name(scope.key)}" for scope in one.also],
        "owner": shown(one.owner),
        "found_at": one.found_at,
        "basis": case.basis,
        "gaps": [shown(gap) for gap in case.gaps],
    }


def _name(text: str) -> str:
    return name(shortened(shown(" ".join(text.split())), LONGEST))
