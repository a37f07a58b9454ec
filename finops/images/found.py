"""All images of an estate with what reaches each: read them, ask why one stays, look at one again before it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from finops import estate as estates
from finops.errors import DataError, UsageError
from finops.estate import queries
from finops.estate.ids import key
from finops.estate.model import Estate, Gap, Resource, text
from finops.images import facts, reach, reading, references
from finops.images.along import along
from finops.images.model import MAY_REFER, Blind, Looked, Manifest, Reference, Shape, Why, parts_of
from finops.images.reach import Reach
from finops.images.reading import Held

if TYPE_CHECKING:
    from finops.cloud import Azure

KEEP_NEWEST = 3
JOB_DAYS = 90
# Bodies read in one go to learn which layers images share; at 800 a minute and registry that takes three minutes.
LAYER_READS = 2500
# What refers to images was read so long ago at most, when an image is looked at again before it is deleted.
FRESH = timedelta(hours=1)


@dataclass(frozen=True)
class Images:
    """What was read. `resources()` gives the pseudo resources that rules look at, `why` one image's path or proof."""

    as_of: datetime
    keep_newest: int
    homes: tuple[Held, ...]
    reached: Mapping[tuple[str, str], Reach]
    looked: tuple[Looked, ...]
    blind: tuple[Blind, ...]
    references: tuple[Reference, ...]
    gaps: tuple[Gap, ...]
    sizes: facts.Sizes
    _estate: Estate = field(repr=False)

    def resources(self) -> dict[str, Resource]:
        """Every manifest as a resource, by id in lower case; docs/images.md says what its facts mean."""
        found = {}
        for home in self.homes:
            ranks, going = facts.ranks(home), along(home)
            for manifest in home.manifests.values():
                with_it = going.get(manifest.digest, ())
                resource = facts.resource(
                    home, manifest, with_it, self.reach_of(home), ranks, self.sizes, self._estate, self.as_of
                )
                found[key(resource.id)] = resource
        return found

    def reach_of(self, home: Held) -> Reach:
        return self.reached[home.registry.id.lower(), home.name]

    def each(self) -> Iterator[tuple[Held, Manifest]]:
        """Every manifest with its repository."""
        for home in self.homes:
            for manifest in home.manifests.values():
                yield home, manifest

    def freed(self, ids: Iterable[str]) -> int | None:
        """Bytes that the registries hold less once all these manifests are gone; None where layers were not read."""
        return self.sizes.freed({key(one) for one in ids})

    def why(self, reference: str) -> Why:
        """Why an image stays, or the proof that nothing keeps it. By id, server/repository:tag, @digest, or a digest.

        Raises UsageError for what names no image, or several.
        """
        home, manifest = self._named(reference)
        found = self.reach_of(home)
        reached = found.of(manifest.digest)
        with_it = along(home).get(manifest.digest, ())
        resource = facts.resource(
            home, manifest, with_it, found, facts.ranks(home), self.sizes, self._estate, self.as_of
        )
        blind = [one.reason for one in self.blind if one.server in ("", home.server)]
        return Why(
            image=manifest.name,
            id=manifest.id,
            tags=manifest.tags,
            reached=reached,
            reason="; ".join(found.hidden) if reached is None else "",
            paths=tuple(found.paths.get(manifest.digest, ())),
            looked=self.looked,
            not_looked=tuple(dict.fromkeys([*found.hidden, *blind, *NEVER_LOOKED])),
            facts=facts.told(resource.facts),
        )

    def _named(self, reference: str) -> tuple[Held, Manifest]:
        wanted = key(reference)
        found = self._by_name.get(wanted, [])
        if not found and "@" not in wanted:
            found = self._by_name.get(f"{wanted}:latest", [])
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(manifest.name for _, manifest in found[:5])
            raise UsageError(f"{reference} names {len(found)} images: {names}.", "Name the registry as well.")
        raise UsageError(
            f"{reference} is no image of the registries that were read.",
            "Write it as server/repository:tag or server/repository@sha256:..., as `az acr manifest list` shows them.",
        )

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[Held, Manifest]]]:
        found: dict[str, list[tuple[Held, Manifest]]] = {}
        for home, manifest in self.each():
            names = {key(manifest.id), manifest.digest}
            for place in (f"{home.server}/{home.name}", home.name):
                names |= {f"{place}@{manifest.digest}", *(f"{place}:{tag.lower()}" for tag in manifest.tags)}
            for name in names:
                found.setdefault(name, []).append((home, manifest))
        return found


NEVER_LOOKED = (
    "clusters and machines outside of Azure, and images that somebody pulls by hand",
    "base images that a Dockerfile names (FROM): they are needed to build again, not to run",
)


