"""Images in the eyes of acts: a manifest is read from its registry, and its digest is its generation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from finops import images
from finops.cloud import Azure, Json
from finops.errors import AzureError, NotFound
from finops.estate.ids import type_of
from finops.estate.model import text

from . import storage

if TYPE_CHECKING:
    from finops.cloud import Registry

REGISTRIES_VERSION = "2023-07-01"


def is_image(resource_id: str) -> bool:
    return type_of(resource_id) == images.TYPE


def registry_of(azure: Azure, resource_id: str) -> tuple[Registry, str, str]:
    """The registry of an image, as Azure names its server now, with the repository and the digest."""
    registry_id, repository, digest = images.parts_of(resource_id)
    server = text(azure.get(registry_id, REGISTRIES_VERSION), "properties.loginServer")
    if not server:
        raise AzureError(f"{registry_id} has no login server.", "Look at the registry in Azure.")
    return azure.registry(server), repository, digest


def state_of(azure: Azure, resource_id: str, api_version: str, afterwards: Json | None = None) -> Json | None:
    """The body of a resource or of an image, None when Azure itself says that it is not there.

    afterwards: of an act; names the parts that are read along with a storage account
    """
    if storage.is_account(resource_id):
        return storage.state_of(azure, resource_id, api_version, afterwards)
    if not is_image(resource_id):
        return azure.state_of(resource_id, api_version)
    registry, repository, digest = registry_of(azure, resource_id)
    try:
        listed = registry.listed(repository, digest)
    except NotFound:
        return None
    labels = listed.get("tags")
    # No "tags": those of an image are labels, not the tags of a resource.
    return {
        "id": resource_id, "systemData": {"createdAt": digest},
        "properties": {"labels": dict.fromkeys(labels if isinstance(labels, list) else [], True)},
    }  # fmt: skip


def delete(azure: Azure, resource_id: str, leave: Callable[[str], None]) -> bool:
    """Whether the image was there and is deleted now. leave: called just before the request."""
    registry, repository, digest = registry_of(azure, resource_id)
    leave(resource_id)
    return registry.delete(repository, digest)


def put_layer(
    azure: Azure, resource_id: str, digest: str, pieces: Iterable[bytes], ready: Callable[[str], None]
) -> None:
    """Send a layer of an image, unless it is there. Nobody can see it until a manifest names it."""
    registry, repository, _ = registry_of(azure, resource_id)
    ready(resource_id)
    registry.put_blob(repository, digest, pieces)


def put(azure: Azure, resource_id: str, label: str, body: bytes, media_type: str, leave: Callable[[str], None]) -> None:
    """Put the manifest of an image back, under its digest or under one of its labels."""
    registry, repository, digest = registry_of(azure, resource_id)
    leave(resource_id)
    if registry.put_manifest(repository, label or digest, body, media_type) != digest:
        raise AzureError(f"The registry took {resource_id} for another image.", "Look at the registry.")
