"""Template expressions written back as text, so that one of their parts can be changed."""

from __future__ import annotations

from collections.abc import Iterator

from finops.conditions.expressions import Call, Literal, Member, Node, is_expression, parse


def tree(text: object) -> Node | None:
    """The tree of "[...]", or None where the text is no expression that can be parsed."""
    if not isinstance(text, str) or not is_expression(text):
        return None
    try:
        return parse(text)
    except ValueError:
        return None


def written(node: Node) -> str:
    """The expression as text, without its brackets."""
    if isinstance(node, Literal):
        value = node.value
        if isinstance(value, str):
            return "'" + value.replace("'", "''") + "'"
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        return str(value)
    if isinstance(node, Member):
        return f"{written(node.of)}[{written(node.key)}]"
    return f"{node.name}({', '.join(map(written, node.args))})"


def calls(node: Node) -> Iterator[Call]:
    """Every function call, the outermost first."""
    if isinstance(node, Call):
        yield node
        for each in node.args:
            yield from calls(each)
    elif isinstance(node, Member):
        yield from calls(node.of)
        yield from calls(node.key)


# A function in place of another that takes the same arguments.
SWAPPED = {
    "first": "last", "last": "first", "add": "sub", "sub": "add", "mul": "add", "div": "mul", "tolower": "toUpper",
    "toupper": "toLower", "startswith": "endsWith", "endswith": "startsWith", "and": "or", "or": "and", "min": "max",
    "max": "min", "less": "lessOrEquals", "lessorequals": "less", "greater": "greaterOrEquals",
    "greaterorequals": "greater", "resourcegroup": "subscription", "subscription": "resourceGroup",
    "union": "intersection", "intersection": "union",
}  # fmt: skip
BOOLEAN = ("equals", "empty", "contains", "startswith", "endswith", "less", "lessorequals", "greater",
           "greaterorequals", "and", "or")  # fmt: skip
# Functions that may be left out, so that their first argument stands alone.
WRAPPING = ("trim", "tolower", "toupper", "replace", "not")


def variants(node: Node) -> Iterator[tuple[str, Node]]:
    """Each change of one part: what was changed, and the whole tree."""
    if isinstance(node, Literal):
        yield from _of_literal(node)
    elif isinstance(node, Member):
        yield from ((what, Member(of, node.key)) for what, of in variants(node.of))
        yield from ((what, Member(node.of, key)) for what, key in variants(node.key))
    else:
        yield from _of_call(node)
        if node.name.lower() in ("parameters", "field", "current"):
            return
        for at, arg in enumerate(node.args):
            for what, other in variants(arg):
                yield what, Call(node.name, (*node.args[:at], other, *node.args[at + 1 :]))


def _of_literal(node: Literal) -> Iterator[tuple[str, Node]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} became {not value}", Literal(not value)
    elif isinstance(value, int | float):
        for other in (value - 1, value + 1):
            yield f"{value} became {other}", Literal(other)
    elif isinstance(value, str) and value:
        yield f"'{value}' became '{value}~'", Literal(f"{value}~")


def _of_call(node: Call) -> Iterator[tuple[str, Node]]:
    name = node.name.lower()
    if name in SWAPPED:
        yield f"{node.name}() became {SWAPPED[name]}()", Call(SWAPPED[name], node.args)
    if name in BOOLEAN:
        yield f"{node.name}() was negated", Call("not", (node,))
    if name in WRAPPING and node.args:
        yield f"{node.name}() was left out", node.args[0]
    if name == "if" and len(node.args) == 3:
        yield "the branches of if() changed places", Call("if", (node.args[0], node.args[2], node.args[1]))
