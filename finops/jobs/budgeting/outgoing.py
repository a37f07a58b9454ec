"""Mails of budgets and of the watch: written down first, then put, then remembered as told.

Whoever is killed in between leaves the same mails again, and the outbox takes each only once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops import mail
from finops.errors import ConfigError
from finops.mail.naming import address_of

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

Json = dict[str, Any]
PLAN = {"letters", "keeps", "drops", "at"}
LETTER = {"kind", "to", "subject", "text", "html", "about", "thread"}


def leave(
    state: State,
    settings: Settings,
    name: str,
    letters: list[Json],
    keeps: Iterable[tuple[str, Any]],
    drops: Iterable[str],
    now: datetime,
) -> list[Json]:
    """Put the letters, then keep and drop what that changes; all of it or, after a kill, all of it by `finish`.

    name: where the plan is kept meanwhile, such as "budget/outgoing". A letter to what is no address is left out: see
    `misaddressed`.
    """
    letters, keeps, drops = [one for one in letters if _wrong_with(one) is None], list(keeps), list(drops)
    if not letters and not keeps and not drops:
        return []
    plan = {"letters": letters, "keeps": keeps, "drops": drops, "at": now.isoformat()}
    state.keep(name, plan, now)
    return finish(state, settings, name)


def finish(state: State, settings: Settings, name: str) -> list[Json]:
    """Do what a plan that was kept still asks for; the letters that were new.

    One that another version wrote otherwise is dropped: nothing of it counts as told, so all of it is decided anew.
    """
    plan = state.kept(name).get(name)
    if plan is None:
        return []
    if not plan.keys() >= PLAN or any(not letter.keys() >= LETTER for letter in plan["letters"]):
        state.drop(name)
        return []
    now = datetime.fromisoformat(plan["at"])
    post = mail.Post(state, settings.mail, settings.azure)
    sound = [letter for letter in plan["letters"] if _wrong_with(letter) is None]
    new = [letter for letter in sound if post.put(_message(letter, settings, now), now)]
    for key, value in plan["keeps"]:
        state.keep(key, value, now)
    for key in plan["drops"]:
        state.drop(key)
    state.drop(name)
    return new


def misaddressed(letters: Iterable[Json]) -> tuple[str, ...]:
    """What is wrong with the letters that nobody can be sent, as sentences."""
    return tuple(dict.fromkeys(wrong for letter in letters if (wrong := _wrong_with(letter)) is not None))


def deliver(state: State, settings: Settings, now: datetime) -> mail.Delivered:
    """Send what waits in the outbox, of whichever kind: what became of it."""
    return mail.Post(state, settings.mail, settings.azure).deliver(now)


def _wrong_with(letter: Json) -> str | None:
    try:
        address_of(letter["to"])
    except ConfigError as fault:
        return f"{fault} '{letter['subject']}' was not sent there."
    return None


def _message(letter: Json, settings: Settings, now: datetime) -> Any:
    return mail.notice(
        letter["kind"],
        letter["to"],
        letter["subject"],
        letter["text"],
        letter["html"],
        letter["about"],
        now,
        settings.mail,
        thread=letter["thread"],
    )
