"""What goes with an image: what names it as its subject, and what names that. A registry deletes it all at once.

What is attached by a tag alone stays, and so do the children of an index
(https://learn.microsoft.com/azure/container-registry/container-registry-manage-artifact, 2026-06: "Deleting the subject
artifact deletes all referrers").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from finops.images.model import Manifest, Step
from finops.images.reading import Held

Path = tuple[Step, ...]
Along = Mapping[str, tuple[Manifest, ...]]  # by the digest of what they go with; without those that nothing goes with


def along(home: Held) -> dict[str, tuple[Manifest, ...]]:
    """What goes with each manifest of a repository, as far as bodies were read."""
    found: dict[str, dict[str, Manifest]] = {}
    for one in home.manifests.values():
        for subject in _above(home, one):
            found.setdefault(subject, {})[one.digest] = one
    return {subject: tuple(those.values()) for subject, those in found.items()}


def kept_by_what_goes(home: Held, paths: Mapping[str, list[Path]], going: Along) -> Iterator[tuple[str, Path]]:
    """Manifests that have to stay because something goes with them that is needed, with the path to who needs it.

    paths: from who names an image to that image
    """
    place = f"{home.server}/{home.name}@"
    needed: dict[str, Path] = {digest: found[0] for digest, found in paths.items() if found}
    yield from _spread(home, place, needed, list(needed))
    held: list[str] = []
    for index in home.manifests.values():
        for child in index.shape.children if index.shape else ():
            subject = _subject(home.manifests.get(child))
            # An index that goes together with its child does not miss it.
            goes = {subject, *(one.digest for one in going.get(subject, ()))}
            if child not in needed and subject in home.manifests and index.digest not in goes:
                still = Step("is still there", place + index.digest)
                needed[child] = (still, Step("is an index that holds", place + child))
                held.append(child)
    yield from _spread(home, place, needed, held)


def _spread(home: Held, place: str, needed: dict[str, Path], todo: list[str]) -> Iterator[tuple[str, Path]]:
    """From what is needed to its children and to what it is attached to, and on from there."""
    while todo:
        digest = todo.pop()
        one = home.manifests.get(digest)
        if one is None:
            continue
        for child in one.shape.children if one.shape else ():
            if child in home.manifests and child not in needed:
                needed[child] = (*needed[digest], Step("is an index that holds", place + child))
                todo.append(child)
        subject = _subject(one)
        if subject in home.manifests:
            path = (*needed[digest], Step("would be deleted with what it is attached to", place + subject))
            yield subject, path
            if subject not in needed:
                needed[subject] = path
                todo.append(subject)


def _subject(one: Manifest | None) -> str:
    return one.shape.subject if one is not None and one.shape is not None else ""


def _above(home: Held, one: Manifest) -> Iterator[str]:
    """What it is attached to, what that is attached to, and so on."""
    seen = {one.digest}
    while (subject := _subject(one)) in home.manifests and subject not in seen:
        yield subject
        seen.add(subject)
        one = home.manifests[subject]
