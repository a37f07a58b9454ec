"""What the daemon logs."""

from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from finops.config.model import Settings, WebSettings
from finops.config.secrets import LiveSecret
from finops.daemon import logs

SECRET = 'hunter2/"quoted"+x='


def settings() -> Settings:
    return Settings.model_validate({"web": {"secret_key": SECRET}})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_line_with_time_level_run_job_and_message():
    out = io.StringIO()
    with logs.begun(stream=out), logs.of_run("r-1", "sweep"):
        logs.logger().info("sweep ended", findings=12, saved=Decimal("12.50"), at=datetime(2026, 11, 23, tzinfo=UTC))

    (line,) = lines(out)
    assert list(line)[:5] == ["time", "level", "run", "job", "message"]
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "info", "run": "r-1", "job": "sweep", "message": "sweep ended", "findings": 12, "saved": "12.50",
        "at": "2026-11-23T00:00:00+00:00",
    }  # fmt: skip


def test_other_libraries_and_warnings_speak_json_too():
    out = io.StringIO()
    with warnings.catch_warnings(), logs.begun(stream=out), logs.of_run("r-1", "guard"):
        warnings.simplefilter("always")
        logging.getLogger("uvicorn.error").warning("slow %s", "client", extra={"seconds": 4})
        warnings.warn("this ends in 2027", DeprecationWarning, stacklevel=1)

    first, second = lines(out)
    assert (first["message"], first["level"], first["run"], first["seconds"]) == ("slow client", "warning", "r-1", 4)
    assert "this ends in 2027" in second["message"]


def test_a_traceback_is_a_field_of_its_line():
    out = io.StringIO()
    with logs.begun(stream=out):
        try:
            raise ValueError("two\nlines")
        except ValueError:
            logs.logger().exception("sweep failed")

    (line,) = lines(out)
    assert (line["message"], line["level"]) == ("sweep failed", "error")
    assert "ValueError: two\nlines" in line["exception"]


def test_what_ended_a_thread_is_logged():
    out = io.StringIO()
    with logs.begun(stream=out):
        thread = threading.Thread(target=lambda: 1 / 0, name="beside")
        thread.start()
        thread.join()

    (line,) = lines(out)
    assert (line["message"], line["thread"]) == ("a thread ended by a fault", "beside")
    assert "ZeroDivisionError" in line["exception"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_of_the_settings_is_printed_in_any_form(form: logs.Form):
    out = io.StringIO()
    with logs.begun(settings(), stream=out, form=form):
        log = logs.logger()
        log.info(f"signed with {SECRET}", about={SECRET: [SECRET]}, fault=ValueError(SECRET), repr=repr({"k": SECRET}))
        log.info("asked https://x/?a=hunter2%2F%22quoted%22%2Bx%3D", header="Basic aHVudGVyMi8icXVvdGVkIit4PQ==")
        logging.getLogger("azure").warning("sent %s", json.dumps(SECRET))
        try:
            raise OSError(SECRET)
        except OSError:
            log.exception("failed")

    said = out.getvalue()
    assert "failed" in said
    assert [part for part in ("hunter2", "quoted", "aHVudGVyMi8") if part in said] == []


def test_what_looks_like_a_secret_is_left_out_though_nobody_named_it():
    out = io.StringIO()
    with logs.begun(stream=out):
        log = logs.logger()
        log.info("GET https://a.blob.core.windows.net/c?sv=1&sig=abcDEF123", password="open sesame", tokens=12)
        log.info("state is postgresql://finops:sesame@db/finops", header="Bearer abcdefghijklmnopqrstuvwxyz")

    first, second = lines(out)
    assert first["message"].endswith("&sig=(redacted)")
    assert (first["password"], first["tokens"]) == ("(redacted)", 12)
    assert "sesame" not in second["message"]
    assert "abcdefghij" not in second["header"]


def test_a_secret_that_was_rotated_stays_one():
    out = io.StringIO()
    with logs.begun(settings(), stream=out) as redactor:
        redactor.learn(["newer-key"])
        logs.logger().info(f"{SECRET} became newer-key")

    assert lines(out)[0]["message"] == "(redacted) became (redacted)"


def test_a_secret_that_is_read_anew_is_left_out_from_its_first_use_on():
    values = iter(("first-value", "second-value"))
    secret = LiveSecret(lambda: next(values), far=True)
    live = Settings.model_construct(web=WebSettings.model_construct(secret_key=secret))
    out = io.StringIO()
    with logs.begun(live, stream=out):
        for _ in range(2):
            logs.logger().info(f"used {secret.get_secret_value()}")
        logs.logger().info("it was first-value")

    assert [line["message"] for line in lines(out)] == ["used (redacted)", "used (redacted)", "it was (redacted)"]


def test_a_terminal_gets_text_and_a_name_moves_no_cursor():
    out = Terminal()
    with logs.begun(stream=out), logs.of_run("r-1", "guard"):
        logs.logger().warning("kept", name="evil\x1b[2J\nlevel=error")

    (line,) = out.getvalue().splitlines()
    assert "\x1b" not in line
    assert line[8:] == " warning guard kept name=evil [2J level=error (r-1)"


def test_what_cannot_be_told_costs_no_line():
    class Shy:
        def __str__(self) -> str:
            raise RuntimeError("not me")

    nested: list[Any] = []
    nested.append(nested)
    out = io.StringIO()
    with logs.begun(stream=out):
        logs.logger().info("odd", shy=Shy(), rate=float("nan"), nested=nested, text="x" * 100_000, half="\ud800")

    (line,) = lines(out)
    assert line["shy"] == "(Shy)"
    assert line["rate"] == "nan"
    assert len(line["text"]) < 9000
    assert "NaN" not in out.getvalue()


def test_a_log_that_cannot_be_written_ends_nothing():
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    with logs.begun(stream=Full()):
        logs.logger().error("nobody hears this")


def test_all_is_as_before_when_the_daemon_ends():
    root = logging.getLogger()
    before = (root.handlers[:], root.level, threading.excepthook)
    with logs.begun(stream=io.StringIO(), level="debug"):
        pass

    assert (root.handlers[:], root.level, threading.excepthook) == before
