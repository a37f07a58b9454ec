"""From this report to the invoice: what takes effective cost to billed cost, line by line, and whether it closes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from finops.charges import Period
from finops.charges.book import added
from finops.report.gather import NONE, ZERO, Asked, Key, Spent, cost_in
from finops.report.model import Bridge, BridgeLine, Money
from finops.report.periods import is_whole_month
from finops.report.rounding import adding_up, printable, rounded

KEYS = ["ChargeCategory", "ChargeClass", "CommitmentDiscountType", "CommitmentDiscountStatus", "BillingMonth", "Month"]
DIFFERENTLY = "Usage that is billed and spread differently"
# The order in which a reader goes from what was used to what is paid.
ORDER = [
    "Reservations: the share used, spread over their term",
    "Reservations: the share that nobody used",
    "Reservations bought, refunded or exchanged",
    "Savings plans: the share used, spread over their term",
    "Savings plans: the share that nobody used",
    "Savings plans bought or refunded",
    "Other purchases",
    "Credits",
    "Refunds and adjustments",
    "Corrections of earlier charges",
    "Taxes",
    DIFFERENTLY,
    "Charged in this month, on another month's invoice",
    "Charged in another month, on this month's invoice",
]
OWN = {"Credits", "Refunds and adjustments", "Corrections of earlier charges", "Taxes"}


@dataclass
class _Sums:
    amounts: list[Decimal] = field(default_factory=list)
    charges: int = 0
    months: set[str] = field(default_factory=set)

    def add(self, amount: Decimal, spent: Spent, month: str = "") -> None:
        self.amounts.append(amount)
        self.charges += spent.charges
        self.months |= {month} if month else set()

    @property
    def amount(self) -> Decimal:
        return added(self.amounts)


def bridge(asked: Asked, period: Period, digits: int) -> Bridge | None:
    """The way from effective to billed cost of `period`; None where the charges state only one of them.

    digits: of the currency's smallest unit, to which the printed lines add up.
    """
    if set(asked.book.bases) != {"effective", "billed"}:
        return None
    both = asked.both(KEYS, period)
    effective, billed = both["effective"], both["billed"]
    nothing = Spent(ZERO, 0)
    steps: dict[str, _Sums] = defaultdict(_Sums)
    own: dict[str, _Sums] = defaultdict(_Sums)
    for key in {*effective, *billed}:
        before, after = effective.get(key, nothing), billed.get(key, nothing)
        name = called(key)
        earlier = _earlier(key)
        if after.cost != before.cost:
            steps[name].add(after.cost - before.cost, after, earlier)
        if name in OWN:
            own[name].add(min((before.cost, after.cost), key=abs), after, earlier)
    start, end, end_name = asked.total(period, "effective"), asked.total(period, "billed"), "billed for the same days"
    if is_whole_month(period):
        end = _invoice(asked, period, billed, steps)
        end_name = f"on the invoice of {period.label}"
    found = _closed(start, steps, own, end, end_name, asked.currency, digits)
    detail = _differently(asked, period) if steps[DIFFERENTLY].amount else ""
    lines = (replace(line, detail=detail) if line.name == DIFFERENTLY else line for line in found.lines)
    return replace(found, lines=tuple(lines))


def _differently(asked: Asked, period: Period) -> str:
    """Which service it is mostly, of how many resources, and what makes such charges."""
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for service, change in _changes(asked, period, "ServiceName"):
        sums[service].append(change)
    service = max(sums, key=lambda name: (abs(added(sums[name])), name))
    amount, whole = added(sums[service]), added(one for each in sums.values() for one in each)
    # Only of the one that is named: an estate has a million resources.
    count = len({name for name, _ in _changes(asked, period, "ResourceId", {"ServiceName": [service or NONE]})})
    said = f"{'all' if len(sums) == 1 else 'mostly'} {printable(service, '(no service named)')}, "
    said += f"{count} resources" if count > 1 else "one resource"
    if whole < 0 and amount < 0:
        said += "; billed less than it cost, as what a reservation or a savings plan covers; the charges name neither"
    return said


def _changes(
    asked: Asked, period: Period, key: str, where: Mapping[str, list[str]] | None = None
) -> Iterator[tuple[str, Decimal]]:
    """By `key`, what usage is billed other than it is spread, and no commitment explains."""
    both = asked.both([*KEYS[:4], key], period, where)
    for name in {*both["effective"], *both["billed"]}:
        change = cost_in(both["billed"], name) - cost_in(both["effective"], name)
        if change and called(name) == DIFFERENTLY:
            yield name[4], change


def called(key: Key) -> str:
    """The line that charges of these kinds belong to."""
    category, kind, commitment, status = (part.lower() for part in key[:4])
    if kind == "correction":
        return "Corrections of earlier charges" if category != "purchase" or not commitment else _bought(commitment)
    if category == "purchase":
        return _bought(commitment)
    if category in {"credit", "tax", "adjustment"}:
        return {"credit": "Credits", "tax": "Taxes", "adjustment": "Refunds and adjustments"}[category]
    if commitment:
        plan = "Savings plans" if "saving" in commitment else "Reservations"
        used = "the share that nobody used" if status == "unused" else "the share used, spread over their term"
        return f"{plan}: {used}"
    return DIFFERENTLY


UNBOUGHT = (
    "Reservations or savings plans are used, and no purchase of one is in the cost data: where they are paid by the "
    "month, billed cost is less than the invoice. Exports of subscriptions lack such purchases; an export at billing "
    "scope has them."
)


def remarks(asked: Asked) -> tuple[str, ...]:
    """What keeps billed cost from being the invoice, in sentences."""
    if asked.share is not None or not asked.book.kinds_told:
        return ()
    kinds = {
        category for kind, category in asked.by(["CommitmentDiscountType", "ChargeCategory"], asked.window) if kind
    }
    return (UNBOUGHT,) if kinds and "Purchase" not in kinds else ()


def _bought(commitment: str) -> str:
    if "saving" in commitment:
        return "Savings plans bought or refunded"
    return "Reservations bought, refunded or exchanged" if commitment else "Other purchases"


def _earlier(key: Key) -> str:
    """The month that a charge belongs to, where another month's invoice has it."""
    billing, month = key[4], key[5]
    return month if billing and billing != month else ""


