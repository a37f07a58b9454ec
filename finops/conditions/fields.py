"""What `field` may name: properties of every resource, tags, facts, aliases; and how each is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from finops.conditions.aliases import Alias, type_in_alias
from finops.conditions.compiler import Compiler, meant
from finops.conditions.paths import MISSING, STAR, Reader, Step, child, parse, reader, scalar
from finops.conditions.scope import POLICY_GROUP, Json, Read, Scope, Undecided, type_in

# Properties of every ARM resource that a path may start with; Azure itself wants an alias for most of them.
ROOTS = ("properties", "sku", "identity", "plan", "zones", "kind", "managedBy", "systemData", "extendedLocation",
         "etag", "apiVersion", "tags", "id", "name", "type", "location", "fullName")  # fmt: skip
TAG = re.compile(r"tags(?:\.(?P<dot>.+)|\['(?P<quoted>.*)'\]|\[(?P<bare>.*)\])", re.IGNORECASE | re.DOTALL)
FACT = re.compile(r"facts(?:\.|\[')([^.\[\]']+)(?:'\])?(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Field:
    """How a field is read. `many`: as the list of what [*] selects; `member`: one value, but of a counted [*]."""

    name: str
    read: Read
    many: bool = False
    member: bool = False


def _type(scope: Scope) -> Any:
    found = scope.body.get("type")
    return found if isinstance(found, str) and scope.type != POLICY_GROUP else scope.type or None


def _name(scope: Scope) -> Any:
    found = child(scope.body, "name")
    if found is None:
        found = child(scope.body, "id")  # a subscription has no name of its own
    return found.rsplit("/", 1)[-1] if isinstance(found, str) else found


def _full_name(scope: Scope) -> Any:
    """ "myServer/myDatabase": the names along the id, where the body does not say."""
    told = child(scope.body, "fullName")
    if told is not None:
        return told
    known = child(scope.body, "id")
    if isinstance(known, str) and type_in(known):
        parts = known.strip("/").split("/")
        lower = [part.lower() for part in parts]
        if "providers" in lower:
            last = len(parts) - 1 - lower[::-1].index("providers")
            return "/".join(parts[last + 3 :: 2])
    return child(scope.body, "name")


def _at(*keys: Step) -> Read:
    read = scalar(list(keys))
    return lambda scope: read(scope.body)


PLAIN: dict[str, Read] = {
    "type": _type,
    "name": _name,
    "fullname": _full_name,
    "kind": _at("kind"),
    "id": _at("id"),
    "location": _at("location"),
    "tags": _at("tags"),
    "identity.type": _at("identity", "type"),
    "identity.userassignedidentities": _at("identity", "userAssignedIdentities"),
    "identity.principalid": _at("identity", "principalId"),
    "identity.tenantid": _at("identity", "tenantId"),
    "managedby": _at("managedBy"),
}
NAMES = ("type", "name", "fullName", "kind", "id", "location", "tags", "identity.type")


def compile_field(name: str, place: str, c: Compiler) -> Field:
    """How to read the field `name` in the counts that surround it."""
    low = name.lower()
    if low == "type":
        c.types.add("")
    if low in PLAIN:
        return Field(name, PLAIN[low])
    if low.startswith(("facts.", "facts[")):
        return Field(name, _fact(name, place, c))
    if low.startswith(("tags.", "tags[")) and not low.startswith("tags[*]"):
        return Field(name, tag_reader(tag_name(name)))
    if "/" in name.split("[")[0]:
        return _alias(name, place, c)
    return _path(name, place, c)


def tag_name(field: str) -> str:
    """The tag that tags.x, tags['x'], tags[x] or tags['''x'''] names; "" where it names none."""
    found = TAG.fullmatch(field)
    if found is None:
        return ""
    return found["dot"] or found["bare"] or (found["quoted"] or "").replace("''", "'")


def tag_reader(tag: str) -> Read:
    """Reads one tag; the case of a tag's name does not matter."""

    def read(scope: Scope) -> Any:
        tags = scope.body.get("tags")
        if tags is None:
            tags = child(scope.body, "tags")
        return child(tags, tag)

    return read


def fact_value(name: str, facts: Any) -> Any:
    """The value of a fact, or Undecided with the reason. A fact has `value` or `reason`; anything else is the value."""
    if facts is None:
        raise Undecided("no facts were given", name)
    fact = facts.get(name, MISSING)
    if fact is MISSING:
        fact = next((facts[key] for key in facts if key.lower() == name.lower()), MISSING)
    if fact is MISSING:
        raise Undecided("it was not measured", name)
    if isinstance(fact, dict):
        if "reason" in fact and "value" not in fact:
            raise Undecided(str(fact["reason"]), name)
        return fact.get("value", fact)
    value = getattr(fact, "value", MISSING)
    if value is not MISSING:
        return value
    reason = getattr(fact, "reason", MISSING)
    if reason is not MISSING:
        raise Undecided(str(reason), name)
    return fact


def _fact(field: str, place: str, c: Compiler) -> Read:
    found = FACT.fullmatch(field)
    if found is None:
        c.refuse(place, f"names the fact {field!r}", "Write it as facts.name.")
    name = found[1]
    c.asked.add(name)
    if c.facts is not None and name.lower() not in {known.lower() for known in c.facts}:
        c.refuse(place, f"names the fact {name!r}, which nothing measures", f"Facts: {', '.join(sorted(c.facts))}."
                 + meant(name, c.facts))  # fmt: skip
    inner = _reader(found[2], place, c) if found[2] else None

    def read(scope: Scope) -> Any:
        value = fact_value(name, scope.facts)
        return value if inner is None else inner(value)

    return read


