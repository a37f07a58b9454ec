"""What was published: each report's total and forecast, kept when its mail was put, and read again for the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.approvals.counted import keep_counted
from finops.charges import Period
from finops.report.known import Published, Said

if TYPE_CHECKING:
    from finops.report import Report
    from finops.state import State

TOTAL = "report/published/"
FORECAST = "report/forecast/"


def keep(state: State, report: Report, now: datetime, sent: bool = True) -> None:
    """Remember what `report` says, under its period and audience: a corrected one takes the place of the first.

    sent: whether its mail was put now. One that was there before said what is kept already; only where a crash came
    between the mail and this is it kept still.
    """
    audience = report.audience.key or ""
    place = f"{audience}/{report.basis}/{report.currency}"
    first, last = report.period.start.date(), report.period.days[-1]
    told = {
        "start": f"{report.period.start:%Y-%m-%d}",
        "end": f"{report.period.end:%Y-%m-%d}",
        "basis": report.basis,
        "currency": report.currency,
        "amount": str(report.total.cost.amount),
        "at": now.astimezone(UTC).isoformat(),
        "audience": audience,
    }
    where = f"{TOTAL}{place}/{first}/{last}"
    if not sent and where in state.kept(where):
        return
    state.keep(where, told, now)
    if report.audience.key is None and report.close is None:
        entries = report.savings.all if report.savings else ()
        waits = [one for one in entries if one.kind == "identified"]
        keep_counted(state, {one.number: one.counted_with for one in waits if one.number and one.counted_with}, now)
    seen = report.outlook
    if seen is None:
        return
    reach = seen.range
    said = {
        "month": f"{seen.through.replace(day=1)}",
        "through": f"{seen.through}",
        "low": str(reach.low.amount) if reach else None,
        "middle": str(seen.middle.amount),
        "high": str(reach.high.amount) if reach else None,
        "currency": report.currency,
        "basis": report.basis,
        "audience": audience,
    }
    state.keep(f"{FORECAST}{place}/{seen.through}", said, now)


def published(kept: Mapping[str, Any]) -> Iterable[Published]:
    """The totals among what is kept."""
    for name, told in kept.items():
        if name.startswith(TOTAL):
            yield Published(
                period=Period(date.fromisoformat(told["start"]), date.fromisoformat(told["end"])),
                basis=told["basis"],
                currency=told["currency"],
                amount=Decimal(told["amount"]),
                at=datetime.fromisoformat(told["at"]),
                audience=told["audience"],
            )


def forecasts(kept: Mapping[str, Any]) -> Iterable[Said]:
    """The forecasts among what is kept."""
    for name, told in kept.items():
        if name.startswith(FORECAST):
            yield Said(
                month=date.fromisoformat(told["month"]),
                through=date.fromisoformat(told["through"]),
                low=_amount(told["low"]),
                middle=Decimal(told["middle"]),
                high=_amount(told["high"]),
                currency=told["currency"],
                basis=told["basis"],
                audience=told["audience"],
            )


def _amount(written: str | None) -> Decimal | None:
    return None if written is None else Decimal(written)
