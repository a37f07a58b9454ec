"""The network between a client and Azurite: it loses answers, breaks off, holds back, and says that it is busy."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from azurite_service import Azurite

# pass: as it is. busy: 503. deleting: the container is about to go. cut: half of the request is read and the line dies.
# lost: it is done, and the answer is not heard. damaged: a byte of the answer's body is another.
Fate = Literal["pass", "busy", "deleting", "cut", "lost", "damaged"]


@dataclass(frozen=True)
class Asked:
    """One request. what: block, commit, put, mark, list, properties, read, delete."""

    what: str
    name: str


@dataclass
class Wire:
    """Where to ask, and what becomes of what is asked for."""

    address: str
    fate: Callable[[Asked], Fate] = lambda asked: "pass"
    heard: list[Asked] = field(default_factory=list)


@contextmanager
def wire_to(azurite: Azurite) -> Iterator[Wire]:
    """By Azurite's own certificate, so that whoever trusts it trusts this."""
    target = urlsplit(azurite.address)
    trusted = ssl.create_default_context(cafile=str(azurite.authority))

    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(OSError, ValueError):  # a line that the client has broken off
                super().handle_one_request()
                return
            self.close_connection = True

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):  # whatever the verb
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            asked = _asked(self.command, self.path, dict(self.headers))
            wire.heard.append(asked)
            fate, length = wire.fate(asked), int(self.headers.get("Content-Length") or 0)
            if fate == "cut":
                self.rfile.read(length // 2)
                self.hang_up()
                return
            body = self.rfile.read(length)
            if fate == "busy":
                self.give(503, {"x-ms-error-code": "ServerBusy"}, b"")
                return
            if fate == "deleting":
                self.give(409, {"x-ms-error-code": "ContainerBeingDeleted"}, b"")
                return
            onward = http.client.HTTPSConnection(target.hostname or "", target.port, context=trusted, timeout=30)
            try:
                onward.request(self.command, self.path, body, dict(self.headers))
                found = onward.getresponse()
                content, headers = found.read(), dict(found.getheaders())
            finally:
                onward.close()
            if fate == "lost":
                self.hang_up()
                return
            if fate == "damaged" and content:
                content = content[:-1] + bytes([content[-1] ^ 1])
            self.give(found.status, headers, content)

        def give(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            kept = {key: value for key, value in headers.items() if key.lower() not in _OF_THE_LINE}
            if self.command == "HEAD":
                kept |= {key: value for key, value in headers.items() if key.lower() == "content-length"}
            else:
                kept["Content-Length"] = str(len(content))
            for key, value in kept.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        def hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.daemon_threads = True
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(azurite.authority.parent / "server.pem", azurite.authority.parent / "server.key")
    server.socket = ours.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    wire = Wire(f"https://127.0.0.1:{server.server_port}{target.path}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()


_OF_THE_LINE = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


def _asked(verb: str, path: str, headers: dict[str, str]) -> Asked:
    parts = urlsplit(path)
    asked, name = parse_qs(parts.query), parts.path.rpartition("/")[2]
    kind = asked.get("comp", [""])[0]
    if verb == "PUT":
        what = {"block": "block", "blocklist": "commit", "metadata": "mark", "": "put"}.get(kind, kind)
        if asked.get("restype") == ["container"]:
            what = "container"
    else:
        what = {"GET": "list" if kind == "list" else "read", "HEAD": "properties", "DELETE": "delete"}.get(verb, verb)
    return Asked(what, name)
