"""Several processes save and restore together wherever checkpoints are kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from finops.checkpoint.cadence import Cadence
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores import Store, store_of
from finops.checkpoint.together.crew import Together
from finops.checkpoint.together.ranks import Pace

FAST = Pace(idle=0.05, quick=0.01)


@pytest.fixture(params=["folder", "mount", "blob"])
def spec(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "blob":
        return f"{request.param}:{tmp_path}"
    pytest.importorskip("azure.storage.blob")
    from azurite_service import KEY, NAME

    from finops.checkpoint.stores.blob_access import CONNECTION

    monkeypatch.setenv(CONNECTION, f"AccountName={NAME};AccountKey={KEY}")
    return f"{request.getfixturevalue('azurite').address}/jobs/ranked"


def attempt(store: Store, rank: int, world: int, steps: int) -> tuple[int | None, dict[str, Any], list[str]]:
    """What was restored, and the state then; after as many steps, each of them saved."""
    state: dict[str, Any] = {"own": {"rank": rank, "step": 0}}
    crew = Together(store, rank, world, FAST)
    with Checkpointer(state, store, "j", Keep(2), Cadence(least=3600.0, most=3600.0), crew=crew) as ck:
        restored, own = ck.restore(), dict(state["own"])
        for _ in range(steps):
            state["own"].update(rank=rank, step=ck.place.step + 1)
            ck.save(step=ck.place.step + 1, wait=True)
        return restored, own, sorted(map(str, store.names()))


def together(spec: str, world: int, steps: int) -> list[tuple[int | None, dict[str, Any], list[str]]]:
    with ThreadPoolExecutor(world) as pool:
        return list(pool.map(lambda rank: attempt(store_of(spec), rank, world, steps), range(world)))


def test_another_number_of_processes_goes_on_from_the_last_set_and_old_ones_go(spec: str):
    assert [restored for restored, _, _ in together(spec, 2, steps=4)] == [None, None]

    found = together(spec, 3, steps=0)

    assert [(restored, own) for restored, own, _ in found] == [(4, {"rank": rank % 2, "step": 4}) for rank in range(3)]
    assert len(found[0][2]) == 6
