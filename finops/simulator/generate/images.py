"""Image manifests of the registries, as `_manifests` lists them: those that deployments run, and those left behind."""

from __future__ import annotations

from collections.abc import Iterator

from finops.simulator.clock import stamp_of
from finops.simulator.generate.draft import Draft
from finops.simulator.store import Json

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
STALE_DAYS = 90
REPOSITORIES = ["azureml/train", "azureml/serving", "azureml/environments", "notebooks/base", "tools/etl"]


def manifests(draft: Draft, registry: str, count: int) -> Iterator[Json]:
    """`count` manifests of one registry (an id), oldest first within each repository; the stale ones are planted."""
    name = registry.rsplit("/", 1)[-1]
    used = draft.images.get(registry, [])
    for number, image in enumerate(used):
        pushed = draft.some_day(95, 260, registry, "used", number)
        yield _manifest(draft, name, image["imageName"], image["digest"], pushed, [f"v{number + 1}"])
    for number in range(max(0, count - len(used))):
        repository = REPOSITORIES[number % len(REPOSITORIES)]
        pushed = draft.some_day(1, 420, registry, "pushed", number)
        digest = "sha256:" + "".join(f"{int(draft.chance(registry, number, part) * 2**32):08x}" for part in range(8))
        tagged = draft.chance(registry, "tagged", number) < 0.45
        tags = [f"{number // len(REPOSITORIES)}"] if tagged else []
        if not tagged and pushed < draft.ago(STALE_DAYS):
            draft.plant("stale-image", f"{name}.azurecr.io/{repository}@{digest}", pushed, registry=registry)
        yield _manifest(draft, name, repository, digest, pushed, tags)


def _manifest(draft: Draft, registry: str, repository: str, digest: str, pushed: int, tags: list[str]) -> Json:
    locked = draft.chance(digest, "locked") < 0.02
    return {
        "registry": f"{registry}.azurecr.io",
        "imageName": repository,
        "digest": digest,
        "imageSize": draft.number(310_000_000, 7_900_000_000, digest, "size"),
        "createdTime": stamp_of(pushed),
        "lastUpdateTime": stamp_of(pushed + 1),
        "architecture": "amd64",
        "os": "linux",
        "mediaType": DOCKER,
        "configMediaType": "application/vnd.docker.container.image.v1+json",
        "tags": tags,
        "changeableAttributes": {
            "deleteEnabled": not locked,
            "writeEnabled": not locked,
            "readEnabled": True,
            "listEnabled": True,
        },
    }
