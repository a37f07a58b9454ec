"""What a container registry holds: repositories, manifests by digest, layers; one request a call.

Addresses as in azure-containerregistry 1.2.0 (2021-07-01) and the OCI distribution specification 1.1; deleted
artifacts as in the Azure CLI (`az acr manifest list-deleted`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from finops.errors import AzureError, NotFound

from . import shapes
from .calls import Answer
from .clouds import followed
from .registry_tokens import RegistryTokens, refused
from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

PAGE = 1000
CHUNK = 4 * 1024 * 1024  # bytes in one request, as Microsoft's client cuts a layer
VERSION = {"api-version": "2021-07-01"}
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.artifact.manifest.v1+json, */*"
)
REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
REFERENCE = re.compile(r"sha256:[0-9a-f]{64}|\w[\w.-]{0,127}")
READS, PULLS, PUSHES, DELETES = "metadata_read", "pull", "pull,push", "delete"
LOOKS = {READS, PULLS, "deleted_read"}
REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Manifest:
    """One manifest, byte by byte: `digest` is of these bytes."""

    digest: str
    media_type: str
    body: bytes


class Registry:
    """One registry by its login server. Safe to share between threads."""

    def __init__(self, azure: Azure, server: str) -> None:
        self.server = server
        self._azure = azure
        self._reading = RegistryTokens(azure, server)
        self._acting = RegistryTokens(azure, server, acting=True) if azure.acts_as_another else self._reading

    def repositories(self) -> Iterator[str]:
        """The names of all repositories."""
        for page in self._pages("/acr/v1/_catalog", "", READS, {"n": str(PAGE)}):
            names = page.get("repositories")
            if names is None and "repositories" in page:
                return  # an empty registry says null
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise shapes.odd(f"GET /acr/v1/_catalog of {self.server}", "holds no list of repositories")
            yield from names

    def manifests(self, repository: str) -> Iterator[Json]:
        """Every manifest of a repository with its tags, as the registry lists them."""
        path = f"/acr/v1/{_name(repository)}/_manifests"
        for page in self._pages(path, repository, READS, {"n": str(PAGE)}):
            yield from self._items(page, "manifests", path)

    def tags(self, repository: str) -> Iterator[Json]:
        """Every tag of a repository with its digest and its own locks."""
        path = f"/acr/v1/{_name(repository)}/_tags"
        for page in self._pages(path, repository, READS, {"n": str(PAGE)}):
            yield from self._items(page, "tags", path)

    def listed(self, repository: str, digest: str) -> Json:
        """One manifest as the registry lists it: tags, times, locks. NotFound when it is not there."""
        path = f"/acr/v1/{_name(repository)}/_manifests/{_reference(digest)}"
        body = shapes.an_object(self._asked("GET", path, repository, READS, params=VERSION).json, f"GET {path}")
        return shapes.an_object(body.get("manifest"), f"GET {path}")

    def properties(self, repository: str) -> Json:
        """The repository itself: how much is in it, and its locks. NotFound when it is not there."""
        path = f"/acr/v1/{_name(repository)}"
        return shapes.an_object(self._asked("GET", path, repository, READS, params=VERSION).json, f"GET {path}")

    def manifest(self, repository: str, reference: str) -> Manifest:
        """The manifest that a digest or a tag names. A body that is not what the digest says is refused."""
        path = f"/v2/{_name(repository)}/manifests/{_reference(reference)}"
        answer = self._asked("GET", path, repository, PULLS, headers={"Accept": MANIFESTS}, content=b"")
        digest = "sha256:" + hashlib.sha256(answer.body).hexdigest()
        if digest != (reference if ":" in reference else answer.header("Docker-Content-Digest") or digest):
            raise shapes.odd(f"GET {path} of {self.server}", f"is not what its digest says, but {digest}")
        return Manifest(digest, (answer.header("Content-Type") or "").partition(";")[0].strip(), answer.body)

    def referrers(self, repository: str, digest: str) -> list[Json]:
        """What was attached to a manifest: signatures, bills of materials."""
        path = f"/v2/{_name(repository)}/referrers/{_reference(digest)}"
        pages = self._pages(path, repository, PULLS, {})
        return [found for page in pages for found in self._items(page, "manifests", path)]

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the repository holds that layer or configuration."""
        path = f"/v2/{_name(repository)}/blobs/{_reference(digest)}"
        try:
            self._asked("HEAD", path, repository, PULLS, content=b"", also=REDIRECTS)
        except AzureError as fault:
            if fault.status == 404:  # a HEAD has no body that could say more
                return False
            raise
        return True

    def blob(self, repository: str, digest: str) -> Iterator[bytes]:
        """A layer or configuration, piece by piece; an error at the end when it is not what its digest says."""
        path = f"/v2/{_name(repository)}/blobs/{_reference(digest)}"
        hashed = hashlib.sha256()
        start, size = 0, 1
        while start < size:
            piece, size = self._piece(path, repository, start)
            hashed.update(piece)
            yield piece
            start += len(piece)
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise shapes.odd(f"GET {path} of {self.server}", f"is not what its digest says, but {hashed.hexdigest()}")

    def delete(self, repository: str, digest: str) -> bool:
        """Whether the manifest was there and is deleted now, with its tags and what was attached to it."""
        if ":" not in digest:
            raise AzureError(f"{digest} is a tag.", "Images are deleted by digest, so that no other is met.")
        path = f"/v2/{_name(repository)}/manifests/{_reference(digest)}"
        with suppress(NotFound):
            self._asked("DELETE", path, repository, DELETES, content=b"")
            return True
        return False

    def put_blob(self, repository: str, digest: str, pieces: Iterable[bytes]) -> None:
        """Send a layer or configuration, unless the repository holds it."""
        if self.has_blob(repository, digest):
            return
        path = f"/v2/{_name(repository)}/blobs/uploads/"
        place = self._uploading("POST", path, repository, b"").header("Location")
        start = 0
        for piece in _cut(pieces):
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{start}-{start + len(piece) - 1}",
            }
            sent = self._uploading("PATCH", self._followed(place, path), repository, piece, headers)
            place = sent.header("Location")
            start += len(piece)
        address = self._followed(place, path)
        address += ("&" if "?" in address else "?") + f"digest={quote(digest, safe='')}"
        self._uploading("PUT", address, repository, b"")

    def _uploading(
        self, method: str, path: str, repository: str, content: bytes, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request of an upload. Nobody sees a layer that no manifest names, so it may well be sent again."""
        return self._asked(method, path, repository, PUSHES, content=content, headers=headers, harmless=True)

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> str:
        """The digest under which the registry holds `body` now; under a tag, too, when `reference` is one."""
        path = f"/v2/{_name(repository)}/manifests/{_reference(reference)}"
        answer = self._asked("PUT", path, repository, PUSHES, content=body, headers={"Content-Type": media_type})
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if (answer.header("Docker-Content-Digest") or digest) != digest:
            raise shapes.odd(f"PUT {path} of {self.server}", f"names another digest than {digest}")
        return digest

    def deleted(self, repository: str) -> list[Json]:
        """Manifests that were deleted softly and can still be restored."""
        path = f"/acr/v1/_deleted/{_name(repository)}/_manifests"
        pages = self._pages(path, repository, "deleted_read", {})
        return [found for page in pages for found in self._items(page, "manifests", path)]

    def restore(self, repository: str, digest: str, tag: str = "") -> None:
        """Bring back a manifest that was deleted softly, under `tag` when it has one."""
        path = f"/acr/v1/_deleted/{_name(repository)}/_manifests/{_reference(digest)}"
        body = {"tag": tag} if tag else {}
        self._asked("POST", path, repository, "deleted_read,deleted_restore", body=body)

    def _piece(self, path: str, repository: str, start: int) -> tuple[bytes, int]:
        """Bytes from `start` on, and the size of the whole."""
        wanted = {"Range": f"bytes={start}-{start + CHUNK - 1}"}
        answer = self._asked("GET", path, repository, PULLS, headers=wanted, content=b"", also=REDIRECTS)
        if answer.status in REDIRECTS:
            # The layer lies in a storage account; the address is signed, and our token must not go there.
            address = answer.header("Location") or ""
            cloud = self._azure.cloud
            if not (cloud.is_blob(address) or (cloud.local and cloud.allows(address))):
                where = urlsplit(address).hostname or "nowhere"
                raise AzureError(
                    f"{self.server} keeps a layer at {where}, which is no storage of the {cloud.name} cloud.",
                    "Nothing was sent there. Check proxies.",
                    code="ForeignAddress",
                )
            answer = self._azure.send(
                "registry", "GET", address, None, headers=wanted, content=b"", read=True,
                scope=self.server, doing=f"GET a layer of {self.server}",
            )  # fmt: skip
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.header("Content-Range") or "")
        if told is None:
            if start:
                raise shapes.odd(f"GET {path} of {self.server}", "is not the piece that was asked for")
            return answer.body, len(answer.body)
        if int(told[1]) != start or (not answer.body and int(told[2])):
            raise shapes.odd(f"GET {path} of {self.server}", "is not the piece that was asked for")
        return answer.body, int(told[2])

    def _asked(
        self,
        method: str,
        path: str,
        repository: str,
        actions: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        body: Any = None,
        also: Iterable[int] = (),
        harmless: bool = False,
    ) -> Answer:
        """The answer to one call. A token that is refused is renewed once; a registry that goes on is an error."""
        address = path if "://" in path else self._azure.cloud.registry(self.server) + quote(path, safe="/:@._-~")
        doing = f"{method} {urlsplit(path).path} of {self.server}"
        acting = actions not in LOOKS
        tokens = self._acting if acting else self._reading
        for renewed in (False, True):
            token = tokens.token(repository, actions)
            answer = self._azure.send(
                "registry", method, address, None, params=params, body=body, content=content,
                headers={**(headers or {}), "Authorization": f"Bearer {token}"},
                read=harmless or method in {"GET", "HEAD"}, scope=self.server, doing=doing, also={401, *also},
                acting=acting,
            )  # fmt: skip
            if answer.status != 401:
                return answer
            tokens.forget()
            if renewed:
                raise refused(self.server, answer, doing)
        raise AssertionError("not reached")

    def _pages(self, path: str, repository: str, actions: str, params: dict[str, str]) -> Iterator[Json]:
        doing = f"GET {path} of {self.server}"
        seen: set[str] = set()
        answer = self._asked("GET", path, repository, actions, params=params)
        for _ in range(self._azure.max_pages):
            yield shapes.an_object(answer.json, doing)
            link = answer.header("Link")
            if not link:
                return
            target = re.match(r"\s*<([^>]+)>", link)
            if target is None:
                raise shapes.odd(doing, "has a Link that cannot be read")
            address = self._followed(target[1], path)
            if address in seen:
                raise AzureError(f"The pages of {doing} lead in a circle.", "Run it again.", code="PageLoop")
            seen.add(address)
            answer = self._asked("GET", address, repository, actions)
        raise AzureError(
            f"{doing} has more than {self._azure.max_pages} pages. Reading was stopped.",
            "Raise azure.max_pages if there is so much.",
            code="TooManyPages",
        )

    def _followed(self, link: str | None, path: str) -> str:
        """A link of the registry as an address: its paths are the registry's own, whatever is in front of it."""
        base = self._azure.cloud.registry(self.server)
        if not link:
            raise shapes.odd(f"{path} of {self.server}", "does not say where to go on")
        whole = base + link if link.startswith("/") and not link.startswith("//") else link
        address = followed(whole, base, f"{path} of {self.server}")
        if not address.startswith(f"{base}/"):
            raise shapes.odd(f"{path} of {self.server}", "points to another registry")
        return address

    def _items(self, page: Json, name: str, path: str) -> list[Json]:
        if page.get(name, "") is None:
            return []  # a repository without manifests says null
        return shapes.items_of(page, name, f"GET {path} of {self.server}")


def _name(repository: str) -> str:
    if not REPOSITORY.fullmatch(repository):
        raise AzureError(f"{repository!r} is no name of a repository.", "It was altered on its way here.")
    return repository


def _reference(reference: str) -> str:
    if not REFERENCE.fullmatch(reference):
        raise AzureError(f"{reference!r} is neither a digest nor a tag.", "Give sha256: and 64 digits, or a tag.")
    return reference


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """`pieces` in pieces of CHUNK bytes, the last one shorter."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= CHUNK:
            yield bytes(rest[:CHUNK])
            del rest[:CHUNK]
    if rest:
        yield bytes(rest)
