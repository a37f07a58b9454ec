"""The blobs of one storage account: lists, properties, content in pieces, tiers in batches, index tags.

One request a call, on our own pipeline, as the Blob service's REST reference has them:
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from email.utils import format_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote, urlsplit

from finops.errors import AzureError, DataError

from . import shapes, storage_batch, storage_lists
from .calls import Answer
from .faults import printable
from .shapes import Json
from .storage_batch import MOST_IN_BATCH, Moved, ToTier
from .storage_faults import fault_of
from .storage_lists import Blob

if TYPE_CHECKING:
    from .gateway import Azure

__all__ = ["MOST_IN_BATCH", "Blob", "Moved", "Storage", "ToTier"]

Item = TypeVar("Item")

# Known to Azure and to Azurite 3.35; later ones change nothing that is used here.
VERSION = "2025-11-05"
PAGE = 5000  # the most that a list gives at once
PIECE = 16 * 1024 * 1024  # bytes in one request
REFUSALS = frozenset({304, *range(400, 500)} - {401, 408, 429})


class Storage:
    """One account by the address of its blobs. Safe to share between threads."""

    def __init__(self, azure: Azure, address: str) -> None:
        parts = urlsplit(address)
        self.address = address
        self.name = parts.path.strip("/") or (parts.hostname or "").partition(".")[0]
        self._azure = azure

    def containers(self) -> Iterator[Json]:
        """Every container: {"name", "properties"}, the latter as the service names them. Deleted ones are left out."""
        return self._pages("", {"comp": "list", "maxresults": str(PAGE)}, storage_lists.containers)

    def blobs(
        self, container: str, prefix: str = "", include: Collection[str] = (), page: int = PAGE
    ) -> Iterator[Blob]:
        """Every blob below a prefix, in the order of names.

        include: metadata, snapshots, versions, deleted, legalhold, immutabilitypolicy; tags, which need a right more
        """
        asked = {"restype": "container", "comp": "list", "prefix": prefix, "include": ",".join(include)}
        asked["maxresults"] = str(page)
        return self._pages(
            _container(container), asked, lambda page, doing: storage_lists.blobs(page, container, doing)
        )

    def blob(self, container: str, name: str) -> Blob:
        """The properties of one blob as they are now, without its tags. NotFound where it is not there."""
        answer = self._asked("HEAD", _path(container, name), read=True)
        return storage_lists.blob_of_headers(container, name, answer)

    def read(self, container: str, name: str, piece: int = PIECE) -> Iterator[bytes]:
        """The content of a blob, piece by piece, all of one write. An archived one is refused (409 BlobArchived)."""
        path = _path(container, name)
        first = self._asked("HEAD", path, read=True)
        size, etag = storage_lists.size_of(first, path), first.header("ETag") or ""
        for start in range(0, size, piece):
            end = min(start + piece, size) - 1
            headers = {"x-ms-range": f"bytes={start}-{end}", "If-Match": etag}
            answer = self._asked("GET", path, headers=headers, read=True)
            if len(answer.body) != end - start + 1:
                raise shapes.odd(f"GET {path} of {self.name}", "is not the piece that was asked for")
            yield answer.body

    def tags(self, container: str, name: str) -> dict[str, str]:
        """The index tags of a blob."""
        answer = self._asked("GET", _path(container, name), {"comp": "tags"}, read=True)
        return storage_lists.tags(answer.body, f"GET {_path(container, name)} of {self.name}")

    def set_tags(self, container: str, name: str, tags: Mapping[str, str], if_tags: str = "") -> None:
        """Give a blob these index tags in place of those it has. if_tags: only where a condition on those holds."""
        headers = {"Content-Type": "application/xml", **({"x-ms-if-tags": if_tags} if if_tags else {})}
        path = _path(container, name)
        self._asked("PUT", path, {"comp": "tags"}, headers=headers, content=storage_lists.tags_xml(tags))

    def set_tiers(self, wanted: Sequence[ToTier]) -> list[Moved]:
        """What became of each of up to 256 blobs, in their order: one request, in which one may be refused alone.

        Azure takes no condition on the time of a write here (it takes x-ms-if-tags): read them just before.
        Raises AzureError with the code OutcomeUnknown where the answer was lost; read them then.
        """
        if not 0 < len(wanted) <= MOST_IN_BATCH:
            raise DataError(f"A batch of {len(wanted)} blobs cannot be sent.", f"One takes 1 to {MOST_IN_BATCH}.")
        root = urlsplit(self.address).path
        scope = self._azure.cloud.storage_scope
        headers = {
            "Authorization": f"Bearer {self._azure.acting_tokens.get_token(scope).token}",
            "x-ms-date": self._date(),
        }
        targets = [f"{root}/{_path(each.container, each.name)}" for each in wanted]
        kind, content = storage_batch.composed(wanted, targets, headers)
        answer = self._asked("POST", "", {"comp": "batch"}, headers={"Content-Type": kind}, content=content)
        return storage_batch.outcomes(wanted, answer, f"POST a batch to {self.name}")

    def _pages(
        self, path: str, params: Mapping[str, str], items_of: Callable[[bytes, str], tuple[list[Item], str]]
    ) -> Iterator[Item]:
        """Every item of every page, by the marker that each page gives for the next."""
        doing = f"GET the list of {path or 'containers'} of {self.name}"
        seen: set[str] = set()
        marker = ""
        for _ in range(self._azure.max_pages):
            asked = {key: value for key, value in {**params, "marker": marker}.items() if value}
            answer = self._asked("GET", path, asked, read=True)
            items, marker = items_of(answer.body, doing)
            yield from items
            if not marker:
                return
            if marker in seen:
                raise AzureError(f"The pages of {doing} lead in a circle.", "Run it again.", code="PageLoop")
            seen.add(marker)
        raise AzureError(
            f"{doing} has more than {self._azure.max_pages} pages. Reading was stopped.",
            "Raise azure.max_pages if there is so much.",
            code="TooManyPages",
        )

    def _asked(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        read: bool = False,
    ) -> Answer:
        """The answer to one call, or the error that says why not, in words about storage."""
        what = (params or {}).get("comp", "")
        doing = f"{method} {printable(unquote(path)) or '/'}{f' ({what})' if what else ''} of {self.name}"
        usual = {"Accept": "application/xml", "x-ms-version": VERSION, "x-ms-date": self._date()}
        answer = self._azure.send(
            "storage", method, f"{self.address}/{path}", None, params=params, headers={**usual, **(headers or {})},
            content=content, read=read, scope=self.name, doing=doing, also=REFUSALS,
        )  # fmt: skip
        if answer.status >= 300:
            raise fault_of(answer, doing, self.name, path, read, self._azure.sign_in_fix)
        return answer

    def _date(self) -> str:
        return format_datetime(self._azure.time.now(), usegmt=True)


def _container(name: str) -> str:
    if not re.fullmatch(r"\$?[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$web|\$logs", name):
        raise DataError(f"'{name}' is not the name of a container.", "It has 3 to 63 small letters, digits and dashes.")
    return name


def _path(container: str, name: str) -> str:
    """The path of a blob. One with the segments . or .. is refused: on its way it would become another blob's."""
    if not name or any(part in {".", ".."} for part in name.split("/")):
        raise AzureError(
            f"{container}/{name!r} cannot be asked for: a path with . or .. in it names another blob on its way.",
            "Rename it, or leave it to a lifecycle rule.",
            code="BadName",
        )
    return f"{_container(container)}/{quote(name, safe='/~')}"
