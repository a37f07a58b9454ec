"""The report's short figures: the four tiles of the first screen, and the rows of unit costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from finops.report import naming
from finops.report.model import Close, Money, Month, Outlook, Report, Share, Unit, Wording
from finops.report.promise import promise
from finops.report.words import Words

# Sizes of GPU nodes, and endpoints, that are printed, the dearest first; the workbook has all.
UNITS = 8
ENDPOINTS = 5


@dataclass(frozen=True)
class Tile:
    """A label, a figure, what it means, and the look of that: level, more, less, bad."""

    label: str
    figure: str
    under: str
    tone: str = "level"


@dataclass(frozen=True)
class UnitRow:
    """What it is of, the unit (or what it is a percentage of), the figure, and what stands under both."""

    name: str
    per: str
    value: str
    detail: str
    before: str


def tiles(model: Report, wording: Wording, words: Words) -> tuple[Tile, ...]:
    """This period; the month against its budget; where the month ends; what was saved, else what has no owner."""
    if model.close:
        return _closed(model, model.close, words)
    return (_cost(model, wording, words), _month(model, words), _ahead(model, words), _saved(model, wording, words))


def _closed(model: Report, close: Close, words: Words) -> tuple[Tile, ...]:
    """Of a month's statement: the invoice, our data, the budget, what was saved."""
    given = close.invoice_from == "given"
    if not given:
        difference, tone = words.say("from the charges; no invoice was given"), "level"
    elif close.difference.amount:
        difference, tone = words.say("{size} against our data", size=words.signed_cents(close.difference)), "bad-text"
    else:
        difference, tone = words.say("no difference to our data"), "less"
    label = words.say("Invoice total" if given else "Billed on the month's invoice")
    invoice = Tile(label, words.cents(close.invoice), difference, tone)
    ours = words.say("effective cost {amount}", amount=words.cents(close.effective))
    wording = naming.wording(model, words)
    return (
        invoice,
        Tile(words.say("Billed in our data"), words.cents(close.ours), ours),
        _month(model, words),
        _saved(model, wording, words),
    )


def _cost(model: Report, wording: Wording, words: Words) -> Tile:
    total, change = model.total, model.total.shown_change
    if change is None:
        why = "not compared: charges are missing" if model.completeness.not_compared else "nothing to compare with yet"
        return Tile(wording.this, words.about(total.cost), words.say(why))
    if not change.amount:
        under = words.say("no change on {before}", before=wording.before)
        return Tile(wording.this, words.about(total.cost), under)
    under = words.say("{change} on {before}", change=words.change(total), before=wording.before)
    return Tile(wording.this, words.about(total.cost), under, "more" if change.amount > 0 else "less")


def _month(model: Report, words: Words) -> Tile:
    month = model.month
    if month is None:
        day = model.dearest_day
        return Tile(words.say("Dearest day"), words.money(day.cost), words.writing.date(day.day))
    label = naming.month_label(model, words)
    if model.wording.kind == "month":
        return _held(model, month, words)
    if month.budget and month.budget.later and month.budget.over_with_later:
        later = words.money(month.budget.later_shown(words.digits))
        over = words.money(month.budget.over_with_later)
        under = words.say("{later} more since then: {size} over budget", later=later, size=over)
        return Tile(label, words.about(month.cost), under, "bad-text")
    if month.budget and month.budget.begins and month.budget.left.amount >= 0:
        spent, begins = words.percent(month.budget.spent_percent), words.writing.day(month.budget.begins)
        under = words.say("{spent} of budget, from {day} on", spent=spent, day=begins)
        return Tile(label, words.about(month.cost), under)
    if month.budget:
        under = words.say(
            "{spent} of budget, {gone} of month gone",
            spent=words.percent(month.budget.spent_percent),
            gone=words.percent(month.budget.month_gone_percent),
        )
        return Tile(label, words.about(month.cost), under, "bad-text" if month.budget.left.amount < 0 else "level")
    if month.change is not None:
        under = words.say("{change} on the same days of the month before", change=words.change(month))
        return Tile(label, words.about(month.cost), under)
    return Tile(label, words.about(month.cost), _no_budget(model, words))


