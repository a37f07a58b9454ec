"""How figures read: money, changes, percentages and dates, as the templates' filters print them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import format_currency, get_currency_precision, get_currency_symbol

from finops.report import periods
from finops.report.model import Line, Money, Month, Mover, Saving
from finops.report.rounding import rounded

# U+2212, and U+2060 after it, or mail programs break the line between the sign and the amount.
MINUS = "\N{MINUS SIGN}\N{WORD JOINER}"
NOTHING = "\N{EM DASH}"
LOCALE = "en_US"


@dataclass(frozen=True)
class Words:
    """The filters of one report: `digits` after the point, except where a filter says otherwise."""

    digits: int

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filter name -> function. docs/report.md lists them for the people who write templates."""
        return {
            "money": self.money,
            "signed": self.signed,
            "size": self.size,
            "about": self.about,
            "change": self.change,
            "saved": self.saved,
            "deed": self.deed,
            "signed_percent": signed_percent,
            "starts": starts,
            "near": near,
            "how": how,
            "who": who,
            "short": shortened,
            "cents": cents,
            "exact": exact,
            "percent": percent,
            "days": lambda period: period.label,
            "day": periods.short,
            "date": periods.written,
            "moment": moment,
            "until": until,
            "count": count,
            "left": left,
            "right": right,
            "wrapped": wrapped,
        }

    def money(self, money: Money | None) -> str:
        """ "$8,601", "−$237"; a dash for what is not known."""
        if money is None:
            return NOTHING
        amount = rounded(money.amount, self.digits)
        return (MINUS if amount < 0 else "") + _plain(abs(amount), money.currency, self.digits)

    def signed(self, money: Money | None) -> str:
        """ "+$1,246", "−$237", "no change"."""
        if money is None:
            return NOTHING
        amount = rounded(money.amount, self.digits)
        if not amount:
            return "no change"
        return ("+" if amount > 0 else MINUS) + _plain(abs(amount), money.currency, self.digits)

    def size(self, money: Money) -> str:
        """The amount without its sign, for "$1,090 more"."""
        return _plain(abs(rounded(money.amount, self.digits)), money.currency, self.digits)

    def about(self, money: Money) -> str:
        """ "$8,601"; "less than $0.01" for what is not nothing but would print as zero."""
        if rounded(money.amount, self.digits) or not money.amount:
            return self.money(money)
        least = _plain(Decimal(1).scaleb(-self.digits), money.currency, self.digits)
        return f"less than {least}" if money.amount > 0 else f"a credit of less than {least}"

    def change(self, line: Line | Mover | Month) -> str:
        """ "+$1,246 (+46.0%)"; "+$206, new" and "−$90, gone"; no percentage where the base is too small to say one."""
        shown = line.shown_change if isinstance(line, Line) else line.change
        text = self.signed(shown)
        if shown is None or text == "no change":
            return text
        if line.is_new:
            return f"{text}, new"
        if line.is_gone:
            return f"{text}, gone"
        return text if line.percent is None else f"{text} ({signed_percent(line.percent)})"

    def saved(self, act: Saving) -> str:
        """ "$1,240", "−$30"; "$0" while it is not on the bill; a dash for what cannot be known."""
        return self.money(act.shown)

    def deed(self, act: Saving) -> str:
        """ "online endpoint in ws, deleted 12 Nov 2026; $20 a month expected; not on the bill yet"."""
        place = f" in {act.holder}" if act.holder else ""
        done = f", {act.did} {periods.written(act.since)}" if act.since else ""
        parts = [f"{act.what}{place}{done}"]
        if act.until:
            parts[0] += f", undone {periods.written(act.until)}"
        if act.expected and not act.until:
            parts.append(f"{self.about(act.expected)} a month expected")
        if act.days_after and act.realised:
            parts.append(f"{count(act.days_after, 'day', 'days')} on the bill")
        if act.why:
            parts.append(f"not known: {act.why}" if act.realised is None and act.kind == "realised" else act.why)
        return "; ".join(parts)


def who(line: Line) -> str:
    """What a sentence calls the line."""
    return "cost without a cost centre" if line.role == "untagged" else line.name


def shortened(name: str, longest: int = 44) -> str:
    """A long name without its middle: generated names differ at their ends."""
    if len(name) <= longest:
        return name
    head = (longest - 1) * 2 // 3
    return name[:head] + "…" + name[-(longest - 1 - head) :]


