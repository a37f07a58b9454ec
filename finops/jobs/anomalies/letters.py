"""What the mails of a case say: one when it is found, one when it is closed, both in one thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops.anomalies import Anomaly
from finops.anomalies.cases import Case
from finops.approvals.links import base_url
from finops.approvals.naming import shown
from finops.config.people import may_tell
from finops.errors import ConfigError
from finops.mail.naming import address_of
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
"""New cases of one run that a person gets a mail of their own for; the others are lines in that of the largest."""
SMALL = Decimal(100)
LONGEST = 60
"""Letters of a name in a sentence. A tag may have 256; `finops anomaly show` prints them all."""


def first_mails(due: Sequence[Case], settings: Settings, now: datetime) -> Iterator[tuple[Case, list[Json], list[str]]]:
    """Each case that anybody is told of, as told, with its letters; and each as it was with why nobody can be told.

    Of many, each person's largest have letters of their own; the first of those lists the others.
    """
    ranked = sorted(due, key=lambda case: (-abs(case.anomaly.impact), case.id))
    people, problems = {}, {}
    for case in ranked:
        people[case.id], problems[case.id] = people_of(case, settings)
    letters: dict[str, list[Json]] = {case.id: [] for case in ranked}
    for to in dict.fromkeys(to for case in ranked for to in people[case.id]):
        own = [case for case in ranked if to in people[case.id]]
        for place, case in enumerate(own[:OWN]):
            letters[case.id].append(_letter("found", case, to, settings, now, () if place else own[OWN:]))
    for case in ranked:
        if people[case.id]:
            case = replace(case, told=now, subject=_subject(case, settings), people=tuple(people[case.id]))
        yield case, letters[case.id], problems[case.id]


def closing(case: Case, settings: Settings, now: datetime) -> list[Json]:
    """The last mail, to those who were told of it."""
    return [_letter("closed", case, to, settings, now, ()) for to in case.people]


def people_of(case: Case, settings: Settings) -> tuple[list[str], list[str]]:
    """Who is told, and why somebody who should be is not."""
    owner = [case.anomaly.owner] if settings.anomalies.owners and case.anomaly.owner else []
    wanted = {one.lower(): one for one in [*owner, *(settings.anomalies.to or settings.mail.finance)]}
    found, problems = [], []
    for one in wanted.values():
        try:
            address_of(one)
            if one in owner and not may_tell(settings, one):
                problems.append(f"not told of {shown(case.anomaly.scope.key)}: {one} is not at mail.owner_domains")
            else:
                found.append(one)
        except ConfigError as fault:
            problems.append(f"not told of {shown(case.anomaly.scope.key)}: {fault.what}")
    if not found:
        problems.append("nobody is told of anomalies: name people under anomalies.to or mail.finance")
    return found, problems


def _letter(
    why: Literal["found", "closed"], case: Case, to: str, settings: Settings, now: datetime, rest: Sequence[Case]
) -> Json:
    templates = _templates(case, settings)
    names = settings.report.cost_centres
    context: Json = {
        "organisation": shown(settings.report.organisation),
        "to": to,
        "why": why,
        "case": _figures(case, names),
        "rest": [_figures(one, names) for one in rest],
        "page": f"{base_url(settings.web)}/anomalies/{case.id}" if settings.web.auth != "none" else "",
        "now": now,
    }
    # One subject for the whole thread: Gmail shows only such mails together.
    subject = f"Re: {case.subject}" if why == "closed" else _subject(case, settings)
    preheader = _line(templates, "anomaly.preheader.txt", context)
    html = templates.render("anomaly.html", subject=subject, preheader=preheader, **context)
    thread = f"anomaly/{case.id}" + (f"/{case.again}" if case.again else "")
    return {
        "kind": KIND,
        "to": to,
        "subject": subject,
        "text": templates.render("anomaly.txt", subject=subject, **context),
        "html": inlined(html),
        "about": [f"{thread}/{why}"],
        "thread": thread,
    }


def _subject(case: Case, settings: Settings) -> str:
    templates, figures = _templates(case, settings), _figures(case, settings.report.cost_centres)
    return _line(templates, "anomaly.subject.txt", {"case": figures})


def _templates(case: Case, settings: Settings) -> Templates:
    digits = 2 if abs(case.anomaly.impact) < SMALL else 0
    return Templates(settings.folders.reports, Words(digits, writing(settings.report.locale)))


def _line(templates: Templates, name: str, context: Json) -> str:
    return templates.line(name, **context).replace("\N{WORD JOINER}", "")


def _figures(case: Case, names: Any) -> Json:
    """One case as the templates see it."""
    one = case.so_far

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
        "actor": shown(case.actor),
        "stop": shown(case.stop),
        "command": shown(case.command),
        "per_day": money(abs(one.per_day)),
        "month": _rest_of_month(one, case.currency),
        "month_end": _month_end(one.last),
        "found_at": one.found_at,
        "basis": case.basis,
        "gaps": [shown(gap) for gap in case.gaps],
    }


def _rest_of_month(one: Anomaly, currency: str) -> Money | None:
    """What it comes to on the days of its month that are left, if it goes on; None where it does not, or none is."""
    left = (_month_end(one.last) - one.last).days
    return Money(abs(one.per_day) * left, currency) if one.going_on and left else None


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _name(text: str) -> str:
    return name(shortened(shown(" ".join(text.split())), LONGEST))
