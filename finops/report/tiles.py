"""The report's short figures: the four tiles of the first screen, and the rows of unit costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from finops.report import naming
from finops.report.model import Close, Money, Outlook, Report, Share, Unit, Wording
from finops.report.words import Words

# Sizes of GPU nodes, and deployments, that are printed, the dearest first; the workbook has all.
UNITS = 8


@dataclass(frozen=True)
class Tile:
    """A label, a figure, what it means, and the look of that: level, more, less, bad."""

    label: str
    figure: str
    under: str
    tone: str = "level"


@dataclass(frozen=True)
class UnitRow:
    name: str
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
    return Tile(label, words.about(month.cost), words.say("no budget is set"))


def _ahead(model: Report, words: Words) -> Tile:
    outlook = model.outlook
    if outlook is None:
        if model.no_outlook:
            return Tile(words.say("Month-end forecast"), words.say("none"), model.no_outlook)
        return _largest(model, words)
    if outlook.range is None:
        label = words.say("Month-end forecast, mean")
        return Tile(label, words.forecast(outlook.middle), _no_range(outlook, words))
    label = words.say("Month-end forecast, {n} in 10", n=f"{outlook.level * 10:.0f}")
    figure = words.range(outlook.range)
    over = outlook.over
    if over is None:
        return Tile(label, figure, words.say("no budget is set"))
    side = "{size} over budget in the mean" if over.amount > 0 else "{size} under budget in the mean"
    under = words.say(side, size=words.forecast(Money(abs(over.amount), over.currency)))
    if outlook.chance_over is not None:
        under += "; " + words.say("{odds} chance over", odds=words.odds(outlook.chance_over))
    return Tile(label, figure, under, "bad-text" if over.amount > 0 else "level")


def _no_range(outlook: Outlook, words: Words) -> str:
    return words.say("no range: {why}", why=outlook.why_no_range) if outlook.why_no_range else ""


def _largest(model: Report, words: Words) -> Tile:
    """Where nothing lies ahead: what moved most, else what cost most."""
    if model.movers and model.movers.drivers:
        line = model.movers.drivers[0].line
        return Tile(words.say("Largest change"), words.name(line.name), words.change(line))
    services = model.by_service.all
    if not services:
        return Tile(words.say("Dearest service"), words.say("none"), words.say("nothing was charged"))
    return Tile(words.say("Dearest service"), words.name(services[0].name), words.money(services[0].shown_cost))


def _saved(model: Report, wording: Wording, words: Words) -> Tile:
    saved = model.savings
    if saved is None:
        share = words.say("of {the}", the=wording.the)
        if model.untagged_percent is not None:
            share = f"{words.percent(model.untagged_percent)} {share}"
        return Tile(words.say("Without a cost centre"), words.about(model.untagged.cost), share)
    waiting = saved.approved.amount.amount + saved.identified.amount.amount
    none_known = saved.realised.count and saved.realised.unknown == saved.realised.count
    figure = words.say("not known") if none_known else words.money(saved.shown)
    if saved.identified.amount.amount > 0:
        size = words.money(saved.identified.amount)
        under = words.say("{size} a month more waits for a decision", size=size)
    elif waiting > 0:
        under = words.say("{size} a month more is approved", size=words.money(saved.approved.amount))
    else:
        under = words.say("nothing more waits")
    return Tile(words.say("Savings realised so far"), figure, under)


def unit_rows(model: Report, words: Words) -> tuple[UnitRow, ...]:
    """What is known of unit costs, cost first, then shares."""
    if model.units is None or not model.units.any_known:
        return ()
    found = model.units
    units = [*_dearest(found.gpu_hours)[:UNITS], found.per_job, *_dearest(found.predictions)[:UNITS]]
    rows = [_unit(unit, words) for unit in units if unit.value is not None]
    return (*rows, *(_share(share, words) for share in (found.spot, found.idle) if share.percent is not None))


def _dearest(units: Iterable[Unit]) -> list[Unit]:
    """Those with a known value, those that cost most in all first."""
    known = [unit for unit in units if unit.value is not None]
    return sorted(known, key=lambda unit: -unit.cost.amount if unit.cost else Decimal(0))


def _unit(unit: Unit, words: Words) -> UnitRow:
    name = words.say("{name}, a {unit}", name=unit.name, unit=unit.per) if unit.name else f"A {unit.per}"
    if unit.per[:1].isdigit():
        name = f"{unit.name}, {unit.per}"
    before = words.say("{price} before", price=words.price(unit.before)) if unit.before else ""
    return UnitRow(name, words.price(unit.value), unit.detail, before)


def _share(share: Share, words: Words) -> UnitRow:
    detail = ""
    if share.part is not None and share.whole is not None:
        detail = words.say(
            "{part} of {whole} {unit}", part=words.number(share.part), whole=words.number(share.whole), unit=share.unit
        )
    return UnitRow(share.name, words.percent(share.percent), detail, "")


def units_unknown(model: Report, words: Words) -> tuple[str, ...]:
    """Why some unit costs are not there, a sentence each; the same reason once."""
    if model.units is None:
        return ()
    found = model.units
    more = sum(max(len(_dearest(units)) - UNITS, 0) for units in (found.gpu_hours, found.predictions))
    missing = [words.say("{n} more are in the workbook.", n=words.number(Decimal(more)))] if more else []
    missing += [f"{words.say('No cost per GPU-hour')}: {found.no_gpu_hours}"] if found.no_gpu_hours else []
    missing += [f"{words.say('No cost per prediction')}: {found.no_predictions}"] if found.no_predictions else []
    missing += [f"{unit.name or unit.per}: {unit.why}" for unit in (found.per_job,) if unit.value is None and unit.why]
    missing += [
        f"{share.name}: {share.why}" for share in (found.spot, found.idle) if share.percent is None and share.why
    ]
    return tuple(f"{one.rstrip('.')}." for one in dict.fromkeys(missing))
