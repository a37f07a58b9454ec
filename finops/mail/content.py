"""A composed mail as a letter of the outbox: its bytes, whom it is for, which kind of mail it is."""

from __future__ import annotations

from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from email.utils import getaddresses
from typing import TYPE_CHECKING

from finops.errors import DataError
from finops.mail.rewriting import with_fields
from finops.state import NewLetter

if TYPE_CHECKING:
    from finops.config.model import MailSettings

KIND = "X-Finops-Kind"  # which of our mails it is: report, owner-notice, budget-alert, ...
CHATS = ("teams", "slack")


def letter_of(message: EmailMessage, settings: MailSettings, link: str = "") -> NewLetter:
    """The letter, for everybody in To, Cc and Bcc, and for the chats that are told of its kind. Bcc is not sent."""
    message_id = str(message["Message-ID"] or "").strip()
    if not message_id:
        raise DataError("The mail has no Message-ID.", "Compose it with finops.mail.compose or finops.mail.notice.")
    people = addresses_of(message)
    if not people:
        raise DataError(f"The mail {message_id} is to nobody.", "Give it one address in To.")
    del message["Bcc"]
    kind = str(message[KIND] or "mail")
    to = [("mail", address) for address in people]
    for chat in CHATS:
        wanted = getattr(settings, chat)
        if wanted.webhook and any(kind == one or kind.startswith(f"{one}-") for one in wanted.kinds):
            to.append((chat, ""))
    # On one line, however long: not every server reads an id that stands on the line after its name.
    content = with_fields(message.as_bytes(policy=SMTP), Message_ID=message_id)
    if names_of(content) != sorted(name.lower() for name in message.keys()):  # noqa: SIM118 - not its unique names
        raise DataError(
            f"The mail {message_id} has a field that breaks out of its line.", "Compose its fields of plain text."
        )
    return NewLetter(message_id, kind, str(message["Subject"] or ""), content, tuple(to), link)


def names_of(content: bytes) -> list[str]:
    """The names of all fields on the wire, sorted."""
    return sorted(name.lower() for name in BytesHeaderParser(policy=SMTP).parsebytes(content).keys())  # noqa: SIM118


def addresses_of(message: EmailMessage) -> list[str]:
    """Everybody it is for, each once, however spelt."""
    fields = [str(value) for name in ("To", "Cc", "Bcc") for value in message.get_all(name, [])]
    found = [address for _, address in getaddresses(fields) if address]
    return list({address.lower(): address for address in reversed(found)}.values())[::-1]