def _invoice(asked: Asked, period: Period, billed: dict[Key, Spent], steps: dict[str, _Sums]) -> Decimal:
    """What the invoice of the month holds, with the steps that lead there from what was billed for its days."""
    month = f"{period.start:%Y-%m}"
    for key, spent in billed.items():
        if key[4] and key[4] != month:
            steps["Charged in this month, on another month's invoice"].add(-spent.cost, spent, key[4])
    there = asked.by(["BillingMonth", "Month"], asked.book.span, "billed", {"BillingMonth": [month]})
    for (_, charged), spent in there.items():
        if charged != month:
            steps["Charged in another month, on this month's invoice"].add(spent.cost, spent, charged)
    # Asked anew, so that the lines above have something to be compared with.
    named, unnamed = asked.only({"BillingMonth": [month]}), asked.only({"BillingMonth": [NONE]})
    on_it = asked.book.total("billed", None, asked.currency, named)
    return added([on_it, asked.book.total("billed", period, asked.currency, unnamed)])


def _closed(
    start: Decimal,
    steps: dict[str, _Sums],
    own: dict[str, _Sums],
    end: Decimal,
    end_name: str,
    currency: str,
    digits: int,
) -> Bridge:
    names = [name for name in ORDER if steps[name].amount]
    amounts = [steps[name].amount for name in names]
    gap = added([end, -start, *(-amount for amount in amounts)])
    printed = adding_up([start, *amounts, gap], digits)
    lines = [_line(name, steps[name], printed[n + 1], currency, n + 1) for n, name in enumerate(names)]
    included = [
        _line(name, own[name], rounded(own[name].amount, digits), currency, n + 1, "included")
        for n, name in enumerate(name for name in ORDER if own[name].amount)
    ]
    closes = not rounded(gap, digits)
    return Bridge(
        start=Money(start, currency),
        lines=tuple(lines),
        end=Money(end, currency),
        gap=Money(gap, currency),
        closes=closes,
        why_open="" if closes else "charges changed while they were read, or an export lacks one of the two costs",
        shown_start=Money(printed[0], currency),
        shown_end=Money(rounded(end, digits), currency),
        shown_gap=Money(printed[-1], currency),
        end_name=end_name,
        included=tuple(included),
    )


def _line(name: str, sums: _Sums, shown: Decimal, currency: str, number: int, where: str = "line") -> BridgeLine:
    months = tuple(f"{date.fromisoformat(month + '-01'):%b %Y}" for month in sorted(sums.months))
    return BridgeLine(
        name, Money(sums.amount, currency), Money(shown, currency), sums.charges, months, f"bridge/{where}/{number}"
    )
