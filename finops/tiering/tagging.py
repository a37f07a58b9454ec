"""Which index tag tells blobs apart that lie together: the one whose values differ most in how long they are unused.

A lifecycle rule can ask for index tags, so blobs of one folder can go different ways by them. One tag of an account is
looked at, and where it tells little, none: each value makes an area of its own, which is known less well.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finops.tiering import schema

if TYPE_CHECKING:
    import duckdb

# A tag with more values than this, such as a date or a number, is no kind of data.
MOST_VALUES = 8
# Of how blobs of one area differ in age, at least this share must be told by the tag.
LEAST_TOLD = 0.1
# About so many of the tagged blobs are looked at, always the same ones.
_SAMPLE = 200_000

# What Azure takes, and what none of our marks is part of.
# https://learn.microsoft.com/azure/storage/blobs/storage-manage-find-blobs#setting-blob-index-tags
_NAME = re.compile(r"[A-Za-z0-9 +\-./:_]{1,128}")
_VALUE = re.compile(r"[A-Za-z0-9 +\-./:=_]{0,256}")


@dataclass(frozen=True)
class Telling:
    """A tag, and its values that make areas."""

    name: str
    values: tuple[str, ...]

    def sql(self) -> str:
        """What the area of a blob with `tags` ends with: the tag between two marks, nothing where it has no such."""
        name = _quoted(self.name)
        values = ", ".join(_quoted(value) for value in self.values)
        told = f"json_extract_string(CASE WHEN json_valid(tags) THEN tags END, {_quoted(_path(self.name))})"
        mark = f"chr({ord(schema.MARK)})"
        return f"CASE WHEN {told} IN ({values}) THEN {mark} || {name} || '=' || {told} || {mark} ELSE '' END"


def telling(engine: duckdb.DuckDBPyConnection, now_us: int, folders: int) -> Telling | None:
    """Of the view `fields`; None where no tag tells enough. Tags are as inventories have them: a JSON object."""
    counted = engine.execute("SELECT count(tags) FROM fields").fetchall()[0][0]
    if not counted:
        return None
    rows = engine.execute(
        f"SELECT {schema.area_sql(folders)}, tags, greatest(bytes, 1)::DOUBLE, "
        f"greatest({int(now_us)} - coalesce(accessed_us, modified_us), 0) / 86400e6 FROM fields "
        f"WHERE tags IS NOT NULL AND modified_us IS NOT NULL AND hash(path) % {max(counted // _SAMPLE, 1)} = 0"
    ).fetchall()
    known = {text: tags_of(text) for text in {str(row[1]) for row in rows}}
    told = [(str(area), known[str(text)], float(size), math.log1p(float(age))) for area, text, size, age in rows]
    names = sorted({name for tags in known.values() for name in tags if _NAME.fullmatch(name)})
    found = [(share, name, values) for name in names for share, values in [_told(told, name)] if share >= LEAST_TOLD]
    if not found:
        return None
    _, name, values = max(found, key=lambda each: (each[0], each[1]))
    return Telling(name, values)


def tags_of(text: str) -> dict[str, str]:
    """The tags of a blob as an inventory has them, none where they are not as we know them."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): value for name, value in found.items() if isinstance(value, str)}


def _told(rows: Iterable[tuple[str, dict[str, str], float, float]], name: str) -> tuple[float, tuple[str, ...]]:
    """Which share of how the ages in an area differ is between the values of a tag; its values."""
    held: dict[str, float] = defaultdict(float)
    groups: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for area, tags, size, age in rows:
        value = tags.get(name)
        if value is not None:
            held[value] += size
        group = groups[area, "" if value is None else f"={value}"]
        group[0] += size
        group[1] += size * age
        group[2] += size * age * age
    if not held or len(held) > MOST_VALUES or not all(_VALUE.fullmatch(value) for value in held):
        return 0.0, ()
    areas: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for (area, _), group in groups.items():
        areas[area] = [one + other for one, other in zip(areas[area], group, strict=True)]
    whole = sum(_spread(group) for group in areas.values())
    within = sum(_spread(group) for group in groups.values())
    return (1 - within / whole if whole > 1e-9 else 0.0), tuple(sorted(held))


def _spread(group: list[float]) -> float:
    weight, first, second = group
    return max(second - first * first / weight, 0.0) if weight else 0.0


def _path(name: str) -> str:
    return '$."' + name + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
