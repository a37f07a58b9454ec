"""Azure's metadata service on 127.0.0.1, as slow and as odd as it is told to be."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME = "train_0"


def event(kind: str = "Preempt", key: str = "E1", seconds: float = 30, **other: Any) -> dict[str, Any]:
    """As Microsoft documents it, `seconds` from now."""
    return {
        "EventId": key,
        "EventStatus": "Scheduled",
        "EventType": kind,
        "ResourceType": "VirtualMachine",
        "Resources": [NAME],
        "NotBefore": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True),
        "Description": "",
        "EventSource": "Platform",
        "DurationInSeconds": -1,
        **other,
    }


class Service:
    """What it answers: `events`; or the bytes `raw`; with `status` and `headers`; after `delay` seconds."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.instance: Any = {"name": NAME, "vmSize": "Standard_NC6s_v3", "location": "westeurope"}
        self.raw: bytes | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.delay = 0.0
        self.asked: list[tuple[str, str | None]] = []
        self.address = ""

    def answer(self, path: str) -> bytes:
        if "/instance/" in path:
            return json.dumps(self.instance).encode()
        return (
            self.raw if self.raw is not None else json.dumps({"DocumentIncarnation": 1, "Events": self.events}).encode()
        )

    def until_asked(self, more: int = 2) -> None:
        """Wait for so many more requests for events."""
        count = len(self.asked)
        until(lambda: len(self.asked) >= count + more)


@contextmanager
def serving() -> Iterator[Service]:
    service = Service()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "scheduledevents" in self.path:
                service.asked.append((self.path, self.headers["Metadata"]))
                time.sleep(service.delay)
            body = service.answer(self.path)
            with suppress(OSError):  # who asked waits no longer
                self.send_response(service.status if "scheduledevents" in self.path else 200)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until it holds; fail where it does not within a time that only a hung machine needs."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come to hold"
        time.sleep(0.005)
