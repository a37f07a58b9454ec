"""Images of the registries: those that something reaches, in every way there is, and those that nothing does.

What is stale is older than 100 days, what is young is younger than 60, without a tag than 30, so that rules may ask for
anything in between; beyond the newest three of a repository means that at least four are newer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from finops.simulator.clock import minutes, stamp_of
from finops.simulator.draws import key_of
from finops.simulator.generate import ml_bodies
from finops.simulator.generate.bodies import resource
from finops.simulator.generate.draft import Draft
from finops.simulator.generate.organisation import Place
from finops.simulator.services import registry_content as content
from finops.simulator.store import Json

REPOSITORIES = ["azureml/train", "azureml/serving", "azureml/environments", "notebooks/base", "tools/etl"]
MAIN = REPOSITORIES[0]
NEWEST = 3  # kept by the rule image-stale
FRESH = NEWEST + 1  # newest images of each repository, so that none of the stale ones is among the newest three
SIGNATURE = "application/vnd.cncf.notary.signature"
BILL = "application/spdx+json"


def used(draft: Draft, registry: str, repository: str, what: str) -> str:
    """The reference of an image that `what`, a deployment, runs: by tag, by digest, or by the digest of an untagged."""
    held = draft.images.setdefault(registry, [])
    number = len(held)
    tags = [] if number % 4 == 3 else [f"v{number + 1}"]
    line = _image(draft, registry, repository, draft.some_day(95, 260, registry, "used", number), tags, what)
    held.append(line)
    if tags and number % 3 == 1:
        return f"{server_of(registry)}/{repository}:{tags[0]}"
    return f"{server_of(registry)}/{repository}@{line['digest']}"


def refer(draft: Draft, places: list[Place]) -> None:
    """Put what refers to images besides deployments, and the images: environments, a job, a schedule, containers."""
    for place in places:
        _Corner(draft, place).fill()


def manifests(draft: Draft, registry: str, count: int) -> Iterator[Json]:
    """`count` manifests of one registry (an id); the stale ones are planted."""
    held = draft.images.get(registry, [])
    _left_behind(draft, registry, held)
    yield from held
    left = max(0, count - len(held))
    repositories = REPOSITORIES[: 1 + min(4, left // 60)]
    locked = _is_locked(draft, registry)
    others = repositories[1:]
    for number in range(left):
        if number < FRESH * len(others):
            repository, pushed = others[number % len(others)], draft.some_day(1, 40, registry, "fresh", number)
            yield _image(draft, registry, repository, pushed, [f"n{number}"], registry, number)
            continue
        repository = repositories[number % len(repositories)]
        is_old = draft.chance(registry, number, "old") < 0.75
        tags = [f"{number}"] if draft.chance(registry, "tagged", number) < 0.45 else []
        days = (110, 420) if is_old else (2, 55) if tags else (2, 25)
        pushed = draft.some_day(*days, registry, "pushed", number)
        media_type = content.OCI if draft.chance(registry, "oci", number) < 0.1 else content.DOCKER
        is_kept = draft.chance(registry, number, "locked") < 0.03
        line = _image(
            draft, registry, repository, pushed, tags, registry, number, media_type=media_type, locked=is_kept
        )
        kind = "image-stale" if tags else "image-untagged"
        if is_old and is_kept:
            draft.keep(kind, id_of(registry, line), "it is locked in its registry")
        elif is_old:
            draft.waste(kind, id_of(registry, line), pushed, locked)
        yield line


def server_of(registry: str) -> str:
    return f"{registry.rsplit('/', 1)[-1]}.azurecr.io"


def id_of(registry: str, line: Json) -> str:
    """Under which id rules know a manifest, see docs/images.md."""
    return f"{registry}/manifests/{line['imageName'].replace('/', '~')}@{line['digest']}"


def _left_behind(draft: Draft, registry: str, held: list[Json]) -> None:
    """Plant the images of deployments that are gone by now."""
    group = registry.lower().rpartition("/providers/")[0]
    kind = "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments"
    told = " ".join(json.dumps(body["properties"]) for body in draft.world.resources.of_type(kind, under=group))
    served = [line for line in held if line["imageName"].endswith("-serving")]
    for line in served:
        place = f"{server_of(registry)}/{line['imageName']}"
        if line["digest"] in told or any(f'{place}:{tag}"' in told for tag in line["tags"]):
            continue
        newer = [
            one
            for one in served
            if one["tags"] and one["imageName"] == line["imageName"] and one["createdTime"] > line["createdTime"]
        ]
        if not line["tags"] or len(newer) >= NEWEST:
            pushed = minutes(datetime.fromisoformat(line["createdTime"]))
            rule = "image-stale" if line["tags"] else "image-untagged"
            draft.waste(rule, id_of(registry, line), pushed, _is_locked(draft, registry))


class _Corner:
    """The look-alikes of one registry."""

    def __init__(self, draft: Draft, place: Place) -> None:
        self.draft = draft
        self.place = place
        self.registry = place.registry
        self.held = draft.images.setdefault(place.registry, [])
        self.locked = _is_locked(draft, place.registry)

    def fill(self) -> None:
        for number in range(FRESH):
            pushed = self.draft.some_day(1, 40, self.registry, "fresh", number)
            line = _image(self.draft, self.registry, MAIN, pushed, [f"new{number}"], "fresh", number)
            self.held.append(line)
        self._environments()
        self._containers()
        self._indexes()
        self._artifacts()
        line = self._old(MAIN, ["release"], "tag lock")
        line["tagAttributes"] = {"release": {"deleteEnabled": False}}
        self._keep("image-stale", line, "its tag is locked")

    def _environments(self) -> None:
        """Environments of which ARM tells the image, and those whose image AML built under a name of its own."""
        draft, place = self.draft, self.place
        for number in range(2):
            name = f"azureml/azureml_{key_of(place.id, 'env', number):016x}{key_of(place.id, 'vne', number):016x}"
            line = self._old(name, ["1", "latest"], "built", number)
            why = "AML built it for an environment, and ARM does not say for which"
            self._keep("image-stale", line, why, unknown=True)
        person, made = place.owner, draft.ago(35)
        container = ml_bodies.environment(place.id, "image-base", 4, made, person)
        draft.put(made, person, container)

        def version(number: int, reference: str, archived: bool = True) -> str:
            body = ml_bodies.environment_version(container, number, made, person, archived)
            body["properties"]["image"] = f"{server_of(self.registry)}/{reference}"
            body["properties"]["condaFile"] = None
            draft.put(made, person, body)
            return str(body["id"])

        line = self._old(MAIN, [], "environment")
        version(1, f"{MAIN}@{line['digest']}", archived=False)
        self._keep("image-untagged", line, "an environment version names its digest")
        line = self._old(MAIN, ["env-job"], "job")
        self._job(version(2, f"{MAIN}:env-job"))
        self._keep("image-stale", line, "a job of the last days ran in it, by an archived environment version")
        line = self._old(MAIN, ["env-nightly"], "schedule")
        action = ml_bodies.nightly_job(None, version(3, f"{MAIN}:env-nightly"), "python nightly.py")
        draft.put(made, person, ml_bodies.schedule(place.id, "nightly-image", made, person, action))
        self._keep("image-stale", line, "a schedule runs in it, by an archived environment version")
        line = self._old(MAIN, ["env-old"], "archived")
        version(4, f"{MAIN}:env-old")
        self._waste("image-stale", line)

    def _job(self, environment: str) -> None:
        """One job of twelve days ago, on AML's own nodes."""
        asked, name = self.draft.ago(12.3), "calm_harbour_image01"
        body = {
            "id": f"{self.place.id}/jobs/{name}",
            "name": name,
            "type": "Microsoft.MachineLearningServices/workspaces/jobs",
            "properties": {
                "jobType": "Command",
                "status": "Completed",
                "displayName": name,
                "experimentName": "images",
                "command": "python train.py",
                "environmentId": environment,
                "computeId": None,
                "isArchived": False,
                "services": {},
                "tags": {},
                "properties": {},
                "resources": {"instanceCount": 1, "instanceType": "Standard_DS3_v2", "properties": {}},
            },
            "systemData": {
                "createdAt": stamp_of(asked),
                "createdBy": self.place.owner,
                "createdByType": "User",
            },
        }
        self.draft.put(asked, self.place.owner, body)

    def _containers(self) -> None:
        """A container group (ACI) that names an index by its tag, and an untagged image by its digest."""
        children = [self._old("tools/multi", [], "child", number) for number in range(2)]
        whole = self._index("tools/multi", ["1.0"], children, "run")
        bare = self._old(MAIN, [], "by digest")
        references = [f"tools/multi:{whole['tags'][0]}", f"{MAIN}@{bare['digest']}"]
        containers = [
            {"name": f"c{number}", "properties": {"image": f"{server_of(self.registry)}/{reference}", "ports": []}}
            for number, reference in enumerate(references)
        ]
        properties = {"provisioningState": "Succeeded", "osType": "Linux", "sku": "Standard", "containers": containers}
        person, made = self.place.owner, self.draft.ago(60)
        tags = {"CostCenter": self.place.team, "Environment": self.place.environment}
        kind = "Microsoft.ContainerInstance/containerGroups"
        name = f"aci-{self.place.team}-{self.place.environment}"
        self.draft.put(
            made, person, resource(self.place.group, kind, name, self.place.region, tags, properties=properties)
        )
        self._keep("image-stale", whole, "a container group names its tag")
        self._keep("image-untagged", bare, "a container group names its digest")
        for child in children:
            self._keep("image-untagged", child, "an index that a container group names holds it")

    def _indexes(self) -> None:
        """An index that nothing reaches: it is stale, its children stay as long as it does."""
        children = [self._old(MAIN, [], "stale child", number) for number in range(2)]
        self._waste("image-stale", self._index(MAIN, ["multi-old"], children, "stale"))
        for child in children:
            self._keep("image-untagged", child, "an index holds it")

    def _artifacts(self) -> None:
        """Signatures and a bill of materials: of an image that stays, of one that is stale, of one that is gone."""
        rare = [self._old("tools/rare", [f"r{number}"], "rare", number) for number in range(3)]
        for line in rare:
            self._keep("image-stale", line, "among the newest three of its repository")
        kept, stale = rare[0], self._old(MAIN, ["signed-old"], "signed")
        self._waste("image-stale", stale)
        for subject, kind in ((kept, BILL), (stale, SIGNATURE)):
            line = self._old(subject["imageName"], [], kind, artifact=kind, subject=content.descriptor(subject))
            self._keep("image-untagged", line, "it is attached to an image that is still there")
        gone = _image(self.draft, self.registry, MAIN, self.draft.ago(200), [], "gone")
        self._waste(
            "image-untagged", self._old(MAIN, [], "dangling", artifact=SIGNATURE, subject=content.descriptor(gone))
        )
        tag = kept["digest"].replace(":", "-") + ".sig"
        line = self._old("tools/rare", [tag], "cosign", artifact="application/vnd.dev.cosign.artifact.sig.v1+json")
        self._keep("image-stale", line, "its tag says that it is the signature of an image that is still there")

    def _old(
        self,
        repository: str,
        tags: list[str],
        *parts: object,
        artifact: str = "",
        subject: Json | None = None,
    ) -> Json:
        pushed = self.draft.some_day(110, 300, self.registry, repository, *parts)
        line = _image(
            self.draft, self.registry, repository, pushed, tags, *parts, artifact=artifact, subject=subject
        )  # fmt: skip
        self.held.append(line)
        return line

    def _index(self, repository: str, tags: list[str], children: list[Json], *parts: object) -> Json:
        pushed = self.draft.some_day(105, 109, self.registry, repository, *parts)
        line = _line(self.draft, self.registry, repository, pushed, tags, "index", *parts)
        line["mediaType"] = content.DOCKER_LIST
        architectures = zip(children, ("amd64", "arm64"), strict=True)
        line["references"] = [
            {**content.descriptor(child), "architecture": name, "os": "linux"} for child, name in architectures
        ]
        self.held.append(content.finished(line))
        return line

    def _keep(self, kind: str, line: Json, why: str, unknown: bool = False) -> None:
        self.draft.keep(kind, id_of(self.registry, line), why, unknown)

    def _waste(self, kind: str, line: Json) -> None:
        pushed = minutes(datetime.fromisoformat(line["createdTime"]))
        self.draft.waste(kind, id_of(self.registry, line), pushed, self.locked)


