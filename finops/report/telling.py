"""What templates see: the report with every figure, and the sentences made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from finops.report import alts, naming, periods
from finops.report.claim import ours_on
from finops.report.model import Anomaly, Driver, Line, Money, Mover, Report, Saving
from finops.report.table import SMALLEST_BASE
from finops.report.templates import Templates
from finops.report.tiles import tiles, unit_rows, units_unknown
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings

BRIDGE = ", as far as subscriptions show it: what was bought for the whole tenant is not in here, the invoice has it"
# Anomalies that a mail tells of; the workbook has all.
ANOMALIES = 5
# An act this long before the compared days still tells why a resource is on the bill no more.
QUARANTINE = timedelta(days=30)
# Where people approve or refuse what the janitor found.
FINDINGS = "/findings"


def told(
    model: Report, settings: Settings, words: Words, templates: Templates, attached: Sequence[str] = ()
) -> dict[str, Any]:
    """The context of every template. Sentences come last: their templates see what was made before them.

    attached: the names of the files that go with it.
    """
    context = _figures(model, settings, words, attached)
    for name in ("warnings", "notes", "savings", "month", "governance", "footer"):
        key = {"savings": "savings_says", "month": "month_notes"}.get(name, name)
        context[key] = templates.lines(f"weekly.{name}.txt", **context)
    context["drivers"] = [
        _pair(templates, "weekly.driver.txt", driver=driver, **context)
        for driver in (model.movers.drivers if model.movers else ())
    ]
    # In the share of one cost centre nothing is elsewhere, as a rule.
    elsewhere = model.movers and (model.audience.key is None or model.movers.everything_else.amount)
    context["elsewhere"] = _pair(templates, "weekly.elsewhere.txt", **context) if elsewhere else None
    context["anomalies"] = [
        _anomaly(templates, one, page_at(settings, f"/anomalies/{one.id}") if one.state == "open" else "", context)
        for one in (model.anomalies.rows if model.anomalies else ())[:ANOMALIES]
    ]
    kind = "weekly"
    if model.close:
        kind, context["close_notes"] = "close", templates.lines("close.notes.txt", **context)
    context["verdict"] = templates.line("weekly.verdict.txt", **context)
    context["preheader"] = templates.line(f"{kind}.preheader.txt", **context)
    context["subject"] = subject(templates, f"{kind}.subject.txt", context)
    return context


# Mail programs on phones show about 40 characters, on desktops 60 to 80; RFC 5322 advises lines of at most 78.
LONGEST_SUBJECT = 77


def subject(templates: Templates, name: str, context: dict[str, Any]) -> str:
    """The first line of the template that fits, else its last one. Plain characters: subjects are shown everywhere."""
    lines = [line.replace("\N{WORD JOINER}", "") for line in templates.lines(name, **context)]
    return next((line for line in lines if len(line) <= LONGEST_SUBJECT), lines[-1] if lines else context["name"])


def _pair(templates: Templates, name: str, /, **context: Any) -> dict[str, str]:
    """The two lines of a template: what is printed bold, and the sentences after it."""
    lead, says = templates.exactly(2, name, **context)
    return {"lead": lead, "says": says}


def _anomaly(templates: Templates, anomaly: Anomaly, page: str, context: dict[str, Any]) -> dict[str, str]:
    """page: where people say why, or empty."""
    lead, says, state = templates.exactly(3, "weekly.anomaly.txt", anomaly=anomaly, page=page, **context)
    return {"lead": lead, "says": says, "state": state, "page": page}


def _figures(model: Report, settings: Settings, words: Words, attached: Sequence[str]) -> dict[str, Any]:
    effective, billed = model.total.cost, model.other_total
    if model.basis == "billed":
        effective, billed = billed, effective
    wording = naming.wording(model, words)
    basis, tax = naming.BASIS[model.basis], "with tax" if _taxed(model) else "before tax"
    table = f"{words.say(basis)}, {model.currency}"
    against = words.say("; changes are against {before}", before=wording.before) if model.before else ""
    mean = words.say("; forecast is the mean of the range: means add up") if model.outlook else ""
    waits = [one for one in (model.savings.all if model.savings else ()) if one.kind == "identified"]
    decide = FINDINGS if any(one.source == "Janitor" and one.counted_with is None for one in waits) else ""
    decide = next((one.page for one in model.decisions if one.kind == "approvals"), decide)
    return {
        "report": model,
        "name": model.name,
        "wording": wording,
        "title": wording.title,
        "month_name": naming.month_name(model, words),
        "month_label": naming.month_label(model, words),
        "month_short": naming.month_name(model, words, short=True),
        "month_to_date": naming.month_to_date(model, words),
        "curve_title": naming.curve_title(model, words),
        "basis": basis,
        "tax": tax,
        "totals": {"effective": effective, "billed": billed},
        "reach": naming.reach(model, words),
        "bridge": "" if model.kinds_told else BRIDGE,
        "bridge_caption": f"{wording.title}, {model.currency}, {words.say(tax)}{'' if model.kinds_told else BRIDGE}",
        "centres_caption": f"{table}{against}{mean}",
        "services_caption": f"{table}{against}",
        "close_caption": f"{model.close.label}, {model.currency}, {words.say(tax)}" if model.close else "",
        "units_caption": f"{words.say(basis)}, {model.currency}, {wording.title}",
        "changes_against": against,
        "smallest_base": Money(SMALLEST_BASE, model.currency),
        "last_data_day": periods.last_day(model.completeness.data),
        "recipients": ", ".join(model.audience.recipients or settings.mail.finance),
        "tiles": tiles(model, wording, words),
        "unit_rows": unit_rows(model, words),
        "units_unknown": units_unknown(model, words),
        "decide_at": page_at(settings, decide) if decide else "",
        "stop_at": _stop(settings, model),
        "attached": list(attached),
        "language": words.writing.language,
        "direction": words.writing.direction,
        "alt_cost": alts.cost(model, words),
        "alt_movers": alts.movers(model, wording, words),
        "page_of": lambda path: page_at(settings, path),
        "cause_of": lambda driver: cause_of(driver, model),
        "act_of": lambda mover: act_of(mover, model),
        "month_mover": _month_mover(model),
        "month_act": _month_act(model),
    }


def _taxed(model: Report) -> bool:
    return any(kind.name == "Tax" for kind in model.categories)


def cause_of(driver: Driver, model: Report) -> Anomaly | None:
    """The anomaly behind a cost centre's change, where its cause is known: it says more than the split does.

    It began within the compared days and went on into the reported ones; what made a cost rise is no reason for its
    fall.
    """
    if model.before is None or driver.line.change is None:
        return None
    rose, began = driver.line.change.amount > 0, model.before.start.date()
    first, last = model.period.start.date(), periods.last_day(model.period)
    for one in model.anomalies.all if model.anomalies else ():
        is_known = one.state in {"open", "explained"} and (one.impact.amount > 0) == rose
        is_its = one.cost_centre == driver.line.key and is_known
        is_then = began <= one.first <= last and one.last >= first
        if is_its and is_then and not one.cause.lower().startswith("cause not found"):
            return one
    return None


def act_of(mover: Mover, model: Report) -> Saving | None:
    """What we did ourselves that a cost fell by: an act in the compared days that was not undone.

    What was taken away stays on the bill for as long as it can still be brought back.
    """
    if model.before is None or mover.change.amount >= 0:
        return None
    first = model.before.start.date() - (QUARANTINE if mover.is_gone else timedelta(0))
    return _act_on(mover.resource_id, first, model)


def _month_act(model: Report) -> Saving | None:
    """What we did ourselves about the resource that moved the month, up to today: its days may not show it yet."""
    if model.month is None or model.month.moved is None or not model.month.moved.resource_id:
        return None
    return _act_on(model.month.moved.resource_id, model.month.period.start.date(), model, model.made.date())


def _act_on(resource_id: str, first: date, model: Report, last: date | None = None) -> Saving | None:
    """The act of ours on a resource, or on what holds it, that was not undone. last: by default of the period."""
    if model.savings is None:
        return None
    last = last or periods.last_day(model.period)
    acts = ours_on(resource_id, model.savings.all)
    return next((one for one in acts if one.since and first <= one.since <= last), None)


def _month_mover(model: Report) -> Line | None:
    """The cost centre that moved the month, where the report has a line of it."""
    moved = model.month.moved if model.month else None
    return next((line for line in model.by_cost_centre.all if moved and line.key == moved.key), None)


def page_at(settings: Settings, path: str) -> str:
    """Where people open a page of the web app; empty where there is none."""
    web = settings.web
    if web.auth == "none":
        return ""
    return (web.public_url or f"http://{web.host}:{web.port}").rstrip("/") + path


def _stop(settings: Settings, model: Report) -> str:
    """Where to ask for another report, or none. A mail to people: leaving the list needs somebody's word."""
    asked = settings.mail.unsubscribe
    if asked:
        return asked
    return f"mailto:{settings.mail.reply_to or settings.mail.sender}?subject=Change%20or%20stop%20{model.name}"
