"""A tombstone is whole on the disk, or it does not count."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finops import tombstones
from finops.errors import DataError, FinopsError
from finops.tombstones import Content, Draft, Piece, Tombstone

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c"


def content(size: str = "STANDARD_DS3_V2") -> Content:
    body = {"id": ID, "properties": {"properties": {"vmSize": size}}, "tags": {"n": "<b> =cmd() [red] ü"}}
    return Content(ID, "delete", (Piece("compute", ID, "2024-04-01", body),), None, ("Its disk.",))


def sealed(root: Path, number: int = 12, found: Content | None = None) -> Tombstone:
    with tombstones.draft(root, number, "delete") as made:
        return made.seal(found or content(), "cluster-unused", "2026-01-01", NOW)


def test_what_was_written_is_read_back(tmp_path: Path):
    made = sealed(tmp_path)

    found = tombstones.read(tmp_path, made.reference)

    assert found == made
    assert found.content == content()
    assert (found.number, found.rule, found.generation, found.made_at) == (12, "cluster-unused", "2026-01-01", NOW)


def test_only_its_owner_can_read_it(tmp_path: Path):
    made = sealed(tmp_path / "new")

    modes = [stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "new", made.folder, *made.folder.iterdir()]]

    assert modes == [0o700, 0o700, 0o600, 0o600]


def test_one_that_was_made_before_is_not_written_over(tmp_path: Path):
    first = sealed(tmp_path)
    second = sealed(tmp_path, found=content("STANDARD_NC6S_V3"))

    assert first.folder.name == "000012-delete"
    assert second.folder.name == "000012-delete-2"
    assert tombstones.read(tmp_path, first.reference).content == content()


def test_one_that_is_not_sealed_leaves_nothing(tmp_path: Path):
    with tombstones.draft(tmp_path, 12, "delete") as made:
        (made.folder / "half").write_text("half")

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_does_not_count_and_is_cleared_away(tmp_path: Path):
    left = tmp_path / ".000012-delete-unfinished"
    left.mkdir()
    (left / "tombstone.json").write_text("{}")

    made = sealed(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [made.folder.name]


@pytest.mark.parametrize("at", range(0, 700, 37))
def test_every_byte_of_it_counts(tmp_path: Path, at: int):
    made = sealed(tmp_path)
    file = made.folder / "tombstone.json"
    whole = file.read_bytes()
    place = at % len(whole)
    file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])

    with pytest.raises(DataError):
        tombstones.read(tmp_path, made.reference)


@pytest.mark.parametrize("damage", ["cut off", "missing", "more", "sums", "folder"])
def test_a_damaged_one_is_refused(tmp_path: Path, damage: str):
    made = sealed(tmp_path)
    body, sums = made.folder / "tombstone.json", made.folder / "SHA256"
    {
        "cut off": lambda: body.write_bytes(body.read_bytes()[:-3]),
        "missing": body.unlink,
        "more": lambda: (made.folder / "another").write_text("x"),
        "sums": lambda: sums.write_text("\n"),
        "folder": lambda: made.folder.rename(tmp_path / "000012-delete-9"),
    }[damage]()

    with pytest.raises(DataError, match=r"000012-delete"):
        tombstones.read(tmp_path, made.reference)


@pytest.mark.parametrize("reference", ["", "../../etc sha256:00", "000012-delete", "x/y sha256:00"])
def test_what_names_no_tombstone_is_refused(tmp_path: Path, reference: str):
    sealed(tmp_path)

    with pytest.raises(DataError, match="names no tombstone"):
        tombstones.read(tmp_path, reference)


def test_a_disk_that_takes_nothing_is_an_error(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(FinopsError, match="cannot be written"):
        sealed(file / "below")


def test_what_json_has_no_word_for_is_an_error(tmp_path: Path):
    odd = Content(ID, "delete", (Piece("compute", ID, "2024-04-01", {"id": ID, "n": float("nan")}),))

    with pytest.raises(FinopsError, match="cannot be written"):
        sealed(tmp_path, found=odd)


class Forgetful(Draft):
    """A disk that loses what was written, just before it is given its name."""

    def _name(self) -> str:
        (self.folder / "tombstone.json").write_text("{}")
        return super()._name()


def test_a_disk_that_forgets_is_noticed_before_anything_is_deleted(tmp_path: Path):
    folder = tmp_path / "new"
    folder.mkdir()

    with pytest.raises(DataError, match="were changed, or are missing"):
        Forgetful(tmp_path, folder, 12, "delete").seal(content(), "cluster-unused", "2026-01-01", NOW)


def test_what_is_given_up_is_gone(tmp_path: Path):
    first, second = sealed(tmp_path), sealed(tmp_path, 13)
    assert tombstones.names(tmp_path) == [("000012-delete", 12), ("000013-delete", 13)]

    tombstones.remove(tmp_path, first.folder.name)

    assert [path.name for path in tmp_path.iterdir()] == [second.folder.name]


@pytest.mark.parametrize("name", ["../new", ".000012-delete-unfinished", ""])
def test_only_a_tombstone_is_given_up(tmp_path: Path, name: str):
    with pytest.raises(DataError, match="names no tombstone"):
        tombstones.remove(tmp_path, name)


def test_a_whole_one_that_is_not_the_one_that_was_written_is_refused(tmp_path: Path):
    made, other = sealed(tmp_path), sealed(tmp_path / "other", found=content("STANDARD_NC6S_V3"))
    made.folder.rename(tmp_path / "aside")
    other.folder.rename(made.folder)

    with pytest.raises(DataError, match="is not the one that was written"):
        tombstones.read(tmp_path, made.reference)
