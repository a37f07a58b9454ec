"""Which settings a command works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import Event, Thread
from time import monotonic

import pytest

from finops.cli.session import PATIENCE, Session, told_time
from finops.errors import TemporaryError


def test_a_recorded_estate_says_that_its_own_charges_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "finops.yaml"
    config.write_text("charges: {sources: [/exports/costs]}\n")

    settings = Session(config=config, estate=tmp_path / "estate").settings

    assert settings.charges.sources == [str(tmp_path / "estate" / "charges")]
    assert "not charges.sources (/exports/costs)" in capsys.readouterr().err


def test_without_sources_there_is_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "finops.yaml"
    config.write_text("report: {organisation: Contoso}\n")

    settings = Session(config=config, estate=tmp_path / "estate").settings

    assert settings.charges.sources == [str(tmp_path / "estate" / "charges")]
    assert capsys.readouterr().err == ""


@contextmanager
def slow(after: float) -> Iterator[str]:
    """A simulator's clock that answers each request only so many seconds after it came."""
    over = Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            over.wait(after)
            with suppress(OSError):  # who asked may have gone
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"now": "2026-11-18T06:00:00+00:00"}')

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        over.set()
        server.shutdown()


def test_a_simulator_that_is_slow_to_say_what_time_it_is_is_waited_for() -> None:
    # Longer than a busy machine with a browser takes for the first answer: it took more than 5 seconds.
    with slow(6) as endpoint:
        assert told_time(endpoint) == datetime(2026, 11, 18, 6, tzinfo=UTC)


def test_where_nothing_listens_nobody_waits() -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        began = monotonic()

        with pytest.raises(TemporaryError, match="Nothing answers at"):
            told_time(endpoint)

    assert monotonic() - began < PATIENCE / 2


def test_what_never_answers_is_given_up() -> None:
    with slow(600) as endpoint, pytest.raises(TemporaryError, match=r"Nothing answers at .* \(timed out\)"):
        told_time(endpoint, patience=0.5)
