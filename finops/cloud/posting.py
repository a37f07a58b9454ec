"""Mail through Microsoft's services: Graph's sendMail, Azure Communication Services, and tokens for a mail server.

    POST {graph}/v1.0/users/{user}/sendMail      text/plain: the whole mail in base64; 202, and a copy in Sent Items
    GET  {graph}/v1.0/users/{user}/mailFolders/sentitems/messages?$filter=internetMessageId eq '<id>'
    POST {acs}/emails:send?api-version=2025-09-01   Operation-Id: ours; 202, then
    GET  {acs}/emails/operations/{id}               NotStarted, Running, Succeeded, Failed, Canceled

https://learn.microsoft.com/graph/api/user-sendmail, https://learn.microsoft.com/rest/api/communication/email/email/send
A POST whose answer is lost is never sent again here (`lost` in finops.cloud.retry): the outbox asks first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from finops.errors import AzureError, SignInError

from .calls import parsed
from .retry import lost
from .shapes import Json, an_object, items_of

if TYPE_CHECKING:
    from .gateway import Azure

ACS_VERSION = "2025-09-01"  # azure-communication-email 1.1.0


def token_of(azure: Azure, scope: str) -> str:
    """A token of our identity for `scope`, such as a mail server's."""
    return azure.tokens.get_token(scope).token


def send_mime(azure: Azure, user: str, content: bytes) -> None:
    """Hand Graph a whole mail; it goes to everybody in To, Cc and Bcc."""
    azure.send(
        "directory", "POST", _mailbox(azure, user) + "/sendMail", None, content=base64.b64encode(content),
        headers={"Content-Type": "text/plain"}, scope="directory", doing=f"a mail from {user}", patient=True,
    )  # fmt: skip


def was_sent(azure: Azure, user: str, message_id: str) -> bool:
    """Whether the mail is among the sent ones."""
    asked = quote(f"internetMessageId eq '{message_id.replace(chr(39), 2 * chr(39))}'")
    url = f"{_mailbox(azure, user)}/mailFolders/sentitems/messages?$filter={asked}&$select=id,internetMessageId"
    doing = f"the sent mails of {user}"
    answer = azure.send("directory", "GET", url, None, read=True, scope="directory", doing=doing)
    found = items_of(answer.json, "value", doing)
    return any(str(one.get("internetMessageId", "")) == message_id for one in found)


def send_email(azure: Azure, endpoint: str, key: str | None, operation: str, body: Json) -> str:
    """Hand Azure Communication Services a mail as operation `operation`: its status."""
    url = f"{_acs(azure, endpoint)}/emails:send?api-version={ACS_VERSION}"
    return _status(_call(azure, "POST", url, key, json.dumps(body).encode(), {"Operation-Id": operation}, "a mail"))


def email_status(azure: Azure, endpoint: str, key: str | None, operation: str) -> tuple[str, str]:
    """The status of an operation and, where it failed, why. NotFound when there is none."""
    url = f"{_acs(azure, endpoint)}/emails/operations/{quote(operation, safe='')}?api-version={ACS_VERSION}"
    told = _call(azure, "GET", url, key, b"", {}, "what became of a mail")
    error = told.get("error")
    words = f"{error.get('code', '')}: {error.get('message', '')}" if isinstance(error, dict) else ""
    return _status(told), words


def _call(
    azure: Azure, method: str, url: str, key: str | None, content: bytes, headers: dict[str, str], doing: str
) -> Json:
    service = "email"
    if key is not None:
        service = "email-signed"
        headers = headers | _signed(azure, method, url, key, content)
    if content:
        headers = headers | {"Content-Type": "application/json"}
    try:
        answer = azure.send(
            service, method, url, None, content=content or None, read=method == "GET", scope="email", doing=doing,
            headers=headers, patient=True,
        )  # fmt: skip
    except SignInError as fault:
        # A wrong key, or an identity that is a stranger there, is no reason to stop reading Azure.
        owner = "Give finops' identity the role 'Communication and Email Service Owner'."
        fix = "Check mail.acs.access_key." if key else owner
        raise AzureError(fault.what, fix, fault.status, fault.code or "EmailSignIn") from fault
    if not content:
        return an_object(answer.json, doing)
    try:
        return an_object(parsed(answer.body, exact=False), doing)
    except ValueError as fault:
        raise lost(doing, f"it is not JSON: {fault}") from fault


def _signed(azure: Azure, method: str, url: str, key: str, content: bytes) -> dict[str, str]:
    """https://learn.microsoft.com/azure/azure-app-configuration/rest-api-authentication-hmac, as ACS takes it."""
    parts = urlsplit(url)
    date = format_datetime(azure.time.now(), usegmt=True)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    words = f"{method}\n{path}\n{date};{parts.netloc};{digest}"
    try:
        secret = base64.b64decode(key, validate=True)
    except ValueError:
        raise AzureError("mail.acs.access_key is no key.", "Copy it from the resource's page, Keys.") from None
    signature = base64.b64encode(hmac.new(secret, words.encode(), hashlib.sha256).digest()).decode()
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
    }


def _status(told: Json) -> str:
    return str(told.get("status", ""))


def _mailbox(azure: Azure, user: str) -> str:
    return f"{azure.cloud.directory}/v1.0/users/{quote(user, safe='@')}"


def _acs(azure: Azure, endpoint: str) -> str:
    """Where the resource answers: a local server stands for it as for all of Azure."""
    return f"{azure.cloud.local}/acs" if azure.cloud.local else endpoint.rstrip("/")
