"""Container registries as the OCI distribution specification 1.1 has them: manifests, referrers, layers, uploads."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import ok
from finops.simulator.services import registry_tokens as tokens
from finops.simulator.services.registry_acr import ROOT, admitted, locks_of, open_to, registry_at, routes_of
from finops.simulator.services.registry_content import (
    MANIFESTS,
    described,
    descriptor,
    digest_of,
    manifest_of,
)
from finops.simulator.services.registry_store import OPEN, Holding, Holdings, Repository
from finops.simulator.services.registry_tokens import RegistryError
from finops.simulator.store import Json, inside
from finops.simulator.world import World

V2 = f"{ROOT}/v2"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
LARGEST_MANIFEST = 4 * 1024 * 1024
NAME = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")


def routes(world: World) -> list[BaseRoute]:
    holdings = Holdings(world)

    def at(path: str, work: Callable[[World, Request, Holding], Response], *methods: str) -> Route:
        def answer(request: Request) -> Response:
            return work(world, request, registry_at(holdings, request))

        return Route(path, answer, methods=list(methods or ("GET",)))

    return [
        *routes_of(world, holdings),
        at(V2, _version),
        at(f"{V2}/{{name:path}}/manifests/{{reference}}", _manifest),
        at(f"{V2}/{{name:path}}/manifests/{{reference}}", _put_manifest, "PUT"),
        at(f"{V2}/{{name:path}}/manifests/{{reference}}", _delete_manifest, "DELETE"),
        at(f"{V2}/{{name:path}}/referrers/{{digest}}", _referrers),
        at(f"{V2}/{{name:path}}/tags/list", _tags),
        at(f"{V2}/{{name:path}}/blobs/{{digest}}", _blob),
        at(f"{V2}/{{name:path}}/blobs/uploads", _start, "POST"),
        at(f"{V2}/{{name:path}}/blobs/uploads/{{upload}}", _chunk, "PATCH"),
        at(f"{V2}/{{name:path}}/blobs/uploads/{{upload}}", _finish, "PUT"),
    ]


def _version(world: World, request: Request, held: Holding) -> Response:
    tokens.admit(world, request, held, "registry", "catalog", ["*"])
    return ok({}, 200, {"Docker-Distribution-Api-Version": "registry/2.0"})


def _manifest(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "pull")
    line = _named(home, request.path_params["reference"])
    body = manifest_of(line)
    if body is None:
        raise RegistryError(403, "NOT_RECORDED", "the body of this manifest was not recorded")
    return Response(body, 200, {"Docker-Content-Digest": line["digest"]}, media_type=line["mediaType"])


def _delete_manifest(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "delete")
    line = _named(home, request.path_params["reference"])
    open_to("delete", *locks_of(home, line["digest"]))
    held.delete(home, line["digest"])
    return ok(None, 202)


def _put_manifest(world: World, request: Request, held: Holding) -> Response:
    name, reference = request.path_params["name"], request.path_params["reference"]
    tokens.admit(world, request, held, "repository", name, ["push"])
    body: bytes = request.scope["state"]["body"]
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if not NAME.fullmatch(name):
        raise RegistryError(400, "NAME_INVALID", "invalid repository name", {"name": name})
    if media_type not in MANIFESTS or len(body) > LARGEST_MANIFEST:
        raise RegistryError(415, "MANIFEST_INVALID", "manifest invalid", {"mediaType": media_type})
    try:
        line = described(body, media_type)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise RegistryError(400, "MANIFEST_INVALID", f"manifest invalid: {fault}") from fault
    digest = digest_of(body)
    if ":" in reference and reference != digest:
        raise RegistryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    home = held.repositories.get(name) or Repository(name, held.now)
    _complete(held, home, line)
    _take_in(held, home, line, digest, "" if ":" in reference else reference)
    headers = {"Docker-Content-Digest": digest, "Location": f"/v2/{name}/manifests/{digest}"}
    if line.get("subject"):
        headers["OCI-Subject"] = line["subject"]["digest"]
    return ok(None, 201, headers)


def _complete(held: Holding, home: Repository, line: Json) -> None:
    """Refuse a manifest that names what the registry does not have. A subject may be missing (specification 1.1)."""
    for child in line.get("references", []):
        if child["digest"] not in home.manifests:
            raise RegistryError(400, "MANIFEST_UNKNOWN", f"manifest {child['digest']} is not found")
    for blob in [*([line["config"]] if "config" in line else []), *line.get("layers", [])]:
        if held.blob(home, blob["digest"]) is None and not home.names(blob["digest"]):
            detail = {"digest": blob["digest"]}
            raise RegistryError(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", detail)


def _take_in(held: Holding, home: Repository, line: Json, digest: str, tag: str) -> None:
    """Put a pushed manifest where it belongs; its tag moves from the manifest that had it."""
    before = home.tags.get(tag)
    open_to("write", home.attributes, *([before["changeableAttributes"]] if before else []))
    now = held.now
    known = home.manifests.get(digest)
    if known is None:
        known = {
            "digest": digest,
            "createdTime": now,
            "lastUpdateTime": now,
            "imageName": home.name,
            "architecture": "",
            "os": "",
            "changeableAttributes": dict(OPEN),
            **line,
        }
    known["lastUpdateTime"] = now
    known["tags"] = sorted({*home.tags_of(digest), *([tag] if tag else [])})
    tags = {name: dict(home.tags[name]) for name in home.tags}
    held.repositories[home.name] = home
    home.add(known)
    home.tags |= {name: kept for name, kept in tags.items() if name != tag}
    home.deleted.pop(digest, None)


def _referrers(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "pull")
    wanted = request.query_params.get("artifactType")
    found = []
    for line in home.referrers(request.path_params["digest"]):
        kind = line.get("artifactType") or line.get("configMediaType") or ""
        if not wanted or kind == wanted:
            found.append({**descriptor(line), "artifactType": kind})
    body: Json = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
    response = ok(body, 200, {"OCI-Filters-Applied": "artifactType"} if wanted else {})
    response.headers["content-type"] = OCI_INDEX
    return response


def _tags(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "pull")
    return ok({"name": home.name, "tags": sorted(home.tags)})


def _blob(world: World, request: Request, held: Holding) -> Response:
    home = admitted(world, request, held, "pull")
    digest = request.path_params["digest"]
    content = held.blob(home, digest)
    if content is None:
        if home.names(digest):
            raise RegistryError(403, "NOT_RECORDED", "the content of this layer was not recorded")
        raise RegistryError(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
    headers = {"Docker-Content-Digest": digest, "Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if asked is None:
        return Response(content, 200, headers, media_type="application/octet-stream")
    start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
    if start >= len(content):
        return Response(b"", 416, {**headers, "Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
    return Response(content[start : end + 1], 206, headers, media_type="application/octet-stream")


def _start(world: World, request: Request, held: Holding) -> Response:
    name = request.path_params["name"]
    tokens.admit(world, request, held, "repository", name, ["push"])
    if not NAME.fullmatch(name):
        raise RegistryError(400, "NAME_INVALID", "invalid repository name", {"name": name})
    upload = str(uuid.uuid4())
    held.uploads[upload] = bytearray()
    return ok(None, 202, _place(name, upload, 0))


def _chunk(world: World, request: Request, held: Holding) -> Response:
    name, upload = request.path_params["name"], request.path_params["upload"]
    tokens.admit(world, request, held, "repository", name, ["push"])
    sofar = _uploading(held, upload)
    told = re.match(r"(?:bytes )?(\d+)-", request.headers.get("content-range", ""))
    if told and int(told[1]) != len(sofar):
        return ok(None, 416, _place(name, upload, len(sofar)))
    sofar += request.scope["state"]["body"]
    return ok(None, 202, _place(name, upload, len(sofar)))


def _finish(world: World, request: Request, held: Holding) -> Response:
    name, upload = request.path_params["name"], request.path_params["upload"]
    tokens.admit(world, request, held, "repository", name, ["push"])
    content = bytes(_uploading(held, upload) + request.scope["state"]["body"])
    digest = digest_of(content)
    if digest != request.query_params.get("digest"):
        raise RegistryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    held.uploaded[digest] = content
    del held.uploads[upload]
    return ok(None, 201, {"Docker-Content-Digest": digest, "Location": f"/v2/{name}/blobs/{digest}"})


def _uploading(held: Holding, upload: str) -> bytearray:
    if upload not in held.uploads:
        raise RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    return held.uploads[upload]


def _place(name: str, upload: str, size: int) -> dict[str, str]:
    return {
        "Location": f"/v2/{name}/blobs/uploads/{upload}?_nouploadcache=false&_state={quote(upload)}",
        "Range": f"0-{max(0, size - 1)}",
        "Docker-Upload-UUID": upload,
    }


def _named(home: Repository, reference: str) -> Json:
    """The manifest that a digest or a tag names."""
    digest = reference if ":" in reference else inside(home.tags, reference).get("digest", "")
    line = home.manifests.get(str(digest))
    if line is None:
        named = reference if ":" in reference else f"tagged by {reference}"
        raise RegistryError(404, "MANIFEST_UNKNOWN", f"manifest {named} is not found")
    return line
