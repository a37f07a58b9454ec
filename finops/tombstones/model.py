"""What a tombstone holds: the pieces of one resource as they were, and what cannot come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.errors import DataError
from finops.estate.ids import key
from finops.state import digest

Json = dict[str, Any]

FORMAT = "aml-finops tombstone 1"


@dataclass(frozen=True)
class Piece:
    """One ARM resource as it was. `what`: endpoint, deployment, compute, environment, schedule, autoscale, role."""

    what: str
    id: str
    api_version: str
    body: Json


@dataclass(frozen=True)
class Content:
    """All that was read of one resource, in the order in which it is made again.

    action   what was done to it, or was about to be: an action of a rule, or of a quiet step
    image    of a container image: registry, repository, manifests, tags; its bytes are in the folder
    lost     what is not in here and cannot come back, a sentence each
    """

    resource_id: str
    action: str
    pieces: tuple[Piece, ...] = ()
    image: Mapping[str, Any] | None = None
    lost: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same content, whenever it was read."""
        return digest(written(self))

    def main(self) -> Piece:
        """The piece that the tombstone is of."""
        for piece in self.pieces:
            if key(piece.id) == key(self.resource_id):
                return piece
        raise DataError(f"The tombstone of {self.resource_id} does not hold it.", "It cannot be made again from this.")

    def of(self, what: str) -> list[Piece]:
        return [piece for piece in self.pieces if piece.what == what]


@dataclass(frozen=True)
class Tombstone:
    """One that is whole on the disk.

    reference   its name and the digest of its files, as a record of the state names it
    """

    folder: Path
    reference: str
    number: int
    rule: str
    generation: str
    made_at: datetime
    content: Content = field(repr=False)


def written(content: Content) -> Json:
    """`content` as JSON."""
    return {
        "resourceId": content.resource_id,
        "action": content.action,
        "pieces": [
            {"what": one.what, "id": one.id, "apiVersion": one.api_version, "body": one.body} for one in content.pieces
        ],
        "image": dict(content.image) if content.image is not None else None,
        "lost": list(content.lost),
    }


def content_of(found: Json) -> Content:
    """What `written` wrote. KeyError or TypeError for anything else."""
    pieces = tuple(Piece(one["what"], one["id"], one["apiVersion"], one["body"]) for one in found["pieces"])
    return Content(found["resourceId"], found["action"], pieces, found["image"], tuple(found["lost"]))
