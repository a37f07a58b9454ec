"""A process that delivers what is in an outbox, to be killed at any moment by whoever started it.

Started once; forks for every order that it reads, one JSON object a line. Answers first with the child's process id;
asked with another line, with its exit status.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import Any

from finops.config.mailing import MailSettings
from finops.mail import Post
from finops.mail.server import Server  # loaded before the forks
from finops.state import State

JSON = dict[str, Any]
assert Server


def work(order: JSON) -> None:
    settings = MailSettings.model_validate(order["settings"])
    with State.open(order["state"]) as state:
        done = Post(state, settings).deliver(datetime.fromisoformat(order["now"]))
    if os.environ.get("FINOPS_SAY"):
        sys.stderr.write(f"{done}\n")


def main() -> None:
    say("ready")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                work(json.loads(line))
            except BaseException:  # noqa: BLE001 - a forked child must not come back into the loop
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        say(str(child))
        sys.stdin.readline()  # until it is waited for, no other process can get its number
        _, status = os.waitpid(child, 0)
        say(str(os.waitstatus_to_exitcode(status)))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
