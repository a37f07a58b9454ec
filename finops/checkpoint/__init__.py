"""Save and resume training on spot nodes: three lines, no dependency.

from finops import checkpoint

ck = checkpoint.open(state={"model": model, "optimizer": optimizer, "scheduler": scheduler})
for batch in ck.run(loader, epochs=10):
    train(batch)
    ck.step(loss=loss)
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from finops.checkpoint.faults import (
    CannotSave,
    CheckpointWarning,
    Damaged,
    Fenced,
    Foreign,
    Newer,
    StoreFault,
)

if TYPE_CHECKING:
    from finops.checkpoint.cadence import Cadence
    from finops.checkpoint.loop import Checkpointer
    from finops.checkpoint.notices.scheduled_events import Node
    from finops.checkpoint.notices.watch import Watch
    from finops.checkpoint.retention import Keep

__all__ = ["CannotSave", "CheckpointWarning", "Damaged", "Fenced", "Foreign", "Newer", "StoreFault", "open"]


def open(  # noqa: A001 - read as checkpoint.open
    state: Mapping[str, Any],
    folder: str | os.PathLike[str] | None = None,
    *,
    job: str | None = None,
    keep: int | Keep = 3,
    every: float | None = None,
    share: float = 0.02,
    pickle: Collection[str] = (),
    seed: int = 0,
    watch: bool = True,
    alone: bool = False,
) -> Checkpointer:
    """Hold the state of a training, in the place where this job's earlier attempts left theirs.

    state: names to anything with state_dict and load_state_dict, arrays, tensors, bytes, dicts and lists of plain
        values. Random numbers of Python, numpy and torch, and the position in the data, are added.
    folder: where; without it FINOPS_CHECKPOINT_FOLDER, else where Azure ML keeps outputs, else ./checkpoints.
    job: which job this is; without it Azure ML's run, else the script's name.
    keep: how many of the newest are kept, or a Keep.
    every: seconds between saves, instead of what is learnt from their cost and from evictions.
    share: the most of the time that saving may take, as a fraction.
    pickle: entries of the state that may be saved and loaded by pickle, which runs what it loads.
    seed: of the order in which samples are read.
    watch: whether evictions are listened for (Azure's announcements, SIGTERM, SIGUSR1), and told of beside the
        checkpoints. See docs/checkpoint.md.
    alone: this process saves by itself, even where torchrun or Azure ML started it as one of several.

    Where this is one of several processes, all of them open, restore and save, in one folder that they share.

    Raises StoreFault where the place cannot be read, Foreign where it is another job's, CannotSave where something in
    `state` has no plain form.
    """
    from finops.checkpoint.cadence import Cadence, prior_hours
    from finops.checkpoint.loop import Checkpointer
    from finops.checkpoint.retention import Keep
    from finops.checkpoint.stores import store_of
    from finops.checkpoint.stores.place_of_job import default_folder, default_job
    from finops.checkpoint.together.crew import Alone, Together
    from finops.checkpoint.together.ranks import seat

    if not 0 < share <= 1:
        raise ValueError(f"share={share}: the most of the time that saving may take, above 0 and at most 1")
    if every is not None and not every >= 0:
        raise ValueError(f"every={every}: seconds between saves, 0 or more")
    where = default_folder() if folder is None else os.fspath(folder)
    cadence = (
        Cadence(share=share, prior_hours=prior_hours())
        if every is None
        else Cadence(share=1.0, least=every, most=every)
    )
    kept = keep if isinstance(keep, Keep) else Keep(keep)
    store, (rank, world) = store_of(where), (0, 1) if alone else seat()
    crew = Alone(store) if world == 1 else Together(store, rank, world)
    arguments = (
        state,
        store,
        job or default_job(),
        kept,
        cadence,
        pickle,
        seed,
        _watch(cadence) if watch else None,
        crew,
    )
    if rank == 0 and (journal := os.environ.get("FINOPS_CHECKPOINT_JOURNAL")):
        from finops.checkpoint.rehearsing.journal import Journaled

        return Journaled(*arguments, journal=journal)
    return Checkpointer(*arguments)


def _watch(cadence: Cadence) -> Watch:
    """Which tells the cadence how long such machines last, once it has learnt what this one is."""
    from finops.checkpoint.cadence import prior_hours
    from finops.checkpoint.notices.watch import Watch

    def learnt(node: Node) -> None:
        cadence.prior_hours = prior_hours(size=node.size, region=node.region)

    return Watch(learnt=learnt)
