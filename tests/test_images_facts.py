"""What rules ask about images, and what people get told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from imaging import container_group, fact, read, world
from registries import REGISTRY, SERVER, image, index

from finops import images
from finops.cli.janitor_images import why
from finops.errors import UsageError
from finops.estate import Unknown

OLD = image("tools/etl", "2026-05-01", "v1", bases=(0, 1), own=700)
NEW = image("tools/etl", "2026-10-01", "v2", bases=(0, 2), own=900)


def test_age_is_counted_from_the_last_push(tmp_path: Path):
    again = {**NEW, "createdTime": "2026-01-01T08:00:00Z", "lastUpdateTime": "2026-11-20T08:00:00Z"}

    found = read(world(tmp_path, [OLD, again]))

    assert fact(found, OLD, "pushedDays") == 204
    assert fact(found, again, "pushedDays") == 1


def test_an_image_without_a_time_has_no_age_and_is_the_newest(tmp_path: Path):
    timeless = {**OLD, "createdTime": "never"}

    found = read(world(tmp_path, [timeless, NEW]))

    assert isinstance(fact(found, timeless, "pushedDays"), Unknown)
    assert fact(found, timeless, "newestRank") == 1
    assert fact(found, NEW, "newestRank") == 2


def test_rank_counts_tagged_images_and_neither_children_nor_signatures(tmp_path: Path):
    child = image("tools/etl", "2026-08-01", "child")
    whole = index("tools/etl", "2026-08-02", [child], "multi")
    signature = image("tools/etl", "2026-09-01", subject=OLD, artifact="application/vnd.cncf.notary.signature")
    bare = image("tools/etl", "2026-09-02")

    found = read(world(tmp_path, [OLD, NEW, child, whole, signature, bare]))

    assert [fact(found, one, "newestRank") for one in (NEW, whole, OLD)] == [1, 2, 3]


@pytest.mark.parametrize("which", ["deleteEnabled", "writeEnabled"])
def test_a_locked_image_says_so(tmp_path: Path, which: str):
    locked = {**OLD, "changeableAttributes": {**OLD["changeableAttributes"], which: False}}

    found = read(world(tmp_path, [locked, NEW]))

    assert fact(found, locked, "imageLocked") is True
    assert fact(found, NEW, "imageLocked") is False


def test_an_image_under_a_locked_tag_is_locked(tmp_path: Path):
    found = read(world(tmp_path, [{**OLD, "tagAttributes": {"v1": {"writeEnabled": False}}}, NEW]))

    assert fact(found, OLD, "imageLocked") is True


def test_an_image_that_does_not_say_whether_it_is_locked_is_locked(tmp_path: Path):
    found = read(world(tmp_path, [{**OLD, "changeableAttributes": None}, NEW]))

    assert fact(found, OLD, "imageLocked") is True


def test_only_layers_that_no_kept_image_has_are_freed(tmp_path: Path):
    found = read(world(tmp_path, [OLD, NEW], [container_group("tools/etl:v2")]), keep_newest=0)

    shared = {layer["digest"] for layer in NEW["layers"]}
    own = [OLD["config"], *(layer for layer in OLD["layers"] if layer["digest"] not in shared)]
    assert fact(found, OLD, "exclusiveBytes") == sum(layer["size"] for layer in own)


def test_a_layer_that_two_images_share_is_freed_once_both_are_gone(tmp_path: Path):
    other = image("tools/base", "2026-05-02", "x", bases=(0, 1), own=900)
    found = read(world(tmp_path, [OLD, other]), keep_newest=0)
    ids = [images.resource_id(REGISTRY, one["imageName"], one["digest"]) for one in (OLD, other)]

    one, both = found.freed(ids[:1]), found.freed(ids)

    alone = OLD["config"]["size"] + 700
    assert one == alone
    assert both == alone + other["config"]["size"] + 900 + sum(layer["size"] for layer in OLD["layers"][:2])


def test_bytes_are_unknown_where_there_are_too_many_images_to_look_into(tmp_path: Path):
    from estates import AS_OF
    from imaging import connected

    from finops import estate

    with connected(world(tmp_path, [OLD, NEW])) as (azure, server):
        found = images.read(azure, estate.read(azure, AS_OF), AS_OF, keep_newest=0, layer_reads=1)

        assert not [line for line in server.requests if "/v2/" in line["path"]]
    assert isinstance(fact(found, OLD, "exclusiveBytes"), Unknown)
    assert found.freed([images.resource_id(REGISTRY, "tools/etl", OLD["digest"])]) is None


def test_bodies_that_were_read_before_are_not_asked_for_again(tmp_path: Path):
    from estates import AS_OF
    from imaging import connected

    from finops import estate

    whole = index("tools/base", "2026-05-03", [image("tools/base", "2026-05-01")], "1.0")
    known: dict[str, images.Shape] = {}
    with connected(world(tmp_path, [OLD, whole])) as (azure, server):
        found = estate.read(azure, AS_OF)
        images.read(azure, found, AS_OF, known=known)
        server.requests.clear()
        images.read(azure, found, AS_OF, known=known)

        assert not [line for line in server.requests if "/v2/" in line["path"]]


def test_what_holds_for_the_registry_holds_for_its_images(tmp_path: Path):
    found = read(world(tmp_path, [OLD]))

    assert fact(found, OLD, "costCenter") == "ml"
    assert fact(found, OLD, "locked") is False


def test_ids_of_images_name_registry_repository_and_digest():
    made = images.resource_id(REGISTRY, "tools/etl", OLD["digest"])

    assert images.parts_of(made) == (REGISTRY, "tools/etl", OLD["digest"])


@pytest.mark.parametrize(
    "name", [f"{SERVER}/tools/etl:v1", f"tools/etl@{OLD['digest']}", OLD["digest"], "tools/etl:v1"]
)
def test_an_image_is_found_by_any_of_its_names(tmp_path: Path, name: str):
    assert read(world(tmp_path, [OLD, NEW])).why(name).image == f"{SERVER}/tools/etl@{OLD['digest']}"


def test_a_name_of_no_image_is_an_error_that_says_how_to_write_one(tmp_path: Path):
    with pytest.raises(UsageError, match="server/repository:tag"):
        read(world(tmp_path, [OLD])).why("tools/etl:v9")


def test_the_path_that_keeps_an_image_begins_with_who_names_it(tmp_path: Path):
    group = container_group("tools/etl:v1")

    found = read(world(tmp_path, [OLD], [group])).why("tools/etl:v1")

    assert found.reached is True
    assert [step.id for step in found.paths[0]] == [
        group["id"].lower(),
        f"{SERVER}/tools/etl:v1",
        f"{SERVER}/tools/etl@{OLD['digest']}",
    ]


def test_the_proof_says_what_was_looked_through_and_how_much(tmp_path: Path):
    found = read(world(tmp_path, [OLD])).why("tools/etl:v1")

    counts = {one.what.rpartition("/")[2]: one.count for one in found.looked}
    assert found.reached is False
    assert counts["jobs"] == 6
    assert counts["deployments"] >= 1
    assert counts["containergroups"] == 0


def test_the_command_prints_the_path(tmp_path: Path):
    folder = world(tmp_path, [OLD], [container_group("tools/etl:v1")])

    result = CliRunner().invoke(why, ["tools/etl:v1", "--estate", str(folder)])

    assert result.exit_code == 0
    assert "It is kept by 1 path:" in result.output
    assert "containergroups/aci runs it" in result.output


def test_the_command_says_that_it_cannot_know_with_its_exit_code(tmp_path: Path):
    built = image(f"azureml/azureml_{'0f' * 16}", "2026-05-01", "latest")

    result = CliRunner().invoke(why, [built["digest"], "--estate", str(world(tmp_path, [built])), "-o", "json"])

    assert result.exit_code == 20
    assert json.loads(result.output)[0]["reached"] is None


@pytest.mark.parametrize("how", ["newest", "locked"])
def test_layers_of_an_image_that_is_newest_or_locked_are_not_freed(tmp_path: Path, how: str):
    open_or_not = {**NEW["changeableAttributes"], "deleteEnabled": how != "locked"}

    found = read(
        world(tmp_path, [OLD, {**NEW, "changeableAttributes": open_or_not}]), keep_newest=1 if how == "newest" else 0
    )

    own = [OLD["config"], *(layer for layer in OLD["layers"] if layer not in NEW["layers"])]
    assert fact(found, OLD, "exclusiveBytes") == sum(layer["size"] for layer in own)
