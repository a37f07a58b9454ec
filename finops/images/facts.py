"""What rules ask about an image: `facts.reached`, its age and rank, its locks, the bytes that only it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from finops.estate.ids import key
from finops.estate.model import Estate, Fact, Json, Known, Resource, Unknown
from finops.images import reading
from finops.images.along import along
from finops.images.model import ALONG, INDEXES, Manifest, Shape
from finops.images.reach import Reach, stands_alone
from finops.images.reading import Held

if TYPE_CHECKING:
    from finops.cloud import Azure

# What holds for the registry holds for what is in it.
INHERITED = ("costCenter", "owner", "locked", "ownerExists")
# Paths shown of an image that many things reach.
SHOWN = 20


@dataclass(frozen=True)
class Sizes:
    """Which layers images share. `alone` has the bytes of an image (by id in lower case) that no kept image shares."""

    alone: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)  # registry id in lower case -> why it is not known
    layers: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)  # registry -> image -> layers

    def freed(self, ids: set[str]) -> int | None:
        """Bytes of the layers that only these images have; None where a registry's layers were not read."""
        total = 0
        for registry in {one.partition("/manifests/")[0] for one in ids}:
            if registry not in self.layers:
                return None
            gone: dict[str, int] = {}
            stay: set[str] = set()
            for image, layers in self.layers[registry].items():
                if image in ids:
                    gone |= layers
                else:
                    stay |= set(layers)
            total += sum(size for digest, size in gone.items() if digest not in stay)
        return total


def sizes(
    azure: Azure,
    homes: Iterable[Held],
    reached: Mapping[tuple[str, str], Reach],
    known: MutableMapping[str, Shape],
    most: int,
    keep_newest: int,
) -> Sizes:
    """The bytes that only images hold which nothing keeps, registry by registry, the smallest first, `most` bodies."""
    registries: dict[str, list[Held]] = {}
    for home in homes:
        registries.setdefault(home.registry.id.lower(), []).append(home)
    kept = {name: _kept(found, reached, keep_newest) for name, found in registries.items()}
    alone: dict[str, int] = {}
    unread: dict[str, str] = {}
    layers: dict[str, Mapping[str, Mapping[str, int]]] = {}
    left = most
    needed = {
        name: [(home, one) for home in found for one in home.manifests.values() if one.shape is None]
        for name, found in registries.items()
    }
    for name, bodies in sorted(needed.items(), key=lambda one: len(one[1])):
        missing = sum(1 for _, one in bodies if one.digest not in known)
        if len(kept[name]) == sum(len(home.manifests) for home in registries[name]):
            unread[name] = "every image of the registry is kept, so nobody asked for its layers"
            continue
        if missing > left:
            unread[name] = f"the layers of {missing} images were not read; their sizes only say how much it is at most"
            continue
        left -= reading.with_shapes(azure, bodies, known)
        broken = next((home.unread for home in registries[name] if home.unread), "")
        if broken:
            unread[name] = broken
            continue
        layers[name] = {
            key(one.id): {layer.digest: layer.size for layer in one.shape.layers}
            for home in registries[name]
            for one in home.manifests.values()
            if one.shape is not None
        }
        holders = Counter(digest for image in kept[name] for digest in layers[name].get(image, ()))
        for image, held in layers[name].items():
            itself = 1 if image in kept[name] else 0
            alone[image] = sum(size for digest, size in held.items() if holders[digest] == itself)
    return Sizes(alone, unread, layers)


def _kept(homes: Iterable[Held], reached: Mapping[tuple[str, str], Reach], keep_newest: int) -> set[str]:
    """Ids of the images that something keeps: who reaches them, a lock, or that they are among the newest."""
    found = set()
    for home in homes:
        order, going = ranks(home), along(home)
        reach = reached[home.registry.id.lower(), home.name]
        for one in home.manifests.values():
            all_of_it = (one, *going.get(one.digest, ()))
            is_newest = _rank(all_of_it, order) <= keep_newest and any(each.tags for each in all_of_it)
            if reach.of(one.digest) is not False or any(each.locked for each in all_of_it) or is_newest:
                found.add(key(one.id))
    return found


