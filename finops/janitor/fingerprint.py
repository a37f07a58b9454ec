"""What a resource is asked to be, without what Azure adds: the same when it is deleted and made again alike."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from finops.estate.notes import NOTES
from finops.janitor.model import Json, Quiet

# Of the body itself: tags are asked for by the rules one by one, and automation writes to them every day.
ABOVE = {"id", "name", "type", "tags", "etag", "systemdata"}
# Anywhere below: states, times and addresses, seen in the bodies of ml 2024-04-01 and containerregistry 2023-07-01.
ADDED = {
    "allocationstate", "allocationstatetransitiontime", "applications", "clientid", "connectivityendpoints",
    "createdat", "createdby", "createdon", "creationdate", "creationtime", "currentnodecount", "errors", "etag",
    "lastmodifiedat", "lastmodifiedby", "lastoperation", "lastupdatedtime", "lastupdatetime", "modifiedon",
    "nodestatecounts", "osimagemetadata", "principalid", "provisioningerrors", "provisioningstate", "scoringuri",
    "state", "swaggeruri", "systemdata", "targetnodecount", "tenantid",
}  # fmt: skip
# What a quiet step changes itself is no reason to ask anew after it.
TURNED = {"traffic0": {"traffic", "mirrortraffic"}, "minNodes0": {"minnodecount"}, "stop": set[str]()}


def fingerprint(body: Json, quiet: Quiet | None = None) -> str:
    """sha256 of the spec in `body`, without what the rule's own quiet step changes."""
    left_out = ADDED | NOTES | (TURNED[quiet.action] if quiet else set())
    spec = {name: value for name, value in body.items() if str(name).lower() not in ABOVE}
    return digest_of(_plain(spec, left_out))


def digest_of(value: Any) -> str:
    """sha256 of JSON, whatever the order of its keys."""
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode()).hexdigest()


def _plain(value: Any, left_out: set[str]) -> Any:
    """Without what Azure adds and what says nothing; ids in lower case, as ARM answers with either."""
    if isinstance(value, dict):
        kept = {
            str(name).lower(): _plain(inner, left_out)
            for name, inner in value.items()
            if str(name).lower() not in left_out
        }
        return {name: inner for name, inner in kept.items() if inner not in (None, "", {}, [])}
    if isinstance(value, list):
        return [_plain(each, left_out) for each in value]
    if isinstance(value, str) and value.lower().startswith("/subscriptions/"):
        return value.lower()
    return value
