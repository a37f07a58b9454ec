"""What systemd is told, over real sockets."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path

import pytest

from finops.daemon.notify import Notifier


def listening(address: str) -> socket.socket:
    """A socket as systemd has it."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.settimeout(5)
    channel.bind("\0" + address[1:] if address.startswith("@") else address)
    return channel


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_hears_that_we_are_ready(kind: str, tmp_path: Path):
    address = str(tmp_path / "notify") if kind == "path" else f"@finops-{uuid.uuid4().hex}"
    with listening(address) as systemd:
        sent = Notifier.of({"NOTIFY_SOCKET": address}).ready("14 duties")

        assert sent
        assert systemd.recv(4096) == b"READY=1\nSTATUS=14 duties"


def test_it_hears_that_we_stop_and_that_we_live(tmp_path: Path):
    address = str(tmp_path / "notify")
    with listening(address) as systemd:
        notifier = Notifier(address)
        notifier.alive()
        notifier.stopping("finishes the sweep")

        assert [systemd.recv(4096), systemd.recv(4096)] == [b"WATCHDOG=1", b"STOPPING=1\nSTATUS=finishes the sweep"]


def test_a_name_with_line_breaks_is_no_assignment(tmp_path: Path):
    address = str(tmp_path / "notify")
    with listening(address) as systemd:
        Notifier(address).status("runs\nMAINPID=1\r\x1b[2J of guard")

        assert systemd.recv(4096) == b"STATUS=runs MAINPID=1 [2J of guard"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative", "/nowhere/at/all", "/" + "x" * 300])
def test_nothing_is_said_and_nothing_breaks_where_nobody_listens(address: str):
    assert not Notifier(address).ready()


def test_silence_is_measured_only_where_we_are_watched():
    ours = {"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}

    assert Notifier.of(ours).watchdog_seconds == 120
    assert Notifier.of({"WATCHDOG_USEC": "120000000"}).watchdog_seconds == 120
    assert Notifier.of(ours | {"WATCHDOG_PID": "1"}).watchdog_seconds is None
    assert Notifier.of({"WATCHDOG_USEC": "soon"}).watchdog_seconds is None
    assert Notifier.of({}).watchdog_seconds is None


def test_a_queue_that_is_full_does_not_hold_us_up(tmp_path: Path):
    address = str(tmp_path / "notify")
    with listening(address):
        notifier = Notifier(address)
        while notifier.alive():
            pass

        assert not notifier.alive()