def how(mover: Mover) -> str:
    """ "Virtual Machines, −32.2%", "Storage, new": the service, and how the change came about as far as it says."""
    if mover.is_new or mover.is_gone:
        return f"{mover.service}, {'new' if mover.is_new else 'gone'}"
    return mover.service if mover.percent is None else f"{mover.service}, {signed_percent(mover.percent)}"


def cents(money: Money) -> str:
    """The amount to the currency's smallest unit, for reconciling: "$8,601.27"."""
    digits = get_currency_precision(money.currency)
    amount = rounded(money.amount, digits)
    return (MINUS if amount < 0 else "") + _plain(abs(amount), money.currency, digits)


def exact(money: Money) -> str:
    """Every digit there is: "14.97651418586 USD"."""
    amount = money.amount.normalize()
    sign = MINUS if amount < 0 else ""
    return f"{sign}{abs(amount):,f} {money.currency}"


def percent(value: Decimal) -> str:
    """ "70%", "3.3%", "−1.4%", "554%"."""
    plain = rounded(value, 0) if value == 0 or abs(value) >= 100 else value
    return (MINUS if value < 0 else "") + f"{abs(plain):,f}%"


def signed_percent(value: Decimal) -> str:
    return ("+" if value > 0 else "") + percent(value)


def starts(text: str) -> str:
    """`text` as the start of a sentence."""
    return text[:1].upper() + text[1:]


def moment(value: datetime) -> str:
    """ "21 Nov 2026 23:59 UTC"."""
    return f"{periods.written(value.date())} {value:%H:%M} UTC"


def until(value: datetime) -> str:
    """ "the end of 21 Nov 2026", "22 Nov 2026 08:00 UTC"."""
    if value.time() == time():
        return f"the end of {periods.written(value.date() - periods.DAY)}"
    return moment(value)


def count(number: int, one: str, many: str) -> str:
    """ "1 charge", "1,204 charges"."""
    return f"{number:,} {one if number == 1 else many}"


def left(text: object, width: int) -> str:
    """`text` in a column of `width` cells of a plain-text table, cut with an ellipsis when it is too long."""
    kept = str(text)
    while cells(kept) > width:
        kept = kept.removesuffix("…")[:-1] + "…"
    return kept + " " * (width - cells(kept))


def right(text: object, width: int) -> str:
    """`text` flush right in `width` cells, at least one of them empty; an amount is never cut."""
    kept = str(text)
    return " " * max(1, width - cells(kept)) + kept


def cells(text: str) -> int:
    """How many columns a fixed-width font needs: two for wide characters, none for combining ones."""
    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Mn", "Me"}
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def wrapped(text: str, width: int = 72, indent: str = "") -> str:
    """`text` in lines of at most `width`, the later ones indented."""
    import textwrap

    return textwrap.fill(
        " ".join(text.split()), width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def compact(amount: Decimal, step: Decimal, currency: str) -> str:
    """An axis label: "$40k", "$1.5m"; as many digits as two neighbours `step` apart need to differ."""
    size, suffix = next(
        (Decimal(size), suffix)
        for size, suffix in ((10**9, "bn"), (10**6, "m"), (10**3, "k"), (1, ""))
        if abs(amount) >= size or size == 1
    )
    digits = max(0, -(step / size).normalize().as_tuple().exponent) if step else 0  # type: ignore[operator]
    if size == 1 and digits:
        digits = max(digits, get_currency_precision(currency))
    text = _plain(abs(amount / size), currency, digits) + suffix
    return (MINUS if amount < 0 else "") + text


def near(money: Money, like: Money | None = None) -> str:
    """The amount to three digits, "$27.5k"; as finely as `like` would be, so that both can be compared."""
    size = abs((like or money).amount)
    if not size:
        return _plain(Decimal(0), money.currency, 0)
    step = Decimal(1).scaleb(size.adjusted() - 2)
    fine = max(step, Decimal(1).scaleb(-get_currency_precision(money.currency)))
    return compact((money.amount / fine).quantize(Decimal(1), ROUND_HALF_UP) * fine, fine, money.currency)


def _plain(amount: Decimal, currency: str, digits: int) -> str:
    symbol = get_currency_symbol(currency, locale=LOCALE)
    space = "\N{NO-BREAK SPACE}" if symbol[-1].isalpha() else ""
    pattern = f"\N{CURRENCY SIGN}{space}#,##0" + ("." + "0" * digits if digits else "")
    return format_currency(rounded(amount, digits), currency, pattern, locale=LOCALE, currency_digits=False)
