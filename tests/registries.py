"""A registry written by hand: lines for `images/<registry>.jsonl`, and the estate folder around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from estates import PROD, group_id

from finops.simulator.services import registry_content as content

Json = dict[str, Any]
SERVER = "crprod.azurecr.io"
REGISTRY = f"{group_id(PROD, 'rg-ml')}/providers/Microsoft.ContainerRegistry/registries/crprod"


def registry(name: str = "crprod", server: str = "", **policies: Json) -> Json:
    return {
        "id": f"{REGISTRY.rpartition('/')[0]}/{name}",
        "name": name,
        "type": "Microsoft.ContainerRegistry/registries",
        "location": "eastus",
        "tags": {"CostCenter": "ml"},
        "sku": {"name": "Premium", "tier": "Premium"},
        "properties": {
            "loginServer": server or f"{name}.azurecr.io",
            "creationDate": "2026-01-01T00:00:00Z",
            "provisioningState": "Succeeded",
            "policies": policies,
        },
    }


def image(
    repository: str,
    pushed: str,
    *tags: str,
    bases: tuple[int, ...] = (0, 1),
    own: int = 700,
    media_type: str = content.DOCKER,
    locked: bool = False,
    subject: Json | None = None,
    artifact: str = "",
) -> Json:
    """An image pushed on the day `pushed`, with `tags`; `bases` are layers that it shares with others."""
    created = f"{pushed}T08:00:00.0000000Z" if "T" not in pushed else pushed
    line: Json = {
        "registry": SERVER,
        "imageName": repository,
        "createdTime": created,
        "lastUpdateTime": created,
        "architecture": "" if artifact else "amd64",
        "os": "" if artifact else "linux",
        "mediaType": content.OCI if artifact or subject else media_type,
        "configMediaType": content.EMPTY_CONFIG
        if artifact
        else content.DOCKER_CONFIG
        if media_type == content.DOCKER
        else content.OCI_CONFIG,
        "tags": list(tags),
        "changeableAttributes": {
            "deleteEnabled": not locked,
            "writeEnabled": True,
            "readEnabled": True,
            "listEnabled": True,
        },
    }
    seed = content.filling(content.own_seed(line), own)
    line["layers"] = [*(content.base(number) for number in bases), {"digest": content.digest_of(seed), "size": own}]
    if artifact:
        line["artifactType"] = artifact
    if subject:
        line["subject"] = content.descriptor(subject)
    return content.finished(line)


def index(repository: str, pushed: str, children: list[Json], *tags: str) -> Json:
    """A manifest list: one name for images of several architectures."""
    created = f"{pushed}T08:00:00.0000000Z"
    line: Json = {
        "registry": SERVER,
        "imageName": repository,
        "createdTime": created,
        "lastUpdateTime": created,
        "mediaType": content.OCI_INDEX,
        "tags": list(tags),
        "changeableAttributes": {
            "deleteEnabled": True,
            "writeEnabled": True,
            "readEnabled": True,
            "listEnabled": True,
        },
        "references": [{**content.descriptor(child), "architecture": "amd64", "os": "linux"} for child in children],
    }
    return content.finished(line)


def write_images(folder: Path, *lines: Json, name: str = "crprod", **more: Json) -> None:
    """Put the registry `name` with these manifests into an estate folder; `more` are its policies."""
    file = folder / "arm" / "microsoft.containerregistry" / "registries.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as target:
        target.write(json.dumps(registry(name, **more)) + "\n")
    images = folder / "images" / f"{name}.jsonl"
    images.parent.mkdir(parents=True, exist_ok=True)
    images.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
