"""Checkpoints on a mount of blob storage: a node that vanishes at any call leaves the last one, or the one before."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blobfuse import Blobfuse, Died, Habits

from finops.checkpoint.faults import Damaged, Fenced, StoreFault
from finops.checkpoint.names import Name
from finops.checkpoint.stores import Store, store_of
from finops.checkpoint.stores.datastore import address_of
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.stores.mount import Mount
from finops.checkpoint.stores.mounts import keeps_its_word
from finops.checkpoint.tree import flatten
from finops.checkpoint.writing import fill, get, lay_out, put
from finops.errors import FinopsError

PLACE = "/mnt/outputs/checkpoints"
HABITS = [Habits(*chosen) for chosen in itertools.product([False, True], repeat=3)]
FIRST, SECOND, THIRD = Name(1, 1), Name(1, 2), Name(1, 3)


def saved(store: Store, name: Name, value: object) -> None:
    nodes, buffers = flatten({"value": value})
    layout = lay_out(nodes, buffers)
    held = bytearray(layout.body)
    fill(memoryview(held), ctypes.addressof(ctypes.c_char.from_buffer(held)), layout, buffers)
    put(store, name, memoryview(held), layout.tree, {"step": name.step}, 4096)


def newest_whole(store: Store) -> object:
    """The value that a training restores; None where it begins anew."""
    for name in store.names():
        with contextlib.suppress(FinopsError):
            return get(store, name).state["value"]
    return None


def value_of(store: Store, name: Name) -> object:
    return get(store, name).state["value"]


# A node that vanishes


def training(store: Store, done: Callable[[object], None]) -> None:
    """Saves, saves a step again, and deletes, as the writer does; tells each value once it was published."""
    begun = store.claim()
    for step, value in [(1, "one"), (2, "two"), (3, "three"), (3, "three again"), (4, "four")]:
        saved(store, Name(begun, step), value)
        done(value)
        if step > 2:
            store.delete(Name(begun, step - 2))


def left_by(dies_at: int, habits: Habits, kind: Callable[[str, Blobfuse], Store]) -> tuple[object, object, bool]:
    """What was published last, what the next node restores, and whether the training was over by then."""
    cloud: dict[str, bytes] = {}
    published: list[object] = [None]
    try:
        training(kind(PLACE, Blobfuse(cloud, habits, dies_at)), published.append)
        over = True
    except Died:
        over = False
    later = kind(PLACE, Blobfuse(cloud, habits))
    later.claim()
    return published[-1], newest_whole(later), over


def every_death(habits: Habits, kind: Callable[[str, Blobfuse], Store]) -> Iterator[tuple[object, object]]:
    for dies_at in itertools.count(1):
        published, restored, over = left_by(dies_at, habits, kind)
        yield published, restored
        if over:
            return


@pytest.mark.parametrize("habits", HABITS, ids=str)
def test_a_node_that_vanishes_at_any_call_leaves_what_was_published_or_what_was_about_to_be(habits: Habits):
    following = {None: "one", "one": "two", "two": "three", "three": "three again", "three again": "four"}

    found = list(every_death(habits, Mount))

    assert len(found) > 90
    assert [pair for pair in found if pair[1] not in (pair[0], following.get(pair[0]))] == []
    assert found[-1] == ("four", "four")


@pytest.mark.parametrize("seed", range(100))
def test_node_after_node_that_fails_and_vanishes_at_random_loses_nothing_that_was_published(seed: int):
    chance, cloud = random.Random(seed), dict[str, bytes]()
    begun = list[object]()  # every value that was to be saved, in its order
    published = -1  # the place of the last one that was
    for node in range(4):
        faults = {chance.randrange(1, 120): chance.choice([errno.EIO, errno.ENOSPC]) for _ in range(3)}
        habits = chance.choice(HABITS)
        mount = Mount(PLACE, Blobfuse(cloud, habits, chance.randrange(2, 150), faults))
        with contextlib.suppress(Died, StoreFault):
            attempt = mount.claim()
            for save in range(6):
                begun.append(f"{node}/{save}")
                with contextlib.suppress(StoreFault):  # and the training goes on
                    saved(mount, Name(attempt, save // 2), begun[-1])
                    published = len(begun) - 1
                    mount.delete(Name(attempt, save // 2 - 1)) if save > 1 else None

    found = newest_whole(Mount(PLACE, Blobfuse(cloud)))

    assert published == -1 or begun.index(found) >= published


def test_the_mount_is_asked_for_nothing_that_it_does_not_keep():
    calls = Blobfuse({})

    training(Mount(PLACE, calls), lambda value: None)

    assert set(calls.made) == {"mkdir", "listdir", "open", "write", "close", "upload", "read", "unlink"}


def test_the_way_of_a_disk_loses_them_here():
    """Why there is finops.checkpoint.stores.mount: a rename before the upload moves an empty blob."""
    published, restored = list(every_death(Habits(touches=True), Folder))[-1]

    assert (published, restored) == ("four", None)


@pytest.mark.parametrize("habits", HABITS, ids=str)
def test_a_second_attempt_goes_on_after_each_death_of_the_first(habits: Habits):
    for dies_at in range(1, 140, 3):
        cloud: dict[str, bytes] = {}
        with contextlib.suppress(Died):
            training(Mount(PLACE, Blobfuse(cloud, habits, dies_at)), lambda value: None)
        second = Mount(PLACE, Blobfuse(cloud, habits))

        training(second, lambda value: None)

        third = Mount(PLACE, Blobfuse(cloud, habits))
        assert newest_whole(third) == "four"
        assert third.names()[0].attempt == second.names()[0].attempt


@pytest.mark.parametrize("habits", HABITS, ids=str)
def test_a_note_is_the_old_or_the_new_whenever_the_node_vanishes(habits: Habits):
    for dies_at in itertools.count(1):
        cloud: dict[str, bytes] = {}
        Mount(PLACE, Blobfuse(cloud, habits)).note("told.json", "old")
        dying = Blobfuse(cloud, habits, dies_at)
        over = False
        with contextlib.suppress(Died):
            Mount(PLACE, dying).note("told.json", "the new one")
            over = True

        found = Mount(PLACE, Blobfuse(cloud, habits)).notes("told.json")

        assert found == "the new one" if over else found in ("old", "the new one")
        if over:
            break


# A mount that fails


@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOSPC, errno.ENOTCONN], ids=errno.errorcode.get)
def test_a_call_that_fails_costs_one_save_and_harms_no_other(fault: int):
    whole = Blobfuse({})
    training(Mount(PLACE, whole), lambda value: None)

    for number in range(1, len(whole.made) + 1):
        cloud: dict[str, bytes] = {}
        mount = Mount(PLACE, Blobfuse(cloud, faults={number: fault}))
        published: list[object] = [None]
        with contextlib.suppress(StoreFault):
            training(mount, published.append)

        assert newest_whole(Mount(PLACE, Blobfuse(cloud))) == published[-1]


def test_an_upload_that_fails_at_close_is_a_save_that_failed():
    cloud: dict[str, bytes] = {}
    calls = Blobfuse(cloud)
    mount = Mount(PLACE, calls)
    mount.claim()
    saved(mount, FIRST, 1)
    before = len(calls.made)
    saved(mount, SECOND, 2)
    upload = before + calls.made[before:].index("upload") + 1

    again = Mount(PLACE, Blobfuse(other := {}, faults={upload: errno.EIO}))
    again.claim()
    saved(again, FIRST, 1)
    with pytest.raises(StoreFault, match=r"^Cannot write .*step-000000000002"):
        saved(again, SECOND, 2)

    assert again.names() == [FIRST]
    assert newest_whole(Mount(PLACE, Blobfuse(other))) == 1


class Damaging(Blobfuse):
    def upload(self, handle: object) -> None:
        content = handle.content  # type: ignore[attr-defined]
        if len(content) > 1000:
            content[500] ^= 1
        super().upload(handle)  # type: ignore[arg-type]


def test_a_file_that_comes_back_otherwise_was_not_saved():
    mount = Mount(PLACE, Damaging({}))
    mount.claim()

    with pytest.raises(StoreFault, match="gave back something else"):
        saved(mount, FIRST, b"0" * 2000)

    assert mount.names() == []


def test_a_step_that_is_saved_again_leaves_the_first_alone_until_it_is_there():
    cloud: dict[str, bytes] = {}
    calls = Blobfuse(cloud)
    mount = Mount(PLACE, calls)
    mount.claim()
    saved(mount, FIRST, "before")

    with mount.sink(FIRST, 0) as sink:
        sink.write(memoryview(b"half of it"))
        assert value_of(mount, FIRST) == "before"
    assert value_of(mount, FIRST) == "before"
    saved(mount, FIRST, "after")

    assert value_of(mount, FIRST) == "after"
    assert mount.names() == [FIRST]
    assert sum(".ckpt" in path for path in cloud) == 1
    mount.delete(FIRST)
    assert mount.names() == []
    assert not any(".ckpt" in path for path in cloud)


def test_half_a_file_is_known_when_it_is_read():
    cloud: dict[str, bytes] = {}
    mount = Mount(PLACE, Blobfuse(cloud))
    mount.claim()
    saved(mount, FIRST, 1)
    saved(mount, SECOND, 2)
    path = f"{PLACE}/{SECOND}"
    cloud[path] = cloud[path][: len(cloud[path]) // 2]

    with pytest.raises(Damaged):
        get(mount, SECOND)
    assert newest_whole(mount) == 1


# Attempts


@pytest.mark.parametrize("stale", [False, True], ids=["fresh", "stale"])
def test_a_later_attempt_has_a_later_number_and_reads_what_was_left(stale: bool):
    cloud: dict[str, bytes] = {}
    first = Mount(PLACE, Blobfuse(cloud, Habits(stale=stale)))
    assert first.claim() == 1
    saved(first, FIRST, 1)

    second = Mount(PLACE, Blobfuse(cloud, Habits(stale=stale)))

    assert second.claim() == 2
    assert second.names() == [FIRST]
    saved(second, Name(2, 1), 2)
    assert second.names() == [Name(2, 1), FIRST]


def test_a_zombie_that_sees_the_later_attempt_publishes_nothing():
    cloud: dict[str, bytes] = {}
    zombie = Mount(PLACE, Blobfuse(cloud))
    zombie.claim()
    Mount(PLACE, Blobfuse(cloud)).claim()

    with pytest.raises(Fenced, match="Attempt 2 of this job has begun"):
        saved(zombie, FIRST, 1)

    assert zombie.names() == []


def test_a_zombie_that_sees_an_old_listing_is_never_the_newest():
    cloud: dict[str, bytes] = {}
    zombie = Mount(PLACE, Blobfuse(cloud, Habits(stale=True)))
    zombie.claim()
    later = Mount(PLACE, Blobfuse(cloud))
    later.claim()
    saved(later, Name(2, 1), "later")

    saved(zombie, Name(1, 900), "zombie")

    assert newest_whole(Mount(PLACE, Blobfuse(cloud))) == "later"


def test_retention_reaches_what_an_old_listing_hides():
    cloud: dict[str, bytes] = {}
    mount = Mount(PLACE, Blobfuse(cloud, Habits(stale=True)))
    mount.claim()
    for name in (FIRST, SECOND, THIRD):
        saved(mount, name, name.step)

    assert mount.names() == [THIRD, SECOND, FIRST]
    mount.delete(FIRST)

    assert mount.names() == [THIRD, SECOND]
    assert not any(str(FIRST) in path for path in cloud)


def test_what_was_deleted_is_gone_though_an_old_listing_shows_it():
    cloud: dict[str, bytes] = {}
    first = Mount(PLACE, Blobfuse(cloud))
    first.claim()
    saved(first, FIRST, 1)
    saved(first, SECOND, 2)
    later = Mount(PLACE, Blobfuse(cloud, Habits(stale=True)))

    later.delete(FIRST)

    assert later.names() == [SECOND]


# Which store it is

TABLE = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
blobfuse2 /mnt/azureml/cap/data fuse rw,nosuid 0 0
blobfuse2 /mnt/my\\040blobs fuse.blobfuse2 rw 0 0
/dev/sdb1 /mnt/ntfs fuseblk rw 0 0
overlay /rootless fuse.fuse-overlayfs rw 0 0
tmpfs /mnt/azureml/cap/data/scratch tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/home/x/checkpoints", True),
        ("/mnt/azureml/cap/data", False),
        ("/mnt/azureml/cap/data/run/checkpoints", False),
        ("/mnt/azureml/cap/data-of-another", True),
        ("/mnt/azureml/cap/data/scratch/x", True),
        ("/mnt/my blobs/x", False),
        ("/mnt/ntfs/x", True),
        ("/rootless/x", True),
    ],
)
def test_a_path_on_a_mount_in_user_space_is_known(path: str, kept: bool):
    assert keeps_its_word(path, TABLE) is kept


def test_where_nothing_tells_of_mounts_a_folder_is_a_folder():
    assert keeps_its_word("/mnt/x", "")


@pytest.mark.parametrize(
    ("spec", "opened"),
    [
        ("{}", "folder:{}"),
        ("folder:{}", "folder:{}"),
        ("mount:{}", "mount:{}"),
        ("{}/with: colon", "folder:{}/with: colon"),
    ],
)
def test_a_place_chooses_its_store(tmp_path: Path, spec: str, opened: str):
    assert store_of(spec.format(tmp_path)).spec == opened.format(tmp_path)


def test_an_address_of_blobs_chooses_the_blobs():
    pytest.importorskip("azure.storage.blob")

    found = store_of("https://lake.dfs.core.windows.net/jobs/run%201/?sv=2020&sig=secret")

    assert found.spec == "https://lake.blob.core.windows.net/jobs/run%201"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "names no place"),
        ("s3://bucket/x", "names no place"),
        ("https://lake.blob.core.windows.net", "names no container"),
        ("http://lake.blob.core.windows.net/jobs", "is not encrypted"),
        ("azureml://jobs/x", "is no path of a datastore"),
    ],
)
def test_what_names_no_place_is_refused(spec: str, said: str):
    with pytest.raises(StoreFault, match=said):
        store_of(spec)


DATASTORE = {
    "properties": {
        "datastoreType": "AzureBlob", "accountName": "lake", "containerName": "azureml-blobstore",
        "endpoint": "core.windows.net", "protocol": "https",
    }
}  # fmt: skip
OF_JOB = {
    "AZUREML_ARM_SUBSCRIPTION": "S", "AZUREML_ARM_RESOURCEGROUP": "R", "AZUREML_ARM_WORKSPACE_NAME": "W",
}  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "env"),
    [
        ("azureml://datastores/workspaceblobstore/paths/runs/a b", OF_JOB),
        ("azureml://subscriptions/S/resourcegroups/R/workspaces/W/datastores/workspaceblobstore/paths/runs/a b/", {}),
    ],
)
def test_a_datastores_path_is_that_of_its_blobs(uri: str, env: dict[str, str]):
    asked: list[str] = []

    def fetch(path: str) -> dict[str, object]:
        asked.append(path)
        return DATASTORE

    found = address_of(uri, env, fetch)

    assert found == "https://lake.blob.core.windows.net/azureml-blobstore/runs/a%20b"
    assert asked == [
        "/subscriptions/S/resourceGroups/R/providers/Microsoft.MachineLearningServices/workspaces/W"
        "/datastores/workspaceblobstore?api-version=2024-04-01"
    ]


def test_a_datastore_outside_of_a_job_needs_its_workspace():
    with pytest.raises(StoreFault, match="AZUREML_ARM_SUBSCRIPTION is not set"):
        address_of("azureml://datastores/workspaceblobstore/paths/x", {})


def test_a_datastore_of_files_is_refused():
    with pytest.raises(StoreFault, match="is a datastore of type AzureFile, not of blobs"):
        address_of(
            "azureml://datastores/share/paths/x", OF_JOB, lambda path: {"properties": {"datastoreType": "AzureFile"}}
        )
