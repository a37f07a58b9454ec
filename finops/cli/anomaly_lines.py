"""How anomalies read on the command line: two lines each, all of one, and a row for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finops.cli.budget_lines import plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finops.anomalies import Planned
    from finops.jobs.anomalies import Case


def line(case: Case) -> str:
    """One case on two or three lines of 80 columns."""
    from rich.cells import set_cell_size

    one = case.so_far
    percent = f"{one.percent:+,.0f}%" if one.percent is not None else ""
    name = set_cell_size(plain(f"{one.scope.key} ({one.scope.kind})"), 38)
    head = f"{one.id}  {name} {one.impact:>+13,.2f} {case.currency}  {percent:>8}"
    more = f"; {one.owner}" if one.owner else ""
    days = f"{one.first:%-d %b}" if one.first == one.last else f"{one.first:%-d %b} to {one.last:%-d %b}"
    on = ", goes on" if one.going_on else ""
    return head + "\n" + "\n".join(wrapped(f"{one.state}; {one.kind}, {days}{on}; {one.cause}{more}", 10, 10))


def whole(case: Case) -> Iterator[str]:
    one, unit = case.so_far, case.currency
    yield line(case)
    low, high = one.expected.low, one.expected.high
    yield f"    Actual     {one.actual:,.2f} {unit} ({case.basis} cost)"
    yield f"    Expected   {one.expected.middle:,.2f} {unit}, {low:,.2f} to {high:,.2f} four times in five"
    for text in one.evidence:
        yield from wrapped(f"Evidence   {text}", 4)
    for gap in case.gaps:
        yield from wrapped(f"! Not read {gap}", 4)
    if one.also:
        yield from wrapped(f"Also seen  {', '.join(str(scope) for scope in one.also)}", 4)
    yield f"    Owner      {plain(one.owner) or 'not known'}"
    if one.found_at:
        late = f", {case.late_hours} hours after its charges were complete" if case.late_hours is not None else ""
        yield from wrapped(f"Found      {one.found_at:%Y-%m-%d %H:%M} UTC, {case.hours} hours after it began{late}", 4)
    yield f"    Told       {f'{case.told:%Y-%m-%d %H:%M} UTC' if case.told else 'nobody yet'}"
    if one.why:
        yield from wrapped(f"Said       {f'{case.who}: ' if case.who else ''}{one.why}", 4)


def row(case: Case) -> dict[str, Any]:
    one = case.so_far
    return {
        "id": one.id,
        "state": one.state,
        "kind": one.kind,
        "scope": one.scope.kind,
        "name": one.scope.key,
        "first": one.first,
        "last": one.last,
        "goingOn": one.going_on,
        "actual": one.actual,
        "expectedLow": one.expected.low,
        "expected": one.expected.middle,
        "expectedHigh": one.expected.high,
        "impact": one.impact,
        "percent": one.percent,
        "currency": case.currency,
        "basis": case.basis,
        "cause": one.cause,
        "evidence": list(one.evidence),
        "resources": list(case.ids),
        "owner": one.owner,
        "also": [str(scope) for scope in one.also],
        "foundAt": one.found_at,
        "hoursToDetect": case.hours,
        "hoursAfterComplete": case.late_hours,
        "told": case.told,
        "why": one.why,
        "who": case.who,
        "notRead": list(case.gaps),
    }


def plan_line(one: Planned) -> str:
    return "\n".join(wrapped(f"{one.first} to {one.last}  {one.scope or 'all'}: {one.why} ({one.who})", 0, 26))


def plan_row(one: Planned) -> dict[str, Any]:
    return {"scope": str(one.scope or "all"), "first": one.first, "last": one.last, "why": one.why, "who": one.who}
