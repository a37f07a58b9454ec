"""/metrics: every figure's name and meaning, and how Prometheus is told them."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from finops import __version__
from finops.jobs.duties import counts
from finops.state.intents import OUTCOMES
from finops.state.letters import STATUSES

from . import arrivals
from .lateness import standings

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.jobs.duties import Duty

    from .calls import Calls
    from .figures import Figures
    from .pulse import Pulse

MOST = 60  # series of one figure; the rest are added up as "other"
OTHER = "other"
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,59}\Z")


@dataclass(frozen=True)
class Metric:
    """counter: grows until the daemon ends, or for ever. scale: what a duty's count is multiplied by."""

    name: str
    says: str
    labels: tuple[str, ...] = ()
    counter: bool = False
    scale: float = 1.0


# What counts events has all its labels from the start, at 0: where a series just appeared, no increase is seen.
# A label `job` is Prometheus' own, so ours is `duty`.
OURS = (
    Metric("finops_build_info", "1, with the versions that run.", ("version", "python")),
    Metric("finops_leads", "1 where this replica leads: it alone runs duties."),
    Metric("finops_ready", "1 where this replica leads, or waits to."),
    Metric("finops_heartbeat_age_seconds", "Seconds since the loop that begins duties last beat."),
    Metric("finops_clock_in_doubt", "1 while the clock is in doubt: nothing that changes Azure is begun."),
    Metric("finops_state_up", "1 where the database answered. At 0, all that is read from it is missing here."),
    Metric("finops_duty_enabled", "1 where the schedule has the duty, 0 where it is off.", ("duty",)),
    Metric("finops_duty_last_success_timestamp_seconds", "When the duty last ended as done or partial.", ("duty",)),
    Metric("finops_duty_last_end_timestamp_seconds", "When the duty last ended, whatever it came to.", ("duty",)),
    Metric("finops_duty_last_run_seconds", "How long its last run took.", ("duty",)),
    Metric("finops_duty_late", "1 where the duty has not succeeded in time; operators are mailed.", ("duty",)),
    Metric("finops_duty_next_timestamp_seconds", "When it is due next.", ("duty",)),
    Metric("finops_duty_running_seconds", "For how long it has been under way in this process.", ("duty",)),
    Metric("finops_duty_overrun", "1 while it has been under way for longer than it may.", ("duty",)),
    Metric(
        "finops_duty_runs",
        "Its runs of the last 24 hours, by what they came to: done, partial, held, failed, skipped, missed.",
        ("duty", "outcome"),
    ),
    Metric("finops_findings", "Findings of the janitor and of tiering, by status.", ("status",)),
    Metric("finops_approvals_waiting", "Findings that wait for somebody to decide."),
    Metric("finops_approvals_oldest_age_seconds", "For how long the oldest of them has been waiting."),
    Metric("finops_acts_total", "Changes of Azure since the first, by outcome.", ("outcome",), counter=True),
    Metric("finops_acts_open", "Changes that were begun and whose outcome is not known yet."),
    Metric("finops_mail_recipients", "Recipients of all mails: waiting, sent, failed, unsure.", ("status",)),
    Metric("finops_mail_oldest_age_seconds", "For how long the oldest mail has waited to leave."),
    Metric(
        "finops_pings_total",
        "Pings of the watcher outside since the daemon began, by outcome: sent, failed.",
        ("outcome",),
        counter=True,
    ),
    Metric("finops_events_waiting", "Events of Azure that came in and are not worked through yet."),
    Metric("finops_events_last_age_seconds", "Seconds since an event of Azure was last taken in, by any replica."),
    Metric(
        "finops_events_total",
        "Events of Azure that came in since the daemon began: taken, seen-before, or why they wake nobody.",
        ("outcome",),
        counter=True,
    ),
    Metric(
        "finops_events_refused_total",
        "Requests with events that were refused since the daemon began, by reason.",
        ("reason",),
        counter=True,
    ),
    Metric(
        "finops_events_handshakes_total",
        "Handshakes of Event Grid since the daemon began, by outcome: agreed, refused.",
        ("outcome",),
        counter=True,
    ),
    Metric(
        "finops_events_woken_total", "Times that events woke a duty since the daemon began.", ("duty",), counter=True
    ),
    Metric(
        "finops_azure_calls_total",
        "Answers of Azure since the daemon began, by service and status: 2xx, 4xx, 429, 5xx, none.",
        ("service", "status"),
        counter=True,
    ),
    Metric(
        "finops_azure_throttled_total",
        "Answers by which Azure told us to wait (429, 503), by service.",
        ("service",),
        counter=True,
    ),
)

