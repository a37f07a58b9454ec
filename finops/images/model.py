"""What images are made of: manifests, what reaches them, and what could not be looked into."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]

ALONG = "goesWithIt"  # the fact that says what a registry deletes together with an image
# Manifests are no ARM resources; for rules they look like children of their registry.
TYPE = "microsoft.containerregistry/registries/manifests"

INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
# What may name a `subject` (OCI image specification 1.1); Docker's own manifests cannot.
MAY_REFER = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.artifact.manifest.v1+json",
}


def resource_id(registry_id: str, repository: str, digest: str) -> str:
    """The id under which rules, findings and tombstones know a manifest: "/" in the repository's name is "~"."""
    return f"{registry_id}/manifests/{repository.replace('/', '~')}@{digest}"


def parts_of(manifest_id: str) -> tuple[str, str, str]:
    """Registry id, repository and digest of an id that `resource_id` made; ValueError for any other."""
    registry_id, found, name = manifest_id.rpartition("/manifests/")
    repository, at, digest = name.partition("@")
    if not (found and at and registry_id.lower().split("/")[-2:-1] == ["registries"] and digest.startswith("sha256:")):
        raise ValueError(f"{manifest_id} does not name a manifest")
    return registry_id, repository.replace("~", "/"), digest


@dataclass(frozen=True)
class Layer:
    """A layer or configuration: registries keep each digest once, however many images have it."""

    digest: str
    size: int


@dataclass(frozen=True)
class Shape:
    """What the body of a manifest says: an index's children, an artifact's subject, an image's layers."""

    children: tuple[str, ...] = ()
    subject: str = ""
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """One manifest as its registry lists it. `shape` is None where its body was not read."""

    registry: str
    server: str
    repository: str
    digest: str
    media_type: str
    tags: tuple[str, ...]
    size: int
    pushed: datetime | None
    locked: bool
    listed: Json = field(repr=False)
    shape: Shape | None = None

    @property
    def id(self) -> str:
        return resource_id(self.registry, self.repository, self.digest)

    @property
    def name(self) -> str:
        """As people write it: server/repository@digest."""
        return f"{self.server}/{self.repository}@{self.digest}"


@dataclass(frozen=True)
class Reference:
    """Somebody who names an image: `by` is an ARM id or a line of a file, `how` says in words what it does with it.

    tag and digest: "" where none is named; with neither, and `all_of_them`, every image of the repository is meant.
    via: what led from `by` to the image, such as the environment version of a job.
    """

    server: str
    repository: str
    tag: str
    digest: str
    by: str
    how: str
    via: tuple[str, ...] = ()
    all_of_them: bool = False


@dataclass(frozen=True)
class Blind:
    """Something that could refer to images and was not looked into; to those of one registry, or of all (server "")."""

    reason: str
    server: str = ""


@dataclass(frozen=True)
class Looked:
    """What was looked through for references: the proof, where nothing was found."""

    what: str
    count: int
    as_of: datetime


@dataclass(frozen=True)
class Step:
    """One step of the path that keeps an image."""

    what: str
    id: str


@dataclass(frozen=True)
class Why:
    """Why an image stays, or the proof that nothing keeps it.

    reached: None is unknown, and `reason` says why.
    """

    image: str
    id: str
    tags: tuple[str, ...]
    reached: bool | None
    reason: str
    paths: tuple[tuple[Step, ...], ...]
    looked: tuple[Looked, ...]
    not_looked: tuple[str, ...]
    facts: Json