def _held(model: Report, month: Month, words: Words) -> Tile:
    """A reported month against its budget: its cost alone stands on another tile."""
    budget = month.budget
    if budget is None:
        day = model.dearest_day
        return Tile(words.say("Dearest day"), words.money(day.cost), words.writing.date(day.day))
    amount, gone = words.money(budget.amount), words.percent(budget.month_gone_percent)
    figure = words.say("{size} over" if budget.left.amount < 0 else "{size} left", size=words.size(budget.left))
    under = words.say("{spent} of {amount}", spent=words.percent(budget.spent_percent), amount=amount)
    if not month.ended:
        under += ", " + words.say("{gone} of month gone", gone=gone)
    label = words.say("{month} against its budget", month=naming.month_name(model, words))
    return Tile(label, figure, under, "bad-text" if budget.left.amount < 0 else "level")


def _ahead(model: Report, words: Words) -> Tile:
    outlook = model.outlook
    if outlook is None:
        if model.no_outlook:
            return Tile(words.say("Month-end forecast"), words.say("none"), words.told(model.no_outlook))
        return _next(model, words) or _largest(model, words)
    if outlook.range is None:
        label = words.say("Month-end forecast, mean")
        return Tile(label, words.forecast(outlook.middle), _no_range(outlook, words))
    label = words.say("Month-end forecast, {held}", held=promise(outlook.record, words, outlook.level))
    figure = words.range(outlook.range)
    over = outlook.over
    if over is None:
        return Tile(label, figure, _no_budget(model, words))
    under = _over(over, words)
    if outlook.chance_over is not None:
        under += "; " + words.say("{odds} chance over", odds=words.odds(outlook.chance_over))
    return Tile(label, figure, under, "bad-text" if over.amount > 0 else "level")


def _next(model: Report, words: Words) -> Tile | None:
    """Where the month leads that has begun since the reported one ended."""
    begun = model.month.next if model.month and model.month.ended else None
    if begun is None:
        return None
    month = words.writing.month(begun.first)
    if begun.range is None:
        under = words.say("no day of it is complete yet") if begun.period is None else _no_budget(model, words)
        if begun.period and begun.budget:
            under = words.say("of {amount}", amount=words.money(begun.budget))
        return Tile(words.say("{month} to date", month=month), words.about(begun.cost), under)
    label = words.say("{month} forecast, {held}", month=month, held=promise(begun.record, words))
    if begun.over is None:
        return Tile(label, words.range(begun.range), _no_budget(model, words))
    tone, under = "bad-text" if begun.over.amount > 0 else "level", _over(begun.over, words)
    if begun.chance_over is not None:
        under += "; " + words.say("{odds} chance over", odds=words.odds(begun.chance_over))
    return Tile(label, words.range(begun.range), under, tone)


def _over(over: Money, words: Words) -> str:
    side = "{size} over budget in the mean" if over.amount > 0 else "{size} under budget in the mean"
    return words.say(side, size=words.forecast(Money(abs(over.amount), over.currency)))


def _no_budget(model: Report, words: Words) -> str:
    lost = any(one.is_everything for one in model.not_comparable)
    return words.say("the budget cannot be compared" if lost else "no budget is set")


def _no_range(outlook: Outlook, words: Words) -> str:
    return words.say("no range: {why}", why=words.told(outlook.why_no_range)) if outlook.why_no_range else ""


def _largest(model: Report, words: Words) -> Tile:
    """Where nothing lies ahead: what moved most, else what cost most."""
    if model.movers and model.movers.drivers:
        line = model.movers.drivers[0].line
        return Tile(words.say("Largest change"), words.called(line), words.change(line))
    services = model.by_service.all
    if not services:
        return Tile(words.say("Dearest service"), words.say("none"), words.say("nothing was charged"))
    return Tile(words.say("Dearest service"), words.name(services[0].name), words.money(services[0].shown_cost))


