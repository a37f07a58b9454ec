"""Template functions that encode and decode: base64, data URIs, URI parts."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from urllib.parse import quote, unquote, urljoin

from finops.conditions.functions.arguments import a_text, refuse
from finops.conditions.scope import TemplateError

DATA = "data:text/plain;charset=utf8;base64,"


def to_base64(value: Any) -> str:
    return base64.b64encode(a_text("base64", value).encode()).decode()


def base64_to_string(value: Any) -> str:
    return _decoded("base64ToString", a_text("base64ToString", value))


def base64_to_json(value: Any) -> Any:
    return json_of("base64ToJson", _decoded("base64ToJson", a_text("base64ToJson", value)))


def _decoded(name: str, text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as fault:
        raise refuse(name, "base64 of UTF-8 text", text) from fault


def json_of(name: str, text: str) -> Any:
    """The JSON value that `text` spells."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise TemplateError(f"{name}() cannot read its argument as JSON: {fault}") from fault


def from_json(value: Any) -> Any:
    return json_of("json", a_text("json", value))


def data_uri(value: Any) -> str:
    return DATA + to_base64(a_text("dataUri", value))


def data_uri_to_string(value: Any) -> str:
    head, comma, data = a_text("dataUriToString", value).partition(",")
    if not comma or not head.lower().startswith("data:"):
        raise refuse("dataUriToString", "a data: URI", value)
    return _decoded("dataUriToString", data) if head.lower().endswith(";base64") else unquote(data)


def uri(base: Any, relative: Any) -> str:
    return urljoin(a_text("uri", base), a_text("uri", relative))


def uri_component(value: Any) -> str:
    return quote(a_text("uriComponent", value), safe="")


def uri_component_to_string(value: Any) -> str:
    return unquote(a_text("uriComponentToString", value))


FUNCTIONS = {
    "base64": (to_base64, 1, 1),
    "base64ToJson": (base64_to_json, 1, 1),
    "base64ToString": (base64_to_string, 1, 1),
    "dataUri": (data_uri, 1, 1),
    "dataUriToString": (data_uri_to_string, 1, 1),
    "json": (from_json, 1, 1),
    "uri": (uri, 2, 2),
    "uriComponent": (uri_component, 1, 1),
    "uriComponentToString": (uri_component_to_string, 1, 1),
}
