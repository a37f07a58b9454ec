"""Template functions on text."""

from __future__ import annotations

from typing import Any

from finops.conditions.functions.arguments import a_list, a_text, an_int, refuse
from finops.conditions.functions.dotnet import composite
from finops.conditions.scope import TemplateError
from finops.conditions.values import fold, is_number, text_of

LONGEST = 131072  # characters that a function may return: Azure's limit during evaluation


def concat(*parts: Any) -> Any:
    """Arrays become one array, everything else one text."""
    if any(isinstance(part, list) for part in parts):
        return [each for part in parts for each in a_list("concat", part)]
    for part in parts:
        if part is None or isinstance(part, dict):
            raise refuse("concat", "text or arrays", part)
    return _bounded("".join(text_of(part) for part in parts))


def _bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise TemplateError(f"a text of {len(text)} characters is longer than Azure's limit of {LONGEST}")
    return text


def to_lower(value: Any) -> str:
    return a_text("toLower", value).lower()


def to_upper(value: Any) -> str:
    return a_text("toUpper", value).upper()


def trim(value: Any) -> str:
    return a_text("trim", value).strip()


def replace(value: Any, old: Any, new: Any) -> str:
    if not a_text("replace", old):
        raise TemplateError("replace() cannot look for an empty text")
    return _bounded(a_text("replace", value).replace(old, a_text("replace", new)))


def substring(value: Any, start: Any, length: Any = None) -> str:
    whole, first = a_text("substring", value), an_int("substring", start)
    count = len(whole) - first if length is None else an_int("substring", length)
    if first < 0 or count < 0 or first + count > len(whole):
        raise TemplateError(f"substring() of {first} and {count} lies outside a text of {len(whole)} characters")
    return whole[first : first + count]


def split(value: Any, delimiter: Any) -> list[str]:
    """The parts of a text between one delimiter, or any of several."""
    whole = a_text("split", value)
    marks = [a_text("split", each) for each in (delimiter if isinstance(delimiter, list) else [delimiter])]
    marks = sorted((mark for mark in marks if mark), key=len, reverse=True)
    if not marks:
        return [whole]
    parts, start, at = [], 0, 0
    while at < len(whole):
        mark = next((mark for mark in marks if whole.startswith(mark, at)), None)
        if mark is None:
            at += 1
        else:
            parts.append(whole[start:at])
            at = start = at + len(mark)
    return [*parts, whole[start:]]


def join(values: Any, delimiter: Any) -> str:
    return _bounded(a_text("join", delimiter).join(text_of(each) for each in a_list("join", values)))


def starts_with(value: Any, head: Any) -> bool:
    return fold(a_text("startsWith", value)).startswith(fold(a_text("startsWith", head)))


def ends_with(value: Any, tail: Any) -> bool:
    return fold(a_text("endsWith", value)).endswith(fold(a_text("endsWith", tail)))


def index_of(value: Any, needle: Any) -> int:
    """Where it first stands, case aside; an array is searched for an equal member. -1 where it does not."""
    if isinstance(value, list):
        return next((at for at, each in enumerate(value) if type(each) is type(needle) and each == needle), -1)
    whole, places = _folded(a_text("indexOf", value))
    found = whole.find(fold(a_text("indexOf", needle)))
    return -1 if found < 0 else places[found]


def last_index_of(value: Any, needle: Any) -> int:
    if isinstance(value, list):
        return max((at for at, each in enumerate(value) if type(each) is type(needle) and each == needle), default=-1)
    whole, places = _folded(a_text("lastIndexOf", value))
    found = whole.rfind(fold(a_text("lastIndexOf", needle)))
    return -1 if found < 0 else places[found]


def _folded(text: str) -> tuple[str, list[int]]:
    """The text without case, and where each of its characters came from ("ß" becomes "ss")."""
    folded, places = "", []
    for at, character in enumerate(text):
        piece = fold(character)
        folded += piece
        places += [at] * len(piece)
    return folded, [*places, len(text)]


def pad_left(value: Any, width: Any, character: Any = " ") -> str:
    text = text_of(value) if is_number(value) else a_text("padLeft", value)
    fill = a_text("padLeft", character)
    if len(fill) != 1:
        raise refuse("padLeft", "one character to pad with", character)
    size = an_int("padLeft", width)
    if size > LONGEST:
        raise TemplateError(f"padLeft() to {size} is longer than Azure's limit of {LONGEST}")
    return text.rjust(size, fill)


def string(value: Any) -> str:
    return text_of(value)


def format_text(template: Any, *args: Any) -> str:
    return _bounded(composite(a_text("format", template), args))


FUNCTIONS = {
    "concat": (concat, 0, 128),
    "endsWith": (ends_with, 2, 2),
    "format": (format_text, 1, 128),
    "indexOf": (index_of, 2, 2),
    "join": (join, 2, 2),
    "lastIndexOf": (last_index_of, 2, 2),
    "padLeft": (pad_left, 2, 3),
    "replace": (replace, 3, 3),
    "split": (split, 2, 2),
    "startsWith": (starts_with, 2, 2),
    "string": (string, 1, 1),
    "substring": (substring, 2, 3),
    "toLower": (to_lower, 1, 1),
    "toUpper": (to_upper, 1, 1),
    "trim": (trim, 1, 1),
}