def ranks(home: Held) -> dict[str, int]:
    """Place of each manifest by time, 1 for the newest: how many tagged images of the repository are newer, and one.

    Children of indexes and attachments take no place. One without a time counts as the newest.
    """
    alone = stands_alone(home)
    images = [one for one in home.manifests.values() if one.tags and one.digest in alone]
    times = sorted((one.pushed.timestamp() for one in images if one.pushed), reverse=True)
    timeless = len([one for one in images if one.pushed is None])
    found = {}
    for one in home.manifests.values():
        newer = _above(times, one.pushed.timestamp()) + timeless if one.pushed else 0
        found[one.digest] = newer + 1
    return found


def _above(times: list[float], moment: float) -> int:
    """How many of `times`, latest first, are later than `moment`."""
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) // 2
        if times[middle] > moment:
            low = middle + 1
        else:
            high = middle
    return low


def resource(
    home: Held,
    one: Manifest,
    with_it: Iterable[Manifest],
    reach: Reach,
    order: Mapping[str, int],
    sizes: Sizes,
    estate: Estate,
    now: datetime,
) -> Resource:
    """A manifest as rules see it: a body that looks like ARM's, and its facts. with_it: what goes with it."""
    body: Json = {
        "id": one.id,
        "name": f"{one.repository}@{one.digest}",
        "type": "Microsoft.ContainerRegistry/registries/manifests",
        "location": home.registry.body.get("location", ""),
        "tags": {},
        "systemData": {"createdAt": one.listed.get("createdTime", "")},
        "properties": {**one.listed, "loginServer": one.server, "imageName": one.repository},
    }
    return Resource(one.id, body, _facts(home, one, (one, *with_it), reach, order, sizes, estate, now))


def _rank(all_of_it: Sequence[Manifest], order: Mapping[str, int]) -> int:
    """The place of an image: the best of its own and those of what goes with it and has a tag."""
    return min(order[one.digest] for place, one in enumerate(all_of_it) if not place or one.tags)


def _facts(
    home: Held,
    one: Manifest,
    all_of_it: Sequence[Manifest],
    reach: Reach,
    order: Mapping[str, int],
    sizes: Sizes,
    estate: Estate,
    now: datetime,
) -> dict[str, Fact]:
    """all_of_it: the image, then what goes with it. What keeps any of these keeps all."""
    reached = reach.of(one.digest)
    by = tuple(dict.fromkeys(path[0].id for path in reach.paths.get(one.digest, ())))[:SHOWN]
    hidden = _hidden("; ".join(reach.hidden))
    days = min((now - each.pushed).days if each.pushed else -1 for each in all_of_it)
    age = _known(days, now) if days >= 0 else _hidden("its registry does not say when it was pushed")
    names = Known(list(by), now) if by else hidden if reach.hidden else _nobody(now)
    found: dict[str, Fact] = {
        "reached": hidden if reached is None else _known(reached, now),
        "reachedBy": names,
        "dependents": names,
        "pushedDays": age,
        "ageDays": age,
        "newestRank": _known(_rank(all_of_it, order), now),
        "tagged": _known(any(each.tags for each in all_of_it), now),
        "imageLocked": _known(any(each.locked for each in all_of_it), now),
        "exclusiveBytes": _bytes(one, sizes, now),
        ALONG: Known([each.id for each in all_of_it[1:]], now) if all_of_it[1:] else _nobody(now),
    }
    registry = estate.resources.get(key(home.registry.id))
    inherited = registry.facts if registry else {}
    return found | {name: inherited[name] for name in INHERITED if name in inherited}


# Images by the hundred thousand say the same few things: each is one object.
@lru_cache(1 << 14, typed=True)
def _known(value: int | bool, as_of: datetime) -> Fact:
    return Known(value, as_of)


@lru_cache(1 << 10)
def _hidden(reason: str) -> Fact:
    return Unknown(reason)


@lru_cache(4)
def _nobody(as_of: datetime) -> Fact:
    return Known([], as_of)


def _bytes(one: Manifest, sizes: Sizes, now: datetime) -> Fact:
    if one.media_type in INDEXES:
        return _known(0, now)
    known = sizes.alone.get(key(one.id))
    if known is not None:
        return _known(known, now)
    return _hidden(sizes.unread.get(one.registry.lower(), "its layers were not read"))


def told(facts: Mapping[str, Fact]) -> Json:
    """Facts for people and for JSON: the value, or why it is not known."""
    return {
        name: fact.value if isinstance(fact, Known) else {"unknown": fact.reason}
        for name, fact in sorted(facts.items())
    }
