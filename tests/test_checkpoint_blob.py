"""Checkpoints in block blobs, against Azurite: what is published is whole, and zombies publish nothing."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure_ml_identity import WHO, azure_ml_identity
from azurite_service import KEY, NAME, Azurite
from blob_wire import Asked, Fate, Wire, wire_to

from finops import checkpoint
from finops.checkpoint.cadence import Cadence
from finops.checkpoint.faults import CheckpointWarning, Damaged, Fenced, StoreFault
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores.blob import Blob
from finops.checkpoint.stores.blob_access import CONNECTION, RETRIES, SAS
from finops.checkpoint.stores.place_of_job import FOLDER
from finops.checkpoint.tree import flatten
from finops.checkpoint.writing import fill, get, lay_out, put

QUICKLY = {**RETRIES, "initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
FIRST, SECOND = Name(1, 1), Name(1, 2)
CHUNK = 1 << 16
LARGE = bytes(range(256)) * 1024  # four chunks


@pytest.fixture
def job(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address that this process may write to, by a connection string."""
    monkeypatch.setenv(CONNECTION, f"AccountName={NAME};AccountKey={KEY}")
    monkeypatch.delenv(SAS, raising=False)
    monkeypatch.delenv(FOLDER, raising=False)
    return f"{azurite.address}/jobs/seven/run-1"


@pytest.fixture
def store(job: str) -> Blob:
    return Blob(job, retries=QUICKLY)


@pytest.fixture
def wire(azurite: Azurite) -> Iterator[Wire]:
    with wire_to(azurite) as wire:
        yield wire


@pytest.fixture
def far(job: str, wire: Wire) -> Blob:
    """The same place by a network that fails."""
    return Blob(f"{wire.address}/jobs/seven/run-1", retries=QUICKLY)


def saved(store: Blob, name: Name, value: object) -> None:
    nodes, buffers = flatten({"value": value})
    layout = lay_out(nodes, buffers)
    held = bytearray(layout.body)
    fill(memoryview(held), ctypes.addressof(ctypes.c_char.from_buffer(held)), layout, buffers)
    put(store, name, memoryview(held), layout.tree, {"step": name.step}, CHUNK)


def value_of(store: Blob, name: Name) -> object:
    return get(store, name).state["value"]


def left_in(azurite: Azurite) -> dict[str, int]:
    """Every blob there with its bytes; one of which there are but blocks that were never committed has -1."""
    with azurite.client() as client:
        jobs = client.get_container_client("jobs")
        whole = {blob.name for blob in jobs.list_blobs()}
        found = jobs.list_blobs(include=["uncommittedblobs"])
        return {blob.name.rpartition("/")[2]: blob.size if blob.name in whole else -1 for blob in found}


def first(what: str, fate: Fate, times: int = 1) -> Any:
    """A network that does `fate` to the first requests of one kind."""
    left = [fate] * times

    def decide(asked: Asked) -> Fate:
        return left.pop() if asked.what == what and left else "pass"

    return decide


def always(what: str, fate: Fate) -> Any:
    return lambda asked: fate if asked.what == what else "pass"


# What is published


def test_what_was_published_is_read_back(store: Blob):
    store.claim()

    saved(store, FIRST, LARGE)
    saved(store, SECOND, "two")

    assert store.names() == [SECOND, FIRST]
    assert value_of(store, FIRST) == LARGE
    assert value_of(store, SECOND) == "two"


def test_a_place_where_nothing_was_kept_has_no_checkpoints(store: Blob):
    assert store.names() == []
    assert store.claim() == 1


def test_what_is_being_written_is_not_seen(store: Blob):
    store.claim()

    with store.sink(FIRST, 0) as sink:
        sink.write(memoryview(b"0" * 9000))

        assert store.names() == []
    assert store.names() == []


