"""The ping of the watcher outside, over real HTTP on this machine."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr, ValidationError

from finops.config.daemon import DaemonSettings
from finops.daemon import logs
from finops.daemon.ping import Ping


class Watcher(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, status: int = 200, hold: threading.Event | None = None) -> None:
        asked: list[tuple[str, str]] = []

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers["User-Agent"]))
                if hold is not None:
                    hold.wait(90)
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Says nothing."""

        super().__init__(("127.0.0.1", 0), Answers)
        self.asked = asked
        self.url = f"http://127.0.0.1:{self.server_port}/ping/6b1d-secret"


@contextmanager
def watching(status: int = 200, hold: threading.Event | None = None) -> Iterator[Watcher]:
    with Watcher(status, hold) as watcher:
        thread = threading.Thread(target=watcher.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield watcher
        finally:
            watcher.shutdown()
            thread.join()


def sent(ping: Ping) -> None:
    thread = ping.send()
    assert thread is not None
    thread.join(90)


def test_the_watcher_is_asked_after_a_good_cycle():
    with watching() as watcher:
        ping = Ping(watcher.url)
        sent(ping)

    assert watcher.asked == [("/ping/6b1d-secret", "aml-finops")]
    assert ping.counts == {"sent": 1}


def test_it_is_asked_no_oftener_than_once_a_minute():
    seconds = [100.0]
    with watching() as watcher:
        ping = Ping(watcher.url, monotonic=lambda: seconds[0])
        sent(ping)
        seconds[0] = 159.9
        again = ping.send()
        seconds[0] = 160.0
        sent(ping)

    assert again is None
    assert len(watcher.asked) == 2


def test_a_watcher_that_hangs_holds_nothing_up_and_is_not_asked_twice():
    hold = threading.Event()
    with watching(hold=hold) as watcher:
        ping = Ping(watcher.url, every=0, timeout=60)
        first, second = ping.send(), ping.send()
        under_way = ping.under_way()  # so that nobody waited for its answer
        hold.set()
        assert first is not None
        first.join(90)

    assert (under_way, second) == (True, None)
    assert len(watcher.asked) == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_what_is_no_success_is_a_failure_and_a_redirect_leads_nowhere(status: int):
    out = io.StringIO()
    with watching(status) as watcher, logs.begun(stream=out):
        ping = Ping(watcher.url)
        sent(ping)

    assert len(watcher.asked) == 1
    assert ping.counts == {"failed": 1}
    assert f"it answered {status}" in out.getvalue()


def test_its_address_is_never_logged_and_a_failure_is_said_once():
    out = io.StringIO()
    with logs.begun(stream=out):
        ping = Ping("http://127.0.0.1:9/ping/6b1d-secret", every=0)
        sent(ping)
        sent(ping)

    assert ping.counts == {"failed": 2}
    assert len(out.getvalue().splitlines()) == 1
    assert "6b1d" not in out.getvalue()


def test_an_address_that_was_rotated_is_asked_from_then_on():
    class Rotated(SecretStr):
        def get_secret_value(self) -> str:
            return next(urls)

    with watching() as before, watching() as after:
        urls = iter((before.url, after.url))
        ping = Ping(Rotated(""), every=0)
        sent(ping)
        sent(ping)

    assert (len(before.asked), len(after.asked)) == (1, 1)


def test_an_address_that_a_vault_gave_is_asked_only_over_https():
    out = io.StringIO()
    with logs.begun(stream=out):
        sent(Ping("http://hc-ping.com/6b1d-secret"))

    assert "does not begin with https" in out.getvalue()
    assert "6b1d" not in out.getvalue()


def test_nobody_is_asked_where_no_address_is_set():
    assert Ping(None).send() is None


@pytest.mark.parametrize(
    "url", ["http://hc-ping.com/6b1d", "ftp://x/6b1d", "https://", "https://user:pw@x/6b1d", "https://x/6b 1d", "6b1d"]
)
def test_an_address_that_is_not_safe_is_refused_and_not_repeated(url: str):
    with pytest.raises(ValidationError) as refused:
        DaemonSettings.model_validate({"ping_url": url})

    said = refused.value.errors(include_input=False, include_url=False)[0]["msg"]
    assert "6b1d" not in said


@pytest.mark.parametrize("url", ["https://hc-ping.com/6b1d", "http://127.0.0.1:8000/ping", "http://[::1]:8000/"])
def test_an_address_that_is_safe_is_taken(url: str):
    found = DaemonSettings.model_validate({"ping_url": url}).ping_url

    assert found is not None
    assert found.get_secret_value() == url


@pytest.mark.parametrize("listen", ["9464", ":9464", "localhost", "::1:9464", "127.0.0.1:x", "127.0.0.1:70000"])
def test_where_to_listen_is_an_address_and_a_port(listen: str):
    with pytest.raises(ValidationError):
        DaemonSettings.model_validate({"listen": listen})
