"""OData filters as Azure's services take them: `a eq 'x' and (b ne 2 or contains(c, 'y'))`, as a test of a record.

Covers eq, ne, gt, ge, lt, le, in, and, or, not, parentheses, contains, startswith, endswith, substringof, tolower.
Anything else is a BadFilter, never "everything matches".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

Record = Mapping[str, object]
Test = Callable[[Record], bool]
Value = Callable[[Record], object]

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<time>(?:datetime')?\d{4}-\d{2}-\d{2}(?:[T ][0-9:.]+(?:Z|[+-]\d{2}:\d{2})?)?'?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_@$][\w./@$-]*)"
    r"|(?P<mark>[(),]))"
)
COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: _ordered(left, right, lambda sign: sign > 0),
    "ge": lambda left, right: _ordered(left, right, lambda sign: sign >= 0),
    "lt": lambda left, right: _ordered(left, right, lambda sign: sign < 0),
    "le": lambda left, right: _ordered(left, right, lambda sign: sign <= 0),
}
TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "substringof": lambda part, text: part in text,
}


class BadFilter(Exception):
    """The text is no filter that we understand."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str


def compiled(text: str, known: Callable[[str], Value | None], ignore_case: bool = False) -> Test:
    """The filter `text` as a test. `known` gives the reader of a field's value, or None where it is no field."""
    parser = _Parser(_tokens(text), known, ignore_case)
    test = parser.either()
    if parser.left:
        raise BadFilter(f"'{parser.left[0].text}' was not expected in '{text}'.")
    return test


def field_reader(*names: str) -> Callable[[str], Value | None]:
    """`known` for records whose fields are `names`, found in any letter case."""
    by_lower = {name.lower(): name for name in names}

    def known(name: str) -> Value | None:
        found = by_lower.get(name.lower())
        return None if found is None else lambda record: record.get(found)

    return known


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadFilter(f"'{text[at:].strip()}' cannot be read.")
        found.append(Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[Token], known: Callable[[str], Value | None], ignore_case: bool) -> None:
        self.left = tokens
        self._known = known
        self._ignore_case = ignore_case

    def either(self) -> Test:
        tests = [self._both()]
        while self._next_is("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._next_is("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)

    def _one(self) -> Test:
        if self._next_is("not"):
            inner = self._one()
            return lambda record: not inner(record)
        if self._next_is("("):
            inner = self.either()
            self._expect(")")
            return inner
        if self.left and self.left[0].text.lower() in TEXT_TESTS:
            return self._text_test(TEXT_TESTS[self._take().text.lower()])
        left = self._value()
        operator = self._take().text.lower()
        if operator == "in":
            return self._is_in(left)
        if operator not in COMPARISONS:
            raise BadFilter(f"'{operator}' is no comparison.")
        compare, right = COMPARISONS[operator], self._value()
        return lambda record: compare(left(record), right(record))

    def _is_in(self, left: Value) -> Test:
        if not self._next_is("("):
            right = self._value()
            return lambda record: left(record) in (right(record) or ())  # type: ignore[operator]
        choices = [self._value()]
        while self._next_is(","):
            choices.append(self._value())
        self._expect(")")
        return lambda record: left(record) in [choice(record) for choice in choices]

    def _text_test(self, test: Callable[[str, str], bool]) -> Test:
        self._expect("(")
        first = self._value()
        self._expect(",")
        second = self._value()
        self._expect(")")
        for word in ("eq", "true"):  # OData 3 callers write `contains(a, 'b') eq true`
            if self.left and self.left[0].text.lower() == word:
                self._take()
        return lambda record: test(str(first(record) or ""), str(second(record) or ""))

    def _value(self) -> Value:
        token = self._take()
        if token.kind == "text":
            return self._constant(self._folded(token.text[1:-1].replace("''", "'")))
        if token.kind == "number":
            return self._constant(Decimal(token.text))
        if token.kind == "time":
            return self._constant(_time(token.text.removeprefix("datetime'").rstrip("'")))
        low = token.text.lower()
        if low in {"true", "false", "null"}:
            return self._constant({"true": True, "false": False, "null": None}[low])
        if low in {"tolower", "toupper"}:
            self._expect("(")
            inner = self._value()
            self._expect(")")
            return lambda record: _cased(inner(record), low)
        read = self._known(token.text)
        if token.kind != "name" or read is None:
            raise BadFilter(f"'{token.text}' is no field here.")
        return lambda record: self._folded(read(record))

    def _constant(self, value: object) -> Value:
        return lambda record: value

    def _folded(self, value: object) -> object:
        if isinstance(value, str):
            return value.lower() if self._ignore_case else value
        return Decimal(str(value)) if isinstance(value, float) else value

    def _take(self) -> Token:
        if not self.left:
            raise BadFilter("The filter ends too early.")
        return self.left.pop(0)

    def _next_is(self, text: str) -> bool:
        if self.left and self.left[0].kind != "text" and self.left[0].text.lower() == text:
            self.left.pop(0)
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._next_is(text):
            raise BadFilter(f"'{text}' is missing.")


def _cased(value: object, how: str) -> object:
    if not isinstance(value, str):
        return value
    return value.lower() if how == "tolower" else value.upper()


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        raise BadFilter(f"'{text}' is no date.") from None
    from datetime import UTC

    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ordered(left: object, right: object, holds: Callable[[int], bool]) -> bool:
    """Numbers, times and texts in their own order; a text beside a time is read as one; nothing else compares."""
    if isinstance(left, str) and isinstance(right, datetime):
        left = _time(left)
    if isinstance(right, str) and isinstance(left, datetime):
        right = _time(right)
    if isinstance(left, (int, Decimal)) and isinstance(right, (int, Decimal)):
        return holds((left > right) - (left < right))
    if isinstance(left, str) and isinstance(right, str):
        return holds((left > right) - (left < right))
    if isinstance(left, datetime) and isinstance(right, datetime):
        return holds((left > right) - (left < right))
    return False
