"""Images in a tombstone: an OCI layout with every manifest, layer, referrer and tag, and how they are pushed again.

Layout: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from finops import images
from finops.acts import registry_of
from finops.errors import AzureError, NotFound
from finops.tombstones.comparing import MISSING, Comparison
from finops.tombstones.model import Content, Json, Tombstone
from finops.tombstones.steps import Look, Step

if TYPE_CHECKING:
    from finops.cloud import Azure, Registry

LAYOUT = "oci"
VERSION = "2021-07-01"
MOST = 200  # manifests below one image: platforms, signatures, bills of materials
LOST = ("The date of its first push, and the registry's own count of pulls.",)


def exported(azure: Azure, resource_id: str, folder: Path) -> Content:
    """The content of an image's tombstone, with its layout in `folder`. NotFound when it is gone."""
    content = listed(azure, resource_id)
    registry, repository, digest = registry_of(azure, resource_id)
    layout = images.export(azure, registry.server, repository, digest, folder / LAYOUT)
    if set(layout.manifests) != {one["digest"] for one in (content.image or {})["manifests"]}:
        raise AzureError(f"{resource_id} changed while it was exported.", "It is exported again by the next run.")
    return content


def listed(azure: Azure, resource_id: str) -> Content:
    """The same content without reading layers: their digests name them."""
    registry, repository, digest = registry_of(azure, resource_id)
    walk = _Walk(registry, repository)
    walk.visit(digest, "image")
    image = {
        "registry": images.parts_of(resource_id)[0], "server": registry.server, "repository": repository,
        "digest": digest, "manifests": walk.found,
    }  # fmt: skip
    return Content(resource_id, "deleteImage", (), image, LOST)


class _Walk:
    """Every manifest that belongs to one, in the order in which they are pushed: children, it, what refers to it."""

    def __init__(self, registry: Registry, repository: str) -> None:
        self.registry, self.repository = registry, repository
        self.found: list[Json] = []
        self._seen: set[str] = set()

    def visit(self, digest: str, role: str) -> None:
        if digest in self._seen:
            return
        self._seen.add(digest)
        if len(self._seen) > MOST:
            raise AzureError(
                f"{self.repository}@{digest} hangs together with more than {MOST} manifests.", "Look at it."
            )
        read = self.registry.manifest(self.repository, digest)
        tags = self.registry.listed(self.repository, digest).get("tags")
        body = _json(read.body, digest)
        for child in body.get("manifests") or []:
            self.visit(str(child["digest"]), "child")
        blobs = [
            *([body["config"]] if "config" in body else []),
            *(body.get("layers") or []),
            *(body.get("blobs") or []),
        ]
        kept = [{"digest": blob["digest"], "size": blob.get("size", 0)} for blob in blobs]
        self.found.append(
            {"digest": digest, "mediaType": read.media_type, "role": role, "blobs": kept,
             "tags": sorted(tags) if isinstance(tags, list) else []}
        )  # fmt: skip
        for referrer in sorted(self.registry.referrers(self.repository, digest), key=lambda one: str(one["digest"])):
            self.visit(str(referrer["digest"]), "referrer")


def image_steps(tombstone: Tombstone, look: Look) -> Iterator[Step]:
    """Manifests that are missing, then tags that nobody has. A tag that names another image by now stays there."""
    image = tombstone.content.image or {}
    blobs = tombstone.folder / LAYOUT / "blobs" / "sha256"
    for one in image["manifests"]:
        resource_id = images.resource_id(image["registry"], image["repository"], one["digest"])
        files = tuple(blobs / blob["digest"].partition(":")[2] for blob in one["blobs"])
        file, kind = blobs / one["digest"].partition(":")[2], one["mediaType"]
        if look(resource_id, VERSION) is None:
            yield Step(
                f"push the {one['role']} {one['digest']}", resource_id, VERSION, "PUT", resource_id, None, True, {},
                manifest=file, media_type=kind, layers=files,
            )  # fmt: skip
        for tag in one["tags"]:
            if tag not in (look(resource_id, VERSION) or {"properties": {"labels": {}}})["properties"]["labels"]:
                yield Step(
                    f"tag it {tag}", resource_id, VERSION, "PUT", resource_id, None, False,
                    {"properties": {"labels": {tag: True}}}, "changed-since",
                    f"decide by hand about the tag {tag}, which names another image by now",
                    manifest=file, media_type=kind, label=tag,
                )  # fmt: skip


def compared_image(tombstone: Tombstone, look: Look) -> Iterator[Comparison]:
    """For every manifest: whether the registry has it under its digest, and under each of its tags."""
    image = tombstone.content.image or {}
    for one in image["manifests"]:
        resource_id = images.resource_id(image["registry"], image["repository"], one["digest"])
        body = look(resource_id, VERSION)
        if body is None:
            yield Comparison(resource_id, one["role"], (), (("digest", one["digest"], MISSING),))
            continue
        labels = body["properties"]["labels"]
        yield Comparison(
            resource_id, one["role"],
            ("digest", *(f"tags.{tag}" for tag in one["tags"] if tag in labels)),
            tuple((f"tags.{tag}", tag, MISSING) for tag in one["tags"] if tag not in labels),
        )  # fmt: skip


def taken_tag(azure: Azure, resource_id: str, tag: str) -> str:
    """The digest that `tag` names by now, "" where it names none."""
    registry, repository, _ = registry_of(azure, resource_id)
    try:
        return registry.manifest(repository, tag).digest
    except NotFound:
        return ""


def _json(body: bytes, digest: str) -> Json:
    try:
        found = json.loads(body)
    except ValueError as fault:
        raise AzureError(f"The manifest {digest} is not JSON.", "Look at the registry.") from fault
    if not isinstance(found, dict):
        raise AzureError(f"The manifest {digest} is no object.", "Look at the registry.")
    return found
