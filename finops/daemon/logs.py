"""What the daemon logs: one JSON line an event, or plain text on a terminal; secrets are left out of either."""

from __future__ import annotations

import base64
import json
import logging
import math
import os
import sys
import threading
import traceback
import types
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, Literal
from uuid import UUID

import structlog
from pydantic import BaseModel, SecretStr

from finops.config.secrets import LiveSecret, seen
from finops.estate.redact import GONE, HARMLESS, INLINE, SECRET

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

Form = Literal["auto", "json", "text"]
LONGEST = 8000  # characters of one value; journald and Docker cut lines of 48 and 16 KB into pieces
DEEPEST = 6
MOST = 200  # items of one list or table
LEVELS = ("debug", "info", "warning", "error")
# These say a line for every call at info.
LOUD = ("azure", "urllib3", "msal", "httpx", "alembic", "schedule", "matplotlib", "opentelemetry")


def logger(name: str = "finops.daemon") -> Any:
    """Takes an event and its figures: log.info("sweep ended", findings=12)."""
    return structlog.stdlib.get_logger(name)


def of_run(run: str, job: str, **within: str) -> AbstractContextManager[Any]:
    """What is logged in the block, by this thread, names the run and its job.

    within: the ids of the span that it is in, where another process has that
    """
    return structlog.contextvars.bound_contextvars(run=run, job=job, **within)


@contextmanager
def begun(
    settings: BaseModel | None = None, *, form: Form = "auto", level: str = "info", stream: IO[str] | None = None
) -> Iterator[Redactor]:
    """Log to `stream` (stderr) while the block runs: ours, Python's warnings, other libraries', and what nobody caught.

    auto: text on a terminal, JSON elsewhere.  The Redactor that comes back can learn further secrets.
    """
    out = stream or sys.stderr
    redactor = Redactor(secrets_of(settings), live_of(settings)) if settings else Redactor()
    plain = form == "text" or (form == "auto" and out.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        traced,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            shaped,
            redactor,
            as_text if plain else as_json,
        ],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    with _routed(handler, level), _uncaught():
        yield redactor
    structlog.reset_defaults()


