"""Template expressions such as [concat('a', parameters('b').c[0])], parsed into a small tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# Azure's limits when a definition is saved (definition-structure-policy-rule, "Policy rule limits", 2025-03-19).
LONGEST = 81920
DEEPEST = 64

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_$]*)|(?P<mark>[()\[\].,-]))"
)
ENDS = {",": "',' or ')'", ")": "')'", "]": "']'"}
WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Literal:
    value: Any


@dataclass(frozen=True)
class Call:
    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True)
class Member:
    """`of.key` or `of[key]`."""

    of: Node
    key: Node


Node = Literal | Call | Member


def is_expression(value: Any) -> bool:
    """Whether `value` is evaluated. Text that only starts with "[" is just text, "[[" is an escaped "["."""
    return isinstance(value, str) and value[:1] == "[" and value[:2] != "[[" and value[-1:] == "]"


def unescaped(text: str) -> str:
    """Text that is no expression, as it is meant: "[[a]" stands for "[a]"."""
    return text[1:] if text.startswith("[[") else text


def parse(expression: str) -> Node:
    """The tree of "[...]". Raises ValueError saying what is wrong and where."""
    if len(expression) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    return _Parser(expression[1:-1]).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if found is None:
                raise ValueError(f"unexpected {text[at:].strip()[0]!r} at character {at + 2}")
            self.tokens.append((str(found.lastgroup), str(found.group(str(found.lastgroup))), found.start() + 2))
            at = found.end()

    def whole(self) -> Node:
        node = self.node(1)
        if self.at < len(self.tokens):
            raise ValueError(f"unexpected {self.tokens[self.at][1]!r} at character {self.tokens[self.at][2]}")
        return node

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ValueError(f"ends where {ENDS.get(expected, expected) or 'a value'} was expected")
        kind, text, place = self.tokens[self.at]
        if expected and text != expected:
            raise ValueError(f"has {text!r} at character {place} where {expected!r} was expected")
        self.at += 1
        return kind, text

    def node(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise ValueError(f"nests more than {DEEPEST} functions")
        node = self.primary(depth)
        while self.peek() in (".", "["):
            if self.take()[1] == ".":
                kind, text = self.take()
                if kind != "name":
                    raise ValueError(f"has {text!r} after a dot, where a property name was expected")
                node = Member(node, Literal(text))
            else:
                node = Member(node, self.node(depth + 1))
                self.take("]")
        return node

    def primary(self, depth: int) -> Node:
        kind, text = self.take()
        if kind == "text":
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            return Literal(float(text) if "." in text else int(text))
        if text == "-":
            number = self.primary(depth)
            if not isinstance(number, Literal) or not isinstance(number.value, int | float):
                raise ValueError("has a minus that is not before a number")
            return Literal(-number.value)
        if text == "(":
            inner = self.node(depth + 1)
            self.take(")")
            return inner
        if kind == "name" and self.peek() == "(":
            return Call(text, self.arguments(depth))
        if kind == "name" and text.lower() in WORDS:
            return Literal(WORDS[text.lower()])
        raise ValueError(f"has {text!r} where a value or a function was expected (text stands in single quotes)")

    def arguments(self, depth: int) -> tuple[Node, ...]:
        self.take("(")
        args: list[Node] = []
        while self.peek() != ")":
            if args:
                self.take(",")
            args.append(self.node(depth + 1))
        self.take(")")
        return tuple(args)
