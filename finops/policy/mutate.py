"""Small changes of a rule, each of which its cases should notice."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finops.policy.cases import EFFECTS
from finops.policy.expressions import tree, variants, written

Json = dict[str, Any]
Path = tuple[str | int, ...]

SUBJECTS = ("field", "value", "count")
OPPOSITE = {"equals": "notEquals", "in": "notIn", "like": "notLike", "match": "notMatch", "contains": "notContains",
            "matchInsensitively": "notMatchInsensitively", "containsKey": "notContainsKey"}  # fmt: skip
FLIPPED = {
    **{key.lower(): (value,) for key, value in OPPOSITE.items()},
    **{value.lower(): (key,) for key, value in OPPOSITE.items()},
    "less": ("lessOrEquals", "greaterOrEquals"),
    "lessorequals": ("less", "greater"),
    "greater": ("greaterOrEquals", "lessOrEquals"),
    "greaterorequals": ("greater", "less"),
}
OPERATIONS = {"add": ("addOrReplace", "remove"), "addorreplace": ("add", "remove"), "remove": ("add",)}
TAG = re.compile(r"(tags(?:\.|\[')?)([\w:-]+)(|'\])", re.IGNORECASE)
MODES = {"all": "Indexed", "indexed": "All"}


@dataclass(frozen=True)
class Mutant:
    """A definition's properties with one change, the place of it, and the change in words."""

    place: str
    what: str
    properties: Json


def mutants(properties: Json) -> Iterator[Mutant]:
    """Every mutant of a definition: its condition, its effect, its details, its defaults and its mode."""
    rule = _key(properties, "policyRule")
    if rule is None:
        return
    when, then = _key(properties[rule], "if"), _key(properties[rule], "then")
    made: list[tuple[Path, str, Any]] = []
    if when:
        made += _of_condition(properties[rule][when], (rule, when))
    if then:
        made += _of_then(properties[rule][then], (rule, then), properties)
    made += _of_defaults(properties)
    mode = _key(properties, "mode")
    if mode and str(properties[mode]).lower() in MODES:
        other = MODES[str(properties[mode]).lower()]
        made.append(((mode,), f"became {other}", other))
    for path, what, new in made:
        yield Mutant(place_of(path), what, _replaced(properties, path, new))


REMOVED = object()


