"""How budgets read on the command line: two lines each, all of one, and a row for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from finops.budget import Standing
    from finops.jobs.budgeting import Remembered


def _money(amount: Any, currency: str) -> str:
    return f"{amount:,.2f} {currency}"


def line(one: Standing, known: Remembered | None, now: datetime) -> str:
    """One budget on two lines of 80 columns: what is spent of what, and where it leads."""
    from rich.cells import set_cell_size

    least = ">= " if one.at_least else ""
    head = set_cell_size(plain(one.budget.name), 26)
    of = f"{one.budget.amount:,.0f}" if one.budget.amount >= 100 else f"{one.budget.amount:,.2f}"
    text = f"{head} {least}{one.spent:,.2f} of {of} {one.currency}, {one.percent}%"
    state = f"{one.status}; {one.gone_percent:.0f}% of {one.label} gone; {_forecast(one)}"
    more = f"; {one.later:,.2f} more since, not complete" if one.later else ""
    if known is not None and (muted := known.mute_of(one.budget.name, now)):
        more += f"; muted until {muted.until:%-d %b}"
    return text + "\n" + "\n".join(wrapped(state + more, 4, 4))


def _forecast(one: Standing) -> str:
    if one.forecast is None:
        return f"no forecast: {one.no_forecast}"
    low, middle, high = one.forecast.low, one.forecast.middle, one.forecast.high
    span = f"{low:,.0f} to {high:,.0f}" if low is not None and high is not None else f"about {middle:,.0f}"
    chance = (
        f", {one.chance_over * 100:.0f}% chance over" if one.chance_over is not None and one.status != "over" else ""
    )
    return f"ends at {span}{chance}"


def whole(one: Standing, known: Remembered, drove: Any, now: datetime) -> Iterator[str]:
    yield line(one, known, now)
    budget_ = one.budget
    yield f"    For        {plain(budget_.scope.said)}, every {budget_.every}, {one.basis} cost"
    if one.basis_note:
        yield from wrapped(f"Note       {one.basis_note}", 4)
    if one.runs_out:
        yield f"    Runs out   about {one.runs_out:%Y-%m-%d}, by the mean of the forecast"
    if one.complete_until:
        yield f"    Data       complete until {one.complete_until:%Y-%m-%d %H:%M} UTC"
    for gap in one.gaps:
        yield from wrapped(f"! Missing  {gap}", 4)
    told = {each.threshold: each for each in known.told_of(budget_.name, one.period)}
    for threshold in budget_.thresholds:
        limit = _money(threshold.limit(budget_.amount), one.currency)
        state = "reached" if threshold in one.crossed else "not reached"
        if each := told.get(threshold.key):
            state = f"told {each.at:%Y-%m-%d %H:%M}" + (
                f", escalated {each.escalated:%Y-%m-%d}" if each.escalated else ""
            )
        yield f"    {threshold.key:<18} {limit:>20}  {state}"
    if acked := known.ack_of(budget_.name, one.period):
        yield from wrapped(f"Seen       {acked.at:%Y-%m-%d} by {acked.who}: {acked.why}", 4)
    if muted := known.mute_of(budget_.name, now):
        yield from wrapped(f"Muted      until {muted.until:%Y-%m-%d} by {muted.who}: {muted.why}", 4)
    yield f"    To         {', '.join(budget_.to) or 'nobody: set mail.finance'}"
    for row in drove.rows:
        change = f"{row.change.amount:+,.2f}" if row.change else ""
        yield f"    {plain(row.name)[:40]:<40} {row.cost.amount:>14,.2f} {change:>14}"
    if drove.against:
        yield f"    (changes against {drove.against})"


def row(one: Standing, known: Remembered, now: datetime) -> dict[str, Any]:
    budget_, reach = one.budget, one.forecast
    muted, acked = known.mute_of(budget_.name, now), known.ack_of(budget_.name, one.period)
    return {
        "budget": budget_.name,
        "scope": budget_.scope.said,
        "period": one.label,
        "start": one.period.start,
        "end": one.period.end,
        "status": one.status,
        "amount": budget_.amount,
        "spent": one.spent,
        "spentUntil": one.until,
        "later": one.later,
        "atLeast": one.at_least,
        "left": one.left,
        "currency": one.currency,
        "percent": one.percent,
        "gonePercent": one.gone_percent,
        "basis": one.basis,
        "forecastLow": reach.low if reach else None,
        "forecast": reach.middle if reach else None,
        "forecastHigh": reach.high if reach else None,
        "noForecast": one.no_forecast,
        "chanceOver": one.chance_over,
        "runsOut": one.runs_out,
        "completeUntil": one.complete_until,
        "missing": list(one.gaps),
        "crossed": [threshold.key for threshold in one.crossed],
        "told": [each.threshold for each in known.told_of(budget_.name, one.period)],
        "acknowledgedBy": acked.who if acked else None,
        "mutedUntil": muted.until if muted else None,
    }


def wrapped(text: str, indent: int, hanging: int = 15) -> list[str]:
    import textwrap

    return textwrap.wrap(
        plain(text), 80, initial_indent=" " * indent, subsequent_indent=" " * hanging, break_on_hyphens=False
    )


def plain(text: str) -> str:
    """Control characters in a name would move the cursor or colour the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
