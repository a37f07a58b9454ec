"""A condition by itself, as the janitor's rules have it, and rules read from files."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from finops.conditions import aliases as tables
from finops.conditions.aliases import Aliases
from finops.conditions.compiler import Compiler, Fields
from finops.conditions.condition import Node
from finops.conditions.condition import compile_condition as compile_node
from finops.conditions.explanation import Explanation, Unknown
from finops.conditions.fields import body_of
from finops.conditions.parameters import plain
from finops.conditions.scope import Scope
from finops.errors import DataError, FinopsError


class UnknownFact(FinopsError):
    """A condition cannot be told, because something is not known. Whoever catches it keeps the resource."""

    def __init__(self, unknown: tuple[Unknown, ...]) -> None:
        super().__init__("; ".join(map(str, unknown)) or "something is not known", "")
        self.unknown = unknown


@dataclass(frozen=True)
class Condition:
    """A compiled condition. `gaps` are what can never be evaluated in it: (place, why); `facts` what it asks for."""

    node: Node = field(repr=False)
    slots: int
    facts: frozenset[str]
    gaps: tuple[tuple[str, str], ...]

    def holds(
        self,
        resource: Any,
        facts: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        context: Mapping[str, Any] | None = None,
        api_version: str | None = None,
    ) -> bool | None:
        """True, False, or None where that cannot be told."""
        return self.node.test(self._scope(resource, facts, now, context, api_version))

    def explain(
        self,
        resource: Any,
        facts: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        context: Mapping[str, Any] | None = None,
        api_version: str | None = None,
    ) -> Explanation:
        """Why, expression by expression."""
        return self.node.explain(self._scope(resource, facts, now, context, api_version))

    def _scope(self, resource: Any, facts: Any, now: Any, context: Any, api_version: str | None) -> Scope:
        if type(resource) is not dict:
            facts = getattr(resource, "facts", None) if facts is None else facts
        return Scope(body_of(resource), facts, context, now, api_version, self.slots)


def compile_condition(
    rule_if: Any,
    parameters: Mapping[str, Any] | None = None,
    aliases: Aliases | None = None,
    *,
    fields: Fields = "arm",
    strict: bool = True,
    facts: Collection[str] | None = None,
    source: str = "",
) -> Condition:
    """The `if` of a rule. The options are those of compile_policy; plain paths of the ARM body are accepted."""
    table = tables.shipped() if aliases is None else aliases
    known = None if facts is None else frozenset(facts)
    values = {str(name).lower(): value for name, value in plain(parameters or {}).items()}
    c = Compiler(table, values, None, fields, strict, known, source)
    node = compile_node(rule_if, "if", c)
    return Condition(node, c.slots, frozenset(c.asked), tuple(c.gaps))


def matches(condition: Condition, resource: Any, facts: Mapping[str, Any] | None = None,
            now: datetime | None = None, context: Mapping[str, Any] | None = None) -> bool:  # fmt: skip
    """Whether the condition holds. Raises UnknownFact where that cannot be told."""
    held = condition.holds(resource, facts, now, context)
    if held is None:
        raise UnknownFact(tuple(condition.explain(resource, facts, now, context).unknown()))
    return held


def read_rule(path: Path) -> Any:
    """The JSON in a rule's file. A key that stands twice is refused: one of the two would silently be lost."""
    try:
        return json.loads(path.read_text("utf-8-sig"), object_pairs_hook=lambda pairs: _once(pairs, path))
    except (OSError, UnicodeDecodeError) as fault:
        raise DataError(f"{path} cannot be read: {fault}.", "Check the path.") from fault
    except (json.JSONDecodeError, RecursionError) as fault:
        where = f" at line {fault.lineno}, column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else ""
        told = fault.msg if isinstance(fault, json.JSONDecodeError) else "it nests too deeply"
        raise DataError(f"{path} is not JSON: {told}{where}.", "Mend it there.") from fault


def _once(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path} has {twice!r} twice in one object.", "Keep one of them.")
    return found