def _line(draft: Draft, registry: str, repository: str, pushed: int, tags: list[str], *parts: object) -> Json:
    """What every manifest has; a digest and what is in it come later."""
    key = key_of(draft.key, registry, repository, *parts)
    return {
        "registry": server_of(registry),
        "imageName": repository,
        "createdTime": stamp_of(pushed, key),
        "lastUpdateTime": stamp_of(pushed, key),
        "tags": tags,
        "changeableAttributes": {
            "deleteEnabled": True,
            "writeEnabled": True,
            "readEnabled": True,
            "listEnabled": True,
        },
    }


def _image(
    draft: Draft,
    registry: str,
    repository: str,
    pushed: int,
    tags: list[str],
    *parts: object,
    media_type: str = content.DOCKER,
    locked: bool = False,
    artifact: str = "",
    subject: Json | None = None,
) -> Json:
    """An image of three layers: the system its repository is built on, a framework shared by a few months' builds, and
    its own; an artifact has only its own."""
    line = _line(draft, registry, repository, pushed, tags, *parts)
    line["changeableAttributes"]["deleteEnabled"] = line["changeableAttributes"]["writeEnabled"] = not locked
    if artifact:
        line |= {"mediaType": content.OCI, "configMediaType": content.EMPTY_CONFIG, "artifactType": artifact}
        shared: list[Json] = []
    else:
        config = content.DOCKER_CONFIG if media_type == content.DOCKER else content.OCI_CONFIG
        line |= {"architecture": "amd64", "os": "linux", "mediaType": media_type, "configMediaType": config}
        months = pushed // (60 * 1440)
        shared = [content.base(key_of(repository)), content.base(key_of(repository, months))]
        if shared[0] == shared[1]:
            shared.pop()
    if subject:
        line["subject"] = subject
    size = 600 + int(draft.chance(registry, repository, "size", *parts) * 6000)
    own = content.filling(content.own_seed(line), size)
    line["layers"] = [*shared, {"digest": content.digest_of(own), "size": size}]
    return content.finished(line)


def _is_locked(draft: Draft, registry: str) -> bool:
    """Whether a management lock stands on the registry or above it."""
    marker = "/providers/microsoft.authorization/locks/"
    scopes = (str(body["id"]).lower().rpartition(marker)[0] for body in draft.bodies)
    return any(scope and f"{registry.lower()}/".startswith(f"{scope}/") for scope in scopes)
