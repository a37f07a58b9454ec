"""Requests whose saving the last report counted with something else, so that a page adds up as the report does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.state import State

_PLACE = "report/counted-with"


def keep_counted(state: State, named: Mapping[int, str], now: datetime) -> None:
    """named: by the number of a finding, with what the report counts what it saves."""
    state.keep(_PLACE, {str(number): name for number, name in named.items()}, now)


def counted_with(state: State) -> dict[int, str]:
    """As it was kept last."""
    return {int(number): name for number, name in state.kept(_PLACE).get(_PLACE, {}).items()}
