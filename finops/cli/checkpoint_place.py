"""`finops checkpoint ls`, `verify`, `gc`: what lies in a place that keeps checkpoints, whether it is whole; room."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.errors import PARTIAL, FinopsError

if TYPE_CHECKING:
    from finops.checkpoint.looking import Clearing, Damage, Seen
    from finops.checkpoint.names import Name
    from finops.checkpoint.stores import Store

place_argument: Callable[[Any], Any] = click.argument("place", required=False)
json_option: Callable[[Any], Any] = click.option("--json", "as_json", is_flag=True, help="The same as -o json.")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@click.command()
@place_argument
@output_option
@json_option
def ls(place: str | None, output: str, as_json: bool) -> None:
    """List the checkpoints in PLACE, newest first. Changes nothing.

    PLACE is a folder, an https address of blobs or azureml://datastores/...; without it, where a training that is
    started here would look. Only the beginning and the end of each file are read: `finops checkpoint verify` reads all.

    \b
    finops checkpoint ls
    finops checkpoint ls outputs/checkpoints --json
    """
    from finops.checkpoint.looking import checkpoints, kept_for, look

    store = _store(place)
    seen = [look(store, name, thorough=False) for name in checkpoints(store)]
    kept = kept_for(None, [one for one in seen if one.is_good])
    if as_json or output != "table":
        show((_told(one, kept) for one in seen), "json" if as_json else output)
        return
    _table(store, seen, kept)
    if good := next((one for one in seen if one.is_good), None):
        note(f"A training that is started now goes on from {_step(good)}. To read every byte: finops checkpoint verify")
    elif seen:
        note("None of them can be used. What is wrong: finops checkpoint verify")


@click.command()
@place_argument
@output_option
@json_option
def verify(place: str | None, output: str, as_json: bool) -> None:
    """Read every byte of the checkpoints in PLACE and say what is damaged. Changes nothing.

    Exit codes: 0 all are whole, 1 something is damaged, 20 something could not be read.

    \b
    finops checkpoint verify
    finops checkpoint verify https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER
    """
    from finops.checkpoint.looking import checkpoints, kept_for, look

    store = _store(place)
    names = checkpoints(store)
    if not names:
        raise FinopsError(
            f"There are no checkpoints in {_place(store)}.", "Name the place that the training was given."
        )
    seen = [look(store, name, thorough=True) for name in names]
    kept = kept_for(None, [one for one in seen if one.is_good])
    if as_json or output != "table":
        show(({**_told(one, kept), "instead": _instead(one, seen)} for one in seen), "json" if as_json else output)
    else:
        _table(store, seen, kept)
        for one in seen:
            for line in _complaints(one, seen):
                click.echo(line)
        if all(one.is_good for one in seen):
            note("Every byte was read: all are whole." if len(seen) > 1 else "Every byte was read: it is whole.")
    if any(one.damage for one in seen):
        raise SystemExit(1)
    if any(one.unread for one in seen):
        raise SystemExit(PARTIAL)


@click.command()
@place_argument
@click.option(
    "--keep",
    type=click.IntRange(min=2),
    metavar="N",
    help="Keep this many of the newest and no others; without it, what the training was told to keep.",
)
@click.option("--damaged", is_flag=True, help="Delete also those that are damaged.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def gc(place: str | None, keep: int | None, damaged: bool, yes: bool) -> None:
    """Delete the checkpoints in PLACE that no rule keeps. Asks first.

    What stays as the newest is read in full before: the last whole one is never deleted.

    \b
    finops checkpoint gc
    finops checkpoint gc outputs/checkpoints --keep 2 --yes
    """
    from finops.checkpoint.looking import clear, clearing
    from finops.checkpoint.retention import Keep

    store = _store(place)
    found = clearing(store, Keep(keep) if keep else None, damaged)
    for line in found.refused:
        note(line)
    left = [one for one in found.stays if one.damage]
    if left and not damaged:
        note(f"Damaged, and kept: {', '.join(_step(one) for one in left)}. To delete them too: --damaged")
    if not found.gone and not found.strays:
        click.echo(f"Nothing to delete in {_place(store)}: {_stay(found.stays)}.")
        return
    for line in _going(found):
        click.echo(line)
    size = _size(sum(one.nbytes for one, _ in found.gone))
    if not yes:
        click.confirm(f"Delete them? {size} come free, {_stay(found.stays)}.", abort=True)
    clear(store, found)
    click.echo(f"Deleted. {size} came free, {_stay(found.stays)}.")


def _store(place: str | None) -> Store:
    from finops.checkpoint.stores import store_of
    from finops.checkpoint.stores.place_of_job import default_folder

    store = store_of(place or default_folder())
    if (path := getattr(store, "path", None)) is not None and not path.is_dir():
        raise FinopsError(f"There is no folder {path}.", "Name the place that the training was given.")
    return store


def _place(store: Store) -> str:
    return str(getattr(store, "path", store.spec))


def _told(one: Seen, kept: dict[Name, list[str]]) -> dict[str, Any]:
    return {
        "name": str(one.name),
        "step": one.name.step,
        "attempt": one.name.attempt,
        "epoch": one.meta.get("epoch"),
        "saved": saved.isoformat() if (saved := _moment(one)) else None,
        "bytes": one.nbytes,
        "processes": one.parts or 1,
        "state": one.state,
        "kept": kept.get(one.name, []),
        "metrics": one.meta.get("metrics", {}),
        "job": one.meta.get("job"),
        "damage": [{"file": each.file, "from": each.start, "to": each.stop, "how": each.how} for each in one.damage],
        "unread": one.unread or None,
    }


def _table(store: Store, seen: list[Seen], kept: dict[Name, list[str]]) -> None:
    jobs = {one.meta["job"] for one in seen if "job" in one.meta}
    rows = []
    for one in seen:
        row = {
            "Step": one.name.step,
            "Attempt": one.name.attempt,
            "Saved (UTC)": _moment(one),
            "Size": _size(one.nbytes),
            "State": one.state,
            "Kept as": ", ".join(kept.get(one.name, ["no rule keeps it"] if one.is_good else [])),
        }
        rows.append({**row, "Job": one.meta.get("job")} if len(jobs) > 1 else row)
    if not rows:
        click.echo(f"There are no checkpoints in {_place(store)}.")
        return
    click.echo(f"{jobs.pop() + ', ' if len(jobs) == 1 else ''}{_place(store)}")
    show(rows, "table")


def _complaints(one: Seen, seen: list[Seen]) -> list[str]:
    if one.is_good:
        return []
    told = [f"{_step(one)}: {one.unread}"] if one.unread else []
    told += [f"{_step(one)} is damaged: {_where(each)}" for each in one.damage]
    instead = _instead(one, seen)
    return [*told, f"  {instead}." if instead else "  There is none before it that could be used instead."]


def _where(damage: Damage) -> str:
    if damage.start is None:
        return f"{damage.file}. {damage.how}"
    return f"{damage.file}, bytes {damage.start} to {damage.stop}. {damage.how}"


def _instead(one: Seen, seen: list[Seen]) -> str | None:
    """What a training uses in its place; None where it is used itself, or nothing is left."""
    if one.is_good:
        return None
    newer = next((each for each in seen if each.is_good and each.name > one.name), None)
    if newer is not None:
        return f"It is not needed: a training goes on from {_step(newer)}"
    older = next((each for each in seen if each.is_good and each.name < one.name), None)
    return f"Used instead: {_step(older)}, {older.name}" if older else None


def _going(found: Clearing) -> Iterable[str]:
    for one, why in found.gone:
        yield f"{_step(one)}, {_size(one.nbytes)}: {why}"
    if found.strays:
        yield f"{len(found.strays)} parts of checkpoints that were never finished"


def _step(one: Seen) -> str:
    return f"step {one.name.step} (attempt {one.name.attempt})"


def _stay(some: list[Seen]) -> str:
    return "1 checkpoint stays" if len(some) == 1 else f"{len(some)} checkpoints stay"


def _moment(one: Seen) -> datetime | None:
    return datetime.fromtimestamp(one.meta["at"], UTC) if "at" in one.meta else None


def _size(nbytes: float) -> str:
    """Of 1,000 each, as disks and `ls -lh --si` count."""
    unit = 0
    while nbytes >= 1000 and unit < len(_UNITS) - 1:
        nbytes, unit = nbytes / 1000, unit + 1
    return f"{nbytes:.{2 if unit > 2 else 0}f} {_UNITS[unit]}"
