"""The parts of a rule, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LOGIC = ("allof", "anyof")
SUBJECTS = ("field", "value", "count")


def conditions(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every condition below `node`, the outermost first; those within counts too."""
    if not isinstance(node, dict):
        return
    yield place, node
    for key, value in node.items():
        low = str(key).lower()
        if low in LOGIC and isinstance(value, list):
            for at, each in enumerate(value):
                yield from conditions(each, f"{place}.{key}[{at}]")
        elif low == "not":
            yield from conditions(value, f"{place}.{key}")
        elif low == "count" and isinstance(value, dict):
            for name, inner in value.items():
                if str(name).lower() == "where":
                    yield from conditions(inner, f"{place}.{key}.{name}")


def leaf(node: dict[str, Any]) -> tuple[str, Any, str, Any] | None:
    """(subject's kind, subject, operator in lower case, what it is compared with); None for a combination."""
    subject = next(((str(key).lower(), value) for key, value in node.items() if str(key).lower() in SUBJECTS), None)
    others = [(str(key).lower(), value) for key, value in node.items() if str(key).lower() not in SUBJECTS]
    if subject is None or len(others) != 1:
        return None
    return (*subject, *others[0])


def required(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The conditions that all must hold for the rule to apply."""
    if not isinstance(node, dict):
        return
    listed = next((value for key, value in node.items() if str(key).lower() == "allof"), None)
    if listed is None:
        yield place, node
        return
    name = next(str(key) for key in node if str(key).lower() == "allof")
    for at, each in enumerate(listed if isinstance(listed, list) else []):
        yield from required(each, f"{place}.{name}[{at}]")


def texts(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text below `node`."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from texts(value, f"{place}.{key}")
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from texts(value, f"{place}[{at}]")
