"""What the Blob service says of containers and blobs, read from its XML and its headers.

https://learn.microsoft.com/rest/api/storageservices/list-blobs, /list-containers2, /get-blob-properties
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from . import shapes
from .calls import Answer
from .shapes import Json

Told = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob, snapshot or version. "" and None: Azure does not say so.

    bytes: of its content. tier: "" for what has none, such as page blobs. etag: another for every write, the same when
    the tier changes. rehydrating: such as "rehydrate-pending-to-hot". folder: it stands for a folder of a hierarchical
    namespace. tags: None unless they were asked for; tag_count: how many there are.
    """

    container: str
    name: str
    bytes: int
    type: str
    modified: datetime
    etag: str
    tier: str = ""
    inferred: bool = False
    created: datetime | None = None
    accessed: datetime | None = None
    tier_changed: datetime | None = None
    lease: str = ""
    snapshot: str = ""
    version: str = ""
    current: bool | None = None
    deleted: bool = False
    hold: bool = False
    until: datetime | None = None
    rehydrating: str = ""
    folder: bool = False
    encryption_scope: str = ""
    tag_count: int = 0
    tags: Mapping[str, str] | None = None


# A list has one name for a property, the headers of a single blob another.
_HEADERS = {
    "Creation-Time": "x-ms-creation-time",
    "Etag": "ETag",
    "BlobType": "x-ms-blob-type",
    "AccessTier": "x-ms-access-tier",
    "AccessTierInferred": "x-ms-access-tier-inferred",
    "AccessTierChangeTime": "x-ms-access-tier-change-time",
    "LastAccessTime": "x-ms-last-access-time",
    "LeaseState": "x-ms-lease-state",
    "ArchiveStatus": "x-ms-archive-status",
    "LegalHold": "x-ms-legal-hold",
    "ImmutabilityPolicyUntilDate": "x-ms-immutability-policy-until-date",
    "EncryptionScope": "x-ms-encryption-scope",
    "TagCount": "x-ms-tag-count",
}


def containers(body: bytes, doing: str) -> tuple[list[Json], str]:
    """One page of a list of containers, and the marker of the next one, "" on the last."""
    root = _parsed(body, doing)
    found: list[Json] = []
    for each in _inside(root, "Containers", doing).findall("Container"):
        properties = {key: value or "" for key, value in _texts(each, "Properties").items()}
        found.append({"name": each.findtext("Name") or "", "properties": properties})
    return found, root.findtext("NextMarker") or ""


def blobs(body: bytes, container: str, doing: str) -> tuple[list[Blob], str]:
    """One page of a list of blobs, and the marker of the next one, "" on the last."""
    root = _parsed(body, doing)
    try:
        found = [_blob_of_xml(each, container) for each in _inside(root, "Blobs", doing).findall("Blob")]
    except (KeyError, ValueError) as fault:
        raise shapes.odd(doing, f"describes a blob in a way that cannot be read ({fault})") from fault
    return found, root.findtext("NextMarker") or ""


def blob_of_headers(container: str, name: str, answer: Answer) -> Blob:
    """One blob, by the answer to a HEAD."""
    told = {key.lower(): value for key, value in answer.headers.items()}
    doing = f"HEAD {container}/{name}"
    try:
        return _blob(
            container,
            name,
            lambda field: told.get(_HEADERS.get(field, field).lower()),
            version=told.get("x-ms-version-id", ""),
            current=_truth(told.get("x-ms-is-current-version")),
            folder=_truth(told.get("x-ms-meta-hdi_isfolder")) is True,
        )
    except (KeyError, ValueError) as fault:
        raise shapes.odd(doing, f"describes it in a way that cannot be read ({fault})") from fault


def size_of(answer: Answer, path: str) -> int:
    """How many bytes a blob has."""
    told = answer.header("Content-Length") or ""
    if not told.isdigit():
        raise shapes.odd(f"HEAD {path}", "does not say how long it is")
    return int(told)


def tags(body: bytes, doing: str) -> dict[str, str]:
    """The index tags in the answer about one blob."""
    return _tags_of(_parsed(body, doing))


