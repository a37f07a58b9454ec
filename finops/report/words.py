"""How figures read: money, changes, percentages and dates, as the templates' filters print them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from babel.numbers import get_currency_precision

from finops.report.columns import cells, left, one_stop, right, wrapped
from finops.report.dated import month_dated
from finops.report.locales import NO_BREAK, OURS, Writing
from finops.report.model import Decision, Line, Money, Month, Mover, Range, Saving, Savings, Source, Sum
from finops.report.periods import DAY
from finops.report.phrases import Pattern, fitted, patterns
from finops.report.rounding import rounded

__all__ = ["Words", "cells", "cents", "compact", "count", "exact", "left", "percent", "right", "shortened", "until"]

# U+2212, and U+2060 after it, or mail programs break the line between the sign and the amount.
MINUS = "\N{MINUS SIGN}\N{WORD JOINER}"
NOTHING = "\N{EM DASH}"
# A forecast is printed to this many leading digits at most, and never finer than the unit of the report: it is no bill.
FORECAST_DIGITS = 3
# ... and from here on to hundreds.
HUNDREDS = Decimal(10_000)
# Fractions of what is decided about are noise from here on.
WHOLE = Decimal(10)


@dataclass(frozen=True)
class Words:
    """The filters of one report: `digits` after the point, except where a filter says otherwise."""

    digits: int
    writing: Writing = OURS
    phrases: Mapping[str, str] = field(default_factory=dict)  # ours -> the site's

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
            "three": self.three,
            "say": self.say,
            "told": self.told,
            "called": self.called,
            "tidy": tidy,
            "name": name,
            "price_tag": self.price_tag,
            "to_do": self.to_do,
            "of_budget": self.of_budget,
            "signed_percent": self.signed_percent,
            "starts": starts,
            "near": self.near,
            "forecast": self.forecast,
            "range": self.range,
            "odds": self.odds,
            "how": self.how,
            "who": self.who,
            "short": shortened,
            "cents": self.cents,
            "signed_cents": self.signed_cents,
            "price": self.price,
            "exact": self.exact,
            "number": self.number,
            "percent": self.percent,
            "days": self.writing.days,
            "day": self.writing.day,
            "date": self.writing.date,
            "weekday": self.writing.weekday,
            "month": self.writing.month,
            "moment": self.moment,
            "until": self.until,
            "count": self.count,
            "left": left,
            "right": right,
            "wrapped": wrapped,
        }

    def say(self, phrase: str, /, **values: object) -> str:
        """`phrase`, in the site's words where words.yaml has some; {names} are filled in."""
        said = self.phrases.get(phrase, phrase)
        for name, value in values.items():
            said = said.replace(f"{{{name}}}", str(value))
        return said

    @cached_property
    def _patterns(self) -> list[Pattern]:
        return patterns(self.phrases)

    def told(self, sentence: str) -> str:
        """A sentence that the program made, such as why something is not known, in the site's words where it has some:
        the phrase itself, or the one with {names} that fits it. What stands in their places is looked up too, and its
        dates are as the site's locale has them."""
        if sentence in self.phrases:
            return self.phrases[sentence]
        found = fitted(sentence, self._patterns)
        if found is None:
            return month_dated(sentence, self.writing)
        said, values = found
        for name, value in values.items():
            said = said.replace(f"{{{name}}}", self.told(value))
        return said

    def money(self, money: Money | None) -> str:
        """ "$8,601", "−$237"; a dash for what is not known."""
        if money is None:
            return NOTHING
        amount = rounded(money.amount, self.digits)
        return (MINUS if amount < 0 else "") + self._plain(abs(amount), money.currency)

    def signed(self, money: Money | None) -> str:
        """ "+$1,246", "−$237", "no change"."""
        if money is None:
            return NOTHING
        amount = rounded(money.amount, self.digits)
        if not amount:
            return self.say("no change")
        return ("+" if amount > 0 else MINUS) + self._plain(abs(amount), money.currency)

    def size(self, money: Money) -> str:
        """The amount without its sign, for "$1,090 more"."""
        return self._plain(abs(rounded(money.amount, self.digits)), money.currency)

    def about(self, money: Money) -> str:
        """ "$8,601"; "less than $0.01" for what is not nothing but would print as zero."""
        if rounded(money.amount, self.digits) or not money.amount:
            return self.money(money)
        least = self._plain(Decimal(1).scaleb(-self.digits), money.currency)
        return self.say("less than {least}" if money.amount > 0 else "a credit of less than {least}", least=least)

    def change(self, line: Line | Mover | Month) -> str:
        """ "+$1,246 (+46.0%)"; "+$206, new" and "−$90, gone"; no percentage where the base is too small to say one."""
        shown = line.shown_change if isinstance(line, Line) else line.change
        text = self.signed(shown)
        if shown is None or not rounded(shown.amount, self.digits):
            return text
        if line.is_new:
            return f"{text}, {self.say('new')}"
        if line.is_gone:
            return f"{text}, {self.say('gone')}"
        if line.bought:
            return f"{text}, {self.say('purchase' if shown.amount > 0 else 'no purchase this time')}"
        return text if line.percent is None else f"{text} ({self.signed_percent(line.percent)})"

    def forecast(self, money: Money) -> str:
        """ "$34,300": no finer than a forecast can be, hundreds from 10,000 on."""
        return self._coarsely(money, self._step(money.amount))

    def range(self, reach: Range) -> str:
        """ "$34,300 to $36,300"; both ends as coarsely as the larger one."""
        step = max(self._step(reach.low.amount), self._step(reach.high.amount))
        low, high = self._coarsely(reach.low, step), self._coarsely(reach.high, step)
        return low if low == high else self.say("{low} to {high}", low=low, high=high)

    def _step(self, amount: Decimal) -> Decimal:
        unit = Decimal(1).scaleb(-self.digits)
        if not amount:
            return unit
        if abs(amount) >= HUNDREDS:
            return Decimal(100)
        return max(unit, Decimal(1).scaleb(amount.adjusted() - FORECAST_DIGITS + 1))

    def _coarsely(self, money: Money, step: Decimal) -> str:
        amount = (money.amount / step).quantize(Decimal(1), ROUND_HALF_UP) * step
        # Cents of what is told to ten or a hundred would be no cents.
        words = self if step < 1 else replace(self, digits=0)
        return words.money(Money(amount, money.currency))

    def _estimate(self, money: Money) -> str:
        """What waits for a decision is no bill: whole units from WHOLE on, whatever the report prints."""
        return (replace(self, digits=0) if abs(money.amount) >= WHOLE else self).about(money)

    def odds(self, chance: Decimal) -> str:
        """ "9 in 10"; "less than 1 in 20", "more than 19 in 20": at the ends a tenth would promise too much."""
        if chance < Decimal("0.05"):
            return self.say("less than 1 in 20")
        if chance > Decimal("0.95"):
            return self.say("more than 19 in 20")
        tenths = min(9, max(1, int((chance * 10).quantize(Decimal(1), ROUND_HALF_UP))))
        return self.say("{n} in 10", n=tenths)

    def saved(self, act: Saving) -> str:
        """ "$1,240", "−$30"; "$0" while it is not on the bill; a dash for what cannot be known."""
        return self.money(act.shown)

    def three(self, found: Savings | Source, kind: str) -> str:
        """One of the three amounts of a source or of all savings; a dash where none of them is known."""
        added: Sum = getattr(found, kind)
        if added.count and added.unknown == added.count:
            return NOTHING
        if isinstance(found, Source):
            return self.money(getattr(found, f"shown_{kind}"))
        return self.money(found.shown if kind == "realised" else added.amount)

    def deed(self, act: Saving) -> str:
        """ "online endpoint in ws, deleted 12 Nov 2026; $20 a month expected; not on the bill yet"."""
        what, day = self.told(act.what), self.writing.date
        parts = [self.say("{what} in {holder}", what=what, holder=act.holder) if act.holder else what]
        parts[0] += f", {self.told(act.did)} {day(act.since)}" if act.since else ""
        parts[0] += f", {self.say('undone')} {day(act.until)}" if act.until else ""
        if act.expected and not act.until:
            parts.append(self.say("{amount} a month expected", amount=self.about(act.expected)))
        if act.days_after and act.realised:
            parts.append(self.say("{days} on the bill", days=self.count(act.days_after, "day", "days")))
        if act.again_hours and act.again:
            hours, amount = self.number(act.again_hours, 1), self.about(act.again)
            parts.append(self.say("less re-done work: {hours} hours, {amount}", hours=hours, amount=amount))
        if act.why:
            lacks = act.realised is None and act.kind == "realised"
            parts.append(self.say("not known: {why}", why=self.told(act.why)) if lacks else self.told(act.why))
        return "; ".join(parts)

    def price_tag(self, decision: Decision) -> str:
        """ "$257 a day": the amount of a decision, and of what it is."""
        if decision.amount is None:
            return self.say("Amount not known")
        foretold = decision.kind == "budget" and decision.per != "over budget"
        amount = self.forecast(decision.amount) if foretold else self._estimate(decision.amount)
        return f"{amount} {self.say(decision.per)}".strip()

    def to_do(self, decision: Decision) -> str:
        """ "Owner: p.ortiz. Decide by Tue 24 Nov: each day costs about $353."."""
        owner = self.say("Owner: {owner}.", owner=decision.owner) if decision.owner else self.say("Owner not known.")
        by = ""
        if decision.by:
            day = self.writing.weekday(decision.by)
            if decision.a_day:
                day += self.say(": each day costs about {amount}", amount=self._estimate(decision.a_day))
            by = self.say(" Decide by {day}.", day=day)
        return one_stop(owner + by) + self._needs(decision)

    def _needs(self, decision: Decision) -> str:
        """ " By the forecast a budget of about $36,700 is needed, at most $4,910 less if that stops now."."""
        if decision.needs is None:
            return ""
        said = self.say(" By the forecast a budget of about {amount} is needed", amount=self.forecast(decision.needs))
        if decision.takes:
            said += self.say(", at most {amount} less if that stops now", amount=self.forecast(decision.takes))
        return f"{said}."

    def of_budget(self, line: Line) -> str:
        """ "of $12,500" under a forecast, "50% of $12,500" where there is none; a dash without a budget."""
        if line.budget is None:
            return NOTHING
        amount = self.money(line.budget.amount)
        if line.shown_forecast is None:
            return self.say("{spent} of {amount}", spent=self.percent(line.budget.spent_percent), amount=amount)
        return self.say("of {amount}", amount=amount).replace(" ", NO_BREAK)

    def name(self, text: str) -> str:
        return name(text)

    def called(self, line: Line) -> str:
        """The name of a row: people's own, or the site's words for "Total", "Other (12)" and "(untagged)"."""
        return name(line.name) if line.role == "part" else self.told(line.name)

    def how(self, mover: Mover) -> str:
        """ "Virtual Machines, −32.2%", "Storage, new": the service, and how the change came about as far as it says."""
        if mover.is_new or mover.is_gone:
            return f"{mover.service}, {self.say('new' if mover.is_new else 'gone')}"
        if mover.bought:
            return f"{mover.service}, {self.say('purchase' if mover.cost.amount else 'no purchase this time')}"
        return mover.service if mover.percent is None else f"{mover.service}, {self.signed_percent(mover.percent)}"

    def who(self, line: Line) -> str:
        """What a sentence calls the row."""
        return self.say("cost without a cost centre") if line.role == "untagged" else self.called(line)

    def cents(self, money: Money | None) -> str:
        """The amount to the currency's smallest unit, for reconciling: "$8,601.27"."""
        if money is None:
            return NOTHING
        digits = get_currency_precision(money.currency)
        amount = rounded(money.amount, digits)
        return (MINUS if amount < 0 else "") + self.writing.amount(abs(amount), money.currency, digits)

    def signed_cents(self, money: Money) -> str:
        """ "+$2,050.00", "−$180.27"."""
        text = self.cents(money)
        return text if text.startswith(MINUS) or not money.amount else f"+{text}"

    def price(self, money: Money | None) -> str:
        """A price of one unit: to the cent, and below ten cents to two leading digits: "$4.10", "$0.0042"."""
        if money is None:
            return NOTHING
        digits = get_currency_precision(money.currency)
        if money.amount and abs(money.amount) < Decimal("0.1"):
            digits = max(digits, min(8, 1 - money.amount.adjusted()))
        amount = rounded(money.amount, digits)
        return (MINUS if amount < 0 else "") + self.writing.amount(abs(amount), money.currency, digits)

    def exact(self, money: Money) -> str:
        """Every digit there is: "14.97651418586 USD"."""
        amount = money.amount.normalize()
        sign = MINUS if amount < 0 else ""
        digits = max(0, -int(amount.as_tuple().exponent))
        return f"{sign}{self.writing.number(abs(amount), digits)} {money.currency}"

    def number(self, value: Decimal | int | None, digits: int = 0) -> str:
        """ "1,204"; a dash for what is not known."""
        if value is None:
            return NOTHING
        size = rounded(Decimal(value), digits)
        return (MINUS if size < 0 else "") + self.writing.number(abs(size), digits)

    def percent(self, value: Decimal | None) -> str:
        """ "70%", "3.3%", "−1.4%", "554%"; a dash for what is not known."""
        if value is None:
            return NOTHING
        plain = rounded(value, 0) if value == 0 or abs(value) >= 100 else value
        digits = max(0, -int(plain.as_tuple().exponent))
        return (MINUS if value < 0 else "") + self.writing.percent(abs(plain), digits)

    def signed_percent(self, value: Decimal) -> str:
        return ("+" if value > 0 else "") + self.percent(value)

    def moment(self, value: datetime) -> str:
        """ "21 Nov 2026 23:59 UTC"."""
        return f"{self.writing.date(value.date())} {value:%H:%M} UTC"

    def until(self, value: datetime) -> str:
        """ "the end of 21 Nov 2026", "22 Nov 2026 08:00 UTC"."""
        if value.time() == time():
            return self.say("the end of {day}", day=self.writing.date(value.date() - DAY))
        return self.moment(value)

    def count(self, number: int, one: str, many: str) -> str:
        """ "1 charge", "1,204 charges"."""
        return f"{self.writing.number(number)} {self.say(one if number == 1 else many)}"

    def compact(self, amount: Decimal, step: Decimal, currency: str) -> str:
        """An axis label: "$40k", "$1.5m"; as many digits as two neighbours `step` apart need to differ."""
        size, suffix = next(
            (Decimal(size), suffix)
            for size, suffix in ((10**9, "bn"), (10**6, "m"), (10**3, "k"), (1, ""))
            if abs(amount) >= size or size == 1
        )
        digits = max(0, -(step / size).normalize().as_tuple().exponent) if step else 0  # type: ignore[operator]
        if size == 1 and digits:
            digits = max(digits, get_currency_precision(currency))
        sign = MINUS if amount < 0 else ""
        short = self.writing.short_amount(abs(amount), currency, digits) if size > 1 else None
        return sign + (short or self.writing.amount(abs(amount / size), currency, digits) + suffix)

    def near(self, money: Money, like: Money | None = None) -> str:
        """The amount to three digits, "$27.5k"; as finely as `like` would be, so that both can be compared."""
        size = abs((like or money).amount)
        if not size:
            return self.writing.amount(Decimal(0), money.currency, 0)
        step = Decimal(1).scaleb(size.adjusted() - 2)
        fine = max(step, Decimal(1).scaleb(-get_currency_precision(money.currency)))
        return self.compact((money.amount / fine).quantize(Decimal(1), ROUND_HALF_UP) * fine, fine, money.currency)

    def _plain(self, size: Decimal, currency: str) -> str:
        return self.writing.amount(size, currency, self.digits)


def shortened(name: str, longest: int = 44) -> str:
    """A long name without its middle: generated names differ at their ends."""
    if len(name) <= longest:
        return name
    head = (longest - 1) * 2 // 3
    return name[:head] + "…" + name[-(longest - 1 - head) :]


def starts(text: str) -> str:
    """`text` as the start of a sentence."""
    return text[:1].upper() + text[1:]


def tidy(text: str) -> str:
    """`text` on one line, with spaces as sentences have them; the first letter stays as it is."""
    joined = " ".join(part for part in text.replace("\n", " ").split(" ") if part)
    return one_stop(re.sub(r" +([.,;:])(?= |$)", r"\1", joined))


def name(text: str) -> str:
    """A name that cannot turn the figures beside it around: right-to-left ones stand apart (Unicode isolates)."""
    if any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in text):
        return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
    return text


# What others than templates print, in English: the command line, and tests.
_ENGLISH = Words(2)
cents, exact, percent, until = _ENGLISH.cents, _ENGLISH.exact, _ENGLISH.percent, _ENGLISH.until
count, compact = _ENGLISH.count, _ENGLISH.compact
