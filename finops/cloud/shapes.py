"""Whether a body is what it should be. A body that is not is an error, never an empty answer."""

from __future__ import annotations

from typing import Any

from finops.errors import AzureError

TYPE_NAMES = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false"}

Json = dict[str, Any]

FIX = "Run it again; if it stays, something between here and Azure changes the answers (a proxy?)."


def odd(doing: str, what: str) -> AzureError:
    """The error for an answer that cannot be right."""
    return AzureError(f"Azure's answer to {doing} {what}.", FIX, code="OddAnswer")


def an_object(body: Any, doing: str) -> Json:
    """`body` as a JSON object."""
    if not isinstance(body, dict):
        raise odd(doing, f"is {TYPE_NAMES.get(type(body), 'nothing')} where an object was due")
    return body


def items_of(body: Any, key: str, doing: str) -> list[Json]:
    """The list under `key`. A body without it is an error: `{}` proves nothing, least of all that nothing is there."""
    page = an_object(body, doing)
    if key not in page:
        raise odd(doing, f"has no '{key}' (it has {', '.join(sorted(page)[:6]) or 'nothing'})")
    items = page[key]
    if not isinstance(items, list):
        raise odd(doing, f"holds {TYPE_NAMES.get(type(items), 'nothing')} in '{key}' where a list was due")
    for item in items:
        if not isinstance(item, dict):
            raise odd(doing, f"holds {TYPE_NAMES.get(type(item), 'nothing')} among the items of '{key}'")
    return items


def link_of(body: Json, key: str, doing: str) -> str | None:
    """The next page's address under `key`, None on the last page."""
    link = body.get(key)
    if link is None or link == "":
        return None
    if not isinstance(link, str):
        raise odd(doing, f"holds {TYPE_NAMES.get(type(link), 'nothing')} in '{key}' where an address was due")
    return link
