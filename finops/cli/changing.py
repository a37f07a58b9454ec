"""What commands that change Azure share: who runs them, and that a recording cannot be changed."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.cli.session import Session


def who(command: str) -> str:
    """As the audit trail names the person at the keyboard."""
    try:
        return f"{getpass.getuser()}, by {command}"
    except (OSError, KeyError):  # a container whose user has no name
        return command


def refuse_recording(session: Session, command: str) -> None:
    if session.estate:
        raise UsageError(
            "--estate was given: a recording cannot be changed.",
            f"Serve it with `finops simulate serve DIR` and give --azure to `{command}`.",
        )
