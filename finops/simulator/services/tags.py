"""Tags at any scope: read, merged, replaced, taken away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator import writes
from finops.simulator.answers import WireError, body_of, ok, shaped
from finops.simulator.ids import parts_of
from finops.simulator.services.arm import existing, existing_subscription
from finops.simulator.store import Json
from finops.simulator.world import World

PATH = "/{scope:path}/providers/Microsoft.Resources/tags/default"
# azure-docs, resource-manager/management/tag-resources (read November 2026).
MOST_TAGS, LONGEST_NAME, LONGEST_VALUE = 50, 512, 256
RESERVED = re.compile(r"[<>%&\\?/]")


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(PATH, partial(_get, world), methods=["GET"]),
        Route(PATH, partial(_replace, world), methods=["PUT"]),
        Route(PATH, partial(_patch, world), methods=["PATCH"]),
        Route(PATH, partial(_clear, world), methods=["DELETE"]),
    ]


def checked(tags: Mapping[str, object]) -> dict[str, str]:
    """`tags` if Azure would take them."""
    if len(tags) > MOST_TAGS:
        raise WireError(400, "InvalidTagCount", f"The number of tags {len(tags)} exceeds the limit of {MOST_TAGS}.")
    for name, value in tags.items():
        if RESERVED.search(name) or len(name) > LONGEST_NAME or not name:
            raise WireError(
                400,
                "InvalidTagNameCharacters",
                f"The tag names '{name}' have reserved characters '<,>,%,&,\\,?,/' or control characters, "
                f"or are longer than {LONGEST_NAME} characters.",
            )
        if len(str(value or "")) > LONGEST_VALUE:
            raise WireError(
                400, "TagValueTooLong", f"The value of tag '{name}' is longer than {LONGEST_VALUE} characters."
            )
    return {name: str(value if value is not None else "") for name, value in tags.items()}


def _scope(world: World, request: Request) -> Json:
    parts = parts_of(request.path_params["scope"])
    return existing_subscription(world, parts.name) if parts.type == "subscriptions" else existing(world, parts)


def _answer(resource: Json) -> Response:
    return ok(
        {
            "id": f"{resource['id']}/providers/Microsoft.Resources/tags/default",
            "name": "default",
            "type": "Microsoft.Resources/tags",
            "properties": {"tags": resource.get("tags") or {}},
        }
    )


def _get(world: World, request: Request) -> Response:
    return _answer(_scope(world, request))


def _sent(request: Request) -> dict[str, str]:
    body = shaped(body_of(request), {"operation": str, "properties": {"tags": {"*": str | int | float}}})
    properties = body.get("properties") or {}
    return checked(properties.get("tags") or {})


def _replace(world: World, request: Request) -> Response:
    return _answer(_written(world, request, _sent(request)))


def _clear(world: World, request: Request) -> Response:
    _written(world, request, {})
    return ok(None, 200)


def _patch(world: World, request: Request) -> Response:
    held = dict(_scope(world, request).get("tags") or {})
    sent = _sent(request)
    operation = str(body_of(request).get("operation", "")).lower()
    # Names are the same in any letter case; what is there keeps its spelling.
    spelled = {name.lower(): name for name in held}
    if operation == "replace":
        held = sent
    elif operation == "merge":
        held |= {spelled.get(name.lower(), name): value for name, value in sent.items()}
    elif operation == "delete":
        for name, value in sent.items():
            if held.get(spelled.get(name.lower(), "")) == value:
                del held[spelled[name.lower()]]
    else:
        raise WireError(400, "InvalidTagsOperation", "The operation must be one of Merge, Replace and Delete.")
    return _answer(_written(world, request, checked(held)))


def _written(world: World, request: Request, tags: dict[str, str]) -> Json:
    return writes.put(world, request, {**_scope(world, request), "tags": tags})
