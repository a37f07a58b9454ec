"""The ping of a watcher outside: asked after each good cycle, so that our silence is noticed by somebody else.

Any service will do that alerts where an address was not asked for a while, such as https://healthchecks.io.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import requests
from pydantic import SecretStr

from finops.config.strict import LOOPBACK
from finops.errors import FinopsError

from . import logs

TIMEOUT = 10.0  # seconds to connect, and for each part of the answer's head; its body is not read
EVERY = 60.0  # seconds between two pings


def _log(why: str) -> None:
    if why:
        logs.logger().warning("the watcher outside cannot be told that all is well", why=why)
    else:
        logs.logger().info("the watcher outside is told again that all is well")


class Ping:
    """One address. `counts`: how many were sent, and how many failed, since it began. `why`: the last one failed."""

    def __init__(
        self,
        url: SecretStr | str | None,
        *,
        every: float = EVERY,
        timeout: float = TIMEOUT,
        monotonic: Callable[[], float] = time.monotonic,
        told: Callable[[str], None] = _log,
    ) -> None:
        """told: why it fails, once it does; "" once it does no more."""
        self.counts: Counter[str] = Counter()
        self.why = ""
        self._url = SecretStr(url) if isinstance(url, str) else url
        self._every, self._timeout, self._monotonic, self._told = every, timeout, monotonic, told
        self._thread: threading.Thread | None = None
        self._next = 0.0

    def send(self) -> threading.Thread | None:
        """Ask the address in a thread that nobody waits for; None where one is still at it, or it was just asked."""
        now = self._monotonic()
        if self._url is None or now < self._next or self.under_way():
            return None
        self._next = now + self._every
        self._thread = threading.Thread(target=self._ask, name="ping", daemon=True)
        self._thread.start()
        return self._thread

    def under_way(self, seconds: float = 0.0) -> bool:
        """Whether one still is, after so many seconds of waiting for it."""
        if self._thread is not None and seconds:
            self._thread.join(seconds)
        return self._thread is not None and self._thread.is_alive()

    def _ask(self) -> None:
        try:
            # Read for each ping: it may have been rotated, and a vault may have to be asked for it.
            why = self._answered(self._url.get_secret_value().strip()) if self._url is not None else ""
        except FinopsError as fault:
            why = fault.what
        except (requests.RequestException, ValueError) as fault:
            why = type(fault).__name__  # its words hold the address, which is a secret
        self.counts["failed" if why else "sent"] += 1
        failed, self.why = bool(self.why), why
        if bool(why) != failed:
            self._told(why)

    def _answered(self, url: str) -> str:
        """Why it did not; "" where it said yes."""
        parts = urlsplit(url)
        here = parts.hostname in LOOPBACK
        if parts.scheme != "https" and not (parts.scheme == "http" and here):
            return "daemon.ping_url does not begin with https://"
        with requests.Session() as session:
            session.headers["User-Agent"] = "aml-finops"
            session.trust_env = not here  # a proxy is for what is far away
            # A redirect could lead anywhere: it counts as a failure.
            with session.get(url, timeout=self._timeout, allow_redirects=False, stream=True) as answer:
                return "" if 200 <= answer.status_code < 300 else f"it answered {answer.status_code}"
