"""What systemd is told: ready, stopping, what is going on, and that we live. Nothing, where nobody asked to be told."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

# A datagram is sent or it is not; only a full queue of systemd could hold us up, and it gets no longer than this.
SECONDS = 1.0
LONGEST = 400  # characters of a status


@dataclass(frozen=True)
class Notifier:
    """Speaks to $NOTIFY_SOCKET (https://www.freedesktop.org/software/systemd/man/sd_notify.html). Never raises.

    watchdog_seconds: silence for longer than this gets us killed and started again; None: nobody watches
    """

    address: str = ""
    watchdog_seconds: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str] | None = None) -> Notifier:
        """As the environment says. A watchdog that is meant for another process is not ours."""
        given = os.environ if environ is None else environ
        microseconds = given.get("WATCHDOG_USEC", "")
        ours = given.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        seconds = int(microseconds) / 1e6 if ours and microseconds.isascii() and microseconds.isdigit() else 0.0
        return cls(given.get("NOTIFY_SOCKET", ""), seconds or None)

    def ready(self, status: str = "") -> bool:
        return self._send("READY=1", *self._status(status))

    def stopping(self, status: str = "") -> bool:
        return self._send("STOPPING=1", *self._status(status))

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._send(*self._status(text))

    def alive(self) -> bool:
        """The watchdog's ping. Send it only while the work itself goes on."""
        return self._send("WATCHDOG=1")

    def _status(self, text: str) -> list[str]:
        # Each line is an assignment: a line break in a name must not become one.
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]
        return [f"STATUS={line}"] if line else []

    def _send(self, *assignments: str) -> bool:
        """Whether it was sent. `@name` is an abstract socket; vsock, of virtual machines, is not spoken."""
        if not assignments or self.address[:1] not in {"/", "@"}:
            return False
        where = self.address.encode("utf-8", "surrogateescape")
        where = b"\0" + where[1:] if where.startswith(b"@") else where
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(SECONDS)
            channel.sendto("\n".join(assignments).encode("utf-8", "replace"), where)
            return True
        return False