def test_a_step_that_is_saved_again_replaces_what_was_there_in_one_moment(store: Blob):
    store.claim()
    saved(store, FIRST, "before")

    with contextlib.suppress(ZeroDivisionError), store.sink(FIRST, 0) as sink:
        sink.write(memoryview(b"0" * 9000))
        assert value_of(store, FIRST) == "before"
        raise ZeroDivisionError
    assert value_of(store, FIRST) == "before"
    saved(store, FIRST, "after")

    assert value_of(store, FIRST) == "after"


def test_memory_that_is_filled_anew_after_a_write_changes_nothing(store: Blob):
    store.claim()
    nodes, buffers = flatten({"value": LARGE})
    layout = lay_out(nodes, buffers)
    held = bytearray(layout.body)
    fill(memoryview(held), ctypes.addressof(ctypes.c_char.from_buffer(held)), layout, buffers)
    window = bytearray(CHUNK)

    class Reusing(Blob):
        @contextlib.contextmanager
        def sink(self, name: Name, nbytes: int) -> Iterator[Any]:
            with super().sink(name, nbytes) as sink:
                yield Through(sink)

    class Through:
        def __init__(self, sink: Any) -> None:
            self.publish, self._sink = sink.publish, sink

        def write(self, piece: memoryview) -> None:
            window[: len(piece)] = piece
            self._sink.write(memoryview(window)[: len(piece)])
            window[:] = bytes(CHUNK)

    put(Reusing(store.spec, retries=QUICKLY), FIRST, memoryview(held), layout.tree, {}, CHUNK)

    assert value_of(store, FIRST) == LARGE


def test_deleting_twice_is_deleting(store: Blob):
    store.claim()
    saved(store, FIRST, 1)

    store.delete(FIRST)
    store.delete(FIRST)

    assert store.names() == []


def test_a_note_is_kept_beside(store: Blob):
    store.claim()

    store.note("told.json", "{}")
    store.note("told.json", '{"saves": 1}')

    assert store.notes("told.json") == '{"saves": 1}'
    assert store.notes("another.json") is None
    assert store.names() == []


def test_jobs_beside_each_other_do_not_see_each_other(store: Blob, job: str):
    store.claim()
    saved(store, FIRST, 1)

    assert Blob(f"{job}0").names() == []
    assert Blob(job.rpartition("/")[0]).names() == []
    assert Blob(f"{job}/").names() == [FIRST]


@pytest.mark.parametrize("folder", ["a b", "100%25", "a%3Fb%23c", "caf\u00e9/run=1", "a//b/"])
def test_a_folder_of_any_name_is_the_same_to_the_writer(job: str, folder: str):
    store = Blob(f"{job}/{folder}")
    store.claim()
    saved(store, FIRST, 1)

    assert Blob(store.spec).spec == store.spec
    assert value_of(Blob(store.spec), FIRST) == 1


# Attempts


def test_each_attempt_has_its_own_number(store: Blob, job: str):
    assert [Blob(job).claim() for _ in range(3)] == [1, 2, 3]


def test_attempts_that_begin_in_one_moment_have_different_numbers(store: Blob, job: str):
    store.claim()
    got: list[int] = []
    together = threading.Barrier(4)

    def begin() -> None:
        other = Blob(job, retries=QUICKLY)
        together.wait()
        got.append(other.claim())

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(got)) == 4


def test_a_later_attempt_reads_what_the_earlier_left(store: Blob, job: str):
    store.claim()
    saved(store, FIRST, 1)
    later = Blob(job)
    later.claim()

    saved(later, Name(2, 1), 2)

    assert later.names() == [Name(2, 1), FIRST]


