"""One blob over the wire: read, write, delete, tier, tags, snapshot. Refusals in the blob service's words.

A blob that nobody uploaded has content that stands for it: as long as it says, the same each time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import numpy as np
from starlette.responses import Response, StreamingResponse

from finops.simulator.clock import moment_of
from finops.simulator.storage import prices, xml
from finops.simulator.storage.blobs import BASE, BLOCK, SNAPSHOT, TYPES
from finops.simulator.storage.holding import Holding
from finops.simulator.storage.prices import ARCHIVE, ARCHIVING, HOT, TIERS
from finops.simulator.storage.xml import BlobError, answer, etag_of, http_date, properties_of

LARGEST = 4 * 1024 * 1024  # what the simulator reads of a request; the service takes 5,000 MiB at once
_CHUNK = 1024 * 1024
# The service's own words.
UNMET = "The condition specified using HTTP conditional header(s) is not met."
MALFORMED = "The value for one of the HTTP headers is not in the correct format."
REHYDRATING = "This operation is not permitted because the blob is being rehydrated."
# What a list calls Etag and Content-Length are plain headers; the rest goes by these names.
HEADERS = {"Creation-Time": "x-ms-creation-time", "BlobType": "x-ms-blob-type", "AccessTier": "x-ms-access-tier",
           "AccessTierInferred": "x-ms-access-tier-inferred", "AccessTierChangeTime": "x-ms-access-tier-change-time",
           "LastAccessTime": "x-ms-last-access-time", "ArchiveStatus": "x-ms-archive-status",
           "RehydratePriority": "x-ms-rehydrate-priority", "TagCount": "x-ms-tag-count",
           "LeaseStatus": "x-ms-lease-status", "LeaseState": "x-ms-lease-state", "LegalHold": "x-ms-legal-hold",
           "ImmutabilityPolicyUntilDate": "x-ms-immutability-policy-until-date",
           "ImmutabilityPolicyMode": "x-ms-immutability-policy-mode", "ServerEncrypted": "x-ms-server-encrypted",
           "Last-Modified": "Last-Modified", "Content-Type": "Content-Type"}  # fmt: skip

Headers = Mapping[str, str]


class Asked:
    """One request about one blob: by itself, or a part of a batch."""

    def __init__(
        self, holding: Holding, now: int, method: str, container: str, name: str, query: Headers, headers: Headers,
        body: bytes = b"",
    ) -> None:  # fmt: skip
        self.holding, self.now = holding, now
        self.method, self.container, self.name = method, container, name
        self.query, self.headers, self.body = query, headers, body

    @property
    def mark(self) -> str:
        return self.query.get("snapshot") or self.query.get("versionid") or ""

    def row(self) -> int:
        found = self.holding.blobs.find(self.container, self.name, self.mark)
        if found is None:
            raise BlobError(404, "BlobNotFound", "The specified blob does not exist.")
        self._conditions(found)
        return found

    def _conditions(self, row: int) -> None:
        etag = etag_of(self.holding, row)
        wanted, unwanted = self.headers.get("if-match"), self.headers.get("if-none-match")
        before, since = self.headers.get("if-unmodified-since"), self.headers.get("if-modified-since")
        modified = moment_of(int(self.holding.blobs.modified[row]))
        failed = (
            (wanted not in {None, "*", etag, etag.strip('"')})
            or (before and modified > _date(before))
            or (self.method not in {"GET", "HEAD"} and unwanted in {"*", etag})
        )
        if failed:
            raise BlobError(412, "ConditionNotMet", UNMET)
        if self.method in {"GET", "HEAD"} and (unwanted == etag or (since and modified <= _date(since))):
            raise BlobError(304, "ConditionNotMet", UNMET)


def answered(asked: Asked) -> Response:
    """What the service answers to a request about one blob."""
    comp = asked.query.get("comp", "")
    works: dict[tuple[str, str], Callable[[Asked], Response]] = {
        ("GET", ""): _read,
        ("HEAD", ""): _properties,
        ("PUT", ""): _write,
        ("DELETE", ""): _delete,
        ("PUT", "tier"): _tier,
        ("GET", "tags"): _tags,
        ("PUT", "tags"): _set_tags,
        ("PUT", "snapshot"): _snapshot,
    }
    work = works.get((asked.method, comp))
    if work is None or "x-ms-copy-source" in asked.headers:
        raise BlobError(501, "NotImplemented", f"The simulator does not do {asked.method} comp={comp or 'none'}.")
    return work(asked)


def headers_of(holding: Holding, row: int) -> dict[str, str]:
    told = properties_of(holding, row)
    headers = {HEADERS[name]: value for name, value in told.items() if name in HEADERS}
    metadata = holding.blobs.headers.get(row, {}).get("metadata", {})
    headers |= {f"x-ms-meta-{key}": str(value) for key, value in metadata.items()}
    return {**headers, "ETag": etag_of(holding, row), "Accept-Ranges": "bytes"}


def content_of(holding: Holding, row: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes of a blob from `start` up to `end`, a piece at a time."""
    blobs = holding.blobs
    if row in blobs.content:
        yield blobs.content[row][start:end]
        return
    if row in blobs.files:
        with blobs.files[row].open("rb") as source:
            source.seek(start)
            yield source.read(end - start)
        return
    block = hashlib.shake_128(f"{blobs.containers[row]}/{blobs.names[row]}".encode()).digest(4096)
    while start < end:
        size = min(_CHUNK, end - start)
        shift = start % len(block)
        yield (block * (size // len(block) + 2))[shift : shift + size]
        start += size


def _read(asked: Asked) -> Response:
    row, holding = asked.row(), asked.holding
    tier, size = int(holding.blobs.tier[row]), int(holding.blobs.size[row])
    if tier == ARCHIVE and holding.blobs.kind[row] == BLOCK:
        raise BlobError(409, "BlobArchived", "This operation is not permitted on an archived blob.")
    told = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("x-ms-range") or asked.headers.get("range") or "")
    start, end = (int(told[1]), min(int(told[2] or size), size - 1) + 1) if told else (0, size)
    if told and start >= size:
        raise BlobError(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    holding.post(prices.READ, tier, asked.now, 1)
    if tier != HOT:
        holding.post(prices.RETRIEVAL, tier, asked.now, end - start)
    rows = np.array([row])
    holding.observe(np.array([asked.now]), np.array([1]), np.array([end - start]))
    holding.touch(rows, np.array([asked.now]))
    headers = headers_of(holding, row) | {"Content-Length": str(end - start)}
    if told:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    pieces = (
        list(content_of(holding, row, start, end)) if end - start <= _CHUNK else content_of(holding, row, start, end)
    )
    if holding.blobs.returns[row]:
        holding.come_back(rows, asked.now)
    return StreamingResponse(pieces, 206 if told else 200, headers)


def _properties(asked: Asked) -> Response:
    row = asked.row()
    asked.holding.post(prices.OTHER, int(asked.holding.blobs.tier[row]), asked.now, 1)
    size = str(int(asked.holding.blobs.size[row]))
    return Response(b"", 200, {**headers_of(asked.holding, row), "Content-Length": size})


def _write(asked: Asked) -> Response:
    holding, blobs = asked.holding, asked.holding.blobs
    before = blobs.find(asked.container, asked.name)
    if before is not None:
        if asked.headers.get("if-none-match") == "*":
            raise BlobError(409, "BlobAlreadyExists", "The specified blob already exists.")
        asked.row()
        _changeable(asked, before)
        if blobs.tier[before] == ARCHIVE:
            raise BlobError(409, "BlobArchived", "This operation is not permitted on an archived blob.")
    if len(asked.body) > LARGEST:
        raise BlobError(413, "RequestBodyTooLarge", "The simulator reads bodies of up to 4 MiB.")
    kind = asked.headers.get("x-ms-blob-type", TYPES[BLOCK])
    if kind not in TYPES:
        raise BlobError(400, "InvalidHeaderValue", MALFORMED)
    size = int(asked.headers.get("x-ms-blob-content-length", 0)) if kind == "PageBlob" else len(asked.body)
    told = asked.headers.get("x-ms-access-tier")
    tags = dict(parse_qsl(asked.headers.get("x-ms-tags", "")))
    row = holding.write(
        asked.container,
        asked.name,
        size,
        asked.now,
        None if told is None else _wanted(holding, told),
        kind=TYPES.index(kind),
        tag_count=len(tags),
    )
    holding.tags += len(tags)
    if kind != "PageBlob":
        blobs.content[row] = asked.body
    if tags:
        blobs.tags[row] = tags
    metadata = {key[10:]: value for key, value in asked.headers.items() if key.startswith("x-ms-meta-")}
    content_type = asked.headers.get("x-ms-blob-content-type") or asked.headers.get("content-type")
    blobs.headers[row] = {"type": content_type, "metadata": metadata}
    return Response(b"", 201, {"ETag": etag_of(holding, row), "Last-Modified": http_date(asked.now)})


def _delete(asked: Asked) -> Response:
    row, holding = asked.row(), asked.holding
    _changeable(asked, row)
    others = [other for other in holding.blobs.of(asked.container, asked.name) if other != row]
    snapshots = [other for other in others if holding.blobs.place[other] == SNAPSHOT]
    told = asked.headers.get("x-ms-delete-snapshots", "")
    gone = [row]
    if snapshots and not asked.mark:
        if told not in {"include", "only"}:
            raise BlobError(409, "SnapshotsPresent", "This operation is not permitted because the blob has snapshots.")
        gone = snapshots if told == "only" else [row, *snapshots]
    holding.delete(np.array(gone), asked.now)
    return Response(b"", 202)


def _tier(asked: Asked) -> Response:
    row, holding, blobs = asked.row(), asked.holding, asked.holding.blobs
    tier = _wanted(holding, asked.headers.get("x-ms-access-tier", ""))
    priority = asked.headers.get("x-ms-rehydrate-priority", "Standard").lower()
    if blobs.kind[row] != BLOCK:
        raise BlobError(409, "InvalidBlobType", "The blob type is invalid for this operation.")
    rows = np.array([row])
    if blobs.tier[row] != ARCHIVE:
        holding.move(rows, tier, asked.now)
        return Response(b"", 200)
    if tier == ARCHIVE:
        if blobs.due[row] >= 0:
            raise BlobError(
                409, "BlobBeingRehydrated", "This operation is not permitted because the blob is being rehydrated."
            )
        return Response(b"", 200)
    if blobs.due[row] >= 0:
        if blobs.towards[row] != tier or (blobs.urgent[row] and priority != "high"):
            raise BlobError(
                409, "BlobBeingRehydrated", "This operation is not permitted because the blob is being rehydrated."
            )
        if priority == "high" and not blobs.urgent[row]:
            holding.rehydrate(rows, tier, asked.now, urgent=True)
        return Response(b"", 202)
    holding.rehydrate(rows, tier, asked.now, priority == "high")
    return Response(b"", 202)


def _tags(asked: Asked) -> Response:
    row = asked.row()
    asked.holding.post(prices.OTHER, int(asked.holding.blobs.tier[row]), asked.now, 1)
    return answer(xml.HEAD + xml.tags_xml(asked.holding.blobs.tags_of(row)))


def _set_tags(asked: Asked) -> Response:
    row, holding = asked.row(), asked.holding
    try:
        found = ElementTree.fromstring(asked.body)  # noqa: S314  # the simulator's own caller
    except ElementTree.ParseError as fault:
        raise BlobError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.") from fault
    tags = {tag.findtext("Key") or "": tag.findtext("Value") or "" for tag in found.iter("Tag")}
    if len(tags) > 10:
        raise BlobError(400, "InvalidTags", "The tags specified are invalid.")
    holding.bill(asked.now)
    holding.tags += len(tags) - int(holding.blobs.tag_count[row])
    holding.blobs.tags[row], holding.blobs.tag_count[row] = tags, len(tags)
    holding.blobs.retagged += 1
    holding.post(prices.OTHER, int(holding.blobs.tier[row]), asked.now, 1)
    return Response(b"", 204)


def _snapshot(asked: Asked) -> Response:
    row, holding, blobs = asked.row(), asked.holding, asked.holding.blobs
    if blobs.tier[row] == ARCHIVE:
        raise BlobError(409, "BlobArchived", "This operation is not permitted on an archived blob.")
    number = sum(1 for other in blobs.of(asked.container, asked.name) if blobs.place[other] == SNAPSHOT)
    mark = f"{moment_of(asked.now):%Y-%m-%dT%H:%M:%S}.{number:07d}Z"
    holding.bill(asked.now)
    columns: dict[str, Any] = {
        name: getattr(blobs, name)[row].item() for name in ("size", "tier", "explicit", "modified", "accessed", "kind")
    }
    blobs.add(asked.container, asked.name, mark, **columns, created=asked.now, entered=asked.now, place=SNAPSHOT)
    holding.count()
    return Response(
        b"", 201, {"x-ms-snapshot": mark, "ETag": etag_of(holding, row), "Last-Modified": http_date(asked.now)}
    )


def _wanted(holding: Holding, told: str) -> int:
    """The tier that a header names, where the account has it."""
    named = {tier.lower(): number for number, tier in enumerate(TIERS)}
    if told.lower() not in named:
        raise BlobError(400, "InvalidHeaderValue", MALFORMED)
    tier = named[told.lower()]
    if holding.premium or (tier == ARCHIVE and holding.redundancy not in ARCHIVING):
        text = "The access tier is not supported for this storage account type."
        raise BlobError(409, "BlobAccessTierNotSupportedForAccountType", text)
    return tier


def _changeable(asked: Asked, row: int) -> None:
    """Refuse to overwrite or delete what is held, immutable, or leased by somebody else."""
    blobs = asked.holding.blobs
    if blobs.hold[row] or blobs.until[row] > asked.now:
        text = "This operation is not permitted as the blob is immutable due to a policy."
        raise BlobError(409, "BlobImmutableDueToPolicy", text)
    if blobs.leased[row] and blobs.place[row] == BASE and "x-ms-lease-id" not in asked.headers:
        text = "There is currently a lease on the blob and no lease ID was specified in the request."
        raise BlobError(412, "LeaseIdMissing", text)


def _date(text: str) -> Any:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text)
    except ValueError as fault:
        raise BlobError(400, "InvalidHeaderValue", "A date of the request is not in the correct format.") from fault
