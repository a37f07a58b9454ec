"""Where the month leads and how the budgets stand, as the report prints them; and the status that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges import Period
from finops.report.gather import ZERO, Asked
from finops.report.known import NotStanding
from finops.report.model import (
    Budgeted,
    Coming,
    Completeness,
    Excess,
    Line,
    Lost,
    Money,
    More,
    Outlook,
    Point,
    Range,
    Record,
    Status,
    Table,
)
from finops.report.periods import is_whole_month, last_day, month_name, next_month
from finops.report.rounding import adding_up, printable, rounded

if TYPE_CHECKING:
    from finops import forecast
    from finops.budget import GoesOn, Standing

OVER = Status("Over budget", "bad")
OVER_LIKELY = Status("Over budget likely", "bad")
WATCH = Status("Watch", "watch")
ON_PLAN = Status("On plan", "good")
INCOMPLETE = Status("Data incomplete", "watch")
SAID = {
    "over": OVER,
    "over likely": OVER_LIKELY,
    "data incomplete": INCOMPLETE,
    "watch": WATCH,
    "on plan": ON_PLAN,
}
NOT_COMPARABLE = Status("Budget not comparable", "watch")
NO_BUDGET = Status("No budget set", "plain")
# Worst first; what is missing comes after what is known to be over.
RANK = {
    "Over budget": 0,
    "Over budget likely": 1,
    "Data incomplete": 2,
    "STALE data": 3,
    "Budget not comparable": 4,
    "Watch": 5,
}


def budgeted(
    standings: Sequence[Standing], asked: Asked, period: Period, now: datetime, seen: forecast.Outlook | None = None
) -> tuple[Budgeted, ...]:
    """Each budget up to the last reported day, so that it agrees with the report's other figures; the worst first.

    Budgets in another currency, and those of another period than the one reported, are left out. seen: the forecast of
    the report, which a budget for all that it covers is held against, so that there is one figure of it.
    """
    found = [
        _budgeted(one, asked, period, now, seen if _is_of(one, asked, seen) else None)
        for one in standings
        if one.currency == asked.currency
        and one.period.start <= _last(period) < one.period.end
        and _concerns(one, asked)
    ]
    return tuple(sorted(found, key=lambda one: (_rank(one.status), -one.spent_percent, one.name)))


def not_comparable(standings: Sequence[Standing], others: Sequence[NotStanding], asked: Asked) -> tuple[Lost, ...]:
    """The budgets that cannot be held against these charges, as they are in another currency."""
    held = [
        NotStanding(
            one.budget,
            f"The {one.budget.called} is in {one.currency}, and this report is in {asked.currency}: these are "
            "never converted.",
        )
        for one in standings
        if one.currency != asked.currency
    ]
    return tuple(
        Lost(one.budget.scope.kind == "all" or asked.share is not None, printable(one.why, longest=500))
        for one in (*others, *held)
        if _concerns(one, asked)
    )


def _is_of(one: Standing, asked: Asked, seen: forecast.Outlook | None) -> bool:
    """Whether the forecast is of exactly what the budget is for."""
    covers = one.budget.scope.kind == "all" if asked.share is None else _centre(one) == asked.share
    is_month = seen is not None and one.period.start.date() == seen.month and is_whole_month(one.period)
    return covers and is_month and one.basis == asked.basis


def _budgeted(one: Standing, asked: Asked, period: Period, now: datetime, seen: forecast.Outlook | None) -> Budgeted:
    scope, currency = one.budget.scope, asked.currency
    until = min(one.period.end, period.end)
    mine = Period(one.period.start, until)
    spent = asked.book.total(one.basis, mine, currency, scope.where or None)
    # Rounded down, as in budget mails: 100 % is said of what is spent, and of nothing less.
    percent = (spent / one.budget.amount * 100).quantize(Decimal(1), rounding="ROUND_FLOOR")
    gone = _percent(Decimal(len(mine.days)), Decimal(len(one.period.days)))
    ahead, chance, reach = one.forecast, one.chance_over, None
    if seen is not None:
        ahead, chance = (
            (None, one.chance_over) if seen.why_no_range else (seen.total, seen.chance_over(one.budget.amount))
        )
    if ahead and ahead.low is not None and ahead.high is not None:
        reach = _range(ahead.low, ahead.middle, ahead.high, currency)
    return Budgeted(
        name=printable(one.budget.name),
        scope=printable(scope.said),
        key=_centre(one),
        is_everything=scope.kind == "all" or asked.share is not None,
        period=one.period,
        period_name=_called(one, now),
        amount=Money(one.budget.amount, currency),
        basis=one.basis,
        spent=Money(spent, currency),
        left=Money(one.left, currency),
        spent_percent=percent,
        gone_percent=gone,
        forecast=reach,
        chance_over=chance,
        status=SAID[replace(one, forecast=ahead, chance_over=chance).status],
        crossed=tuple(t.key for t in one.crossed if t.on != "actual" or spent >= t.limit(one.budget.amount)),
        complete_until=one.complete_until,
        through=last_day(mine),
        figure=f"budget/{one.budget.name}",
        owner=printable(one.budget.owner or _first_of(one.budget.to)),
        gap=_excess(one, currency),
        later=Money(one.known - spent, currency) if one.known != spent else None,
        gaps=tuple(printable(gap, longest=300) for gap in one.lacking),
        begins=one.begins,
        runs_out=one.runs_out or (one.until.date() if one.until and one.known > one.budget.amount else None),
    )


def _first_of(people: Sequence[str]) -> str:
    others = f" and {len(people) - 1} more" if len(people) > 1 else ""
    return f"{people[0]}{others}" if people else ""


def _excess(one: Standing, currency: str) -> Excess | None:
    found = one.gap
    if found is None:
        return None
    base = Money(found.base, currency) if found.base else None
    return Excess(found.before.first, Money(found.before.cost, currency), base, Money(found.new, currency))


def statuses(budgets: Sequence[Budgeted], data: Completeness, lost: Sequence[Lost] = ()) -> tuple[Status, ...]:
    """What the reader must know first, worst first."""
    found = [NOT_COMPARABLE] if lost else []
    if not data.is_whole:
        found.append(INCOMPLETE)
    if data.days_old is not None:
        found.append(Status("STALE data", "watch"))
    own = [one.status for one in budgets if one.is_everything]
    others = [one.status for one in budgets if not one.is_everything]
    if own:
        found += own
        # The whole is on plan, and yet somebody's part of it is not.
        if any(status.tone == "bad" for status in others):
            found.append(WATCH)
    else:
        found += others
    told = list(dict.fromkeys(found))
    if any(status.word in RANK for status in told):
        told = [status for status in told if status != ON_PLAN]
    if any(status in told for status in (OVER, OVER_LIKELY)):
        told = [status for status in told if status != WATCH]
    if OVER in told:
        told = [status for status in told if status != OVER_LIKELY]
    return tuple(sorted(told, key=_rank)) or (NO_BUDGET,)


def outlook_shown(
    seen: forecast.Outlook,
    currency: str,
    digits: int,
    budgets: Sequence[Budgeted],
    now: datetime,
    goes_on: Sequence[GoesOn] = (),
) -> Outlook:
    """The forecast in the report's currency, with amounts by cost centre that add up as printed.

    goes_on: what open anomalies add to it, if they go on.
    """
    keys = sorted(seen.by)
    shown = adding_up([seen.by[key] for key in keys], digits)
    total = seen.total
    reach = None
    if total.low is not None and total.high is not None and not seen.why_no_range:
        reach = _range(total.low, total.middle, total.high, currency)
    budget = next((one for one in budgets if one.is_everything and _is_month(one.period)), None)
    amount = budget.amount if budget else None
    return Outlook(
        month=month_name(seen.month, now),
        short_name=f"{seen.month:%b}",
        through=seen.through,
        level=seen.level,
        so_far=Money(seen.so_far, currency),
        middle=Money(total.middle, currency),
        range=reach,
        why_no_range=seen.why_no_range,
        by={key: Money(seen.by[key], currency) for key in keys},
        shown_by={key: Money(each, currency) for key, each in zip(keys, shown, strict=True)},
        path=tuple(
            Point(
                point.day,
                *(
                    Money(point.middle if end is None else end, currency)
                    for end in (point.low, point.middle, point.high)
                ),
            )
            for point in seen.path
        ),
        purchases=Money(seen.purchases, currency),
        method=seen.method,
        record=record_of(seen.track),
        budget=amount,
        chance_over=seen.chance_over(amount.amount) if amount and reach else None,
        over=Money(total.middle - amount.amount, currency) if amount else None,
        runs_out=budget.runs_out if budget else None,
        gap=budget.gap if budget else None,
        goes_on=tuple(_more(one, currency) for one in goes_on),
        coming=tuple(_coming(one, currency) for one in sorted(seen.coming, key=lambda one: -one.amount)),
    )


def record_of(track: forecast.Track) -> Record | None:
    if not track.of:
        return None
    return Record(track.inside, track.of, track.months, _one_place(track.median_miss_percent))


def _coming(one: forecast.Purchase, currency: str) -> Coming:
    name = printable(one.what.rstrip("/").rpartition("/")[2] or one.what)
    return Coming(one.day, name, printable(one.key), Money(one.amount, currency))


def _more(one: GoesOn, currency: str) -> More:
    per_day, in_mean, more = (Money(amount, currency) for amount in (one.per_day, one.in_mean, one.more))
    name = printable(one.name)
    return More(name, one.first, one.until, per_day, one.days, in_mean, more, f"month/goes-on/{one.id}")


def with_plans(centres: Table, outlook: Outlook | None, budgets: Sequence[Budgeted]) -> Table:
    """The table with the forecast and the budget of each cost centre's month, where they are known."""
    of_centre = {one.key: one for one in budgets if one.key is not None and _is_month(one.period)}
    means: Mapping[str, Money] = outlook.by if outlook else {}
    shown: Mapping[str, Money] = outlook.shown_by if outlook else {}
    listed = {line.key for line in centres.rows if line.is_one}
    # What the table does not know as a line of its own belongs to "Other", or the column would not add up.
    rest = [key for key in means if key not in listed]

    def planned(line: Line) -> Line:
        if line.role == "total":
            everything = next((one for one in budgets if one.is_everything and _is_month(one.period)), None)
            total = outlook.middle if outlook else None
            return replace(line, forecast=total, shown_forecast=_sum(shown.values(), total), budget=everything)
        if line.role == "other":
            total = outlook.middle if outlook else None
            return replace(
                line,
                forecast=_sum((means[key] for key in rest), total),
                shown_forecast=_sum((shown[key] for key in rest), total),
            )
        if outlook is None:
            return replace(line, budget=of_centre.get(line.key))
        nothing = Money(ZERO, outlook.middle.currency)
        return replace(
            line,
            forecast=means.get(line.key, nothing),
            shown_forecast=shown.get(line.key, nothing),
            budget=of_centre.get(line.key),
        )

    return Table(
        rows=tuple(map(planned, centres.rows)), all=tuple(map(planned, centres.all)), total=planned(centres.total)
    )


