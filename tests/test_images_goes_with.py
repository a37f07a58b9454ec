"""A registry deletes what is attached to an image with it: what keeps that keeps the image."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from applying import applying
from imaging import container_group, environment, fact, read, world
from registries import image, index
from test_applying_images import CHILDREN, NEWER, OLD, SIGNATURE, id_of, stale, there

from finops.cli.janitor_images import told
from finops.jobs.sweeping.looking import Looker

Json = dict[str, Any]


def attached(day: str, *tags: str, to: Json = OLD, **more: Any) -> Json:
    return image("tools/base", day, *tags, subject=to, artifact="application/vnd.acme.model", bases=(), **more)


def found(tmp_path: Path, *further: Json, bodies: Any = ()) -> Any:
    return read(world(tmp_path, [*CHILDREN, OLD, *NEWER, *further], bodies), keep_newest=1)


def test_what_is_attached_and_what_is_attached_to_that_goes_with_an_image(tmp_path: Path):
    deeper = attached("2026-05-05", to=SIGNATURE)

    seen = found(tmp_path, SIGNATURE, deeper)

    assert sorted(fact(seen, OLD, "goesWithIt")) == sorted([id_of(SIGNATURE), id_of(deeper)])
    assert fact(seen, SIGNATURE, "goesWithIt") == [id_of(deeper)]


def test_children_of_an_index_and_what_is_attached_by_a_tag_stay(tmp_path: Path):
    tag = OLD["digest"].replace(":", "-") + ".sig"

    seen = found(tmp_path, image("tools/base", "2026-05-04", tag, artifact="application/vnd.dev.cosign", bases=()))

    assert fact(seen, OLD, "goesWithIt") == []


def test_what_runs_an_attachment_reaches_the_image_and_the_path_says_so(tmp_path: Path):
    model = attached("2026-05-04", "model-v9")
    group = container_group("tools/base:model-v9")

    seen = found(tmp_path, model, bodies=[group])

    assert fact(seen, OLD, "reachedBy") == [group["id"].lower()]
    said = "\n".join(told(seen.why(OLD["digest"])))
    assert "would be deleted with what it is attached to" in said
    assert len(seen.why(model["digest"]).paths) == 1  # not once more by way of the image that it keeps


def test_what_runs_an_index_keeps_what_its_children_are_attached_to(tmp_path: Path):
    child = attached("2026-05-04")
    whole = index("tools/base", "2026-05-05", [child], "bundle")
    group = container_group("tools/base:bundle")

    seen = found(tmp_path, child, whole, bodies=[group])

    assert fact(seen, OLD, "reachedBy") == [group["id"].lower()]


def test_an_index_keeps_what_its_children_are_attached_to_as_long_as_it_is_there(tmp_path: Path):
    child = attached("2026-05-04")

    seen = found(tmp_path, child, index("tools/base", "2026-05-05", [child], "bundle"))

    assert fact(seen, OLD, "reached") is True


def test_a_lock_on_an_attachment_is_one_on_the_image(tmp_path: Path):
    assert fact(found(tmp_path, attached("2026-05-04", locked=True)), OLD, "imageLocked") is True


def test_an_image_is_as_young_as_what_is_attached_to_it(tmp_path: Path):
    assert fact(found(tmp_path, attached("2026-11-20")), OLD, "pushedDays") == 1


def test_an_image_is_among_the_newest_if_a_tagged_attachment_is(tmp_path: Path):
    assert fact(found(tmp_path / "a", attached("2026-11-20")), OLD, "newestRank") == 3
    assert fact(found(tmp_path / "b", attached("2026-11-20", "model-v9")), OLD, "newestRank") == 1


def test_an_image_counts_as_tagged_if_an_attachment_is(tmp_path: Path):
    bare = image("tools/base", "2026-05-01")
    model = attached("2026-05-02", "model-v9", to=bare)

    seen = found(tmp_path, bare, model)

    assert fact(seen, bare, "tagged") is True


def test_the_approver_is_told_what_goes_with_an_image(tmp_path: Path):
    with stale(tmp_path) as janitor:
        [record] = janitor.found(id_of(OLD), rule="image-stale")

        assert record.finding.evidence["goesWithIt"] == [id_of(SIGNATURE)]


def test_what_goes_with_an_image_is_part_of_what_is_approved(tmp_path: Path):
    def digest(*lines: Json) -> str:
        folder = tmp_path / str(len(lines))
        folder.mkdir()
        with applying(folder, pictures=lines, keep_newest=1) as janitor:
            [record] = janitor.found(id_of(OLD), rule="image-stale")
            return record.finding.digest

    assert digest(*CHILDREN, OLD, *NEWER) != digest(*CHILDREN, OLD, SIGNATURE, *NEWER)


def test_what_is_attached_after_the_approval_keeps_the_image(tmp_path: Path):
    with stale(tmp_path) as janitor:
        janitor.approved(id_of(OLD), rule="image-stale")
        with janitor.azure() as azure:
            registry = azure.registry("crprod.azurecr.io")
            held = registry.manifest("tools/base", SIGNATURE["digest"])
            body = held.body.replace(b"vnd.cncf.notary.signature", b"vnd.acme.other")
            registry.put_manifest("tools/base", f"sha256:{sha256(body).hexdigest()}", body, held.media_type)

        done = janitor.apply()

        assert "done" not in [line.result for line in done.lines]
        assert OLD["digest"] in there(janitor)


def test_the_estate_that_refers_to_images_is_read_anew_before_its_reading_is_too_old(tmp_path: Path):
    with stale(tmp_path) as janitor, janitor.azure() as azure, janitor.state() as state:
        [record] = janitor.found(id_of(OLD), rule="image-stale")
        looker = Looker(azure, janitor.settings, state)
        assert looker.look([record], janitor.now)[1].findings
        for body in environment("tools/base:1.0"):
            janitor.put(body)
        janitor.late += 151

        assert looker.look([record], janitor.now)[1].findings == ()