def tags_xml(told: Mapping[str, str]) -> bytes:
    """Index tags as the service takes them."""
    each = "".join(f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>" for key, value in told.items())
    return f'<?xml version="1.0" encoding="utf-8"?><Tags><TagSet>{each}</TagSet></Tags>'.encode()


def _blob_of_xml(each: ElementTree.Element, container: str) -> Blob:
    named = each.find("Name")
    name = (named.text or "") if named is not None else ""
    if named is not None and named.get("Encoded") == "true":
        name = unquote(name)
    if not name:
        raise ValueError("it has no name")
    told = _texts(each, "Properties")
    metadata = {key.lower(): value for key, value in _texts(each, "Metadata").items()}
    tagged = each.find("Tags")
    return _blob(
        container,
        name,
        told.get,
        snapshot=each.findtext("Snapshot") or "",
        version=each.findtext("VersionId") or "",
        current=_truth(each.findtext("IsCurrentVersion")),
        deleted=_truth(each.findtext("Deleted")) is True,
        folder=_truth(metadata.get("hdi_isfolder")) is True or told.get("ResourceType") == "directory",
        tags=None if tagged is None else _tags_of(tagged),
    )


def _blob(
    container: str,
    name: str,
    told: Told,
    *,
    version: str,
    current: bool | None,
    folder: bool,
    snapshot: str = "",
    deleted: bool = False,
    tags: Mapping[str, str] | None = None,
) -> Blob:
    modified = _moment(told("Last-Modified"))
    if modified is None:
        raise ValueError(f"{name} has no time of modification")
    return Blob(
        container=container,
        name=name,
        bytes=int(told("Content-Length") or ""),
        type=told("BlobType") or "",
        modified=modified,
        etag=(told("Etag") or "").strip('"'),
        tier=told("AccessTier") or "",
        inferred=_truth(told("AccessTierInferred")) is True,
        created=_moment(told("Creation-Time")),
        accessed=_moment(told("LastAccessTime")),
        tier_changed=_moment(told("AccessTierChangeTime")),
        lease=told("LeaseState") or "",
        snapshot=snapshot,
        version=version,
        current=current,
        deleted=deleted,
        hold=_truth(told("LegalHold")) is True,
        until=_moment(told("ImmutabilityPolicyUntilDate")),
        rehydrating=told("ArchiveStatus") or "",
        folder=folder,
        encryption_scope=told("EncryptionScope") or "",
        tag_count=int(told("TagCount") or 0),
        tags=tags,
    )


def _texts(each: ElementTree.Element, name: str) -> dict[str, str | None]:
    found = each.find(name)
    return {} if found is None else {inner.tag: inner.text for inner in found}


def _tags_of(root: ElementTree.Element) -> dict[str, str]:
    return {tag.findtext("Key") or "": tag.findtext("Value") or "" for tag in root.iter("Tag")}


def _parsed(body: bytes, doing: str) -> ElementTree.Element:
    """The root of an answer. One with a document type is refused: entities can grow without end."""
    if b"<!DOCTYPE" in body[:4096].upper():
        raise shapes.odd(doing, "has a document type, which the Blob service never sends")
    try:
        return ElementTree.fromstring(body)  # noqa: S314  # no document type, so no entities
    except ElementTree.ParseError as fault:
        start = body[:60].decode("utf-8", "replace")
        raise shapes.odd(doing, f"is not XML ({fault}); it begins with {start!r}") from fault


def _inside(root: ElementTree.Element, name: str, doing: str) -> ElementTree.Element:
    """The list in an answer. One without it proves nothing, least of all that nothing is there."""
    found = root.find(name)
    if found is None or root.find("NextMarker") is None:
        raise shapes.odd(doing, f"has no '{name if found is None else 'NextMarker'}'")
    return found


def _truth(text: str | None) -> bool | None:
    return None if not text else text.strip().lower() == "true"


def _moment(text: str | None) -> datetime | None:
    return _read(text) if text else None


@lru_cache(maxsize=4096)  # blobs that were written together have the same times, and reading one takes 8 microseconds
def _read(text: str) -> datetime:
    return parsedate_to_datetime(text).astimezone(UTC)
