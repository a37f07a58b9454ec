"""Images are exported whole before they are deleted, and pushed again with the same digests and tags."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from applying import Applying, applying
from estates import workspace_id
from imaging import environment
from registries import REGISTRY, image, index

from finops import images, tombstones

Json = dict[str, Any]

CHILDREN = [image("tools/base", f"2026-05-0{day}", bases=(0, day)) for day in (1, 2)]
OLD = index("tools/base", "2026-05-03", CHILDREN, "1.0", "stable")
SIGNATURE = image("tools/base", "2026-05-04", subject=OLD, artifact="application/vnd.cncf.notary.signature", bases=())
NEWER = [image("tools/base", f"2026-1{month}-01", f"2.{month}", bases=(0, 3), own=100 + month) for month in (0, 1)]
LINES = [*CHILDREN, OLD, SIGNATURE, *NEWER]


def id_of(line: Json) -> str:
    return images.resource_id(REGISTRY, line["imageName"], line["digest"])


def there(janitor: Applying) -> dict[str, list[str]]:
    """What the registry holds: tags by digest."""
    with janitor.azure() as azure:
        found = azure.registry("crprod.azurecr.io").manifests("tools/base")
        return {one["digest"]: sorted(one.get("tags") or []) for one in found}


def stale(tmp_path: Path, **more: Any) -> Any:
    return applying(tmp_path, *more.pop("bodies", ()), pictures=LINES, keep_newest=1, **more)


def test_an_image_is_deleted_by_digest_once_it_was_exported(tmp_path: Path):
    with stale(tmp_path) as janitor:
        [record] = janitor.approved(id_of(OLD), rule="image-stale")

        done = janitor.apply()

        assert [(line.result, line.what, line.record.status) for line in done.lines] == [
            ("done", "deleteImage", "confirmed")
        ], done.lines
        left = there(janitor)
        assert OLD["digest"] not in left
        assert SIGNATURE["digest"] not in left  # goes with what it is attached to
        assert CHILDREN[0]["digest"] in left
        tomb = tombstones.read(tmp_path / "tombstones", janitor.record(record.number).tombstone or "")
        for one in (OLD, SIGNATURE, *CHILDREN):
            blob = tomb.folder / "oci" / "blobs" / "sha256" / one["digest"].partition(":")[2]
            assert f"sha256:{hashlib.sha256(blob.read_bytes()).hexdigest()}" == one["digest"]


def test_an_image_comes_back_with_its_digests_tags_and_signature(tmp_path: Path):
    with stale(tmp_path) as janitor:
        before = there(janitor)
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        janitor.apply()
        with janitor.azure() as azure:
            azure.registry("crprod.azurecr.io").delete("tools/base", CHILDREN[0]["digest"])

        undone = janitor.undo(record.number)

        assert undone.equal, (undone.stopped, undone.for_people, [one.different for one in undone.compared])
        assert there(janitor) == before
        assert janitor.record(record.number).status == "restored"


def test_an_undo_of_an_image_that_was_broken_off_goes_on_where_it_was(tmp_path: Path):
    with stale(tmp_path) as janitor:
        before = there(janitor)
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        janitor.apply()
        janitor.served.faults.add({"fault": "403", "method": "PUT", "path": "/manifests/", "nth": 2})
        assert janitor.undo(record.number).stopped
        janitor.served.faults.clear()

        assert janitor.undo(record.number).equal
        assert there(janitor) == before


def test_a_tag_that_names_another_image_by_now_stays_there(tmp_path: Path):
    with stale(tmp_path) as janitor:
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        janitor.apply()
        newest = NEWER[1]
        with janitor.azure() as azure:
            registry = azure.registry("crprod.azurecr.io")
            held = registry.manifest("tools/base", newest["digest"])
            registry.put_manifest("tools/base", "stable", held.body, held.media_type)

        undone = janitor.undo(record.number)

        assert undone.stopped == ""
        assert not undone.equal
        assert "stable" in there(janitor)[newest["digest"]]
        assert there(janitor)[OLD["digest"]] == ["1.0"]
        assert "stable" in undone.for_people[0]


def test_an_image_that_is_used_again_is_kept(tmp_path: Path):
    with stale(tmp_path) as janitor:
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        home = workspace_id("ml-prod")
        for body in environment("tools/base:1.0"):
            janitor.put({**body, "id": body["id"].replace(body["id"].partition("/environments/")[0], home)})

        done = janitor.apply()

        assert [line.result for line in done.lines] == ["void"], done.lines
        assert janitor.record(record.number).status == "kept"
        assert OLD["digest"] in there(janitor)


def test_a_manifest_that_vanished_is_gone_and_no_failure(tmp_path: Path):
    with stale(tmp_path) as janitor:
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        with janitor.azure() as azure:
            azure.registry("crprod.azurecr.io").delete("tools/base", OLD["digest"])

        done = janitor.apply()

        assert not done.partial
        assert janitor.record(record.number).status == "gone"


@pytest.mark.parametrize("path", ["/oauth2/token", "/_manifests", "/blobs/", "/jobs"])
def test_what_cannot_be_read_of_a_registry_or_its_users_keeps_the_image(tmp_path: Path, path: str):
    with stale(tmp_path) as janitor:
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        janitor.served.faults.add({"fault": "401-expired" if "token" in path else "403", "path": path, "times": 99})

        done = janitor.apply()
        janitor.served.faults.clear()

        assert [line.result for line in done.lines] == ["held"], done.lines
        assert "A list does not show it" not in done.lines[0].why  # what could not be read is said
        assert janitor.record(record.number).status == "scheduled"
        assert OLD["digest"] in there(janitor)


def test_an_image_that_takes_too_long_to_look_at_again_is_kept_with_its_approval(tmp_path: Path):
    def last_look(asked: Json) -> bool:
        return "_manifests" in asked["path"] and bool(list(tombstones.names(tmp_path / "tombstones")))

    def takes_long() -> None:
        janitor.late += 400

    with stale(tmp_path) as janitor:
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        janitor.when(last_look, takes_long)

        late = janitor.apply()

        assert [line.result for line in late.lines] == ["held"], late.lines
        assert "could not be read again in time" in late.lines[0].why
        assert "Its approval stands" in late.lines[0].why
        assert janitor.record(record.number).status == "scheduled"
        assert OLD["digest"] in there(janitor)
        assert [line.result for line in janitor.apply().lines] == ["done"]


def test_a_tag_that_was_added_while_it_was_exported_keeps_the_image(tmp_path: Path):
    with stale(tmp_path) as janitor:
        janitor.approved(id_of(OLD), rule="image-stale")

        def tag() -> None:
            with janitor.azure() as azure:
                registry = azure.registry("crprod.azurecr.io")
                held = registry.manifest("tools/base", OLD["digest"])
                registry.put_manifest("tools/base", "again", held.body, held.media_type)

        janitor.when(lambda asked: "/blobs/sha256" in asked["path"], lambda: in_a_thread(tag))
        done = janitor.apply()

        assert [line.result for line in done.lines] in (["held"], ["void"])
        assert OLD["digest"] in there(janitor)


def in_a_thread(work: Any) -> None:
    from threading import Thread

    started = Thread(target=work)
    started.start()


def test_the_layout_is_one_that_other_tools_read(tmp_path: Path):
    with stale(tmp_path) as janitor:
        [record] = janitor.approved(id_of(OLD), rule="image-stale")
        janitor.apply()

        tomb = tombstones.read(tmp_path / "tombstones", janitor.record(record.number).tombstone or "")

        assert json.loads((tomb.folder / "oci" / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
