"""Making room, whatever lies in the place and whoever else is at it: the newest whole checkpoint stays (G3)."""

from __future__ import annotations

import errno
import random
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from azurite_service import KEY, NAME, Azurite
from click.testing import CliRunner
from test_checkpoint_cli import kept, publish

from finops import checkpoint
from finops.checkpoint.looking import Seen, checkpoints, clear, clearing, look
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores.blob import Blob
from finops.checkpoint.stores.blob_access import CONNECTION
from finops.checkpoint.stores.calls import Calls
from finops.checkpoint.stores.folder import Folder
from finops.cli import cli
from finops.errors import PARTIAL

TRAINING = """
import sys, warnings
from finops import checkpoint
warnings.simplefilter("error")
with checkpoint.open({"at": 0}, sys.argv[1], job="night", keep=checkpoint_keep, watch=False) as ck:
    for step in range(1, 10**6):
        ck.save(step, wait=True)
""".replace("checkpoint_keep", "2")


def newest_whole(folder: Path) -> Name | None:
    store = Folder(folder)
    return next((name for name in checkpoints(store) if look(store, name, thorough=True).is_good), None)


def spoil(file: Path, chance: random.Random) -> None:
    held = bytearray(file.read_bytes())
    how = chance.choice(["flip", "zero", "cut", "empty", "another"])
    at = chance.randrange(len(held))
    if how == "flip":
        held[at] ^= 1 << chance.randrange(8)
    elif how == "zero":
        held[at : at + 4096] = bytes(len(held[at : at + 4096]))
    elif how == "another":
        held = bytearray(chance.randbytes(len(held)))
    file.write_bytes(held[:at] if how == "cut" else b"" if how == "empty" else held)


@pytest.mark.parametrize("seed", range(40))
def test_the_newest_whole_one_stays_whatever_is_damaged(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    steps = sorted(chance.sample(range(1, 1000), chance.randint(1, 6)))
    rule = Keep(chance.randint(2, 4), every=chance.choice([None, 7]), best=chance.randint(0, 2))
    kept(tmp_path, *steps, keep=rule)
    for step in chance.sample(steps, chance.randint(0, len(steps))):
        spoil(tmp_path / str(Name(1, step)), chance)
    before, there = newest_whole(tmp_path), {*Folder(tmp_path).names()}

    wanted = Keep(2) if chance.random() < 0.5 else None
    clear(Folder(tmp_path), clearing(Folder(tmp_path), wanted, damaged=chance.random() < 0.5))

    assert newest_whole(tmp_path) == before
    assert before is not None or {*Folder(tmp_path).names()} == there


def test_making_room_beside_a_training_that_saves_disturbs_neither(tmp_path: Path) -> None:
    training = subprocess.Popen([sys.executable, "-c", TRAINING, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    try:
        while not list(tmp_path.glob("*.ckpt")) and training.poll() is None:
            time.sleep(0.01)
        until, rounds = time.monotonic() + 2, 0
        while time.monotonic() < until or rounds < 5:
            clear(Folder(tmp_path), clearing(Folder(tmp_path)))
            rounds += 1
            assert training.poll() is None, training.stderr and training.stderr.read()
    finally:
        training.kill()
        training.communicate()

    held = {"at": 1}
    with checkpoint.open(held, tmp_path, job="night", watch=False) as ck:
        assert ck.restore() is not None
    assert held == {"at": 0}


def of_a_later_format(file: Path) -> None:
    """The version at the beginning and in the trailer, and the checksum from the footer on: as finops.checkpoint.format
    promises that every version keeps them."""
    held = bytearray(file.read_bytes())
    body = struct.unpack_from("<Q", held, len(held) - 28)[0]
    held[16] = held[len(held) - 32] = 2
    struct.pack_into("<I", held, len(held) - 4, zlib.crc32(held[body:-4]))
    file.write_bytes(held)


def test_one_that_cannot_be_read_stays_whatever_the_rule_says(tmp_path: Path) -> None:
    kept(tmp_path, 100, 200, 300)
    of_a_later_format(tmp_path / str(Name(1, 100)))

    found = clearing(Folder(tmp_path), Keep(2), damaged=True)
    verified = CliRunner().invoke(cli, ["checkpoint", "verify", str(tmp_path)])

    assert [one.state for one in found.stays] == ["whole", "whole", "not readable"]
    assert found.gone == []
    assert verified.exit_code == PARTIAL
    assert "pip install --upgrade aml-finops" in " ".join(verified.stdout.split())


class Failing(Calls):
    """A disk that cannot read the chunks of one file."""

    def __init__(self, name: str) -> None:
        self._name, self._fd = name, -1

    def open(self, path: str, flags: int) -> int:
        fd = super().open(path, flags)
        self._fd = fd if path.endswith(self._name) else -1  # one file is open at a time
        return fd

    def read(self, fd: int, offset: int, into: memoryview) -> int:
        if fd == self._fd and offset == 0 and len(into) > 1000:
            raise OSError(errno.EIO, "the disk is failing")
        return super().read(fd, offset, into)


def test_one_that_the_disk_does_not_give_back_is_not_taken_for_damaged(tmp_path: Path) -> None:
    kept(tmp_path, 100, 200, 300, 400)

    found = clearing(Folder(tmp_path, Failing(str(Name(1, 400)))), Keep(2), damaged=True)

    assert [one.name.step for one, _ in found.gone] == [100]
    assert {one.name.step: one.state for one in found.stays} == {400: "not readable", 300: "whole", 200: "whole"}


def test_what_is_damaged_is_never_called_whole() -> None:
    damaged = Seen(Name(1, 1), read=True, unread="Cannot read it.")

    assert (damaged.is_good, damaged.state) == (False, "not readable")


def test_blobs_are_listed_verified_and_cleared(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION, f"AccountName={NAME};AccountKey={KEY}")
    address = f"{azurite.address}/jobs/night"
    store = Blob(address)
    store.claim()
    for step in (100, 200, 300):
        publish(store, Name(1, step), {"at": step}, {"job": "night", "attempt": 1, "step": step, "metrics": {}})

    verified = CliRunner().invoke(cli, ["checkpoint", "verify", address])
    CliRunner().invoke(cli, ["checkpoint", "gc", address, "--keep", "2", "--yes"])

    assert verified.exit_code == 0, verified.output
    assert verified.stdout.count("whole") == 3
    assert [name.step for name in store.names()] == [300, 200]
