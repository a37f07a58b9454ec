"""Serve an application over HTTP from a thread of this process, for as long as a block runs."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from finops.errors import FinopsError

MOST = 200  # connections at the same time; more are turned away with 503
PATIENCE = 10.0  # seconds for a whole request to come in; thrice that for a connection in all
ENDING = 5  # seconds that requests have to end when the daemon stops


@dataclass(frozen=True)
class Listener:
    """Where it is served: the port is the one that was taken where 0 was asked for."""

    host: str
    port: int

    @property
    def url(self) -> str:
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # not bound, only shown
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"


class Impatient(H11Protocol):
    """HTTP for whoever is quick. uvicorn waits for ever for a request: idle connections would use up all there are,
    and what asks whether we are healthy would be turned away."""

    patience = PATIENCE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._late = self.loop.call_later(self.patience, self._hurry)
        self._over = self.loop.call_later(3 * self.patience, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        self._over.cancel()
        super().connection_lost(exc)

    def _hurry(self) -> None:
        if self.cycle is None:
            self.transport.close()


@contextmanager
def serving(app: ASGIApp, listen: str, setting: str, patience: float = PATIENCE) -> Iterator[Listener]:
    """`app` at `listen`, "host:port" or "[address]:port". FinopsError naming `setting` where that cannot be had."""
    host, port = parted(listen)
    taken = bound(host, port, f"Set {setting} to another one.")
    config = uvicorn.Config(
        app,
        http=type("Protocol", (Impatient,), {"patience": patience}),
        log_config=None,  # as all else is logged
        log_level="warning",
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        access_log=False,
        limit_concurrency=MOST,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=ENDING,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([taken],), name=f"listens on {listen}", daemon=True)
    thread.start()
    try:
        yield Listener(host, taken.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(ENDING + 2)
        taken.close()


def parted(listen: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[address]:port"."""
    host, _, port = listen.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def bound(host: str, port: int, fix: str) -> socket.socket:
    """A socket that listens, so that whoever connects from now on is not refused. FinopsError that says `fix`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as fault:
        listener.close()
        raise FinopsError(f"{host} port {port} cannot be listened on: {fault.strerror or fault}.", fix) from fault
    return listener
