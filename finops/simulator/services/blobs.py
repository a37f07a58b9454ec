"""The blob service of a simulated account, below /<account>: containers, lists, batches, and single blobs.

As azure-storage-blob 12.31 asks for them; single blobs are in blob_content.py.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, MutableMapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from finops.simulator import writes
from finops.simulator.answers import opened, origin, sealed
from finops.simulator.services import blob_content
from finops.simulator.services.blob_content import MALFORMED, Asked
from finops.simulator.storage import prices, xml
from finops.simulator.storage.blobs import BASE, SNAPSHOT, VERSION
from finops.simulator.storage.holding import Holding
from finops.simulator.storage.xml import BlobError, answer
from finops.simulator.store import Json
from finops.simulator.world import World

MOST_IN_BATCH = 256
PAGE = 5000
EXTRAS = {"snapshots": SNAPSHOT, "versions": VERSION}
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
RIGHTS = "Microsoft.Storage/storageAccounts/blobServices/containers"
# What belongs to Azure Resource Manager and the simulator, whatever accounts are called.
NO_ACCOUNTS = ("subscriptions", "providers", "tenants", "simulator", "api", "registry", "graph", "mferp", "discovery",
               "acs", "ccmreportstoragesimulated")  # fmt: skip


def routes(world: World) -> list[BaseRoute]:
    return [Door(world)]


class Door(Route):
    """Requests whose path begins with the name of an account; the rest of it is kept as it was sent."""

    def __init__(self, world: World) -> None:
        super().__init__("/{account}/{rest:path}", self._answer, methods=METHODS)
        self.path_regex = re.compile(rf"^/(?!(?:{'|'.join(NO_ACCOUNTS)})(?:/|$))[a-z0-9]{{3,24}}(?:/.*)?$")
        self._world = world

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        if scope["type"] != "http":
            return Match.NONE, {}
        name, _, rest = str(scope["state"]["path"]).lstrip("/").partition("/")
        if name.lower() in NO_ACCOUNTS or self._world.storage.named(name) is None:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": self.endpoint, "path_params": {"account": name, "rest": rest}}

    def _answer(self, request: Request) -> Response:
        world, account = self._world, self._world.storage.named(request.path_params["account"])
        assert account is not None
        service = Service(world, request, account)
        container, _, name = request.path_params["rest"].partition("/")
        response = service.answered(container, name)
        response.headers.setdefault("x-ms-version", request.headers.get("x-ms-version", "2025-11-05"))
        return response


class Service:
    """What one request finds: the account, its blobs, and who asks."""

    def __init__(self, world: World, request: Request, account: Json) -> None:
        self.world, self.request, self.account = world, request, account
        self.holding: Holding = world.storage.of(account)
        self.query = {key.lower(): value for key, value in request.query_params.items()}
        self.body: bytes = request.scope["state"]["body"]
        self.root = f"{origin(request)}/{account['name']}/"

    def answered(self, container: str, name: str) -> Response:
        method, comp = self.request.method, self.query.get("comp", "")
        if method == "POST" and comp == "batch":
            return self._batch()
        if not container:
            return self._account(method, comp)
        if name:
            headers = dict(self.request.headers.items())
            return self._blob(method, container, name, self.query, headers, self.body)
        works: dict[tuple[str, str], Callable[[str], Response]] = {
            ("GET", "list"): self._list,
            ("GET", ""): self._container,
            ("HEAD", ""): self._container,
            ("PUT", ""): self._make,
            ("DELETE", ""): self._drop,
        }
        if (method, comp) not in works:
            raise BlobError(501, "NotImplemented", f"The simulator does not do {method} comp={comp} on containers.")
        return works[method, comp](container)

    def _account(self, method: str, comp: str) -> Response:
        if comp == "list":
            self._may("read", "")
            self._discover()
            return answer(xml.containers_xml(self.root, self.world.storage.containers(self.account)))
        if self.query.get("restype") == "account":
            return Response(b"", 200, {"x-ms-sku-name": self.account["sku"]["name"], "x-ms-account-kind": "StorageV2"})
        raise BlobError(501, "NotImplemented", f"The simulator does not do {method} comp={comp} on accounts.")

    def _known(self, container: str) -> Json:
        found = self.world.storage.container(self.account, container)
        if found is None:
            self._discover()
            found = self.world.storage.container(self.account, container)
        if found is None:
            raise BlobError(404, "ContainerNotFound", "The specified container does not exist.")
        return found

    def _container(self, container: str) -> Response:
        self._may("read", container)
        found = self._known(container)
        held = found["properties"]
        headers = {
            "ETag": str(found.get("etag", "")),
            "Last-Modified": xml.http_date(self.world.storage.now),
            "x-ms-has-immutability-policy": str(bool(held.get("hasImmutabilityPolicy"))).lower(),
            "x-ms-has-legal-hold": str(bool(held.get("hasLegalHold"))).lower(),
        }
        return Response(b"", 200, headers)

    def _make(self, container: str) -> Response:
        self._may("write", container)
        if self.world.storage.container(self.account, container) is not None:
            raise BlobError(409, "ContainerAlreadyExists", "The specified container already exists.")
        if not self.world.storage.fits(container):
            raise BlobError(400, "InvalidResourceName", "The specifed resource name contains invalid characters.")
        made = writes.put(
            self.world, self.request, self.world.storage.container_body(self.account, container, {}), quiet=True
        )
        return Response(b"", 201, {"ETag": made["etag"], "Last-Modified": xml.http_date(self.world.storage.now)})

    def _drop(self, container: str) -> Response:
        self._may("delete", container)
        writes.delete(self.world, self.request, self._known(container)["id"], quiet=True)
        return Response(b"", 202)

    def _list(self, container: str) -> Response:
        self._may("blobs/read", container)
        self._known(container)
        self._discover()
        holding, asked = self.holding, self.query
        holding.post(prices.WRITE, holding.default, self.world.storage.now, 1)  # a list is billed as a write
        include = set(filter(None, asked.get("include", "").split(",")))
        size = min(int(asked.get("maxresults") or PAGE), PAGE, self.request.app.state.page_size or PAGE)
        shown: list[str] = []
        marker = last = ""
        for key, row in self._items(container, include):
            if len(shown) == size:
                marker = sealed(last)
                break
            shown.append(xml.prefix_xml(key) if row < 0 else xml.blob_xml(holding, row, include))
            last = key + "\0" + ("" if row < 0 else holding.blobs.marks.get(row, ""))
        return answer(xml.blobs_xml(self.root, container, asked, shown, marker))

    def _items(self, container: str, include: set[str]) -> Iterator[tuple[str, int]]:
        """Names and rows after the marker, or a prefix and -1 for what lies below a delimiter."""
        blobs, prefix, delimiter = self.holding.blobs, self.query.get("prefix", ""), self.query.get("delimiter", "")
        places = (
            {BASE} | ({SNAPSHOT} if "snapshots" in include else set()) | ({VERSION} if "versions" in include else set())
        )
        after, below = opened(self.query.get("marker")), ""
        for row in blobs.ordered():
            name = blobs.names[row]
            if blobs.containers[row] != container or not name.startswith(prefix) or blobs.place[row] not in places:
                continue
            head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            key = prefix + head + cut if cut else name
            if after and key + "\0" + ("" if cut else blobs.marks.get(row, "")) <= after:
                continue
            if cut and key != below:
                below = key
                yield key, -1
            elif not cut:
                yield name, row

    def _blob(
        self, method: str, container: str, name: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Response:
        right = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")
        tags = query.get("comp") == "tags"
        self._may(f"blobs/tags/{right}" if tags else f"blobs/{right}", container)
        self._known(container)
        if self.holding.blobs.find(container, name) is None:
            self._discover()
        return blob_content.answered(
            Asked(self.holding, self.world.storage.now, method, container, name, query, headers, body)
        )

    def _batch(self) -> Response:
        """Up to 256 parts, each answered by itself; one that is refused leaves the others be."""
        boundary = re.search(r"boundary=\"?([^\";]+)", self.request.headers.get("content-type", ""))
        if boundary is None:
            raise BlobError(400, "InvalidHeaderValue", MALFORMED)
        parts = self.body.split(b"--" + boundary[1].encode())[1:-1]
        if not parts or len(parts) > MOST_IN_BATCH:
            raise BlobError(400, "InvalidInput", "One of the request inputs is not valid.")
        name = f"batchresponse_{uuid.uuid4()}"
        told = []
        for part in parts:
            number, reply = self._part(part.decode("utf-8"))
            headers = "".join(f"{key}: {value}\r\n" for key, value in reply.headers.items())
            line = f"HTTP/1.1 {reply.status_code} {HTTPStatus(reply.status_code).phrase}\r\n"
            start = f"--{name}\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n"
            told.append(f"{start}{line}{headers}\r\n{bytes(reply.body).decode()}\r\n")
        return Response(
            "".join([*told, f"--{name}--\r\n"]).encode(), 202, media_type=f"multipart/mixed; boundary={name}"
        )

    def _part(self, text: str) -> tuple[str, Response]:
        outer, _, inner = text.lstrip("\r\n").partition("\r\n\r\n")
        number = re.search(r"content-id:\s*(\S+)", outer, re.IGNORECASE)
        first, *lines = inner.split("\r\n\r\n")[0].split("\r\n")
        method, _, target = first.partition(" ")
        path, _, query = target.rpartition(" ")[0].partition("?")
        words = unquote(path).lstrip("/").split("/")
        if words and words[0] == self.account["name"]:
            words = words[1:]
        headers = {
            key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines) if key
        }
        asked = {key.lower(): value for key, value in parse_qsl(query, keep_blank_values=True)}
        try:
            if method not in {"PUT", "DELETE"} or (method == "PUT" and asked.get("comp") != "tier") or len(words) < 2:
                raise BlobError(400, "InvalidInput", "One of the request inputs is not valid.")
            reply = self._blob(method, words[0], "/".join(words[1:]), asked, headers, b"")
        except BlobError as refusal:
            reply = refusal.response()
        return number[1] if number else "", reply

    def _may(self, right: str, container: str) -> None:
        """Refuse what no role of the caller's grants."""
        scope = f"{self.account['id']}/blobServices/default/containers/{container}".rstrip("/")
        if not self.request.app.state.rbac.may(self.request, f"{RIGHTS}/{right}", scope):
            text = "This request is not authorized to perform this operation using this permission."
            raise BlobError(403, "AuthorizationPermissionMismatch", text)

    def _discover(self) -> None:
        """Take in what others wrote into the estate's folder: exports of costs, inventory reports of a recording."""
        folder, name = self.world.folder, str(self.account["name"])
        places = [(folder / "inventory" / name, "inventory/"), (folder / "storage" / name, "")]
        for place, prefix in places:
            for file in sorted(place.rglob("*")) if place.is_dir() else ():
                path = prefix + file.relative_to(place).as_posix()
                container, _, blob = path.partition("/")
                if file.is_file() and blob and not file.name.startswith("."):
                    self._take_in(container, blob, file)

    def _take_in(self, container: str, name: str, file: Path) -> None:
        storage, holding = self.world.storage, self.holding
        if storage.container(self.account, container) is None:
            self.world.resources.put(storage.container_body(self.account, container, {}))
        size, known = file.stat().st_size, holding.blobs.find(container, name)
        if known is None or int(holding.blobs.size[known]) != size:
            row = holding.write(container, name, size, storage.now)
            holding.blobs.files[row] = file
