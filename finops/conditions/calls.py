"""Template expressions compiled into closures. What depends on nothing but the parameters is computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from finops.conditions import expressions
from finops.conditions.compiler import Compiler, meant
from finops.conditions.expressions import Call, Literal, Member, Node
from finops.conditions.fields import Field, compile_field
from finops.conditions.functions import FUNCTIONS, why_unknown, wrong_count
from finops.conditions.functions.arrays import member
from finops.conditions.functions.logic import a_bool
from finops.conditions.paths import present
from finops.conditions.scope import Read, Scope, TemplateError, Undecided
from finops.conditions.surroundings import SURROUNDINGS, property_of
from finops.conditions.values import kind, shown
from finops.errors import DataError

SPECIAL = ("parameters", "field", "current", "if", "and", "or", *SURROUNDINGS)
# Below these, a property that is not there is "" and no error: an assignment that inherits a tag from the resource
# group must not fail where the group lacks the tag (built-in cd3aa116-8754-49c9-a813-ad46512ece54 relies on it). Below
# requestContext() it is an error (Azure/azure-policy-linter, unguarded-request-context-identity-access).
LENIENT = ("field", "current", "resourcegroup", "subscription")


@dataclass(frozen=True)
class Value:
    """A compiled value. `constant`: `read` needs no scope, and `value` is what it gives."""

    read: Read
    constant: bool = False
    value: Any = None


def fixed(value: Any) -> Value:
    return Value(lambda scope: value, True, value)


def compile_value(given: Any, place: str, c: Compiler) -> Value:
    """A JSON value of a rule, in which every text may be an expression."""
    if isinstance(given, str):
        if not expressions.is_expression(given):
            return fixed(expressions.unescaped(given))
        try:
            tree = expressions.parse(given)
        except ValueError as fault:
            c.refuse(place, f"has the expression {shown(given)}, which {fault}", "Mend the expression.")
        return compile_node(tree, place, c)
    if isinstance(given, list):
        parts = [compile_value(each, f"{place}[{at}]", c) for at, each in enumerate(given)]
        return _gathered(parts, lambda scope: [part.read(scope) for part in parts])
    if isinstance(given, dict):
        named = {str(key): compile_value(each, f"{place}.{key}", c) for key, each in given.items()}
        return _gathered(list(named.values()), lambda scope: {key: part.read(scope) for key, part in named.items()})
    return fixed(given)


def _gathered(parts: list[Value], read: Read) -> Value:
    return _folded(read) if all(part.constant for part in parts) else Value(read)


NOWHERE = Scope({})


def _folded(read: Read) -> Value:
    """The value computed now; where that fails, it fails at each evaluation with the same reason."""
    try:
        return fixed(read(NOWHERE))
    except Undecided:
        return Value(read)


def compile_node(node: Node, place: str, c: Compiler) -> Value:
    if isinstance(node, Literal):
        return fixed(node.value)
    if isinstance(node, Member):
        return _member(node, place, c)
    name = node.name.lower()
    args = [compile_node(arg, place, c) for arg in node.args]
    if name == "parameters":
        return _parameter(args, place, c)
    if name == "field":
        return _field(args, place, c)
    if name == "current":
        return _current(args, place, c)
    if name in ("if", "and", "or"):
        return _logic(name, args, place, c)
    if name in SURROUNDINGS:
        if args and name != "utcnow":
            c.refuse(place, f"gives {node.name}() an argument", f"Write {node.name}().")
        read = SURROUNDINGS[name]
        return Value(read)
    return _function(node, args, place, c)


def _function(node: Call, args: list[Value], place: str, c: Compiler) -> Value:
    found = FUNCTIONS.get(node.name.lower())
    if found is None:
        reason = c.gap(place, why_unknown(node.name, SPECIAL))

        def unknown(scope: Scope) -> Any:
            raise TemplateError(reason)

        return Value(unknown)
    complaint = wrong_count(found, len(args))
    if complaint:
        c.refuse(place, f"is wrong: {complaint}", "Mend the expression.")
    work, reads = found.work, [arg.read for arg in args]
    read = _applied(work, reads)
    return _folded(read) if all(arg.constant for arg in args) else Value(read)


def _applied(work: Callable[..., Any], reads: list[Read]) -> Read:
    if len(reads) == 1:
        only = reads[0]
        return lambda scope: work(only(scope))
    if len(reads) == 2:
        one, two = reads
        return lambda scope: work(one(scope), two(scope))
    return lambda scope: work(*[read(scope) for read in reads])


def _member(node: Member, place: str, c: Compiler) -> Value:
    of, key = compile_node(node.of, place, c), compile_node(node.key, place, c)
    root: Node = node
    while isinstance(root, Member):
        root = root.of
    lenient = isinstance(root, Call) and root.name.lower() in LENIENT
    if lenient:
        return Value(lambda scope: property_of(of.read(scope), key.read(scope)))

    def read(scope: Scope) -> Any:
        return member(of.read(scope), key.read(scope))

    return _folded(read) if of.constant and key.constant else Value(read)


def _text_argument(name: str, args: list[Value], place: str, c: Compiler) -> Value:
    if len(args) != 1:
        c.refuse(place, f"gives {name}() {len(args)} arguments", f"Write {name}('...') with one name.")
    if args[0].constant and not isinstance(args[0].value, str):
        c.refuse(place, f"gives {name}() {kind(args[0].value)} {shown(args[0].value)}", "Give it a name in quotes.")
    return args[0]


def _parameter(args: list[Value], place: str, c: Compiler) -> Value:
    name = _text_argument("parameters", args, place, c)
    if name.constant:
        return fixed(_looked_up(str(name.value), place, c))
    values = c.parameters

    def read(scope: Scope) -> Any:
        wanted = str(name.read(scope)).lower()
        if wanted not in values:
            raise TemplateError(f"there is no parameter {wanted!r}")
        return values[wanted]

    return Value(read)


def _looked_up(name: str, place: str, c: Compiler) -> Any:
    if name.lower() not in c.parameters:
        known = c.parameters if c.declared is None else c.declared
        if c.declared is not None and name.lower() not in c.declared:
            fix = f"Declare it in `parameters`.{meant(name, known)}"
            c.refuse(place, f"uses the parameter {name!r}, which is not declared", fix)
        fix = f"Give it a value, or a `defaultValue` where it is declared.{meant(name, known)}"
        c.refuse(place, f"uses the parameter {name!r}, which has no value", fix)
    return c.parameters[name.lower()]


def _field(args: list[Value], place: str, c: Compiler) -> Value:
    name = _text_argument("field", args, place, c)
    origin = c.existence

    def as_returned(field: Field) -> Read:
        plain = field.read
        if field.many:
            return lambda scope: present(plain(scope.origin if origin else scope))
        if field.member:
            return lambda scope: present([plain(scope)])

        def read(scope: Scope) -> Any:
            value = plain(scope.origin if origin else scope)
            return "" if value is None else value

        return read

    if name.constant:
        return Value(as_returned(_resolved(str(name.value), place, c)))
    inner = replace(c, counts=[] if origin else list(c.counts))
    return Value(_by_name(name.read, lambda text: as_returned(compile_at_run_time(text, place, inner))))


def compile_at_run_time(name: str, place: str, c: Compiler) -> Field:
    """The field of a name that was computed: where it is wrong, that evaluation fails, not the rule."""
    try:
        return compile_field(name, place, c)
    except DataError as fault:
        raise TemplateError(fault.what) from fault


def _resolved(name: str, place: str, c: Compiler) -> Field:
    """The field that field() names. In an existenceCondition it is of the first resource, so no count binds it."""
    if not c.existence:
        return compile_field(name, place, c)
    around, c.counts = c.counts, []
    try:
        return compile_field(name, place, c)
    finally:
        c.counts = around


def _by_name(name: Read, make: Callable[[str], Read]) -> Read:
    """Reads what a name computed at run time names; each name is compiled once."""
    known: dict[str, Read] = {}

    def read(scope: Scope) -> Any:
        wanted = name(scope)
        if not isinstance(wanted, str):
            raise TemplateError(f"field() needs a name, not {kind(wanted)} {shown(wanted)}")
        if wanted not in known:
            known[wanted] = make(wanted)
        return known[wanted](scope)

    return read


def _current(args: list[Value], place: str, c: Compiler) -> Value:
    if not c.counts:
        c.refuse(place, "calls current() outside of a count", "Use it within `count.where` only.")
    if not args:
        return Value(_slot(c.counts[-1].current))
    name = str(_text_argument("current", args, place, c).value)
    slot = next((each.slots[name.lower()] for each in reversed(c.counts) if name.lower() in each.slots), None)
    if slot is not None:
        return Value(_slot(slot))
    field = compile_field(name, place, c) if "[*]" in name else None
    if field is None or not field.member:
        known = [each for counting in c.counts for each in counting.slots]
        fix = f"Counts around it: {', '.join(known)}.{meant(name, known)}"
        c.refuse(place, f"calls current({name!r}), which no count around it enumerates", fix)
    plain = field.read
    return Value((lambda scope: present(plain(scope))) if field.many else plain)


def _slot(slot: int) -> Read:
    return lambda scope: scope.slots[slot]


def _logic(name: str, args: list[Value], place: str, c: Compiler) -> Value:
    if name == "if":
        if len(args) != 3:
            c.refuse(place, f"gives if() {len(args)} arguments", "Write if(condition, then, else).")
        test, yes, no = (arg.read for arg in args)
        read: Read = lambda scope: yes(scope) if a_bool("if", test(scope)) else no(scope)  # noqa: E731
    else:
        reads, decisive = [arg.read for arg in args], name == "or"

        def read(scope: Scope) -> Any:
            unknown: Undecided | None = None
            for each in reads:
                try:
                    if a_bool(name, each(scope)) is decisive:
                        return decisive
                except Undecided as found:
                    unknown = found
            if unknown is not None:
                raise unknown
            return not decisive

    return _folded(read) if all(arg.constant for arg in args) else Value(read)
