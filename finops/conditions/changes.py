"""What modify and append would change: told first, applied to a copy by whoever wants to see the result."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from finops.conditions.calls import Value, compile_value
from finops.conditions.compiler import Compiler, either, meant
from finops.conditions.fields import TAG, alias_of, alias_steps, found_aliases, tag_name
from finops.conditions.functions.logic import a_bool
from finops.conditions.paths import MISSING, STAR, Step, child, parse, reader
from finops.conditions.scope import Json, Scope, Undecided
from finops.conditions.values import identical, kind, shown

OPERATIONS = {"add": "add", "addorreplace": "addOrReplace", "remove": "remove"}
APPEND = "append"


@dataclass(frozen=True)
class Change:
    """One change of one property. `before` is what the field selects now, None where it is not there.

    `needed` is false where the resource is as wanted already. `conflict` says why Azure would refuse the request
    instead: append does not overwrite a value that differs.
    """

    operation: str
    field: str
    path: tuple[Step, ...]
    value: Any
    before: Any
    needed: bool
    conflict: str = ""


Make = Callable[[Scope], "Change | None"]


def compile_changes(effect: str, details: Any, place: str, c: Compiler) -> list[Make]:
    """One maker for each operation of modify, or each field of append. It gives None where it does not apply."""
    if details is None:
        return []
    if effect == APPEND:
        listed = details if isinstance(details, list) else [details]
        return [_compiled(APPEND, each, f"{place}[{at}]", c) for at, each in enumerate(listed)]
    if not isinstance(details, dict):
        c.refuse(place, f"is {kind(details)}, not an object", 'Write {"roleDefinitionIds": [], "operations": []}.')
    keys = {str(key).lower(): key for key in details}
    conflict = str(compile_value(details.get(keys.get("conflicteffect", "")), place, c).value or "deny")
    if conflict.lower() not in ("audit", "deny", "disabled"):
        c.refuse(f"{place}.conflictEffect", f"is {conflict!r}", "Write audit, deny or disabled.")
    operations = details.get(keys.get("operations", ""), [])
    if not isinstance(operations, list):
        c.refuse(f"{place}.operations", f"is {kind(operations)}, not a list", 'Write "operations": [ ... ].')
    return [_compiled(None, each, f"{place}.operations[{at}]", c) for at, each in enumerate(operations)]


def _compiled(operation: str | None, given: Any, place: str, c: Compiler) -> Make:
    if not isinstance(given, dict):
        c.refuse(place, f"is {kind(given)} {shown(given)}", 'Write {"operation", "field", "value"}.')
    keys = {str(key).lower(): key for key in given}
    if operation is None:
        told = given.get(keys.get("operation", ""))
        operation = OPERATIONS.get(str(told).lower(), "")
        if not operation:
            fix = f"Operations are {either(OPERATIONS.values())}.{meant(str(told), OPERATIONS.values())}"
            c.refuse(f"{place}.operation", f"is {shown(told)}", fix)
    if "field" not in keys or ("value" not in keys and operation != "remove"):
        c.refuse(place, "lacks a field or a value", "Write both.")
    name = compile_value(given[keys["field"]], f"{place}.field", c)
    value = compile_value(given.get(keys.get("value", "")), f"{place}.value", c)
    condition = compile_value(given[keys["condition"]], f"{place}.condition", c) if "condition" in keys else None
    where = _target(str(name.value), f"{place}.field", c, operation) if name.constant else None

    def make(scope: Scope) -> Change | None:
        if condition is not None and not a_bool("condition", condition.read(scope)):
            return None
        field = str(name.read(scope))
        path = (where or _target(field, place, c, operation))(scope)
        return None if path is None else change(operation, field, path, _wanted(value, scope), scope.body)

    return make


def _wanted(value: Value, scope: Scope) -> Any:
    return copy.deepcopy(value.read(scope))


def _target(field: str, place: str, c: Compiler, operation: str) -> Callable[[Scope], tuple[Step, ...] | None]:
    """Where a field is in a body; None where the resource is not of the alias's type."""
    if TAG.fullmatch(field):
        tag: tuple[Step, ...] = ("tags", tag_name(field))
        return lambda scope: tag
    if "/" not in field.split("[")[0]:
        try:
            plain = tuple(parse(field))
        except ValueError as fault:
            c.refuse(place, f"names {field!r}: {fault}", "Name a tag or an alias.")
        return lambda scope: plain
    found = found_aliases(field, place, c)
    if operation != APPEND and any(each.modifiable is False for each in found):
        c.refuse(place, f"names {field!r}, which modify cannot change", "Azure marks it as not modifiable: use deny.")
    if not found:
        reason = f"the alias {field} is not in the alias table"

        def unknown(scope: Scope) -> tuple[Step, ...] | None:
            raise Undecided(reason)

        return unknown

    def target(scope: Scope) -> tuple[Step, ...] | None:
        alias = alias_of(found, scope)
        return tuple(alias_steps(alias, scope.api_version)) if alias else None

    return target