@pytest.mark.parametrize("written", [0, 1, 3])
@pytest.mark.parametrize("again", [False, True], ids=["new", "again"])
def test_a_zombie_publishes_nothing_once_another_attempt_has_begun(store: Blob, job: str, written: int, again: bool):
    store.claim()
    if again:
        saved(store, FIRST, "before")

    def write_on() -> None:
        with store.sink(FIRST, 0) as sink:
            for _ in range(written):
                sink.write(memoryview(b"0" * CHUNK))
            Blob(job).claim()
            sink.write(memoryview(b"0" * CHUNK))
            sink.publish()

    with pytest.raises(Fenced, match=r"Attempt 2 of this job has begun.*this is attempt 1"):
        write_on()

    assert store.names() == ([FIRST] if again else [])
    assert not again or value_of(store, FIRST) == "before"


def test_a_zombie_does_not_even_begin(store: Blob, job: str, azurite: Azurite):
    store.claim()
    Blob(job).claim()

    with pytest.raises(Fenced):
        saved(store, FIRST, 1)

    assert left_in(azurite) == {"attempt-0001.begun": 0, "attempt-0002.begun": 0}


@pytest.mark.parametrize("again", [False, True], ids=["new", "again"])
def test_a_claim_at_any_moment_of_a_save_leaves_it_published_before_or_refused(job: str, wire: Wire, again: bool):
    """An attempt begins before each single request of the earlier one: what it then sees never changes any more."""
    published = refused = 0
    for moment in itertools.count():
        near, seen = Blob(f"{job}-{moment}"), list[list[tuple[Name, object]]]()
        zombie = Blob(f"{wire.address}/jobs/seven/run-1-{moment}", retries=QUICKLY)
        zombie.claim()
        if again:
            saved(zombie, FIRST, "before")
        wire.heard.clear()

        def begin(asked: Asked, moment: int = moment, near: Blob = near, seen: list[Any] = seen) -> Fate:
            if not seen and len(wire.heard) == moment + 1:
                near.claim()  # by another way
                seen.append(all_of(near))
            return "pass"

        wire.fate = begin
        try:
            saved(zombie, FIRST, "after")
            published += 1
        except Fenced:
            refused += 1
        wire.fate = lambda asked: "pass"
        if not seen:
            break
        assert all_of(near) == seen[0]
    assert published == 1  # when nothing came between
    assert refused >= 4  # mark, look, block, commit


def all_of(store: Blob) -> list[tuple[Name, object]]:
    return [(name, value_of(store, name)) for name in store.names()]


