"""What the guard owes: clusters that it deleted and has to make anew, and those that it could not let grow again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from finops.estate import Estate
from finops.estate.ids import key
from finops.estate.model import Json
from finops.jobs.guarding.acting import FROZEN, OWED
from finops.jobs.guarding.plan import Line

if TYPE_CHECKING:
    from finops.config.model import GuardSettings
    from finops.state import State


def lines(state: State, settings: GuardSettings) -> Iterator[Line]:
    """What stands first in every plan, until it is settled."""
    for owed in state.kept(OWED).values():
        since = str(owed.get("since") or "")[:16].replace("T", " ")
        on = f" on {since} UTC" if since else ""
        why = f"It was deleted{on} to be made anew with spot nodes, and is not there yet."
        yield line(owed, "owed", "make it anew as spot", why, settings.mode_of(owed["id"]), owed.get("last", ""))
    for name, frozen in state.kept(FROZEN).items():
        if frozen.get("stuck"):
            about = {"id": frozen.get("id") or name.removeprefix(FROZEN), **frozen}
            most = frozen["scale"].get("maxNodeCount")
            why = f"Its maximum is 0 nodes since the guard stopped it from growing; it was {most}."
            yield line(about, "thaw", "let it grow again", why, settings.mode_of(about["id"]), frozen["stuck"])


def missing(state: State, estate: Estate | None) -> Iterator[Json]:
    """What is owed and was tried in vain. estate: one that was read since; what is in it is not missing."""
    for owed in state.kept(OWED).values():
        there = estate.resources.get(key(owed["id"])) if estate else None
        if owed.get("last") and there is None:
            yield owed


def stuck(state: State) -> Iterator[Json]:
    """Clusters whose maximum we set to 0 and could not set back."""
    for name, frozen in state.kept(FROZEN).items():
        if frozen.get("stuck"):
            yield {"id": frozen.get("id") or name.removeprefix(FROZEN), **frozen}


def tried(state: State, kept: str, owed: Json, why: str, now: datetime) -> None:
    """Remember why it is still owed."""
    state.keep(kept, {**owed, "last": why}, now)


def line(about: Json, rule: str, action: str, why: str, mode: str, until: str) -> Line:
    """A line of the plan about something that is in no estate any more."""
    return Line(
        rule=rule,
        id=about["id"],
        mode=mode,
        action=action,
        why=why,
        status="due",
        until=until,
        owner=about["owner"],
        cost=None,
        saving=None,
        saving_says="",
        notes=(),
        change={},
        generation=about["generation"],
    )
