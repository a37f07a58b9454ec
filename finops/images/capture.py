"""Record what registries hold beside an estate: `images/<registry>.jsonl`, bodies of indexes and artifacts included.

A simulator that serves the folder answers from these lines. Layers themselves are not recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from finops.errors import AzureError, NotFound, SignInError
from finops.estate.asking import gap
from finops.estate.folder import write_lines
from finops.estate.model import Estate, Gap, Json
from finops.images import reading
from finops.images.model import INDEXES, MAY_REFER, Manifest
from finops.images.reading import Held

if TYPE_CHECKING:
    from finops.cloud import Azure


# Up to so many manifests the layers of every image are recorded, too; beyond, those of indexes and artifacts only.
LAYERS = 5000


def capture(azure: Azure, estate: Estate, folder: Path) -> list[Gap]:
    """Write one file a registry of the estate, empty where there is nothing; what could not be read."""
    holdings = reading.read(azure, estate, {})
    gaps = list(holdings.gaps)
    every = [(home, one) for home in holdings.repositories for one in home.manifests.values()]
    wanted = [each for each in every if each[1].media_type in INDEXES | MAY_REFER or len(every) <= LAYERS]
    bodies: dict[str, Json] = {}
    for (home, one), answer in azure.each(wanted, lambda each: _body(azure, *each)) if wanted else ():
        if isinstance(answer, SignInError):
            raise answer
        if isinstance(answer, AzureError):
            if not isinstance(answer, NotFound):
                gaps.append(gap(home.registry.id, reading.MANIFESTS, answer))
        else:
            bodies[one.id] = answer
    refused = {missing.scope.lower() for missing in holdings.gaps}
    for registry in estate.of_type(reading.REGISTRY):
        if registry.id.lower() in refused:
            continue
        lines = [
            {"registry": home.server, "imageName": home.name, **one.listed, **bodies.get(one.id, {})}
            for home in holdings.repositories
            if home.registry.id == registry.id
            for one in home.manifests.values()
        ]
        lines.sort(key=lambda line: (line["imageName"], line["digest"]))
        write_lines(folder / "images" / f"{registry.id.rpartition('/')[2]}.jsonl", lines)
    return gaps


def _body(azure: Azure, home: Held, one: Manifest) -> Json:
    """The bytes of a manifest as text, and what they name, for those who read the lines only."""
    body = azure.registry(home.server).manifest(home.name, one.digest).body
    shape = reading.shape_of(body, one.name)
    found: Json = {"body": body.decode("utf-8")}
    if shape.subject:
        found["subject"] = {"digest": shape.subject}
    if shape.children:
        found["references"] = [{"digest": child} for child in shape.children]
    else:
        found["layers"] = [{"digest": layer.digest, "size": layer.size} for layer in shape.layers]
    return found
