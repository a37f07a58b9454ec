"""What an initiative hands to its members, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finops.conditions.expressions import Call, Literal
from finops.errors import FinopsError
from finops.policy.bundle import Bundle, Item, local_name
from finops.policy.content import Definition, stand_in
from finops.policy.expressions import tree
from finops.policy.lint import Finding, part
from finops.policy.lint.walk import texts
from finops.policy.positions import line_of

Json = dict[str, Any]


def handed_on(bundle: Bundle, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the definition `name` gets: its initiative's, where it is a member of one, else `given` itself.

    given   values by the names of the initiative's parameters, or of the definition's own
    """
    low = {key.lower(): value for key, value in given.items()}
    own = bundle.items[name].parameters
    values = {each: low[each.lower()] for each in own if each.lower() in low}
    for item in bundle.initiatives:
        for member in item.members:
            if local_name(member).lower() == name.lower():
                return values | _from(item, member, low)
    return values


def _from(item: Item, member: Json, given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, wrapped in (part(member, "parameters") or {}).items():
        value = part(wrapped, "value")
        outer = outer_name(value)
        if outer is None:
            values[name] = value
        elif outer.lower() in given:
            values[name] = given[outer.lower()]
        else:
            default = part(part(item.parameters, outer), "defaultValue")
            if default is not None:
                values[name] = default
    return values


def outer_name(value: Any) -> str | None:
    """The initiative's parameter that [parameters('x')] hands on; None where the value is written out."""
    found = tree(value)
    if isinstance(found, Call) and found.name.lower() == "parameters" and len(found.args) == 1:
        name = found.args[0]
        return str(name.value) if isinstance(name, Literal) else None
    return None


def lint_initiative(item: Item, bundle: Bundle, definitions: tuple[Definition, ...]) -> list[Finding]:
    """All that is wrong with an initiative, read beside the definitions of its folder."""
    text = Path(item.source).read_text("utf-8-sig")
    return [
        Finding("error", rule, Path(item.source), line_of(text, place), place, what, fix)
        for rule, place, what, fix in _faults(item, bundle, {each.name.lower(): each for each in definitions})
    ]


def _faults(item: Item, bundle: Bundle, definitions: Mapping[str, Definition]) -> Iterator[tuple[str, str, str, str]]:
    for name in ("displayName", "description"):
        if not str(part(item.properties, name) or "").strip():
            yield "schema", name, "is missing.", "Say it to the people who will read it in the portal."
    used = {(outer_name(value) or "").lower() for _, value in texts(item.members, "")}
    for name in item.parameters:
        if name.lower() not in used:
            yield "unused-parameter", f"parameters.{name}", "is handed to no member.", "Use it, or take it out."
    for at, member in enumerate(item.members):
        place = f"policyDefinitions[{at}]"
        wanted = local_name(member)
        if "/" in str(part(member, "policyDefinitionId") or "") and wanted.lower() not in definitions:
            builtin = bundle.faults or _is_builtin(member)
            if not builtin:
                yield (
                    "unknown-member",
                    f"{place}.policyDefinitionId",
                    f"names {wanted!r}, which has no folder here.",
                    (f"Folders are {', '.join(sorted(definitions)) or 'none'}."),
                )
            continue
        definition = definitions.get(wanted.lower())
        if definition is not None:
            yield from _handed(item, member, definition, place)


def _is_builtin(member: Json) -> bool:
    """Built-in definitions are named by a GUID."""
    name = local_name(member)
    return len(name) == 36 and name.count("-") == 4


def _handed(item: Item, member: Json, definition: Definition, place: str) -> Iterator[tuple[str, str, str, str]]:
    given = part(member, "parameters") or {}
    declared = {name.lower(): name for name in definition.item.parameters}
    for name, wrapped in given.items():
        where = f"{place}.parameters.{name}"
        if name.lower() not in declared:
            yield "schema", where, f"is no parameter of {definition.name}.", f"It has {', '.join(declared.values())}."
            continue
        outer = outer_name(part(wrapped, "value"))
        about = part(item.parameters, outer) if outer else None
        if outer and about is None:
            yield "schema", where, f"hands on {outer!r}, which the initiative does not declare.", "Declare it."
        elif isinstance(about, dict):
            yield from _fits(definition, declared[name.lower()], about, where)
    missing = [name for name in definition.needed if name.lower() not in {key.lower() for key in given}]
    if missing:
        yield "schema", place, f"gives {definition.name} no {missing[0]}, which has no default.", "Hand one on."


def _fits(definition: Definition, name: str, about: Json, where: str) -> Iterator[tuple[str, str, str, str]]:
    """Whether a value that the initiative's parameter may have is one that the member takes."""
    default = part(about, "defaultValue")
    value = stand_in(about) if default is None else default
    others = {each: stand_in(one) for each, one in definition.needed.items()}
    try:
        definition.compiled(others | {name: value})
    except FinopsError as fault:
        yield (
            "schema",
            where,
            f"does not fit: {fault.what.removeprefix(definition.item.source).lstrip(': ')}",
            fault.fix,
        )