def test_what_a_killed_writer_left_goes_with_the_next_attempt(store: Blob, job: str, azurite: Azurite):
    store.claim()
    script = (
        "import os, sys\nfrom finops.checkpoint.stores.blob import Blob\nfrom finops.checkpoint.names import Name\n"
        "writing = Blob(sys.argv[1]).sink(Name(1, 7), 0)\nsink = writing.__enter__()\n"
        "sink.write(memoryview(bytes(70000)))\nsink._sent[0].result()\nos.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, job], env=with_path(), check=False, timeout=60)
    assert ended.returncode == -9
    assert left_in(azurite) == {"attempt-0001.begun": 0, "attempt-0001.step-000000000007.ckpt": 0}
    assert store.names() == []

    Blob(job).claim()

    assert left_in(azurite) == {"attempt-0001.begun": 0, "attempt-0002.begun": 0}


def test_blocks_that_were_staged_by_another_are_never_taken_for_ours(store: Blob):
    """A writer that was taken for dead lives on under the same attempt: its blocks lie under the same name."""
    store.claim()

    def write_beside() -> None:
        with store.sink(FIRST, 0) as stale:
            with store.sink(FIRST, 0) as ours:
                ours.write(memoryview(b"0" * CHUNK))
                ours._sent[0].result()
                stale.write(memoryview(b"1" * CHUNK))
                stale._sent[0].result()
                ours.publish()
            stale.publish()

    with pytest.raises(StoreFault, match="412 ConditionNotMet"):
        write_beside()
    with store.open(FIRST) as source:
        held = memoryview(bytearray(CHUNK + 1))
        assert bytes(held[: source.read(0, held)]) == b"0" * CHUNK


# The network


@pytest.mark.parametrize("fate", ["busy", "cut", "lost"])
@pytest.mark.parametrize("what", ["put", "list", "block", "commit", "properties", "read"])
def test_a_request_that_fails_twice_is_made_again(store: Blob, far: Blob, wire: Wire, what: str, fate: Fate):
    far.claim()
    wire.fate = first(what, fate, 2)

    saved(far, FIRST, LARGE)

    assert store.names() == [FIRST]
    assert value_of(far, FIRST) == LARGE
    wire.fate = first(what, fate, 2)
    saved(far, FIRST, "again")
    assert value_of(store, FIRST) == "again"


@pytest.mark.parametrize("fate", ["busy", "cut", "lost"])
def test_a_claim_whose_answers_are_lost_is_a_claim(far: Blob, wire: Wire, fate: Fate):
    wire.fate = first("put", fate, 2)

    begun = far.claim()

    saved(far, Name(begun, 1), 1)
    assert far.names() == [Name(begun, 1)]


@pytest.mark.parametrize("what", ["put", "block", "commit", "list"])
@pytest.mark.parametrize("fate", ["busy", "cut"])
def test_a_network_that_stays_away_costs_the_save_and_nothing_else(
    store: Blob, far: Blob, wire: Wire, what: str, fate: Fate
):
    far.claim()
    saved(far, FIRST, "kept")
    wire.fate = always(what, fate)

    with pytest.raises(StoreFault, match=r"^Cannot write https://.*step-000000000002"):
        saved(far, SECOND, LARGE)

    assert store.names() == [FIRST]
    assert value_of(store, FIRST) == "kept"
    wire.fate = lambda asked: "pass"
    saved(far, SECOND, LARGE)
    assert value_of(store, SECOND) == LARGE


def test_a_container_that_is_being_deleted_takes_no_attempt(far: Blob, wire: Wire):
    wire.fate = always("put", "deleting")

    with pytest.raises(StoreFault, match="409 ContainerBeingDeleted"):
        far.claim()


def test_a_byte_that_changed_on_the_way_is_found(far: Blob, wire: Wire):
    far.claim()
    saved(far, FIRST, LARGE)
    wire.fate = always("read", "damaged")

    with pytest.raises(Damaged):
        get(far, FIRST)


def test_checkpoints_that_cannot_be_read_now_are_not_taken_for_none(store: Blob, far: Blob, wire: Wire):
    """Else the training begins anew, and in time deletes them."""
    with checkpoint.open({"count": [3]}, store.spec, job="counting") as ck:
        ck.save(step=3, wait=True)
    wire.fate = always("properties", "busy")

    with warnings.catch_warnings(), Checkpointer({"count": [0]}, far, "counting", Keep(3), Cadence()) as ck:
        warnings.simplefilter("ignore", CheckpointWarning)
        with pytest.raises(StoreFault, match="503 ServerBusy"):
            ck.restore()


# Signing in, in the writer's process too


def with_path(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(checkpoint.__file__).parents[2]), **more}


