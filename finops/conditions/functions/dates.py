"""Template functions on dates. A date keeps the zone and the number of decimals that it was written with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from finops.conditions.functions.arguments import a_text, an_int, refuse
from finops.conditions.scope import TemplateError
from finops.conditions.values import INSTANT, instant, is_number

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
# A year is 365 days and a month 30: .NET's XmlConvert.ToTimeSpan, which Azure's dateTimeAdd() uses.
DURATION = re.compile(
    r"([+-])?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?"
)
DATE = re.compile(r"\d{4}-\d\d-\d\d")
# .NET custom format tokens, the longest first; other characters stand for themselves.
TOKENS = re.compile(
    r"yyyy|yy|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|mm|m|ss|s|f+|F+|tt|t|zzz|K|'[^']*'|\"[^\"]*\"|\\.|."
)
STANDARD = {
    "d": "MM/dd/yyyy", "D": "dddd, dd MMMM yyyy", "f": "dddd, dd MMMM yyyy HH:mm", "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm", "G": "MM/dd/yyyy HH:mm:ss", "m": "MMMM dd", "M": "MMMM dd", "s": "yyyy-MM-ddTHH:mm:ss",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK", "O": "yyyy-MM-ddTHH:mm:ss.fffffffK", "t": "HH:mm", "T": "HH:mm:ss",
    "y": "yyyy MMMM", "Y": "yyyy MMMM",
}  # fmt: skip
IN_UTC = {
    "u": "yyyy-MM-dd HH:mm:ss'Z'", "U": "dddd, dd MMMM yyyy HH:mm:ss",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'", "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
}  # fmt: skip


@dataclass(frozen=True)
class Stamp:
    """A moment to the second, in its own zone, and the decimals of the second as they were written."""

    at: datetime
    fraction: str = ""


def parsed(name: str, value: Any) -> Stamp:
    """The moment that `value` tells; text without a zone is UTC."""
    text = a_text(name, value).strip()
    found = INSTANT.fullmatch(f"{text}T00:00:00" if DATE.fullmatch(text) else text)
    at = instant(found.group(0)) if found else None
    if found is None or at is None:
        raise refuse(name, "a date such as 2024-01-31T12:00:00Z", value)
    return Stamp(at.replace(microsecond=0), found[7] or "")


def written(stamp: Stamp, style: str = "") -> str:
    """`stamp` in a .NET format; without one as ISO 8601 with the decimals it had."""
    if not style:
        style = "yyyy-MM-ddTHH:mm:ss" + (f".{'f' * min(len(stamp.fraction), 7)}" if stamp.fraction else "") + "K"
    if len(style) == 1:
        if style in IN_UTC:
            stamp, style = Stamp(stamp.at.astimezone(UTC), stamp.fraction), IN_UTC[style]
        elif style in STANDARD:
            style = STANDARD[style]
        else:
            raise TemplateError(f"unrecognised standard format specifier {style!r}")
    return "".join(_written(mark, stamp) for mark in TOKENS.findall(style))


def _written(mark: str, stamp: Stamp) -> str:
    at, first = stamp.at, mark[0]
    if first in "'\"":
        return mark[1:-1]
    if first == "\\":
        return mark[1:]
    if first in "fF":
        digits = stamp.fraction.ljust(len(mark), "0")[: len(mark)]
        return digits if first == "f" else digits.rstrip("0")
    if mark in ("K", "zzz"):
        return _zone(at, mark)
    plain = {
        "yyyy": f"{at.year:04}", "yy": f"{at.year % 100:02}", "MMMM": MONTHS[at.month - 1],
        "MMM": MONTHS[at.month - 1][:3], "MM": f"{at.month:02}", "M": str(at.month), "dddd": DAYS[at.weekday()],
        "ddd": DAYS[at.weekday()][:3], "dd": f"{at.day:02}", "d": str(at.day), "HH": f"{at.hour:02}", "H": str(at.hour),
        "hh": f"{at.hour % 12 or 12:02}", "h": str(at.hour % 12 or 12), "mm": f"{at.minute:02}", "m": str(at.minute),
        "ss": f"{at.second:02}", "s": str(at.second), "tt": "AM" if at.hour < 12 else "PM",
        "t": "A" if at.hour < 12 else "P",
    }  # fmt: skip
    return plain.get(mark, mark)


def _zone(at: datetime, mark: str) -> str:
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    if mark == "K" and minutes == 0:
        return "Z"
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _later(stamp: Stamp, by: timedelta) -> Stamp:
    try:
        moved = stamp.at + timedelta(microseconds=int(stamp.fraction.ljust(6, "0")[:6] or 0)) + by
    except OverflowError as fault:
        raise TemplateError("the date is outside the years 1 to 9999") from fault
    micros = f"{moved.microsecond:06}"
    return Stamp(moved.replace(microsecond=0), (micros + stamp.fraction[6:])[: len(stamp.fraction)] or _trimmed(micros))


def _trimmed(micros: str) -> str:
    return micros.rstrip("0")


def add_days(value: Any, days: Any) -> str:
    stamp = parsed("addDays", value)
    try:
        return written(_later(stamp, timedelta(days=an_int("addDays", days))))
    except OverflowError as fault:
        raise TemplateError("the date is outside the years 1 to 9999") from fault


def date_time_add(value: Any, duration: Any, style: Any = "") -> str:
    stamp, text = parsed("dateTimeAdd", value), a_text("dateTimeAdd", duration)
    found = DURATION.fullmatch(text)
    if found is None or text[-1:] in ("P", "T"):
        raise refuse("dateTimeAdd", "an ISO 8601 duration such as P1DT2H", duration)
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:8])
    try:
        span = timedelta(
            days=years * 365 + months * 30 + weeks * 7 + days,
            hours=hours,
            minutes=minutes,
            seconds=seconds,
            microseconds=int((found[9] or "0").ljust(6, "0")[:6]),
        )
    except OverflowError as fault:
        raise TemplateError("the duration is too long") from fault
    return written(_later(stamp, -span if found[1] == "-" else span), a_text("dateTimeAdd", style))


def date_time_from_epoch(value: Any) -> str:
    if not is_number(value):
        raise refuse("dateTimeFromEpoch", "a number of seconds", value)
    try:
        return written(Stamp(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(value))))
    except OverflowError as fault:
        raise TemplateError("the date is outside the years 1 to 9999") from fault


def date_time_to_epoch(value: Any) -> int:
    stamp = parsed("dateTimeToEpoch", value)
    return int((stamp.at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def universal(now: datetime) -> str:
    """`now` as utcNow() writes it in a policy rule: with seven decimals."""
    stamp = Stamp(now.astimezone(UTC).replace(microsecond=0), f"{now.microsecond:06}0")
    return written(stamp, "yyyy-MM-ddTHH:mm:ss.fffffffK")


FUNCTIONS = {
    "addDays": (add_days, 2, 2),
    "dateTimeAdd": (date_time_add, 2, 3),
    "dateTimeFromEpoch": (date_time_from_epoch, 1, 1),
    "dateTimeToEpoch": (date_time_to_epoch, 1, 1),
}
