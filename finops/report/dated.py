"""Dates that the program wrote into its sentences in English, as a locale writes them.

The house's dates have one shape each: "21 Nov 2026", "21 Nov", "Tue 17 Nov", "15 to 21 Nov 2026", "November 2026",
"Nov 2026". A month alone is one only where a sentence says so ("for Dec"), or where nothing else stands there: May and
March are names, too.
"""

from __future__ import annotations

import re
from calendar import day_abbr, month_abbr, month_name
from datetime import date

from finops.charges import Period
from finops.report.locales import Writing
from finops.report.periods import DAY

_SHORT = {month_abbr[number]: number for number in range(1, 13)}
_LONG = {month_name[number]: number for number in range(1, 13)}
_MONTHS = _LONG | _SHORT
_DAYS = list(day_abbr)
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WRITTEN = re.compile(
    r"(?<![\w./-])(?:"
    rf"(?:(?P<weekday>{'|'.join(_DAYS)}) )?(?:(?P<first>\d{{1,2}}) to )?(?P<day>\d{{1,2}}) "
    rf"(?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?"
    rf"|(?P<of>{_MONTH}) (?P<in>\d{{4}})"
    rf"|(?<=\bfor )(?P<lone>{_MONTH})"
    r")(?![\w/-]|\.\w)"
)
_ALONE = re.compile(rf"(?P<first>{_MONTH})(?: to (?P<last>{_MONTH}))?")
# Of a day without a year nothing but its weekday depends on one, and 29 February is in this one.
_ANY_YEAR = 2024


def dated(sentence: str, writing: Writing) -> str:
    """`sentence` with its dates as `writing` has them; any other word of it stays."""
    if writing.is_ours or not sentence:
        return sentence
    return _WRITTEN.sub(lambda found: _written(found, writing), sentence)


def month_dated(text: str, writing: Writing) -> str:
    """The same of a `text` that may be nothing but a month ("Nov", "Oct to Dec")."""
    found = None if writing.is_ours else _ALONE.fullmatch(text)
    if found is None:
        return dated(text, writing)
    return " to ".join(_month(name, writing) for name in found.groups() if name)


def _written(found: re.Match[str], writing: Writing) -> str:
    if found["lone"]:
        return _month(found["lone"], writing)
    if found["of"]:
        return f"{_month(found['of'], writing)} {found['in']}"
    year, month, number = int(found["year"] or 0), _MONTHS[found["month"]], int(found["day"])
    try:
        day = _day_of(year, month, number, found["weekday"])
        if found["first"] and year:
            return writing.days(Period(day.replace(day=int(found["first"])), day + DAY))
    except ValueError:  # the 31st of a month that has none is no date
        return found[0]
    if found["first"]:
        return f"{found['first']} to {writing.day(day)}"
    if found["weekday"]:
        return writing.weekday(day)
    return writing.date(day) if year else writing.day(day)


def _day_of(year: int, month: int, number: int, weekday: str | None) -> date:
    """That day; without a year, one on which it is that weekday."""
    if year or weekday is None:
        return date(year or _ANY_YEAR, month, number)
    years = range(_ANY_YEAR, _ANY_YEAR + 28)
    days = (date(one, month, number) for one in years if number < 29 or one % 4 == 0 or month != 2)
    return next(day for day in days if _DAYS[day.weekday()] == weekday)


def _month(name: str, writing: Writing) -> str:
    return writing.month(date(_ANY_YEAR, _MONTHS[name], 1), short=name in _SHORT and name not in _LONG)
