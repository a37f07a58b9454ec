"""Property aliases: which path of a resource's body each one reads, in which API version.

The shipped table covers the resource types that aml-finops governs. A whole one comes from a file: the answer of
    az provider list --expand resourceTypes/aliases
or a CSV of "alias,path" lines, either of them gzipped or not.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from finops.errors import DataError

SHIPPED = Path(__file__).with_name("aliases.csv.gz")
# How it is made: finops/conditions/shipping.py.


@dataclass(frozen=True)
class Alias:
    """One alias of one resource type. `modifiable` is None where the source does not tell."""

    name: str
    type: str
    path: str
    versions: Mapping[str, str] = field(default_factory=dict)
    modifiable: bool | None = None


class Aliases:
    """A table of aliases, looked up without regard to case."""

    def __init__(self, rows: Iterable[Alias], as_of: str = "", untaggable: Iterable[str] = ()) -> None:
        self.as_of = as_of
        self.untaggable = frozenset(kind.lower() for kind in untaggable)
        self._by_name: dict[str, list[Alias]] = {}
        for row in rows:
            self._by_name.setdefault(row.name.lower(), []).append(row)
        self.types = frozenset(row.type for found in self._by_name.values() for row in found)

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Alias]:
        return (row for found in self._by_name.values() for row in found)

    def named(self, name: str) -> list[Alias]:
        """Every alias of that name: one for each resource type that has it, none where there is no such alias."""
        return self._by_name.get(name.lower(), [])

    def covers(self, name: str) -> bool:
        """Whether the table knows other aliases of the resource type in `name`, so that a missing one is misspelt."""
        return type_in_alias(name) in self.types

    def near(self, name: str) -> str:
        """The alias that was probably meant, or ""."""
        namespace = name.lower().split("/")[0]
        among = [known for known in self._by_name if known.split("/")[0] == namespace] or list(self._by_name)
        found = difflib.get_close_matches(name.lower(), among, 1, 0.75)
        return self._by_name[found[0]][0].name if found else ""


def type_in_alias(name: str) -> str:
    """The resource type that an alias is of, in lower case: all before the last "/"."""
    return name.lower().rpartition("/")[0]


@cache
def shipped() -> Aliases:
    """The table that comes with aml-finops."""
    return read(SHIPPED)


def read(path: Path) -> Aliases:
    """The table in a file; see the top of this module for the two forms."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
        if text.lstrip()[:1] in ("[", "{"):
            found = json.loads(text)
            return catalogue(found["value"] if isinstance(found, dict) else found)
        return Aliases(*_table(text))
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise DataError(
            f"{path} is not a table of aliases: {fault}.",
            "Write one with: az provider list --expand resourceTypes/aliases > aliases.json",
        ) from fault


def _table(text: str) -> tuple[list[Alias], str, list[str]]:
    rows: list[Alias] = []
    as_of, untaggable = "", []
    for line in csv.reader(io.StringIO(text)):
        if line and line[0] == "#as-of":
            as_of = line[1]
        elif line and line[0] == "#untaggable":
            untaggable.append(line[1])
        elif line and not line[0].startswith("#"):
            name, path, *kind = line
            rows.append(Alias(name, (kind[0] if kind else type_in_alias(name)).lower(), path))
    return rows, as_of, untaggable


def catalogue(providers: Iterable[Mapping[str, Any]]) -> Aliases:
    """The table in Azure's answer about its resource providers."""
    rows: list[Alias] = []
    untaggable: list[str] = []
    for provider in providers:
        for kind in provider.get("resourceTypes") or ():
            full = f"{provider['namespace']}/{kind['resourceType']}".lower()
            if kind.get("capabilities") and "supportstags" not in str(kind["capabilities"]).lower():
                untaggable.append(full)
            rows += [_alias(full, entry) for entry in kind.get("aliases") or () if _path(entry)]
    return Aliases(rows, untaggable=untaggable)


def _path(entry: Mapping[str, Any]) -> str:
    paths = entry.get("paths") or [{}]
    return str(entry.get("defaultPath") or paths[0].get("path") or "")


def _alias(kind: str, entry: Mapping[str, Any]) -> Alias:
    versions = {
        str(version).lower(): str(each["path"])
        for each in entry.get("paths") or ()
        for version in each.get("apiVersions") or ()
    }
    told = (entry.get("defaultMetadata") or {}).get("attributes")
    return Alias(entry["name"], kind, _path(entry), versions, None if told is None else told == "Modifiable")
