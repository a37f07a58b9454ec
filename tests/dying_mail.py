"""A process that delivers what is in an outbox, to be killed at any moment by whoever started it."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from forking import obey

from finops.cloud import connect
from finops.cloud.retry import Time
from finops.config.mailing import MailSettings
from finops.config.model import AzureSettings
from finops.mail import Post
from finops.mail.acs import Acs
from finops.mail.graphmail import GraphMail
from finops.mail.server import Server  # loaded before the forks
from finops.mail.transport import Transport
from finops.state import State

JSON = dict[str, Any]
WAITS = Time(time.monotonic, lambda: datetime.now(UTC), lambda seconds: time.sleep(0.002), random.random)
assert Server


def work(order: JSON) -> str:
    settings = MailSettings.model_validate(order["settings"])
    with State.open(order["state"]) as state, ExitStack() as stack:
        ways: dict[str, Transport] | None = None
        if order["endpoint"]:
            azure = stack.enter_context(connect(AzureSettings(endpoint=order["endpoint"]), time=WAITS))
            ways = {"mail": (GraphMail if settings.transport == "graph" else Acs)(settings, lambda: azure)}
        return str(Post(state, settings).deliver(datetime.fromisoformat(order["now"]), ways))


if __name__ == "__main__":
    obey(work)
