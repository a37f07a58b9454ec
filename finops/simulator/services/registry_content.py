"""What images are made of: small layers with real digests, made again from what a registry's list says of an image.

A line of `images/<registry>.jsonl` is an item of `_manifests` and, beside it, what the body of the manifest says:
`config` and `layers` ({digest, size, mediaType?}), `references` (an index's children), `subject`, `artifactType`;
`body` where the bytes themselves were recorded; `tagAttributes` where a tag is locked; `deletedAt` where it was deleted
softly. Layers are no archives, and a hundredth of what real ones weigh.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache

from finops.simulator.store import Json

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
INDEXES = {DOCKER_LIST, OCI_INDEX}
MANIFESTS = {DOCKER, OCI, *INDEXES}
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
# What an artifact has in place of a configuration (OCI image specification 1.1, "empty descriptor").
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"

# The layers that images share: operating systems, drivers, frameworks. 1 to 6 MB each.
BASES = 24
_BLOCK = 4096


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def filling(seed: str, size: int) -> bytes:
    """`size` bytes that look like nothing and are the same for the same seed."""
    block = hashlib.shake_128(seed.encode()).digest(min(size, _BLOCK))
    return (block * (size // _BLOCK + 1))[:size] if size > _BLOCK else block


def base_size(number: int) -> int:
    return (1 + number * 7 % 6) * 1_048_576


@cache
def bases() -> dict[str, int]:
    """Digest -> number of every base layer."""
    return {digest_of(filling(f"base-{number}", base_size(number))): number for number in range(BASES)}


@cache
def base(number: int) -> Json:
    """The descriptor of a base layer."""
    digest = next(digest for digest, known in bases().items() if known == number % BASES)
    return {"digest": digest, "size": base_size(number % BASES)}


def own_seed(line: Json) -> str:
    """What the layer that no other image has is made from."""
    return f"{line['imageName']}@{line['createdTime']}"


def config_of(line: Json) -> bytes:
    """The configuration of an image, `{}` of an artifact."""
    if line.get("configMediaType") == EMPTY_CONFIG:
        return b"{}"
    about = {name: line.get(name, "") for name in ("architecture", "os")}
    diffs = [layer["digest"] for layer in line["layers"]]
    told = {"created": line["createdTime"], **about, "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}}
    return json.dumps(told, separators=(",", ":")).encode()


def manifest_of(line: Json) -> bytes | None:
    """The bytes of the manifest; None where nobody recorded what they are."""
    if "body" in line:
        return str(line["body"]).encode()
    if "config" not in line and "references" not in line:
        return None
    media_type = line["mediaType"]
    told: Json = {"schemaVersion": 2, "mediaType": media_type}
    if line.get("artifactType"):
        told["artifactType"] = line["artifactType"]
    if media_type in INDEXES:
        told["manifests"] = [
            {
                "mediaType": child["mediaType"],
                "digest": child["digest"],
                "size": child["size"],
                "platform": {"architecture": child["architecture"], "os": child["os"]},
            }
            for child in line["references"]
        ]
    else:
        usual = DOCKER_LAYER if media_type == DOCKER else OCI_LAYER
        told["config"] = {"mediaType": line["configMediaType"], **line["config"]}
        told["layers"] = [{"mediaType": usual, **layer} for layer in line["layers"]]
    if line.get("subject"):
        told["subject"] = line["subject"]
    return json.dumps(told, separators=(",", ":")).encode()


def finished(line: Json) -> Json:
    """`line` with its configuration, size and digest, which follow from the rest."""
    if line["mediaType"] not in INDEXES:
        config = config_of(line)
        line["config"] = {"digest": digest_of(config), "size": len(config)}
        line["imageSize"] = len(config) + sum(layer["size"] for layer in line["layers"])
    else:
        line["imageSize"] = sum(child["size"] for child in line["references"])
    body = manifest_of(line)
    assert body is not None
    line["digest"] = digest_of(body)
    if line["mediaType"] in INDEXES:
        line["imageSize"] += len(body)
    return line


def descriptor(line: Json) -> Json:
    """How another manifest names this one."""
    body = manifest_of(line)
    assert body is not None
    return {"mediaType": line["mediaType"], "digest": line["digest"], "size": len(body)}


def described(body: bytes, media_type: str) -> Json:
    """What a line says of a manifest that was pushed: its bytes, and what they name. ValueError if they are none."""
    told = json.loads(body)
    if not isinstance(told, dict) or told.get("schemaVersion") != 2:
        raise ValueError("it is no manifest of schema version 2")
    line: Json = {"mediaType": media_type, "body": body.decode(), "imageSize": len(body)}
    if media_type in INDEXES:
        line["references"] = [
            {
                "digest": child["digest"],
                "architecture": (child.get("platform") or {}).get("architecture", ""),
                "os": (child.get("platform") or {}).get("os", ""),
                "mediaType": child.get("mediaType", ""),
                "size": child.get("size", 0),
            }
            for child in told.get("manifests", [])
        ]
    else:
        config = told.get("config") or {}
        line["configMediaType"] = config.get("mediaType", "")
        line["config"] = {"digest": config.get("digest", ""), "size": config.get("size", 0)}
        line["layers"] = [{"digest": one["digest"], "size": one["size"]} for one in told.get("layers", [])]
        line["imageSize"] = sum(layer["size"] for layer in [line["config"], *line["layers"]])
    if told.get("artifactType"):
        line["artifactType"] = told["artifactType"]
    if told.get("subject"):
        line["subject"] = told["subject"]
    return line


def blob_of(line: Json, digest: str) -> bytes | None:
    """The layer or configuration `digest` of an image; None where it has none such, or where it cannot be made."""
    if digest == (line.get("config") or {}).get("digest") and "layers" in line:
        content = config_of(line)
    else:
        size = next((layer["size"] for layer in line.get("layers", []) if layer["digest"] == digest), None)
        if size is None:
            return None
        number = bases().get(digest)
        content = filling(own_seed(line) if number is None else f"base-{number}", size)
    return content if digest_of(content) == digest else None
