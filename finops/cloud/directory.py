"""People in Microsoft Graph: whether an account still exists. Graph has an audience of its own, next to ARM's.

    GET https://graph.microsoft.com/v1.0/users/{object id or address}?$select=id,userPrincipalName,accountEnabled

asked 20 at a time by POST /v1.0/$batch, in which each has its own status. A local server answers the same below
`/graph`. Only 404 with the code `Request_ResourceNotFound` says that somebody is gone. An identity without the
application role User.Read.All (or Directory.Read.All) gets 403 `Authorization_RequestDenied`.
https://learn.microsoft.com/graph/api/user-get, https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from finops.errors import AccessDenied, AzureError, NotFound, SignInError

from .faults import BUSY, azure_error
from .shapes import Json, an_object, items_of, odd

if TYPE_CHECKING:
    from .gateway import Azure

GONE = "request_resourcenotfound"
FIX = "Give finops' identity the application role User.Read.All in Microsoft Graph."
TOGETHER = 20  # requests in one batch (json-batching)
FIELDS = "$select=id,userPrincipalName,accountEnabled"


def users(azure: Azure, whos: Sequence[str]) -> dict[str, Json | AzureError | None]:
    """The account of each object id or address: None when the directory says that there is none, else why not known."""
    found: dict[str, Json | AzureError | None] = {}
    for start in range(0, len(whos), TOGETHER):
        found |= _batch(azure, whos[start : start + TOGETHER])
    return found


def _batch(azure: Azure, whos: Sequence[str]) -> dict[str, Json | AzureError | None]:
    asked = {str(number): who for number, who in enumerate(whos)}
    body = {"requests": [{"id": name, "method": "GET", "url": _path(who)} for name, who in asked.items()]}
    doing = f"{len(asked)} accounts"
    url = f"{azure.cloud.directory}/v1.0/$batch"
    try:
        answer = azure.send("directory", "POST", url, None, body=body, read=True, scope="directory", doing=doing)
    except SignInError as fault:
        # Who may read Azure may still be a stranger to Graph: that is no reason to read nothing.
        raise AzureError(fault.what, fault.fix, fault.status, fault.code or "DirectorySignIn") from fault
    told = {str(one.get("id")): one for one in items_of(answer.json, "responses", doing)}
    return {who: _one(azure, who, told.get(name)) for name, who in asked.items()}


def _one(azure: Azure, who: str, told: Json | None) -> Json | AzureError | None:
    doing = f"the account {who}"
    status: Any = (told or {}).get("status")
    if told is None or not isinstance(status, int):
        return odd(doing, "was left out of the batch")
    if status == 200:
        return an_object(told.get("body"), doing)
    try:
        if status in BUSY:
            return _again(azure, who)
        raise azure_error(
            status, {}, json.dumps(told.get("body")).encode(),
            doing=doing, method="GET", path="/users", sign_in_fix=azure.sign_in_fix,
        )  # fmt: skip
    except AzureError as fault:
        return None if isinstance(fault, NotFound) and fault.code.lower() == GONE else _said(fault)


def _again(azure: Azure, who: str) -> Json:
    """One that was throttled or broken within a batch, by itself: then it is retried like any call."""
    url = f"{azure.cloud.directory}/v1.0{_path(who)}"
    doing = f"the account {who}"
    answer = azure.send("directory", "GET", url, None, read=True, scope="directory", doing=doing)
    return an_object(answer.json, doing)


def _said(fault: AzureError) -> AzureError:
    if isinstance(fault, NotFound):
        return AzureError(fault.what, "This 404 does not say that the account is gone.", 404, fault.code)
    if isinstance(fault, SignInError):
        return AzureError(fault.what, fault.fix, fault.status, fault.code)
    return AccessDenied(fault.what, FIX, fault.status, fault.code) if isinstance(fault, AccessDenied) else fault


def _path(who: str) -> str:
    return f"/users/{quote(who, safe='@')}?{FIELDS}"
