"""Many Set Blob Tier in one request, and what became of each.

https://learn.microsoft.com/rest/api/storageservices/blob-batch: parts that are refused leave the others be; each has a
token of its own. https://learn.microsoft.com/rest/api/storageservices/set-blob-tier: the only conditions that it takes
are a lease's id and x-ms-if-tags.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from finops.errors import DataError

from . import shapes
from .calls import Answer
from .faults import read_fault
from .storage_faults import plain

MOST_IN_BATCH = 256
DONE = {200, 202}  # 202: on its way out of Archive, which takes hours


@dataclass(frozen=True)
class ToTier:
    """A blob that is to be in a tier. priority: of a way out of Archive. if_tags: only where this holds of its tags."""

    container: str
    name: str
    tier: str
    priority: Literal["Standard", "High"] = "Standard"
    if_tags: str = ""


@dataclass(frozen=True)
class Moved:
    """What Azure answered for one blob of a batch. status 0: nothing; then only reading it tells."""

    wanted: ToTier
    status: int
    code: str = ""
    why: str = ""

    @property
    def done(self) -> bool:
        return self.status in DONE

    @property
    def unknown(self) -> bool:
        return self.status == 0 or self.status >= 500


def composed(wanted: Sequence[ToTier], targets: Sequence[str], headers: Mapping[str, str]) -> tuple[str, bytes]:
    """The content type and the body of a batch. headers: of each part."""
    boundary = f"batch_{uuid.uuid4()}"
    parts = []
    for number, (each, target) in enumerate(zip(wanted, targets, strict=True)):
        own = {"x-ms-access-tier": each.tier, "x-ms-rehydrate-priority": each.priority, "Content-Length": "0"}
        if not each.if_tags.isprintable() or not each.tier.isalpha():
            raise DataError(f"{each.container}/{each.name}: the condition or the tier is no line.", "Write it in one.")
        if each.if_tags:
            own["x-ms-if-tags"] = each.if_tags
        lines = [
            f"--{boundary}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            f"Content-ID: {number}",
            "",
            f"PUT {target}?comp=tier HTTP/1.1",
            *(f"{name}: {value}" for name, value in {**headers, **own}.items()),
            "",
            "",
        ]
        parts.append("\r\n".join(lines))
    return f"multipart/mixed; boundary={boundary}", f"{''.join(parts)}--{boundary}--\r\n".encode()


def outcomes(wanted: Sequence[ToTier], answer: Answer, doing: str) -> list[Moved]:
    """What became of each, by the numbers of the parts; a part without an answer is unknown."""
    boundary = re.search(r"boundary=\"?([^\";,\s]+)", answer.header("Content-Type") or "")
    if boundary is None:
        raise shapes.odd(doing, "is no multipart answer")
    found: dict[int, Moved] = {}
    for part in answer.body.split(b"--" + boundary[1].encode())[1:]:
        outer, _, inner = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        number = re.search(rb"(?im)^content-id:\s*(\d+)", outer)
        status = re.match(rb"HTTP/\d\.\d (\d{3})", inner)
        if number is None or status is None or int(number[1]) >= len(wanted):
            continue
        head, _, body = inner.partition(b"\r\n\r\n")
        code = re.search(rb"(?im)^x-ms-error-code:[ \t]*(\S+)", head)
        fault = read_fault(body.strip())
        told = code[1].decode("ascii", "replace") if code else fault.code
        found[int(number[1])] = Moved(wanted[int(number[1])], int(status[1]), told, plain(fault.message))
    return [found.get(number, Moved(each, 0, "", "Azure did not answer")) for number, each in enumerate(wanted)]
