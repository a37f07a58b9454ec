"""Blob inventory: its policy checked, and a run of one rule written into its container, CSV or Parquet, manifest last.

Paths, fields and files as azure-docs, blob-inventory.md has them. A run is whole the moment it begins.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from finops.simulator.answers import WireError
from finops.simulator.clock import minutes, moment_of
from finops.simulator.storage import prices
from finops.simulator.storage.blobs import BASE, SNAPSHOT, TYPES, VERSION
from finops.simulator.storage.holding import Holding
from finops.simulator.storage.prices import TIERS
from finops.simulator.store import Json

MOST_RULES, MOST_PREFIXES = 100, 10
ROWS_A_PART = 1_000_000
NAME = re.compile(r"[A-Za-z0-9-]{1,256}")
TIMES = {"Creation-Time": "created", "Last-Modified": "modified", "LastAccessTime": "accessed",
         "AccessTierChangeTime": "tier_changed", "ImmutabilityPolicyUntilDate": "until"}  # fmt: skip
NUMBERS = {"Content-Length": "size", "TagCount": "tag_count"}
FLAGS = {"LegalHold", "AccessTierInferred", "IsCurrentVersion", "ServerEncrypted", "Deleted", "hdi_isfolder",
         "IncrementalCopy", "HasImmutabilityPolicy", "HasLegalHold"}  # fmt: skip
TEXTS = {"Name", "Etag", "ETag", "Content-Type", "Content-Encoding", "Content-Language", "Content-CRC64", "Content-MD5",
         "Cache-Control", "Cache-Disposition", "Content-Disposition", "BlobType", "AccessTier", "LeaseStatus",
         "LeaseState", "CustomerProvidedKeySHA256", "CustomerProvidedKeySha256", "Metadata", "Expiry-Time", "Owner",
         "Group", "Permissions", "Acl", "Snapshot", "DeletedId", "DeletionId", "DeletedTime", "RemainingRetentionDays",
         "VersionId", "Tags", "CopyId", "CopySource", "CopyStatus", "CopyProgress", "CopyCompletionTime",
         "CopyStatusDescription", "ImmutabilityPolicyMode", "RehydratePriority", "ArchiveStatus", "EncryptionScope",
         "x-ms-blob-sequence-number"}  # fmt: skip
FIELDS = {*TIMES, *NUMBERS, *FLAGS, *TEXTS} - {"HasImmutabilityPolicy", "HasLegalHold"}
# Of containers.
CONTAINER_FIELDS = {"Name", "Last-Modified", "ETag", "Etag", "LeaseStatus", "LeaseState", "LeaseDuration", "Metadata",
                    "PublicAccess", "DefaultEncryptionScope", "DenyEncryptionScopeOverride", "HasImmutabilityPolicy",
                    "HasLegalHold", "ImmutableStorageWithVersioningEnabled", "Deleted", "Version", "DeletedTime",
                    "RemainingRetentionDays"}  # fmt: skip


def checked(policy: object, account: Json) -> Json:
    """`policy`, or 400 with what is wrong with it."""
    if not isinstance(policy, dict) or not isinstance(policy.get("rules"), list) or not policy["rules"]:
        raise _bad("the policy must have at least one rule")
    if str(policy.get("type", "")).lower() != "inventory" or not isinstance(policy.get("enabled"), bool):
        raise _bad("the policy must be of type Inventory, and enabled or not")
    if len(policy["rules"]) > MOST_RULES:
        raise _bad(f"the policy has {len(policy['rules'])} rules, the maximum is {MOST_RULES}")
    names: set[str] = set()
    for rule in policy["rules"]:
        name = rule.get("name") if isinstance(rule, dict) else None
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in names:
            raise _bad(f"rule name {name!r} must be 1 to 256 letters and digits, and used once")
        names.add(name)
        _check_rule(name, rule, account)
    return policy


def _check_rule(name: str, rule: Json, account: Json) -> None:
    definition = rule.get("definition")
    if not isinstance(rule.get("enabled"), bool) or not rule.get("destination") or not isinstance(definition, dict):
        raise _bad(f"rule '{name}' must have enabled, destination and definition")
    told = {key: str(definition.get(key, "")).lower() for key in ("format", "schedule", "objectType")}
    wanted = {"format": ("csv", "parquet"), "schedule": ("daily", "weekly"), "objectType": ("blob", "container")}
    for key, allowed in wanted.items():
        if told[key] not in allowed:
            raise _bad(f"{key} of rule '{name}' must be one of {', '.join(allowed)}")
    filters, fields = definition.get("filters") or {}, definition.get("schemaFields") or []
    of_blobs = told["objectType"] == "blob"
    # Microsoft's examples spell some without hyphens (StorageAccountSetBlobInventoryPolicyIncludeDelete...).
    known = {_plain(field) for field in (FIELDS if of_blobs else CONTAINER_FIELDS)}
    unknown = [field for field in fields if _plain(field) not in known]
    if "Name" not in fields or unknown:
        raise _bad(f"schemaFields of rule '{name}' must have Name; not known: {', '.join(map(str, unknown)) or 'none'}")
    if of_blobs and not filters.get("blobTypes"):
        raise _bad(f"rule '{name}' must have blobTypes")
    if (account.get("properties") or {}).get("isHnsEnabled") and "pageBlob" in (filters.get("blobTypes") or []):
        raise _bad(f"rule '{name}': pageBlob is not supported with a hierarchical namespace")
    for key in ("prefixMatch", "excludePrefix"):
        if len(filters.get(key) or []) > MOST_PREFIXES:
            raise _bad(f"{key} of rule '{name}' has more than {MOST_PREFIXES} prefixes")
    needs = {"includeSnapshots": {"Snapshot"}, "includeBlobVersions": {"VersionId", "IsCurrentVersion"}}
    for flag, columns in needs.items():
        if filters.get(flag) and not columns <= set(fields):
            raise _bad(f"rule '{name}' has {flag}, so schemaFields must have {', '.join(sorted(columns))}")


def run(holding: Holding, rule: Json, minute: int, containers: Sequence[Json]) -> None:
    """Write the report of one rule about blobs, or about `containers`, as they are at `minute`."""
    definition, at = rule["definition"], moment_of(minute)
    kind, subject = str(definition["format"]).lower(), str(definition["objectType"]).lower()
    of_blobs, filters, fields = subject == "blob", definition.get("filters") or {}, definition["schemaFields"]
    rows = _rows(holding, filters) if of_blobs else [body for body in containers if _takes(filters, body["name"])]
    holding.post(prices.INVENTORY, holding.default, minute, int(holding.blobs.alive.sum()) if of_blobs else len(rows))
    size = int(holding.blobs.size[rows].sum()) if of_blobs else 0
    folder = f"{at:%Y/%m/%d/%H-%M-%S}/{rule['name']}/{rule['name']}"
    files: list[Json] = []
    for number, first in enumerate(range(0, max(1, len(rows)), ROWS_A_PART)):
        part = rows[first : first + ROWS_A_PART]
        table = [_column(holding, field, part) if of_blobs else _told(field, part) for field in fields]
        content = (_csv if kind == "csv" else _parquet)(fields, table)
        files.append(_put(holding, rule["destination"], f"{folder}_{ROWS_A_PART}_{number}.{kind}", content, minute))
    manifest = {
        "destinationContainer": rule["destination"],
        "endpoint": f"https://{holding.name}.blob.core.windows.net",
        "files": files,
        "inventoryCompletionTime": f"{at + timedelta(minutes=4):%Y-%m-%dT%H:%M:%SZ}",
        "inventoryStartTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "ruleDefinition": {**definition, "format": kind, "objectType": subject,
                           "schedule": str(definition["schedule"]).lower()},
        "ruleName": rule["name"],
        "status": "Succeeded",
        "summary": {"objectCount": len(rows), "totalObjectSize": size},
        "version": "1.0",
    }  # fmt: skip
    written = json.dumps(manifest, indent=2).encode()
    _put(holding, rule["destination"], f"{folder}-manifest.json", written, minute)
    sum_ = hashlib.md5(written, usedforsecurity=False).hexdigest().encode()
    _put(holding, rule["destination"], f"{folder}-manifest.checksum", sum_, minute)


def _rows(holding: Holding, filters: Json) -> Any:
    blobs = holding.blobs
    places = [BASE, *([SNAPSHOT] if filters.get("includeSnapshots") else []),
              *([VERSION] if filters.get("includeBlobVersions") else [])]  # fmt: skip
    kinds = [number for number, name in enumerate(TYPES) if name.lower() in map(str.lower, filters["blobTypes"])]
    rows = np.flatnonzero(blobs.alive & np.isin(blobs.place, places) & np.isin(blobs.kind, kinds))
    if not filters.get("prefixMatch") and not filters.get("excludePrefix"):
        return rows
    paths = ((row, f"{blobs.containers[row]}/{blobs.names[row]}") for row in rows.tolist())
    return np.array([row for row, path in paths if _takes(filters, path)], np.int64)


def _takes(filters: Json, path: str) -> bool:
    wanted, unwanted = tuple(filters.get("prefixMatch") or [""]), tuple(filters.get("excludePrefix") or ())
    return path.startswith(wanted) and not (unwanted and path.startswith(unwanted))


def _told(field: str, containers: Sequence[Json]) -> list[Any]:
    """One field of each container."""
    from datetime import UTC, datetime

    if field == "Name":
        return [body["name"] for body in containers]
    member = {"Last-Modified": "lastModifiedTime", "HasLegalHold": "hasLegalHold", "LeaseStatus": "leaseStatus",
              "LeaseState": "leaseState", "PublicAccess": "publicAccess", "Metadata": "metadata",
              "HasImmutabilityPolicy": "hasImmutabilityPolicy"}.get(field, "")  # fmt: skip
    values = [body["properties"].get(member) for body in containers]
    if field == "Last-Modified":
        moments = [datetime.fromisoformat(str(text)[:19]).replace(tzinfo=UTC) if text else None for text in values]
        return [None if moment is None else minutes(moment) for moment in moments]
    if field == "Metadata":
        return [json.dumps(value) if value else None for value in values]
    return values


def _column(holding: Holding, field: str, rows: Any) -> list[Any]:
    """One field of each row: minutes for times, None where there is nothing."""
    blobs, each = holding.blobs, rows.tolist()
    if field in TIMES:
        return [None if value < 0 else value for value in getattr(blobs, TIMES[field])[rows].tolist()]
    if field in NUMBERS:
        found: list[Any] = getattr(blobs, NUMBERS[field])[rows].tolist()
        return found
    block = blobs.kind[rows] == 0
    if field == "Name":
        return [f"{blobs.containers[row]}/{blobs.names[row]}" for row in each]
    if field == "BlobType":
        return [TYPES[kind] for kind in blobs.kind[rows].tolist()]
    if field == "AccessTier":
        tiers = zip(blobs.tier[rows].tolist(), block.tolist(), strict=True)
        return [TIERS[tier] if tiered else None for tier, tiered in tiers]
    if field == "AccessTierInferred":
        return [True if inferred else None for inferred in (~blobs.explicit[rows] & block).tolist()]
    if field == "LeaseStatus":
        return ["locked" if leased else "unlocked" for leased in blobs.leased[rows].tolist()]
    if field == "LeaseState":
        return ["leased" if leased else "available" for leased in blobs.leased[rows].tolist()]
    if field == "LegalHold":
        return [bool(held) for held in blobs.hold[rows].tolist()]
    if field == "ImmutabilityPolicyMode":
        return ["Unlocked" if until >= 0 else None for until in blobs.until[rows].tolist()]
    if field in {"RehydratePriority", "ArchiveStatus"}:
        return [_rehydrating(holding, row, field) for row in each]
    if field in {"Snapshot", "VersionId"}:
        place = SNAPSHOT if field == "Snapshot" else VERSION
        return [blobs.marks.get(row) if blobs.place[row] == place else None for row in each]
    if field == "IsCurrentVersion":
        return [True if place == BASE else None for place in blobs.place[rows].tolist()]
    if field == "Tags":
        return [json.dumps(blobs.tags[row]) if row in blobs.tags else None for row in each]
    return [None] * len(each)


def _rehydrating(holding: Holding, row: int, field: str) -> str | None:
    blobs = holding.blobs
    if blobs.due[row] < 0:
        return None
    if field == "RehydratePriority":
        return "High" if blobs.urgent[row] else "Standard"
    return f"rehydrate-pending-to-{TIERS[blobs.towards[row]].lower()}"


def _csv(fields: list[str], table: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    shown = [_shown(field, column) for field, column in zip(fields, table, strict=True)]
    writer.writerows(zip(*shown, strict=True))
    return text.getvalue().encode()


def _shown(field: str, column: list[Any]) -> list[Any]:
    if field in TIMES:
        return ["" if minute is None else f"{moment_of(minute):%Y-%m-%dT%H:%M:%SZ}" for minute in column]
    if field in FLAGS:
        return ["" if flag is None else str(flag).lower() for flag in column]
    return ["" if value is None else value for value in column]


def _parquet(fields: list[str], table: list[list[Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    arrays = []
    for field, column in zip(fields, table, strict=True):
        if field in TIMES:
            stamps = [None if minute is None else minute * 60_000 for minute in column]
            arrays.append(pa.array(stamps, pa.int64()).cast(pa.timestamp("ms", "UTC")))
        elif field in NUMBERS:
            arrays.append(pa.array(column, pa.int64()))
        else:
            arrays.append(pa.array(column, pa.bool_() if field in FLAGS else pa.string()))
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(arrays, names=fields), target)
    return target.getvalue()


def _put(holding: Holding, container: str, name: str, content: bytes, minute: int) -> Json:
    row = holding.write(container, name, len(content), minute)
    holding.blobs.content[row] = content
    return {"blob": name, "size": len(content)}


def _plain(field: object) -> str:
    return str(field).replace("-", "").lower()


def _bad(what: str) -> WireError:
    return WireError(400, "InvalidRequestPropertyValue", f"The value for policy is invalid: {what}.")
