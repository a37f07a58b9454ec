"""Rehearse a rule on estates of the past, or on a simulated one whose clock is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from finops import janitor
from finops.approvals.workdays import Workdays
from finops.conditions.compiler import meant
from finops.errors import UsageError
from finops.janitor import Rule
from finops.janitor.rehearsal import Look, Rehearsal
from finops.janitor.rehearsal import rehearse as replay
from finops.jobs.sweeping.allowing import with_mode
from finops.jobs.sweeping.sweep import look

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings

# An estate of the past: what opens it, and what time it was then.
Past = tuple[AbstractContextManager["Azure"], datetime]


def rehearse(
    past: Iterable[Past],
    settings: Settings,
    name: str,
    step: Callable[[str], None] = lambda doing: None,
) -> Rehearsal:
    """What the rule would have done to each estate in turn. Changes and remembers nothing."""
    rule = current(settings, name)
    listed = with_mode(settings, [name], "list")  # one that is off can be rehearsed as well
    currencies: set[str] = set()

    def looks() -> Iterator[Look]:
        for opened, moment in past:
            step(f"Looking at {moment:%d %B %Y}")
            with opened as azure:
                seen = look(azure, listed, moment, None, only=[name])
            currencies.add(seen.currency)
            yield Look(seen.estate, seen.found)

    done = replay(looks(), rule, Workdays(settings.janitor).after)
    return replace(done, currency=currencies.pop() if len(currencies) == 1 else "")


def current(settings: Settings, name: str) -> Rule:
    """The rule of that name as the settings have it."""
    known = janitor.names(janitor.folders(settings))
    if name not in known:
        raise UsageError(f"There is no rule {name!r}.", f"Rules are {', '.join(known)}.{meant(name, known)}")
    return next(one for one in janitor.rules(janitor.folders(settings), settings.janitor) if one.name == name)
