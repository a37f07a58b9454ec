"""What the watch remembers: money by resource and day, how long each was at work, and what was told and is still on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.approvals import Workdays
from finops.budget.rate import DAY, HOUR, Recorded
from finops.budget.running import Rates
from finops.estate.ids import key

if TYPE_CHECKING:
    from finops.config.budgets import WatchSettings
    from finops.state import State

Json = dict[str, Any]
DAYS, LAST, SPELLS, BUSY = "watch/day/", "watch/last", "watch/spells", "watch/busy"
LONGEST_LOOK = timedelta(hours=2)  # of two looks further apart, and than twice watch.minutes, nobody knows what ran
SPELLS_KEPT = 20
MICRO = Decimal("0.000001")


@dataclass
class Records:
    """All of it, read once, and written back by `writes`."""

    days: dict[date, Json] = field(default_factory=dict)
    last: Json | None = None
    spells: dict[str, list[str]] = field(default_factory=dict)
    busy: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State | None) -> Records:
        kept = state.kept("watch/") if state else {}
        return cls(
            {date.fromisoformat(name.removeprefix(DAYS)): day for name, day in kept.items() if name.startswith(DAYS)},
            kept.get(LAST),
            kept.get(SPELLS, {}),
            kept.get(BUSY, {}),
        )

    def history(self, before: date) -> list[Recorded]:
        """Every recorded day before `before`, oldest first."""
        return [
            Recorded(
                day,
                Decimal(str(kept["covered"])),
                bool(kept["free"]),
                {name: Decimal(amount) for name, amount in kept["amounts"].items()},
                frozenset(kept.get("without", ())),
            )
            for day, kept in sorted(self.days.items())
            if day < before
        ]

    def lengths(self) -> dict[str, list[Decimal]]:
        """How many hours each resource was at work, the last times."""
        return {name: [Decimal(one) for one in found] for name, found in self.spells.items()}

    def since(self) -> dict[str, datetime]:
        return {name: datetime.fromisoformat(at) for name, at in self.busy.items()}

    def since_of(self, moment: datetime, ids: frozenset[str]) -> Decimal:
        """USD that what is in `ids` has cost from the day of `moment` on, by our own records."""
        found = [kept["amounts"] for day, kept in self.days.items() if day >= moment.date()]
        return sum((Decimal(amount) for each in found for name, amount in each.items() if name in ids), Decimal(0))


def noted(
    records: Records, rates: Rates, calendar: Workdays, rules: WatchSettings
) -> tuple[list[tuple[str, Any]], list[str]]:
    """What to keep and what to drop after a look at `rates`; `records` is brought up to it.

    What ran at the last look is taken to have run until this one. After too long, or where the last look could not see
    everything, nobody knows: that time counts as not looked at. What was dark at the look before that, too, is left out
    of the day in place of holding all others up.
    """
    now = rates.at
    last = records.last
    dark_before = frozenset(last["dark"]) if last else frozenset()
    keeps: list[tuple[str, Any]] = []
    if last is not None:
        before = datetime.fromisoformat(last["at"])
        if now <= before:
            return [], []  # the clock was moved back: what is known of later stays as it is
        if now - before <= max(LONGEST_LOOK, 2 * timedelta(minutes=rules.minutes)) and last["whole"]:
            for day, share in _days_between(before, now):
                kept = records.days.setdefault(day, {"covered": 0.0, "free": not calendar.works(day), "amounts": {}})
                kept["covered"] = min(1.0, round(kept["covered"] + share / DAY, 9))
                for name, per_hour in last["rates"].items():
                    amount = Decimal(per_hour) * Decimal(str(share / HOUR))
                    kept["amounts"][name] = f"{(Decimal(kept['amounts'].get(name, '0')) + amount).quantize(MICRO):f}"
                if last["dark"]:
                    kept["without"] = sorted({*kept.get("without", ()), *last["dark"]})
                keeps.append((f"{DAYS}{day}", kept))
    records.last = {
        "at": now.isoformat(),
        "whole": rates.dark <= dark_before - {""},
        "dark": sorted(rates.dark),
        "rates": {name: f"{rate:f}" for name, rate in _by_resource(rates).items()},
    }
    keeps.append((LAST, records.last))
    keeps += _work(records, rates)
    drops = [f"{DAYS}{day}" for day in records.days if day < now.date() - timedelta(days=rules.keep_days)]
    return keeps, drops


def _work(records: Records, rates: Rates) -> list[tuple[str, Any]]:
    """Who is at work since when, and how long those were who are no more."""
    at_work = {key(one.id) for one in rates.running if one.has_work and one.kind != "deployment"}
    changed = False
    for name, since in list(records.busy.items()):
        if name not in at_work and not rates.hides(name):
            hours = Decimal(str((rates.at - datetime.fromisoformat(since)) / HOUR)).quantize(MICRO)
            records.spells[name] = [*records.spells.get(name, []), f"{hours:f}"][-SPELLS_KEPT:]
            del records.busy[name]
            changed = True
    for name in at_work - set(records.busy):
        records.busy[name] = rates.at.isoformat()
        changed = True
    return [(SPELLS, records.spells), (BUSY, records.busy)] if changed else []


def _by_resource(rates: Rates) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    for one in rates.running:
        if one.per_hour is not None:
            found[key(one.id)] = found.get(key(one.id), Decimal(0)) + one.per_hour
    return found


def _days_between(start: datetime, end: datetime) -> list[tuple[date, timedelta]]:
    """How much of the time between lies in each UTC day."""
    found = []
    while start < end:
        midnight = datetime.combine(start.date() + DAY, time(), start.tzinfo)
        until = min(midnight, end)
        found.append((start.date(), until - start))
        start = until
    return found
