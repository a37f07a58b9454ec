"""Template functions on arrays and objects."""

from __future__ import annotations

from typing import Any

from finops.conditions.functions.arguments import a_list, an_int, refuse
from finops.conditions.scope import TemplateError
from finops.conditions.values import fold, identical, kind, shown, text_of

RANGE_LIMIT = 10_000  # members of one range()
INT32_MAX = 2_147_483_647


def array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def create_array(*values: Any) -> list[Any]:
    return list(values)


def create_object(*pairs: Any) -> dict[str, Any]:
    if len(pairs) % 2:
        raise TemplateError(f"createObject() expected an even number of arguments, not {len(pairs)}")
    return {text_of(pairs[at]): pairs[at + 1] for at in range(0, len(pairs), 2)}


def length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise refuse("length", "text, an array or an object", value)
    return len(value)


def empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def first(value: Any) -> Any:
    return _end("first", value, 0)


def last(value: Any) -> Any:
    return _end("last", value, -1)


def _end(name: str, value: Any, at: int) -> Any:
    if not isinstance(value, str | list):
        raise refuse(name, "text or an array", value)
    return value[at] if value else "" if isinstance(value, str) else None


def take(value: Any, count: Any) -> Any:
    if not isinstance(value, str | list):
        raise refuse("take", "text or an array", value)
    return value[: max(an_int("take", count), 0)]


def skip(value: Any, count: Any) -> Any:
    if not isinstance(value, str | list):
        raise refuse("skip", "text or an array", value)
    return value[max(an_int("skip", count), 0) :]


def contains(container: Any, item: Any) -> bool:
    """Whether a text has the text, an array the member, an object the key (whose case does not matter)."""
    if isinstance(container, str):
        return text_of(item) in container
    if isinstance(container, list):
        return any(identical(each, item) for each in container)
    if isinstance(container, dict):
        key = fold(text_of(item))
        return any(fold(each) == key for each in container)
    raise refuse("contains", "text, an array or an object", container)


def intersection(*values: Any) -> Any:
    if all(isinstance(value, dict) for value in values):
        return {k: v for k, v in values[0].items() if all(k in other and identical(other[k], v) for other in values)}
    lists = [a_list("intersection", value) for value in values]
    return _distinct([v for v in lists[0] if all(any(identical(v, each) for each in other) for other in lists[1:])])


def union(*values: Any) -> Any:
    """Arrays become one without repeats. Objects are merged, the later one wins, arrays within are replaced."""
    if all(isinstance(value, dict) for value in values):
        merged: dict[str, Any] = {}
        for value in values:
            merged = _merged(merged, value)
        return merged
    return _distinct([each for value in values for each in a_list("union", value)])


def _merged(older: dict[str, Any], newer: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(older[key], value) if isinstance(value, dict) and isinstance(older.get(key), dict) else value
        for key, value in newer.items()
    }
    return {**older, **both}


def _distinct(values: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for value in values:
        if not any(identical(value, each) for each in kept):
            kept.append(value)
    return kept


def number_range(start: Any, count: Any) -> list[int]:
    first, size = an_int("range", start), an_int("range", count)
    if size < 0:
        raise refuse("range", "a count of 0 or more", count)
    if size > RANGE_LIMIT:
        raise TemplateError(f"range() of {size} exceeds maximum of {RANGE_LIMIT}")
    if first + size > INT32_MAX:
        raise TemplateError(f"range() to {first + size} exceeds maximum of {INT32_MAX}")
    return list(range(first, first + size))


def items(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        raise refuse("items", "an object", value)
    return [{"key": key, "value": value[key]} for key in sorted(value)]


def object_keys(value: Any) -> list[str]:
    if not isinstance(value, dict):
        raise refuse("objectKeys", "an object", value)
    return list(value)


def shallow_merge(values: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in a_list("shallowMerge", values):
        if not isinstance(each, dict):
            raise refuse("shallowMerge", "an array of objects", each)
        merged |= each
    return merged


def flatten(values: Any) -> list[Any]:
    return [each for value in a_list("flatten", values) for each in a_list("flatten", value)]


def try_get(value: Any, *keys: Any) -> Any:
    for key in keys:
        try:
            value = member(value, key)
        except TemplateError:
            return None
    return value


def member(value: Any, key: Any) -> Any:
    """`value.key` or `value[key]`; the case of a key does not matter."""
    if isinstance(value, dict):
        if isinstance(key, str):
            if key in value:
                return value[key]
            low = fold(key)
            for name, found in value.items():
                if fold(name) == low:
                    return found
        raise TemplateError(f"there is no property {shown(key)} (there are: {', '.join(sorted(value)) or 'none'})")
    if isinstance(value, list) and not isinstance(key, str):
        at = an_int("an index", key)
        if 0 <= at < len(value):
            return value[at]
        raise TemplateError(f"there is no member {at} in an array of {len(value)}")
    raise TemplateError(f"{kind(value)} {shown(value)} has no property {shown(key)}")


def index_from_end(values: Any, index: Any) -> Any:
    """The last member is 1, as with ^1."""
    found, at = a_list("indexFromEnd", values), an_int("indexFromEnd", index)
    if not 1 <= at <= len(found):
        raise TemplateError(f"indexFromEnd() of {at} is out of bounds in an array of {len(found)}")
    return found[-at]


def try_index_from_end(values: Any, index: Any) -> Any:
    try:
        return index_from_end(values, index)
    except TemplateError:
        return None


FUNCTIONS = {
    "array": (array, 1, 1),
    "contains": (contains, 2, 2),
    "createArray": (create_array, 0, 128),
    "createObject": (create_object, 0, 128),
    "empty": (empty, 1, 1),
    "first": (first, 1, 1),
    "flatten": (flatten, 1, 1),
    "indexFromEnd": (index_from_end, 2, 2),
    "intersection": (intersection, 2, 128),
    "items": (items, 1, 1),
    "last": (last, 1, 1),
    "length": (length, 1, 1),
    "objectKeys": (object_keys, 1, 1),
    "range": (number_range, 2, 2),
    "shallowMerge": (shallow_merge, 1, 1),
    "skip": (skip, 2, 2),
    "take": (take, 2, 2),
    "tryGet": (try_get, 2, 128),
    "tryIndexFromEnd": (try_index_from_end, 2, 2),
    "union": (union, 1, 128),
}