# Read from the state itself, which is newer than the last run.
_FRESHER = {counts.FINDINGS, counts.WAITING, counts.OLDEST, counts.ACTS, counts.MAILS, counts.OUTBOX}
# Prometheus wants base units: https://prometheus.io/docs/practices/naming/
_RENAMED = {
    counts.COMPLETE_UNTIL: ("data_complete_until_timestamp_seconds", 1.0),
    counts.EVALUATED: ("policy_evaluated_timestamp_seconds", 1.0),
    counts.FORECAST_ERROR: ("forecast_error_ratio", 0.01),
    counts.AT_RISK: ("dollars_at_risk", 1.0),
    counts.RATE: ("dollars_an_hour", 1.0),
}


def _of(name: str, count: counts.Count) -> Metric:
    called, scale = _RENAMED.get(name, (name, 1.0))
    says = count.says.replace("in one run", "in 24 hours").replace("Percent by which", "Share by which")
    return Metric(f"finops_{called}", says, (count.label,) if count.label else (), scale=scale)


OF_DUTIES: Mapping[str, Metric] = {
    name: _of(name, count) for name, count in counts.COUNTS.items() if name not in _FRESHER
}
METRICS = (*OURS, *OF_DUTIES.values())
_ARRIVED = {
    arrivals.EVENTS: "finops_events_total",
    arrivals.REFUSED: "finops_events_refused_total",
    arrivals.HANDSHAKES: "finops_events_handshakes_total",
    arrivals.WOKEN: "finops_events_woken_total",
}
_BY_NAME = {metric.name: metric for metric in METRICS}

Values = dict[str, dict[tuple[str, ...], float]]


@dataclass(frozen=True)
class Look:
    """What one scrape shows. figures: None where the database did not answer. late: by duty; enabled: those not off.

    pings, arrivals: of the daemon's process; see finops.daemon.arrivals
    """

    now: datetime
    monotonic: float
    figures: Figures | None
    enabled: Mapping[str, bool]
    late: Mapping[str, bool]
    pings: Mapping[str, int] = field(default_factory=dict)
    arrivals: Mapping[tuple[str, str], int] = field(default_factory=dict)


def looked(
    settings: Settings,
    duties: Collection[Duty],
    figures: Figures | None,
    now: datetime,
    monotonic: float,
    pings: Mapping[str, int] | None = None,
    arrivals: Mapping[tuple[str, str], int] | None = None,
) -> Look:
    """How the duties stand by these figures."""
    standing = standings(
        settings, duties, figures.succeeded if figures else {}, figures.watched if figures else {}, now
    )
    return Look(
        now,
        monotonic,
        figures,
        enabled={one.job: one.enabled for one in standing},
        late={one.job: one.is_late(now) for one in standing if one.enabled},
        pings=pings or {},
        arrivals=arrivals or {},
    )


class Exposed(Collector):
    """One look, as Prometheus' collectors are. process: None where no daemon runs, of which there were figures."""

    def __init__(self, look: Look, process: tuple[Pulse, Calls] | None) -> None:
        self._look, self._process = look, process

    def describe(self) -> Iterable[Family]:
        """Nothing is read when it is registered."""
        return ()

    def collect(self) -> Iterator[Family]:
        look = self._look
        values: Values = {metric.name: {} for metric in METRICS}
        values["finops_build_info"][__version__, platform.python_version()] = 1
        values["finops_state_up"][()] = look.figures is not None
        for job, enabled in look.enabled.items():
            values["finops_duty_enabled"][(job,)] = enabled
        if self._process is not None:
            _of_process(values, *self._process, look)
        if look.figures is not None:
            _of_state(values, look.figures, look)
        for metric in METRICS:
            if values[metric.name]:
                yield _family(metric, values[metric.name])


