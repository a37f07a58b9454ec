"""A span for each run and each act, where OpenTelemetry is installed and OTEL_* says where to; otherwise nothing.

Standard variables, https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/: such as
OTEL_EXPORTER_OTLP_ENDPOINT. The extra is `otel`; the exporter speaks OTLP over HTTP.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from finops import __version__
from finops.errors import FinopsError, MissingExtra

from . import logs

if TYPE_CHECKING:
    from finops.state import State
    from finops.state.intents import Intent

# Loaded by name: they are there in some installations only.
PARTS = ("resources", "trace", "trace.export")
OTLP = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
BEFORE = timedelta(hours=1)  # an act is dated by when its run was begun, or decided on
WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted(environ: Mapping[str, str]) -> bool:
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not off and any(environ.get(name) for name in WHERE)


@contextmanager
def traced(environ: Mapping[str, str] | None = None, exporter: Any = None) -> Iterator[Tracing | None]:
    """Spans leave while the block runs, and the last of them at its end. None where nobody asked for them.

    exporter: in place of OTLP's
    """
    given = os.environ if environ is None else environ
    if exporter is None and not wanted(given):
        yield None
        return
    try:
        resources, trace, export = (import_module(f"opentelemetry.sdk.{part}") for part in PARTS)
        exporter = exporter or import_module(OTLP).OTLPSpanExporter()
    except ModuleNotFoundError:
        logs.logger().warning(str(MissingExtra("OTEL_EXPORTER_OTLP_ENDPOINT", "otel")))
        yield None
        return
    # What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say wins.
    name = given.get("OTEL_SERVICE_NAME") or "aml-finops"
    about = resources.Resource.create({"service.name": name, "service.version": __version__})
    provider = trace.TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    try:
        yield Tracing(provider.get_tracer("finops", __version__))
    finally:
        provider.shutdown()


def around(
    tracing: Tracing | None, state: State, now: Callable[[], datetime]
) -> Callable[[str, str], AbstractContextManager[None]]:
    """The block that each run is in: what is logged there names the run, and is within its span."""

    @contextmanager
    def block(run: str, job: str) -> Iterator[None]:
        with logs.of_run(run, job), tracing.run(run, job, state, now) if tracing else nullcontext():
            yield

    return block


class Tracing:
    """Makes the spans. Names of resources are in them, as in the log; secrets are in neither."""

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer
        self._lock = threading.Lock()
        self._told: int | None = None  # the newest act that has its span, or was there before us

    @contextmanager
    def run(self, run: str, job: str, state: State, now: Callable[[], datetime]) -> Iterator[None]:
        """The span of one run; below it, those of the acts that were begun meanwhile."""
        since = now() - BEFORE
        self._newest(state, since)
        about = {"finops.run": run, "finops.duty": job}
        with self._tracer.start_as_current_span(f"duty {job}", attributes=about):
            yield
            self._acts(self._newest(state, since))

    def _newest(self, state: State, since: datetime) -> list[Intent]:
        """The acts since then. At first, they only tell what was there before."""
        try:
            found = state.intents_since(since)
        except FinopsError as fault:  # what the run came to does not hang on this
            logs.logger().warning("its acts are not traced", why=str(fault))
            return []
        with self._lock:
            if self._told is None:
                self._told = max((intent.number for intent in found), default=0)
        return [intent for intent in found if intent.outcome is not None]

    def _acts(self, intents: list[Intent]) -> None:
        status = import_module("opentelemetry.trace.status")
        with self._lock:  # of two runs that acted at the same time, the first to end tells of both
            told = self._told or 0
            new = [intent for intent in intents if intent.number > told]
            self._told = max([told, *(intent.number for intent in new)])
        for intent in new:
            about = {
                "finops.run": intent.run, "finops.intent": intent.number, "finops.action": intent.action,
                "finops.rule": intent.rule, "finops.resource": intent.resource_id,
                "finops.outcome": str(intent.outcome),
            }  # fmt: skip
            opened = _nanoseconds(intent.opened_at)
            span = self._tracer.start_span(f"act {intent.action}", start_time=opened, attributes=about)
            if intent.outcome == "failed":
                span.set_status(status.Status(status.StatusCode.ERROR, intent.outcome_why or ""))
            span.end(_nanoseconds(intent.closed_at) if intent.closed_at else None)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
