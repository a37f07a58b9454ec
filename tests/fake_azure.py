"""A small HTTP server that answers as it is told and remembers what it was asked; and a clock that never waits."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from finops.cloud import Azure, connect
from finops.cloud.retry import Time
from finops.config.model import AzureSettings


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    peer: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """`fault`: "" to answer; "reset" to drop the connection unanswered; "cut" to stop in mid-body; "stall" to say
    nothing; "drip" to send a byte at a time; "endless" to send the body for ever."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""


Answer = Reply | Callable[[Asked], Reply]


def ok(body: Any, **headers: str) -> Reply:
    return Reply(200, body, _named(headers))


def error(status: int, code: str, message: str = "no", **headers: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}}, _named(headers))


def fault(kind: str) -> Reply:
    return Reply(fault=kind)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class FakeAzure:
    """`on(...)` says what to answer: replies are used in order, the last one again and again. Text "{url}" in a body
    or header becomes the server's address."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._replies: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        fake = self

        class Talk(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def _answer(self) -> None:
                fake.answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *args: object) -> None:
                pass  # connections end on purpose here

        self._server = Server(("127.0.0.1", 0), Talk)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeAzure:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def on(self, method: str, path: str, *replies: Answer) -> FakeAzure:
        self._replies[method, path.lower()] = list(replies)
        return self

    def count(self, method: str = "", path: str = "") -> int:
        return sum(1 for a in self.asked if a.method.startswith(method) and path.lower() in a.path.lower())

    def answer(self, talk: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(talk.path)
        body = talk.rfile.read(int(talk.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in talk.headers.items()}
        asked = Asked(talk.command, unquote(parts.path), unquote(parts.query), headers, body, str(talk.client_address))
        with self._lock:
            self.asked.append(asked)
            replies = self._replies.get((asked.method, asked.path.lower()))
            reply: Answer
            if replies is None:
                reply = error(404, "ResourceNotFound", f"nothing at {asked.path}")
            else:
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if callable(reply):
            reply = reply(asked)
        self._send(talk, reply)

    def _send(self, talk: BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply.fault == "reset":
            talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            talk.close_connection = True
            talk.connection.close()
            return
        if reply.fault == "stall":
            self.stopping.wait(30)
            talk.close_connection = True
            return
        body = reply.body
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        raw = raw.replace(b"{url}", self.url.encode())
        endless = reply.fault == "endless"
        talk.send_response_only(reply.status)  # without a Server and Date of its own
        headers = {"Content-Type": "application/json", **reply.headers}
        headers |= {"Transfer-Encoding": "chunked"} if endless else {"Content-Length": str(len(raw))}
        for name, value in headers.items():
            talk.send_header(name, value.replace("{url}", self.url))
        talk.end_headers()
        if endless:
            self._endless(talk, raw)
        elif reply.fault == "cut":
            talk.wfile.write(raw[: len(raw) // 2])
            talk.close_connection = True
        elif reply.fault == "drip":
            for byte in raw:
                talk.wfile.write(bytes([byte]))
                talk.wfile.flush()
                if self.stopping.wait(0.1):
                    break
        else:
            talk.wfile.write(raw)

    def _endless(self, talk: BaseHTTPRequestHandler, raw: bytes) -> None:
        chunk = b"%x\r\n%s\r\n" % (len(raw), raw)
        while not self.stopping.is_set():
            talk.wfile.write(chunk)


class StillTime:
    """A clock that moves only when somebody sleeps, and remembers how long."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds
            self.slept.append(seconds)

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 6, 0, tzinfo=UTC) + timedelta(seconds=self.seconds)

    @property
    def time(self) -> Time:
        return Time(lambda: self.seconds, self.now, self.sleep, lambda: 0.0)


def connected(fake: FakeAzure, clock: StillTime | None = None, **options: Any) -> Azure:
    """The gateway, pointed at `fake`; it waits on `clock` and not in earnest."""
    names = set(AzureSettings.model_fields)
    settings = AzureSettings(endpoint=fake.url, **{k: v for k, v in options.items() if k in names})
    return connect(
        settings,
        time=(clock or StillTime()).time,
        **{k: v for k, v in options.items() if k not in names},
    )


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.005)