def registry(look: Look, process: tuple[Pulse, Calls] | None) -> CollectorRegistry:
    """A registry of our own: with what we tell and, of a daemon, its process's memory, processor time and files."""
    found = CollectorRegistry()
    if process is not None:
        ProcessCollector(registry=found)
    found.register(Exposed(look, process))
    return found


def _of_process(values: Values, pulse: Pulse, calls: Calls, look: Look) -> None:
    seen = pulse.seen()
    values["finops_leads"][()] = seen.leads
    values["finops_ready"][()] = seen.ready and not seen.stopping
    values["finops_clock_in_doubt"][()] = bool(seen.clock_in_doubt)
    if seen.beat_at is not None:
        values["finops_heartbeat_age_seconds"][()] = max(0.0, look.monotonic - seen.beat_at)
    for job in look.enabled:
        values["finops_duty_overrun"][(job,)] = job in seen.overrun
    for job, due in seen.due.items():
        values["finops_duty_next_timestamp_seconds"][(job,)] = due.timestamp()
    for job, began in seen.running.items():
        values["finops_duty_running_seconds"][(job,)] = max(0.0, (look.now - began).total_seconds())
    for outcome in ("sent", "failed"):
        values["finops_pings_total"][(outcome,)] = look.pings.get(outcome, 0)
    for (what, word), count in look.arrivals.items():
        values[_ARRIVED[what]][(word,)] = count
    for (service, status), count in calls.by_status().items():
        values["finops_azure_calls_total"][service, status] = count
    for service, count in calls.throttled().items():
        values["finops_azure_throttled_total"][(service,)] = count


def _of_state(values: Values, figures: Figures, look: Look) -> None:
    def age(since: datetime | None) -> float:
        return max(0.0, (look.now - since).total_seconds()) if since else 0.0

    for job, run in figures.succeeded.items():
        if run.ended_at:
            values["finops_duty_last_success_timestamp_seconds"][(job,)] = run.ended_at.timestamp()
    for job, run in figures.ended.items():
        if run.ended_at:
            values["finops_duty_last_end_timestamp_seconds"][(job,)] = run.ended_at.timestamp()
            values["finops_duty_last_run_seconds"][(job,)] = (run.ended_at - run.began_at).total_seconds()
    for job, late in look.late.items():
        values["finops_duty_late"][(job,)] = late
    for key, count in figures.recent.items():
        values["finops_duty_runs"][key] = count
    values["finops_findings"] |= {(status,): count for status, count in figures.findings.items()}
    values["finops_approvals_waiting"][()] = figures.waiting
    values["finops_approvals_oldest_age_seconds"][()] = age(figures.waiting_since)
    values["finops_acts_total"] |= {(outcome,): figures.acts.get(outcome, 0) for outcome in sorted(OUTCOMES)}
    values["finops_acts_open"][()] = figures.acts.get("", 0)
    values["finops_mail_recipients"] |= {(status,): figures.letters.get(status, 0) for status in STATUSES}
    values["finops_mail_oldest_age_seconds"][()] = age(figures.owed_since)
    values["finops_events_waiting"][()] = figures.events
    if figures.event_seen_at is not None:
        values["finops_events_last_age_seconds"][()] = age(figures.event_seen_at)
    for (name, label), value in figures.told.items():
        metric = OF_DUTIES.get(name)
        if metric is not None and bool(label) == bool(metric.labels):
            values[metric.name][(label,) if label else ()] = value * metric.scale


def _family(metric: Metric, values: Mapping[tuple[str, ...], float]) -> Family:
    kind = CounterMetricFamily if metric.counter else GaugeMetricFamily
    family = kind(metric.name, metric.says, labels=metric.labels)
    for labels, value in _bounded(values).items():
        family.add_metric(labels, value)
    return family


def _bounded(values: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """At most `MOST` series; what is no plain word as a label, and what is too many, is added up as "other".

    Each label is one of a few words by design. Should a duty ever count by name, no name gets out by this.
    """
    found: dict[tuple[str, ...], float] = {}
    for labels, value in sorted(values.items()):
        plain = tuple(label if _LABEL.match(label) else OTHER for label in labels)
        if plain not in found and len(found) >= MOST:
            plain = (OTHER,) * len(labels)
        if not math.isnan(value):
            found[plain] = found.get(plain, 0) + float(value)
    return found