def _of_condition(node: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    """Changes within one condition: where, what, and what stands there instead."""
    if not isinstance(node, dict):
        return
    names = {str(key).lower(): str(key) for key in node}
    for logic, other in (("allof", "anyOf"), ("anyof", "allOf")):
        if logic in names and isinstance(node[names[logic]], list):
            members = node[names[logic]]
            if len(members) > 1:
                yield path, f"{names[logic]} became {other}", {other: members}
                for at in range(len(members)):
                    yield (*path, names[logic], at), "was left out", REMOVED
            for at, member in enumerate(members):
                yield from _of_condition(member, (*path, names[logic], at))
            return
    if "not" in names:
        yield path, "not was left out", node[names["not"]]
        yield from _of_condition(node[names["not"]], (*path, names["not"]))
        return
    yield from _of_leaf(node, names, path)


def _of_leaf(node: Json, names: dict[str, str], path: Path) -> Iterator[tuple[Path, str, Any]]:
    operators = [name for key, name in names.items() if key not in SUBJECTS]
    for name in operators:
        value = node[name]
        if name.lower() == "exists":
            turned = not (value is True or str(value).lower() == "true")
            yield (*path, name), f"became {turned}", turned
            continue
        for other in FLIPPED.get(name.lower(), ()):
            yield path, f"{name} became {other}", {other if key == name else key: each for key, each in node.items()}
        yield from _of_value(value, (*path, name))
    for key in ("field", "value"):
        if key in names:
            yield from _of_expression(node[names[key]], (*path, names[key]))
    tag = TAG.fullmatch(str(node.get(names.get("field", ""))))
    if tag:
        yield (*path, names["field"]), f"{tag[2]} became {tag[2]}~", f"{tag[1]}{tag[2]}~{tag[3]}"
    count = node.get(names.get("count", ""))
    if isinstance(count, dict):
        yield from _of_count(count, (*path, names["count"]))


def _of_count(count: Json, path: Path) -> Iterator[tuple[Path, str, Any]]:
    for name in count:
        if name.lower() == "where":
            yield (*path, name), "was left out", REMOVED
            yield from _of_condition(count[name], (*path, name))
        elif name.lower() == "value":
            yield from _of_value(count[name], (*path, name))


def _of_value(value: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    """Other values: a number one more and one less, a text spelt otherwise, a list without each of its members."""
    if isinstance(value, bool):
        yield path, f"became {not value}", not value
    elif isinstance(value, int | float):
        for other in (value - 1, value + 1):
            yield path, f"{value} became {other}", other
    elif isinstance(value, str):
        if tree(value) is not None:
            yield from _of_expression(value, path)
        else:
            yield path, f"{value!r} became {value + '~'!r}", f"{value}~"
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield (*path, at), f"{each!r} was left out", REMOVED
        for at, each in enumerate(value):
            yield from _of_expression(each, (*path, at))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _of_value(each, (*path, key))


def _of_expression(text: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    found = tree(text)
    if found is None:
        return
    for what, other in variants(found):
        yield path, what, f"[{written(other)}]"


def _of_then(then: Any, path: Path, properties: Json) -> Iterator[tuple[Path, str, Any]]:
    if not isinstance(then, dict):
        return
    for name, value in then.items():
        if name.lower() == "effect" and tree(value) is None:
            for other in EFFECTS[:2]:
                if other.lower() != str(value).lower():
                    yield (*path, name), f"became {other}", other
        elif name.lower() == "details":
            yield from _of_details(value, (*path, name))


def _of_details(details: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    if isinstance(details, list):
        for at, each in enumerate(details):
            if len(details) > 1:
                yield (*path, at), "was left out", REMOVED
            yield from _of_operation(each, (*path, at))
        return
    for name, value in details.items() if isinstance(details, dict) else ():
        if name.lower() == "existencecondition":
            yield (*path, name), "was left out", REMOVED
            yield from _of_condition(value, (*path, name))
        elif name.lower() == "operations" and isinstance(value, list):
            for at, each in enumerate(value):
                yield (*path, name, at), "was left out", REMOVED
                yield from _of_operation(each, (*path, name, at))
        elif name.lower() in ("name", "type", "resourcegroupname", "existencescope"):
            yield from _of_value(value, (*path, name))


def _of_operation(each: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    for name, value in each.items() if isinstance(each, dict) else ():
        if name.lower() == "operation":
            for other in OPERATIONS.get(str(value).lower(), ()):
                yield (*path, name), f"{value} became {other}", other
        elif name.lower() == "value":
            yield from _of_value(value, (*path, name))
        elif name.lower() == "condition":
            yield (*path, name), "was left out", REMOVED
            yield from _of_expression(value, (*path, name))


def _of_defaults(properties: Json) -> Iterator[tuple[Path, str, Any]]:
    """Other defaults: of an effect each one that is allowed, of the rest what _of_value makes of them."""
    root = _key(properties, "parameters")
    parameters = properties.get(root) if root else None
    for name, about in parameters.items() if isinstance(parameters, dict) else ():
        if not isinstance(about, dict):
            continue
        default, allowed = _key(about, "defaultValue"), about.get(_key(about, "allowedValues") or "")
        if default is None:
            continue
        path: Path = (str(root), name, default)
        if isinstance(allowed, list) and allowed:
            yield from ((path, f"became {other!r}", other) for other in allowed if other != about[default])
        else:
            yield from _of_value(about[default], path)


def _key(body: Any, name: str) -> str | None:
    """The key as the body spells it."""
    return next((key for key in body if str(key).lower() == name.lower()), None) if isinstance(body, dict) else None


def place_of(path: Path) -> str:
    """A path as people write it: policyRule.if.allOf[1]."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _replaced(properties: Json, path: Path, new: Any) -> Json:
    result = copy.deepcopy(properties)
    node: Any = result
    for step in path[:-1]:
        node = node[step]
    if new is REMOVED:
        del node[path[-1]]
    else:
        node[path[-1]] = copy.deepcopy(new)
    return result
