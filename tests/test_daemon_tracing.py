"""Spans of runs and acts, with OpenTelemetry's own SDK."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databases import intent

from finops.daemon import logs
from finops.daemon.tracing import around, traced, wanted
from finops.state import State

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_spans_are_made_only_where_the_environment_says_where_to(environ: dict[str, str], asked: bool):
    assert wanted(environ) == asked


def test_nothing_is_loaded_where_nobody_asked():
    with traced({}) as tracing:
        assert tracing is None


def test_a_run_is_a_span_and_its_acts_are_below_it(tmp_path: Path):
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    with traced({}, exporter) as tracing, State.open(tmp_path / "state.db") as state:
        assert tracing is not None
        for name in ("first", "second"):
            with tracing.run(f"run-{name}", "apply", state, lambda: NOW), state.turn():
                act = intent(state, NOW + timedelta(seconds=1), f"/{name}")
                state.close_intent(act, "failed", "Azure said no.", NOW + timedelta(seconds=3), "me", {})

    spans = exporter.get_finished_spans()
    acts = [span for span in spans if span.name == "act delete"]
    runs = [span for span in spans if span.name == "duty apply"]
    assert [act.parent.span_id for act in acts] == [run.context.span_id for run in runs]
    assert [(act.end_time - act.start_time) / 1e9 for act in acts] == [2, 2]
    assert [(act.attributes["finops.outcome"], act.status.description) for act in acts] == [
        ("failed", "Azure said no.")
    ] * 2
    assert runs[0].attributes["finops.run"] == "run-first"


def test_what_is_logged_within_a_run_names_its_span(tmp_path: Path):
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    out = io.StringIO()
    exporter = memory.InMemorySpanExporter()
    with traced({}, exporter) as tracing, State.open(tmp_path / "state.db") as state, logs.begun(stream=out):
        assert tracing is not None
        with around(tracing, state, lambda: NOW)("run-1", "guard"):
            logs.logger().info("within")

    (span,) = exporter.get_finished_spans()
    assert f'"trace": "{span.context.trace_id:032x}"' in out.getvalue()


def test_a_run_goes_on_where_its_acts_cannot_be_traced_and_where_nobody_traces(tmp_path: Path):
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    out = io.StringIO()
    state = State.open(tmp_path / "state.db")
    with traced({}, memory.InMemorySpanExporter()) as tracing, logs.begun(stream=out):
        for asked in (tracing, None):
            with around(asked, state, lambda: NOW)("run-1", "guard"):
                state.close()
                (tmp_path / "state.db").rename(tmp_path / "aside") if asked else None
                (tmp_path / "state.db").mkdir(exist_ok=True)

    assert out.getvalue().count("its acts are not traced") == 1


def test_acts_of_an_earlier_process_are_not_traced_again(tmp_path: Path):
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    with State.open(tmp_path / "state.db") as state:
        with state.turn():
            state.close_intent(intent(state, NOW), "done", "", NOW, "me", {})
        with traced({}, exporter) as tracing, around(tracing, state, lambda: NOW)("run-1", "guard"):
            pass

    assert [span.name for span in exporter.get_finished_spans()] == ["duty guard"]
