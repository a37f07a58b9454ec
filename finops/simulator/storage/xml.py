"""What the blob service says in XML: lists of containers and blobs, refusals, properties."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.utils import format_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from starlette.responses import Response

from finops.simulator.answers import WireError
from finops.simulator.clock import moment_of
from finops.simulator.storage.blobs import BASE, BLOCK, SNAPSHOT, TYPES, VERSION
from finops.simulator.storage.holding import Holding
from finops.simulator.storage.prices import TIERS
from finops.simulator.store import Json

HEAD = '<?xml version="1.0" encoding="utf-8"?>'
# Such names XML cannot carry; the service sends them percent-encoded and says so (List Blobs, since 2021-02-12).
UNSAFE = re.compile("[\x00-\x1f\ufffe\uffff]")


class BlobError(WireError):
    """A refusal of the blob service: XML, and its code in a header."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.code, self.message = code, message

    def response(self) -> Response:
        text = f"{HEAD}<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>"
        return answer(text, self.status, {"x-ms-error-code": self.code})


def answer(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(text.encode(), status, headers=dict(headers or {}), media_type="application/xml")


def http_date(minute: int) -> str:
    return format_datetime(moment_of(minute), usegmt=True)


def etag_of(holding: Holding, row: int) -> str:
    """Another for every write; moving a blob to another tier leaves it as it is (Set Blob Tier)."""
    return f'"0x8D{int(holding.blobs.modified[row]):08X}{row:06X}"'


def properties_of(holding: Holding, row: int) -> dict[str, str]:
    """The properties of a blob, by the names that a list has; only those that it has."""
    blobs = holding.blobs
    headers = blobs.headers.get(row, {})
    told = {
        "Creation-Time": http_date(int(blobs.created[row])),
        "Last-Modified": http_date(int(blobs.modified[row])),
        "Etag": etag_of(holding, row).strip('"'),
        "Content-Length": str(int(blobs.size[row])),
        "Content-Type": str(headers.get("type") or "application/octet-stream"),
        "BlobType": TYPES[blobs.kind[row]],
        "LeaseStatus": "locked" if blobs.leased[row] else "unlocked",
        "LeaseState": "leased" if blobs.leased[row] else "available",
        "ServerEncrypted": "true",
    }
    if blobs.kind[row] == BLOCK:
        told["AccessTier"] = TIERS[blobs.tier[row]]
        if not blobs.explicit[row]:
            told["AccessTierInferred"] = "true"
    for name, column in (("AccessTierChangeTime", "tier_changed"), ("LastAccessTime", "accessed"),
                         ("ImmutabilityPolicyUntilDate", "until")):  # fmt: skip
        minute = int(getattr(blobs, column)[row])
        if minute >= 0:
            told[name] = http_date(minute)
    if blobs.until[row] >= 0:
        told["ImmutabilityPolicyMode"] = "unlocked"
    if blobs.hold[row]:
        told["LegalHold"] = "true"
    if blobs.due[row] >= 0:
        told["ArchiveStatus"] = f"rehydrate-pending-to-{TIERS[blobs.towards[row]].lower()}"
        told["RehydratePriority"] = "High" if blobs.urgent[row] else "Standard"
    if blobs.tag_count[row]:
        told["TagCount"] = str(int(blobs.tag_count[row]))
    return told


def blob_xml(holding: Holding, row: int, include: set[str]) -> str:
    blobs = holding.blobs
    parts = [_name(blobs.names[row])]
    if blobs.place[row] == SNAPSHOT:
        parts.append(f"<Snapshot>{blobs.marks[row]}</Snapshot>")
    elif blobs.place[row] == VERSION:
        parts.append(f"<VersionId>{blobs.marks[row]}</VersionId>")
    elif blobs.place[row] == BASE and "versions" in include:
        parts.append("<IsCurrentVersion>true</IsCurrentVersion>")
    told = properties_of(holding, row)
    parts.append("<Properties>" + "".join(f"<{key}>{escape(value)}</{key}>" for key, value in told.items()))
    parts.append("</Properties>")
    if "metadata" in include:
        metadata: Json = blobs.headers.get(row, {}).get("metadata", {})
        inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in metadata.items())
        parts.append(f"<Metadata>{inner}</Metadata>")
    if "tags" in include and row in blobs.tags:
        parts.append(tags_xml(blobs.tags[row]))
    return f"<Blob>{''.join(parts)}</Blob>"


def tags_xml(tags: Mapping[str, str]) -> str:
    each = (f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>" for key, value in tags.items())
    return f"<Tags><TagSet>{''.join(each)}</TagSet></Tags>"


def blobs_xml(root: str, container: str, asked: Mapping[str, str], inner: Iterable[str], marker: str) -> str:
    """A page of a list of blobs."""
    told = "".join(
        f"<{shown}>{escape(asked[name])}</{shown}>"
        for name, shown in (("prefix", "Prefix"), ("marker", "Marker"), ("maxresults", "MaxResults"),
                            ("delimiter", "Delimiter"))
        if asked.get(name)
    )  # fmt: skip
    start = f'{HEAD}<EnumerationResults ServiceEndpoint="{escape(root)}" ContainerName="{escape(container)}">{told}'
    return f"{start}<Blobs>{''.join(inner)}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"


def prefix_xml(prefix: str) -> str:
    return f"<BlobPrefix>{_name(prefix)}</BlobPrefix>"


def containers_xml(root: str, bodies: Iterable[Json]) -> str:
    each = []
    for body in bodies:
        held = body["properties"]
        told = {
            "Etag": str(body.get("etag", "")).strip('"'),
            "Last-Modified": _http(held.get("lastModifiedTime")),
            "LeaseStatus": str(held.get("leaseStatus", "Unlocked")).lower(),
            "LeaseState": str(held.get("leaseState", "Available")).lower(),
            "HasImmutabilityPolicy": str(bool(held.get("hasImmutabilityPolicy"))).lower(),
            "HasLegalHold": str(bool(held.get("hasLegalHold"))).lower(),
        }
        inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in told.items())
        each.append(f"<Container><Name>{body['name']}</Name><Properties>{inner}</Properties></Container>")
    start = f'{HEAD}<EnumerationResults ServiceEndpoint="{escape(root)}"><Containers>'
    return f"{start}{''.join(each)}</Containers><NextMarker/></EnumerationResults>"


def _http(text: object) -> str:
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(str(text)[:19]).replace(tzinfo=UTC) if text else moment_of(0)
    return format_datetime(moment, usegmt=True)


def _name(name: str) -> str:
    if UNSAFE.search(name):
        return f'<Name Encoded="true">{quote(name, safe="/")}</Name>'
    return f"<Name>{escape(name)}</Name>"