def month_budget(budgets: Sequence[Budgeted]) -> Budgeted | None:
    """The budget of the reported month for everything, or for the audience; None: there is none."""
    return next((one for one in budgets if one.is_everything and _is_month(one.period)), None)


def _sum(amounts: object, like: Money | None) -> Money | None:
    if like is None:
        return None
    found = sum((one.amount for one in amounts), ZERO)  # type: ignore[attr-defined]
    return Money(found, like.currency)


def _concerns(one: Standing | NotStanding, asked: Asked) -> bool:
    return asked.share is None or _centre(one) == asked.share


def _centre(one: Standing | NotStanding) -> str | None:
    """The cost centre that a budget is for, where it is for exactly one."""
    scope = one.budget.scope
    is_centre = scope.kind == "tag" and "".join(filter(str.isalnum, scope.name)).lower() == "costcenter"
    return scope.values[0] if is_centre and len(scope.values) == 1 else None


def _called(one: Standing, now: datetime) -> str:
    first, last = one.period.start.date(), last_day(one.period)
    year = f" {last.year}" if last.year != now.year else ""
    if one.budget.every == "month":
        return f"{last:%b}{year}"
    return (
        f"{first:%b} to {last:%b}{year}" if (first.year, first.month) != (last.year, last.month) else f"{last:%b}{year}"
    )


def _is_month(period: Period) -> bool:
    return period.end.date() <= next_month(period.start.date())


def _range(low: Decimal, middle: Decimal, high: Decimal, currency: str) -> Range:
    return Range(Money(low, currency), Money(middle, currency), Money(high, currency))


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    return rounded(part / whole * 100, 0)


def _one_place(value: Decimal | None) -> Decimal | None:
    return None if value is None else rounded(value, 1)


def _last(period: Period) -> datetime:
    return period.end - timedelta(microseconds=1)


def _rank(status: Status) -> int:
    return RANK.get(status.word, 9)
