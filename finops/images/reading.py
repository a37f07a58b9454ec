"""What registries hold: every manifest as it is listed, and the bodies of those that point to others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, DataError, NotFound, SignInError
from finops.estate.asking import gap
from finops.estate.evidence import moment_of
from finops.estate.model import Estate, Gap, Json, Resource, at, text
from finops.images.model import INDEXES, Layer, Manifest, Shape

if TYPE_CHECKING:
    from finops.cloud import Azure

REGISTRY = "microsoft.containerregistry/registries"
# The name under which a Gap says what is missing; docs/estate-format.md lists them.
MANIFESTS = "Microsoft.ContainerRegistry/registries/manifests"


@dataclass
class Held:
    """One repository: its manifests by digest, which digest each tag names, and whether it or a tag is locked."""

    registry: Resource
    server: str
    name: str
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    unread: str = ""  # why the body of an index could not be read: then anything here may be one of its children


@dataclass(frozen=True)
class Holdings:
    """The repositories that could be read, and what could not."""

    repositories: tuple[Held, ...]
    gaps: tuple[Gap, ...]
    counted: int


def read(
    azure: Azure, estate: Estate, known: Mapping[str, Shape], only: Iterable[tuple[str, str]] | None = None
) -> Holdings:
    """Every repository of every registry of the estate, with the bodies of its indexes.

    known: bodies that were read before, by digest: what a digest stands for does not change.
    only: registry id in lower case and repository, in place of all.
    """
    gaps: list[Gap] = []
    registries = {one.id.lower(): one for one in estate.of_type(REGISTRY)}
    if only is None:
        listed = _asked(
            azure, registries.values(), lambda one: list(azure.registry(server_of(one)).repositories()), gaps
        )
        wanted = [(one, name) for one, names in listed for name in names]
    else:
        wanted = [(registries[name], repository) for name, repository in dict.fromkeys(only) if name in registries]
    held = []
    pages = _asked(azure, wanted, lambda one: list(azure.registry(server_of(one[0])).manifests(one[1])), gaps, _scope)
    for (registry, name), lines in pages:
        home = Held(registry, server_of(registry), name)
        for line in lines:
            manifest = _manifest(home, line)
            home.manifests[manifest.digest] = manifest
            home.tags.update(dict.fromkeys(manifest.tags, manifest.digest))
        held.append(home)
    indexes = [(home, one) for home in held for one in home.manifests.values() if one.media_type in INDEXES]
    counted = sum(len(home.manifests) for home in held)
    with_shapes(azure, indexes, known)
    return Holdings(tuple(held), tuple(gaps), counted)


def with_shapes(azure: Azure, wanted: Iterable[tuple[Held, Manifest]], known: Mapping[str, Shape]) -> int:
    """Put the shapes of these manifests into their homes; how many bodies were asked for.

    One that vanished is taken out. An index whose body is refused makes its whole repository unread.
    """
    asked = 0
    missing = []
    for home, manifest in wanted:
        if manifest.digest in known:
            home.manifests[manifest.digest] = replace(manifest, shape=known[manifest.digest])
        elif manifest.shape is None:
            missing.append((home, manifest))
    answers = azure.each(missing, lambda one: _shape(azure, *one)) if missing else ()
    for (home, manifest), answer in answers:
        asked += 1
        if isinstance(answer, SignInError):
            raise answer
        if isinstance(answer, NotFound):
            home.manifests.pop(manifest.digest, None)
            home.tags = {tag: digest for tag, digest in home.tags.items() if digest != manifest.digest}
        elif isinstance(answer, AzureError):
            home.unread = home.unread or f"the body of {manifest.name} could not be read: {answer.what}"
        else:
            home.manifests[manifest.digest] = replace(manifest, shape=answer)
    return asked


def locks(azure: Azure, homes: Iterable[Held]) -> None:
    """Mark as locked what the lock of a repository or of a tag protects; where that cannot be read, everything."""
    homes = list(homes)
    for home, answer in azure.each(homes, lambda home: _locked_here(azure, home)) if homes else ():
        if isinstance(answer, SignInError):
            raise answer
        if isinstance(answer, NotFound):
            continue
        for digest in set(home.manifests) if isinstance(answer, AzureError) else answer:
            if digest in home.manifests:
                home.manifests[digest] = replace(home.manifests[digest], locked=True)


def shape_of(body: bytes, name: str) -> Shape:
    """What the body of a manifest says. A body that is not as specified is an error, never an empty answer."""
    try:
        told = json.loads(body)
        layers = [*([told["config"]] if "config" in told else []), *(told.get("layers") or told.get("blobs") or [])]
        return Shape(
            children=tuple(str(child["digest"]) for child in told.get("manifests") or []),
            subject=str((told.get("subject") or {}).get("digest") or ""),
            layers=tuple(Layer(str(layer["digest"]), int(layer["size"])) for layer in layers),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise AzureError(
            f"The manifest {name} is not as the image specification has it ({fault!r}).",
            "It is kept, and so is its repository; look at it with `az acr manifest show`.",
            code="OddAnswer",
        ) from fault


def server_of(registry: Resource) -> str:
    """The login server of a registry."""
    return (text(registry.body, "properties.loginServer") or f"{registry.id.rpartition('/')[2]}.azurecr.io").lower()


def _asked(
    azure: Azure,
    items: Iterable[Any],
    work: Callable[[Any], Any],
    gaps: list[Gap],
    scope: Callable[[Any], str] = lambda one: str(one.id),
) -> list[tuple[Any, Any]]:
    """Item and answer of each that was answered. What vanished in between is no gap."""
    found = []
    items = list(items)
    for item, answer in azure.each(items, work) if items else ():
        if isinstance(answer, SignInError):
            raise answer
        if isinstance(answer, NotFound):
            continue
        if isinstance(answer, AzureError):
            gaps.append(gap(scope(item), MANIFESTS, answer))
        else:
            found.append((item, answer))
    return found


def _scope(one: tuple[Resource, str]) -> str:
    return f"{one[0].id}/repositories/{one[1].replace('/', '~')}"


def _shape(azure: Azure, home: Held, manifest: Manifest) -> Shape:
    body = azure.registry(home.server).manifest(home.name, manifest.digest).body
    return shape_of(body, manifest.name)


def _locked_here(azure: Azure, home: Held) -> set[str]:
    """Digests that may not be deleted because the repository or one of their tags is locked."""
    registry = azure.registry(home.server)
    if _is_locked(registry.properties(home.name)):
        return set(home.manifests)
    if not home.tags:
        return set()
    return {text(tag, "digest") for tag in registry.tags(home.name) if _is_locked(tag)}


def _manifest(home: Held, line: Json) -> Manifest:
    digest = text(line, "digest")
    if not digest.startswith("sha256:"):
        raise DataError(f"{home.server}/{home.name} lists a manifest without a digest.", "Run it again.")
    times = [moment for path in ("createdTime", "lastUpdateTime") if (moment := moment_of(line, path))]
    size = line.get("imageSize")
    return Manifest(
        registry=home.registry.id,
        server=home.server,
        repository=home.name,
        digest=digest,
        media_type=text(line, "mediaType"),
        tags=tuple(sorted(str(tag) for tag in line.get("tags") or [])),
        size=size if isinstance(size, int) else 0,
        pushed=max(times) if len(times) == 2 else None,
        locked=_is_locked(line),
        listed=line,
    )


def _is_locked(line: Json) -> bool:
    """What may not be written may not be deleted either; what does not say is taken for locked."""
    attributes = at(line, "changeableAttributes")
    if not isinstance(attributes, dict):
        return True
    return attributes.get("deleteEnabled") is not True or attributes.get("writeEnabled") is not True
