"""Conditions compiled into closures that answer True, False or None (cannot be told), and that can say why.

Kleene's logic: what is not known neither satisfies nor clears, unless the rest decides anyhow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from finops.conditions.calls import Value, compile_at_run_time, compile_value, fixed
from finops.conditions.compiler import Compiler, Counting, either, meant
from finops.conditions.counting import Count, compile_array
from finops.conditions.explanation import Explanation, Unknown
from finops.conditions.fields import compile_field
from finops.conditions.operators import OPERATORS, Check, Maker
from finops.conditions.paths import MISSING
from finops.conditions.scope import Read, Scope, Test, Undecided
from finops.conditions.values import kind, shown

LOGIC = {"allof": "allOf", "anyof": "anyOf", "not": "not"}
SUBJECTS = ("field", "value", "count")


@dataclass(frozen=True)
class Node:
    """A compiled expression: `test` answers fast, `explain` answers at length."""

    test: Test
    explain: Callable[[Scope], Explanation]


def compile_condition(given: Any, place: str, c: Compiler) -> Node:
    """The expression `given`, which stands at `place` of the rule."""
    if not isinstance(given, dict):
        c.refuse(place, f"is {kind(given)} {shown(given)}, not a condition", 'Write {"field": ..., "equals": ...}.')
    keys = {str(key).lower(): str(key) for key in given}
    logic = [key for key in keys if key in LOGIC]
    if logic:
        if len(keys) > 1:
            other = [name for key, name in keys.items() if key != logic[0]]
            c.refuse(place, f"has {either(other)} beside {keys[logic[0]]}", "Write one of them, or put both in allOf.")
        return _combined(LOGIC[logic[0]], given[keys[logic[0]]], f"{place}.{keys[logic[0]]}", c)
    return _leaf(given, keys, place, c)


def _combined(name: str, given: Any, place: str, c: Compiler) -> Node:
    if name == "not":
        return _negation(compile_condition(given, place, c), place)
    if not isinstance(given, list):
        c.refuse(place, f"is {kind(given)} {shown(given)}, not a list", f'Write "{name}": [ ... ].')
    parts = [compile_condition(each, f"{place}[{at}]", c) for at, each in enumerate(given)]
    decisive = name == "anyOf"
    tests = tuple(part.test for part in parts)

    def explain(scope: Scope) -> Explanation:
        told = tuple(part.explain(scope) for part in parts)
        answers = [each.held for each in told]
        held = decisive if decisive in answers else None if None in answers else not decisive
        return Explanation(place, "any of" if decisive else "all of", held, parts=told)

    return Node(_any_of(tests) if decisive else _all_of(tests), explain)


def _all_of(tests: tuple[Test, ...]) -> Test:
    def test(scope: Scope) -> bool | None:
        answer: bool | None = True
        for each in tests:
            held = each(scope)
            if held is False:
                return False
            if held is None:
                answer = None
        return answer

    return test


def _any_of(tests: tuple[Test, ...]) -> Test:
    def test(scope: Scope) -> bool | None:
        answer: bool | None = False
        for each in tests:
            held = each(scope)
            if held is True:
                return True
            if held is None:
                answer = None
        return answer

    return test


def _negation(part: Node, place: str) -> Node:
    inner = part.test

    def test(scope: Scope) -> bool | None:
        held = inner(scope)
        return None if held is None else not held

    def explain(scope: Scope) -> Explanation:
        told = part.explain(scope)
        return Explanation(place, "not", None if told.held is None else not told.held, parts=(told,))

    return Node(test, explain)


def _leaf(given: dict[str, Any], keys: dict[str, str], place: str, c: Compiler) -> Node:
    subjects = [key for key in keys if key in SUBJECTS]
    operators = [key for key in keys if key in OPERATORS]
    unknown = [name for key, name in keys.items() if key not in SUBJECTS and key not in OPERATORS]
    if unknown:
        conditions = [name for name, _ in OPERATORS.values()]
        hint = meant(unknown[0], [*LOGIC.values(), *SUBJECTS, *conditions])
        fix = f"Conditions are {', '.join(conditions)}.{hint}"
        c.refuse(place, f"has {unknown[0]!r}, which Azure Policy does not know", fix)
    if len(subjects) != 1:
        c.refuse(place, f"has {either(subjects)}" if subjects else "says neither field, value nor count",
                 "Write exactly one of field, value and count.")  # fmt: skip
    if len(operators) != 1:
        told = f"has {either([keys[key] for key in operators])}" if operators else "has no condition such as equals"
        c.refuse(place, told, "Write exactly one.")
    name, maker = OPERATORS[operators[0]]
    where = f"{place}.{keys[operators[0]]}"
    wanted = compile_value(given[keys[operators[0]]], where, c)
    asked = wanted.value if wanted.constant else given[keys[operators[0]]]
    subject = given[keys[subjects[0]]]
    if subjects[0] == "count":
        return _count(subject, name, _checking(name, maker, wanted, where, c), place, c, asked)
    if subjects[0] == "value":
        value = compile_value(subject, f"{place}.value", c)
        if name in ("equals", "notEquals") and not (wanted.constant and wanted.value is None):
            value = _null_as_text(value)
        check = _checking(name, maker, wanted, where, c)
        text = f"value {shown(subject)} {name} {shown(asked)}"
        return _single(place, text, value.read, check, wanted)
    return _field(subject, name, maker, wanted, place, where, c, asked)


def _null_as_text(value: Value) -> Value:
    """equals and notEquals take the null of a `value` as "" (Azure/azure-policy-linter, tryget-use-with-null-...)."""
    read = value.read
    return Value(lambda scope: "" if (found := read(scope)) is None else found)


def _field(
    subject: Any, name: str, maker: Maker, wanted: Value, place: str, where: str, c: Compiler, shown_as: Any
) -> Node:
    text = f"field {shown(subject)} {name} {shown(shown_as)}"
    if not isinstance(subject, str):
        c.refuse(f"{place}.field", f"is {kind(subject)} {shown(subject)}", "Give the name of a field.")
    named = compile_value(subject, f"{place}.field", c)
    if not named.constant:
        check = _checking(name, maker, wanted, where, c)
        return _named_at_run_time(named.read, text, check, place, c, wanted)
    if not isinstance(named.value, str):
        c.refuse(f"{place}.field", f"names {kind(named.value)} {shown(named.value)}", "Give the name of a field.")
    if named.value.lower() == "location" and name in LOCATIONS:
        maker, wanted = _of_locations(maker), wanted
    check = _checking(name, maker, wanted, where, c)
    field = compile_field(named.value, f"{place}.field", c)
    if named.value != subject:
        text += f"  (field {named.value})"
    if field.many:
        return _every(place, text, field.read, check, wanted)
    return _single(place, text, field.read, check, wanted)


# "Location fields are normalized": East US 2 is eastus2.
LOCATIONS = ("equals", "notEquals", "in", "notIn", "like", "notLike", "contains", "notContains")


def _of_locations(maker: Maker) -> Maker:
    def make(wanted: Any) -> Check:
        check = maker([_location(each) for each in wanted] if isinstance(wanted, list) else _location(wanted))
        return lambda value: check(_location(value))

    return make


def _location(value: Any) -> Any:
    return value.replace(" ", "").lower() if isinstance(value, str) and " " in value else value


Checking = Callable[[Scope], Check]


def _checking(name: str, maker: Maker, wanted: Value, where: str, c: Compiler) -> Checking:
    """How to get the check of a scope: one for all, where what the rule asks for is constant."""
    if wanted.constant:
        try:
            check = maker(wanted.value)
        except Undecided as fault:
            c.refuse(where, f"is wrong: {fault.reason}", "Mend the value.")
        return lambda scope: check
    known: tuple[Any, Check] = (MISSING, bool)  # the last one that was asked for; replaced whole, for threads

    def checking(scope: Scope) -> Check:
        nonlocal known
        asked, (before, check) = wanted.read(scope), known
        if asked is None:
            raise Undecided(f"what to compare with is null, which is an error in Azure ({where})")
        if type(asked) is str and asked == before:
            return check
        check = maker(asked)
        known = (asked, check)
        return check

    return checking


def _single(place: str, text: str, read: Read, checking: Checking, wanted: Value) -> Node:
    if wanted.constant:
        check = checking(EMPTY)

        def test(scope: Scope) -> bool | None:
            try:
                return check(read(scope))
            except Undecided:
                return None
    else:

        def test(scope: Scope) -> bool | None:
            try:
                return checking(scope)(read(scope))
            except Undecided:
                return None

    return Node(test, _told(place, text, read, checking))


EMPTY = Scope({})


def _told(place: str, text: str, read: Read, checking: Checking) -> Callable[[Scope], Explanation]:
    def explain(scope: Scope) -> Explanation:
        try:
            value = read(scope)
            return Explanation(place, text, checking(scope)(value), value, compared=True)
        except Undecided as unknown:
            return Explanation(place, text, None, why=Unknown(unknown.fact, unknown.reason))

    return explain


def _every(place: str, text: str, read: Read, checking: Checking, wanted: Value) -> Node:
    """All that [*] selects must meet the condition."""

    def answers(scope: Scope) -> Iterator[tuple[Any, bool | None, Undecided | None]]:
        check = checking(scope)
        for value in read(scope):
            try:
                yield value, check(None if value is MISSING else value), None
            except Undecided as unknown:
                yield value, None, unknown

    def test(scope: Scope) -> bool | None:
        answer: bool | None = True
        try:
            for _, held, _ in answers(scope):
                if held is False:
                    return False
                if held is None:
                    answer = None
        except Undecided:
            return None
        return answer

    def explain(scope: Scope) -> Explanation:
        try:
            found = list(answers(scope))
        except Undecided as unknown:
            return Explanation(place, text, None, why=Unknown(unknown.fact, unknown.reason))
        held = [each for _, each, _ in found]
        answer = False if False in held else None if None in held else True
        why = next((Unknown(each.fact, each.reason) for _, _, each in found if each), None) if answer is None else None
        selected = [value for value, _, _ in found if value is not MISSING]
        return Explanation(place, text, answer, selected, compared=True, why=why)

    return Node(test, explain)


def _named_at_run_time(name: Read, text: str, checking: Checking, place: str, c: Compiler, wanted: Value) -> Node:
    """A field whose name is computed from the resource or from current(): compiled once for each name."""
    known: dict[str, Node] = {}
    inner = replace(c, counts=list(c.counts))

    def node(scope: Scope) -> Node:
        found = name(scope)
        if not isinstance(found, str):
            raise Undecided(f"the field's name is {kind(found)} {shown(found)}")
        if found not in known:
            field = compile_at_run_time(found, f"{place}.field", inner)
            told = f"{text}  (field {found})"
            make = _every if field.many else _single
            known[found] = make(place, told, field.read, checking, wanted)
        return known[found]

    def test(scope: Scope) -> bool | None:
        try:
            return node(scope).test(scope)
        except Undecided:
            return None

    def explain(scope: Scope) -> Explanation:
        try:
            return node(scope).explain(scope)
        except Undecided as unknown:
            return Explanation(place, text, None, why=Unknown(unknown.fact, unknown.reason))

    return Node(test, explain)


INDEX_NAME = re.compile(r"[A-Za-z0-9_]+")


def _count(given: Any, name: str, checking: Checking, place: str, c: Compiler, wanted: Any) -> Node:
    where = f"{place}.count"
    if not isinstance(given, dict):
        c.refuse(where, f"is {kind(given)} {shown(given)}", 'Write {"field": "...[*]", "where": {...}}.')
    keys = {str(key).lower(): str(key) for key in given}
    odd = [keys[key] for key in keys if key not in ("field", "value", "name", "where")]
    if odd:
        c.refuse(where, f"has {odd[0]!r}", f"A count has field or value, name and where.{meant(odd[0], ('where',))}")
    if ("field" in keys) == ("value" in keys):
        c.refuse(where, "needs either field or value", "Write exactly one of them.")
    subject = given[keys["field"] if "field" in keys else keys["value"]]
    if "field" in keys:
        if "name" in keys:
            c.refuse(f"{where}.name", "stands beside field", "Only a count of a value has a name.")
        enumerate_members, counting = compile_array(subject, f"{where}.field", c)
    else:
        index = given.get(keys.get("name", ""), "default")
        if not isinstance(index, str) or not INDEX_NAME.fullmatch(index):
            c.refuse(f"{where}.name", f"is {shown(index)}", "Give a name of letters and digits.")
        value = (
            compile_value(subject, f"{where}.value", c) if not isinstance(subject, list) else _list(subject, where, c)
        )
        slot = c.slot()
        enumerate_members, counting = _members_of(value, slot), Counting({index.lower(): slot}, slot)
    condition: Node | None = None
    if "where" in keys:
        c.counts.append(counting)
        try:
            condition = compile_condition(given[keys["where"]], f"{where}.where", c)
        finally:
            c.counts.pop()
    text = f"count of {shown(subject)} {name} {shown(wanted)}"
    test, explain = (condition.test, condition.explain) if condition else (None, None)
    count = Count(place, text, enumerate_members, counting.current, test, explain, checking)
    return Node(count.test, count.explain)


def _list(subject: list[Any], where: str, c: Compiler) -> Value:
    return compile_value(subject, f"{where}.value", c) if subject else fixed(subject)


def _members_of(value: Value, slot: int) -> Callable[[Scope], Iterator[Any]]:
    def members(scope: Scope) -> Iterator[Any]:
        found = value.read(scope)
        if not isinstance(found, list):
            raise Undecided(f"a count of a value needs an array, not {kind(found)} {shown(found)}")
        for each in found:
            scope.slots[slot] = each
            yield each

    return members
