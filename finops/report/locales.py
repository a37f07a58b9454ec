"""How amounts, percentages and dates are written in one locale, through Babel."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import format_compact_currency, format_currency, format_decimal, get_currency_symbol

from finops.errors import ConfigError
from finops.report.rounding import rounded

if TYPE_CHECKING:
    from finops.charges import Period

# The house's own English: "$8,601" as in the United States, "21 Nov 2026" as nearly everywhere else.
HOUSE = "en"
SYMBOLS = "en_US"
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Writing:
    """Writes sizes (never a sign: see words) and days as `code` does, such as de_DE."""

    code: str = HOUSE

    @property
    def is_ours(self) -> bool:
        return self.code == HOUSE

    @property
    def language(self) -> str:
        """For the lang of a page: "de-DE"."""
        return self.code.replace("_", "-")

    @property
    def direction(self) -> str:
        return "ltr" if self.is_ours else str(_locale(self.code).text_direction)

    def amount(self, size: Decimal, currency: str, digits: int) -> str:
        """ "$8,601", "8.601,27 €"; halves are rounded away from zero."""
        tail = "." + "0" * digits if digits else ""
        if self.is_ours:
            symbol = get_currency_symbol(currency, locale=SYMBOLS)
            space = NO_BREAK if symbol[-1].isalpha() else ""
            pattern = f"\N{CURRENCY SIGN}{space}#,##0{tail}"
        else:
            pattern = _locale(self.code).currency_formats["standard"].pattern.partition(";")[0]
            pattern = pattern.replace(".00", tail)
        locale = SYMBOLS if self.is_ours else self.code
        return format_currency(rounded(size, digits), currency, pattern, locale=locale, currency_digits=False)

    def short_amount(self, size: Decimal, currency: str, digits: int) -> str | None:
        """ "1,5 Mio. €", "34.300 €" where nothing is short for it; None: the house has its own, "€40k"."""
        if self.is_ours:
            return None
        short = format_compact_currency(size, currency, locale=self.code, fraction_digits=digits)
        is_long = str(int(size)) in short  # Babel then leaves out the grouping
        return self.amount(size, currency, 0) if is_long else short

    def number(self, value: Decimal | int, digits: int = 0) -> str:
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(value, pattern, locale=SYMBOLS if self.is_ours else self.code)

    def percent(self, value: Decimal, digits: int) -> str:
        """ "46.0%", "46,0 %"."""
        if self.is_ours:
            return f"{self.number(value, digits)}%"
        pattern = _locale(self.code).percent_formats[None]
        return f"{pattern.prefix[0]}{self.number(value, digits)}{pattern.suffix[0]}"

    def date(self, day: datetime.date) -> str:
        """ "21 Nov 2026", "21. Nov. 2026"."""
        return f"{day.day} {day:%b %Y}" if self.is_ours else format_skeleton("yMMMd", day, locale=self.code)

    def day(self, day: datetime.date) -> str:
        """ "21 Nov", "21. Nov."."""
        return f"{day.day} {day:%b}" if self.is_ours else format_skeleton("MMMd", day, locale=self.code)

    def weekday(self, day: datetime.date) -> str:
        """ "Thu 26 Nov"."""
        if self.is_ours:
            return f"{day:%a} {self.day(day)}"
        return format_skeleton("MMMEd", day, locale=self.code)

    def month(self, day: datetime.date, short: bool = False) -> str:
        """ "November" on its own; short: "Nov"."""
        if self.is_ours:
            return f"{day:%b}" if short else f"{day:%B}"
        return format_date(day, "LLL" if short else "LLLL", locale=self.code)

    def days(self, period: Period) -> str:
        """ "15 to 21 Nov 2026", "15.-21. Nov. 2026"; one day alone by its date."""
        if self.is_ours:
            return period.label
        first, last = period.days[0], period.days[-1]
        if first == last:
            return self.date(first)
        return format_interval(first, last, "yMMMd", locale=self.code)


OURS = Writing()


def writing(code: str) -> Writing:
    """The writing of a locale. ConfigError for one that Babel does not know."""
    if code != HOUSE:
        _locale(code)
    return Writing(code)


def _locale(code: str) -> Locale:
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError) as fault:
        raise ConfigError(
            f"report.locale is {code}, which is no locale that Babel knows.",
            "Write it like de_DE or fr_CH, or leave it out for English.",
        ) from fault
