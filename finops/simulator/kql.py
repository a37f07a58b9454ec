"""The part of Resource Graph's query language that we send, evaluated over plain rows.

    TABLE | where A and B or not (C) | project a, b = path | extend x = path | order by x desc | limit N
          | summarize count() by x | summarize n = count() by x | count | distinct x | project-away x

Conditions: == != =~ !~ in in~ !in !in~ has contains !contains startswith endswith, isempty() isnotempty() isnull()
isnotnull(). Values: 'text', numbers, true, false, paths such as properties.a.b, tags['CostCenter'], tostring(),
tolower(), toupper(), toint(), tobool(). Anything else is a BadQuery, as Azure answers 400.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Value = Callable[[Row], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>!?[A-Za-z_][\w-]*~?)"
    r"|(?P<mark>==|!=|=~|!~|<=|>=|[|,()=<>.\[\]]))"
)


class BadQuery(Exception):
    """What is wrong, and at which token."""

    def __init__(self, what: str, near: str = "<EOF>", position: int = 0) -> None:
        super().__init__(what)
        self.token = near
        self.position = position


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass
class Query:
    """A parsed query: the table and what is done to its rows, in order."""

    table: str
    steps: list[Callable[[list[Row]], list[Row]]] = field(default_factory=list)

    def run(self, rows: list[Row]) -> list[Row]:
        for step in self.steps:
            rows = step(rows)
        return rows


def parsed(text: str) -> Query:
    """The query that `text` says."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[Token]:
    text = re.sub(r"//[^\n]*", "", text)
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadQuery("The text cannot be read.", text[at:].strip()[:10], at)
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return found


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return bool(left == right)


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower()


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "=~": _same,
    "!~": lambda left, right: not _same(left, right),
    "<": lambda left, right: left is not None and left < right,
    "<=": lambda left, right: left is not None and left <= right,
    ">": lambda left, right: left is not None and left > right,
    ">=": lambda left, right: left is not None and left >= right,
    "has": lambda left, right: re.search(rf"(?<!\w){re.escape(_text(right))}(?!\w)", _text(left)) is not None,
    "contains": lambda left, right: _text(right) in _text(left),
    "!contains": lambda left, right: _text(right) not in _text(left),
    "startswith": lambda left, right: _text(left).startswith(_text(right)),
    "endswith": lambda left, right: _text(left).endswith(_text(right)),
}
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_CALLS: dict[str, Callable[[Any], Any]] = {
    "isempty": lambda value: value in _EMPTY,
    "isnotempty": lambda value: value not in _EMPTY,
    "isnull": lambda value: value is None,
    "isnotnull": lambda value: value is not None,
    "tostring": lambda value: "" if value is None else value if isinstance(value, str) else _json(value),
    "tolower": lambda value: str(value or "").lower(),
    "toupper": lambda value: str(value or "").upper(),
    "toint": lambda value: _number(value),
    "tobool": lambda value: None if value is None else str(value).lower() in {"true", "1"},
}


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._left = tokens

    def query(self) -> Query:
        query = Query(self._name().lower())
        while self._left:
            self._expect("|")
            query.steps.append(self._step())
        return query

    def _step(self) -> Callable[[list[Row]], list[Row]]:
        name = self._name().lower()
        if name == "where":
            test = self._either()
            return lambda rows: [row for row in rows if test(row)]
        if name in {"project", "extend", "distinct"}:
            columns = self._columns()
            if name == "project":
                return lambda rows: [{key: read(row) for key, read in columns.items()} for row in rows]
            if name == "extend":
                return lambda rows: [{**row, **{key: read(row) for key, read in columns.items()}} for row in rows]
            return lambda rows: _distinct(rows, columns)
        if name == "project-away":
            gone = set(self._columns())
            return lambda rows: [{key: value for key, value in row.items() if key not in gone} for row in rows]
        if name in {"order", "sort"}:
            return self._order()
        if name in {"limit", "take"}:
            most = int(self._take("number").text)
            return lambda rows: rows[:most]
        if name == "count":
            return lambda rows: [{"Count": len(rows)}]
        if name == "summarize":
            return self._summarize()
        raise BadQuery(f"'{name}' is no operator that is supported.", name)

    def _order(self) -> Callable[[list[Row]], list[Row]]:
        self._word("by")
        keys: list[tuple[Value, bool]] = []
        while True:
            value = self._value()
            # Kusto sorts descending unless told otherwise.
            descending = not self._next_is("asc")
            if descending:
                self._next_is("desc")
            keys.append((value, descending))
            if not self._next_is(","):
                break

        def ordered(rows: list[Row]) -> list[Row]:
            for value, descending in reversed(keys):
                rows = sorted(rows, key=lambda row: _rank(value(row)), reverse=descending)
            return rows

        return ordered

    def _summarize(self) -> Callable[[list[Row]], list[Row]]:
        name = self._name()
        label = "count_"
        if self._next_is("="):
            label, name = name, self._name()
        if name.lower() != "count":
            raise BadQuery(f"'summarize {name}' is not supported.", name)
        self._expect("(")
        self._expect(")")
        columns = self._columns() if self._next_is("by") else {}

        def counted(rows: list[Row]) -> list[Row]:
            groups: dict[str, Row] = {}
            for row in rows:
                group = {key: read(row) for key, read in columns.items()}
                held = groups.setdefault(repr(group), {**group, label: 0})
                held[label] += 1
            return list(groups.values()) if columns else [{label: len(rows)}]

        return counted

    def _columns(self) -> dict[str, Value]:
        """`a, b = path, tostring(c.d)`; without a name of its own a path is called by its parts, as Kusto does."""
        columns: dict[str, Value] = {}
        while True:
            start = self._left
            if len(start) > 1 and start[0].kind == "name" and start[1].text == "=":
                name = self._name()
                self._expect("=")
                columns[name] = self._value()
            else:
                value = self._value()
                used = start[: len(start) - len(self._left)]
                words = [token.text.strip("'\"") for token in used if token.kind in {"name", "text"}]
                called = len(used) > 1 and used[1].text == "("
                columns["_".join(words[1:] if called else words)] = value
            if not self._next_is(","):
                return columns

    def _either(self) -> Value:
        tests = [self._both()]
        while self._next_is("or"):
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Value:
        tests = [self._one()]
        while self._next_is("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Value:
        if self._next_is("not"):
            self._expect("(")
            inner = self._either()
            self._expect(")")
            return lambda row: not inner(row)
        if self._next_is("("):
            inner = self._either()
            self._expect(")")
            return inner
        left = self._value()
        if not self._left or self._left[0].text in {"|", ")"} or self._left[0].text.lower() in {"and", "or"}:
            return left
        operator = self._take()
        word = operator.text.lower()
        if word in {"in", "in~", "!in", "!in~"}:
            return self._is_in(left, word)
        if word not in _COMPARE:
            raise BadQuery(f"'{operator.text}' is no comparison that is supported.", operator.text, operator.at)
        compare, right = _COMPARE[word], self._value()
        return lambda row: compare(left(row), right(row))

    def _is_in(self, left: Value, word: str) -> Value:
        self._expect("(")
        choices = [self._value()]
        while self._next_is(","):
            choices.append(self._value())
        self._expect(")")
        equal = _same if word.endswith("~") else _COMPARE["=="]
        wanted = not word.startswith("!")
        return lambda row: any(equal(left(row), choice(row)) for choice in choices) == wanted

    def _value(self) -> Value:
        token = self._take()
        if token.kind == "text":
            text = re.sub(r"\\(.)", r"\1", token.text[1:-1])
            return lambda row: text
        if token.kind == "number":
            number = float(token.text) if "." in token.text else int(token.text)
            return lambda row: number
        low = token.text.lower()
        if token.kind != "name":
            raise BadQuery(f"'{token.text}' was not expected.", token.text, token.at)
        if low in {"true", "false"}:
            return lambda row: low == "true"
        if self._left and self._left[0].text == "(":
            return self._call(low, token)
        return self._path(token.text)

    def _call(self, name: str, token: Token) -> Value:
        if name not in _CALLS:
            raise BadQuery(f"The function '{token.text}' is not supported.", token.text, token.at)
        self._expect("(")
        inner = self._value()
        self._expect(")")
        call = _CALLS[name]
        return lambda row: call(inner(row))

    def _path(self, first: str) -> Value:
        steps: list[str] = []
        while self._left and self._left[0].text in {".", "["}:
            if self._take().text == ".":
                steps.append(self._name())
            else:
                inside = self._take()
                steps.append(inside.text.strip("'\""))
                self._expect("]")

        def read(row: Row) -> Any:
            # A column's letter case does not matter in Resource Graph; a property's does.
            value = row.get(first, next((row[key] for key in row if key.lower() == first.lower()), None))
            for step in steps:
                if isinstance(value, list):
                    value = value[int(step)] if step.isdigit() and int(step) < len(value) else None
                else:
                    value = value.get(step) if isinstance(value, Mapping) else None
            return value

        return read

    def _take(self, kind: str = "") -> Token:
        if not self._left:
            raise BadQuery("The query ends too early.")
        token, self._left = self._left[0], self._left[1:]
        if kind and token.kind != kind:
            raise BadQuery(f"A {kind} was expected.", token.text, token.at)
        return token

    def _name(self) -> str:
        return self._take("name").text

    def _word(self, text: str) -> None:
        if not self._next_is(text):
            token = self._left[0] if self._left else Token("", "<EOF>", 0)
            raise BadQuery(f"'{text}' was expected.", token.text, token.at)

    _expect = _word

    def _next_is(self, text: str) -> bool:
        if self._left and self._left[0].kind != "text" and self._left[0].text.lower() == text:
            # A new list: `_columns` keeps the old one to see what it has read.
            self._left = self._left[1:]
            return True
        return False


def _distinct(rows: list[Row], columns: dict[str, Value]) -> list[Row]:
    seen: dict[str, Row] = {}
    for row in rows:
        shown = {key: read(row) for key, read in columns.items()}
        seen.setdefault(repr(shown), shown)
    return list(seen.values())


def _rank(value: Any) -> tuple[int, Any]:
    """Nulls first, then numbers, then texts in lower case."""
    if value is None:
        return (0, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, _text(value))


def _json(value: Any) -> str:
    import json

    return json.dumps(value, separators=(",", ":"))


def _number(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
