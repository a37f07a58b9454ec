"""The way out `acs`: Azure Communication Services. Each mail is an operation that we name before it begins."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

from finops.cloud import posting
from finops.errors import AzureError, NotFound
from finops.mail.azurefaults import known
from finops.mail.rewriting import fitting
from finops.mail.transport import Answer, Handing, Outgoing, Said, TooMany
from finops.state import Attempt

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.mailing import MailSettings

LARGEST = 7 * 2**20  # a request has 10 MB at most, and base64 takes a third
POLLS = 5  # of an operation, before it is left to the next round
POLL_SECONDS = 2.0
# Its own Message-ID takes the place of one that it does not like; the other fields it makes itself.
# https://learn.microsoft.com/azure/communication-services/concepts/email/email-headers
HEADERS = (
    "Message-ID", "List-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "X-Auto-Response-Suppress",
    "References", "In-Reply-To",
)  # fmt: skip


class Acs:
    """One resource. azure: connects when it is needed."""

    name = "acs"
    proves = False  # a finished operation says more than a copy would

    def __init__(self, settings: MailSettings, azure: Callable[[], Azure]) -> None:
        self._endpoint = settings.acs.endpoint
        self._secret = settings.acs.access_key
        self._sender = settings.sender
        self._largest = min(LARGEST, int((settings.largest_mb or 150) * 2**20))
        self._azure = azure
        self.longest = timedelta(minutes=15)

    def _key(self) -> str | None:
        return self._secret.get_secret_value() if self._secret else None

    def receipt(self) -> str:
        """The operation's id: by it the service is asked, whoever was killed in between."""
        return str(uuid.uuid4())

    def send(self, mail: Outgoing, handing: Handing) -> Mapping[str, Said]:
        azure = self._azure()
        key = self._key()
        body = body_of(fitting(mail.content, self._largest, mail.link), self._sender, mail.to)
        handing({})
        try:
            status = posting.send_email(azure, self._endpoint, key, mail.receipt, body)
        except AzureError as fault:
            return self._refused(mail, known(fault))
        words = ""
        for _ in range(POLLS):
            if status not in ("NotStarted", "Running", ""):
                break
            azure.time.sleep(POLL_SECONDS)
            status, words = posting.email_status(azure, self._endpoint, key, mail.receipt)
        if status == "Succeeded":
            return dict.fromkeys(mail.to, Said("sent", f"operation {mail.receipt} succeeded"))
        if status in ("Failed", "Canceled"):
            return self._refused(mail, Said("refused", words or status))
        return dict.fromkeys(mail.to, Said("pending", f"operation {mail.receipt} is {status or 'under way'}"))

    def ask(self, attempt: Attempt) -> Answer:
        try:
            status, words = posting.email_status(self._azure(), self._endpoint, self._key(), attempt.receipt)
        except NotFound:
            return Answer("absent", f"the service knows no operation {attempt.receipt}")
        found = {"Succeeded": "arrived", "Failed": "refused", "Canceled": "refused"}.get(status, "pending")
        return Answer(found, words or f"operation {attempt.receipt} is {status}")  # type: ignore[arg-type]

    def check(self) -> str:
        with suppress(NotFound):
            posting.email_status(self._azure(), self._endpoint, self._key(), str(uuid.UUID(int=0)))
        return f"{self._endpoint} answers, {'its key' if self._secret else 'our identity'} is taken"

    def _refused(self, mail: Outgoing, said: Said) -> Mapping[str, Said]:
        if said.status == "refused" and len(mail.to) > 1:
            raise TooMany(said.why, "Each gets it by itself.")
        return dict.fromkeys(mail.to, said)


def body_of(content: bytes, sender: str, to: tuple[str, ...]) -> dict[str, Any]:
    """The mail as the service takes it: JSON, pictures and attachments in base64."""
    message = message_from_bytes(content, policy=SMTP)
    assert isinstance(message, EmailMessage)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    reply_to = message["Reply-To"]
    return {
        "senderAddress": sender,
        "recipients": {"to": [{"address": one} for one in to]},
        "content": {
            "subject": str(message["Subject"] or ""),
            "plainText": text.get_content() if text else "",
            "html": html.get_content() if html else "",
        },
        "attachments": [_attached(part) for part in message.walk() if _is_file(part)],
        "headers": {name: str(message[name]) for name in HEADERS if message[name]},
        "replyTo": [{"address": one.addr_spec} for one in reply_to.addresses] if reply_to else [],
        "userEngagementTrackingDisabled": True,
    }


def _is_file(part: Any) -> bool:
    return not part.is_multipart() and part.get_content_disposition() in ("attachment", "inline")


def _attached(part: Any) -> dict[str, str]:
    content = base64.b64encode(part.get_payload(decode=True)).decode()
    found = {
        "name": part.get_filename() or "attachment",
        "contentType": part.get_content_type(),
        "contentInBase64": content,
    }
    return found | ({"contentId": part["Content-ID"].strip("<> ")} if part["Content-ID"] else {})
