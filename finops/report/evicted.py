"""What training jobs told of their evictions (finops.checkpoint): node-hours that were run again on which cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from finops.checkpoint.told import Told, reruns
from finops.estate.ids import key

FINEST = Decimal("1e-6")  # of an hour; jobs tell seconds, to half a minute


@dataclass(frozen=True)
class Again:
    """Node-hours that one eviction had run again, reading the checkpoint back included. day: of the eviction, UTC."""

    cluster: str  # ARM id in lower case
    day: date
    hours: Decimal


@dataclass(frozen=True)
class Accounts:
    """What jobs told. clusters: those of which at least one job did, evicted or not."""

    clusters: frozenset[str] = frozenset()
    again: tuple[Again, ...] = ()

    def on(self, cluster: str, days: Collection[date]) -> Decimal | None:
        """Node-hours run again on `days`; None where no job of that cluster told anything."""
        if key(cluster) not in self.clusters:
            return None
        wanted = set(days)
        return sum((one.hours for one in self.again if one.cluster == key(cluster) and one.day in wanted), Decimal(0))


def accounts(folders: Iterable[Collection[Told]]) -> Accounts:
    """Of what the attempts in each folder told, each eviction once."""
    jobs: dict[tuple[str, datetime], dict[int, Told]] = {}
    for told in folders:
        first = min(told, key=lambda one: one.attempt)
        # The same job by another way, or in a copy, is the same; another one of its name began at another moment.
        job = jobs.setdefault((first.job, first.began), {})
        for one in told:
            if one.attempt not in job or one.last > job[one.attempt].last:
                job[one.attempt] = one
    return _of_all(jobs.values())


def _of_all(jobs: Collection[Mapping[int, Told]]) -> Accounts:
    clusters = frozenset(key(one.compute_id) for job in jobs for one in job.values() if one.compute_id)
    again = [
        Again(key(one.compute_id), one.at.astimezone(UTC).date(), Decimal(str(one.hours)).quantize(FINEST))
        for job in jobs
        for one in reruns(job.values())
        if one.compute_id
    ]
    return Accounts(clusters, tuple(again))


NOTHING_TOLD = Accounts()
