"""Precision, recall and delay of the anomaly detector on planted incidents, beside plain rules; and its time.

    python benchmarks/anomalies.py              the held-out seeds, a table in Markdown
    python benchmarks/anomalies.py --tuning     some of the seeds on which the constants were chosen
    python benchmarks/anomalies.py --seeds 601 680
    python benchmarks/anomalies.py --time       300 cost centres x 90 days
    python benchmarks/anomalies.py --estate     the simulator's planted one, day by day

An invented estate is made of things (clusters, instances, endpoints, storage), each in one cost centre, workspace,
service and meter, so that an incident shows in all four, and in the cell where they meet. Incidents are planted in
things; the ordinary life beside them (weekdays, holidays, monthly batches, training runs, a little growth) is none.

What is counted, and why:
- Each rule is asked every morning with the charges up to the day before, as a daily watch is, and what it finds is put
  together to cases as the watch does. A first version took the day of telling from one walk over the whole series,
  with later days in sight: the delay, and what was told at all, were better than a watch can be.
- An incident begins on the first day on which it makes a difference of SMALLEST: of a cluster that rests on Sundays,
  nobody can tell on a Sunday that it is gone. Nor on a holiday that anything is: the fall of a thing begins after it.
- What is no larger, on the day it begins, than what its cost centre went off by itself on some day of the 60 before
  (known here: each thing has a cost without chance) is `hidden`: one day of costs cannot tell it from a training run.
  A person would not want to be told of each such day either. It has a column of its own and is in nobody's recall; who
  tells it is right all the same. Growth has no day on which it begins to show, and has a column of its own, too.
- Every other alarm is false: the second one of an incident, too, and one that came before it began.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

import numpy as np

from finops.anomalies import Bar, Cell, Scope, detect
from finops.config.anomalies import AnomalySettings

START, DAYS, FIRST = date(2026, 6, 1), 120, 45
TUNING, HELD_OUT = range(1, 25), range(101, 141)
DAY = timedelta(days=1)
MONEY = 50.0
SMALLEST = MONEY
TELL_DAYS = AnomalySettings().tell_days
Numbers = np.ndarray
Days = dict[Scope, list[tuple[date, Decimal]]]
Cells = dict[Cell, list[tuple[date, Decimal]]]


@dataclass
class Thing:
    """plain: what it would cost without chance: no noise, no training runs, no holidays."""

    scopes: tuple[Scope, ...]
    costs: Numbers
    plain: Numbers


@dataclass(frozen=True)
class Planted:
    """What was done to one thing, or to all of a cost centre. began: when; first: when it shows."""

    kind: str
    scopes: tuple[Scope, ...]
    began: int
    first: int
    last: int
    hidden: bool


@dataclass(frozen=True)
class Told:
    """One alarm: in which scopes, over which days, and on which day it was told."""

    scopes: tuple[Scope, ...]
    first: int
    last: int
    seen: int


def estate(seed: int) -> tuple[Days, list[Planted], Cells]:
    dice = np.random.default_rng([20261122, seed])
    days = np.arange(DAYS)
    weekday = (days + START.weekday()) % 7
    month = np.array([(START + DAY * int(n)).day for n in days])
    holiday = np.where(np.isin(days, dice.choice(DAYS, 2, replace=False)), dice.uniform(0.3, 0.7), 1.0)
    things: list[Thing] = []
    for centre in range(int(dice.integers(6, 16))):
        for _ in range(int(dice.integers(2, 7))):
            things.append(_thing(dice, centre, days, weekday, month, holiday))
    planted = _plant(dice, things, holiday < 1, month)
    scopes: dict[Scope, Numbers] = {}
    cells: dict[Cell, Numbers] = {}
    for thing in things:
        cells[thing.scopes] = cells.get(thing.scopes, np.zeros(DAYS)) + thing.costs
        for scope in thing.scopes:
            scopes[scope] = scopes.get(scope, np.zeros(DAYS)) + thing.costs
    return (
        {scope: _priced(costs) for scope, costs in scopes.items()},
        planted,
        {cell: _priced(costs) for cell, costs in cells.items()},
    )


def _priced(costs: Numbers) -> list[tuple[date, Decimal]]:
    return [(START + DAY * n, Decimal(f"{cost:.2f}")) for n, cost in enumerate(costs)]


def _thing(dice: np.random.Generator, centre: int, days: Numbers, weekday: Numbers, month: Numbers, holiday: Numbers):
    kind = str(dice.choice(["endpoint", "cluster", "instance", "storage", "batch"], p=[0.3, 0.3, 0.2, 0.1, 0.1]))
    size = float(dice.lognormal(4.3, 0.8))
    noise = dice.lognormal(0, dice.uniform(0.02, 0.2), len(days))
    week = np.where(weekday >= 5, dice.uniform(0.05, 0.6), 1.0)
    growth = np.exp(days / 30.4 * dice.normal(0.015, 0.02))
    if kind == "endpoint":
        plain = np.full(len(days), size)
        costs = plain * noise**0.3
    elif kind == "storage":
        plain = costs = size * 0.4 * np.linspace(1, dice.uniform(1, 1.3), len(days))
    elif kind == "batch":
        plain = size * 2 * (month <= int(dice.integers(1, 3)))
        costs = plain * noise
    else:
        plain = size * week
        costs = plain * holiday * noise
        if dice.random() < 0.3:  # a training run now and then, as long as the history goes back
            costs = costs + size * 0.6 * (dice.random(len(days)) < 0.15) * noise
    scopes = (
        Scope("cost centre", f"CC-{4000 + 10 * centre}"),
        Scope("workspace", f"mlw-{centre}-{int(dice.integers(0, 2))}"),
        Scope("service", {"storage": "Storage"}.get(kind, "Virtual Machines")),
        Scope("meter", f"{kind} size {int(dice.integers(0, 4))}"),
    )
    return Thing(scopes, np.asarray(costs * growth), np.asarray(plain * growth))


def _plant(dice: np.random.Generator, things: list[Thing], holiday: Numbers, month: Numbers) -> list[Planted]:
    """One to four incidents an estate, each in a cost centre of its own, large enough to matter there."""
    centres = sorted({thing.scopes[0] for thing in things})
    found = []
    for centre in dice.choice(len(centres), int(dice.integers(1, 5)), replace=False):
        own = [thing for thing in things if thing.scopes[0] == centres[centre]]
        before = np.sum([thing.costs for thing in own], axis=0)
        usual = before[FIRST - 28 : FIRST].mean()
        kind = str(dice.choice(["spike", "step", "new", "gone", "growth"], p=[0.4, 0.25, 0.15, 0.1, 0.1]))
        first = int(dice.integers(FIRST, DAYS - 35))
        thing = own[int(dice.integers(0, len(own)))]
        by_itself = before - np.sum([one.plain for one in own], axis=0)
        scopes = thing.scopes
        size = max(usual * dice.uniform(0.5, 2.0), MONEY * 1.2)
        last = DAYS - 1
        if kind == "spike":
            last = first + int(dice.integers(1, 6)) - 1
            thing.costs[first : last + 1] += size
        elif kind == "step":
            thing.costs[first:] += size
        elif kind == "new":
            costs = np.where(np.arange(DAYS) >= first, size * dice.lognormal(0, 0.1, DAYS), 0.0)
            scopes = (
                thing.scopes[0],
                Scope("workspace", f"mlw-new-{first}"),
                thing.scopes[2],
                Scope("meter", f"new {first}"),
            )
            own.append(Thing(scopes, costs, costs))
            things.append(own[-1])
        elif kind == "gone":
            thing = max(own, key=lambda one: one.costs[first - 14 : first].mean())
            if thing.costs[first - 14 : first].mean() < MONEY or (thing.costs[first - 14 : first] <= 0).any():
                continue
            thing.costs[first:] = 0.0
            scopes = thing.scopes
        else:
            rate = dice.uniform(0.02, 0.035)
            scopes = tuple({scope for one in own for scope in one.scopes})
            grown = np.exp(rate * np.clip(np.arange(DAYS) - first, 0, 35))
            for one in own:
                one.costs *= grown
        change = np.sum([one.costs for one in own], axis=0) - before
        found.append(_as_it_shows(Planted(kind, scopes, first, first, last, False), change, by_itself, holiday, month))
    return found


def _as_it_shows(one: Planted, change: Numbers, by_itself: Numbers, holiday: Numbers, month: Numbers) -> Planted:
    """From when it can be seen, and whether it can be told from what the cost centre does by itself."""
    if one.kind == "growth":
        return one
    shows = (np.abs(change) >= SMALLEST) & ((change > 0) | ~holiday)
    first = one.began + int(np.argmax(shows[one.began :]))
    sign = np.sign(change[first])
    ordinary = (sign * by_itself)[max(first - 60, 0) : first][month[max(first - 60, 0) : first] > 2]
    return replace(one, first=first, hidden=bool(sign * change[first] <= ordinary.max()))


# -- the rules --------------------------------------------------------------------------------------------------------

Rule = Callable[[Days, Cells], list[Told]]


def ours(days: Days, cells: Cells, times: float = float(Bar().times)) -> list[Told]:
    """As it works day by day: what the watch of each morning finds and has no case for."""
    from finops.anomalies.cases import Case
    from finops.jobs.anomalies.matching import matched, moved

    told: list[Told] = []
    cases: list[Case] = []
    for through in range(FIRST - 6, DAYS):
        found = detect(days, START + DAY * through, Bar(Decimal(str(MONEY)), Decimal(str(times))), cells=cells)
        of_case, fresh = matched(found, cases)
        cases = [moved(case, of_case[case.id]) if case.id in of_case else case for case in cases]
        for one in fresh:
            if one.last > START + DAY * (through - TELL_DAYS):
                cases.append(Case(one, "USD", "billed"))
                told.append(Told(one.scopes, (one.first - START).days, (one.last - START).days, through))
    return told


def z_score(days: Days, cells: Cells, times: float = 3.0) -> list[Told]:
    """Each cost centre: more than three deviations from the mean of the 14 days before, and $50."""

    def off(costs: Numbers, day: int) -> bool:
        past = costs[day - 14 : day]
        return bool(abs(costs[day] - past.mean()) > max(times * past.std(), MONEY))

    return _plain(days, off)


def week_before(days: Days, cells: Cells, percent: float = 30.0) -> list[Told]:
    """Each cost centre: 30 % off the same day of the week before, and $50."""

    def off(costs: Numbers, day: int) -> bool:
        return bool(abs(costs[day] - costs[day - 7]) > max(costs[day - 7] * percent / 100, MONEY))

    return _plain(days, off)


def _plain(days: Days, off: Callable[[Numbers, int], bool]) -> list[Told]:
    """Days in a row are one alarm. Cost centres only: in four kinds of scopes each would tell it four times."""
    told = []
    for scope, own in days.items():
        if scope.kind != "cost centre":
            continue
        costs = np.array([float(cost) for _, cost in own])
        flagged = [day for day in range(14, DAYS) if off(costs, day)]
        for day in flagged:
            if told and told[-1].scopes == (scope,) and told[-1].last >= day - 2:
                told[-1] = Told((scope,), told[-1].first, day, told[-1].seen)
            else:
                told.append(Told((scope,), day, day, day))
    return told


# -- the score --------------------------------------------------------------------------------------------------------


@dataclass
class Score:
    """planted, in_time: what shows. delays: by kind, of what was told at all. hidden, growth: found and all of them."""

    planted: int = 0
    in_time: int = 0
    alarms: int = 0
    right: int = 0
    hidden: list[bool] = field(default_factory=list)
    growth: list[bool] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    growth_delays: list[int] = field(default_factory=list)


def score(rule: Rule, seeds: Sequence[int], missed: bool = False) -> Score:
    total = Score()
    for seed in seeds:
        days, planted, cells = estate(seed)
        alarms = [one for one in rule(days, cells) if one.seen >= FIRST - 5]
        used: set[int] = set()
        for one in planted:
            mine = [n for n, told in enumerate(alarms) if _speaks_of(told, one)]
            used.update(mine[:1])
            delay = alarms[mine[0]].seen - one.first if mine else None
            if one.kind == "growth":
                total.growth.append(delay is not None)
                total.growth_delays += [delay] if delay is not None else []
                continue
            in_time = delay is not None and delay <= 1
            if one.hidden:
                total.hidden.append(in_time)
                continue
            total.planted += 1
            total.in_time += in_time
            total.delays += [delay] if delay is not None else []
            if missed and not in_time:
                print("  missed", seed, one.kind, one.scopes[0], START + DAY * one.first, "delay", delay)
        total.alarms += len(alarms)
        total.right += len(used)
        if missed:
            for n, told in enumerate(alarms):
                if n not in used:
                    again = any(_speaks_of(told, one) for one in planted)
                    said = [str(scope) for scope in told.scopes]
                    print(
                        "  again" if again else "  false", seed, START + DAY * told.seen, told.first, told.last, *said
                    )
    return total


def _speaks_of(told: Told, one: Planted) -> bool:
    """The same money in one of its scopes, which began with it; a meter or service of many is not enough."""
    telling = {scope for scope in told.scopes if scope.kind in ("cost centre", "workspace")} or set(told.scopes)
    late = 40 if one.kind == "growth" else 3
    return (
        bool(telling & set(one.scopes))
        and one.began <= told.seen
        and told.first <= min(one.first + late, one.last + 1)
        and told.last >= one.began
    )


def line(name: str, seeds: Sequence[int], rule: Rule, missed: bool = False) -> str:
    got = score(rule, seeds, missed)
    precision, recall = got.right / max(got.alarms, 1), got.in_time / max(got.planted, 1)
    delay = f"{median(got.delays):.0f} d" if got.delays else "-"
    growth = f"{sum(got.growth)} of {len(got.growth)}" + (
        f", after {median(got.growth_delays):.0f} d" if got.growth_delays else ""
    )
    of = f"{recall:.3f} ({got.in_time} of {got.planted})"
    hidden = f"{sum(got.hidden)} of {len(got.hidden)}"
    return f"| {name} | {precision:.3f} | {of} | {delay} | {got.alarms} | {hidden} | {growth} |"


def timed() -> None:
    dice = np.random.default_rng(5)
    days: Days = {}
    cells: Cells = {}
    for n in range(300):
        centre, whole = Scope("cost centre", f"CC-{n}"), np.zeros(90)
        for part in range(5):
            costs = dice.lognormal(3, 1) * np.where(np.arange(90) % 7 >= 5, 0.4, 1) * dice.lognormal(0, 0.1, 90)
            cells[centre, Scope("meter", f"M-{part}")] = _priced(costs)
            whole += costs
        days[centre] = _priced(whole)
    for name, inside in (("", {}), (" in five cells each", cells)):
        began = time.process_time()
        found = detect(days, START + DAY * 89, cells=inside)
        print(f"300 cost centres{name} x 90 days: {time.process_time() - began:.2f} s, {len(found)} anomalies")


def simulated() -> None:
    """The simulator's estate: every morning, what its charges so far would tell."""
    import json
    import tempfile

    from finops import charges
    from finops.config.model import Settings
    from finops.jobs import anomalies
    from finops.simulator import new_estate

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "estate"
        new_estate(folder, seed=7, size="small")
        truth = json.loads((folder / "ground-truth.json").read_text())
        [planted] = [one for one in truth["planted"] if one["kind"] == "cost-anomaly"]
        began = date.fromisoformat(planted["since"][:10])
        with charges.load([folder / "charges"]) as book:
            end = book.span.end
            for back in range(12, -1, -1):
                now = end - DAY * back
                hits = [one for look in anomalies.look(book, Settings(), None, now) for one in look.recent(14)]
                said = ", ".join(f"{one.scope.key} {one.kind} {one.impact:+,.0f}" for one in hits)
                print(f"{now:%Y-%m-%d}: {said or 'nothing'}")
        print(f"planted: {planted['id'].rsplit('/', 1)[1]} on {began}: {planted['cause']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("tuning", "time", "estate", "missed"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "LAST"), help="other seeds")
    parser.add_argument("--times", type=float, nargs="*", help="other bars")
    asked = parser.parse_args()
    if asked.time or asked.estate:
        timed() if asked.time else simulated()
        return
    seeds = range(asked.seeds[0], asked.seeds[1] + 1) if asked.seeds else TUNING if asked.tuning else HELD_OUT
    if asked.times:
        for times in asked.times:
            print(line(f"times {times}", seeds, lambda days, cells, t=times: ours(days, cells, t), asked.missed))
        return
    print(f"{len(seeds)} estates, seeds {seeds[0]} to {seeds[-1]}\n")
    print("| Rule | Precision | Recall within a day | Median delay | Alarms | Hidden found | Growth found |")
    print("|---|---|---|---|---|---|---|")
    print(line("aml-finops", seeds, ours, asked.missed), flush=True)
    print(line("z-score, 14 days, 3 deviations", seeds, z_score))
    print(line("30 % off the week before", seeds, week_before))


if __name__ == "__main__":
    main()
