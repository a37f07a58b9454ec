"""The same on a file system that Linux mounts: which store a path is, and trainings whose mount ends under them."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest
from blobfuse_mount import mounted
from test_checkpoint_mount import newest_whole, training

from finops import checkpoint
from finops.checkpoint.faults import StoreFault
from finops.checkpoint.stores import store_of
from finops.checkpoint.stores.mount import Mount

FOLLOWING = {None: "one", "one": "two", "two": "three", "three": "three again", "three again": "four"}
# Of about 100 calls some are tried; each of them by `make soak`.
PACE = 1 if "FINOPS_CHECKPOINT_KILLS" in os.environ else 9


@pytest.fixture
def point(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    return tmp_path / "cloud"


def test_a_path_on_the_mount_is_taken_for_one(point: Path, cloud: Path):
    with mounted(point, cloud):
        assert store_of(str(point / "checkpoints")).spec == f"mount:{point}/checkpoints"
        assert store_of(str(point.parent)).spec == f"folder:{point.parent}"


def test_another_node_finds_what_the_first_one_saved(point: Path, cloud: Path):
    with mounted(point, cloud, "--stale"), checkpoint.open({"count": [41], "bytes": b"x" * 300_000}, point) as ck:
        ck.save(step=40, wait=True)
        ck.save(step=41, wait=True)
    found = {"count": [0], "bytes": b""}

    with mounted(point, cloud, "--stale"), checkpoint.open(found, point) as ck:
        step = ck.restore()

    assert (step, found) == (41, {"count": [41], "bytes": b"x" * 300_000})


def test_a_mount_that_ends_at_any_call_leaves_what_was_published_or_what_was_about_to_be(point: Path, cloud: Path):
    deaths = 0
    for dies_at in range(1, 400, PACE):
        published: list[object] = [None]
        place = cloud.with_name(f"cloud-{dies_at}")
        with mounted(point, place, "--torn", "--touches", "--dies-at", str(dies_at)):
            try:
                training(Mount(point), published.append)
                over = True
            except StoreFault:
                over = False

        with mounted(point, place):
            later = Mount(point)
            begun = later.claim()
            found = newest_whole(later)

        assert begun <= 2
        assert found in (published[-1], FOLLOWING.get(published[-1]))
        if over:
            break
        deaths += 1
    assert deaths >= 90 // PACE
    assert found == "four"


def test_a_training_outlives_its_mount(point: Path, cloud: Path):
    with mounted(point, cloud) as server, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with checkpoint.open({"count": [1]}, point) as ck:
            ck.save(step=1, wait=True)
            server.kill()
            server.wait()
            with pytest.raises(StoreFault, match="The mount has ended: mount it anew"):
                ck.save(step=2, wait=True)
            ck.step(loss=0.5)
            ck.wait()

    assert all("The mount has ended" in str(one.message) for one in told)
    assert 1 <= len(told) <= 4
    with mounted(point, cloud), checkpoint.open({"count": [0]}, point) as ck:
        assert ck.restore() == 1