def signature() -> str:
    return generate_container_sas(
        NAME, "jobs", KEY, permission=ContainerSasPermissions(read=True, write=True, list=True, delete=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip


def save_and_restore(folder: str) -> list[int]:
    """Through the public way: one process saves by its writer, a later attempt restores."""
    with checkpoint.open({"count": [41]}, folder, job="counting") as ck:
        ck.save(step=41, wait=True)
    found = {"count": [0]}
    with checkpoint.open(found, folder, job="counting") as ck:
        assert ck.restore() == 41
    return found["count"]


def test_a_connection_string_in_the_environment_is_enough(job: str):
    assert save_and_restore(job) == [41]


def test_a_connection_string_may_hold_a_signature(job: str, azurite: Azurite, monkeypatch: pytest.MonkeyPatch):
    azurite.put([("jobs/other", b"")])
    monkeypatch.setenv(CONNECTION, f"AccountName={NAME};SharedAccessSignature={signature()}")

    assert Blob(job).claim() == 1


def test_a_signature_in_the_environment_is_enough(job: str, azurite: Azurite, monkeypatch: pytest.MonkeyPatch):
    azurite.put([("jobs/other", b"")])
    monkeypatch.delenv(CONNECTION)
    monkeypatch.setenv(SAS, signature())

    assert save_and_restore(job) == [41]


def test_a_signature_in_the_folder_of_the_environment_is_enough(
    job: str, azurite: Azurite, monkeypatch: pytest.MonkeyPatch
):
    azurite.put([("jobs/other", b"")])
    monkeypatch.delenv(CONNECTION)
    monkeypatch.setenv(FOLDER, f"{job}?{signature()}")

    with checkpoint.open({"count": [41]}, job="counting") as ck:
        ck.save(step=41, wait=True)

    assert Blob(job).names() == [Name(1, 41)]


def test_a_signature_in_the_address_is_on_no_command_line_in_no_message_and_in_no_log(
    job: str, azurite: Azurite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    azurite.put([("jobs/other", b"")])
    monkeypatch.delenv(CONNECTION)
    signed = signature()
    secret = signed.partition("sig=")[2].partition("&")[0]
    caplog.set_level(logging.DEBUG)

    with checkpoint.open({"count": [41]}, f"{job}?{signed}", job="counting") as ck:
        ck.save(step=41, wait=True)
        lines = command_lines()

    assert len(lines) == 1
    assert job in lines[0]
    assert "sig=" not in lines[0]
    assert "Request URL" in caplog.text
    assert secret not in caplog.text
    nowhere = Blob(f"https://127.0.0.1:9/{NAME}/jobs/run?{signed}", retries={"retry_total": 0})
    with pytest.raises(StoreFault) as told:
        nowhere.claim()
    assert secret not in f"{told.value}{told.value.__cause__}{nowhere.spec}"
    assert told.value.__suppress_context__


def command_lines() -> list[str]:
    """Of this process's children."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                line = (entry / "cmdline").read_text().replace("\0", " ")
                found += [line] if "scribe" in line else []
    return found


def test_the_identity_of_an_azure_ml_compute_is_enough(job: str, azurite: Azurite, monkeypatch: pytest.MonkeyPatch):
    azurite.put([("jobs/other", b"")])
    for name in (CONNECTION, "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    with azure_ml_identity() as identity:
        for name, value in identity.env.items():
            monkeypatch.setenv(name, value)
        assert save_and_restore(job) == [41]

    assert set(identity.asked) == {("https://storage.azure.com", WHO)}
    assert len(identity.asked) >= 2  # the training, and its writer


def test_who_may_not_read_is_told_which_role_is_missing(job: str, azurite: Azurite, monkeypatch: pytest.MonkeyPatch):
    azurite.put([("jobs/other", b"")])
    monkeypatch.delenv(CONNECTION)
    monkeypatch.setenv(SAS, signature().replace("sp=rwdl", "sp=r"))

    with pytest.raises(StoreFault, match=r"403 Auth.*Storage Blob Data Contributor"):
        Blob(job, retries=QUICKLY).claim()


def test_without_microsofts_client_it_is_said_what_to_install():
    script = (
        "from finops import checkpoint\n"
        "try:\n    checkpoint.open({}, 'https://lake.blob.core.windows.net/jobs/run?sig=secret')\n"
        "except checkpoint.StoreFault as fault:\n    print(fault)\n"
    )

    said = subprocess.run(  # -S: of the packages that are installed, none is there
        [sys.executable, "-S", "-c", script], env=with_path(), capture_output=True, text=True, check=True
    ).stdout

    assert said == (
        "https://lake.blob.core.windows.net/jobs/run needs azure-storage-blob, which is not installed. "
        "Run: pip install azure-storage-blob azure-identity, or name a mounted folder.\n"
    )