def read(
    azure: Azure,
    estate: Estate,
    now: datetime,
    keep_newest: int = KEEP_NEWEST,
    *,
    job_days: int = JOB_DAYS,
    files: Sequence[Path] = (),
    known: MutableMapping[str, Shape] | None = None,
    layer_reads: int = LAYER_READS,
) -> Images:
    """Every image of the estate's registries, and what reaches it.

    keep_newest: tagged images of each repository that are always kept.
    job_days: how long the image of a job is still needed after the job was sent.
    files: references that Azure cannot tell, see docs/images.md.
    known: bodies read before, by digest; what is read now is put into it.
    layer_reads: most bodies that are read only to learn which layers images share.
    """
    return _read(azure, estate, now, keep_newest, job_days, files, {} if known is None else known, layer_reads, None)


def look(
    azure: Azure,
    estate: Estate | None,
    ids: Iterable[str],
    now: datetime,
    keep_newest: int = KEEP_NEWEST,
    *,
    job_days: int = JOB_DAYS,
    files: Sequence[Path] = (),
) -> Images:
    """The repositories of these images as they are now, for the last look before one is deleted.

    estate: read just now, all of it, as anything in it may refer to an image; None reads it here. An older one makes
    everything unknown. An id whose image is gone is not in the answer.
    """
    whole = estates.read(azure, now) if estate is None else estate
    only: list[tuple[str, str]] = []
    for one in ids:
        try:
            registry, repository, _ = parts_of(key(one))
        except ValueError as fault:
            raise DataError(f"{fault}.", "Ids of images come from finops itself.") from fault
        only.append((registry, repository))
    found = _read(azure, whole, now, keep_newest, job_days, files, {}, 0, only)
    if now - whole.as_of <= FRESH:
        return found
    reason = f"what refers to images was read at {whole.as_of:%Y-%m-%d %H:%M} UTC, which is too long ago"
    for unsure in found.reached.values():
        unsure.hidden.append(reason)
    return found


def _read(
    azure: Azure,
    estate: Estate,
    now: datetime,
    keep_newest: int,
    job_days: int,
    files: Sequence[Path],
    known: MutableMapping[str, Shape],
    layer_reads: int,
    only: Iterable[tuple[str, str]] | None,
) -> Images:
    referred = references.find(azure, estate, now, job_days, files)
    blind = list(referred.blind)
    if timedelta(days=job_days) > queries.LONG_SINCE:
        blind.append(Blind(f"jobs are read {queries.LONG_SINCE.days} days back, not {job_days}"))
    holdings = reading.read(azure, estate, known, only)
    named = reach.by_repository(referred.references)
    builders: dict[str, list[str]] = {}
    for workspace in estate.of_type(queries.WORKSPACE):
        builders.setdefault(key(text(workspace.body, "properties.containerRegistry")), []).append(workspace.id)

    def reached_in(home: Held) -> Reach:
        names = [one.rpartition("/")[2] for one in builders.get(key(home.registry.id), ())]
        return reach.reach(home, named, blind, names)

    reached = {(home.registry.id.lower(), home.name): reached_in(home) for home in holdings.repositories}
    # An image of the open format may be attached to another; only its body says so. Asked where it matters: also of
    # what is reached, which would go with an image that is not.
    unsure = [
        (home, one)
        for home in holdings.repositories
        if _some(home, reached[home.registry.id.lower(), home.name])
        for one in home.manifests.values()
        if one.media_type in MAY_REFER and one.shape is None
    ]
    reading.with_shapes(azure, unsure, known)
    for home in {id(home): home for home, _ in unsure}.values():
        reached[home.registry.id.lower(), home.name] = reached_in(home)
    stale = [home for home in holdings.repositories if _some(home, reached[home.registry.id.lower(), home.name])]
    reading.locks(azure, stale)
    sizes = facts.sizes(azure, holdings.repositories, reached, known, layer_reads, keep_newest)
    known.update(
        (one.digest, one.shape) for home in holdings.repositories for one in home.manifests.values() if one.shape
    )
    counted = Looked("manifests of container registries", holdings.counted, now)
    return Images(
        as_of=now,
        keep_newest=keep_newest,
        homes=holdings.repositories,
        reached=reached,
        looked=(*referred.looked, counted),
        blind=tuple(blind),
        references=referred.references,
        gaps=holdings.gaps,
        sizes=sizes,
        _estate=estate,
    )


def _some(home: Held, found: Reach) -> bool:
    """Whether anything in a repository is reached by nothing."""
    return not found.hidden and any(not found.paths.get(digest) for digest in home.manifests)
