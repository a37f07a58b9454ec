"""From references to images: tag to digest, index to its children, image to what is attached to it, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from finops.images.along import along, kept_by_what_goes
from finops.images.model import Blind, Manifest, Reference, Step
from finops.images.reading import Held

# AML pushes what it builds for an environment under such a name into the registry of the workspace
# (how-to-troubleshoot-online-endpoints, 2026-06: "testacr.azurecr.io/azureml/azureml_92a0...:latest"). The digits are
# those of the environment's definition; ARM tells neither which version they belong to nor that of a job or deployment.
BUILT = re.compile(r"azureml/azureml_[0-9a-f]{32}")
# Where cosign and others attach something by a tag in place of a subject.
ATTACHED = re.compile(r"sha256-([0-9a-f]{64})(?:[.-][\w.-]*)?")

Path = tuple[Step, ...]


@dataclass
class Reach:
    """What reaches the manifests of one repository: paths by digest, and what could hide further ones."""

    paths: dict[str, list[Path]] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)

    def of(self, digest: str) -> bool | None:
        """Whether something reaches it; None when nothing known does, but something unknown may."""
        if self.paths.get(digest):
            return True
        return None if self.hidden else False


def by_repository(references: Iterable[Reference]) -> dict[tuple[str, str], list[Reference]]:
    """References by server and repository; those to any repository of a server under ""."""
    found: dict[tuple[str, str], list[Reference]] = {}
    for one in references:
        found.setdefault((one.server, one.repository), []).append(one)
    return found


def reach(
    home: Held,
    references: Mapping[tuple[str, str], list[Reference]],
    blind: Iterable[Blind],
    builders: Iterable[str],
) -> Reach:
    """What reaches each manifest of `home`.

    builders: workspaces that push what they build into the registry of `home`.
    """
    result = Reach(hidden=[one.reason for one in blind if one.server in ("", home.server)])
    if home.unread:
        result.hidden.append(home.unread)
    builders = list(builders)
    if BUILT.fullmatch(home.name) and builders:
        names = ", ".join(builders)
        result.hidden.append(f"Azure Machine Learning built it for an environment of {names}; ARM does not say which")
    for one in [*references.get((home.server, home.name), ()), *references.get((home.server, ""), ())]:
        for digest in _meant(home, one):
            result.paths.setdefault(digest, []).append(_path(home, one, digest))
    for digest, path in list(kept_by_what_goes(home, result.paths, along(home))):
        result.paths.setdefault(digest, []).append(path)
    _spread(home, result)
    return result


def attached_to(manifest: Manifest) -> str:
    """The digest of what a manifest is attached to, by its subject or by its tag; "" for one that stands by itself."""
    if manifest.shape is not None and manifest.shape.subject:
        return manifest.shape.subject
    found = [match[1] for tag in manifest.tags if (match := ATTACHED.fullmatch(tag))]
    return f"sha256:{found[0]}" if found and len(found) == len(manifest.tags) else ""


def stands_alone(home: Held) -> set[str]:
    """Digests of what people call an image: no child of an index, nothing that is attached to another."""
    children = {child for one in home.manifests.values() if one.shape for child in one.shape.children}
    return {one.digest for one in home.manifests.values() if one.digest not in children and not attached_to(one)}


def _meant(home: Held, reference: Reference) -> Iterable[str]:
    if reference.all_of_them:
        return list(home.manifests)
    if reference.digest:
        return [reference.digest] if reference.digest in home.manifests else []
    # Text may go on after a name: "... runs cr.azurecr.io/a/b:v1."
    for tag in (reference.tag or "latest", (reference.tag or "latest").rstrip(".-_")):
        if tag in home.tags:
            return [home.tags[tag]]
    # Without a tag "latest" is meant, and where there is none, nobody can tell what is.
    return [] if reference.tag else list(home.manifests)


def _path(home: Held, reference: Reference, digest: str) -> Path:
    place = f"{home.server}/{home.name}"
    named = (
        f"{place}@{reference.digest}" if reference.digest else f"{place}:{reference.tag}" if reference.tag else place
    )
    steps = [Step(reference.how or "names it", reference.by), *(Step("by", via) for via in reference.via)]
    steps.append(Step("names", named))
    if not reference.digest:
        steps.append(Step("is now", f"{place}@{digest}"))
    return tuple(steps)


def _spread(home: Held, result: Reach) -> None:
    """Children and attachments stay as long as what holds them is there, be that reached or not: to delete them first
    would break it. Once it is gone they are looked at for themselves."""
    holds: dict[str, list[tuple[str, str]]] = {}
    for digest, one in home.manifests.items():
        for child in one.shape.children if one.shape else ():
            holds.setdefault(digest, []).append((child, "is an index that holds"))
        holds.setdefault(attached_to(one), []).append((digest, "is still there, and to it is attached"))
    place = f"{home.server}/{home.name}@"
    # What is reached comes first, so that the paths through it begin at who reaches it.
    todo = [*(digest for digest in home.manifests if digest not in result.paths), *result.paths][::-1]
    done: set[str] = set()
    while todo:
        holder = todo.pop(0)
        if holder in done or holder not in home.manifests:
            continue
        done.add(holder)
        before = result.paths.get(holder, [()])[0]
        for target, how in holds.get(holder, ()):
            if target in result.paths and any(step.id == place + target for step in before):
                continue  # the holder is only kept by it
            if target in home.manifests and target != holder:
                result.paths.setdefault(target, []).append(
                    (*before, Step(how, place + holder), Step("image", place + target))
                )
                todo.insert(0, target)
