"""What a place holds to go on from, and whose it is."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping
from typing import Any

from finops.checkpoint.faults import Damaged, Foreign, Newer, StoreFault
from finops.checkpoint.format import read_footer
from finops.checkpoint.names import Name
from finops.checkpoint.saying import warn, warn_or_log
from finops.checkpoint.stores import Store
from finops.checkpoint.stores.place_of_job import arguments
from finops.checkpoint.together.crew import Crew, whole_of
from finops.checkpoint.together.distributed import Gathered
from finops.checkpoint.together.ranks import read_note
from finops.checkpoint.told import name_of
from finops.checkpoint.writing import Loaded, get


def newest_attempt(store: Store, job: str) -> int:
    """The last attempt of `job` that has begun in `store`, 0 where none has. Raises Foreign where it is another's.

    Without a checkpoint that can be read, what the attempt told of itself says whose it is; where it tells nothing,
    nobody knows.
    """
    newest, names = store.newest(), store.names()
    for name in names:
        try:
            with store.open(name) as source:
                refuse_foreign(f"{name} is a checkpoint", read_footer(source).meta.get("job"), job)
        except (Damaged, Newer, StoreFault):  # restore has more to say of it; or it was deleted meanwhile
            continue
        return newest
    told = read_note(store, name_of(newest)).get("job") if newest else None
    if told is not None:
        refuse_foreign(f"In {store.spec} is attempt {newest}", told, job)
    return newest


def refuse_foreign(what: str, theirs: object, job: str) -> None:
    if theirs != job:
        raise Foreign(
            f"{what} of job {theirs!r}; this is {job!r}.",
            f"Name another folder, or say job={theirs!r} to go on with it.",
        )


def compare_arguments(what: str, theirs: list[str] | None) -> None:
    """A second run of a script with other ones goes on with the first, which nobody may expect."""
    mine = arguments()
    if theirs and mine and theirs[0] == mine[0] and theirs != mine:
        warn_or_log(
            f"{what} was saved with the arguments {_shown(theirs[1:])}; these are {_shown(mine[1:])}. What the state "
            "holds goes on as it was saved, an optimizer's settings among it. To begin anew, name another folder."
        )


def _shown(given: list[str]) -> str:
    text = shlex.join(given)
    return f"`{text if len(text) <= 300 else text[:300] + '...'}`"


def newest_whole(
    store: Store,
    crew: Crew,
    job: str,
    state: Mapping[str, Any],
    pickle: Collection[str],
    pass_over: Callable[[str], None],
) -> Loaded | Gathered | None:
    """The newest checkpoint that is whole for all processes, None where there is none. Raises as `restore` does."""
    found: Loaded | Gathered | None = None
    faults = list[Damaged | Newer | StoreFault]()
    for name in crew.names():
        try:
            told = get(store, name, pickle)
            refuse_foreign(f"{name} is a checkpoint", told.meta["job"], job)  # before anything of it is unpickled
            found = whole_of(store, told, crew, state, pickle)
        except (Damaged, Newer, StoreFault) as fault:
            pass_over(f"{name}: {fault.what}")
            faults.append(fault)
        if crew.agree(found is not None):
            break
        if found is not None:
            pass_over(f"{name}: not whole for another process")
            faults.append(Damaged(f"{name} is not whole for another process.", "See what that one says."))
        found = None
    if found is None and (unread := [fault for fault in faults if not isinstance(fault, Damaged)]):
        raise unread[0]
    instead = f"{found.name} is used instead" if found else "None is left: the training begins anew"
    for passed in faults:
        warn(f"{passed.what} {instead}. To begin elsewhere, name another folder.")
    return found


def latest(store: Store) -> Name | None:
    """The newest checkpoint; whether it is whole is known when it is read."""
    return next((name for name in store.names() if name.world == 1), None)
