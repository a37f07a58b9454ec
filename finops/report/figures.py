"""Every figure of a report by its id: what `finops report figures` lists and `finops report explain` is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from finops.budget.model import called
from finops.report.model import Line, Money, Report


@dataclass(frozen=True)
class Figure:
    """One printed figure. value: exact; in `unit`, a currency, "percent", "node-hours" or nothing; None: not known."""

    id: str
    says: str
    value: Decimal | None
    unit: str


def figures(report: Report) -> tuple[Figure, ...]:
    """The figures in the order of the page; each id once."""
    found: dict[str, Figure] = {}
    for one in _all(report):
        found.setdefault(one.id, one)
    return tuple(found.values())


def _all(report: Report) -> Iterator[Figure]:
    the = report.wording
    yield _money("total", f"{the.this}, everything", report.total.cost)
    if report.total.change:
        yield _money("total/change", f"the change on {the.before}", report.total.change)
    if report.month:
        yield _money("month", report.month.label, report.month.cost)
        if report.month.next:
            yield _money(report.month.next.figure, "the month that has begun", report.month.next.cost)
        if report.month.budget:
            yield _money("month/budget", f"the {called(report.month.budget.name)}", report.month.budget.amount)
    if report.outlook:
        yield _money("month/forecast", f"where {report.outlook.month} ends, the mean", report.outlook.middle)
        for more in report.outlook.goes_on:
            yield _money(more.figure, f"more by {more.until} if {more.name} goes on", more.more)
    if report.savings:
        for kind, added in (
            ("realised", report.savings.realised),
            ("approved", report.savings.approved),
            ("identified", report.savings.identified),
        ):
            yield _money(f"savings/{kind}", f"savings {kind}", added.amount)
        if report.savings.again and report.savings.again_hours is not None:
            yield _money("savings/again", "re-done work, taken off what was realised", report.savings.again)
            yield Figure("savings/again/hours", "re-done work", report.savings.again_hours, "node-hours")
        for source in report.savings.sources:
            for kind, part in (
                ("realised", source.realised),
                ("approved", source.approved),
                ("identified", source.identified),
            ):
                yield _money(f"savings/{kind}/{source.figure}", f"savings {kind}, {source.name}", part.amount)
        for act in report.savings.all:
            amount = (act.realised or act.expected) if act.counted_with is None else None
            where = f", counted with {act.counted_with}" if act.counted_with else ""
            yield _money(f"saving/{act.ref}", f"{act.name}, {act.kind}{where}", amount)
    yield Figure("untagged/percent", "the share without a cost centre", report.untagged_percent, "percent")
    for one in report.decisions:
        yield _money(one.figure, one.what, one.amount)
    yield from _moved(report)
    for line in (*report.by_cost_centre.all, *report.by_service.all):
        yield from _line(line)
    for budget in report.budgets:
        yield _money(budget.figure, f"spent of the {called(budget.name)}", budget.spent)
    for strange in report.anomalies.all if report.anomalies else ():
        yield _money(strange.figure, f"{strange.kind} of {strange.name}", strange.impact)
    yield from _trusted(report)
    yield from _units(report)


def _line(line: Line) -> Iterator[Figure]:
    yield _money(line.figure, line.name, line.cost)
    if line.change:
        yield _money(f"{line.figure}/change", f"{line.name}, change", line.change)
    if line.month:
        yield _money(f"{line.figure}/month", f"{line.name}, month to date", line.month)
    if line.forecast:
        yield _money(f"{line.figure}/forecast", f"{line.name}, month-end forecast, the mean", line.forecast)


def _moved(report: Report) -> Iterator[Figure]:
    if report.movers is None:
        return
    whole = report.movers.effects
    for part in whole.parts if whole else ():
        yield _money(part.figure, f"the change by {part.kind}", part.amount)
    for key, effects in report.movers.by_centre.items():
        for part in effects.parts:
            yield _money(part.figure, f"the change of {key} by {part.kind}", part.amount)
    for driver in report.movers.drivers:
        for mover in driver.resources:
            yield _money(mover.figure, f"the change of {mover.label}", mover.change)


def _trusted(report: Report) -> Iterator[Figure]:
    if report.bridge:
        yield _money("bridge/start", "effective cost in this report", report.bridge.start)
        for line in (*report.bridge.lines, *report.bridge.included):
            yield _money(line.figure, line.name, line.amount)
        yield _money("bridge/end", report.bridge.end_name, report.bridge.end)
    for row in report.restatements.rows:
        yield _money(row.figure, f"restated: {row.label}", row.change)
    if report.compliance:
        yield _money("compliance", "cost of what does not follow a policy", report.compliance.cost)
        for broken in report.compliance.rows:
            yield _money(broken.figure, f"does not follow {broken.policy}", broken.cost)
    if report.exemptions:
        yield _money("exemptions", "cost of what is exempt", report.exemptions.cost)
        for exempt in report.exemptions.rows:
            yield _money(exempt.figure, f"exempt: {exempt.name}", exempt.cost)
    if report.close:
        yield _money("close", f"the invoice of {report.close.label}", report.close.invoice)
        yield _money("close/ours", f"billed for the days of {report.close.label}", report.close.ours)


def _units(report: Report) -> Iterator[Figure]:
    if report.units is None:
        return
    for unit in (*report.units.gpu_hours, report.units.per_job, *report.units.predictions):
        yield _money(unit.figure, f"{unit.name}, cost of a {unit.per}", unit.value)
    for share in (report.units.spot, report.units.idle):
        yield Figure(share.figure, share.name, share.percent, "percent")


def _money(name: str, says: str, money: Money | None) -> Figure:
    return Figure(name, says, money.amount if money else None, money.currency if money else "")
