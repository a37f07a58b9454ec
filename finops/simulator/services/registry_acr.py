"""Container registries, Azure's own part: what there is, by name and by time, locks, and what was deleted softly.

A registry answers below /registry/<login server>. Shapes as azure-containerregistry 1.2.0 reads them and as recorded
(azure-sdk-for-python, sdk/containerregistry); deleted artifacts as the Azure CLI asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import body_of, ok
from finops.simulator.services import registry_tokens as tokens
from finops.simulator.services.registry_store import OPEN, REGISTRY, Holding, Holdings, Repository
from finops.simulator.services.registry_tokens import RegistryError
from finops.simulator.store import Json
from finops.simulator.world import World

ROOT = "/registry/{server}"
ACR = f"{ROOT}/acr/v1"
# Items of a page, and the most one may ask for (seen: 100; azure-docs do not say).
USUAL, MOST = 100, 1000
# What a line has besides what `_manifests` lists.
INSIDE = {"config", "layers", "references", "subject", "artifactType", "body", "deletedAt", "tagAttributes",
          "registry", "imageName"}  # fmt: skip

Answers = Callable[[World, Request, Holding], Response]


def registry_at(holdings: Holdings, request: Request) -> Holding:
    """The registry that the path names."""
    held = holdings.of(request.path_params["server"])
    if held is None:
        raise RegistryError(404, "NAME_UNKNOWN", "there is no such registry")
    return held


def routes_of(world: World, holdings: Holdings) -> list[BaseRoute]:
    def at(path: str, work: Answers, *methods: str) -> Route:
        def answer(request: Request) -> Response:
            return work(world, request, registry_at(holdings, request))

        return Route(path, answer, methods=list(methods or ("GET",)))

    usages = f"/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{REGISTRY}/{{registry}}/listUsages"
    return [
        at(f"{ROOT}/oauth2/exchange", tokens.exchanged, "POST"),
        at(f"{ROOT}/oauth2/token", tokens.granted, "POST"),
        at(f"{ACR}/_catalog", _catalog),
        at(f"{ACR}/_deleted/_catalog", _deleted_catalog),
        at(f"{ACR}/_deleted/{{name:path}}/_manifests", _deleted),
        at(f"{ACR}/_deleted/{{name:path}}/_tags", _deleted_tags),
        at(f"{ACR}/_deleted/{{name:path}}/_manifests/{{digest}}", _restore, "POST"),
        at(f"{ACR}/{{name:path}}/_manifests", _manifests),
        at(f"{ACR}/{{name:path}}/_manifests/{{digest}}", _manifest, "GET", "PATCH"),
        at(f"{ACR}/{{name:path}}/_tags", _tags),
        at(f"{ACR}/{{name:path}}/_tags/{{tag}}", _tag, "GET", "PATCH", "DELETE"),
        at(f"{ACR}/{{name:path}}", _repository, "GET", "PATCH", "DELETE"),
        Route(usages, partial(_usages, world, holdings), methods=["GET"]),
    ]


def admitted(world: World, request: Request, held: Holding, *actions: str) -> Repository:
    """The repository that the path names, for a caller whose token holds for `actions`."""
    name = request.path_params["name"]
    tokens.admit(world, request, held, "repository", name, actions)
    home = held.repositories.get(name)
    if home is None or not (home.manifests or home.tags or "_deleted" in request.url.path):
        raise RegistryError(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})
    held.purge(home)
    return home


def open_to(change: str, *attributes: Json) -> None:
    """Refuse a change that any of the attributes forbids; what is not to be written is not to be deleted either."""
    names = {"delete": ("deleteEnabled", "writeEnabled"), "write": ("writeEnabled",)}[change]
    if not all(one.get(name, True) for one in attributes for name in names):
        message = (
            "The operation is disallowed on this registry, repository or image. View troubleshooting steps at "
            "https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation"
        )
        raise RegistryError(405, "DENIED", message)


def locks_of(home: Repository, digest: str) -> list[Json]:
    """The attributes that decide whether a manifest may be deleted: its repository's, its own, its tags'."""
    tags = (home.tags[name] for name in home.tags_of(digest))
    attributes = [home.attributes, home.manifests[digest].get("changeableAttributes") or OPEN]
    return [*attributes, *(tag["changeableAttributes"] for tag in tags)]


def listed(home: Repository, line: Json) -> Json:
    """A manifest as `_manifests` lists it."""
    shown = {name: value for name, value in line.items() if name not in INSIDE}
    tags = home.tags_of(line["digest"])
    return {**shown, "tags": tags} if tags else {name: shown[name] for name in shown if name != "tags"}


def _catalog(world: World, request: Request, held: Holding) -> Response:
    tokens.admit(world, request, held, "registry", "catalog", ["*"])
    names = sorted(name for name, home in held.repositories.items() if home.manifests)
    return _page(request, {"repositories": None}, "repositories", names, names)


def _manifests(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "metadata_read")
    order = request.query_params.get("orderby", "")
    digests = home.ordered(order)
    last = request.query_params.get("last", "")
    if last and order in {"timeasc", "timedesc"}:
        after = (home.times.get(last, ""), last)
        keys = [(home.times[one], one) for one in digests]
        digests = [
            one for one, key in zip(digests, keys, strict=True) if (key > after if order == "timeasc" else key < after)
        ]
        last = ""
    body = {"registry": held.server, "imageName": home.name}
    return _page(request, body, "manifests", digests, digests, lambda one: listed(home, home.manifests[one]), last)


def _tags(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "metadata_read")
    only, order = request.query_params.get("digest"), request.query_params.get("orderby", "")
    names = sorted(name for name, tag in home.tags.items() if not only or tag["digest"] == only)
    if order in {"timeasc", "timedesc"}:
        names.sort(key=lambda name: (home.tags[name]["lastUpdateTime"], name), reverse=order == "timedesc")
    last = request.query_params.get("last", "")
    if last in names and order:
        names, last = names[names.index(last) + 1 :], ""
    body = {"registry": held.server, "imageName": home.name}
    return _page(request, body, "tags", names, names, lambda one: home.tags[one], last)


def _repository(world: World, request: Request, held: Holding) -> Response:
    action = {"GET": "metadata_read", "HEAD": "metadata_read", "PATCH": "metadata_write"}.get(request.method, "delete")
    home = admitted(world, request, held, action)
    if request.method == "DELETE":
        open_to("delete", home.attributes, *(one for digest in home.manifests for one in locks_of(home, digest)))
        told = {"manifestsDeleted": sorted(home.manifests), "tagsDeleted": sorted(home.tags)}
        for digest in sorted(home.manifests):
            if digest in home.manifests:
                held.delete(home, digest)
        return ok(told, 202)
    if request.method == "PATCH":
        home.attributes = {**home.attributes, **_attributes(request)}
    return ok(
        {
            "registry": held.server,
            "imageName": home.name,
            "createdTime": home.created,
            "lastUpdateTime": max(home.times.values()),
            "manifestCount": len(home.manifests),
            "tagCount": len(home.tags),
            "changeableAttributes": home.attributes,
        }
    )


def _manifest(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "metadata_write" if request.method == "PATCH" else "metadata_read")
    digest = request.path_params["digest"]
    line = home.manifests.get(digest)
    if line is None:
        raise RegistryError(404, "MANIFEST_UNKNOWN", f"manifest {digest} is not found")
    if request.method == "PATCH":
        line["changeableAttributes"] = {**(line.get("changeableAttributes") or OPEN), **_attributes(request)}
    shown = listed(home, line)
    if "references" in line:
        shown["references"] = [
            {name: child.get(name, "") for name in ("digest", "architecture", "os")} for child in line["references"]
        ]
    return ok({"registry": held.server, "imageName": home.name, "manifest": shown})


def _tag(world: World, request: Request, held: Holding) -> Response:
    action = {"PATCH": "metadata_write", "DELETE": "delete"}.get(request.method, "metadata_read")
    home = admitted(world, request, held, action)
    name = request.path_params["tag"]
    tag = home.tags.get(name)
    if tag is None:
        raise RegistryError(404, "TAG_UNKNOWN", "the specified tag does not exist")
    if request.method == "DELETE":
        open_to("delete", home.attributes, tag["changeableAttributes"])
        del home.tags[name]
        home.changed()
        return ok(None, 202)
    if request.method == "PATCH":
        tag["changeableAttributes"] = {**tag["changeableAttributes"], **_attributes(request)}
    return ok({"registry": held.server, "imageName": home.name, "tag": tag})


def _deleted_catalog(world: World, request: Request, held: Holding) -> Response:
    tokens.admit(world, request, held, "registry", "catalog", ["*"])
    names = sorted(name for name, home in held.repositories.items() if home.deleted)
    return _page(request, {"repositories": None}, "repositories", names, names)


def _deleted(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "deleted_read")
    found = sorted(home.deleted)

    def shown(digest: str) -> Json:
        line = home.deleted[digest]
        return {"digest": digest, "deletedAt": line["deletedAt"], "tags": line.get("tags") or []}

    return _page(request, {"registry": held.server, "imageName": home.name}, "manifests", found, found, shown)


def _deleted_tags(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "deleted_read")
    found = sorted(
        ({"tag": tag, "digest": digest, "deletedAt": line["deletedAt"]}
         for digest, line in home.deleted.items() for tag in line.get("tags") or []),
        key=lambda one: (one["tag"], one["deletedAt"]),
    )  # fmt: skip
    return ok({"registry": held.server, "imageName": home.name, "tags": found})


def _restore(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "deleted_read", "deleted_restore")
    digest, tag = request.path_params["digest"], str(body_of(request).get("tag") or "")
    if digest not in home.deleted:
        raise RegistryError(404, "MANIFEST_UNKNOWN", f"manifest {digest} is not found")
    if tag in home.tags and request.query_params.get("force", "").lower() != "true":
        raise RegistryError(409, "CONFLICT", f"tag {tag} exists already")
    line = held.restored(home, digest, tag)
    return ok({"registry": held.server, "imageName": home.name, "manifest": listed(home, line)})


def _usages(world: World, holdings: Holdings, request: Request) -> Response:
    body = world.resources.get(request.url.path.rsplit("/", 1)[0])
    if body is None:
        name = request.path_params["registry"]
        raise RegistryError(404, "ResourceNotFound", f"The Resource '{REGISTRY}/{name}' was not found.")
    held = holdings.at(body)
    # Included storage in GiB by tier (azure-docs, container-registry-skus.md).
    included = {"basic": 10, "standard": 100}.get(str((body.get("sku") or {}).get("name", "")).lower(), 500)
    return ok(
        {
            "value": [
                {"name": "Size", "limit": included * 2**30, "currentValue": held.size(), "unit": "Bytes"},
                {"name": "Webhooks", "limit": 500, "currentValue": 0, "unit": "Count"},
            ]
        }
    )


def _attributes(request: Request) -> Json:
    """The locks that a PATCH names; null leaves one as it is."""
    return {name: bool(value) for name, value in body_of(request).items() if name in OPEN and value is not None}


def _page(
    request: Request,
    body: Json,
    name: str,
    keys: Sequence[str],
    items: Sequence[str],
    shown: Callable[[str], object] = str,
    last: str | None = None,
) -> Response:
    """One page of `items` after `last`, with the Link to the next; registries write it without host, from the root."""
    last = request.query_params.get("last", "") if last is None else last
    rest = [one for one in items if one > last] if last else list(items)
    asked = request.query_params.get("n", "")
    size = min(int(asked) if asked.isdigit() and int(asked) else USUAL, MOST)
    size = min(size, request.app.state.page_size or size)
    page = rest[:size]
    headers = {}
    if len(rest) > size:
        path = request.scope["path"].partition(f"/registry/{request.path_params['server']}")[2]
        order = request.query_params.get("orderby", "")
        query = f"last={quote(page[-1], safe='')}&n={size}&orderby={order}"
        headers["Link"] = f'<{quote(path)}?{query}>; rel="next"'
    return ok({**body, name: [shown(one) for one in page] or None}, 200, headers)
