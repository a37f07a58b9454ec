"""Azure's refusals read: the shapes its services use, turned into our errors with what to do about them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from finops.errors import AccessDenied, AzureError, NotFound, SignInError, TemporaryError

from .permissions import missing_permission

LONGEST_MESSAGE = 600
# 404s that speak of the address, the version or the provider, and prove nothing about the resource.
NOT_ABSENCE = {
    "invalidresourcetype",
    "noregisteredproviderfound",
    "invalidapiversionparameter",
    "missingapiversionparameter",
}
# 403s in which a rule of the organisation says no, whatever the identity may do.
POLICY_CODES = {"requestdisallowedbypolicy", "disallowedbypolicy"}
BUSY = {408, 429, 500, 502, 503, 504, 529}  # 529: Monitor's "overloaded"

_SECRETS = re.compile(
    r"(?i)\b(sig|access_token|refresh_token|client_secret|password|accountkey|sharedaccesskey)=[^&;\s\"'<>]+"
    r"|\bBearer\s+[\w.~+/=-]+|\beyJ[\w.-]{20,}"
)


@dataclass(frozen=True)
class Fault:
    """Azure's own words: `code` and `message`, and whether the answer was in a shape that Azure uses."""

    code: str
    message: str
    by_azure: bool


def printable(text: str) -> str:
    """`text` on one line, without signatures, tokens and control characters, and not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    clean = _SECRETS.sub(lambda found: f"{found.group(1)}=(hidden)" if found.group(1) else "(hidden)", line)
    return clean if len(clean) <= LONGEST_MESSAGE else clean[: LONGEST_MESSAGE - 3] + "..."


def read_fault(body: bytes) -> Fault:
    """What the body of a refused call says.

    Shapes seen (recorded bodies): {"error": {code, message, details}}, flat {code, message}, {"errors": [...]},
    JSON inside a JSON string, OData's {"odata.error": {..., "message": {"value"}}}, XML, HTML, plain text, nothing.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    if not text:
        return Fault("", "", by_azure=False)
    try:
        found = json.loads(text)
        if isinstance(found, str):
            found = json.loads(found)
    except (ValueError, RecursionError):
        return _from_markup(text)
    return _from_json(found) or Fault("", printable(text), by_azure=False)


def azure_error(
    status: int, headers: Mapping[str, str], body: bytes, *, doing: str, method: str, path: str, sign_in_fix: str
) -> AzureError:
    """The error for a call that Azure answered with `status` (no retry left)."""
    fault = read_fault(body)
    said = f": {fault.message}" if fault.message else ""
    code = f" {fault.code}" if fault.code and fault.code != str(status) else ""
    what = f"Azure refused {doing} ({status}{code}){said}"
    if not what.endswith((".", "!", "?")):
        what += "."
    lower = fault.code.lower()
    if status == 401:
        return SignInError(what, sign_in_fix, status, fault.code)
    if status == 403 and lower in POLICY_CODES:
        return AzureError(
            what, "Change the request so that the policy allows it, or ask for an exemption.", status, fault.code
        )
    if status == 403:
        return AccessDenied(what, missing_permission(fault.message, method, path), status, fault.code)
    if status == 404 and fault.by_azure and lower not in NOT_ABSENCE:
        return NotFound(what, "Check the name; it may have been deleted or renamed.", status, fault.code)
    if status == 404 and not fault.by_azure:
        return AzureError(
            what, "This 404 does not come from Azure's API: check proxies and azure.endpoint.", status, "NotAzure"
        )
    if status == 409 and lower == "scopelocked":
        return AzureError(what, "A lock protects it. Locks are never removed by finops.", status, fault.code)
    if status == 412:
        return AzureError(what, "It changed since it was read. Read it again.", status, fault.code)
    if status in BUSY:
        return TemporaryError(what, f"Try again in some minutes.{_request_id(headers)}", status, fault.code)
    if 300 <= status < 400:
        where = printable(next((value for name, value in headers.items() if name.lower() == "location"), "nowhere"))
        return AzureError(
            f"{doing} was redirected ({status}) to {where.partition('?')[0]}. It was not followed.",
            "Azure's management API does not redirect: check proxies and azure.endpoint.",
            status,
            "Redirected",
        )
    return AzureError(what, f"Mend what Azure names and run it again.{_request_id(headers)}", status, fault.code)


def _request_id(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() in {"x-ms-request-id", "x-ms-correlation-request-id"}:
            return f" Azure support can look up request {printable(value)}."
    return ""


def _from_json(found: Any) -> Fault | None:
    if not isinstance(found, dict):
        return None
    inner: Any = found.get("error") or found.get("odata.error") or found.get("Error")
    if inner is None and isinstance(found.get("errors"), list) and found["errors"]:
        inner = found["errors"][0]
    if isinstance(inner, str):  # OAuth: {"error": "invalid_grant", "error_description": ...}
        return Fault(inner, printable(str(found.get("error_description") or found.get("message") or "")), by_azure=True)
    if inner is None:
        inner = found
    if not isinstance(inner, dict):
        return None
    code, message = _first(inner, "code", "Code"), _first(inner, "message", "Message")
    if isinstance(message, dict):
        message = message.get("value")
    if not code and not message:
        return None
    nested = _nested(message)
    if nested is not None:
        return nested
    parts = [str(message or "").strip()]
    for detail in inner.get("details") or []:
        said = _first(detail, "message", "Message") if isinstance(detail, dict) else None
        if said and str(said) not in parts[0]:
            parts.append(f"{_first(detail, 'code', 'Code') or 'detail'}: {said}")
    return Fault(str(code or ""), printable(" ".join(part for part in parts if part)), by_azure=True)


def _nested(message: Any) -> Fault | None:
    """A message that is itself an error body as JSON text."""
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return None
    try:
        return _from_json(json.loads(message))
    except (ValueError, RecursionError):
        return None


def _from_markup(text: str) -> Fault:
    code, message = (re.search(rf"<{name}>(.*?)</{name}>", text, re.S | re.I) for name in ("Code", "Message"))
    if code and message:  # storage's XML
        return Fault(printable(unescape(code[1])), printable(unescape(message[1])), by_azure=True)
    title = re.search(r"<(title|h1)[^>]*>(.*?)</\1>", text, re.S | re.I)
    if title:
        return Fault("", f"a web page titled '{printable(unescape(title[2]))}'", by_azure=False)
    if text.lstrip().startswith("<"):
        return Fault("", "a web page", by_azure=False)
    return Fault("", printable(text), by_azure=False)


def _first(found: dict[str, Any], *names: str) -> Any:
    return next((found[name] for name in names if found.get(name)), None)