class Redactor:
    """Takes secrets out of an event: those it was told, what looks like one, and what lies under such a name.

    live: secrets that are read anew while the daemon runs; each value that was ever read is left out
    """

    def __init__(self, secrets: Iterable[str] = (), live: Iterable[LiveSecret] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        self._live = list(live)
        self._read = 0
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Leave these out, too, in the forms in which they go over a wire. What was one before, stays one."""
        self._known |= {form for secret in secrets if secret.strip() for form in _forms(secret)}

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        return {str(name): self.of(value, str(name)) for name, value in event.items()}

    def of(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """`value` as JSON takes it, bounded, without secrets."""
        letters = "".join(c for c in name.lower() if c not in "-_ .")
        if SECRET.search(letters) and not HARMLESS.match(letters) and not _is_a_figure(value):
            return GONE
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if depth < DEEPEST and isinstance(value, Mapping):
            return {self.text(str(key)): self.of(one, str(key), depth + 1) for key, one in [*value.items()][:MOST]}
        if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self.of(one, "", depth + 1) for one in [*value][:MOST]]
        if isinstance(value, datetime | date):
            return value.isoformat()
        return self.text(_said(value))

    def text(self, text: str) -> str:
        if (read := sum(len(secret.seen()) for secret in self._live)) != self._read:
            self._read = read
            self.learn(value for secret in self._live for value in secret.seen())
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, GONE)
        for pattern in INLINE:
            text = pattern.sub(rf"\1{GONE}", text)
        half = LONGEST // 2
        return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def secrets_of(settings: BaseModel) -> Iterator[str]:
    """Every secret that the settings hold, at any depth."""
    return (value for secret in _secrets(settings) for value in seen(secret))


def live_of(settings: BaseModel) -> Iterator[LiveSecret]:
    """Those of them that are read anew while we run."""
    return (secret for secret in _secrets(settings) if isinstance(secret, LiveSecret))


def shaped(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The fields that every line has, first: time, level, run, job, message."""
    first = {
        "time": event.pop("time", ""),
        "level": event.pop("level", ""),
        "run": event.pop("run", ""),
        "job": event.pop("job", ""),
        "message": event.pop("event", ""),
    }
    return {**first, **event}


def traced(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """With the ids of the span that goes on, where OpenTelemetry is at work."""
    if "opentelemetry.trace" in sys.modules:
        span = sys.modules["opentelemetry.trace"].get_current_span().get_span_context()
        if span.is_valid:
            event.update({"trace": f"{span.trace_id:032x}", "span": f"{span.span_id:016x}"})
    return event


def as_json(_logger: Any, _method: str, event: EventDict) -> str:
    return json.dumps(event, default=_said)


def as_text(_logger: Any, _method: str, event: EventDict) -> str:
    """One line for people, tracebacks below it. Names hold what people type: nothing of it moves the cursor."""
    rest = dict(event)
    time, level, run, job, said = (str(rest.pop(name)) for name in ("time", "level", "run", "job", "message"))
    trace = rest.pop("exception", "")
    more = [f"{name}={value}" for name, value in rest.items()]
    parts = [time[11:19], f"{level:<7}", job, said, *more, f"({run})" if run else ""]
    line = _visible(" ".join(part for part in parts if part))
    return "\n".join([line, *(_visible(one) for one in str(trace).splitlines())])


@contextmanager
def _routed(handler: logging.Handler, level: str) -> Iterator[None]:
    """Everything goes to `handler`; as it was before when the block is left."""
    root = logging.getLogger()
    handlers, root_level, raising = root.handlers[:], root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in LOUD}
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk under the log ends no duty
    try:
        yield
    finally:
        logging.raiseExceptions = raising
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(root_level)
        for name, was in levels.items():
            logging.getLogger(name).setLevel(was)


@contextmanager
def _uncaught() -> Iterator[None]:
    """What nobody caught is logged, too, whichever thread it ended."""
    kept = sys.excepthook, threading.excepthook, sys.unraisablehook

    def main(kind: type[BaseException], fault: BaseException, trace: types.TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            kept[0](kind, fault, trace)
        else:
            logger().error("nobody caught this", exc_info=(kind, fault, trace))

    def thread(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
            name = given.thread.name if given.thread else ""
            trace = (given.exc_type, given.exc_value, given.exc_traceback)
            logger().error("a thread ended by a fault", thread=name, exc_info=trace)

    def unraisable(given: Any) -> None:
        trace = (given.exc_type, given.exc_value, given.exc_traceback)
        logger().error(given.err_msg or "a fault where none can be raised", about=repr(given.object), exc_info=trace)

    sys.excepthook, threading.excepthook, sys.unraisablehook = main, thread, unraisable
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = kept


def _secrets(value: Any) -> Iterator[SecretStr]:
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, BaseModel):
        for _, one in value:
            yield from _secrets(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _secrets(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _secrets(one)


def _forms(secret: str) -> set[str]:
    """A secret as it is, as URLs, JSON, Python and HTTP's basic sign-in write it."""
    encoded = secret.encode("utf-8", "surrogateescape")
    return {
        secret,
        secret.strip(),
        urllib.parse.quote(encoded),
        urllib.parse.quote_plus(encoded),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(encoded).decode(),
    }


def _is_a_figure(value: Any) -> bool:
    """How many tokens, whether there is a key: no secret."""
    return value is None or isinstance(value, bool | int | float)


def _said(value: Any) -> str:
    """Of what we do not know, only what it is: telling it may fail, and tell too much."""
    if isinstance(value, BaseException):
        return "".join(traceback.format_exception_only(value)).strip()
    known = isinstance(value, str | PurePath | Decimal | timedelta | UUID | SecretStr)
    return str(value) if known else f"({type(value).__name__})"


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text.replace(os.linesep, " "))
