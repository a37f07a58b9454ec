"""Azure's Instance Metadata Service: what it announces for this very machine. Answers are checked, never trusted.

https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events, api-version 2020-07-01. The first request may
take 2 minutes; an announcement may vanish (called off), or begin as "Started" (the hardware failed). It lists what is
announced for all machines of a scale set, so that `Resources` must be held against the own name.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from finops.checkpoint.notices.notice import Notice

ADDRESS = "http://169.254.169.254"
EVENTS = "/metadata/scheduledevents?api-version=2020-07-01"
INSTANCE = "/metadata/instance/compute?api-version=2021-02-01"
MOST = 1 << 20  # bytes of an answer
# Those after which this process is not there any more. Freeze only pauses it.
FATAL = {
    "preempt": "Azure takes this node back (Preempt)",
    "terminate": "this node is deleted (Terminate)",
    "reboot": "this node is restarted (Reboot)",
    "redeploy": "this node is moved (Redeploy)",
}


class NoAnswer(Exception):
    """None came, or one that says nothing."""


@dataclass(frozen=True)
class Node:
    """This machine. names: in lower case, by which announcements may call it; empty where it is not known."""

    names: frozenset[str] = frozenset()
    size: str = ""
    region: str = ""


def asked(address: str, path: str, connect: float, read: float) -> Any:
    """The JSON at `path`, asked of `address` itself: no proxy, no redirect is followed. Raises NoAnswer.

    connect, read: seconds.
    """
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    try:
        place = urlsplit(address)
        connection = HTTPConnection(place.hostname or "", place.port or 80, timeout=connect)
        connection.connect()
    except (OSError, ValueError) as fault:
        raise NoAnswer(str(fault)) from fault
    try:
        connection.sock.settimeout(read)
        connection.request("GET", path, headers={"Metadata": "true"})
        answer = connection.getresponse()
        body = answer.read(MOST + 1)
    except (OSError, HTTPException) as fault:
        raise NoAnswer(f"{type(fault).__name__}: {fault}") from fault
    finally:
        connection.close()
    if answer.status != 200 or len(body) > MOST:
        raise NoAnswer(f"HTTP {answer.status}, {len(body)} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as fault:  # also what is no UTF-8, and brackets within brackets
        raise NoAnswer(f"no JSON: {fault}") from fault


def node_of(told: Any) -> Node:
    """This machine, as the service tells; without names where it does not."""
    if not isinstance(told, dict):
        return Node()
    profile = told.get("osProfile")
    computer = profile.get("computerName") if isinstance(profile, dict) else None
    names = [_text(told.get("name")), _text(computer)]
    if any(names):
        with contextlib.suppress(OSError):
            names.append(socket.gethostname())
    return Node(
        frozenset(name.lower() for name in names if name), _text(told.get("vmSize")), _text(told.get("location"))
    )


def announced(told: Any, node: Node, now: float) -> list[Notice]:
    """What `told` announces for `node`. Raises NoAnswer where it is no such document.

    An event that lists other machines is none of ours; one that lists none, or whose moment cannot be read, may be.
    """
    events = told.get("Events") if isinstance(told, dict) else None
    if not isinstance(events, list):
        raise NoAnswer("an answer without a list of events")
    found = []
    for event in events:
        kind = _text(event.get("EventType")).lower() if isinstance(event, dict) else ""
        if kind not in FATAL or _text(event.get("EventStatus")).lower() in {"completed", "canceled", "cancelled"}:
            continue
        if node.names and (called := _called(event.get("Resources"))) and not called & node.names:
            continue
        key = _text(event.get("EventId")) or kind
        found.append(Notice(f"event {key}", FATAL[kind], now, now + _seconds_to(event)))
    return found


def _called(resources: Any) -> set[str]:
    """Names; what comes as an ARM id is called by its end."""
    listed: Iterable[Any] = resources if isinstance(resources, list) else []
    return {one.rpartition("/")[2].lower() for one in listed if isinstance(one, str) and one}


def _seconds_to(event: dict[str, Any]) -> float:
    """0 where it has begun, and where its moment cannot be read."""
    from email.utils import parsedate_to_datetime

    if _text(event.get("EventStatus")).lower() == "started":
        return 0.0
    try:
        return max(0.0, parsedate_to_datetime(_text(event.get("NotBefore"))).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
