"""People in Microsoft Graph: whether an account still exists. Graph has an audience of its own, next to ARM's.

    GET https://graph.microsoft.com/v1.0/users/{object id or address}?$select=id,userPrincipalName,accountEnabled

A local server answers the same below `/graph`: GET {endpoint}/graph/v1.0/users/{id}. Only 404 with the code
`Request_ResourceNotFound` says that somebody is gone; 403 `Authorization_RequestDenied` is what an identity without the
application role User.Read.All (or Directory.Read.All) gets.
https://learn.microsoft.com/graph/api/user-get
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from finops.errors import AccessDenied, AzureError, NotFound

from .shapes import Json, an_object

if TYPE_CHECKING:
    from .gateway import Azure

GONE = "request_resourcenotfound"
FIX = "Give finops' identity the application role User.Read.All in Microsoft Graph."


def user(azure: Azure, who: str) -> Json | None:
    """The account of an object id or an address, None when the directory itself says that there is none."""
    if not who or set(who) & set("/?#\\"):
        raise AzureError(f"{who!r} is no account.", "Ids come from Azure; this one was altered.", code="OddAccount")
    doing = f"the account {who}"
    url = f"{azure.cloud.directory}/v1.0/users/{quote(who, safe='@')}"
    params = {"$select": "id,userPrincipalName,accountEnabled"}
    try:
        answer = azure.send("directory", "GET", url, None, params=params, read=True, scope="directory", doing=doing)
    except NotFound as fault:
        if fault.code.lower() == GONE:
            return None
        raise AzureError(fault.what, "This 404 does not say that the account is gone.", 404, fault.code) from fault
    except AccessDenied as fault:
        raise AccessDenied(fault.what, FIX, fault.status, fault.code) from fault
    return an_object(answer.json, doing)