def _saved(model: Report, wording: Wording, words: Words) -> Tile:
    saved = model.savings
    if saved is None:
        if model.audience.key is not None:
            return _largest(model, words)
        if model.untagged_percent is None:
            share = words.say("in {the}", the=wording.the)
        else:
            share = f"{words.percent(model.untagged_percent)} {words.say('of {the}', the=wording.the)}"
        return Tile(words.say("Without a cost centre"), words.about(model.untagged.cost), share)
    waiting = saved.approved.amount.amount + saved.identified.amount.amount
    none_known = saved.realised.count and saved.realised.unknown == saved.realised.count
    figure = words.say("not known") if none_known else words.money(saved.shown)
    if saved.identified.amount.amount > 0:
        size = words.money(saved.identified.amount)
        under = words.say("{size} a month more is identified", size=size)
    elif waiting > 0:
        under = words.say("{size} a month more is approved", size=words.money(saved.approved.amount))
    else:
        under = words.say("nothing more waits")
    if saved.lacks:
        under += "; " + words.say("idle and dear nodes were not looked for")
    return Tile(words.say("Savings realised so far"), figure, under)


def unit_rows(model: Report, words: Words) -> tuple[UnitRow, ...]:
    """What is known of unit costs: how much of what is paid for works, a job, then GPU-hours and predictions."""
    if model.units is None or not model.units.any_known:
        return ()
    found = model.units
    shares = [_share(share, words) for share in (found.spot, found.idle) if share.percent is not None]
    units = [found.per_job, *_dearest(found.gpu_hours)[:UNITS], *_dearest(found.predictions)[:ENDPOINTS]]
    return (*shares, *(_unit(unit, words) for unit in units if unit.value is not None))


def _dearest(units: Iterable[Unit]) -> list[Unit]:
    """Those with a known value, those that cost most in all first."""
    known = [unit for unit in units if unit.value is not None]
    return sorted(known, key=lambda unit: -unit.cost.amount if unit.cost else Decimal(0))


def _unit(unit: Unit, words: Words) -> UnitRow:
    per = words.told(unit.per if unit.per[:1].isdigit() else f"a {unit.per}")
    before = words.say("{price} before", price=words.price(unit.before)) if unit.before else ""
    return UnitRow(words.told(unit.name or "Clusters"), per, words.price(unit.value), words.told(unit.detail), before)


def _share(share: Share, words: Words) -> UnitRow:
    detail = words.told(share.why)
    if share.part is not None and share.whole is not None:
        part, whole = words.number(share.part), words.number(share.whole)
        of = words.say("{part} of {whole} {unit}", part=part, whole=whole, unit=words.told(share.unit))
        detail = f"{of}; {detail}" if detail else of
    per = words.say("% of {unit}", unit=words.told(share.unit))
    return UnitRow(words.told(share.name), per, words.percent(share.percent), detail, "")


def units_unknown(model: Report, words: Words) -> tuple[str, ...]:
    """Why some unit costs are not there, a sentence each that names what is missing."""
    if model.units is None:
        return ()
    found, say = model.units, words.say
    more = len(_dearest(found.gpu_hours)[UNITS:]) + len(_dearest(found.predictions)[ENDPOINTS:])
    missing = [say("{n} more are in the workbook.", n=words.number(more))] if more else []
    lacking = [(share.name, share.why) for share in (found.spot, found.idle) if share.percent is None]
    lacking += [("Cost of a completed job", found.per_job.why)] if found.per_job.value is None else []
    lacking += [("Cost of a GPU-hour", found.no_gpu_hours), ("Cost of 1,000 predictions", found.no_predictions)]
    missing += [
        say("Not known: {what}: {why}", what=_small(words.told(name)), why=words.told(why))
        for name, why in lacking
        if why
    ]
    missing += _unpriced(found.gpu_hours, words) + _unpriced(found.predictions, words)
    return tuple(f"{one.rstrip('.')}." for one in missing)


def _unpriced(units: Iterable[Unit], words: Words) -> list[str]:
    """One sentence for all that lack their cost for the same reason."""
    names: dict[tuple[str, str], list[str]] = {}
    for unit in units:
        if unit.value is None and unit.why:
            names.setdefault((unit.per, unit.why), []).append(words.name(unit.name))
    found = []
    for (per, why), mine in names.items():
        others = words.say(" and {n} more", n=words.number(len(mine) - 1)) if len(mine) > 1 else ""
        what = words.say("{per} of {name}", per=words.told(per), name=f"{mine[0]}{others}")
        found.append(_lacks(words, what, why))
    return found


def _lacks(words: Words, what: str, why: str) -> str:
    return words.say("Not known: {what}: {why}", what=what, why=words.told(why))


def _small(text: str) -> str:
    """As it stands within a sentence."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
