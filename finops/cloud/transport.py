"""The one connection pool, whose reads keep to the deadline of their call: a server that drips cannot hold us."""

from __future__ import annotations

import http.client
import io
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry

_reading = threading.local()


@contextmanager
def reading_until(seconds: float) -> Iterator[None]:
    """Every socket read of this thread inside the block ends within `seconds` (real time) altogether."""
    _reading.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _reading.until = None


class _Timed(io.RawIOBase):
    """A socket's bytes, refused once the deadline is over. A plain read timeout starts anew with every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        until = getattr(_reading, "until", None)
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the call's deadline is over")
            own = self._sock.gettimeout()
            self._sock.settimeout(left if own is None else min(own, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock))


class _HTTPConnection(HTTPConnection):
    response_class = _TimedResponse


class _HTTPSConnection(HTTPSConnection):
    response_class = _TimedResponse


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    """requests' adapter with our connections and without retries of its own."""

    def __init__(self, connections: int) -> None:
        super().__init__(
            pool_connections=8,
            pool_maxsize=connections,
            max_retries=Retry(total=False, redirect=False, raise_on_status=False),
        )

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager


def new_session(connections: int, local: bool) -> requests.Session:
    """A session with room for `connections` at once; a local server is never asked through a proxy."""
    session = requests.Session()
    adapter = _Adapter(connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.trust_env = not local
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # threads share it; Azure's API needs none
    return session


def shared_transport(session: requests.Session) -> RequestsTransport:
    """`session` as the transport of every SDK client; closing a client leaves it open."""
    # requests heeds it only where it heeds proxies too, and those a local server is never asked through
    trusted = os.environ.get("REQUESTS_CA_BUNDLE") or True
    return RequestsTransport(
        session=session, session_owner=False, connection_data_block_size=65536, connection_verify=trusted
    )


class _Unsigned(logging.Filter):
    """Takes query strings out of urllib3's debug lines: a blob's address carries its signature there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


_UNSIGNED = _Unsigned()


def quiet_logs() -> None:
    """Keep signatures out of the log, whatever its level, and the SDK's remarks off the screen."""
    logging.getLogger("urllib3.connectionpool").addFilter(_UNSIGNED)  # adding it again changes nothing
    azure = logging.getLogger("azure")
    if not azure.handlers:  # else its warnings about what we retry anyway go to stderr when logging is not set up
        azure.addHandler(logging.NullHandler())
