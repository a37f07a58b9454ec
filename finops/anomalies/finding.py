"""From daily costs to anomalies: judged day by day, one for each incident, with exact money."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np

from finops.anomalies.cells import Cells, of_cells
from finops.anomalies.growing import growing
from finops.anomalies.incidents import Incident, incidents
from finops.anomalies.model import Anomaly, Bar, Planned, Raised, Reach, Scope, id_of
from finops.anomalies.table import Days, Numbers, Table, table_of
from finops.anomalies.walk import Run, Walk

CENT = Decimal("0.01")
FOUR_IN_FIVE = 1.28
UNSEEN = Decimal(3)
CELL = 1.55
"""How much clearer a cell must be by itself: there are many."""
ALONE = 1.3
"""How much clearer a rise must be of which no cell shows anything: chance in several things at once."""
ENOUGH, MONEY = 4.0, 0.3
"""So many times the minimum a day is told at the bar; the bar falls with this power of what it comes to."""
LEAST, MOST = 0.66, 1.5
"""Of the bar, however much or little it comes to."""
UNSURE = 0.25
"""Of a usual deviation: by how much the expected level itself may be wrong, on all days alike."""


def find(
    days: Days,
    through: date,
    bar: Bar,
    planned: Sequence[Planned],
    missing: Collection[date],
    raised: Sequence[Raised],
    cells: Cells,
) -> tuple[Anomaly, ...]:
    table = table_of(days, through, missing)
    if table is None:
        return ()
    minimum, times = float(bar.minimum), float(bar.times)
    walk = Walk(table, minimum, times, _raised(table, raised))
    runs = [*walk.judge(), *of_cells(cells, walk)]
    runs += [run for run in growing(walk, minimum, times) if _is_over(run, walk.raised)]
    found = []
    for incident in incidents(runs, table, minimum, _meeting(cells)):
        one = _anomaly(incident, table, planned)
        told = _told(incident, table, bool(cells), minimum * float(_weight(one)))
        if told is not None and abs(one.impact) >= bar.minimum * _weight(one):
            found.append(replace(one, seen=max(one.seen or table.start, table.day(told))))
    return tuple(sorted(found, key=lambda one: (one.first, -abs(one.impact), one.id)))


def _weight(one: Anomaly) -> Decimal:
    """What no cost centre shows must have come to more: there are many narrow scopes, and chance speaks in some."""
    return Decimal(1) if any(scope.kind == "cost centre" for scope in one.scopes) else UNSEEN


def _told(incident: Incident, table: Table, split: bool, minimum: float) -> int | None:
    """The first day on which it is clear enough for what it comes to: large money is told by less, small takes more."""
    runs = (incident.run, *incident.also)
    grows = [run.seen for run in runs if run.kind == "growth" and run.seen is not None and not run.force]
    centre, narrow, inside, most = 0.0, 0.0, 0.0, 0.0
    for day in sorted({day for run in runs for day in run.force}):
        for run in runs:
            force, is_centre = run.force.get(day, 0.0), table.scopes[run.row].kind == "cost centre"
            inside = max(inside, force if run.cell else 0.0)
            centre = max(centre, force if is_centre and not run.cell else 0.0)
            narrow = max(narrow, force if not is_centre else 0.0)
            most = max(most, abs(run.over.get(day, 0.0)))
        money = min((most / minimum / ENOUGH) ** MONEY, 1 / LEAST)
        alone = ALONE if split and incident.run.sign > 0 and not inside else 1.0
        parts = max(inside / CELL, narrow / alone) * max(money, 1 / MOST)
        if max(parts, centre / alone * max(money, 1.0)) >= 1:
            return min([day, *grows])
    return min(grows, default=None)


def _meeting(cells: Cells) -> Callable[[Scope, Scope], bool]:
    """Whether two scopes share charges, so that money seen in both can be the same; two of one kind never do."""
    if not cells:
        return lambda one, other: one.kind != other.kind
    pairs = {(one, other) for cell in cells for one in cell for other in cell if one != other}
    return lambda one, other: (one, other) in pairs


def _is_over(growth: Run, raised: Mapping[int, Numbers]) -> bool:
    """Whether it comes to more a day than what somebody said was no anomaly, as that stands on its last day."""
    least = raised.get(growth.row)
    return least is None or sum(growth.over.values()) > float(least[growth.last]) * len(growth.over)


def _raised(table: Table, raised: Sequence[Raised]) -> dict[int, Numbers]:
    rows = {scope: row for row, scope in enumerate(table.scopes)}
    found: dict[int, Numbers] = {}
    for one in raised:
        if one.scope in rows:
            least = found.setdefault(rows[one.scope], np.zeros(table.days))
            first, last = (one.first - table.start).days, (one.last - table.start).days
            span = slice(max(first, 0), max(last + 1, 0))
            least[span] = np.maximum(least[span], float(one.least))
    return found


def _anomaly(incident: Incident, table: Table, planned: Sequence[Planned]) -> Anomaly:
    run = incident.run
    scope = table.scopes[run.row]
    first, last = table.day(run.first), table.day(run.last)
    actual = table.actual(run.row, run.first, run.last)
    expected = _expected(run)
    impact = actual - expected.middle
    seen_in = [
        *(table.scopes[one.row] for one in incident.also),
        *(at for one in (run, *incident.also) for at in one.cell),
    ]
    also = tuple(at for at in dict.fromkeys(seen_in) if at != scope)
    seen = [one.seen for one in (run, *incident.also) if one.seen is not None]
    found = Anomaly(
        id=id_of(scope, first),
        scope=scope,
        kind=run.kind,
        first=first,
        last=last,
        actual=actual,
        expected=expected,
        impact=impact,
        percent=(impact / expected.middle * 100).quantize(Decimal("0.1")) if expected.middle else None,
        going_on=run.on and run.last == table.days - 1,
        also=also,
        seen=table.day(min(seen)) if seen else None,
        whole=_whole(run),
    )
    plan = next((one for one in planned if one.covers(found.scopes, first, last)), None)
    return replace(found, state="planned", why=plan.why) if plan else found


def _whole(run: Run) -> Decimal | None:
    after = [over for day, over in run.over.items() if day > run.first]
    return Decimal(sum(after) / len(after)).quantize(CENT) if after else None


def _expected(run: Run) -> Reach:
    middle = sum(run.should.values())
    alone = sum(value**2 for value in run.spread.values())
    width = FOUR_IN_FIVE * (alone + (UNSURE * sum(run.spread.values())) ** 2) ** 0.5
    low = max(middle - width, 0.0) if middle >= 0 else middle - width
    return Reach(*(Decimal(value).quantize(CENT) for value in (low, middle, middle + width)))
