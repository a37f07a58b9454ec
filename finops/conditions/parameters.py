"""The parameters of a definition: declared, defaulted, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from finops.conditions.compiler import Compiler, meant
from finops.conditions.values import INSTANT, is_number, kind, number, same, shown

TYPES = {"string": "text", "array": "array", "object": "object", "boolean": "boolean", "integer": "whole number",
         "float": "number", "datetime": "date"}  # fmt: skip


def resolve(declared: Any, given: Mapping[str, Any], c: Compiler) -> dict[str, Any]:
    """Every parameter's value, by name in lower case; those without value are left out."""
    given = {str(name).lower(): value for name, value in plain(given).items()}
    if declared is None:
        return given
    if not isinstance(declared, dict):
        c.refuse("parameters", f"is {kind(declared)}, not an object", 'Write {"name": {"type": "String"}}.')
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, about in declared.items():
        place = f"parameters.{name}"
        if not isinstance(about, dict):
            c.refuse(place, f"is {kind(about)}, not an object", 'Write {"type": "String"}.')
        if name.lower() in names:
            c.refuse(place, f"is declared twice, as {names[name.lower()]!r} too", "The case of a name does not matter.")
        names[name.lower()] = name
        kinds = {str(key).lower(): value for key, value in about.items()}
        wanted = str(kinds.get("type", "")).lower()
        if wanted not in TYPES:
            c.refuse(f"{place}.type", f"is {shown(kinds.get('type'))}", f"Types are {', '.join(TYPES)}."
                     + meant(wanted, TYPES))  # fmt: skip
        value = given.get(name.lower(), kinds.get("defaultvalue"))
        if value is None and name.lower() not in given:
            continue
        values[name.lower()] = _checked(value, wanted, kinds.get("allowedvalues"), place, c)
    for name in given:
        if name not in names:
            c.refuse("parameters", f"does not declare {name!r}, which is given a value",
                     f"Parameters are {', '.join(names.values()) or 'none'}.{meant(name, names.values())}")  # fmt: skip
    return values


def plain(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values as they are, also where they come wrapped as an assignment has them: {"name": {"value": ...}}."""
    if given and all(isinstance(each, Mapping) and set(each) == {"value"} for each in given.values()):
        return {name: each["value"] for name, each in given.items()}
    return given


def _checked(value: Any, wanted: str, allowed: Any, place: str, c: Compiler) -> Any:
    if not _is(value, wanted):
        c.refuse(place, f"is {shown(value)}, which is no {TYPES[wanted]}", f"Give it a {TYPES[wanted]}.")
    if isinstance(allowed, list) and allowed and not any(same(value, each) for each in allowed):
        odd = (
            [each for each in value if not any(same(each, one) for one in allowed)]
            if isinstance(value, list)
            else [value]
        )
        if odd:
            names = [each for each in allowed if isinstance(each, str)]
            near = meant(odd[0], names) if isinstance(odd[0], str) else ""
            c.refuse(place, f"is {shown(odd[0])}, which is not allowed", f"Allowed are {shown(allowed, 300)}.{near}")
    return value


def _is(value: Any, wanted: str) -> bool:
    if wanted == "string":
        return isinstance(value, str)
    if wanted == "array":
        return isinstance(value, list)
    if wanted == "object":
        return isinstance(value, dict)
    if wanted == "boolean":
        return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))
    if wanted == "datetime":
        return isinstance(value, str) and INSTANT.match(value) is not None
    found = number(value) if isinstance(value, str) else value
    return is_number(found) and (wanted == "float" or float(found) == int(found))


NAMED = re.compile(r"parameters\(\s*'((?:[^']|'')*)'\s*\)", re.IGNORECASE)


def used_in(rule: Any) -> frozenset[str]:
    """The parameters that the expressions of a rule name, in lower case; a deployment's template has its own."""
    if isinstance(rule, str):
        return frozenset(name.lower() for name in NAMED.findall(rule)) if rule.startswith("[") else frozenset()
    if isinstance(rule, dict):
        return frozenset().union(*(used_in(each) for key, each in rule.items() if str(key).lower() != "template"))
    return frozenset().union(*map(used_in, rule)) if isinstance(rule, list) else frozenset()
