"""Where months end: `finops.forecast` beside plain baselines and well-kept libraries, and whether its range holds.

    python benchmarks/forecast.py                            # invented estates of 24 months, seeds that nobody tuned on
    python benchmarks/forecast.py --every 1 --estates 100 --only-baselines
    python benchmarks/forecast.py --simulator /tmp/estates --focus focus_sample_1000.csv
    python benchmarks/forecast.py --seeds 1                  # the seeds that the constants were chosen on
    python benchmarks/forecast.py --time                     # 300 cost centres, 400 days

Every method is asked the same: on the evenings of days 7, 14 and 21 of a month, from what was known then. miss: median
of |said - came| in percent of what the month came to. inside: how often what came lay in the range of 80 %; width: its
median, in percent of what came. Usage only, purchases apart. The libraries (pip install statsmodels statsforecast) are
asked about the total; finops about every cost centre, whose means add up to the total. The bar: the least miss, and 75
to 85 % inside.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

import numpy as np
from forecast_methods import BASELINES, Days, Way, libraries
from forecast_series import Series, estate

from finops.forecast import Daily, backtest, outlook

ASKED = (7, 14, 21)
HELD_OUT = 1001
"""First of the seeds that no constant of finops.forecast was chosen on."""
LOOKED_AT = (4, 9, 13, 18, 24, 28, 5, 8, 15, 19, 25, 29)
SIMULATED = [
    *((101 + n, "small", date(2026, 1 + n, day)) for n, day in enumerate(LOOKED_AT)),
    (201, "medium", date(2026, 6, 3)),
    (202, "medium", date(2026, 10, 12)),
]
"""Seed, size and day of the simulator's estates: a day in each month, as what is planted lies in the week before it."""


@dataclass
class Score:
    misses: dict[int, list[float]] = field(default_factory=lambda: {day: [] for day in ASKED})
    inside: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, day: int, low: float | None, middle: float, high: float | None, came: float) -> None:
        self.misses[day].append(abs(middle - came) / came * 100)
        if low is not None and high is not None:
            self.inside.append(low <= came <= high)
            self.widths.append((high - low) / came * 100)

    def line(self, name: str) -> str:
        count = sum(len(misses) for misses in self.misses.values())
        misses = " | ".join(f"{median(misses):.1f}" if misses else "-" for misses in self.misses.values())
        mean = np.mean([miss for misses in self.misses.values() for miss in misses])
        band = f"{np.mean(self.inside) * 100:.0f} % | {median(self.widths):.1f}" if self.inside else "- | -"
        return f"| {name} | {misses} | {mean:.1f} | {band} | {self.seconds / count * 1000:.1f} |"


HEAD = """| | day 7 | day 14 | day 21 | mean miss | inside | width | ms each |
|---|---|---|---|---|---|---|---|"""


def compare(named: str, every: Sequence[Series], ways: dict[str, Way], step: int, skip: int) -> None:
    """Print the table of all methods on the same questions."""
    scores = {name: Score() for name in ("finops.forecast", *ways)}
    questions = 0
    for one in every:
        dailies = as_dailies(one)
        total = one.costs.sum(0)
        begun = time.process_time()
        track = backtest(dailies, days=ASKED)
        spent = (time.process_time() - begun) / max(len(track.rows), 1)
        wanted = set(list(months(one))[skip::step])
        for row in track.rows:
            first = (row.month - one.start).days
            known = first + row.day
            if row.month not in wanted or row.came <= 0 or not asked_of_all(total[:known], row.day):
                continue
            questions += 1
            came = float(row.came)
            scores["finops.forecast"].add(
                row.day, *(None if x is None else float(x) for x in (row.low, row.middle, row.high)), came
            )
            scores["finops.forecast"].seconds += spent
            ask(scores, ways, total, first, known, one, row.month, came)
    print(f"\n{named}: {len(every)} estates, {questions} questions\n\n{HEAD}")
    for name, score in scores.items():
        if any(score.misses.values()):
            print(score.line(name))