def _reader(path: str, place: str, c: Compiler) -> Reader:
    try:
        return reader(parse(path))
    except ValueError as fault:
        c.refuse(place, f"names the path {path!r}: {fault}", "Write it as a.b[*].c or a['b'].")


def _path(name: str, place: str, c: Compiler) -> Field:
    try:
        steps = parse(name)
    except ValueError as fault:
        c.refuse(place, f"names the field {name!r}: {fault}", "Write it as an alias, or as a.b[*].c.")
    root = str(steps[0]) if steps else ""
    known = root.lower() in {each.lower() for each in ROOTS}
    if c.fields == "azure" or (c.fields == "arm" and not known):
        hint = meant(name, (*NAMES, *(ROOTS if c.fields == "arm" else ())))
        c.refuse(place, f"names the field {name!r}, which Azure Policy does not know",
                 f"Fields are {', '.join(NAMES)}, tags.x and aliases such as "
                 f"Microsoft.MachineLearningServices/workspaces/computes/vmSize.{hint}")  # fmt: skip
    return _bound(name, steps, c, lambda steps: _from_body(reader(steps)), STAR in steps)


def _from_body(read: Reader) -> Read:
    return lambda scope: read(scope.body)


def _bound(name: str, steps: list[Step], c: Compiler, from_body: Callable[[list[Step]], Read], many: bool) -> Field:
    """The field read from the member that an enclosing count is at, where it is of that array; else from the body."""
    prefixes = stars(name)
    for counting in reversed(c.counts):
        for depth in range(len(prefixes), 0, -1):
            slot = counting.slots.get(prefixes[depth - 1])
            if slot is not None and steps.count(STAR) >= depth:
                rest = after(steps, depth)
                return Field(name, _from_slot(slot, reader(rest)), STAR in rest, member=True)
    return Field(name, from_body(steps), many)


def _from_slot(slot: int, read: Reader) -> Read:
    return lambda scope: read(scope.slots[slot])


def stars(name: str) -> list[str]:
    """The prefixes of a name that end in [*], shortest first, in lower case."""
    return [name[: found.end()].lower() for found in re.finditer(r"\[\*\]", name)]


def after(steps: list[Step], depth: int) -> list[Step]:
    """The steps behind the [*] number `depth`."""
    at = 0
    for _ in range(depth):
        at = steps.index(STAR, at) + 1
    return steps[at:]


def found_aliases(name: str, place: str, c: Compiler) -> list[Alias]:
    """The aliases of that name. None: `c` has noted why; a misspelt one is refused."""
    found = c.aliases.named(name)
    if found:
        c.types |= {kind for each in found for kind in (each.type, type_in_alias(each.name))}
        return found
    table = f"the alias table{f' of {c.aliases.as_of}' if c.aliases.as_of else ''}"
    if c.strict and c.aliases.covers(name):
        near = c.aliases.near(name)
        fix = (f"Did you mean {near!r}? " if near else "") + "If it is newer, give a newer table of aliases."
        c.refuse(place, f"names {name!r}, which is no alias in {table}", fix)
    c.gap(place, f"the alias {name} is not in {table}")
    return []


def alias_steps(alias: Alias, version: str | None) -> list[Step]:
    """Where the alias is in a body of that API version (None: the default path)."""
    return parse(alias.versions.get((version or "").lower(), alias.path))


def _alias(name: str, place: str, c: Compiler) -> Field:
    found = found_aliases(name, place, c)
    if not found:
        reason = f"the alias {name} is not in the alias table"

        def unknown(scope: Scope) -> Any:
            raise Undecided(reason)

        within = any(prefix in counting.slots for counting in c.counts for prefix in stars(name))
        return Field(name, unknown, "[*]" in name and not within, within)
    many = STAR in parse(found[0].path)
    first = _bound(name, parse(found[0].path), c, lambda steps: _gated(found, many), many)
    if not first.member or not any(each.versions for each in found):
        return first
    return Field(name, _versioned_member(name, found[0], first.read, c), first.many, member=True)


def _versioned_member(name: str, alias: Alias, default: Read, c: Compiler) -> Read:
    by_version = {
        version: _bound(name, parse(path), c, lambda steps: default, False).read
        for version, path in alias.versions.items()
    }
    return lambda scope: by_version.get((scope.api_version or "").lower(), default)(scope)


def alias_of(found: list[Alias], scope: Scope) -> Alias | None:
    """The one of several aliases that is of the resource's type; the first, where the resource tells no type."""
    if not scope.type:
        return found[0]
    for each in found:
        if scope.type in (each.type, type_in_alias(each.name)):
            return each
    return next((each for each in found if "/" not in each.type and scope.type.startswith(each.type + "/")), None)


def _gated(found: list[Alias], many: bool) -> Read:
    """Reads an alias where the resource is of its type; of another type, it is missing. Without a type, it is read."""
    absent: Any = [MISSING] if many else None
    only = found[0]
    if len(found) == 1 and "/" in only.type and not only.versions:
        kinds, plain = frozenset({only.type, type_in_alias(only.name), ""}), reader(parse(only.path))
        return lambda scope: plain(scope.body) if scope.type in kinds else absent
    readers = {path: reader(parse(path)) for each in found for path in (each.path, *each.versions.values())}

    def read(scope: Scope) -> Any:
        alias = alias_of(found, scope)
        if alias is None:
            return absent
        return readers[alias.versions.get((scope.api_version or "").lower(), alias.path)](scope.body)

    return read


def body_of(resource: Any) -> Json:
    """The ARM body: of a dict itself, of an estate's resource its `body`."""
    body = getattr(resource, "body", resource)
    return body if isinstance(body, dict) else {}