def change(operation: str, field: str, path: tuple[Step, ...], value: Any, body: Json) -> Change:
    """The change, with what is there now and whether anything differs."""
    before = reader(list(path))(body)
    if isinstance(before, list) and STAR in path:
        before = None if before == [MISSING] else [None if each is MISSING else each for each in before]
    after = apply(body, [Change(operation, field, path, value, before, True)])
    conflict = ""
    if operation == APPEND and STAR not in path and before is not None and not identical(before, value):
        conflict = f"{field} is {shown(before)} already, and append does not overwrite it: Azure denies the request"
    return Change(operation, field, path, value, before, not identical(after, body), conflict)


def apply(body: Json, changes: Iterable[Change]) -> Json:
    """A copy of `body` as Azure would make it.

    https://learn.microsoft.com/azure/governance/policy/how-to/author-policies-for-arrays#modifying-arrays
    """
    result = copy.deepcopy(body)
    for each in changes:
        _put(result, list(each.path), each.operation, each.value)
    return result


def _put(node: Any, steps: list[Step], operation: str, value: Any) -> None:
    step, rest = steps[0], steps[1:]
    if not rest:
        if isinstance(node, dict) and isinstance(step, str):
            _set(node, step, operation, value)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node) and operation == "addOrReplace":
            node[step] = copy.deepcopy(value)
        return
    if rest[0] == STAR and isinstance(node, dict) and isinstance(step, str):
        _put_members(node, step, rest[1:], operation, value)
        return
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        _put(node[step], rest, operation, value)
    elif isinstance(node, dict) and isinstance(step, str):
        key = _key(node, step)
        if node.get(key) is None and operation != "remove":
            node[key] = {}
        _put(node.get(key), rest, operation, value)


def _put_members(node: Json, step: str, rest: list[Step], operation: str, value: Any) -> None:
    key = _key(node, step)
    members = node.get(key)
    if rest:
        for member in members if isinstance(members, list) else []:
            _put(member, rest, operation, value)
    elif operation == "remove":
        if isinstance(members, list):
            node[key] = [each for each in members if value is not None and not identical(each, value)]
    elif operation == "addOrReplace":
        node[key] = [copy.deepcopy(value)]
    else:
        node[key] = [*(members if isinstance(members, list) else []), copy.deepcopy(value)]


def _set(node: Json, name: str, operation: str, value: Any) -> None:
    key = _key(node, name)
    if operation == "remove":
        node.pop(key, None)
    elif operation == "addOrReplace" or node.get(key) is None:
        node[key] = copy.deepcopy(value)


def _key(node: Json, name: str) -> str:
    """The key as the body spells it."""
    if name in node or child(node, name) is None:
        return name
    return next((key for key in node if key.lower() == name.lower()), name)