def ask(
    scores: dict[str, Score],
    ways: dict[str, Way],
    total: Days,
    first: int,
    known: int,
    one: Series,
    month: date,
    came: float,
) -> None:
    """Put the question to each of `ways` and note how it did."""
    left = (after(month) - one.start).days - known
    begin = ((month - timedelta(days=1)).replace(day=1) - one.start).days
    last = float(total[begin:first].sum()) if begin >= 0 else None
    so_far = float(total[first:known].sum())
    for name, way in ways.items():
        begun = time.process_time()
        said = way(total[:known], known - first, left, last)
        scores[name].seconds += time.process_time() - begun
        if said is not None:
            low, middle, high = said
            ends = [None if rest is None else so_far + rest for rest in (low, high)]
            scores[name].add(known - first, ends[0], so_far + middle, ends[1], came)


def asked_of_all(known: Days, day: int) -> bool:
    """Whether enough is known for every method: three weeks, unless there is no more than this month."""
    return len(known) >= 21 or len(known) == day


def months(one: Series) -> Iterator[date]:
    """The first days of the months that lie whole in the series."""
    first = one.start if one.start.day == 1 else after(one.start)
    while after(first) <= one.start + timedelta(days=one.costs.shape[1]):
        yield first
        first = after(first)


def after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def as_dailies(one: Series) -> list[Daily]:
    return [
        Daily(key, one.start, tuple(Decimal(f"{cost:.6f}") for cost in costs))
        for key, costs in zip(one.keys, one.costs.tolist(), strict=True)
    ]


def simulated(folder: Path) -> list[Series]:
    """The simulator's estates, made where they are not there yet: 90 days each, complete days only."""
    from datetime import UTC, datetime

    from finops.simulator import new_estate

    found = []
    for seed, size, as_of in SIMULATED:
        at = folder / f"{size}-{seed}-{as_of}"
        if not at.exists():
            new_estate(at, seed=seed, size=size, as_of=datetime(as_of.year, as_of.month, as_of.day, 12, tzinfo=UTC))
        found.append(charged([at / "charges"], at.name, "CostCenter", drop=2))
    return found


def charged(paths: Iterable[Path], name: str, key: str, drop: int = 0) -> Series:
    """Usage by `key` and day; the last `drop` days, whose charges are late, left out."""
    from finops import charges

    with charges.load([str(path) for path in paths]) as book:
        rows = book.by([key, "Day"], "effective", where={"ChargeCategory": "Usage"})
        start = book.span.start.date()
        keys = tuple(sorted(set(rows[key])))
        costs = np.zeros((len(keys), len(book.span.days)))
        for owner, day, cost in zip(rows[key], rows["Day"], rows["Cost"], strict=True):
            costs[keys.index(owner), (day - start).days] += float(cost)
    return Series(name, start, keys, costs[:, : costs.shape[1] - drop])


def timed(centres: int = 300, days: int = 400) -> None:
    """How long one forecast with its record takes."""
    dailies = as_dailies(estate(HELD_OUT, days=days, centres=centres))
    through = dailies[0].end - timedelta(days=1)
    outlook(dailies[:2], through, through)  # imports
    begun, cpu = time.perf_counter(), time.process_time()
    seen = outlook(dailies, through, through)
    spent = f"{time.perf_counter() - begun:.2f} s, {time.process_time() - cpu:.2f} CPU s"
    print(f"{centres} cost centres, {days} days, a record of {seen.track.of} looks: {spent}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estates", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=HELD_OUT, help="first seed of the invented estates")
    parser.add_argument("--every", type=int, default=3, help="ask about every n-th month")
    parser.add_argument("--skip", type=int, default=2, help="months at the start that are not asked about")
    parser.add_argument("--only-baselines", action="store_true", help="leave the libraries out")
    parser.add_argument("--simulator", type=Path, help="folder for the simulator's estates; made when missing")
    parser.add_argument("--focus", type=Path, help="a FOCUS file, by SubAccountId")
    parser.add_argument("--time", action="store_true")
    options = parser.parse_args()
    if options.time:
        timed()
        return
    ways = BASELINES | ({} if options.only_baselines else libraries())
    if options.simulator or options.focus:
        if options.simulator:
            compare("The simulator's estates", simulated(options.simulator), ways, 1, 0)
        if options.focus:
            compare(f"{options.focus.name}", [charged([options.focus], "focus", "SubAccountId")], ways, 1, 0)
        return
    seeds = range(options.seeds, options.seeds + options.estates)
    compare(f"Invented, seeds {seeds[0]} to {seeds[-1]}", [estate(s) for s in seeds], ways, options.every, options.skip)


if __name__ == "__main__":
    main()
