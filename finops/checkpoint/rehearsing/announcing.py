"""Announcements of an eviction for a rehearsal: what Azure's metadata service would say, on 127.0.0.1, or SIGTERM."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

NAME = "rehearsal"
EVENT: dict[str, Any] = {
    "EventId": "rehearsed",
    "EventType": "Preempt",
    "ResourceType": "VirtualMachine",
    "Resources": [NAME],
    "EventStatus": "Scheduled",
    "NotBefore": "",
    "EventSource": "Platform",
}


class Service:
    """Answers as https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events tells, at `address`."""

    def __init__(self) -> None:
        self.announced = False
        service = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body: Any = {"name": NAME}
                if "scheduledevents" in self.path:
                    body = {"DocumentIncarnation": int(service.announced), "Events": [EVENT] * service.announced}
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Service:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
