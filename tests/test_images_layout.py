"""An image as an OCI layout folder: what is exported is whole, and what is restored is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from estates import AS_OF
from imaging import connected, world
from registries import SERVER, image, index

from finops import estate, images
from finops.errors import AzureError, DataError, NotFound
from finops.simulator.faults import rules_of

CHILDREN = [image("tools/base", f"2026-05-0{day}", bases=(0, day)) for day in (1, 2)]
WHOLE = index("tools/base", "2026-05-03", CHILDREN, "1.0", "stable")
SIGNATURE = image("tools/base", "2026-05-04", subject=WHOLE, artifact="application/vnd.cncf.notary.signature", bases=())
LINES = [*CHILDREN, WHOLE, SIGNATURE]


def test_an_export_holds_the_image_its_children_and_what_is_attached(tmp_path: Path):
    with connected(world(tmp_path, LINES)) as (azure, _):
        found = images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")

    assert set(found.manifests) == {line["digest"] for line in LINES}
    assert (found.digest, found.tags) == (WHOLE["digest"], ("1.0", "stable"))


def test_an_export_is_an_oci_layout(tmp_path: Path):
    with connected(world(tmp_path, LINES)) as (azure, _):
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")

    assert json.loads((tmp_path / "kept" / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index_json = json.loads((tmp_path / "kept" / "index.json").read_text())
    assert index_json["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] == "1.0"


def test_what_was_deleted_comes_back_with_the_same_digests_and_tags(tmp_path: Path):
    with connected(world(tmp_path, LINES)) as (azure, _):
        registry = azure.registry(SERVER)
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")
        for line in (WHOLE, *CHILDREN):
            registry.delete("tools/base", line["digest"])
        assert "tools/base" not in list(registry.repositories())

        images.restore(azure, tmp_path / "kept")

        there = {found["digest"]: found.get("tags") or [] for found in registry.manifests("tools/base")}
        assert there == {line["digest"]: sorted(line["tags"]) for line in LINES}
        assert [one["digest"] for one in registry.referrers("tools/base", WHOLE["digest"])] == [SIGNATURE["digest"]]
        for child in CHILDREN:
            for layer in child["layers"]:
                assert sum(map(len, registry.blob("tools/base", layer["digest"]))) == layer["size"]


def test_a_tag_that_was_given_to_another_image_since_is_left_alone(tmp_path: Path):
    newer = image("tools/base", "2026-06-01", "newer")
    with connected(world(tmp_path, [*LINES, newer])) as (azure, _):
        registry = azure.registry(SERVER)
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")
        registry.delete("tools/base", WHOLE["digest"])
        body = registry.manifest("tools/base", "newer")
        registry.put_manifest("tools/base", "stable", body.body, body.media_type)

        images.restore(azure, tmp_path / "kept")

        assert registry.manifest("tools/base", "stable").digest == newer["digest"]
        assert registry.manifest("tools/base", "1.0").digest == WHOLE["digest"]


def test_restoring_twice_changes_nothing(tmp_path: Path):
    with connected(world(tmp_path, LINES)) as (azure, _):
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")
        before = list(azure.registry(SERVER).manifests("tools/base"))

        images.restore(azure, tmp_path / "kept")

        after = list(azure.registry(SERVER).manifests("tools/base"))
        assert [(one["digest"], one.get("tags")) for one in after] == [
            (one["digest"], one.get("tags")) for one in before
        ]


@pytest.mark.parametrize("damage", ["cut", "change", "remove"])
def test_a_damaged_layer_is_found(tmp_path: Path, damage: str):
    with connected(world(tmp_path, LINES)) as (azure, _):
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")
    layer = tmp_path / "kept" / "blobs" / "sha256" / CHILDREN[0]["layers"][0]["digest"].removeprefix("sha256:")
    content = layer.read_bytes()
    if damage == "remove":
        layer.unlink()
    else:
        layer.write_bytes(content[:-1] if damage == "cut" else b"x" + content[1:])

    with pytest.raises(DataError, match="Export"):
        images.verify(tmp_path / "kept")


def test_a_manifest_that_is_missing_from_the_index_is_found(tmp_path: Path):
    with connected(world(tmp_path, LINES)) as (azure, _):
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")
    file = tmp_path / "kept" / "index.json"
    told = json.loads(file.read_text())
    told["manifests"] = [one for one in told["manifests"] if one["digest"] != CHILDREN[0]["digest"]]
    file.write_text(json.dumps(told))

    with pytest.raises(DataError, match="lacks"):
        images.verify(tmp_path / "kept")


def test_a_layer_that_is_not_what_it_should_be_ends_the_export(tmp_path: Path):
    broken = {"path": "/blobs/", "fault": "status", "status": 200, "code": "a", "message": "b", "times": 1}
    with connected(world(tmp_path, LINES), faults=[broken]) as (azure, _), pytest.raises((AzureError, DataError)):
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")


def test_an_export_that_was_cut_off_can_be_made_again(tmp_path: Path):
    refused = {"path": "/blobs/", "fault": "status", "status": 403, "code": "a", "message": "b", "after": 3, "times": 1}
    with connected(world(tmp_path, LINES), faults=[refused]) as (azure, _):
        with pytest.raises(AzureError):
            images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")

        assert images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept").manifests


def test_a_recording_of_images_is_read_as_the_registry_was(tmp_path: Path):
    with connected(world(tmp_path, LINES)) as (azure, _):
        found = estate.read(azure, AS_OF)
        before = images.read(azure, found, AS_OF).resources()
        estate.capture(
            azure, tmp_path / "recorded", AS_OF, more=lambda made, folder: images.capture(azure, made, folder)
        )

    with connected(tmp_path / "recorded") as (azure, _):
        after = images.read(azure, estate.read(azure, AS_OF), AS_OF).resources()

    assert {name: one.facts for name, one in after.items()} == {name: one.facts for name, one in before.items()}


def test_a_registry_that_could_not_be_recorded_is_refused_again(tmp_path: Path):
    no = {"path": "/acr/v1/", "fault": "status", "status": 403, "code": "DENIED", "message": "no"}
    with connected(world(tmp_path, LINES), faults=[no]) as (azure, _):
        stamp = estate.capture(
            azure, tmp_path / "recorded", AS_OF, more=lambda made, folder: images.capture(azure, made, folder)
        )

    with connected(tmp_path / "recorded", faults=estate.faults(stamp.gaps)) as (azure, _):
        found = images.read(azure, estate.read(azure, AS_OF), AS_OF)

    assert not stamp.complete
    assert [gap.what for gap in found.gaps] == ["Microsoft.ContainerRegistry/registries/manifests"]


def test_a_registry_that_says_yes_and_keeps_nothing_is_found_out(tmp_path: Path):
    with connected(world(tmp_path, LINES)) as (azure, server):
        images.export(azure, SERVER, "tools/base", WHOLE["digest"], tmp_path / "kept")
        azure.registry(SERVER).delete("tools/base", WHOLE["digest"])
        yes = {"path": "/manifests/", "method": "PUT", "fault": "status", "status": 201, "code": "a", "message": "b"}
        server.app.faults.add(rules_of([yes]))

        with pytest.raises(NotFound):
            images.restore(azure, tmp_path / "kept")
