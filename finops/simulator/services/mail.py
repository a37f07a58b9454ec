"""Mail: Microsoft Graph's sendMail and Sent Items, and Azure Communication Services' emails:send. Nothing leaves.

What was sent lies at GET /simulator/mail. POST /simulator/mail {"refused": [...], "fails": [...], "slow": 2} names
addresses that are refused at once, addresses whose operation fails later, and how often one is asked after an
operation before it is done.
https://learn.microsoft.com/graph/api/user-sendmail, https://learn.microsoft.com/rest/api/communication/email/email
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from email.utils import getaddresses
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, ok, origin, shaped
from finops.simulator.store import Json
from finops.simulator.world import World

GRAPH = "/graph/v1.0/users/{user}"
SEND = frozenset({"mail.send"})
READ = frozenset({"mail.read", "mail.readwrite", "mail.readbasic.all"})
LARGEST = 4 * 1024 * 1024  # bytes of a request to Graph
BY_ID = re.compile(r"\s*internetMessageId eq '((?:[^']|'')*)'\s*", re.IGNORECASE)


@dataclass
class Mails:
    """What was sent, and who takes nothing."""

    sent: list[Json] = field(default_factory=list)
    operations: dict[str, Json] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    slow: int = 0


def routes(world: World) -> list[BaseRoute]:
    mails = Mails()
    return [
        Route("/simulator/mail", partial(_look, mails), methods=["GET"]),
        Route("/simulator/mail", partial(_set, mails), methods=["POST"]),
        Route(f"{GRAPH}/sendMail", partial(_send_mime, world, mails), methods=["POST"]),
        Route(f"{GRAPH}/mailFolders/sentitems/messages", partial(_sent_items, mails), methods=["GET"]),
        Route("/acs/emails:send", partial(_send_email, world, mails), methods=["POST"]),
        Route("/acs/emails/operations/{operation}", partial(_operation, mails), methods=["GET"]),
    ]


def _look(mails: Mails, request: Request) -> Response:
    return ok({"value": mails.sent})


def _set(mails: Mails, request: Request) -> Response:
    told = shaped(body_of(request), {"refused": list, "fails": list, "slow": int})
    mails.refused = {str(one).lower() for one in told.get("refused") or []}
    mails.fails = {str(one).lower() for one in told.get("fails") or []}
    mails.slow = int(told.get("slow") or 0)
    return ok({"refused": sorted(mails.refused), "fails": sorted(mails.fails), "slow": mails.slow})


# -- Microsoft Graph ------------------------------------------------------------------------------------------------


def _send_mime(world: World, mails: Mails, request: Request) -> Response:
    _may(request, SEND)
    raw: bytes = request.scope["state"].get("body", b"")
    if len(raw) > LARGEST:
        raise WireError(413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
    if request.headers.get("content-type", "").partition(";")[0] != "text/plain":
        raise WireError(400, "ErrorInvalidRequest", "This simulator takes mail as MIME in text/plain only.")
    try:
        content = base64.b64decode(raw, validate=True)
    except binascii.Error as fault:
        raise WireError(
            400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content."
        ) from fault
    message = message_from_bytes(content, policy=default)
    to = [who for _, who in getaddresses([str(message[name]) for name in ("To", "Cc", "Bcc") if message[name]])]
    if not to or not message["From"]:
        raise WireError(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
    if bad := [who for who in to if who.lower() in mails.refused]:
        raise WireError(400, "ErrorInvalidRecipients", f"At least one recipient isn't valid., {', '.join(bad)}")
    mails.sent.append({
        "via": "graph", "mailbox": request.path_params["user"], "id": str(uuid.uuid4()),
        "internetMessageId": str(message["Message-ID"] or f"<{uuid.uuid4()}@simulator.invalid>").strip(),
        "to": to, "subject": str(message["Subject"] or ""), "at": world.clock.now().isoformat(),
        "content": base64.b64encode(content).decode(),
    })  # fmt: skip
    return Response(status_code=202)


def _sent_items(mails: Mails, request: Request) -> Response:
    _may(request, READ)
    found = [one for one in mails.sent if one["via"] == "graph" and one["mailbox"] == request.path_params["user"]]
    text = request.query_params.get("$filter", "")
    if text:
        asked = BY_ID.fullmatch(text)
        if asked is None:
            raise WireError(400, "BadRequest", f"Could not find a property in: {text}")
        wanted = asked[1].replace("''", "'")
        found = [one for one in found if one["internetMessageId"] == wanted]
    shown = [{"id": one["id"], "internetMessageId": one["internetMessageId"]} for one in found[:10]]
    return ok({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#messages", "value": shown})


def _may(request: Request, needed: frozenset[str]) -> None:
    if not request.app.state.rbac.may_ask_graph(request, set(needed)):
        raise WireError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


# -- Azure Communication Services -------------------------------------------------------------------------------------


def _send_email(world: World, mails: Mails, request: Request) -> Response:
    _signed(request)
    sent = shaped(body_of(request), {"senderAddress": str, "recipients": {"to": list}, "content": {"subject": str},
                                     "attachments": list, "headers": dict})  # fmt: skip
    to = [str(one.get("address", "")) for one in (sent.get("recipients") or {}).get("to") or []]
    if not to or not sent.get("senderAddress") or not (sent.get("content") or {}).get("subject"):
        raise WireError(
            400, "BadRequest", "Request body validation error: sender, recipients and subject are required."
        )
    if any(who.lower() in mails.refused or "@" not in who for who in to):
        raise WireError(400, "BadRequest", "Request body validation error. See property 'recipients'.")
    name = request.headers.get("operation-id") or str(uuid.uuid4())
    if name in mails.operations:
        raise WireError(409, "Conflict", f"The operation {name} exists already.")
    failed = any(who.lower() in mails.fails for who in to)
    mails.operations[name] = {"polls": mails.slow, "failed": failed}
    if not failed:
        mails.sent.append({
            "via": "acs", "id": name, "to": to, "subject": sent["content"]["subject"],
            "internetMessageId": (sent.get("headers") or {}).get("Message-ID", ""),
            "at": world.clock.now().isoformat(), "body": sent,
        })  # fmt: skip
    version = request.query_params.get("api-version", "")
    where = f"{origin(request)}/acs/emails/operations/{name}?api-version={version}"
    body = {"id": name, "status": "Running", "error": None}
    return ok(body, 202, {"Operation-Location": where, "Retry-After": "1"})


def _operation(mails: Mails, request: Request) -> Response:
    _signed(request)
    name = request.path_params["operation"]
    found: Any = mails.operations.get(name)
    if found is None:
        raise WireError(404, "NotFound", f"The operation {name} was not found.")
    if found["polls"] > 0:
        found["polls"] -= 1
        return ok({"id": name, "status": "Running", "error": None}, 200, {"Retry-After": "1"})
    if found["failed"]:
        error = {"code": "EmailDroppedAllRecipientsSuppressed", "message": "The recipients take no mail from you."}
        return ok({"id": name, "status": "Failed", "error": error})
    return ok({"id": name, "status": "Succeeded", "error": None})


def _signed(request: Request) -> None:
    """A token, or a signature over date, host and body in the form that the service takes."""
    said = request.headers.get("authorization", "")
    if said.startswith("Bearer "):
        return
    signed = said.startswith("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=")
    if not (signed and request.headers.get("x-ms-date") and request.headers.get("x-ms-content-sha256")):
        raise WireError(401, "Denied", "Denied by the resource provider.")
