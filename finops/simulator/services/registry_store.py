"""The contents of container registries: repositories, manifests, tags, layers, and what was deleted softly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from finops.simulator.clock import minutes, stamp_of
from finops.simulator.draws import key_of
from finops.simulator.services.registry_content import blob_of, manifest_of
from finops.simulator.simulation import lines
from finops.simulator.store import Json, inside
from finops.simulator.world import World

OPEN = {"deleteEnabled": True, "writeEnabled": True, "readEnabled": True, "listEnabled": True}
REGISTRY = "microsoft.containerregistry/registries"
USUAL_RETENTION_DAYS = 7  # of what was deleted softly (azure-docs, container-registry-soft-delete-policy.md)


@dataclass
class Repository:
    """One repository. `manifests` by digest, `tags` by name; `deleted` has what can still be restored."""

    name: str
    created: str
    attributes: Json = field(default_factory=lambda: dict(OPEN))
    manifests: dict[str, Json] = field(default_factory=dict)
    tags: dict[str, Json] = field(default_factory=dict)
    deleted: dict[str, Json] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)  # of manifests that are gone as well: pages go on after them
    _ordered: dict[str, list[str]] = field(default_factory=dict)

    def add(self, line: Json) -> None:
        """Take in a manifest with its tags."""
        self.manifests[line["digest"]] = line
        self.times[line["digest"]] = line["lastUpdateTime"]
        for tag in line.get("tags") or []:
            self.tags[tag] = {
                "name": tag,
                "digest": line["digest"],
                "createdTime": line["createdTime"],
                "lastUpdateTime": line["lastUpdateTime"],
                "signed": False,
                "changeableAttributes": {**OPEN, **inside(line, "tagAttributes", tag)},
            }
        self.changed()

    def changed(self) -> None:
        """Forget the order of the manifests."""
        self._ordered.clear()

    def ordered(self, order: str) -> list[str]:
        """Digests by digest, or by the time of the last change: "timeasc", "timedesc"."""
        if order not in self._ordered:
            if order in {"timeasc", "timedesc"}:
                found = sorted(self.manifests, key=lambda one: (self.times[one], one), reverse=order == "timedesc")
            else:
                found = sorted(self.manifests)
            self._ordered[order] = found
        return self._ordered[order]

    def tags_of(self, digest: str) -> list[str]:
        return sorted(name for name, tag in self.tags.items() if tag["digest"] == digest)

    def referrers(self, digest: str) -> list[Json]:
        return [line for line in self.manifests.values() if inside(line, "subject").get("digest") == digest]

    def blob(self, digest: str) -> bytes | None:
        """The content of a layer or configuration of any manifest here."""
        for line in self.manifests.values():
            content = blob_of(line, digest)
            if content is not None:
                return content
        return None

    def names(self, digest: str) -> bool:
        """Whether any manifest here has that layer or configuration, be it that its content was not recorded."""
        return any(digest in _blobs(line) for line in self.manifests.values())


class Holding:
    """One registry. `uploaded` are layers that were pushed, until no manifest has them any more."""

    def __init__(self, world: World, body: Json) -> None:
        self.world = world
        self.id = str(body["id"])
        self.server = str(inside(body, "properties").get("loginServer") or f"{body['name']}.azurecr.io").lower()
        self.repositories: dict[str, Repository] = {}
        self.uploaded: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        for line in lines(world.folder / "images" / f"{body['name']}.jsonl"):
            home = self.repositories.get(line["imageName"])
            if home is None:
                home = self.repositories[line["imageName"]] = Repository(line["imageName"], line["createdTime"])
            if line.get("deletedAt"):
                home.deleted[line["digest"]] = line
            else:
                home.add(line)

    @property
    def now(self) -> str:
        """The time now, as the registry writes it."""
        minute = minutes(self.world.clock.now())
        return stamp_of(minute, key_of(self.server, minute))

    @property
    def keeps_deleted_days(self) -> int:
        """For how many days a deleted manifest can be restored; 0 where the policy is off."""
        body = self.world.resources.get(self.id) or {}
        policy = inside(body, "properties", "policies", "softDeletePolicy")
        on = str(policy.get("status", "")).lower() == "enabled"
        return int(policy.get("retentionDays") or USUAL_RETENTION_DAYS) if on else 0

    def blob(self, home: Repository, digest: str) -> bytes | None:
        uploaded = self.uploaded.get(digest)
        return home.blob(digest) if uploaded is None else uploaded

    def delete(self, home: Repository, digest: str) -> None:
        """Take a manifest out, its tags and what refers to it; each can be restored where the registry keeps them."""
        line = home.manifests.pop(digest)
        line["tags"] = home.tags_of(digest)
        for tag in line["tags"]:
            del home.tags[tag]
        home.changed()
        if self.keeps_deleted_days:
            home.deleted[digest] = {**line, "deletedAt": self.now}
        for referrer in home.referrers(digest):
            if referrer["digest"] in home.manifests:
                self.delete(home, referrer["digest"])
        self._drop_unused()
        if not home.manifests and not home.deleted:
            self.repositories.pop(home.name, None)

    def restored(self, home: Repository, digest: str, tag: str) -> Json:
        """Bring a deleted manifest back, under one tag."""
        line = {name: value for name, value in home.deleted.pop(digest).items() if name != "deletedAt"}
        line["tags"] = [tag] if tag else []
        home.add(line)
        return line

    def purge(self, home: Repository) -> None:
        """Forget deleted manifests whose time is over."""
        until = self.world.clock.now() - timedelta(days=self.keeps_deleted_days)
        for digest, line in list(home.deleted.items()):
            if datetime.fromisoformat(line["deletedAt"]) < until:
                del home.deleted[digest]

    def size(self) -> int:
        """Bytes of everything, each layer once."""
        blobs: dict[str, int] = {}
        for home in self.repositories.values():
            for line in (*home.manifests.values(), *home.deleted.values()):
                blobs |= _blobs(line)
                blobs[line["digest"]] = len(manifest_of(line) or b"")
        return sum(blobs.values())

    def _drop_unused(self) -> None:
        if self.uploaded:
            homes = self.repositories.values()
            used = {one for home in homes for line in home.manifests.values() for one in _blobs(line)}
            self.uploaded = {digest: content for digest, content in self.uploaded.items() if digest in used}


class Holdings:
    """The registries of a world, each read from its file when somebody first asks for it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._found: dict[str, Holding] = {}

    def of(self, server: str) -> Holding | None:
        """The registry with that login server, while ARM has it."""
        for body in self._world.resources.of_type(REGISTRY):
            known = str(inside(body, "properties").get("loginServer") or f"{body['name']}.azurecr.io").lower()
            if known == server.lower():
                return self.at(body)
        return None

    def at(self, body: Json) -> Holding:
        key = str(body["id"]).lower()
        if key not in self._found:
            self._found[key] = Holding(self._world, body)
        return self._found[key]

    def __iter__(self) -> Iterator[Holding]:
        return iter(self._found.values())


def _blobs(line: Json) -> dict[str, int]:
    config = line.get("config")
    return {one["digest"]: one["size"] for one in [*([config] if config else []), *line.get("layers", [])]}
