"""Usage to forecast from: written by hand in a line, or invented for a held-out set."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from finops.forecast import Daily

START = date(2026, 1, 1)


def daily(cost: Callable[[date], float], days: int, key: str = "CC-4300", start: date = START) -> Daily:
    """`cost` of each of `days` days from `start`, to the cent."""
    calendar = [start + timedelta(days=n) for n in range(days)]
    return Daily(key, start, tuple(Decimal(f"{cost(day):.2f}") for day in calendar))


def office(day: date) -> float:
    """$100 on working days, $30 at weekends."""
    return 30 if day.weekday() >= 5 else 100


def came(dailies: Sequence[Daily], month: date) -> Decimal:
    """What the month of `month` cost."""
    return sum(
        (
            amount
            for one in dailies
            for n, amount in enumerate(one.amounts)
            if (one.start + timedelta(days=n)).replace(day=1) == month
        ),
        Decimal(0),
    )


def wandering(seed: int, days: int = 420, centres: int = 6) -> list[Daily]:
    """An estate whose cost centres move to another level now and then, train in bursts and rest at weekends.

    Written apart from benchmarks/forecast_series.py, on which the forecast was tuned.
    """
    dice = random.Random(seed)
    found = []
    for number in range(centres):
        size, weekend = dice.lognormvariate(4, 1), dice.uniform(0.2, 1)
        level, burst, amounts = 1.0, 0.0, []
        for n in range(days):
            if dice.random() < 1 / 50:
                level *= dice.lognormvariate(0, 0.3)
            burst = dice.expovariate(0.7) if dice.random() < 1 / 25 else burst * (dice.random() < 0.75)
            shape = weekend if (START + timedelta(days=n)).weekday() >= 5 else 1.0
            amounts.append(Decimal(f"{size * (level * shape * dice.lognormvariate(0, 0.15) + burst):.2f}"))
        found.append(Daily(f"CC-{number}", START, tuple(amounts)))
    return found
