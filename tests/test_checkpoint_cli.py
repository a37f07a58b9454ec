"""`finops checkpoint ls`, `verify` and `gc`: what they say of a place, and that the last whole one is never deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from finops import checkpoint
from finops.checkpoint.format import CHUNK
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores import Store, store_of
from finops.checkpoint.together.sets import PARTS, digest, part
from finops.checkpoint.tree import flatten
from finops.checkpoint.writing import fill, lay_out, put, verify
from finops.cli import cli

USUAL = Keep(3)
AT = 1_790_000_000.0  # 21 September 2026, 14:13:20 UTC, and a second for each step


def kept(folder: Path, *steps: int, keep: Keep = USUAL, attempt: int = 1, job: str = "night") -> None:
    """Checkpoints as a training leaves them, whatever retention would have made of them since."""
    for step in steps:
        own = {"job": job, "attempt": attempt, "step": step, "epoch": 0, "samples": 0, "at": AT + step}
        told = {**own, "metrics": {"loss": 1 / (step + 1)}, "keep": keep.as_json()}
        publish(store_of(f"folder:{folder}"), Name(attempt, step), {"weights": bytes(5000)}, told)


def publish(store: Store, name: Name, state: dict[str, Any], meta: dict[str, Any]) -> None:
    import ctypes

    nodes, buffers = flatten(state)
    layout = lay_out(nodes, buffers)
    held = bytearray(layout.body)
    fill(memoryview(held), ctypes.addressof(ctypes.c_char.from_buffer(held)), layout, buffers)
    put(store, name, memoryview(held), layout.tree, meta)


def several(folder: Path, step: int, world: int = 2) -> None:
    """A checkpoint of two processes: their parts, and the manifest."""
    store, meta = store_of(f"folder:{folder}"), {"job": "night", "attempt": 1, "step": step, "at": AT}
    sums = []
    for rank in range(world):
        name = part(Name(1, step), rank, world)
        publish(store, name, {"weights": bytes(5000)}, meta)
        sums.append(digest(verify(store, name)))
    publish(store, Name(1, step), {PARTS: sums}, {**meta, "world": world})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "checkpoints"
    place.mkdir()
    return place


def run(*words: object, given: str = "") -> Result:
    return CliRunner().invoke(cli, ["checkpoint", *map(str, words)], input=given)


def rows(*words: object) -> dict[int, dict[str, Any]]:
    """By step."""
    return {row["step"]: row for row in json.loads(run(*words, "--json").stdout)}


def steps_in(folder: Path) -> list[int]:
    return sorted({name.step for name in map(Name.of, (each.name for each in folder.iterdir())) if name})


def damage(folder: Path, step: int, at: int = 4100, keep_length: bool = True, rank: int | None = None) -> None:
    name = Name(1, step) if rank is None else part(Name(1, step), rank, 2)
    file = folder / str(name)
    held = bytearray(file.read_bytes())
    held[at] ^= 1
    file.write_bytes(held if keep_length else held[:-1])


# ls


def test_ls_says_for_each_when_how_large_and_why_it_is_kept(folder: Path) -> None:
    kept(folder, 100, 200, 250, 300, keep=Keep(2, every=100, best=1))

    found = rows("ls", folder)

    assert {step: row["kept"] for step, row in found.items()} == {
        300: ["newest 1 of 2", "each 100 steps", "best loss 1 of 1"],
        250: ["newest 2 of 2"],
        200: ["each 100 steps"],
        100: ["each 100 steps"],
    }
    assert found[300]["saved"] == "2026-09-21T14:18:20+00:00"
    assert found[300]["bytes"] == (folder / str(Name(1, 300))).stat().st_size
    assert found[300]["job"] == "night"


def test_ls_reads_as_a_table_and_says_where_a_training_goes_on(folder: Path) -> None:
    kept(folder, 100, 200)

    result = run("ls", folder)

    assert result.stdout.splitlines()[0] == f"night, {folder}"
    assert "looks whole  newest 1 of 3" in result.stdout
    assert "goes on from step 200 (attempt 1)" in result.stderr


def test_ls_sees_one_that_was_cut(folder: Path) -> None:
    kept(folder, 100, 200)
    damage(folder, 200, keep_length=False)

    result = run("ls", folder)

    assert rows("ls", folder)[200]["state"] == "damaged"
    assert "goes on from step 100" in result.stderr


def test_ls_without_a_place_looks_where_a_training_would(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(folder, 100)
    monkeypatch.delenv("FINOPS_CHECKPOINT_FOLDER", raising=False)
    monkeypatch.delenv("AZUREML_RUN_ID", raising=False)
    monkeypatch.chdir(folder.parent)

    assert list(rows("ls")) == [100]


def test_what_a_training_left_is_listed_as_such(folder: Path) -> None:
    with checkpoint.open({"at": 1}, folder, job="night", keep=Keep(2, best=1), watch=False) as ck:
        ck.save(step=7, loss=0.5, wait=True)

    assert rows("ls", folder)[7]["kept"] == ["newest 1 of 2", "best loss 1 of 1"]


def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    result = run("ls", tmp_path / "nowhere")

    assert result.exit_code == 1
    assert "There is no folder" in result.stderr


# verify


def test_verify_is_content_with_what_is_whole(folder: Path) -> None:
    kept(folder, 100, 200)

    result = run("verify", folder)

    assert (result.exit_code, result.stderr) == (0, "Every byte was read: all are whole.\n")
    assert {row["state"] for row in rows("verify", folder).values()} == {"whole"}


def test_verify_names_the_file_the_bytes_and_what_is_used_instead(folder: Path) -> None:
    kept(folder, 100, 200)
    damage(folder, 200)

    result = run("verify", folder)

    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    size = (folder / str(Name(1, 200))).stat().st_size
    assert f"{Name(1, 200)}, bytes 0 to {size - 4096}." in said
    assert f"Used instead: step 100 (attempt 1), {Name(1, 100)}" in said


def test_verify_tells_each_stretch_of_a_large_one(folder: Path) -> None:
    store = store_of(f"folder:{folder}")
    publish(store, Name(1, 100), {"weights": bytes(5 * CHUNK)}, {"job": "night", "attempt": 1})
    for chunk in (1, 2, 4):
        damage(folder, 100, at=chunk * CHUNK + 7)

    found = rows("verify", folder)[100]["damage"]

    assert [(each["from"], each["to"]) for each in found] == [(CHUNK, 3 * CHUNK), (4 * CHUNK, 5 * CHUNK)]


def test_verify_says_where_an_older_one_is_not_needed(folder: Path) -> None:
    kept(folder, 100, 200)
    damage(folder, 100)

    assert "It is not needed: a training goes on from step 200" in run("verify", folder).stdout


def test_verify_says_where_nothing_is_left(folder: Path) -> None:
    kept(folder, 100)
    damage(folder, 100)

    assert "none before it" in run("verify", folder).stdout


def test_verify_of_an_empty_place_fails(folder: Path) -> None:
    result = run("verify", folder)

    assert result.exit_code == 1
    assert "no checkpoints" in result.stderr


# Of several processes


def test_the_parts_of_a_set_are_one_checkpoint(folder: Path) -> None:
    several(folder, 100)

    row = rows("verify", folder)[100]

    assert (row["state"], row["processes"]) == ("whole", 2)
    assert row["bytes"] == sum(each.stat().st_size for each in folder.iterdir())


def test_a_damaged_part_and_a_missing_one_are_named(folder: Path) -> None:
    several(folder, 100)
    several(folder, 200)
    damage(folder, 100, rank=1)
    (folder / str(part(Name(1, 200), 0, 2))).unlink()

    found = rows("verify", folder)

    assert [each["file"] for each in found[100]["damage"]] == [str(part(Name(1, 100), 1, 2))]
    assert [each["how"] for each in found[200]["damage"]] == ["The part of this process is missing."]


def test_a_part_of_another_set_is_named_though_it_is_whole(folder: Path) -> None:
    several(folder, 100)
    name = part(Name(1, 100), 1, 2)
    publish(store_of(f"folder:{folder}"), name, {"weights": bytes(10)}, {"job": "night", "attempt": 1, "step": 100})

    [told] = rows("verify", folder)[100]["damage"]

    assert told["file"] == str(name)
    assert "not the part that its set was made of" in told["how"]


def test_gc_deletes_sets_whole_and_parts_that_never_became_one(folder: Path) -> None:
    for step in (100, 200, 300, 400):
        several(folder, step)
    (folder / str(Name(1, 200))).unlink()

    run("gc", folder, "--keep", 2, "--yes")

    assert steps_in(folder) == [300, 400]


# gc


def test_gc_asks_and_deletes_nothing_without_a_yes(folder: Path) -> None:
    kept(folder, 100, 200, 300)

    result = run("gc", folder, "--keep", 2, given="n\n")

    assert result.exit_code == 1
    assert "step 100 (attempt 1), 16 kB: no rule keeps it" in result.stdout
    assert steps_in(folder) == [100, 200, 300]


def test_gc_deletes_what_the_trainings_own_rule_does_not_keep(folder: Path) -> None:
    kept(folder, 100, 150, 200, 250, 300, keep=Keep(2, every=100))

    run("gc", folder, given="y\n")

    assert steps_in(folder) == [100, 200, 250, 300]


def test_gc_never_deletes_the_last_whole_one(folder: Path) -> None:
    kept(folder, 100, 200, 300, 400)
    for step in (200, 300, 400):
        damage(folder, step)  # nothing but reading it all tells

    result = run("gc", folder, "--keep", 2, "--damaged", "--yes")

    assert result.exit_code == 0
    assert steps_in(folder) == [100]


def test_gc_deletes_nothing_where_none_is_whole(folder: Path) -> None:
    kept(folder, 100, 200, 300)
    for step in (100, 200, 300):
        damage(folder, step, keep_length=step != 200)

    result = run("gc", folder, "--keep", 2, "--damaged", "--yes")

    assert "none is whole: nothing is deleted" in result.stderr
    assert steps_in(folder) == [100, 200, 300]


def test_gc_leaves_damaged_ones_to_be_looked_at(folder: Path) -> None:
    kept(folder, 100, 200, 300)
    damage(folder, 100, keep_length=False)

    result = run("gc", folder, "--keep", 2, "--yes")

    assert "Damaged, and kept: step 100" in result.stderr
    assert steps_in(folder) == [100, 200, 300]


def test_each_job_in_a_folder_keeps_its_own(folder: Path) -> None:
    kept(folder, 100, 200, 300)
    kept(folder, 10, 20, attempt=2, job="day")

    run("gc", folder, "--keep", 2, "--yes")

    assert steps_in(folder) == [10, 20, 200, 300]


def test_a_damaged_one_does_not_count_among_the_newest(folder: Path) -> None:
    kept(folder, 100, 200, 300, 400)
    damage(folder, 400)

    run("gc", folder, "--keep", 2, "--yes")

    assert steps_in(folder) == [200, 300, 400]


def test_fewer_than_two_are_not_kept(folder: Path) -> None:
    assert run("gc", folder, "--keep", 1).exit_code == 2
