"""Serve an estate folder on 127.0.0.1: in a thread for tests and commands, or until Ctrl-C for people."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from finops.errors import FinopsError, UsageError
from finops.simulator.store import Json

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    from finops.simulator.app import App
    from finops.simulator.faults import Faults
    from finops.simulator.world import World

Limited = bool | Literal["simulated"]


@dataclass(frozen=True)
class Served:
    """A simulator that answers at `url`."""

    url: str
    app: App

    @property
    def world(self) -> World:
        return self.app.world

    @property
    def faults(self) -> Faults:
        return self.app.faults

    @property
    def requests(self) -> MutableSequence[Json]:
        """What was asked, oldest first: method, path, query, status, principal, fault."""
        return self.app.requests


def app_of(
    folder: Path,
    clock: str = "frozen",
    faults: Path | Json | list[Json] | None = None,
    roles: Path | Json | list[Json] | None = None,
    limits: Limited = False,
    page_size: int | None = None,
    retry_after: int = 1,
    polls: int = 1,
) -> App:
    """The ASGI application of `folder`'s estate; arguments as for `serving`."""
    from finops.simulator.app import App
    from finops.simulator.faults import Faults, rules_of
    from finops.simulator.limits import Limits
    from finops.simulator.rbac import rbac_of
    from finops.simulator.world import World

    world = World.load(folder, speed_of(clock))
    now = (lambda: world.clock.now().timestamp()) if limits == "simulated" else time.monotonic if limits else None
    rules = [] if faults is None else rules_of(faults)
    return App(world, Faults(rules), rbac_of(roles), Limits(now), page_size, retry_after, polls)


@contextmanager
def serving(
    folder: Path,
    port: int = 0,
    clock: str = "frozen",
    faults: Path | Json | list[Json] | None = None,
    roles: Path | Json | list[Json] | None = None,
    limits: Limited = False,
    page_size: int | None = None,
    retry_after: int = 1,
    polls: int = 1,
) -> Iterator[Served]:
    """Serve `folder` from a thread while the block runs.

    port: 0 takes a free one
    clock: "frozen" (moved by hand), "live", or "fast:3600" (simulated seconds a real second)
    faults, roles: a JSON file or what it would hold, see faults.py and rbac.py
    limits: Azure's rate limits, by the real clock, or by the simulated one with "simulated"
    page_size: items a page, in place of Azure's own sizes
    retry_after: seconds that a long-running operation asks its callers to wait (Azure: 10 to 30)
    polls: how often an operation answers "not yet" before it is done, should its time not be over sooner
    """
    app = app_of(folder, clock, faults, roles, limits, page_size, retry_after, polls)
    listener = _listener(port)
    server = _server(app)
    thread = threading.Thread(target=server.run, args=([listener],), name="simulator", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise FinopsError("The simulator did not start.", "See the messages above.")
            time.sleep(0.002)
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
    finally:
        server.stop()
        thread.join(10)
        listener.close()


def serve_until_stopped(app: App, port: int, ready: Any) -> None:
    """Serve in this thread until Ctrl-C; `ready(url)` is called once the port is taken."""
    listener = _listener(port)
    ready(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = _server(app)
    try:
        server.run([listener])
    except KeyboardInterrupt:
        return
    finally:
        listener.close()


def speed_of(clock: str) -> float:
    """Simulated seconds a real second: 0 for "frozen", 1 for "live", N for "fast:N"."""
    kind, _, number = clock.partition(":")
    if kind in {"frozen", "live"} and not number:
        return {"frozen": 0.0, "live": 1.0}[kind]
    try:
        speed = float(number)
    except ValueError:
        speed = -1
    if kind != "fast" or not 0 < speed <= 1e6:
        raise UsageError(f"'{clock}' is no way for a clock to go.", "Say frozen, live or fast:N, such as fast:3600.")
    return speed


def _listener(port: int) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY on what it accepts; without, each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as fault:
        listener.close()
        raise FinopsError(f"Port {port} cannot be used: {fault.strerror}.", "Choose another with --port.") from fault
    listener.listen(128)
    return listener


def _server(app: App) -> _Server:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Wire(H11Protocol):
        """HTTP/1.1 whose connection a fault may break."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.app_state = {**self.app_state, "transport": transport}

    class Server(uvicorn.Server):
        """uvicorn that stops when told, not at its next look at the clock, and waits for no idle connection."""

        async def main_loop(self) -> None:
            self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
            if not self.should_exit:
                await self._stopped.wait()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            for server in self.servers:
                server.close()
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)

        def handle_exit(self, sig: int, frame: Any) -> None:
            super().handle_exit(sig, frame)
            self.stop()

        def stop(self) -> None:
            self.should_exit = True
            if self.started:
                self._loop.call_soon_threadsafe(self._stopped.set)

    # A connection that a fault broke off is no error of the server's.
    logging.getLogger("uvicorn.error").addFilter(_expected)
    config = uvicorn.Config(
        app,
        http=Wire,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=60,
    )
    return Server(config)


class _Server(Protocol):
    started: bool

    def run(self, sockets: list[socket.socket]) -> None: ...

    def stop(self) -> None: ...


def _expected(record: logging.LogRecord) -> bool:
    return "ASGI callable returned without" not in record.getMessage()
