"""A compute instance: people start it in the morning and forget it at night, schedules and idle limits stop it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from finops.simulator import meters
from finops.simulator.clock import stamp_of
from finops.simulator.draws import between, draw, key_of
from finops.simulator.life.durations import minutes_of
from finops.simulator.life.shapes import weekday
from finops.simulator.store import Json, inside, whole

if TYPE_CHECKING:
    from finops.simulator.life import Life

DAY = 1440
# What takes a minute counts as done: "Stopping" is off, "Starting" is on.
OFF = frozenset(["stopped", "stopping", "createfailed", "deleting", "deleted", "unusable", "unknown"])


class Instance:
    """One ComputeInstance. Its VM is billed while it runs; its disk and load balancer as long as it exists."""

    def __init__(self, life: Life, body: Json) -> None:
        self.life = life
        self.id: str = body["id"]
        self.key = key_of(life.key, self.id.lower())
        self.read(body)

    def read(self, body: Json) -> None:
        """Take in the body, after it was put anew."""
        self.body = body
        inner = inside(body, "properties", "properties")
        region = str(inside(body, "properties").get("computeLocation") or body.get("location") or "eastus")
        tags = inside(body, "tags")
        self.profile: Json = self.life.profiles.get(self.id.lower(), {})
        self.habit: Json = self.profile.get("habit") or {}
        self.schedules: list[Json] = [
            schedule
            for schedule in inside(inner, "schedules").get("computeStartStop") or []
            if isinstance(schedule, dict)
        ]
        self.patience = minutes_of(inner.get("idleTimeBeforeShutdown"), default=0)
        size = str(inner.get("vmSize") or "Standard_DS3_v2")
        self.line = self.life.line(meters.vm(size, region, spot=False), self.id, tags)
        self.kept = [
            self.life.line(meters.disk(region), self.id, tags),
            self.life.line(meters.load_balancer(region), self.id, tags),
        ]

    @property
    def runs(self) -> bool:
        inner = inside(self.body, "properties", "properties")
        return str(inner.get("state", "Stopped")).lower() not in OFF

    def live(self, start: int, end: int) -> None:
        """Everything that happens from minute `start` until just before minute `end`."""
        if str(inside(self.body, "properties").get("provisioningState", "")).lower() in ("deleting", "failed"):
            return
        for line in self.kept:
            self.life.ledger.count(line, start, end, 1)
        for day in range(start // DAY, (end - 1) // DAY + 1):
            for minute, action, trigger in self._day(day):
                if start <= minute < end:
                    self._run(start, minute)
                    self._turn(action, trigger, minute)
                    start = minute
        self._run(start, end)

    def _run(self, start: int, end: int) -> None:
        if self.runs:
            self.life.ledger.count(self.line, start, end, meters.PARTS)
            self._load(max(start, self.life.measured_from), end)

    def _load(self, start: int, end: int) -> None:
        """Its processor, as Monitor tells of the workspace by ComputeName; nothing of one that we know no use of.

        That Monitor has it between jobs, too, is our guess: the metric's own description speaks of nodes.
        """
        if not self.profile or self.profile.get("noMetrics"):
            return
        workspace, _, name = self.id.partition("/computes/")
        dimensions = json.dumps({"ComputeName": name})
        while start < end:
            until, hour = min(end, (start // 60 + 1) * 60), start // 60
            low, high = self._busy(hour)
            value = round(between(low, high, self.key, hour, 7), 1)
            self.life.metrics.hold(workspace, "CpuUtilizationPercentage", dimensions, start, until, value)
            start = until

    def _busy(self, hour: int) -> tuple[float, float]:
        """Between which percentages the processor is in an hour: at work, or as the instance's own agents keep it."""
        if "cpu" in self.profile:
            low, high = self.profile["cpu"]
            return float(low), float(high)
        minute, day = hour % 24 * 60, hour // 24
        at_work = self.habit and weekday(day) in self.habit["days"]
        return (
            (18.0, 75.0) if at_work and self.habit["from"] <= minute + 60 and minute < self.habit["to"] else (1.0, 4.0)
        )

    def _turn(self, action: str, trigger: str, now: int) -> None:
        if (action == "Start") == self.runs:
            return
        inner = self.body["properties"]["properties"]
        inner["state"] = "Running" if action == "Start" else "Stopped"
        inner["lastOperation"] = {
            "operationName": action,
            "operationTime": stamp_of(now, self.key),
            "operationStatus": "Succeeded",
            "operationTrigger": trigger,
        }
        self.body["properties"]["modifiedOn"] = stamp_of(now, self.key)

    def _day(self, day: int) -> list[tuple[int, str, str]]:
        """Minute, action and trigger of what turns the instance on and off on `day`, in order."""
        events = []
        if self.habit and weekday(day) in self.habit["days"]:
            first = day * DAY + self.habit["from"] + int(between(-20, 25, self.key, day, 1))
            last = day * DAY + self.habit["to"] + int(between(-30, 60, self.key, day, 2))
            events.append((first, "Start", "User"))
            if self.patience:
                events.append((last + self.patience, "Stop", "IdleShutdown"))
            elif draw(self.key, day, 3) >= float(self.habit.get("forgets", 0)):
                events.append((last, "Stop", "User"))
        for schedule in self.schedules:
            minute = _cron(schedule, day)
            if minute is not None:
                events.append((day * DAY + minute, str(schedule.get("action")), "Schedule"))
        return sorted(events)


def _cron(schedule: Json, day: int) -> int | None:
    """The minute of `day` at which a schedule fires, if it does: daily or weekly ones, UTC."""
    if str(schedule.get("status", "Enabled")).lower() != "enabled":
        return None
    recurrence = inside(schedule, "recurrence", "schedule")
    if recurrence:
        names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        days = [name.lower() for name in recurrence.get("weekDays") or names]
        hour, minute = (recurrence.get("hours") or [0])[0], (recurrence.get("minutes") or [0])[0]
        return whole(hour, 0) * 60 + whole(minute, 0) if names[weekday(day)] in days else None
    parts = str(inside(schedule, "cron").get("expression", "")).split()
    if len(parts) != 5 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    if parts[4] != "*" and (weekday(day) + 1) % 7 not in _numbers(parts[4]):
        return None
    return int(parts[1]) * 60 + int(parts[0])


def _numbers(field: str) -> set[int]:
    """The days that a cron field such as "1-5" or "0,6" names; Sunday is 0 (or 7)."""
    found: set[int] = set()
    for part in field.split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last.isdigit() or not last):
            found.update(number % 7 for number in range(int(first), int(last or first) + 1))
    return found
