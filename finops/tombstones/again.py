"""How the content of a tombstone is made again, and compared: of ARM resources and of images alike."""

from __future__ import annotations

from collections.abc import Iterator

from finops.tombstones import oci
from finops.tombstones.comparing import Comparison, compare
from finops.tombstones.gathering import IN_PLACE
from finops.tombstones.model import Content, Tombstone
from finops.tombstones.steps import Look, Step, given_role, resource_steps


def steps(tombstone: Tombstone, look: Look) -> Iterator[Step]:
    """What is still to be done, in order. Each is to be done before the next one is asked for."""
    if tombstone.content.image is not None:
        yield from oci.image_steps(tombstone, look)
    else:
        yield from resource_steps(tombstone.content, look)


def compared(tombstone: Tombstone, look: Look) -> Iterator[Comparison]:
    """Each piece as it was with what is there now."""
    content = tombstone.content
    if content.image is not None:
        yield from oci.compared_image(tombstone, look)
        return
    pieces = [content.main()] if content.action in IN_PLACE else content.pieces
    for piece in pieces:
        if piece.what == "role":
            named, before = given_role(piece, content, look)
            yield compare(piece.what, named, before, look(named, piece.api_version))
        else:
            yield compare(piece.what, piece.id, piece.body, look(piece.id, piece.api_version))


def version_of(content: Content) -> str:
    """The API version with which the resource itself is read."""
    return oci.VERSION if content.image is not None else content.main().api_version
