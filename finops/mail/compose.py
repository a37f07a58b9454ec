"""Compose a report's mail: mixed( alternative( plain text, related( HTML, pictures ) ), workbook, others )."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

from finops.errors import ConfigError
from finops.mail.content import KIND
from finops.mail.naming import add_list_fields, address_of, host_of, one_line

if TYPE_CHECKING:
    from finops.config.model import MailSettings

XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
KINDS = {"pdf": ("application", "pdf"), "csv": ("text", "csv"), "zip": ("application", "zip")}
BINARY = ("application", "octet-stream")
LIST = "finance-weekly"


class Bundle(Protocol):
    """What a mail is made of; finops.report.Rendered is one. `images` by content id, which `html` refers to."""

    @property
    def name(self) -> str: ...
    @property
    def made(self) -> datetime: ...
    @property
    def subject(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def images(self) -> Mapping[str, bytes]: ...
    @property
    def workbook(self) -> bytes: ...
    @property
    def attachments(self) -> Mapping[str, bytes]: ...


def compose(bundle: Bundle, settings: MailSettings, revision: int = 1) -> EmailMessage:
    """The mail of `bundle` to settings.finance; equal reports give equal bytes, Message-ID included.

    revision: 1, or higher to send a report again on purpose: it then counts as another mail.
    """
    if not settings.finance:
        raise ConfigError("mail.finance names no recipient.", "Add one address, such as finance@example.com.")
    message = EmailMessage(policy=SMTP)
    message["Subject"] = one_line(bundle.subject if revision == 1 else f"Corrected: {bundle.subject}")
    message["From"] = address_of(settings.sender)
    message["To"] = [address_of(recipient) for recipient in settings.finance]
    if settings.reply_to:
        message["Reply-To"] = address_of(settings.reply_to)
    message["Date"] = format_datetime(bundle.made)
    message["Message-ID"] = message_id(bundle, settings, revision)
    message[KIND] = "report"
    add_list_fields(message, settings, LIST)

    message.set_content(wire_text(bundle.text), cte="quoted-printable")
    message.add_alternative(wire_text(bundle.html), subtype="html", cte="quoted-printable")
    html = list(message.iter_parts())[1]
    assert isinstance(html, EmailMessage)
    for cid, png in bundle.images.items():
        name = f"{cid.partition('@')[0]}.png"
        html.add_related(png, "image", "png", cid=f"<{cid}>", disposition="inline", filename=name)
    message.add_attachment(bundle.workbook, *XLSX, filename=f"{bundle.name}.xlsx")
    for name, content in bundle.attachments.items():
        message.add_attachment(content, *KINDS.get(name.rpartition(".")[2], BINARY), filename=name)
    fix_boundaries(message)
    return message


def message_id(bundle: Bundle, settings: MailSettings, revision: int = 1) -> str:
    """One id per report, recipients and revision, so that a mail sent again after a crash is known as the same one."""
    recipients = "\n".join(sorted(address.lower() for address in settings.finance))
    digest = hashlib.sha256(recipients.encode()).hexdigest()[:12]
    return f"<{bundle.name}.{revision}.{digest}.{LIST}@{host_of(settings)}>"


def wire_text(text: str) -> str:
    """`text` with line feeds only: a lone carriage return would end a line for some and not for others."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def fix_boundaries(message: EmailMessage) -> None:
    """Boundaries that follow from the Message-ID: by default they are random, and no two runs would be equal."""
    seed = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:24]
    parts = [part for part in message.walk() if part.is_multipart()]
    for number, part in enumerate(parts):
        part.set_boundary(f"=_{seed}_{number}")
