"""Related resources, for the effects that ask whether something exists beside a resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from finops.conditions.calls import Value, compile_value
from finops.conditions.compiler import Compiler
from finops.conditions.condition import Node, compile_condition
from finops.conditions.explanation import Explanation, Unknown
from finops.conditions.fields import PLAIN, body_of
from finops.conditions.paths import child
from finops.conditions.scope import Json, Scope, Undecided, type_of
from finops.conditions.values import kind, shown


@dataclass(frozen=True)
class Wanted:
    """Which resources a rule looks for: of a type, perhaps of one name, below the resource or in `scope`.

    `scope` is "resourceGroup" or "subscription"; a type that lies below the resource's own is looked for below it.
    """

    type: str
    name: str = ""
    scope: str = "resourceGroup"
    resource_group: str = ""
    below: str = ""


Related = Callable[[Wanted], Any] | Iterable[Json] | None


@dataclass(frozen=True)
class Existence:
    """`details` of auditIfNotExists and deployIfNotExists, compiled."""

    kind: Value
    name: Value
    scope: Value
    group: Value
    condition: Node | None

    def wanted(self, scope: Scope) -> Wanted:
        told = {key: each.read(scope) for key, each in vars(self).items() if isinstance(each, Value)}
        texts = {key: value if isinstance(value, str) else "" for key, value in told.items()}
        sought = texts["kind"].lower()
        below = scope.body.get("id") if sought.startswith(scope.type + "/") and scope.type else ""
        where = "subscription" if texts["scope"].lower() == "subscription" else "resourceGroup"
        return Wanted(texts["kind"], texts["name"], where, texts["group"], below if isinstance(below, str) else "")

    def exists(self, scope: Scope, related: Related) -> bool | None:
        """Whether one that was looked for is there and meets the condition; None, where that cannot be told."""
        answer: bool | None = False
        for body in candidates(scope, self.wanted(scope), related):
            held = self.condition.test(scope.beside(body)) if self.condition else True
            if held:
                return True
            answer = None if held is None else answer
        return answer

    def explain(self, scope: Scope, related: Related) -> Explanation:
        """Whether none is there, with each that was looked at."""
        place, what = "then.details", f"no {shown(self.kind.value or 'related resource')} is as the rule wants it"
        try:
            parts = [self._looked_at(scope, body, place) for body in candidates(scope, self.wanted(scope), related)]
        except Undecided as unknown:
            return Explanation(place, what, None, why=Unknown(unknown.fact, unknown.reason))
        answers = [part.held for part in parts]
        return Explanation(
            place, what, False if True in answers else None if None in answers else True, parts=tuple(parts)
        )

    def _looked_at(self, scope: Scope, body: Json, place: str) -> Explanation:
        told = self.condition.explain(scope.beside(body)) if self.condition else None
        what = f"{child(body, 'name') or 'one'} is"
        return Explanation(place, what, True if told is None else told.held, parts=(told,) if told else ())


def compile_existence(details: Any, place: str, c: Compiler) -> Existence:
    if not isinstance(details, dict):
        c.refuse(place, f"is {kind(details)} {shown(details)}", 'Write {"type": ..., "existenceCondition": {...}}.')
    keys = {str(key).lower(): key for key in details}
    if "type" not in keys:
        c.refuse(place, "lacks a type", "Say which type of resource must exist.")

    def part(name: str) -> Value:
        return compile_value(details.get(keys.get(name.lower(), "")), f"{place}.{name}", c)

    condition = None
    if "existencecondition" in keys:
        c.existence = True
        try:
            condition = compile_condition(details[keys["existencecondition"]], f"{place}.existenceCondition", c)
        finally:
            c.existence = False
    return Existence(part("type"), part("name"), part("existenceScope"), part("resourceGroupName"), condition)


def candidates(scope: Scope, wanted: Wanted, related: Related) -> list[Json]:
    """The bodies that were looked for among those that the caller has. Raises Undecided where it cannot say."""
    own = scope.type == wanted.type.lower()
    if related is None and not own:
        raise Undecided(f"no related resources were given ({wanted.type} is looked for)")
    found = related(wanted) if callable(related) else related or ()
    reason = getattr(found, "reason", None)
    if reason is not None:
        raise Undecided(f"{wanted.type} could not be read: {reason}")
    bodies = [body_of(each) for each in found]
    if own:
        bodies.append(scope.body)
    return [body for body in bodies if _is_wanted(body, wanted)]


def _is_wanted(body: Json, wanted: Wanted) -> bool:
    sought = type_of(body)
    if sought and wanted.type and sought != wanted.type.lower():
        return False
    known = child(body, "id")
    if wanted.below and isinstance(known, str) and not known.lower().startswith(wanted.below.lower().rstrip("/") + "/"):
        return False
    group = f"/resourcegroups/{wanted.resource_group.lower()}/"
    if wanted.resource_group and isinstance(known, str) and group not in known.lower() + "/":
        return False
    return not wanted.name or _is_named(body, wanted.name.lower())


def _is_named(body: Json, name: str) -> bool:
    """A related resource may be named by its own name, or by the names along its id ("account/default")."""
    scope = Scope(body)
    told = (child(body, "name"), PLAIN["fullname"](scope), PLAIN["name"](scope))
    names = [str(found).lower() for found in told if found]
    return not names or name in names or any(each.endswith("/" + name) for each in names)
