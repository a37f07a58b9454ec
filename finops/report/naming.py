"""How the report's period, month and basis are called, in the site's words and locale."""

from __future__ import annotations

from datetime import timedelta

from finops.report import periods
from finops.report.model import Report, Wording
from finops.report.words import Words

BASIS = {"effective": "Effective (amortised) cost", "billed": "Billed cost"}


def wording(model: Report, words: Words) -> Wording:
    """What the period is called. Ours as it was chosen; in another locale or other words, made anew."""
    ours = model.wording
    if words.writing.is_ours and not words.phrases:
        return ours
    say, writing, period = words.say, words.writing, model.period
    end = periods.last_day(period)
    days = writing.days(period)
    if ours.kind == "week":
        return Wording(
            kind="week",
            title=say("Week of {days}", days=days),
            subject=say("week to {day}", day=writing.day(end)),
            this=say("This week"),
            the=say("the week"),
            before=say("the week before"),
        )
    if ours.kind == "month":
        return _monthly(model, words)
    return Wording("days", days, days, _counted(model, words, "These"), _counted(model, words, "the"), _before(words))


def _monthly(model: Report, words: Words) -> Wording:
    say, period = words.say, model.period
    end, name = periods.last_day(period), month_name(model, words)
    before = (period.start - timedelta(days=1)).date()
    previous = words.writing.month(before) + ("" if before.year == model.made.year else f" {before.year}")
    whole = periods.is_whole_month(period)
    return Wording(
        kind="month",
        title=name if whole else say("Month to date, {days}", days=words.writing.days(period)),
        subject=name if whole else say("{month} to {day}", month=name, day=words.writing.day(end)),
        this=name if whole else say("{month} to date", month=name),
        the=name if whole else say("{month} so far", month=name),
        before=previous if whole else say("the same days of {month}", month=previous),
    )


def _counted(model: Report, words: Words, article: str) -> str:
    number = len(model.period.days)
    if number == 1:
        return words.say("This day" if article == "These" else "the day")
    return words.say(f"{article} {{n}} days", n=number)


def _before(words: Words) -> str:
    return words.say("the same number of days before")


def month_name(model: Report, words: Words, short: bool = False) -> str:
    """ "November", with the year when it is not this one; short: "Nov"."""
    if model.month and words.writing.is_ours:
        return model.month.short_name if short else model.month.name
    end = periods.last_day(model.period)
    name = words.writing.month(end, short)
    return name if short or end.year == model.made.year else f"{name} {end.year}"


def month_label(model: Report, words: Words) -> str:
    """ "November, 1 to 14 Nov"; the name alone when the month is whole."""
    if model.month is None:
        return words.writing.days(model.period)
    if words.writing.is_ours:
        return model.month.label
    name, period = month_name(model, words), model.month.period
    if periods.is_whole_month(period):
        return name
    first, last = period.days[0], period.days[-1]
    return f"{name}, " + (
        words.writing.day(first)
        if first == last
        else words.say("{low} to {high}", low=words.writing.day(first), high=words.writing.day(last))
    )


def before_name(model: Report, words: Words) -> str:
    """What the first chart calls the time before: "October"."""
    curve = model.curve
    if words.writing.is_ours or model.month is None or not curve.before_days:
        return curve.before_name
    day = curve.before_days[-1].day
    return words.writing.month(day) + ("" if day.year == model.made.year else f" {day.year}")


def month_to_date(model: Report, words: Words) -> str:
    """The heading of a column."""
    if model.month and model.month.ended:
        return month_name(model, words, short=True)
    return words.say("{month} to date", month=month_name(model, words, short=True))


def curve_title(model: Report, words: Words) -> str:
    """What the first chart shows."""
    if model.month is None:
        return words.say("Cost added up, {days}", days=words.writing.days(model.curve.period))
    name = month_name(model, words)
    against = [words.say("budget")] if model.curve.budget else []
    against += [words.say("forecast")] if model.outlook and model.outlook.path else []
    title = words.say("{month}, cost added up", month=name)
    if not against:
        return title
    return f"{title} {words.say('against')} {(' ' + words.say('and') + ' ').join(against)}"


def reach(model: Report, words: Words) -> str:
    """How far the data goes; it is called complete only where nothing is missing from it."""
    data = model.completeness
    last = words.writing.date(periods.last_day(data.data))
    if data.gaps or not data.covers_period:
        return words.say("data incomplete, to {day}", day=last)
    if data.until:
        return words.say("data complete to {moment}", moment=words.until(data.until))
    return words.say("data to {day}", day=last)
