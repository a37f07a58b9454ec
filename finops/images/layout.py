"""An image as an OCI layout folder: written whole, read back, and sent to a registry again.

    oci-layout              {"imageLayoutVersion": "1.0.0"}
    index.json              the image and what is attached to it, with the tags that it had
    blobs/sha256/<digits>   manifests, configurations, layers

OCI image layout specification 1.1: `skopeo copy oci:DIR:TAG` and `oras copy --from-oci-layout` read it, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from finops.errors import DataError, NotFound
from finops.estate.folder import write
from finops.estate.model import Json
from finops.images.model import Layer, Shape
from finops.images.reading import shape_of

if TYPE_CHECKING:
    from finops.cloud import Azure, Registry

LAYOUT = {"imageLayoutVersion": "1.0.0"}
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
TAG = "org.opencontainers.image.ref.name"
REPOSITORY = "com.github.aml-finops.repository"
TAGS = "com.github.aml-finops.tags"
DEEPEST = 8  # an index of indexes of ...
PIECE = 1024 * 1024


@dataclass(frozen=True)
class Layout:
    """What a folder holds: the image, its tags, everything attached to it, bytes and number of files."""

    server: str
    repository: str
    digest: str
    tags: tuple[str, ...]
    manifests: tuple[str, ...]  # children and attachments included, each after what it needs
    blobs: int
    size: int


def export(azure: Azure, server: str, repository: str, digest: str, folder: Path) -> Layout:
    """Write the image with its children and with what is attached to it, and read everything back.

    Deleting an image deletes what is attached to it, so that belongs to it. Raises DataError when what was written is
    not what the registry said; the folder is then of no use.
    """
    registry = azure.registry(server)
    tags = tuple(sorted(str(tag) for tag in registry.listed(repository, digest).get("tags") or []))
    written: dict[str, Json] = {}
    for one in _closure(registry, repository, digest, 0, set()):
        manifest = registry.manifest(repository, one)
        for layer in shape_of(manifest.body, one).layers:
            _save(folder, layer, registry.blob(repository, layer.digest))
        _save(folder, Layer(one, len(manifest.body)), [manifest.body])
        written[one] = {"mediaType": manifest.media_type, "digest": one, "size": len(manifest.body)}
    entries: list[Json] = []
    for one, descriptor in written.items():
        if one == digest:
            notes = {REPOSITORY: f"{server}/{repository}", TAGS: json.dumps(tags)}
            entries.insert(0, {**descriptor, "annotations": {**({TAG: tags[0]} if tags else {}), **notes}})
        else:
            entries.append(descriptor)
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}
    _write(folder / "oci-layout", LAYOUT)
    _write(folder / "index.json", index)
    return verify(folder)


def verify(folder: Path) -> Layout:
    """What a layout folder holds, after every byte of it was read and compared with its digest."""
    index = _read(folder / "index.json")
    if _read(folder / "oci-layout") != LAYOUT:
        raise DataError(f"{folder} is no OCI layout.", "Export the image again.")
    entries = index.get("manifests")
    if not isinstance(entries, list) or not entries or not all(isinstance(one, dict) for one in entries):
        raise DataError(f"{folder / 'index.json'} names no image.", "Export the image again.")
    size = 0
    blobs: set[str] = set()
    for entry in entries:
        body = _blob(folder, str(entry.get("digest")), int(entry.get("size", -1)))
        blobs.add(str(entry["digest"]))
        size += len(body)
        for layer in shape_of(body, str(entry["digest"])).layers:
            if layer.digest not in blobs:
                blobs.add(layer.digest)
                size += _checked(folder, layer)
    first = entries[0]
    notes = first.get("annotations") or {}
    server, _, repository = str(notes.get(REPOSITORY, "")).partition("/")
    known = {str(one["digest"]) for one in entries}
    for one in known:
        shape = shape_of(_blob(folder, one, -1), one)
        lacking = [child for child in shape.children if child not in known]
        if lacking:
            raise DataError(f"{folder} lacks {lacking[0]}, which {one} names.", "Export the image again.")
    return Layout(
        server=server,
        repository=repository,
        digest=str(first["digest"]),
        tags=tuple(json.loads(notes.get(TAGS, "[]"))),
        manifests=tuple(_ordered(folder, entries)),
        blobs=len(blobs),
        size=size,
    )


def restore(azure: Azure, folder: Path, server: str = "", repository: str = "") -> Layout:
    """Send the image of a layout folder to its registry again, with its tags; the same digests, read back.

    A tag that by now names another image is left alone: what was tagged since is what people mean by it.
    """
    found = verify(folder)
    registry = azure.registry(server or found.server)
    home = repository or found.repository
    types = {str(one["digest"]): str(one["mediaType"]) for one in _read(folder / "index.json")["manifests"]}
    for one in found.manifests:
        body = _blob(folder, one, -1)
        for layer in shape_of(body, one).layers:
            registry.put_blob(home, layer.digest, _pieces(folder, layer.digest))
        registry.put_manifest(home, one, body, types[one])
    body = _blob(folder, found.digest, -1)
    for tag in found.tags:
        if _named(registry, home, tag) in ("", found.digest):
            registry.put_manifest(home, tag, body, types[found.digest])
    for one in found.manifests:
        registry.manifest(home, one)  # raises where it is not there, or not the same byte by byte
    return found


def _closure(registry: Registry, repository: str, digest: str, depth: int, seen: set[str]) -> Iterator[str]:
    """The image, its children and what is attached to any of them; children come before the index that names them."""
    if digest in seen or depth > DEEPEST:
        return
    seen.add(digest)
    shape: Shape = shape_of(registry.manifest(repository, digest).body, digest)
    for child in shape.children:
        yield from _closure(registry, repository, child, depth + 1, seen)
    yield digest
    for referrer in registry.referrers(repository, digest):
        yield from _closure(registry, repository, str(referrer.get("digest")), depth + 1, seen)


def _ordered(folder: Path, entries: Iterable[Json]) -> list[str]:
    """Digests so that children come before their index and attachments after their subject."""
    left = {str(one["digest"]): shape_of(_blob(folder, str(one["digest"]), -1), str(one["digest"])) for one in entries}
    order: list[str] = []
    while left:
        ready = [
            one
            for one, shape in left.items()
            if not any(child in left for child in shape.children) and shape.subject not in left
        ]
        if not ready:
            raise DataError(f"The images in {folder} name each other in a circle.", "Export the image again.")
        order += ready
        for one in ready:
            del left[one]
    return order


def _named(registry: Registry, repository: str, tag: str) -> str:
    """The digest that a tag names now; "" where there is no such tag."""
    try:
        return registry.manifest(repository, tag).digest
    except NotFound:
        return ""


def _save(folder: Path, layer: Layer, pieces: Iterable[bytes]) -> None:
    place = _place(folder, layer.digest)
    if place.exists():
        return

    def fill(target: IO[bytes]) -> None:
        for piece in pieces:
            target.write(piece)

    write(place, fill)
    _checked(folder, layer)


def _checked(folder: Path, layer: Layer) -> int:
    """The size of a blob, if it is what its descriptor says."""
    hashed, size = hashlib.sha256(), 0
    for piece in _pieces(folder, layer.digest):
        hashed.update(piece)
        size += len(piece)
    if f"sha256:{hashed.hexdigest()}" != layer.digest or size != layer.size:
        what = f"{_place(folder, layer.digest)} is not what its name says ({size} bytes, {layer.size} were due)."
        raise DataError(what, "Export the image again, while it is still in its registry.")
    return size


def _pieces(folder: Path, digest: str) -> Iterator[bytes]:
    try:
        with _place(folder, digest).open("rb") as source:
            while piece := source.read(PIECE):
                yield piece
    except OSError as fault:
        raise DataError(f"{_place(folder, digest)} cannot be read: {fault.strerror}.", "Export it again.") from fault


def _blob(folder: Path, digest: str, size: int) -> bytes:
    """A manifest, read whole; `size` -1 is any."""
    body = b"".join(_pieces(folder, digest))
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest or size not in (-1, len(body)):
        raise DataError(f"{_place(folder, digest)} is not what its name says.", "Export the image again.")
    return body


def _place(folder: Path, digest: str) -> Path:
    kind, _, digits = digest.partition(":")
    if kind != "sha256" or len(digits) != 64 or not digits.isalnum():
        raise DataError(f"{digest!r} is no digest.", "Export the image again.")
    return folder / "blobs" / "sha256" / digits


def _write(file: Path, body: Json) -> None:
    write(file, lambda target: target.write(json.dumps(body, indent=1).encode() + b"\n"))


def _read(file: Path) -> Json:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise DataError(f"{file} cannot be read: {fault}.", "Export the image again.") from fault
    if not isinstance(found, dict):
        raise DataError(f"{file} is no JSON object.", "Export the image again.")
    return found
