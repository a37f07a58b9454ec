"""Property paths of ARM bodies: parsed once, then read without regard to case, as Azure reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Reader = Callable[[Any], Any]
STAR = "*"
Step = str | int  # a key, an index, or STAR

# A key, ['a key'], ["a key"], [key], [3] or [*].
TOKEN = re.compile(r"""\.?([^.\[\]]+)|\[\*\]|\[(\d+)\]|\['((?:[^']|'')*)'\]|\["([^"]*)"\]|\[([^\]'"]*)\]""")


class Missing:
    """Stands for an array that is not there, where an empty one would mean something else."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


def parse(path: str) -> list[Step]:
    """The steps of "properties.rules[*].ports[0]['x.y']". Raises ValueError where it is not a path."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = TOKEN.match(path, at)
        if found is None or found.end() == at:
            raise ValueError(f"unexpected {path[at]!r} at character {at + 1}")
        key, index, single, double, bare = found.groups()
        if key is not None:
            steps.append(key)
        elif index is not None:
            steps.append(int(index))
        elif single is not None:
            steps.append(single.replace("''", "'"))
        elif double is not None or bare is not None:
            steps.append(double if double is not None else bare)
        else:
            steps.append(STAR)
        at = found.end()
    return steps


def child(node: Any, key: str) -> Any:
    """The value under `key`, in whichever case it is written; None where there is none."""
    if type(node) is not dict:
        return None
    found = node.get(key)
    if found is not None or key in node:
        return found
    size, low = len(key), key.lower()
    for name, value in node.items():
        if len(name) == size and name.lower() == low:
            return value
    return None


def scalar(steps: list[Step]) -> Reader:
    """Reads the one value at a path without [*]; None where there is none (Azure: null and missing are alike)."""
    if len(steps) == 1 and isinstance(steps[0], str):
        return _one(steps[0])
    if all(isinstance(step, str) for step in steps):
        return _keys([str(step) for step in steps])
    return _mixed(steps)


def _one(key: str) -> Reader:
    def read(node: Any) -> Any:
        return child(node, key)

    return read


def _keys(keys: list[str]) -> Reader:
    def read(node: Any) -> Any:
        for key in keys:
            if type(node) is not dict:
                return None
            found = node.get(key)
            if found is None and key not in node:
                found = child(node, key)
            node = found
        return node

    return read


def _mixed(steps: list[Step]) -> Reader:
    def read(node: Any) -> Any:
        for step in steps:
            if isinstance(step, int):
                node = node[step] if isinstance(node, list) and step < len(node) else None
            else:
                node = child(node, step)
            if node is None:
                return None
        return node

    return read


def collection(steps: list[Step]) -> Reader:
    """Reads the list of all values that a path with [*] selects.

    An array that is not there gives MISSING once, a property that a member lacks gives None, an empty array
    gives nothing: so an implicit "all of" is true of an empty array and judges a missing one as a missing value,
    which is what the built-in definitions count on (virtualNetworkRules[*].id exists false; zones[*] exists true).
    """
    before, after = steps[: steps.index(STAR)], steps[steps.index(STAR) + 1 :]
    array = scalar(before) if before else _itself
    inner = collection(after) if STAR in after else scalar(after) if after else None
    nested = STAR in after

    def read(node: Any) -> list[Any]:
        members = array(node)
        if isinstance(members, dict):
            members = list(members.values())
        if not isinstance(members, list):
            return [MISSING]
        if inner is None:
            return members
        if not nested:
            return [inner(member) for member in members]
        return [value for member in members for value in inner(member)]

    return read


def _itself(node: Any) -> Any:
    return node


def present(values: list[Any]) -> list[Any]:
    """What `field()` returns for a path with [*]: only what is there. An array that is missing is an empty one."""
    return [value for value in values if value is not None and value is not MISSING]


def reader(steps: list[Step]) -> Reader:
    """Reads one value, or a list where the path has [*]."""
    if not steps:
        return _itself
    return collection(steps) if STAR in steps else scalar(steps)
